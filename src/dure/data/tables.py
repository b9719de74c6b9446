"""A user's own table, read into Arrow with the row numbers that a spreadsheet shows.

Row 1 is the header, so the first row of data is row 2; blank rows are left out but counted, and a cell may hold line
breaks. Text files keep every cell as text, exactly as it was written: what it means is decided by `parse_values`
(in `dure.data.values`) or by the field that reads it. A table is taken whole or refused whole.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from dure.base.errors import BadInput, NotFound, RowErrors, Unavailable
from dure.data.encodings import decode, named_wrongly
from dure.data.usertable import UserTable

# A cell beyond this is a quotation mark that was never closed or a file that is no table; Excel's limit is 32,767.
LONGEST_CELL = 100_000
_DELIMITERS = "\t;,"
_TEXT = (".csv", ".tsv", ".tab", ".txt")


def read_table(path: str | Path, *, encoding: str | None = None) -> UserTable:
    """Reads a CSV, TSV, SDF or Parquet file.

    Args:
        path: the file; its suffix says what it is, and its first bytes must agree.
        encoding: for text files that are neither UTF-8, UTF-16, CP949 nor Windows-1252; found by itself otherwise.

    Raises:
        NotFound: no such file.
        Unavailable: the file cannot be read, or SDF without RDKit installed.
        BadInput: no table (a folder, a workbook, an empty or binary file, no rows, bad column names).
        RowErrors: rows of another length, NUL bytes, endless cells, unreadable records; with row numbers.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    data = file_bytes(path)
    named_wrongly(data, path.name, suffix)
    if suffix == ".parquet":
        return _checked(_parquet(data, path.name))
    if suffix in (".sdf", ".sd"):
        from dure.data.sdf import read_sdf

        return _checked(read_sdf(data, path.name))
    if suffix in _TEXT:
        return _checked(_delimited(data, path.name, encoding))
    raise BadInput(
        f"files ending in {suffix or 'nothing'!r} are not read",
        where=path.name,
        remedy="save it as .csv, .tsv, .sdf or .parquet",
    )


def file_bytes(path: Path) -> bytes:
    """The bytes of a user's file.

    Raises:
        NotFound: no such file.
        Unavailable: it cannot be read.
        BadInput: it is a folder, or empty.
    """
    if not path.exists():
        raise NotFound(
            "there is no such file", where=str(path), remedy="check the path; it is taken from where you are"
        )
    if path.is_dir():
        raise BadInput("this is a folder, not a file", where=str(path), remedy="name the file inside it")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unavailable(
            f"the file cannot be read: {error.strerror}", where=str(path), remedy="check that you may read it"
        ) from None
    if not data.strip():
        raise BadInput("the file is empty", where=path.name, remedy="write a header and at least one row into it")
    return data


def _parquet(data: bytes, name: str) -> UserTable:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise BadInput(f"this Parquet file is damaged: {reason}", where=name, remedy="write the file again") from None
    return UserTable(table, np.arange(2, table.num_rows + 2), name, "binary")


def _delimited(data: bytes, name: str, encoding: str | None) -> UserTable:
    text, encoding, warnings = decode(data, name, encoding)
    _refuse_nul(text, name)
    hint, text = _excel_hint(text)
    delimiter, header = _header(text, name, hint)
    table = _cells(text, name, delimiter, len(header), skipped=bool(hint))
    header, table = _names(header, table, name)
    filled = _any(table, pl.all().str.strip_chars() != "")
    rows = np.flatnonzero(filled.to_numpy()) + (3 if hint else 2)
    table = table.filter(filled.to_arrow()).rename_columns(header)
    return UserTable(table, rows.astype(np.int64), name, encoding, delimiter, warnings)


def _excel_hint(text: str) -> tuple[str, str]:
    """Excel's own first line `sep=;`, which says the delimiter and counts as a row."""
    first, _, rest = text.partition("\n")
    first = first.strip().strip('"')
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4], rest
    return "", text


def _header(text: str, name: str, hint: str) -> tuple[str, list[str]]:
    if not text.partition("\n")[0].strip(_DELIMITERS + " "):
        raise BadInput("the first row is empty", where=name, remedy="put the column names into row 1")
    try:
        delimiter = hint or _sniff(text)
        return delimiter, next(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:  # a cell beyond the reader's own limit, which is above ours
        raise RowErrors(
            name,
            [(1, f"a cell of more than {LONGEST_CELL:,} characters")],
            remedy="close the double quote",
        ) from None


def _sniff(text: str) -> str:
    """The delimiter under which most of the first 50 rows have as many cells as the header, and the most of them."""
    sample = text[:65536]
    scores = []
    for delimiter in _DELIMITERS:
        lengths = [
            len(row)
            for row, _ in zip(csv.reader(io.StringIO(sample), delimiter=delimiter), range(50), strict=False)
            if row
        ]
        agreeing = sum(n == lengths[0] for n in lengths) / len(lengths)
        scores.append((lengths[0] > 1, round(agreeing, 1), lengths[0], delimiter))
    found, _, _, delimiter = max(scores)
    return delimiter if found else ","


def _cells(text: str, name: str, delimiter: str, width: int, *, skipped: bool) -> pa.Table:
    """All cells below the header as text columns `0`, `1`, …; blank rows are rows of empty cells."""
    import pyarrow.csv as pcsv

    first = 2 if skipped else 1
    ragged: list[tuple[int, str]] = []

    def note(row: pcsv.InvalidRow) -> str:
        ragged.append(
            (row.number + first - 1, f"{row.actual_columns} cells, but the header has {row.expected_columns}")
        )
        return "skip"

    names = [str(i) for i in range(width)]
    data = (text if text.endswith("\n") else text + "\n").encode()
    try:
        table = pcsv.read_csv(
            io.BytesIO(data),
            # One block: a row may be as long as it likes, and row numbers are only told without threads.
            read_options=pcsv.ReadOptions(
                use_threads=False, column_names=names, skip_rows_after_names=1, block_size=min(len(data) + 1, 2**31 - 1)
            ),
            parse_options=pcsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=note
            ),
            convert_options=pcsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, null_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        raise BadInput(
            f"the cells cannot be told apart: {str(error)[:200]}",
            where=name,
            remedy="save the table again as CSV (UTF-8)",
        ) from None
    _refuse_endless(table, text, name, first + 1)
    if ragged:
        raise RowErrors(
            name,
            ragged,
            remedy=f"give each row {width} cells, as the header has; quote cells that hold {delimiter!r}",
        )
    return table


def _refuse_endless(table: pa.Table, text: str, name: str, first: int) -> None:
    remedy = "look for a double quote that is opened and not closed at or before this row"
    long = np.flatnonzero(_any(table, pl.all().str.len_chars() > LONGEST_CELL).to_numpy())
    if len(long):
        problems = [(int(i) + first, f"a cell of more than {LONGEST_CELL:,} characters") for i in long]
        raise RowErrors(name, problems, remedy=remedy)
    # An odd number of quotes alone proves nothing (5" is an inch mark); together with a last row that swallowed a
    # line break it does.
    last = [column[-1].as_py() for column in table.columns] if table.num_rows else []
    if text.count('"') % 2 and any("\n" in cell.rstrip("\r\n") or cell.endswith("\n") for cell in last):
        raise RowErrors(name, [(table.num_rows + first - 1, "a double quote is never closed")], remedy=remedy)


def _refuse_nul(text: str, name: str) -> None:
    if "\0" in text:
        lines = text.split("\n")
        problems = [(i, "a NUL byte") for i, line in enumerate(lines, 1) if "\0" in line]
        raise RowErrors(name, problems, remedy="the file is binary or damaged; export it again as CSV (UTF-8)")


def _names(header: list[str], table: pa.Table, name: str) -> tuple[list[str], pa.Table]:
    """Column names without spaces around them; nameless columns that are empty all the way down are left out."""
    names = [cell.strip() for cell in header]
    kept = [i for i, cell in enumerate(names) if cell or not _empty(table.column(i))]
    nameless = [i + 1 for i in kept if not names[i]]
    if nameless:
        raise BadInput(
            f"column {', '.join(map(str, nameless))} has cells but no name",
            where=name,
            remedy="write a name for every column into row 1",
        )
    return [names[i] for i in kept], table.select(kept)


def _empty(column: pa.ChunkedArray) -> bool:
    return not (_text(column).str.strip_chars() != "").any()


def _any(table: pa.Table, condition: pl.Expr) -> pl.Series:
    """For each row whether any of its cells meets a condition: one query, since one a column costs wide tables dear."""
    if not table.num_columns:
        return pl.Series([False] * table.num_rows, dtype=pl.Boolean)
    return pl.DataFrame(pl.from_arrow(table)).select(pl.any_horizontal(condition)).to_series()


def _text(column: pa.ChunkedArray) -> pl.Series:
    # Polars, since Arrow's own functions import pandas, where that is installed, for a second or two.
    return pl.Series(pl.from_arrow(column))


def _checked(user: UserTable) -> UserTable:
    names = user.table.column_names
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise BadInput(
            f"the column name {twice[0]!r} stands {names.count(twice[0])} times",
            where=user.name,
            remedy="give every column its own name",
        )
    if not names or not user.table.num_rows:
        raise BadInput(
            "there is a header but no row of data", where=user.name, remedy="write at least one row below it"
        )
    return replace(user, warnings=(*user.warnings, *_date_warnings(user)))


def _date_warnings(user: UserTable) -> Iterable[str]:
    """Columns in which a few cells look like dates among others that do not: Excel changes names and numbers so."""
    from dure.data.values import columns_with_dates, excel_dates

    for name in columns_with_dates(user.table):
        column = user.table.column(name)
        dates = excel_dates(column)
        count = int(dates.sum())
        if 0 < count < column.length() - column.null_count:
            listed = ", ".join(str(row) for row in user.rows[dates][:5])
            yield f"column {name!r}: {count} cells look like dates that a spreadsheet made (row {listed})"
