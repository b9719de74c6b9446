"""Tasks that are done once: a call whose key the ledger knows is answered from there, by a governed read.

Objects in, objects out. The results of a call are objects, named by one `task.done` event; of two that did the same
work at the same time the first to commit wins, and both use its results.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Table, select

from dure.access.act import Act, Found
from dure.base.canonical import canonical
from dure.base.errors import Conflict
from dure.base.types import Resource
from dure.compute.runner import DEFAULT, Handle, Resources, Runner, TaskFailed
from dure.compute.task import Task
from dure.store.database import Reader, chars, metadata
from dure.store.kinds import DIGEST, INTEGER, Event, EventKind, Insert, Op, one_of
from dure.store.objects import Objects

AHEAD = 4
"""Calls handed to the runner for each worker: their inputs are in memory, and a worker never waits for the next one."""
CLASSES = ("open", "internal", "controlled")
"""Access classes, from the mildest to the strictest."""

task_result = Table(
    "task_result",
    metadata,
    Column("key", chars(80), primary_key=True),
    Column("results", chars(80), nullable=False),
    Column("access", chars(12), nullable=False),
    Column("cpu_ms", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
)


def _done(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("results", "access", "cpu_ms")}
    return [Insert(task_result, {"key": event.subject, "sequence": event.sequence, **row})]


KINDS = (
    EventKind(
        "task.done",
        "task.record",
        {"access": one_of(*CLASSES), "cpu_ms": INTEGER, "results": DIGEST},
        DIGEST,
        project=_done,
        objects=("results",),
    ),
)


@dataclass(frozen=True)
class Call:
    """One call of a task.

    Attributes:
        task: what to do.
        inputs: digests of its input objects by name.
        params, seed: as the task takes them.
        access: the strictest access class among its inputs; its results carry it.
        resources: what it may use; no part of its key.
    """

    task: Task
    inputs: Mapping[str, str]
    params: Mapping[str, Any]
    access: str
    seed: int | None = None
    resources: Resources = DEFAULT

    @property
    def key(self) -> str:
        return self.task.key(self.inputs, self.params, self.seed)


@dataclass(frozen=True)
class Result:
    """What became of a call: digests of its output objects by name, or why there are none.

    `failed` says so in a line, `reason` is its kind, and `failure` the whole of it.
    """

    key: str
    outputs: Mapping[str, str]
    cpu_seconds: float
    failed: str | None = None
    reason: str | None = None
    known: bool = False
    failure: TaskFailed | None = None


def load(reader: Reader, key: str) -> Found | None:
    """Loader of `access.act`: the result of a task."""
    row = reader.first(select(task_result).where(task_result.c.key == key))
    return (Resource("task", key, {"access": row.access}), {"grant_until": 0}) if row else None


class Tasks:
    """Runs calls through a runner and remembers their results.

    Args:
        act: makes an act of a principal.
        objects: where inputs and results are.
        runner: made when the first call has to be run at all.
        workers: how many calls run side by side.
    """

    def __init__(self, act: Callable[[str], Act], objects: Objects, runner: Callable[[], Runner], workers: int) -> None:
        self._act, self._objects, self._make_runner, self.workers = act, objects, runner, workers
        self._runner: Runner | None = None
        self.cpu_seconds = 0.0

    def run(self, calls: Sequence[Call], progress: Callable[[int, int], None] | None = None) -> list[Result]:
        """The results of these calls, in their order; a failed one fails alone.

        Args:
            progress: is told how many of how many are done.
        """
        known = self._known([call.key for call in calls])
        results: dict[int, Result] = {i: known[call.key] for i, call in enumerate(calls) if call.key in known}
        todo = deque(i for i in range(len(calls)) if i not in results)
        running: dict[Handle, int] = {}
        while todo or running:
            while todo and len(running) < AHEAD * self.workers:
                index = todo.popleft()
                running[self._submit(calls[index])] = index
            assert self._runner is not None
            handle = next(iter(self._runner.as_completed(running)))
            index = running.pop(handle)
            results[index] = self._settle(calls[index], handle)
            if progress:
                progress(len(results), len(calls))
        self.cpu_seconds += sum(result.cpu_seconds for result in results.values() if not result.known)
        return [results[i] for i in range(len(calls))]

    def close(self) -> None:
        """Ends the runner, if there is one."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _submit(self, call: Call) -> Handle:
        if self._runner is None:
            self._runner = self._make_runner()
        inputs = {name: self._objects.get(digest) for name, digest in call.inputs.items()}
        return self._runner.submit(call.task, inputs, call.params, call.seed, call.resources)

    def _settle(self, call: Call, handle: Handle) -> Result:
        try:
            outputs = handle.result()
        except TaskFailed as failure:
            return Result(call.key, {}, 0.0, f"{failure.reason}: {failure.what}", failure.reason, failure=failure)
        stored = {name: self._objects.put(data) for name, data in sorted(outputs.items())}
        return self._record(call, stored, handle.cpu_seconds)

    def _record(self, call: Call, stored: Mapping[str, str], cpu_seconds: float) -> Result:
        results = self._objects.put(canonical({"kind": "dure.results", "outputs": dict(stored)}))
        act = self._act("system:compute")
        act.require("task.record", Resource("task", call.key, {"access": call.access}))
        body = {"access": call.access, "cpu_ms": round(cpu_seconds * 1000), "results": results}
        try:
            with act.change() as change:
                change.record("task.done", call.key, body, expect=None)
        except Conflict:
            return self._known([call.key])[call.key]
        return Result(call.key, stored, cpu_seconds)

    def _known(self, keys: Sequence[str]) -> dict[str, Result]:
        act = self._act("system:compute")
        with act.read() as reader:
            rows = reader.all(select(task_result).where(task_result.c.key.in_(keys)).order_by(task_result.c.key))
        for access in sorted({row.access for row in rows}):
            act.require("task.read", Resource("task", next(r.key for r in rows if r.access == access)), grant_until=0)
        return {
            row.key: Result(
                row.key, json.loads(self._objects.get(row.results))["outputs"], row.cpu_ms / 1000, known=True
            )
            for row in rows
        }
