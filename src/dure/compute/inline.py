"""The reference runner: tasks run in this process, one after another, when somebody asks for a result.

For tests and for tasks of a few milliseconds. It has no process to end, so a time limit or a cancellation takes effect
when the task next reports progress, memory is not limited, and a task that kills its process kills the hub with it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from dure.base.errors import BadInput
from dure.compute.runner import (
    DEFAULT,
    Handle,
    Resources,
    TaskFailed,
    cancelled,
    checked,
    describe,
    is_outputs,
    no_objects,
    processor_time,
    raised,
    refusal,
    refused,
)
from dure.compute.task import Inputs, Outputs, Progress, Task


class _Stopped(BaseException):
    """Leaves a task from within its report of progress."""

    def __init__(self, failure: TaskFailed) -> None:
        self.failure = failure


class _InlineHandle(Handle):
    """Runs the queue up to itself when its result is asked for."""

    def __init__(self, runner: InlineRunner, task: Task, resources: Resources, on_progress: Progress | None) -> None:
        super().__init__(task, resources, on_progress, runner.cancel)
        self._runner = runner

    def result(self, timeout: float | None = None) -> Outputs:
        self._runner.run_until(self)
        return super().result(0)


class InlineRunner:
    """A runner without workers."""

    def __init__(self, cpus: int = 1) -> None:
        self.cpus = cpus
        self._queue: deque[tuple[_InlineHandle, Inputs, str, int | None]] = deque()
        self._stop: set[Handle] = set()
        self._closed = False

    def submit(
        self,
        task: Task,
        inputs: Inputs,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        resources: Resources = DEFAULT,
        on_progress: Progress | None = None,
    ) -> Handle:
        """See `Runner.submit`."""
        if self._closed:
            raise ValueError("the runner is closed")
        text = checked(task, inputs, params, self.cpus, resources)
        handle = _InlineHandle(self, task, resources, on_progress)
        self._queue.append((handle, dict(inputs), text, seed))
        return handle

    def as_completed(self, handles: Iterable[Handle], timeout: float | None = None) -> Iterator[Handle]:
        """See `Runner.as_completed`."""
        for handle in handles:
            self.run_until(handle)
            yield handle

    def cancel(self, handle: Handle) -> None:
        """Ends a queued task now, and the running one at its next report."""
        waiting = [entry for entry in self._queue if entry[0] is handle]
        for entry in waiting:
            self._queue.remove(entry)
            handle.settle(cancelled(handle.task))
        if not handle.done:
            self._stop.add(handle)

    def run_until(self, handle: Handle) -> None:
        """Runs what was submitted before this task, and this task."""
        while not handle.done and self._queue:
            self._run(*self._queue.popleft())

    def close(self) -> None:
        """See `Runner.close`."""
        self._closed = True
        while self._queue:
            handle = self._queue.popleft()[0]
            handle.settle(cancelled(handle.task))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, handle: Handle, inputs: Inputs, params: str, seed: int | None) -> None:
        report = partial(self._report, handle, time.monotonic() + handle.resources.seconds)
        begun = processor_time()
        try:
            outputs = handle.task(inputs, json.loads(params), seed, report)
        except _Stopped as stopped:
            handle.settle(stopped.failure)
        except KeyboardInterrupt:
            handle.settle(cancelled(handle.task))
            raise
        except BadInput as error:
            handle.settle(refused(refusal(error)))
        except BaseException as error:
            handle.settle(raised(handle.task, describe(error)))
        else:
            fits = is_outputs(outputs)
            handle.cpu_seconds = processor_time() - begun
            handle.settle(dict(outputs) if fits else no_objects(handle.task, type(outputs).__name__))

    def _report(self, handle: Handle, deadline: float, fraction: float, doing: str) -> None:
        if handle in self._stop:
            raise _Stopped(cancelled(handle.task))
        if time.monotonic() > deadline:
            raise _Stopped(overtime(handle))
        handle.report(fraction, doing)


def overtime(handle: Handle) -> TaskFailed:
    """The failure of a task that ran longer than it may."""
    return TaskFailed(
        f"the task did not end within {handle.resources.seconds:g} s",
        reason="time",
        where=f"task {handle.task.name}",
        remedy="give it more time, or less to do",
    )
