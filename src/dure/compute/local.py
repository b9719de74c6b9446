"""The local runner: as many worker processes as it has processors, each in a process of its own.

One thread of the hub serves each worker: it takes the next task, talks to the worker, and starts another when that one
is gone. One more thread watches time and memory. Memory is watched as resident memory twenty times a second; the worker
itself caps its data segment as a second line (`worker._cap_memory`). What a task has left behind in memory is not
counted against the next: a worker grown to half of what a task may use is replaced first.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import as_completed
from types import TracebackType
from typing import Any, Self

from dure.compute.inline import overtime
from dure.compute.process import Lost, WorkerProcess
from dure.compute.runner import (
    DEFAULT,
    Handle,
    Resources,
    TaskFailed,
    cancelled,
    checked,
    describe,
    no_objects,
    raised,
    refused,
)
from dure.compute.task import Inputs, Outputs, Progress, Task

_LOOK = 0.05
_ATTEMPTS = 3


class _Job(Handle):
    """A submitted task with what its worker needs, and what the watch needs to know of it."""

    def __init__(
        self,
        runner: LocalRunner,
        task: Task,
        inputs: Inputs,
        params: str,
        seed: int | None,
        resources: Resources,
        on_progress: Progress | None,
    ) -> None:
        super().__init__(task, resources, on_progress, runner.cancel)
        self.inputs = dict(inputs)
        self.head = {
            "module": task.module,
            "function": task.function,
            "params": json.loads(params),
            "seed": seed,
            "memory_mb": resources.memory_mb,
        }
        self.cpus = max(resources.cpus, task.threads)
        self.deadline = float("inf")
        self.worker: WorkerProcess | None = None
        self.stopped: TaskFailed | None = None

    def stop(self, why: TaskFailed) -> None:
        """Ends it where it runs; the first reason stays. Called with the runner's lock held."""
        self.stopped = self.stopped or why
        if self.worker:
            self.worker.kill()


class _Slot:
    """What one serving thread does: one worker at a time, one task after another."""

    def __init__(self, runner: LocalRunner) -> None:
        self._runner = runner
        self._worker: WorkerProcess | None = None

    def serve(self) -> None:
        """Serves until the runner is closed."""
        while job := self._runner.next_job():
            try:
                outcome = self._perform(job)
            except Exception as error:  # no process can be started, or the caller's own report of progress raised
                outcome = raised(job.task, describe(error))
                self._drop(job)
            job.settle(self._runner.finished(job) or outcome)
        self._drop(None)

    def _perform(self, job: _Job) -> Outputs | TaskFailed:
        """What became of the task. A worker found dead before the task has begun is no fault of the task."""
        how = ""
        for _ in range(_ATTEMPTS):
            worker = self._assign(job)
            try:
                return _outcome(job, *worker.perform(job.head, job.inputs, job.report))
            except Lost as lost:
                how = self._drop(job)
                if lost.started or job.stopped:
                    break
        return _died(job, how)

    def _assign(self, job: _Job) -> WorkerProcess:
        """A worker that fits the task: alive, with as many threads, and not grown large by earlier tasks."""
        if self._worker and not _fits(job, self._worker):
            self._worker.kill()
            self._drop(job)
        worker = self._worker = self._worker or WorkerProcess(job.task.threads)
        with self._runner.changed:
            job.worker = worker
            job.deadline = time.monotonic() + job.resources.seconds
            if job.stopped:
                worker.kill()
        return worker

    def _drop(self, job: _Job | None) -> str:
        """Ends the worker, and says how it ended."""
        with self._runner.changed:
            worker, self._worker = self._worker, None
            if job:
                job.worker = None  # from here on nobody may kill by its number
        return worker.end() if worker else ""


class LocalRunner:
    """A runner on this machine.

    Args:
        cpus: how many tasks of one processor run at once; all processors that this process may use unless given.
    """

    def __init__(self, cpus: int | None = None) -> None:
        self.cpus = cpus or len(os.sched_getaffinity(0))
        self._free = self.cpus
        self._queue: deque[_Job] = deque()
        self._running: set[_Job] = set()
        self.changed = threading.Condition()
        self._threads: list[threading.Thread] = []
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
        text = checked(task, inputs, params, self.cpus, resources)
        job = _Job(self, task, inputs, text, seed, resources, on_progress)
        with self.changed:
            if self._closed:
                raise ValueError("the runner is closed")
            self._queue.append(job)
            self._start_threads()
            self.changed.notify_all()
        return job

    def as_completed(self, handles: Iterable[Handle], timeout: float | None = None) -> Iterator[Handle]:
        """See `Runner.as_completed`."""
        of = {handle.future: handle for handle in handles}
        for future in as_completed(of, timeout):
            yield of[future]

    def cancel(self, handle: Handle) -> None:
        """Ends a task wherever it stands."""
        assert isinstance(handle, _Job)
        with self.changed:
            if handle in self._queue:
                self._queue.remove(handle)
                self.changed.notify_all()  # it may have held back those behind it
            elif handle in self._running:
                handle.stop(cancelled(handle.task))
                return
        handle.settle(cancelled(handle.task))

    def close(self) -> None:
        """See `Runner.close`."""
        with self.changed:
            self._closed = True
            waiting = list(self._queue)
            self._queue.clear()
            for job in self._running:
                job.stop(cancelled(job.task))
            self.changed.notify_all()
        for job in waiting:
            job.settle(cancelled(job.task))
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_threads(self) -> None:
        """The threads, at the first task; those that serve only as far as there is work for them."""
        if not self._threads:
            self._threads.append(threading.Thread(target=self._watch, daemon=True, name="dure-watch"))
            self._threads[0].start()
        busy_or_wanted = len(self._running) + len(self._queue)
        if len(self._threads) - 1 < min(self.cpus, busy_or_wanted):
            self._threads.append(threading.Thread(target=_Slot(self).serve, daemon=True, name="dure-serve"))
            self._threads[-1].start()

    def next_job(self) -> _Job | None:
        """Waits for the first task in the queue and for its processors; None when the runner is closed."""
        with self.changed:
            self.changed.wait_for(lambda: self._closed or (self._queue and self._queue[0].cpus <= self._free))
            if self._closed:
                return None
            job = self._queue.popleft()
            self._free -= job.cpus
            self._running.add(job)
            self.changed.notify_all()
            return job

    def finished(self, job: _Job) -> TaskFailed | None:
        """Gives its processors back; why it was stopped, if it was, be it at the last moment."""
        with self.changed:
            job.worker = None
            self._free += job.cpus
            self._running.discard(job)
            self.changed.notify_all()
            return job.stopped

    def _watch(self) -> None:
        """Ends tasks that overrun their time or their memory."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._closed or self._running)
                if self._closed:
                    return
                for job in self._running:
                    self._look_at(job)
            time.sleep(_LOOK)

    def _look_at(self, job: _Job) -> None:
        if not job.worker or job.stopped:
            return
        if time.monotonic() > job.deadline:
            job.stop(overtime(job))
        elif job.worker.resident_mb > job.resources.memory_mb:
            job.stop(_out_of_memory(job))


def _fits(job: _Job, worker: WorkerProcess) -> bool:
    grown = not worker.fresh and worker.resident_mb > job.resources.memory_mb / 2
    return worker.alive and worker.threads == job.task.threads and not grown


def _outcome(job: _Job, message: dict[str, Any], objects: Outputs) -> Outputs | TaskFailed:
    if message["kind"] == "done":
        job.cpu_seconds = message["cpu_seconds"]
        return objects
    if message["kind"] == "memory":
        return _out_of_memory(job)
    if message["kind"] == "no objects":
        return no_objects(job.task, message["returned"])
    if message["kind"] == "refused":
        return refused(message["told"])
    return raised(job.task, message["description"])


def _out_of_memory(job: _Job) -> TaskFailed:
    return TaskFailed(
        f"the task needed more than {job.resources.memory_mb} MiB of memory",
        reason="memory",
        where=f"task {job.task.name}",
        remedy="give it more memory, or less to do",
    )


def _died(job: _Job, how: str) -> TaskFailed:
    return TaskFailed(
        f"its worker process ended {how}",
        reason="died",
        where=f"task {job.task.name}",
        remedy="run it again; when it happens again, its input or a library that it calls is at fault",
    )
