"""Objects: bytes named by their BLAKE3 digest. What is stored under a name never changes; `get` verifies.

The directory store is our own: a temporary file, fsync, rename, fsync of the folder, so that an object is either whole
and durable or not there. Put before the Change that names it: then no event ever names an object that is missing.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from dure.base.canonical import digest_bytes
from dure.base.errors import Corrupt, NotFound, Unavailable

GRACE_SECONDS = 24 * 3600.0
"""Younger objects are never collected: their Change may still be on its way."""


class Objects(Protocol):
    """A content-addressed store. All methods may be called from several processes at once."""

    def put(self, data: bytes) -> str:
        """Stores bytes durably and returns their digest; the same bytes again are no work but count as young."""
        ...

    def get(self, digest: str) -> bytes:
        """The bytes, verified. `NotFound` when absent, `Corrupt` when they are not what their name says."""
        ...

    def has(self, digest: str) -> bool:
        """Whether an object of this name is there (its bytes are not verified)."""
        ...

    def names(self) -> Iterator[str]:
        """The digests of all objects, in any order."""
        ...

    def collect(self, keep: frozenset[str], grace_seconds: float = GRACE_SECONDS) -> list[str]:
        """Deletes objects that are not in `keep` and older than the grace; returns their digests.

        Called under the writer lock. An object that is put again meanwhile survives.
        """
        ...


class MemoryObjects:
    """The reference: a dictionary."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._touched: dict[str, float] = {}

    def put(self, data: bytes) -> str:
        name = digest_bytes(data)
        self._data[name] = bytes(data)
        self._touched[name] = time.time()
        return name

    def get(self, digest: str) -> bytes:
        if digest not in self._data:
            raise _missing(digest, "memory")
        return _verified(digest, self._data[digest], "memory")

    def has(self, digest: str) -> bool:
        return digest in self._data

    def names(self) -> Iterator[str]:
        return iter(list(self._data))

    def collect(self, keep: frozenset[str], grace_seconds: float = GRACE_SECONDS) -> list[str]:
        oldest = time.time() - grace_seconds
        gone = [name for name in self._data if name not in keep and self._touched[name] <= oldest]
        for name in gone:
            del self._data[name]
        return gone


class DirectoryObjects:
    """Objects as files: `ab/cdef…` below one directory, `incoming/` and `leaving/` beside them.

    Args:
        root: an existing or new directory on a file system that honours fsync and atomic rename.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming, self._leaving = root / "incoming", root / "leaving"
        with _explained(root):
            for folder in (root, self._incoming, self._leaving):
                folder.mkdir(parents=True, exist_ok=True)
            self._restore()

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("b3:")
        return self.root / name[:2] / name[2:]

    def put(self, data: bytes) -> str:
        digest = digest_bytes(data)
        path = self._path(digest)
        with _explained(self.root):
            if not self._touch(path, data):
                self._write(path, data)
        return digest

    def _touch(self, path: Path, data: bytes) -> bool:
        """Marks an existing object as young; False when it is absent or torn and must be written."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return path.stat().st_size == len(data)

    def _write(self, path: Path, data: bytes) -> None:
        temporary = self._incoming / secrets.token_hex(12)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if not path.parent.is_dir():
                path.parent.mkdir(exist_ok=True)
                _sync_folder(self.root)
            temporary.replace(path)
            _sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, digest: str) -> bytes:
        path = self._path(digest)
        for place in (path, self._leaving / path.name, path):
            # An object that is being collected stands in `leaving` for a moment and may come back.
            try:
                return _verified(digest, place.read_bytes(), str(path))
            except FileNotFoundError:
                continue
        raise _missing(digest, str(path))

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def names(self) -> Iterator[str]:
        for folder in sorted(self.root.iterdir()):
            if len(folder.name) == 2 and folder.is_dir():
                for path in sorted(folder.iterdir()):
                    yield f"b3:{folder.name}{path.name}"

    def collect(self, keep: frozenset[str], grace_seconds: float = GRACE_SECONDS) -> list[str]:
        oldest = time.time() - grace_seconds
        gone = []
        with _explained(self.root):
            for name in self.names():
                if name not in keep and self._remove(self._path(name), oldest):
                    gone.append(name)
            for path in self._incoming.iterdir():
                if path.stat().st_mtime <= oldest:
                    path.unlink(missing_ok=True)
        return gone

    def _remove(self, path: Path, oldest: float) -> bool:
        """Moves an old object aside and looks at its age again: a put between the two looks made it young."""
        if path.stat().st_mtime > oldest:
            return False
        aside = self._leaving / path.name
        path.replace(aside)
        if aside.stat().st_mtime > oldest:
            self._bring_back(aside, path)
            return False
        aside.unlink()
        return True

    def _restore(self) -> None:
        """Brings back what a collection left half done when it was killed."""
        for aside in self._leaving.iterdir():
            for folder in self.root.iterdir():
                if len(folder.name) == 2 and digest_bytes(aside.read_bytes()) == f"b3:{folder.name}{aside.name}":
                    self._bring_back(aside, folder / aside.name)
                    break

    def _bring_back(self, aside: Path, path: Path) -> None:
        with suppress(FileExistsError):  # a put has written it anew meanwhile: the same bytes
            os.link(aside, path)
        aside.unlink(missing_ok=True)


@contextmanager
def _explained(where: Path) -> Iterator[None]:
    """Turns what the file system says into errors a user can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(
                "the disk is full", where=str(where), remedy="free some space, then run the same command again; nothing was lost"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Unavailable("the folder cannot be written", where=str(where), remedy="check its permissions") from None
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _verified(digest: str, data: bytes, where: str) -> bytes:
    if digest_bytes(data) != digest:
        raise Corrupt(
            f"the object {digest} holds other bytes than its name says",
            where=where,
            remedy="restore it from a backup; `dure doctor` lists every damaged object",
        )
    return data


def _missing(digest: str, where: str) -> NotFound:
    return NotFound(f"the object {digest} is missing", where=where, remedy="`dure doctor` says what names it")


def referenced(objects: Objects, roots: Iterable[str]) -> frozenset[str]:
    """The given objects and, through manifests, all they name.

    A manifest is a canonical JSON object whose `kind` begins with `dure.`; every digest inside one counts.
    """
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found or not objects.has(name):
            continue
        found.add(name)
        data = objects.get(name)
        if data[:1] == b"{" and b'"kind":"dure.' in data:
            todo += re.findall(r"b3:[0-9a-f]{64}", data.decode("utf-8", "replace"))
    return frozenset(found)
