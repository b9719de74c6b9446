"""What the loop itself costs: overhead a step, `dure --help`, and going on with a long campaign.

    python bench/loop.py            all of it; needs the source moleculeace from the package index
    python bench/loop.py --quick    a shorter campaign and a smaller pool

Overhead is the CPU of the hub's process during a campaign less that of its strategy and of its tasks (checks, features,
controls), with features cached and docking off. Beside it stands a bare Python that only imports NumPy, as the least
that a start can cost.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

HERE = Path(__file__).parent
ARCHIVE = HERE / "cache" / "MoleculeACE-3.0.0-py3-none-any.whl"
RESULTS = HERE / "results"

HEAD = "| what | figure | wanted | reached |"


def main() -> None:
    """Runs the parts and writes bench/results/loop.json and loop.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    _download()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DURE_CONFIG"] = f"{folder}/config"
        rows = [*_starts(), *_overhead(Path(folder), quick), *_resume(Path(folder), quick)]
    table = _markdown(rows, quick)
    if not quick:  # a quick look is no figure
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "loop.json").write_text(json.dumps(rows, indent=1) + "\n")
        (RESULTS / "loop.md").write_text(table)
    print(table)


def _markdown(rows: list[dict], quick: bool) -> str:
    lines = [
        "## The loop",
        "",
        f"`python bench/loop.py{' --quick' if quick else ''}`",
        "",
        "| what | figure | wanted | reached |",
        "|---|---|---|---|",
    ]
    lines += [f"| {r['what']} | {r['figure']} | {r['wanted']} | {r['reached']} |" for r in rows]
    return "\n".join(lines) + "\n"


def _row(what: str, figure: str, wanted: str = "", reached: bool | None = None) -> dict:
    return {"what": what, "figure": figure, "wanted": wanted, "reached": {None: "", True: "yes", False: "no"}[reached]}


def _download() -> None:
    if not ARCHIVE.exists():
        ARCHIVE.parent.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*command, "MoleculeACE==3.0.0", "-d", str(ARCHIVE.parent)], check=True)


def _timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu


def _starts() -> list[dict]:
    bin_ = Path(sys.executable).parent
    rows = []
    for what, command, wanted in (
        ("dure --help", [str(bin_ / "dure"), "--help"], 0.25),
        ("python -c 'import numpy' (the least)", [sys.executable, "-c", "import numpy"], None),
    ):
        runs = [_timed(command) for _ in range(9)]
        wall, cpu = (statistics.median(each) for each in zip(*runs, strict=True))
        text = f"{wall:.3f} s wall, {cpu:.3f} CPU-s (median of 9)"
        rows.append(_row(what, text, f"under {wanted} s" if wanted else "", None if wanted is None else cpu < wanted))
    return rows


class _Meter:
    """CPU and wall seconds spent inside some functions."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self._depth = 0

    def wrap(self, owner: object, name: str) -> None:
        inner = getattr(owner, name)

        def measured(*args, **kwargs):
            if self._depth:
                return inner(*args, **kwargs)
            self._depth += 1
            cpu, wall = time.process_time(), time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                self._depth -= 1
                self.cpu += time.process_time() - cpu
                self.wall += time.perf_counter() - wall

        setattr(owner, name, measured)


def _overhead(folder: Path, quick: bool) -> list[dict]:
    from dataclasses import replace

    from dure.base.types import Resource
    from dure.campaign import journal, service
    from dure.campaign.spec import read_specification
    from dure.compute.record import Tasks
    from dure.data import sources
    from dure.design.strategies import Gaussian
    from dure.hub import Hub

    steps: list[tuple[str, float, float]] = []
    meter = _Meter()
    with Hub.create(folder / "overhead") as hub:
        act = hub.act()
        source = sources.find_source("moleculeace")
        act.require("source.fetch", Resource("source", source.name))
        sources.deposit_archive(act, hub.objects, source, ARCHIVE, hub.settings.tzinfo)
        spec = replace(read_specification("drug/jak2"), finalists={}, controls={"seeds": 0, "noise_sd": 0.3})
        if quick:
            spec = replace(spec, budget=replace(spec.budget, rounds=3))
        parts = hub.parts()
        service.start(parts, hub.me, replace(spec, seed=2))  # features and imports are paid here
        identifier = service.start(parts, hub.me, spec)
        for name in ("ask", "predict"):
            meter.wrap(Gaussian, name)
        meter.wrap(Tasks, "run")
        with hub.database.read() as reader:
            row = journal.find(reader, identifier)

        class Watch:
            def step(self, step, state):
                self.at, self.inside = time.perf_counter(), meter.wall
                self.cpu, self.cpu_inside = time.process_time(), meter.cpu

            def done(self, step, state, outcome):
                wall = time.perf_counter() - self.at - (meter.wall - self.inside)
                cpu = time.process_time() - self.cpu - (meter.cpu - self.cpu_inside)
                steps.append((step.name, wall, cpu))

        cpu = time.process_time()
        run = service.open_run(parts, row)
        service.go_on(run, Watch())
        cpu = time.process_time() - cpu
        tasks = hub.tasks.cpu_seconds
    own = [(wall, cpu) for name, wall, cpu in steps if name in ("propose", "verify", "order", "read")]
    total = cpu + tasks
    overhead = cpu - meter.cpu
    report = sum(cpu for name, _, cpu in steps if name == "report")
    median, median_cpu = (statistics.median(each) * 1000 for each in zip(*own, strict=True))
    return [
        _row(
            "overhead of the loop, JAK2, features cached, docking off, report left out",
            f"{100 * (overhead - report) / total:.1f} % of {total:.1f} CPU-s",
            "under 10 %",
            (overhead - report) / total < 0.1,
        ),
        _row(
            "a step outside strategy and tasks",
            f"{median:.1f} ms wall, {median_cpu:.1f} ms CPU, median of {len(own)}",
            "under 20 ms",
            median < 20,
        ),
        _row("writing the report", f"{report:.1f} CPU-s"),
    ]


NEXT = """
import sys
from pathlib import Path
from dure.hub import Hub
from dure.campaign import journal, service
from dure.campaign.state import next_step
with Hub.open(Path(sys.argv[1])) as hub:
    with hub.database.read() as reader:
        row = journal.everything(reader)[-1]
    run = service.open_run(hub.parts(), row)
    step = next_step(run.problem, run.state)
    assert step.name == "propose", step
    service.PERFORMERS[step.name](run, step)
    print(step.round, len(run.state.rounds[-1].proposals[0]))
"""


def _resume(folder: Path, quick: bool) -> list[dict]:
    rounds, pool = (20, 2000) if quick else (100, 10_000)
    _long_campaign(folder, rounds, pool)
    wall, cpu = _timed([sys.executable, "-c", NEXT, str(folder / "long")])
    what = f"resume after {rounds} rounds x 24 from a pool of {pool:,}, to the next proposal, imports included"
    return [_row(what, f"{wall:.2f} s wall, {cpu:.2f} CPU-s", "under 2 s", cpu < 2)]


def _long_campaign(folder: Path, rounds: int, pool: int) -> None:
    """A campaign of many rounds, chosen at random while it is made, so that making it does not take hours."""
    from dure.campaign import journal, service
    from dure.campaign.spec import specification
    from dure.campaign.state import next_step
    from dure.design.strategies import Gaussian, Random
    from dure.hub import Hub

    _compounds(folder / "pool.csv", pool)
    spec = specification(
        {
            "field": "drug",
            "title": "long",
            "space": {"kind": "pool", "file": "pool.csv", "structure": "smiles"},
            "objective": {"property": "pKi", "unit": "1"},
            "budget": {"first": 24, "batch": 24, "rounds": rounds},
            "lab": {"driver": "replay", "column": "exp_mean [nM]", "unit": "nmol/L", "scale": "p", "agreement": 9.0},
        },
        "long",
        folder=folder,
    )
    asks = Gaussian.ask, Gaussian.predict
    Gaussian.ask, Gaussian.predict = Random.ask, Random.predict
    try:
        with Hub.create(folder / "long") as hub:
            identifier = service.start(hub.parts(), hub.me, spec)
            with hub.database.read() as reader:
                row = journal.find(reader, identifier)
            run = service.open_run(hub.parts(), row)
            while (step := next_step(run.problem, run.state)).round <= rounds and step.round:
                service.PERFORMERS[step.name](run, step)
    finally:
        Gaussian.ask, Gaussian.predict = asks


def _compounds(path: Path, count: int) -> None:
    seen: dict[str, str] = {}
    with zipfile.ZipFile(ARCHIVE) as archive:
        for name in sorted(n for n in archive.namelist() if n.endswith(".csv") and "benchmark_data" in n):
            for row in csv.DictReader(io.TextIOWrapper(archive.open(name), "utf-8")):
                seen.setdefault(row["smiles"], row["exp_mean [nM]"])
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "exp_mean [nM]"])
        writer.writerows(list(seen.items())[: count + count // 20])


if __name__ == "__main__":
    main()
