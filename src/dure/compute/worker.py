"""A worker process: `python -m dure.compute.worker FD PID`, PID being the hub's. It knows tasks and nothing of the hub.

It takes one task after another from the socket FD, and ends when the hub does. Task modules are imported when a task of
theirs comes first, so that a worker is there at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput
from dure.compute.runner import describe, is_outputs, processor_time, refusal
from dure.compute.task import Task
from dure.compute.wire import receive, send

_SLACK = 4 << 30
_PR_SET_PDEATHSIG = 1


class _HubGone(BaseException):
    """Nobody waits for the task any more."""


def main(descriptor: int, hub: int) -> None:
    """Serves until the hub closes the socket."""
    _die_with(hub)
    with socket.socket(fileno=descriptor) as channel:
        setup, _ = receive(channel)
        sys.path[:] = setup["path"]
        with contextlib.suppress(EOFError, OSError, _HubGone):
            while True:
                head, inputs = receive(channel)
                send(channel, {"kind": "started"})
                _serve(channel, head, inputs)


def _serve(channel: socket.socket, head: dict[str, Any], inputs: dict[str, bytes]) -> None:
    def progress(fraction: float, doing: str) -> None:
        report = {"kind": "progress", "fraction": float(fraction), "doing": str(doing)}
        try:
            send(channel, report)
        except OSError:
            raise _HubGone from None

    begun = processor_time()
    try:
        _cap_memory(head["memory_mb"])
        task = getattr(importlib.import_module(head["module"]), head["function"])
        if not isinstance(task, Task):
            raise TypeError(f"{head['function']} is not declared a task")
        outputs = task(inputs, head["params"], head["seed"], progress)
    except _HubGone:
        raise
    except MemoryError:
        send(channel, {"kind": "memory"})
    except BadInput as error:
        send(channel, {"kind": "refused", "told": refusal(error)})
    except BaseException as error:
        send(channel, {"kind": "raised", "description": describe(error)})
    else:
        if is_outputs(outputs):
            send(channel, {"kind": "done", "cpu_seconds": processor_time() - begun}, outputs)
        else:
            send(channel, {"kind": "no objects", "returned": type(outputs).__name__})


def _cap_memory(memory_mb: int) -> None:
    """A second line behind the hub's watch on resident memory.

    RLIMIT_AS would count address space that libraries only reserve, and RLIMIT_DATA counts some of it too; hence the
    slack. It stops one huge allocation that would fill the machine between two looks of the watch.
    """
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = (memory_mb << 20) + _SLACK
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _die_with(hub: int) -> None:
    """A killed hub must not leave workers behind; and when memory runs out, the kernel is to take a worker first."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != hub:
        sys.exit(0)  # it died before the line above took effect
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
