"""One worker process as the hub sees it: start, talk, watch, end.

Each worker has a socket of its own. Pools in which workers share one pipe and its lock (pebble, ProcessPoolExecutor)
were tried: a worker killed while it holds the lock, or while idle, stops all others
(docs/decisions/worker-processes.md).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import psutil

from dure.compute.task import Inputs
from dure.compute.wire import receive, send

# Read by OpenMP, the BLAS libraries, numexpr, Polars and Rayon when they are loaded: hence one worker, one number.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "RAYON_NUM_THREADS",
)
_TAIL = 600
_PATIENCE = 0.2


class Lost(Exception):
    """The worker ended in mid-task; `started` says whether the task had begun."""

    def __init__(self, started: bool) -> None:
        super().__init__(started)
        self.started = started


class WorkerProcess:
    """A running worker. Only one thread talks to it; any thread may kill it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.fresh = True
        self._noise = tempfile.TemporaryFile()  # what its tasks print: no part of the hub's output  # noqa: SIM115
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = self._start(theirs.fileno())
        with contextlib.suppress(OSError):  # one that died at once is found out when it is given its first task
            send(self._channel, {"path": sys.path})

    def perform(
        self, head: dict[str, Any], inputs: Inputs, report: Callable[[float, str], None]
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Has a task done; its last message, and the objects that came with it.

        Raises:
            Lost: the worker ended before it sent one.
        """
        self.fresh = started = False
        self._noise.seek(0)
        self._noise.truncate()
        try:
            send(self._channel, head, inputs)
            while True:
                message, objects = receive(self._channel)
                started = True
                if message["kind"] == "progress":
                    report(message["fraction"], message["doing"])
                elif message["kind"] != "started":
                    return message, objects
        except (EOFError, OSError):
            raise Lost(started) from None

    @property
    def alive(self) -> bool:
        """Whether it can be given a task."""
        return self._process.returncode is None and not self._ended()

    @property
    def resident_mb(self) -> float:
        """Its resident memory, MiB; 0 once it has ended."""
        try:
            return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20
        except psutil.Error:
            return 0.0

    def kill(self) -> None:
        """Ends it at once, with every process that its task has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> str:
        """Ends it for good, leaving neither children nor a zombie; how it ended, for people."""
        self._channel.close()
        patience = time.monotonic() + _PATIENCE
        while not self._ended() and time.monotonic() < patience:
            time.sleep(0.002)  # between closing its socket and ending lies a moment, and its exit code
        self.kill()
        code = self._process.wait()
        tail = self._tail()
        self._noise.close()
        how = f"with exit code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"
        return f"{how}; its last words: {tail}" if tail else how

    def _ended(self) -> bool:
        """Whether it has ended, without reaping it: until it is reaped, nobody else can be given its number."""
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _start(self, descriptor: int) -> subprocess.Popen[bytes]:
        environment = {name: str(self.threads) for name in _THREAD_VARIABLES}
        environment["PYTHONHASHSEED"] = "0"  # the order of a set is part of a result
        return subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            # -P: the folder that the hub was started in is no place to import from.
            [sys.executable, "-P", "-u", "-m", "dure.compute.worker", str(descriptor), str(os.getpid())],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
            stdout=self._noise,
            stderr=self._noise,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is the hub's to handle; and its children can be ended with it
        )

    def _tail(self) -> str:
        size = self._noise.seek(0, os.SEEK_END)
        self._noise.seek(max(0, size - _TAIL))
        return self._noise.read().decode("utf-8", "replace").strip()
