"""A column of numbers as people write them: `>10000`, `<0.1`, `~5`, `10 nM`, `n/a`, and what a spreadsheet made of it.

A cell is an optional sign of censoring, a number with a point, and an optional unit. What cannot be understood without
guessing (a decimal comma, a date, a range) is a problem with a row number, never a value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dure.base.errors import BadInput, RowErrors
from dure.base.units import convert
from dure.data.unitnames import to_ucum, unit_of_name

_NUMBER = r"[+-]?(?:\d+(?:[.,]\d+)*[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?"
_CELL = rf"^([<>=~≈∼≤≥]{{0,2}})\s*({_NUMBER})\s*([^\d\s.,+\-<>=].*)?$"
_PLAIN = {".": r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$", ",": r"^[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?$"}
_SIGNS = {
    "": "=",
    "=": "=",
    "==": "=",
    "~": "=",
    "≈": "=",
    "∼": "=",
    "<": "<",
    "<=": "<",
    "=<": "<",
    "≤": "<",
    "<<": "<",
}
_SIGNS |= {">": ">", ">=": ">", "=>": ">", "≥": ">", ">>": ">"}
_MISSING = (
    "",
    "-",
    "--",
    "na",
    "n/a",
    "n.a.",
    "nan",
    "null",
    "none",
    "nd",
    "n.d.",
    "not determined",
    "#n/a",
    "?",
    ".",
    "결측",
    "없음",
)
_ERRORS = ("#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!")

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)"
_DATE = (
    rf"(?i)^(?:\d{{1,4}}[-/ ]{_MONTH}(?:[-/ ]\d{{2,4}})?|{_MONTH}[-/ ]\d{{1,4}}"
    r"|\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[ t]\d{1,2}:\d{2}.*)?|\d{1,2}[-/]\d{1,2}[-/]\d{2,4}|\d{1,2}\.\d{1,2}\.\d{4}"
    r"|\d{4}\. ?\d{1,2}\. ?\d{1,2}\.?|(?:\d{2,4}년 ?)?\d{1,2}월(?: ?\d{1,2}일|[- ]\d{1,2})?"
    r"|\d{1,2}-\d{1,2}월|\d{1,2}/\d{1,2})$"
)
_DATE_REMEDY = (
    "a spreadsheet turned what stood there into a date; take the original file, set the column's cells to Text before "
    "pasting, and save as CSV again"
)


@dataclass(frozen=True)
class Values:
    """A column of numbers in one unit.

    Attributes:
        value: shape (rows,), in `unit`; NaN where nothing was written or the cell is a problem.
        qualifier: shape (rows,), `=`, `<` or `>`; `<` says that the true value is below the one given.
        unit: UCUM; `1` for numbers without a unit.
        missing: rows whose cell is empty or says that there is no value.
        problems: (row, reason) of cells that cannot be taken.
        warnings: sentences for the reader.
        name: of the column.
    """

    value: NDArray[np.float64]
    qualifier: NDArray[np.str_]
    unit: str
    name: str
    missing: tuple[int, ...] = ()
    problems: tuple[tuple[int, str], ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def required(self, where: str, *, complete: bool = True) -> Values:
        """Itself when every cell could be taken; `complete=False` lets empty cells pass.

        Raises:
            RowErrors: the cells that could not, with row number and reason.
        """
        gaps = [(row, f"no value in column {self.name!r}") for row in self.missing] if complete else []
        problems = sorted([*self.problems, *gaps])
        if problems:
            remedy = "mend these cells in the original table, or take the rows out"
            dates = [reason for _, reason in problems if "date" in reason]
            raise RowErrors(where, problems, remedy=_DATE_REMEDY if dates else remedy)
        return self


def parse_values(
    column: pa.ChunkedArray | pa.Array | Sequence[Any],
    *,
    name: str,
    unit: str | None = None,
    to: str | None = None,
    rows: Sequence[int] | NDArray[np.int64] | None = None,
    decimal: str = ".",
) -> Values:
    """Values, qualifiers and unit of a column.

    A unit in the cell counts before that of the column's name or the caller's, and the cell is converted to theirs.

    Args:
        column: text or numbers.
        name: of the column; `Ki [nM]`, `Ki (nM)` and `Ki_nM` carry a unit, names such as `pKi` carry the unit 1.
        unit: what the numbers are in where neither name nor cell says so: UCUM or a usual spelling such as `nM`.
        to: the unit wanted; that of the column otherwise.
        rows: the number of each cell's row, as a spreadsheet shows it; 2, 3, … otherwise.
        decimal: `.` or `,`; a comma is never taken for a decimal sign by itself, since `1,234` has two readings.

    Raises:
        BadInput: no unit anywhere, name and caller disagree, an unknown unit, or a column that cannot hold numbers.
    """
    text = _as_text(column, name)
    numbers = np.asarray(rows if rows is not None else np.arange(2, len(text) + 2), dtype=np.int64)
    declared = _declared(name, unit)
    parsed = _parse(text, decimal)
    unit, factors, refused = _units(parsed, declared, to, name)
    value = np.array(parsed["value"].to_numpy(), dtype=np.float64)
    for cell_unit, (offset, slope) in factors.items():
        at = (parsed["unit"] == cell_unit).to_numpy()
        value[at] = value[at] * slope + offset
    reasons = _reasons(parsed, refused, declared or unit)
    value[[i for i, _ in reasons]] = np.nan
    result = Values(
        value=value,
        qualifier=parsed["qualifier"].to_numpy().astype("<U1"),
        unit=unit,
        name=name,
        missing=tuple(numbers[parsed["missing"].to_numpy()].tolist()),
        problems=tuple((int(numbers[i]), reason) for i, reason in reasons),
    )
    return replace(result, warnings=tuple(_warnings(result, parsed, numbers, declared)))


def excel_dates(column: pa.ChunkedArray | pa.Array | Sequence[str]) -> NDArray[np.bool_]:
    """Which cells look like dates, which spreadsheets make of names and numbers (`1-Sep`); shape (cells,)."""
    text = pl.Series(_from_arrow(column), dtype=pl.String, strict=False)
    return text.str.strip_chars().str.contains(_DATE).fill_null(False).to_numpy()


def columns_with_dates(table: pa.Table) -> list[str]:
    """The names of the text columns in which a cell looks like a date, in their order."""
    dates = pl.col(pl.String).str.strip_chars().str.contains(_DATE).any()
    found = pl.DataFrame(pl.from_arrow(table)).select(dates)
    return [name for name in found.columns if found.item(0, name)]


def check_names(column: pa.ChunkedArray, *, name: str, rows: NDArray[np.int64], where: str) -> None:
    """Refuses a column of compound names among which a spreadsheet made dates (`SEPT-1` becomes `1-Sep`).

    Raises:
        RowErrors: with the rows.
    """
    at = np.flatnonzero(excel_dates(column))
    if len(at):
        cells = [column[int(i)].as_py() for i in at]
        problems = [(int(rows[i]), f"{cell!r} in column {name!r} is a date") for i, cell in zip(at, cells, strict=True)]
        raise RowErrors(where, problems, remedy=_DATE_REMEDY)


def _from_arrow(column: Any) -> Any:
    return pl.from_arrow(column) if isinstance(column, (pa.ChunkedArray, pa.Array)) else column


def _as_text(column: Any, name: str) -> pl.Series:
    """Cells as text in compatibility form, so that full-width `＞１０` reads as `>10`."""
    series = _from_arrow(column)
    if not isinstance(series, pl.Series):
        series = pl.Series([None if cell is None else str(cell) for cell in series], dtype=pl.String)
    if series.dtype.is_temporal():
        raise BadInput(f"column {name!r} holds dates or times, not numbers", remedy=_DATE_REMEDY)
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Boolean):
        raise BadInput(f"column {name!r} holds {series.dtype}, not numbers", remedy="name the column with the values")
    return series.cast(pl.String).fill_null("").str.normalize("NFKC").str.strip_chars()


def _declared(name: str, unit: str | None) -> str | None:
    """The unit that the column's name or the caller states, as UCUM."""
    of_name = unit_of_name(name)
    given = to_ucum(unit) if unit is not None else None
    if of_name and given and of_name != given:
        raise BadInput(
            f"the column's name says {of_name}, but the unit given for it is {given}",
            where=f"column {name!r}",
            remedy="correct the name or the unit; values are converted where needed",
        )
    return of_name or given


def _parse(text: pl.Series, decimal: str) -> pl.DataFrame:
    """Columns text, sign, number, unit (empty: none in the cell), missing, date, decimal_ok, qualifier, value."""
    cell = pl.col("text")
    point = pl.col("number").str.replace(",", ".", literal=True) if decimal == "," else pl.col("number")
    return (
        pl.DataFrame({"text": text})
        .with_columns(
            missing=cell.str.to_lowercase().is_in(_MISSING),
            date=cell.str.contains(_DATE),
            sign=cell.str.extract(_CELL, 1),
            number=cell.str.extract(_CELL, 2),
            unit=cell.str.extract(_CELL, 3).fill_null("").str.strip_chars(),
        )
        .with_columns(
            understood=pl.col("number").str.contains(_PLAIN[decimal]).fill_null(False),
            qualifier=pl.col("sign").replace_strict(_SIGNS, default=None),
        )
        .with_columns(
            value=pl.when(pl.col("understood") & ~pl.col("date") & ~pl.col("missing"))
            .then(point.str.replace(r"[.,]$", "").cast(pl.Float64, strict=False))
            .fill_null(float("nan"))
        )
        .with_columns(qualifier=pl.when(pl.col("missing")).then(pl.lit("=")).otherwise(pl.col("qualifier")))
        .with_columns(signed=pl.col("qualifier").is_not_null(), qualifier=pl.col("qualifier").fill_null("="))
    )


def _units(
    parsed: pl.DataFrame, declared: str | None, to: str | None, name: str
) -> tuple[str, dict[str, tuple[float, float]], dict[str, str]]:
    """The column's unit, (offset, slope) into it for each spelling in the cells, and the reasons against the others."""
    used = parsed.filter(~pl.col("missing") & pl.col("value").is_not_nan())
    known: dict[str, str] = {}
    refused: dict[str, str] = {}
    for spelling in used["unit"].unique().sort():
        try:
            known[spelling] = to_ucum(spelling) if spelling else (declared or "")
        except BadInput:
            refused[spelling] = f"{spelling!r} is neither a number nor a unit"
    counts = Counter({u: 0 for u in known.values() if u})
    for spelling, n in used["unit"].value_counts().rows():
        if known.get(spelling):
            counts[known[spelling]] += n
    unit = to_ucum(to) if to else declared or min(counts, key=lambda u: (-counts[u], u), default="")
    if not unit or not (declared or counts or used.is_empty()):
        raise BadInput(
            "the values have no unit",
            where=f"column {name!r}",
            remedy=f'name the column with its unit, as in "{name} [nM]", or state the unit (unit = "nM"; "1" for none)',
        )
    factors = {}
    for spelling, source in known.items():
        if not source:
            refused[""] = f"no unit, while other cells of the column have one; {unit} is not assumed"
            continue
        try:
            factors[spelling] = _affine(source, unit)
        except BadInput:
            refused[spelling] = f"{source} cannot be converted to {unit}"
    return unit, {s: f for s, f in factors.items() if f != (0.0, 1.0)}, refused


def _affine(source: str, target: str) -> tuple[float, float]:
    if source == target:
        return 0.0, 1.0
    offset = convert(0.0, source, target)
    # Twelve digits: pint's chain of factors is off in the last place, and 1 µM must be exactly 1000 nM.
    return offset, float(f"{convert(1.0, source, target) - offset:.12g}")


def _reasons(parsed: pl.DataFrame, refused: dict[str, str], unit: str) -> list[tuple[int, str]]:
    """(position, reason) of the cells that cannot be taken."""
    # A loop over the bad cells only: a good column of any length has none.
    bad = parsed.with_row_index("at").filter(
        ~pl.col("missing")
        & (
            pl.col("date")
            | ~pl.col("understood")
            | ~pl.col("signed")
            | pl.col("unit").is_in(list(refused))
            | ~pl.col("value").is_finite()
        )
    )
    return [(cell["at"], _reason(cell, refused)) for cell in bad.iter_rows(named=True)]


def _reason(cell: dict[str, Any], refused: dict[str, str]) -> str:
    text = cell["text"] if len(cell["text"]) <= 40 else cell["text"][:37] + "…"
    if cell["date"]:
        return f"{text!r} is a date, not a number"
    if text.lower() in _ERRORS:
        return f"{text} is a spreadsheet's error, not a number"
    if cell["number"] is None:
        return f"{text!r} is not a number"
    if not cell["understood"]:
        return f"{text!r} holds a comma: a decimal comma or thousands? write a point"
    if not cell["signed"]:
        return f"{text!r}: the sign before the number is not one of < > = ~"
    if cell["unit"] in refused:
        return f"{text!r}: {refused[cell['unit']]}"
    return f"{text!r} is beyond what a number can hold"


def _warnings(values: Values, parsed: pl.DataFrame, rows: NDArray[np.int64], declared: str | None) -> list[str]:
    found = values.value[np.isfinite(values.value)]
    warnings = []
    about = np.flatnonzero(parsed["sign"].is_in(["~", "≈", "∼"]).to_numpy())
    if len(about):
        warnings.append(
            f"column {values.name!r}: {len(about)} approximate values are taken as written (row {_some(rows[about])})"
        )
    if len(found) == 1:
        warnings.append(f"column {values.name!r} has one value only")
    elif len(found) > 1 and np.all(found == found[0]):
        warnings.append(
            f"column {values.name!r}: all {len(found)} values are {found[0]:g}; nothing can be learnt from them"
        )
    converted = parsed["unit"].ne("").to_numpy() & np.isfinite(values.value)
    spellings = sorted({to_ucum(u) for u in parsed["unit"].filter(pl.Series(converted)).unique()} - {values.unit})
    if spellings:
        warnings.append(f"column {values.name!r}: cells in {', '.join(spellings)} were converted to {values.unit}")
    return warnings


def _some(rows: NDArray[np.int64]) -> str:
    return ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
