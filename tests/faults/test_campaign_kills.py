"""SIGKILL anywhere: the resumed campaign ends as one that was never killed, and no assay is ordered twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("campaign_kills.py")


def killed(folder: Path, mode: str, *urls: str) -> list[dict[str, Any]]:
    """Campaigns carried on by processes that are killed on the way; the first one is never killed."""
    environment = {**os.environ, "DURE_CONFIG": str(folder / "config")}
    command = [sys.executable, str(SCRIPT), str(folder / "campaign"), mode, *urls]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(told: list[dict[str, Any]], kills: int) -> None:
    """Every campaign ended like the first, and nothing was done twice."""
    whole, *others = told
    assert sum(one["kills"] for one in others) >= kills
    for one in (whole, *others):
        what = one["what"]
        assert one["summary"] == whole["summary"], what
        assert one["summary"]["status"] == "finished", what
        assert one["orders"] == whole["orders"], what
        assert one["scores"] == whole["scores"], what
        assert one["counts"] == whole["counts"], what
        assert one["twice"] == {}, what
        assert len(set(one["notebook"])) == len(one["notebook"]) == one["summary"]["assays"], what
        assert set(one["notebook"]) == {key for key, _ in one["orders"]}, what
        assert one["objects"]["missing"] == [], what


@pytest.mark.slow
def test_at_every_boundary_of_the_journal(tmp_path: Path) -> None:
    told = killed(tmp_path, "boundaries")
    assert len(told) == 1 + 6, "before, inside and after each Change and each submission"
    check(told, kills=120)


@pytest.mark.slow
def test_at_fifty_random_moments(tmp_path: Path) -> None:
    check(killed(tmp_path, "random"), kills=50)


def test_while_objects_are_written(tmp_path: Path) -> None:
    check(killed(tmp_path, "puts"), kills=3)


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "kills"), [("boundaries", 80), ("random", 50)])
def test_on_postgresql(tmp_path: Path, postgres: Any, mode: str, kills: int) -> None:
    url, reader = postgres.new_database()
    check(killed(tmp_path, mode, url, reader, f"postgresql://postgres@/postgres?host={postgres.host}"), kills)
