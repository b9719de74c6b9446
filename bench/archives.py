"""Archives of the catalogue's sources for benches: downloaded once into bench/cache, checked, and never installed."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from dure.data.sources import download, find_source

CACHE = Path(__file__).parent / "cache"


@cache
def archive(source: str) -> zipfile.ZipFile:
    """A source's archive, held to the digest that the catalogue names."""
    found = find_source(source)
    path = CACHE / found.filename
    if not path.is_file():
        CACHE.mkdir(exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as own:
            download(found, Path(own)).replace(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != found.sha256:
        raise SystemExit(f"{path} is another file than the catalogue names")
    return zipfile.ZipFile(path)


@cache
def read(source: str, part: str, name: str) -> bytes:
    """One file of a source, as `ReadSource` gives it."""
    held = archive(source)
    patterns = next(p.paths for p in find_source(source).parts if p.name == part)
    return held.read(
        next(m for m in held.namelist() if m.rpartition("/")[2] == name and any(fnmatch(m, p) for p in patterns))
    )


def inputs(reads: Iterable[tuple[str, str, str]]) -> dict[str, bytes]:
    """Inputs of a task that reads these files."""
    return {"/".join(one): read(*one) for one in reads}


def files(source: str) -> dict[str, bytes]:
    """`source/part/file` -> bytes of a whole source, as its tasks read them."""
    held = archive(source)
    return {
        f"{source}/{part.name}/{member.rpartition('/')[2]}": held.read(member)
        for part in find_source(source).parts
        for member in held.namelist()
        if any(fnmatch(member, pattern) for pattern in part.paths)
    }
