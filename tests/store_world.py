"""A ledger with its database, keys and objects, without policies: what the tests of the store work on.

It uses the hub's own tables and event kinds; decisions are made up, since who may do what is not the store's subject.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import dure.hub
from dure.base.canonical import digest
from dure.base.clock import ManualClock
from dure.base.types import Decision
from dure.store.change import Change, Store
from dure.store.database import Database, Reader, sqlite_url
from dure.store.kinds import Registry
from dure.store.ledger import Ledger
from dure.store.notes import Signer
from dure.store.objects import MemoryObjects
from dure.store.schema import create_schema

ORIGIN = "dure/hub-TESTTESTTESTTEST"
SIGNER = Signer(ORIGIN, bytes(range(32)))


def allow(*asked: tuple[str, str]) -> Callable[[Reader], Sequence[Decision]]:
    """Decisions that allow each (action, resource id)."""
    made = [Decision(action, "system:hub", f"it/{name}", True, "b3:" + "0" * 64, ("p",), {}) for action, name in asked]
    return lambda _: made


class World:
    """A store with a clock of its own."""

    def __init__(self, settings: dict[str, str], folder: Path, *, fresh: bool = True) -> None:
        url = settings.get("database") or sqlite_url(folder / "hub.db")
        self.database = Database(url, settings.get("reader"))
        if fresh:
            create_schema(self.database)
        self.clock, self.objects = ManualClock(), MemoryObjects()
        self.registry = Registry(dure.hub.KINDS)
        self.ledger = Ledger(self.database, ORIGIN, lambda _: SIGNER)
        self.store = Store(self.database, self.ledger, self.registry, self.clock)

    def done(self, *numbers: int, sign: bool = False) -> None:
        """One Change that records a task's result for each number."""
        keys = [digest(["task", n]) for n in numbers]
        with self.store.change("system:compute", allow(*(("task.record", key) for key in keys)), sign=sign) as change:
            for key in keys:
                record_task(change, key)

    def close(self) -> None:
        self.database.close()


def record_task(change: Change, key: str, **more: object) -> None:
    """One `task.done` event, whose projector inserts one row."""
    change.record("task.done", key, {"access": "open", "cpu_ms": 5, "results": digest(["results", key])}, **more)
