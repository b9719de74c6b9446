"""SIGKILL while a result file is taken in: imported again, the campaign ends as one whose import was never killed."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import in_laboratory, write_problem

DURE = str(Path(sys.executable).with_name("dure"))
# The import commits twice: the record of the file, and what became of the orders.
KILLER = """
import os, signal, sys
from contextlib import contextmanager
from dure.cli.door import run
from dure.store.database import Database

place, left = sys.argv[1], int(sys.argv[2])
write = Database.write

def count():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

@contextmanager
def killed(self):
    with write(self) as connection:
        yield connection
        if place == "inside":
            count()
    if place == "after":
        count()

Database.write = killed
sys.exit(run(sys.argv[3:]))
"""


def dure(hub: Path, *words: object) -> tuple[int, Any]:
    command = [DURE, "--hub", str(hub), *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def waiting(tmp_path: Path) -> tuple[Path, Path]:
    """A hub whose campaign waits for its first batch, and that batch's result file."""
    problem = in_laboratory(write_problem(tmp_path, first="4", batch="2", rounds="0"))
    hub = tmp_path / "hub"
    command = [DURE, "init", str(hub)]
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    assert dure(hub, "run", problem)[0] == 8
    _, files = dure(hub, "lab", "worklist")
    (compounds,) = [Path(name) for name in files if name.endswith("compounds.csv")]
    orders = [row["order"] for row in csv.DictReader(compounds.read_text("utf-8").splitlines())]
    results = tmp_path / "results.csv"
    results.write_text("order,pIC50\n" + "".join(f"{key},{6 + i / 4}\n" for i, key in enumerate(orders)), "utf-8")
    return hub, results


def ended(hub: Path) -> dict[str, Any]:
    """How the campaign ends: its state, and what its orders came to."""
    code, told = dure(hub, "resume")
    assert code == 0, told
    _, orders = dure(hub, "lab", "list", told["campaign"])
    assert dure(hub, "doctor")[0] == 0
    return {"state": told["state_digest"], "assays": told["assays"], "best": told["best"], "orders": orders}


@pytest.mark.slow
def test_an_import_killed_anywhere_is_taken_in_once(tmp_path: Path, waiting: tuple[Path, Path]) -> None:
    hub, results = waiting
    whole = tmp_path / "whole"
    shutil.copytree(hub, whole)
    assert dure(whole, "lab", "import", results)[0] == 0
    expected = ended(whole)
    assert {order["state"] for order in expected["orders"]} == {"accepted"}
    for place, n in (("inside", 1), ("after", 1), ("inside", 2), ("after", 2)):
        copy = tmp_path / f"{place}-{n}"
        shutil.copytree(hub, copy)
        command = [sys.executable, "-c", KILLER, place, str(n), "--hub", str(copy), "lab", "import", str(results)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == -signal.SIGKILL, (place, n, done.stderr)
        code, told = dure(copy, "lab", "import", results)
        if (place, n) == ("after", 2):
            assert (code, told["error"]) == (2, "bad-input"), "all of it was taken in before the kill"
        else:
            assert (code, told["measured"]) == (0, 4), told
        assert ended(copy) == expected, (place, n)
