"""Rows of a dataset's file, read again from bytes whose digest is verified at this very moment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dure.base.canonical import digest_bytes
from dure.base.errors import Corrupt, NotFound
from dure.base.types import Resource
from dure.campaign.run import Parts
from dure.data import datasets
from dure.data.tables import read_table
from dure.data.usertable import UserTable
from dure.lab import replay

SHOWN = 5
"""Rows whose cells are shown; the numbers of all are."""


@dataclass(frozen=True)
class Found:
    """Rows as they stand in the file.

    Attributes:
        digest: of the whole file, verified.
        sealed: the values lie on a sealed plate, so no cell is shown.
        cells: the first rows, column by column; None when the asker may not read the dataset.
    """

    digest: str
    sealed: bool
    cells: Sequence[Mapping[str, Any]] | None


class SourceRows:
    """Reads rows for one principal; each file is read and verified once.

    Args:
        parts: of the hub.
        principal: who asks.
    """

    def __init__(self, parts: Parts, principal: str) -> None:
        self._parts, self._principal = parts, principal
        self._tables: dict[tuple[str, str], tuple[str, UserTable]] = {}

    def read(self, accession: str, file: str, rows: Sequence[int]) -> Found:
        """These rows, by their numbers as a spreadsheet shows them.

        Raises:
            NotFound: no such dataset, file or row.
            Corrupt: the stored file is not the one that was deposited.
        """
        act = self._parts.act(self._principal)
        with act.read() as reader:
            sealed = replay.hides(reader, accession)
        digest, table = self._table(accession, file)
        numbers = {int(number): i for i, number in enumerate(table.rows)}
        missing = [row for row in rows if row not in numbers]
        if missing:
            raise NotFound(f"the file has no row {missing[0]}", where=f"{accession}/{file}")
        if sealed or not act.allows("dataset.read", Resource("dataset", accession)):
            return Found(digest, sealed, None)
        shown = table.table.take([numbers[row] for row in rows[:SHOWN]]).to_pylist()
        return Found(digest, False, [{name: _plain(cell) for name, cell in row.items()} for row in shown])

    def _table(self, accession: str, file: str) -> tuple[str, UserTable]:
        if (accession, file) not in self._tables:
            self._tables[accession, file] = self._load(accession, file)
        return self._tables[accession, file]

    def _load(self, accession: str, file: str) -> tuple[str, UserTable]:
        with self._parts.act(self._principal).read() as reader:
            row = datasets.find(reader, accession)
        described = datasets.describe(self._parts.objects, row.manifest)
        data = datasets.read_member(self._parts.objects, described, file)
        named = next(f.digest for f in described.files if f.name == file)
        if digest_bytes(data) != named:
            raise Corrupt(f"the file's digest is {digest_bytes(data)}, the dataset's is {named}", where=accession)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file
            path.write_bytes(data)
            return named, read_table(path)


def _plain(cell: Any) -> Any:
    if isinstance(cell, float) and cell != cell:
        return None
    return cell.isoformat() if hasattr(cell, "isoformat") else cell
