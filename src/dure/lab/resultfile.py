"""The laboratory's file against the worklist: every row must be one that was ordered, or the whole file is refused.

Two shapes are understood. **Raw**: a readout for each well of a plate. **Fitted**: one value for each order. Which it
is, the columns say. Names of columns may be English or Korean, in any case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.data.usertable import UserTable
from dure.data.values import Values, parse_values
from dure.lab.plate import Well, parse_well

Floats = NDArray[np.float64]
Problems = list[tuple[int, str]]
_Place = tuple[str, str]  # plate and well

NAMES: Mapping[str, tuple[str, ...]] = {
    "order": ("order", "order key", "주문"),
    "candidate": ("candidate", "compound", "compound id", "후보", "화합물"),
    "plate": ("plate", "plate id", "플레이트"),
    "well": ("well", "well id", "웰"),
    "readout": ("readout", "raw", "signal", "측정값", "신호"),
    "concentration": ("concentration", "conc", "농도"),
    "replicate": ("replicate", "반복"),
    "lot": ("lot", "batch", "lot number", "로트"),
    "salt": ("salt", "salt form", "염"),
    "purity": ("purity", "순도"),
    "sd": ("sd", "표준편차"),
    "n": ("n", "반복수"),
    "zprime": ("zprime", "z'", "z′", "z-prime"),
}
_POTENCY = re.compile(r"^(p?)(IC50|EC50|AC50|Ki|Kd)(?![A-Za-z0-9])", re.IGNORECASE)
_UNIT = re.compile(r"\s*(\[[^\]]*\]|\([^)]*\))\s*$")


@dataclass(frozen=True)
class Sample:
    """What was really in the tube; empty or NaN where the file does not say."""

    lot: str = ""
    salt: str = ""
    purity: float = np.nan


@dataclass(frozen=True)
class Raw:
    """Readouts in the order of the worklist's wells; NaN for a well that could not be read.

    Attributes:
        wells: those of the plates that the file holds.
        readout: shape (wells,).
        rows: shape (wells,), the row of the file for each.
        samples: for each order.
        warnings: sentences for the reader.
    """

    wells: tuple[Well, ...]
    readout: Floats
    rows: NDArray[np.int64]
    samples: Mapping[str, Sample] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """Values of orders, one row each; `quantity` is what the column's name says, such as `IC50`.

    Attributes:
        orders: shape (rows,).
        values: with unit and qualifier; NaN where the laboratory gave none.
        quantity: `pIC50`, `IC50`, `Ki`, … or the property's own name.
        sd, n, zprime: shape (rows,); NaN where the file does not say.
        rows: the row of the file for each.
        samples: for each order.
        warnings: sentences for the reader.
    """

    orders: tuple[str, ...]
    values: Values
    quantity: str
    sd: Floats
    n: Floats
    zprime: Floats
    rows: NDArray[np.int64]
    samples: Mapping[str, Sample] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class ResultTable:
    """A user's table with the columns that a laboratory's file may have, found by any of their names."""

    def __init__(self, user: UserTable, worklist: Sequence[Well]) -> None:
        self.user, self.worklist = user, worklist
        self.rows = user.rows
        self.found = self._columns()
        self.problems: Problems = []

    def is_raw(self) -> bool:
        """Whether it holds readouts of wells.

        Raises:
            BadInput: it holds neither readouts nor orders, or both readouts and values.
        """
        raw = {"plate", "well", "readout"} <= self.found.keys()
        potency = [name for name in self.user.table.column_names if _POTENCY.match(name)]
        if raw and potency:
            raise BadInput(
                f"the file holds raw readouts and fitted values ({potency[0]}) at once",
                where=self.user.name,
                remedy="give either; Dure fits readouts itself",
            )
        if not raw and "order" not in self.found:
            raise BadInput(
                f"the columns are {', '.join(map(repr, self.user.table.column_names[:12]))}",
                where=self.user.name,
                remedy="raw readouts need the columns plate, well, readout; fitted values need order and the value, "
                "such as IC50 [nM]",
            )
        return raw

    def text(self, name: str) -> list[str]:
        """The cells of a column without spaces around them; empty where there is no such column."""
        if name not in self.found:
            return [""] * len(self.rows)
        cells = self.user.table.column(self.found[name]).to_pylist()
        return ["" if cell is None else str(cell).strip() for cell in cells]

    def numbers(self, name: str, unit: str) -> Floats:
        """A column of plain numbers; NaN where there is none; what is no number becomes a problem."""
        if name not in self.found:
            return np.full(len(self.rows), np.nan)
        values = self.values(self.found[name], unit)
        censored = np.flatnonzero(values.qualifier != "=")
        self.problems += values.problems
        self.problems += [(int(self.rows[i]), f"{name} cannot be {values.qualifier[i]} a number") for i in censored]
        return values.value

    def values(self, column: str, unit: str | None, to: str | None = None) -> Values:
        """A column of values, with the unit of its name or the one given."""
        return parse_values(self.user.table.column(column), name=column, unit=unit, to=to, rows=self.rows)

    def refuse(self) -> None:
        """Refuses the file when any row has a problem."""
        self.user.refuse(self.problems, remedy="nothing was taken; mend these rows and import the file again")

    def _columns(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self.user.table.column_names:
            plain = _UNIT.sub("", name).strip().lower().replace("_", " ")
            key = next((key for key, names in NAMES.items() if plain in names), None)
            if key in found:
                raise BadInput(
                    f"columns {found[key]!r} and {name!r} mean the same",
                    where=self.user.name,
                    remedy="leave one of them out",
                )
            if key:
                found[key] = name
        return found


def read_raw(table: ResultTable, plate_size: int) -> Raw:
    """Readouts of whole plates, each well checked against the worklist.

    Raises:
        RowErrors: rows that do not match the worklist.
        BadInput: a plate is in the file, but not all of its wells.
    """
    expected = {(w.plate, w.well): w for w in table.worklist}
    plates = {w.plate for w in table.worklist}
    orders = {w.order for w in table.worklist} - {""}
    at: dict[_Place, int] = {}
    cells = zip(*(table.text(name) for name in ("plate", "well", "order", "candidate")), strict=True)
    for i, (plate, name, order, candidate) in enumerate(cells):
        well = parse_well(name, plate_size)
        key = (plate, well or "")
        reason = _mismatch(plate, name, well, order, candidate, expected.get(key), plates, orders)
        if not reason and key in at:
            reason = f"well {well} of plate {plate} stands already in row {table.rows[at[key]]}"
        if reason:
            table.problems.append((int(table.rows[i]), reason))
        else:
            at[key] = i
    readout = _readout(table)
    _check_concentrations(table, at, expected)
    owners = [expected[key].order if key in expected else "" for key in _keys(at, len(table.rows))]
    samples = _samples(table, owners)
    table.refuse()
    wells = tuple(w for w in table.worklist if w.plate in {plate for plate, _ in at})
    _refuse_gaps(table, wells, at)
    index = np.array([at[w.plate, w.well] for w in wells], dtype=np.int64)
    if not np.isfinite(readout[index]).any():
        raise BadInput(
            "there is no readout at all",
            where=table.user.name,
            remedy="fill in the column readout and import the file again",
        )
    return Raw(wells, readout[index], table.rows[index], samples, table.user.warnings)


def read_fitted(table: ResultTable, quantities: Sequence[str], unit: str) -> Fitted:
    """Values of orders, each checked against the worklist.

    Args:
        table: the file.
        quantities: names of the columns that the value may stand in.
        unit: of the value where it is no concentration and the column's name does not say.

    Raises:
        RowErrors: rows that do not match the worklist or hold no value that can be understood.
        BadInput: no column, or several, that could hold the value.
    """
    column, quantity = _value_column(table, quantities)
    expected = {w.order: w for w in table.worklist if w.order}
    seen: dict[_Place, int] = {}
    cells = list(zip(*(table.text(name) for name in ("order", "replicate", "candidate", "plate")), strict=True))
    for i, (order, replicate, candidate, plate) in enumerate(cells):
        reason = _mismatched_order(order, candidate, plate, table.worklist, expected)
        if not reason and (order, replicate) in seen:
            first = table.rows[seen[order, replicate]]
            reason = f"the order stands already in row {first}; number replicates in a column 'replicate'"
        if reason:
            table.problems.append((int(table.rows[i]), reason))
        seen.setdefault((order, replicate), i)
    # Only a column in the property's own unit has a unit that goes without saying.
    own = quantity == quantities[0]
    values = table.values(column, unit if own else None, unit if len(quantities) == 1 else None)
    table.problems += [*values.problems, *_impossible(values, quantity, table.rows)]
    sd, n = _spread(table, own), table.numbers("n", "1")
    table.problems += [(int(table.rows[i]), f"n is {n[i]:g}") for i in np.flatnonzero((n < 1) | (n % 1 > 0))]
    zprime = table.numbers("zprime", "1")
    orders = [order for order, *_ in cells]
    samples = _samples(table, orders)
    table.refuse()
    warnings = (*table.user.warnings, *values.warnings)
    return Fitted(tuple(orders), values, quantity, sd, n, zprime, table.rows, samples, warnings)


def _mismatch(
    plate: str,
    name: str,
    well: str | None,
    order: str,
    candidate: str,
    expected: Well | None,
    plates: set[str],
    orders: set[str],
) -> str:
    """Why a row is none of ours; empty when it is."""
    if plate not in plates:
        return f"plate {plate!r} is not in the worklist"
    if well is None:
        return f"there is no well {name!r} on the plate"
    if order and order not in orders:
        return f"order {order!r} was never placed"
    if expected is None:
        return f"well {well} of plate {plate} is empty in the worklist"
    if order and order != expected.order:
        return f"well {well} of plate {plate} holds {expected.order or expected.role}, not {order}"
    if candidate and candidate not in (expected.candidate, expected.name):
        return f"well {well} of plate {plate} holds {expected.name or expected.role}, not {candidate!r}"
    return ""


def _mismatched_order(
    order: str, candidate: str, plate: str, worklist: Sequence[Well], expected: Mapping[str, Well]
) -> str:
    if not order:
        return "the order is missing"
    if order not in expected:
        return f"order {order!r} was never placed"
    well = expected[order]
    if candidate and candidate not in (well.candidate, well.name):
        return f"the order is for {well.name or well.candidate}, not {candidate!r}"
    if plate and plate != well.plate:
        return f"the order lies on plate {well.plate}, not {plate!r}"
    return ""


def _readout(table: ResultTable) -> Floats:
    # Counts, fluorescence, absorbance: the unit of a readout cancels when it is set against the controls.
    column = table.user.table.column(table.found["readout"])
    values = parse_values(column, name="readout", unit="1", rows=table.rows)
    hint = "leave the cell empty for a well that could not be read"
    table.problems += [(row, f"{reason}; {hint}") for row, reason in values.problems]
    for i in np.flatnonzero(values.qualifier != "="):
        table.problems.append((int(table.rows[i]), f"a readout cannot be {values.qualifier[i]} a number; {hint}"))
    return values.value


def _check_concentrations(table: ResultTable, at: Mapping[_Place, int], expected: Mapping[_Place, Well]) -> None:
    """Where the file states concentrations they must be those that were ordered, in whatever unit."""
    if "concentration" not in table.found or not at:
        return
    unit = next((w.unit for w in expected.values() if w.unit), "mol/L")
    values = table.values(table.found["concentration"], None, unit)
    table.problems += values.problems
    for key, i in at.items():
        wanted, found = expected[key].concentration, values.value[i]
        if np.isfinite(found) and wanted is not None and abs(found - wanted) > 0.01 * wanted:
            table.problems.append((int(table.rows[i]), f"{found:g} {unit} where {wanted:g} {unit} was ordered"))


def _keys(at: Mapping[_Place, int], length: int) -> list[_Place]:
    keys = [("", "")] * length
    for key, i in at.items():
        keys[i] = key
    return keys


def _refuse_gaps(table: ResultTable, wells: Sequence[Well], at: Mapping[_Place, int]) -> None:
    gaps = [f"{w.plate} {w.well}" for w in wells if (w.plate, w.well) not in at]
    if gaps:
        listed = ", ".join(gaps[:12]) + (f" and {len(gaps) - 12} more" if len(gaps) > 12 else "")
        raise BadInput(
            f"{len(gaps)} wells of the plates in this file have no row: {listed}",
            where=table.user.name,
            remedy="give whole plates; leave the readout empty for a well that could not be read",
        )


def _value_column(table: ResultTable, quantities: Sequence[str]) -> tuple[str, str]:
    """The column that holds the value, and which of the quantities it is."""
    wanted = {quantity.lower(): quantity for quantity in quantities}
    found = [(name, wanted[base]) for name in table.user.table.column_names if (base := _base(name)) in wanted]
    if len(found) == 1:
        return found[0]
    said = ", ".join(repr(name) for name, _ in found) if found else "none"
    examples = " or ".join(q if q == quantities[0] else f"{q} [nM]" for q in quantities)
    raise BadInput(
        f"one column must hold the value, and there is {said}", where=table.user.name, remedy=f"name it {examples}"
    )


def _base(name: str) -> str:
    potency = _POTENCY.match(name.strip())
    return (potency[0] if potency else _UNIT.sub("", name).strip()).lower()


def _impossible(values: Values, quantity: str, rows: NDArray[np.int64]) -> Problems:
    """Potencies that no assay gives: a concentration of zero or below, a logarithm that looks like a concentration."""
    found = values.value
    if not _POTENCY.match(quantity):
        return []
    if quantity.startswith("p"):
        bad, why = (found < 0) | (found > 16), f"no {quantity} lies outside 0 to 16; is this a concentration?"
    else:
        bad, why = found <= 0, 'a concentration must be above zero; write "<" and the lowest one tested'
    return [(int(rows[i]), f"{found[i]:g}: {why}") for i in np.flatnonzero(bad)]


def _spread(table: ResultTable, same_unit: bool) -> Floats:
    if "sd" in table.found and not same_unit:
        raise BadInput(
            "the sd of a concentration is not that of its logarithm",
            where=table.user.name,
            remedy="give pIC50 or pKi with its sd in log units, or leave the column sd out",
        )
    sd = table.numbers("sd", "1")
    table.problems += [(int(table.rows[i]), f"sd is {sd[i]:g}") for i in np.flatnonzero(sd < 0)]
    return sd


def _samples(table: ResultTable, owners: Sequence[str]) -> dict[str, Sample]:
    """Lot, salt and purity of each order; two different ones for one order are a problem."""
    purity = table.numbers("purity", "%")
    for i in np.flatnonzero((purity < 0) | (purity > 100)):
        table.problems.append((int(table.rows[i]), f"a purity of {purity[i]:g} %"))
    known: dict[str, dict[str, tuple[str | float, int]]] = {}
    stated = zip(owners, table.text("lot"), table.text("salt"), purity.tolist(), table.rows.tolist(), strict=True)
    for owner, lot, salt, share, row in stated:
        of_order = known.setdefault(owner, {})
        for name, value in (("lot", lot), ("salt", salt), ("purity", share)):
            if value == "" or value != value or not owner:
                continue  # not stated in this row: the other rows of the order may
            first, at = of_order.setdefault(name, (value, row))
            if first != value:
                table.problems.append((row, f"{name} {value} where row {at} says {first} for the same order"))
    return {owner: _sample(of_order) for owner, of_order in known.items()}


def _sample(stated: Mapping[str, tuple[str | float, int]]) -> Sample:
    def cell(name: str, absent: str | float) -> str | float:
        return stated.get(name, (absent, 0))[0]

    return Sample(str(cell("lot", "")), str(cell("salt", "")), float(cell("purity", np.nan)))
