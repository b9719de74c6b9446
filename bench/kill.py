"""JAK2 killed in mid-run, once on each database: the resumed campaign ends as one that was never killed.

    python bench/kill.py

`dure run` of the JAK2 pool (docking and controls off) is ended by SIGKILL, workers included, halfway through the time
that a whole run takes, and carried on by `dure resume`. Beside it stands the run that nobody killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from ledger import postgres

RESULTS = Path(__file__).parent / "results"
DURE = str(Path(sys.executable).parent / "dure")
PROBLEM = """
field = "drug"
seed = 1
[title]
en = "JAK2, killed"
ko = "JAK2, 강제 종료"
[space]
kind = "pool"
source = "moleculeace"
part = "chembl2971_ki"
structure = "smiles"
[objective]
property = "pKi"
unit = "1"
reference = "mol/L"
[budget]
first = 50
batch = 24
rounds = 8
[lab]
driver = "replay"
column = "exp_mean [nM]"
unit = "nmol/L"
scale = "p"
[strategy]
name = "dure"
[controls]
seeds = 0
noise_sd = 0.3
"""


def main() -> None:
    """Runs it on SQLite whole, then killed on each database; writes bench/results/kill.json and kill.md."""
    with tempfile.TemporaryDirectory(prefix="dure-kill-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.environ["DURE_CONFIG"] = str(folder / "config")
        problem = folder / "problem.toml"
        problem.write_text(PROBLEM, "utf-8")
        whole = hub(folder / "whole")
        start = time.perf_counter()
        wanted = dure(whole, "run", problem)
        seconds = time.perf_counter() - start
        rows = [("SQLite", "no", wanted["assays"], seconds, "the one to equal", "")]
        for on, settings in databases(folder):
            rows.append(killed(hub(folder / on, *settings), problem, on, wanted, seconds / 2))
    text = table(rows)
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "kill.md").write_text(text, "utf-8")
    (RESULTS / "kill.json").write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    if any(row[5] == "no" for row in rows):
        raise SystemExit(1)


def databases(folder: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Each database and the options of `dure init` for it; a server runs while it is looked at."""
    for on, server in (("SQLite", nullcontext({})), ("PostgreSQL", postgres(folder))):
        with server as settings:
            yield on, [word for name, url in settings.items() for word in (f"--{name}", url)]


def hub(folder: Path, *options: str) -> Path:
    """A new hub that holds the JAK2 measurements."""
    subprocess.run([DURE, "init", str(folder), *options], check=True, stdout=subprocess.DEVNULL)
    dure(folder, "fetch", "moleculeace")
    return folder


def dure(at: Path, *words: object) -> dict:
    """What a command says with `--json`."""
    command = [DURE, "--hub", str(at), *map(str, words), "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def killed(at: Path, problem: Path, on: str, wanted: dict, after: float) -> tuple:
    """Kills a run after so many seconds, resumes it, and compares its end with the one wanted."""
    command = [DURE, "--hub", str(at), "run", str(problem), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    start = time.perf_counter()
    (row,) = dure(at, "campaigns")
    done = dure(at, "resume", row["campaign"])
    seconds = time.perf_counter() - start
    orders = [order["key"] for order in dure(at, "lab", "list", row["campaign"])]
    dure(at, "doctor")
    once = len(orders) == len(set(orders)) == done["assays"] == wanted["assays"]
    same = done["state_digest"] == wanted["state_digest"]
    return (
        on,
        f"after {after:.1f} s",
        done["assays"],
        seconds,
        "one order an assay" if once else "orders differ",
        "yes" if same and once else "no",
    )


def table(rows: list[tuple]) -> str:
    """The rows as a Markdown table."""
    lines = ["## JAK2 killed in mid-run", "", "`python bench/kill.py`", ""]
    lines += ["| database | killed | assays | seconds, then on | orders | state digest as never killed |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [f"| {on} | {when} | {n} | {s:.1f} | {orders} | {same} |" for on, when, n, s, orders, same in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
