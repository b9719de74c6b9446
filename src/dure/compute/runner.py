"""What a runner is and what it promises.

- A task that raises, dies (`kill -9`, a fault in C code, out of memory), ends its process, or overruns its time or
  memory fails alone, with the reason; tasks queued behind it still run.
- Progress is reported in order while a task runs, and never after it is done.
- A queued or running task can be cancelled.
- `close` ends everything that still runs and leaves no process behind; a `with` block closes on every way out,
  Ctrl-C included.

Tasks start in the order in which they were submitted. One that needs more processors than are free holds back those
behind it, so that it is not starved. `tests/contract/test_runners.py` holds every runner to this page.
"""

from __future__ import annotations

import contextlib
import json
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from dure.base.errors import BadInput, DureError
from dure.compute.task import Inputs, Outputs, Progress, Task

MAX_MESSAGE = 2000
"""Characters of a task's own error message that are kept."""


class TaskFailed(DureError):
    """A task came to no result.

    Attributes:
        reason: `raised`, `input` (it refused what it was given: `what` and `remedy` are its own words), `died`, `time`,
            `memory`, `result` (it returned no objects) or `cancelled`.
    """

    code = "task-failed"
    exit_code = 10

    def __init__(self, what: str, *, reason: str, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.reason = reason

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Resources:
    """What one task may use; no part of its key.

    Attributes:
        cpus: processors it is given.
        memory_mb: resident memory (MiB) of its process beyond which it is ended.
        seconds: time on the clock, from its start, after which it is ended.
    """

    cpus: int = 1
    memory_mb: int = 2048
    seconds: float = 600.0

    def __post_init__(self) -> None:
        if self.cpus < 1 or self.memory_mb < 1 or not self.seconds > 0:
            raise ValueError(f"a task needs a processor, memory and time: {self}")


DEFAULT = Resources()


class Handle:
    """One submitted task.

    Attributes:
        task: what was submitted.
        resources: what it may use.
        progress: the last report: a fraction from 0 to 1, and a word on what is being done.
        cpu_seconds: processor time it took, its own processes included; 0 until it is done, and when it was killed.
        future: for a runner to settle.
    """

    def __init__(
        self, task: Task, resources: Resources, on_progress: Progress | None, cancel: Callable[[Handle], None]
    ) -> None:
        self.task, self.resources = task, resources
        self.progress: tuple[float, str] = (0.0, "")
        self.cpu_seconds = 0.0
        self.future: Future[Outputs] = Future()
        self._on_progress, self._cancel = on_progress, cancel

    @property
    def done(self) -> bool:
        """Whether it has a result or a failure."""
        return self.future.done()

    def result(self, timeout: float | None = None) -> Outputs:
        """Its objects, waiting for them.

        Raises:
            TaskFailed: it came to none, with the reason.
            TimeoutError: it is not done after `timeout` seconds, and goes on.
        """
        return self.future.result(timeout)

    def cancel(self) -> bool:
        """Ends it, wherever it stands; False when it was done already. Its `result` then raises `TaskFailed`."""
        self._cancel(self)
        failure = self.future.exception() if self.done else None
        return not self.done or (isinstance(failure, TaskFailed) and failure.reason == "cancelled")

    def report(self, fraction: float, doing: str) -> None:
        """For a runner: takes a report of progress."""
        self.progress = (min(max(float(fraction), 0.0), 1.0), doing)
        if self._on_progress:
            self._on_progress(*self.progress)

    def settle(self, outcome: Outputs | TaskFailed) -> None:
        """For a runner: ends it, once; what comes later is dropped."""
        with contextlib.suppress(InvalidStateError):  # a cancellation and a result may come at the same time
            if isinstance(outcome, TaskFailed):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)


class Runner(Protocol):
    """Executes tasks. `cpus` is the most processors that one task may ask for."""

    cpus: int

    def submit(
        self,
        task: Task,
        inputs: Inputs,
        params: Mapping[str, Any] | None = None,
        seed: int | None = None,
        resources: Resources = DEFAULT,
        on_progress: Progress | None = None,
    ) -> Handle:
        """Queues a call of the task.

        Args:
            task: declared in a module that a worker can import.
            inputs: objects by name.
            params: plain JSON values; a tuple arrives as a list.
            seed: for its random numbers.
            resources: what it may use.
            on_progress: called with each report, not always in the thread that submits.

        Raises:
            TypeError, ValueError: inputs that are not bytes, parameters that JSON cannot carry, more processors than
                the runner has, or a closed runner: a program's mistake.
        """
        ...

    def as_completed(self, handles: Iterable[Handle], timeout: float | None = None) -> Iterator[Handle]:
        """The handles, each as soon as it is done; `TimeoutError` when not all are after `timeout` seconds."""
        ...

    def close(self) -> None:
        """Cancels all that is not done and leaves no process behind. A second call does nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def checked(task: Task, inputs: Inputs, params: Mapping[str, Any] | None, cpus: int, resources: Resources) -> str:
    """The parameters as JSON text, after the checks that every runner makes before it queues a task."""
    if task.module == "__main__":
        raise TypeError(f"task {task.name} is declared in a script; a worker can only import it from a module")
    for name, data in inputs.items():
        if not isinstance(data, bytes):
            raise TypeError(f"input {name!r} of task {task.name} is {type(data).__name__}, not bytes")
    if max(resources.cpus, task.threads) > cpus:
        raise ValueError(f"task {task.name} wants more than the {cpus} processors of this runner")
    return json.dumps(dict(params or {}), allow_nan=False)


def processor_time() -> float:
    """Seconds of processor time that this process and its ended children have taken."""
    taken = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in taken)


def is_outputs(value: object) -> bool:
    """Whether a task returned objects by name."""
    return isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, bytes) for k, v in value.items())


def describe(error: BaseException) -> str:
    """An exception that a task raised, in at most `MAX_MESSAGE` characters, with the line that raised it."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" (line {trace.tb_lineno} of {trace.tb_frame.f_code.co_filename.rpartition('/')[2]})" if trace else ""
    text = f"{type(error).__name__}: {error}"
    if len(text) > MAX_MESSAGE:
        text = f"{text[: MAX_MESSAGE - 1]}…"
    return text + place


def raised(task: Task, description: str) -> TaskFailed:
    """The failure of a task whose function raised."""
    return TaskFailed(
        f"the task raised {description}",
        reason="raised",
        where=f"task {task.name}",
        remedy="mend its input or its code, then run it again",
    )


def refusal(error: BadInput) -> dict[str, str | None]:
    """What a task says of input that it cannot take, for `refused`."""
    return {"what": error.what, "where": error.where, "remedy": error.remedy}


def refused(told: Mapping[str, str | None]) -> TaskFailed:
    """The failure of a task that refused its input."""
    return TaskFailed(str(told["what"]), reason="input", where=told["where"], remedy=told["remedy"])


def no_objects(task: Task, returned: str) -> TaskFailed:
    """The failure of a task that returned something else than objects."""
    return TaskFailed(
        f"the task returned {returned}, not objects by name",
        reason="result",
        where=f"task {task.name}",
        remedy="a task returns a mapping of names to bytes",
    )


def cancelled(task: Task) -> TaskFailed:
    """The failure of a task that was cancelled."""
    return TaskFailed(
        "the task was cancelled", reason="cancelled", where=f"task {task.name}", remedy="submit it again when wanted"
    )
