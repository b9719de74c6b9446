"""SDF: structures with data fields, read with RDKit."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from dure.base.errors import RowErrors, Unavailable
from dure.data.encodings import decode
from dure.data.usertable import UserTable

_FIELD = re.compile(r"^>[^<\n]*<([^>\n]+)>[^\n]*\n((?:[^\n]+\n)*)", re.MULTILINE)
_END = re.compile(r"^\$\$\$\$[^\n]*(?:\n|\Z)", re.MULTILINE)


def read_sdf(data: bytes, name: str) -> UserTable:
    """Columns `smiles` (isomeric, canonical), `name` (the title line) and one for each data field; rows are records.

    Data fields keep their text. A field called `smiles` or `name` in the file is kept as `smiles (field)` or
    `name (field)`.

    Raises:
        Unavailable: RDKit is not installed.
        RowErrors: records whose structure RDKit cannot read, with the number of each record.
    """
    try:
        from rdkit import Chem, RDLogger
    except ImportError:
        raise Unavailable(
            "SDF files are read with RDKit, which is not installed", where=name, remedy="pip install 'dure[drug]'"
        ) from None
    text, encoding, warnings = decode(data, name)
    records = [record for record in _END.split(text) if record.strip()]
    columns: dict[str, list[str | None]] = {"smiles": [], "name": []}
    problems = []
    with _Quiet(RDLogger):
        for index, record in enumerate(records):
            molecule = Chem.MolFromMolBlock(record.partition("M  END")[0] + "M  END\n")
            if molecule is None or not molecule.GetNumAtoms():
                problems.append((index + 1, "RDKit cannot read the structure of this record"))
                continue
            columns["smiles"].append(Chem.MolToSmiles(molecule))
            columns["name"].append(record.partition("\n")[0].strip())
            _add_fields(columns, record, index)
    if problems:
        raise RowErrors(
            name, problems, remedy="the row is the number of the record; mend these records or take them out"
        )
    table = pa.table({key: pa.array(_padded(cells, len(records)), pa.string()) for key, cells in columns.items()})
    return UserTable(table, np.arange(1, len(records) + 1), name, encoding, warnings=warnings)


class _Quiet:
    """RDKit's own messages name no record and would stand among ours."""

    def __init__(self, logger: object) -> None:
        self.logger = logger

    def __enter__(self) -> None:
        self.logger.DisableLog("rdApp.*")  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        self.logger.EnableLog("rdApp.*")  # type: ignore[attr-defined]


def _add_fields(columns: dict[str, list[str | None]], record: str, index: int) -> None:
    for field, value in _FIELD.findall(record + "\n"):
        key = f"{field} (field)" if field in ("smiles", "name") else field
        cells = columns.setdefault(key, [])
        cells.extend([None] * (index - len(cells)))
        if len(cells) == index:  # the first of two fields of one name is kept, as other readers do
            cells.append(value.strip())


def _padded(cells: list[str | None], length: int) -> list[str | None]:
    return cells + [None] * (length - len(cells))
