"""A user's table against the columns of a recipe: names, units, and what the numbers can be at all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.units import convert
from dure.data.unitnames import to_ucum
from dure.data.usertable import UserTable
from dure.data.values import parse_values
from dure.models.recipe import Column

_BRACKETS = re.compile(r"\s*\[([^\[\]]*)\]\s*$")


def checked(read: UserTable, columns: Sequence[Column]) -> pa.Table:
    """The columns that a recipe asks for, each in its own unit, and `row`: the number of each row in the user's file.

    Raises:
        BadInput: a column is missing, carries no unit or one that cannot be converted.
        RowErrors: cells that are no numbers, or numbers that cannot be; with row and reason.
    """
    found: dict[str, pa.Array | pa.ChunkedArray] = {"row": pa.array(read.rows, pa.int64())}
    bare = _bare(read)
    declared = {column.name for column in columns}
    patterns = [column.pattern for column in columns if column.pattern is not None]
    strange = [name for name in bare if name not in declared and not any(re.fullmatch(p, name) for p in patterns)]
    for column in columns:
        for name, header in _headers(read, column, bare, strange):
            found[name] = _text(read, header) if column.unit is None else pa.array(_numbers(read, header, column))
    return pa.table(found)


def _bare(read: UserTable) -> dict[str, str]:
    """Name without unit -> header.

    Raises:
        BadInput: one name in two units.
    """
    bare: dict[str, str] = {}
    for header in read.table.column_names:
        name = _BRACKETS.sub("", header).strip()
        if name in bare:
            raise BadInput(
                f"the columns {bare[name]!r} and {header!r} bear one name",
                where=read.name,
                remedy="keep the one that holds",
            )
        bare[name] = header
    return bare


def _headers(
    read: UserTable, column: Column, bare: Mapping[str, str], strange: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """(name without unit, header) of each column of the file that this one stands for.

    Args:
        strange: names in the file that no column of the recipe has.

    Raises:
        BadInput: there is none although it is needed, or one that was probably meant is misspelt.
    """
    if column.pattern is not None:
        wanted = [name for name in bare if re.fullmatch(column.pattern, name)]
    else:
        wanted = [column.name] if column.name in bare else []
    if not wanted and not column.required and column.pattern is None:
        near = difflib.get_close_matches(column.name, strange, n=1, cutoff=0.8)
        if near:
            raise BadInput(
                f"there is no column {near[0]!r} in this table",
                where=read.name,
                remedy=f"did you mean {column.name!r}? otherwise call it something less like that",
            )
    if not wanted and column.required:
        unit = "" if column.unit in (None, "1") else f" [{column.unit}]"
        listed = ", ".join(repr(name) for name in list(bare)[:20])
        raise BadInput(
            f"there is no column {column.name!r}",
            where=read.name,
            remedy=f"add it as {column.name + unit!r}; the columns are {listed}",
        )
    yield from ((name, bare[name]) for name in wanted)


def _text(read: UserTable, header: str) -> pa.ChunkedArray:
    try:
        column = read.column(header).cast(pa.string())
    except pa.ArrowException:
        raise BadInput(
            f"column {header!r} holds {read.column(header).type}, not text", where=read.name, remedy="write it as text"
        ) from None
    empty = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), True).to_numpy(zero_copy_only=False)
    read.refuse([(int(read.rows[i]), f"no value in column {header!r}") for i in np.flatnonzero(empty)])
    return pc.utf8_trim_whitespace(column)


def _numbers(read: UserTable, header: str, column: Column) -> NDArray[np.float64]:
    assert column.unit is not None
    unit = _unit(read, header, column)
    offset, factor = _into(unit, column, read.name, header)
    values = factor * _parsed(read, header, unit, column.gaps) + offset
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    wrong = np.flatnonzero((values < low) | (values > high))
    reasons = [
        (int(read.rows[i]), f"{values[i]:g} {column.unit} cannot be {column.title['en']}: {_bounds(column)}")
        for i in wrong
    ]
    other = _likelier(values[wrong], column) if len(wrong) else None
    hint = f"the values look like {other}: " if other else ""
    read.refuse(reasons, remedy=f"{hint}check the unit in the column's name, {header!r}")
    return values


def _unit(read: UserTable, header: str, column: Column) -> str:
    """The unit in square brackets; one that needs none may go without."""
    found = _BRACKETS.search(header)
    if found and found[1] == column.unit:
        return found[1]  # without waking the parser of units, which takes a second
    if found:
        try:
            return to_ucum(found[1])
        except BadInput as error:
            raise BadInput(error.what, where=f"{read.name}, column {header!r}", remedy=error.remedy) from None
    if column.unit != "1":
        raise BadInput(
            f"the column {header!r} carries no unit",
            where=read.name,
            remedy=f"write it into the header, for example {f'{column.name} [{column.unit}]'!r}",
        )
    return "1"


def _into(unit: str, column: Column, file: str, header: str) -> tuple[float, float]:
    """What is added to a value in this unit, and what it is multiplied by before, to be in the column's own."""
    assert column.unit is not None
    if unit == column.unit:
        return 0.0, 1.0
    try:
        offset = convert(0.0, unit, column.unit)
        return offset, convert(1.0, unit, column.unit) - offset
    except BadInput as error:
        if column.grams_per_mole is None:
            raise BadInput(error.what, where=f"{file}, column {header!r}", remedy=error.remedy) from None
    try:
        return 0.0, convert(convert(1.0, unit, "mol/L") * column.grams_per_mole, "g/L", column.unit)
    except BadInput:
        return 0.0, convert(convert(1.0, unit, "g/L") / column.grams_per_mole, "mol/L", column.unit)


def _parsed(read: UserTable, header: str, unit: str, gaps: bool) -> NDArray[np.float64]:
    """The column as numbers in its own unit; every cell must hold one, unless there may be gaps."""
    column = read.column(header)
    try:
        plain = pc.cast(column, pa.float64())
        if plain.null_count == 0 and bool(pc.all(pc.is_finite(plain)).as_py()):
            return np.asarray(plain.to_numpy(zero_copy_only=False))
    except pa.ArrowException:
        pass  # signs, units or words in cells: read with more care
    values = parse_values(column, name=header, unit=unit, to=unit, rows=read.rows).required(
        read.name, complete=not gaps
    )
    bounds = np.flatnonzero(values.qualifier != "=")
    read.refuse([(int(read.rows[i]), "a bound is no number to learn from or to predict with") for i in bounds])
    return values.value


def _bounds(column: Column) -> str:
    if column.low is None:
        return f"<= {column.high:g}" if column.high is not None else ""
    return f">= {column.low:g}" if column.high is None else f"{column.low:g} … {column.high:g}"


def _likelier(values: NDArray[np.float64], column: Column) -> str | None:
    """Another usual unit in which these numbers would be possible."""
    assert column.unit is not None
    for unit in ("mmol/L", "umol/L", "mg/dL", "g/L", "mg/L", "g/dL", "%", "1", "h", "min", "s", "d", "kg", "g"):
        try:
            offset, factor = _into(unit, column, "", "")
        except BadInput:
            continue
        turned = values * factor + offset
        if (
            unit != column.unit
            and (-np.inf if column.low is None else column.low) <= turned.min()
            and turned.max() <= (np.inf if column.high is None else column.high)
        ):
            return unit
    return None
