"""Runs a small campaign to its end in processes that are killed on the way; prints what became of it as JSON lines.

    python campaign_kills.py FOLDER MODE [DATABASE_URL READER_URL ADMIN_URL]

A process of its own that imports everything, starts no thread, and forks: each fork carries the campaign on and is
ended by SIGKILL at its appointed place; the next fork resumes. Modes:

    whole        nobody is killed
    boundaries   at every place in turn where something becomes durable, before, inside and after; on a server, where
                 each takes longer, inside and after
    random       at 50 random moments
    puts         after a random number of stored objects, half written or whole
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[name] = "1"
HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "sixth"), str(HERE / "sixth" / "src")]

import dure_sixth  # noqa: E402, F401
import pyarrow as pa  # noqa: E402
import sixth_harness as sixth  # noqa: E402
import sklearn.ensemble  # noqa: E402, F401
from sqlalchemy import make_url, select  # noqa: E402

import dure.campaign.report.build  # noqa: E402
import dure.campaign.report.page  # noqa: E402
import dure.data.values  # noqa: E402
import dure.design.surrogates  # noqa: E402
import dure.store.schema  # noqa: E402, F401
from dure.base.errors import Conflict  # noqa: E402
from dure.base.units import check_unit  # noqa: E402
from dure.campaign.service import summarise  # noqa: E402
from dure.lab.notebook import Notebook  # noqa: E402
from dure.lab.orders import lab_order  # noqa: E402
from dure.store.change import Store  # noqa: E402
from dure.store.database import Database  # noqa: E402
from dure.store.objects import DirectoryObjects, Objects  # noqa: E402

LIMIT = 400
"""More forks than this mean that the campaign does not get on."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Countdown:
    """Kills this process at the n-th call."""

    def __init__(self, n: int) -> None:
        self.left = n

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            die()


def at_change(place: str, count: Countdown) -> None:
    """Kill before a Change begins, inside it when all is written and nothing committed, or after its commit."""
    original = Store.change

    @contextmanager
    def change(self: Store, *args: Any, **more: Any) -> Iterator[Any]:
        if place == "before":
            count()
        with original(self, *args, **more) as made:
            yield made
        if place == "after":
            count()

    if place != "inside":
        Store.change = change
        return
    write = Database.write

    @contextmanager
    def written(self: Database) -> Iterator[Any]:
        with write(self) as connection:
            yield connection
            count()

    Database.write = written


def at_submission(place: str, count: Countdown) -> None:
    """Kill before the laboratory has the orders, when its last line is half written, or when it has them all."""
    original = Notebook.enter

    def enter(self: Notebook, orders: Sequence[Any]) -> None:
        if place == "before":
            count()
        if place == "inside" and count.left == 1:
            original(self, orders[:-1])
            with self.path.open("ab") as file:
                file.write(b'{"candidate": "b3:')
            die()
        original(self, orders)
        if place == "inside":
            count()
        if place == "after":
            count()

    Notebook.enter = enter


def at_put(place: str, count: Countdown) -> None:
    """Kill when an object's bytes are half written beside their place, or right after an object is durable."""
    if place == "inside":
        original = DirectoryObjects._write

        def write(self: DirectoryObjects, path: Path, data: bytes) -> None:
            if count.left == 1:
                (self._incoming / f"{os.getpid():024x}").write_bytes(data[: len(data) // 2])
            count()
            original(self, path, data)

        DirectoryObjects._write = write
        return
    put = DirectoryObjects.put

    def stored(self: DirectoryObjects, data: bytes) -> str:
        digest = put(self, data)
        count()
        return digest

    DirectoryObjects.put = stored


def fork(work: Callable[[], Any], after: float | None = None) -> Any:
    """What `work` returns in a forked process; None when that was killed, after so many seconds where they are given.

    Raises:
        RuntimeError: it failed otherwise; its traceback is on standard error.
    """
    reading, writing = os.pipe()
    identifier = os.fork()
    if identifier == 0:
        os.close(reading)
        code = 1
        try:
            with os.fdopen(writing, "w") as channel:
                json.dump(work(), channel)
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    if after is not None:
        time.sleep(after)
        os.kill(identifier, signal.SIGKILL)
    with os.fdopen(reading) as channel:
        text = channel.read()
    _, status = os.waitpid(identifier, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if status != 0:
        raise RuntimeError(f"the process ended with status {status}")
    return json.loads(text)


def carry(folder: Path, prepare: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Begins or resumes the campaign, goes on to its end, and tells what it came to."""
    prepare()
    with sixth.InlineHub.open(folder / "hub", clock=sixth.noon) as hub:
        run = patiently(lambda: sixth.resume(hub)) or sixth.finish(hub, folder / "problem.toml")
        return {"summary": asdict(summarise(run)), **tell(hub, run)}


def patiently(work: Callable[[], Any]) -> Any:
    """A server needs a moment to see that the process which held the campaign is gone."""
    for _ in range(200):
        try:
            return work()
        except Conflict:
            time.sleep(0.02)
    return work()


def tell(hub: Any, run: Any) -> dict[str, Any]:
    """Everything that must be the same, or must never occur."""
    with hub.database.read() as reader:
        orders = [
            tuple(row) for row in reader.all(select(lab_order.c.key, lab_order.c.state).order_by(lab_order.c.key))
        ]
    leaves = sixth.events(hub)
    subjects: dict[str, list[str]] = {}
    for leaf in leaves:
        subjects.setdefault(leaf["kind"], []).append(leaf["body"].get("key") or leaf["subject"])
    return {
        "orders": orders,
        "notebook": run.driver._notebook.keys(),
        "twice": {kind: n for kind, names in subjects.items() if (n := len(names) - len(set(names)))},
        "counts": {kind: len(names) for kind, names in sorted(subjects.items())},
        "objects": verified(hub.objects, hub.registry, leaves),
        "scores": {k: run.state.closed["control"][k] for k in ("top1_found", "top1_total", "top10_found", "curves")},
    }


def verified(objects: Objects, registry: Any, leaves: list[Any]) -> dict[str, Any]:
    """How many objects there are, each read and verified, and which that an event names are missing."""
    names = set(objects.names())
    for name in names:
        objects.get(name)
    wanted = {leaf["body"][field] for leaf in leaves for field in registry[leaf["kind"]].objects}
    return {"count": len(names), "missing": sorted(wanted - names)}


def whole(folder: Path) -> dict[str, Any]:
    """Nobody is killed."""
    return {"kills": 0, **fork(lambda: carry(folder))}


def chain(folder: Path, plans: Iterator[Callable[[], None]]) -> dict[str, Any]:
    """Forks one after another, each killed where its plan says, until one ends by itself."""
    for kills in range(LIMIT):
        plan = next(plans)
        done = fork(lambda plan=plan: carry(folder, plan))
        if done is not None:
            return {"kills": kills, **done}
    raise RuntimeError(f"not finished after {LIMIT} kills")


def boundary(point: Callable[[str, Countdown], None], place: str) -> Iterator[Callable[[], None]]:
    """Kill at each hit of a place in turn. Where nothing is durable yet, the first hit has to be let pass."""
    while True:
        yield lambda: point(place, Countdown(1 if place == "after" else 2))


def puts(seed: int) -> Iterator[Callable[[], None]]:
    """Kill at a random put, half written or whole."""
    rng = random.Random(seed)
    while True:
        place, n = rng.choice(("inside", "after")), rng.randint(1, 25)
        yield lambda place=place, n=n: at_put(place, Countdown(n))


def moments(folder: Path, fresh: Callable[[], None], number: int, longest: float) -> Iterator[dict[str, Any]]:
    """Kills at random moments, `number` in all; the campaign is begun anew whenever it has come to its end."""
    rng, kills = random.Random(2026), 0
    while True:
        here = 0
        while True:
            after = rng.uniform(0.0, longest) if kills < number else None
            done = fork(lambda: carry(folder), after)
            if done is not None:
                break
            kills, here = kills + 1, here + 1
        yield {"kills": here, **done}
        if kills >= number:
            return
        fresh()


def threads() -> set[str]:
    """Names of this process's threads. Allocators keep one that minds forks; nothing else may run in what forks."""
    return {task.joinpath("comm").read_text().strip()[:15] for task in Path("/proc/self/task").iterdir()}


def copy_database(admin: str, name: str, source: str) -> None:
    """Puts a copy of a database in the place of another."""
    import psycopg

    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} OWNER dure TEMPLATE {source} STRATEGY file_copy")


def main(folder: Path, mode: str, urls: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """One JSON object a finished campaign."""
    template = folder.with_name(folder.name + ".template")
    settings = dict(zip(("database", "reader"), urls, strict=False))
    name = make_url(urls[0]).database if urls else ""

    def fresh() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        if urls:
            fork(lambda: copy_database(urls[2], name, f"{name}_template"))

    def make() -> None:
        sixth.write_problem(template, seeds="1", rounds="1")
        sixth.InlineHub.create(template / "hub", clock=sixth.noon, **settings).close()
        if urls:
            copy_database(urls[2], f"{name}_template", name)

    fork(make)
    fresh()
    began = time.monotonic()
    yield {"what": "whole", **whole(folder)}
    longest = (time.monotonic() - began) / 4
    if mode == "boundaries":
        for point in (at_change, at_submission):
            for place in ("inside", "after") if urls else ("before", "inside", "after"):
                fresh()
                yield {"what": f"{point.__name__} {place}", **chain(folder, boundary(point, place))}
    elif mode == "random":
        fresh()
        yield from ({"what": "moment", **found} for found in moments(folder, fresh, 50, longest))
    elif mode == "puts":
        fresh()
        yield {"what": "puts", **chain(folder, puts(2026))}


if __name__ == "__main__":
    check_unit("mL")  # loads the table of units once for all forks
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    assert not threads() - {"python", "jemalloc_bg_thd", "polars-ooc-clea"}, f"threads and forks: {threads()}"
    for line in main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]):
        print(json.dumps(line), flush=True)
