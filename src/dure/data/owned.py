"""Files of the user's own as a dataset: durable first, then its accession."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path

from dure.access.act import Act
from dure.access.terms import Terms
from dure.base.errors import BadInput, NotFound, Unavailable
from dure.data.datasets import Dataset, DatasetFile, deposit
from dure.store.files import put_files, read_manifest
from dure.store.objects import Objects


def deposit_files(
    act: Act, objects: Objects, paths: Sequence[Path], title: str, title_ko: str, terms: Terms, zone: tzinfo
) -> str:
    """Deposits files under their names and returns the accession; the same files, title and terms again are no work.

    Raises:
        NotFound, Unavailable: a file is not there or cannot be read; nothing was taken.
        BadInput: a folder, or two files of one name.
    """
    twice = [name for name, count in Counter(path.name for path in paths).items() if count > 1]
    if twice:
        raise BadInput(f"two files are called {twice[0]!r}", remedy="rename one of them")
    for path in paths:
        _readable(path)
    manifests = put_files(objects, paths)
    files = []
    for path in paths:
        held = read_manifest(objects, manifests[path])
        files.append(DatasetFile(path.name, manifests[path], held.digest, held.size))
    described = Dataset(title, title_ko, tuple(files), terms, {"file": "given by its owner"}, act.principal)
    return deposit(act, objects, described, zone)


def _readable(path: Path) -> None:
    if path.is_dir():
        raise BadInput("this is a folder, not a file", where=str(path), remedy="name the files inside it")
    try:
        path.open("rb").close()
    except FileNotFoundError:
        raise NotFound("there is no such file", where=str(path), remedy="check the path") from None
    except OSError as error:
        raise Unavailable(
            f"the file cannot be read: {error.strerror}", where=str(path), remedy="check that you may read it"
        ) from None
