"""Objects: bytes named by their BLAKE3 digest. What is stored under a name never changes; `get` verifies.

The directory store is our own: a temporary file, fsync, rename, fsync of the folder, so that an object is either whole
and durable or not there. Put before the Change that names it: then no event ever names an object that is missing.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import time
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

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
            raise missing(digest, "memory")
        return verified(digest, self._data[digest], "memory")

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
    """Objects as files `ab/cdef…` in 256 folders below one directory; `incoming/` and `leaving/` beside them.

    Args:
        root: an existing or new directory on a file system that honours fsync and atomic rename.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming, self._leaving = root / "incoming", root / "leaving"
        with explained(root):
            # All folders are made, and made durable, before the first object, so that a put syncs only its own.
            if not self._leaving.is_dir():
                for name in (*(f"{i:02x}" for i in range(256)), "incoming", "leaving"):
                    (root / name).mkdir(parents=True, exist_ok=True)
                sync_folder(root)
            self._restore()

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("b3:")
        return self.root / name[:2] / name[2:]

    def _aside(self, digest: str) -> Path:
        return self._leaving / digest.removeprefix("b3:")

    def put(self, data: bytes) -> str:
        digest = digest_bytes(data)
        path = self._path(digest)
        with explained(self.root):
            if not self._touch(path, len(data)):
                self._write(path, data)
            # Also when the object was there: whoever wrote it may have died before its folder was durable.
            sync_folder(path.parent)
        return digest

    def _touch(self, path: Path, size: int) -> bool:
        """Marks an existing object as young; False when it is absent or torn and must be written."""
        try:
            os.utime(path)
            return path.stat().st_size == size
        except FileNotFoundError:
            return False

    def _write(self, path: Path, data: bytes) -> None:
        temporary = self._incoming / secrets.token_hex(12)
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def get(self, digest: str) -> bytes:
        path = self._path(digest)
        for place in (path, self._aside(digest), path):
            # An object that is being collected stands in `leaving` for a moment and may come back.
            try:
                with explained(self.root):
                    return verified(digest, place.read_bytes(), str(path))
            except FileNotFoundError:
                continue
        raise missing(digest, str(path))

    def has(self, digest: str) -> bool:
        return any(place.is_file() for place in (self._path(digest), self._aside(digest), self._path(digest)))

    def names(self) -> Iterator[str]:
        for folder in sorted(self.root.iterdir()):
            if len(folder.name) == 2 and folder.is_dir():
                for path in sorted(folder.iterdir()):
                    yield f"b3:{folder.name}{path.name}"

    def collect(self, keep: frozenset[str], grace_seconds: float = GRACE_SECONDS) -> list[str]:
        oldest = time.time() - grace_seconds
        with explained(self.root):
            gone = [name for name in self.names() if name not in keep and self._remove(name, oldest)]
            for path in self._incoming.iterdir():
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime <= oldest:
                        path.unlink()
        return gone

    def _remove(self, name: str, oldest: float) -> bool:
        """Moves an old object aside and looks at its age again: a put between the two looks made it young."""
        path, aside = self._path(name), self._aside(name)
        if path.stat().st_mtime > oldest:
            return False
        path.replace(aside)
        try:
            if aside.stat().st_mtime <= oldest:
                aside.unlink()
                return True
            self._bring_back(aside, path)
        except FileNotFoundError:
            pass  # another process has just opened the store and brought it back
        return False

    def _restore(self) -> None:
        """Brings back what a collection left half done when it was killed."""
        for aside in list(self._leaving.iterdir()):
            self._bring_back(aside, self._path(aside.name))

    def _bring_back(self, aside: Path, path: Path) -> None:
        # A put may have written it anew meanwhile (the same bytes), or another process brought it back.
        with suppress(FileExistsError, FileNotFoundError):
            os.link(aside, path)
        aside.unlink(missing_ok=True)


@contextmanager
def explained(where: Path) -> Iterator[None]:
    """Turns what the file system says into errors a user can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Unavailable(
                "the disk is full",
                where=str(where),
                remedy="free some space, then run the same command again; nothing was lost",
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Unavailable(
                "the folder cannot be written or read", where=str(where), remedy="check its permissions"
            ) from None
        if error.errno == errno.EIO:
            raise Unavailable("the disk does not answer", where=str(where), remedy="check the disk") from None
        raise


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def verified(digest: str, data: bytes, where: str) -> bytes:
    """The bytes, when their digest is the one asked for."""
    if digest_bytes(data) != digest:
        raise Corrupt(
            f"the object {digest} holds other bytes than its name says",
            where=where,
            remedy="restore it from a backup; `dure doctor` lists every damaged object",
        )
    return data


def missing(digest: str, where: str) -> NotFound:
    """The error about an object that is not there."""
    return NotFound(f"the object {digest} is missing", where=where, remedy="`dure doctor` says what names it")


_DIGEST = re.compile(r"b3:[0-9a-f]{64}")
_LINKS = {
    *("data", "designs", "features", "files", "frames", "manifest", "outputs", "pages", "pieces", "pool"),
    *("predictions", "rows", "specification", "table", "verdicts", "wells"),
}
"""Top-level fields of manifests under which digests name objects, not candidates, whole files or keys."""


def referenced(objects: Objects, roots: Iterable[str], present: Container[str]) -> frozenset[str]:
    """The given objects and, through manifests, all they may name: what a collection has to keep.

    A manifest is a canonical JSON object whose `kind` begins with `dure.`; every digest inside one counts, whether or
    not it names an object at all: better one object too many than one too few. The pieces of a file are not opened.

    Args:
        present: the names of all stored objects.
    """
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found or name not in present:
            continue
        found.add(name)
        text = _manifest_text(objects.get(name))
        inside = _DIGEST.findall(text)
        if text.find('"kind":"dure.file"') >= 0:
            found.update(digest for digest in inside if digest in present)
        else:
            todo += inside
    return frozenset(found)


def links(data: bytes) -> list[str]:
    """The objects that a manifest surely names; [] for bytes that are no manifest."""
    try:
        value = json.loads(_manifest_text(data) or "{}")
    except ValueError:  # a user's file that only looks like a manifest
        return []
    return [digest for name in sorted(_LINKS & value.keys()) for digest in _digests(value[name])]


def _manifest_text(data: bytes) -> str:
    return data.decode("utf-8", "replace") if data[:1] == b"{" and b'"kind":"dure.' in data else ""


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _DIGEST.findall(value)
    elif isinstance(value, dict):
        # The digest of a whole file stands beside its manifest and names no object of its own.
        for name, item in value.items():
            yield from () if name == "digest" else _digests(item)
    elif isinstance(value, list):
        for item in value:
            yield from _digests(item)
