"""A table as its owner sees it: the columns, with the row numbers that a spreadsheet shows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dure.base.errors import BadInput, RowErrors


@dataclass(frozen=True)
class UserTable:
    """A table as its owner sees it.

    Attributes:
        table: the columns; text files give text columns only.
        rows: shape (table.num_rows,), the number of each row as a spreadsheet shows it (of each record, for SDF).
        name: the file's name, for messages; it may be personal data and never enters the ledger.
        encoding: how the bytes were read; `binary` for Parquet.
        delimiter: what separates the cells; empty where nothing does.
        warnings: sentences for the reader; nothing was changed because of them.
    """

    table: pa.Table
    rows: NDArray[np.int64]
    name: str
    encoding: str
    delimiter: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def first_row(self) -> int:
        """The number of the first row of data."""
        return int(self.rows[0])

    def column(self, name: str) -> pa.ChunkedArray:
        """The column of that name.

        Raises:
            BadInput: there is none; the remedy names those that there are, the likeliest first.
        """
        at = self.table.schema.get_field_index(name)  # not by the list of names: there may be 450,000 columns
        if at < 0:
            names = self.table.column_names
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}? " if near else ""
            listed = ", ".join(repr(n) for n in names[:20])
            raise BadInput(f"there is no column {name!r}", where=self.name, remedy=f"{hint}the columns are {listed}")
        return self.table.column(at)

    def refuse(self, problems: Sequence[tuple[int, str]], *, remedy: str | None = None) -> None:
        """Raises `RowErrors` in row order when there are problems; does nothing when there are none."""
        if problems:
            raise RowErrors(self.name, sorted(problems), remedy=remedy)
