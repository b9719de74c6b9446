"""A name held by one process at a time on this machine: an OS file lock, which a killed process cannot keep."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dure.base.errors import Conflict


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Holds the lock of a file; `Conflict` names the process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 64).decode(errors="replace").strip() or "another process"
            raise Conflict(
                f"it is held by {holder}", where=path.name, remedy="wait until that is done, or stop it"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
        yield
    finally:
        os.close(handle)
