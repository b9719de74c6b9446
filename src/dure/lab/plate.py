"""Plate maps: which order goes into which well, and where the controls stand.

A series (one compound at all its concentrations) lies in neighbouring wells of one row, so that it can be pipetted by
hand or with a multichannel; everything else is drawn at random. The wells between the series carry the controls: in
every row and in several columns, edge and interior, so that edge effects and drift can be seen and not only suspected.
Of many random layouts the one whose controls are best balanced is taken.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

import numpy as np

from dure.base.errors import BadInput
from dure.base.units import convert

SHAPES = {96: (8, 12), 384: (16, 24)}
CONTROLS = {96: 8, 384: 16}
ROLES = ("sample", "reference", "positive", "negative")
_DRAWS = 64
_Cell = tuple[int, int]  # row, column; both from 0


@dataclass(frozen=True)
class Item:
    """One order to be placed: its key, the candidate's id, and a name for people. A reference compound has no order."""

    order: str
    candidate: str
    name: str


@dataclass(frozen=True)
class Layout:
    """What every plate looks like.

    Attributes:
        concentrations: of one series, as they lie from left to right; one for a single-concentration test.
        unit: of them, UCUM, amount per volume.
        wells: 96 or 384.
        replicates: series of each order on its plate.
        positive: wells with full effect (no signal left, or the full signal); 0 takes 8 of 96, 16 of 384.
        negative: wells with vehicle only; 0 takes 8 of 96, 16 of 384.
        reference: the compound that stands on every plate.
        reference_replicates: its series on every plate.
        avoid_edges: leaves the outer wells free (fill them with buffer).

    Raises:
        BadInput: any of these cannot be, with what could be instead.
    """

    concentrations: tuple[float, ...]
    unit: str
    wells: int = 96
    replicates: int = 1
    positive: int = 0
    negative: int = 0
    reference: Item | None = None
    reference_replicates: int = 1
    avoid_edges: bool = False

    def __post_init__(self) -> None:
        if self.wells not in SHAPES:
            raise BadInput(f"plates have {self.wells} wells", remedy="use 96 or 384")
        if not self.concentrations or min(self.concentrations) <= 0:
            raise BadInput("a series needs concentrations above zero", remedy="state one or more, with their unit")
        convert(1.0, self.unit, "mol/L")
        if min(self.replicates, self.reference_replicates) < 1:
            raise BadInput("each compound needs at least one replicate", remedy="state replicates = 1 or more")
        for name in ("positive", "negative"):
            count = getattr(self, name) or CONTROLS[self.wells]
            object.__setattr__(self, name, count)
            if count < 4:
                raise BadInput(
                    f"{count} {name} control wells give no standard deviation worth the name",
                    remedy=f"state {name} = 4 or more; {CONTROLS[self.wells]} is usual on {self.wells} wells",
                )
        if self.capacity < 1:
            raise BadInput(
                f"series of {len(self.concentrations)} wells leave no room beside the controls and the reference",
                remedy="use fewer concentrations, replicates or controls, larger plates, or the edge wells too",
            )

    @property
    def area(self) -> tuple[int, int]:
        """Rows and columns in use."""
        rows, columns = SHAPES[self.wells]
        rim = 2 if self.avoid_edges else 0
        return rows - rim, columns - rim

    @property
    def series_per_row(self) -> tuple[int, ...]:
        """How many series each row holds; rows over the whole height give up one until the controls have room."""
        rows, width = self.area
        length = len(self.concentrations)
        most = width // length
        missing = self.positive + self.negative - rows * (width % length)
        given_up = max(0, -(-missing // length))
        if given_up == 1 and not width % length:
            given_up = 2  # in one row alone they could not tell a row's own effect from the plate's
        given_up = min(given_up, rows * most)
        every, some = divmod(given_up, rows)
        # Spread evenly from top to bottom: controls in the upper rows alone would see no drift below them.
        chosen = {int((i + 0.5) * rows / some) for i in range(some)}
        return tuple(most - every - (row in chosen) for row in range(rows))

    @property
    def capacity(self) -> int:
        """Orders a plate."""
        reserved = self.reference_replicates if self.reference else 0
        return (sum(self.series_per_row) - reserved) // self.replicates


@dataclass(frozen=True)
class Well:
    """One line of the worklist; `order` is empty for controls and reference, `concentration` None for controls."""

    order: str
    candidate: str
    name: str
    plate: str
    well: str
    role: str
    replicate: int
    concentration: float | None
    unit: str


def dilution(top: float, factor: float, points: int) -> tuple[float, ...]:
    """A dilution series from the highest concentration down, rounded to six digits.

    >>> dilution(10.0, 10**0.5, 5)
    (10.0, 3.16228, 1.0, 0.316228, 0.1)
    """
    if top <= 0 or factor <= 1 or points < 1:
        raise BadInput(
            f"{points} points from {top:g} by a factor of {factor:g} are no dilution series",
            remedy="state a top concentration above 0, a factor above 1 and at least one point",
        )
    return tuple(float(f"{top / factor**i:.6g}") for i in range(points))


def plan_plates(items: Sequence[Item], layout: Layout, rng: np.random.Generator, *, prefix: str = "P") -> list[Well]:
    """The worklist: every order once a replicate and concentration, controls and reference on every plate.

    The order of `items` does not matter. Wells are sorted by plate, row and column.

    Args:
        items: the orders, each key once.
        layout: of every plate.
        rng: seeded by batch, so that the same batch is always laid out in the same way.
        prefix: plates are called `<prefix>-01`, `<prefix>-02`, …; unlike those of any other batch of the laboratory.

    Raises:
        BadInput: nothing to place, or an order twice.
    """
    ordered = sorted(items, key=lambda item: item.order)
    if not ordered:
        raise BadInput("there are no orders to lay out", remedy="place orders first")
    twice = [a.order for a, b in pairwise(ordered) if a.order == b.order]
    if twice:
        raise BadInput(f"order {twice[0]} stands twice in one batch", remedy="give each order once")
    shuffled = [ordered[i] for i in rng.permutation(len(ordered))]
    batches = [shuffled[i : i + layout.capacity] for i in range(0, len(shuffled), layout.capacity)]
    width = max(2, len(str(len(batches))))
    return [
        well
        for number, batch in enumerate(batches, 1)
        for well in _plate(batch, layout, rng, f"{prefix}-{number:0{width}d}")
    ]


def well_name(row: int, column: int) -> str:
    """`A01` for row 0, column 0."""
    return f"{chr(65 + row)}{column + 1:02d}"


def parse_well(name: str, wells: int = 384) -> str | None:
    """The usual form of a well's name (`a1`, `A01`, `A001` are `A01`); None when the plate has no such well.

    >>> parse_well("h12", 96), parse_well("I1", 96)
    ('H12', None)
    """
    text = name.strip().upper()
    letter, digits = text[:1], text[1:]
    rows, columns = SHAPES[wells]
    if not (letter.isascii() and letter.isalpha() and digits.isascii() and digits.isdigit()) or len(digits) > 3:
        return None
    row, column = ord(letter) - 65, int(digits) - 1
    return well_name(row, column) if row < rows and 0 <= column < columns else None


def place(well: str) -> _Cell:
    """Row and column, from 0, of a well in its usual form."""
    return ord(well[0]) - 65, int(well[1:]) - 1


def _plate(batch: Sequence[Item], layout: Layout, rng: np.random.Generator, plate: str) -> list[Well]:
    series, controls = _balanced(layout, rng)
    series = [series[i] for i in rng.permutation(len(series))]
    wanted: list[tuple[str, Item, int]] = []
    if layout.reference:
        wanted += [("reference", layout.reference, n) for n in range(1, layout.reference_replicates + 1)]
    wanted += [("sample", item, n) for item in batch for n in range(1, layout.replicates + 1)]
    placed = [
        ((row, column + i), Well(item.order, item.candidate, item.name, plate, "", role, n, c, layout.unit))
        for (role, item, n), (row, column) in zip(wanted, series, strict=False)
        for i, c in enumerate(layout.concentrations)
    ]
    for role, cells in controls.items():
        placed += [(cell, Well("", "", "", plate, "", role, n, None, "")) for n, cell in enumerate(cells, 1)]
    rim = int(layout.avoid_edges)
    return [
        replace(well, well=well_name(row + rim, column + rim))
        for (row, column), well in sorted(placed, key=lambda pair: pair[0])
    ]


def _balanced(layout: Layout, rng: np.random.Generator) -> tuple[list[_Cell], dict[str, list[_Cell]]]:
    """The first wells of all series and the wells of the controls: the best balanced of many random layouts."""
    draws = [_drawn(layout, rng) for _ in range(_DRAWS)]
    return min(draws, key=lambda drawn: round(sum(_imbalance(cells, layout.area) for cells in drawn[1].values()), 9))


def _drawn(layout: Layout, rng: np.random.Generator) -> tuple[list[_Cell], dict[str, list[_Cell]]]:
    _, width = layout.area
    length = len(layout.concentrations)
    series: list[_Cell] = []
    spare: list[_Cell] = []
    for row, count in enumerate(layout.series_per_row):
        column = 0
        for block in rng.permutation([1] * count + [0] * (width - count * length)):
            (series if block else spare).append((row, column))
            column += length if block else 1
    kinds = _dealt({"positive": layout.positive, "negative": layout.negative}, len(spare))
    controls: dict[str, list[_Cell]] = {"positive": [], "negative": []}
    for row in range(layout.area[0]):
        at = [i for i, cell in enumerate(spare) if cell[0] == row]
        for i, j in zip(at, rng.permutation(at) if at else at, strict=True):
            if kinds[i]:
                controls[kinds[i]].append(spare[j])
    return series, controls


def _dealt(counts: dict[str, int], length: int) -> list[str]:
    """A sequence in which each kind is spread as evenly as can be; the rest is empty.

    >>> _dealt({"positive": 2, "negative": 2}, 4)
    ['negative', 'positive', 'negative', 'positive']
    """
    due = [((i + 0.5) / n, kind) for kind, n in counts.items() for i in range(n)]
    due += [((i + 0.5) / n, "") for n in [length - len(due)] for i in range(n)]
    return [kind for _, kind in sorted(due)]


def _imbalance(cells: Sequence[_Cell], area: tuple[int, int]) -> float:
    """How far a kind of control is from standing everywhere: off the centre, in few rows or columns, one-sided."""
    off_centre = sum(
        abs(float(np.mean([cell[axis] for cell in cells])) - (area[axis] - 1) / 2) / area[axis] for axis in (0, 1)
    )
    few = sum(1 / len({cell[axis] for cell in cells}) for axis in (0, 1))
    edge = {row in (0, area[0] - 1) or column in (0, area[1] - 1) for row, column in cells}
    return off_centre + few + (len(edge) == 1)


def _as_dict(well: Well) -> dict[str, object]:
    return {field.name: getattr(well, field.name) for field in fields(Well)}


ADDED = ("readout", "lot", "salt", "purity")
"""Columns of the results that the laboratory fills in."""

COLUMNS = tuple(field.name for field in fields(Well))


def worklist_csv(wells: Iterable[Well]) -> bytes:
    """The worklist for people and robots: UTF-8 with a mark, so that a spreadsheet shows Korean names as they are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for well in wells:
        values = _as_dict(well)
        values["concentration"] = "" if well.concentration is None else repr(well.concentration)
        writer.writerow([safe(str(value)) for value in values.values()])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def results_template(wells: Sequence[Well]) -> bytes:
    """RESULTS.csv with all filled in but what the laboratory adds: the readout, and lot, salt and purity."""
    unit = next((well.unit for well in wells if well.unit), "mol/L")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["order", "candidate", "plate", "well", "role", f"concentration [{unit}]", *ADDED])
    for well in wells:
        amount = "" if well.concentration is None else repr(well.concentration)
        cells = [well.order, well.candidate, well.plate, well.well, well.role, amount]
        writer.writerow([*map(safe, cells), *[""] * len(ADDED)])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def read_worklist(data: bytes) -> list[Well]:
    """The inverse of `worklist_csv`.

    Raises:
        BadInput: another header or a line that is none of ours.
    """
    lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    if tuple(next(lines, ())) != COLUMNS:
        raise BadInput("this is not a worklist of Dure", remedy=f"its header is {','.join(COLUMNS)}")
    return list(_read_lines(lines))


def _read_lines(lines: Iterator[list[str]]) -> Iterator[Well]:
    for row, line in enumerate(lines, 2):
        cells = dict(zip(COLUMNS, map(_unsafe, line), strict=False))
        try:
            concentration = float(cells["concentration"]) if cells["concentration"] else None
            yield Well(**{**cells, "replicate": int(cells["replicate"]), "concentration": concentration})  # type: ignore[arg-type]
        except (KeyError, ValueError):
            raise BadInput(f"row {row} is no line of a worklist", remedy="write the worklist again") from None


def safe(text: str) -> str:
    """A cell that a spreadsheet would run as a formula gets an apostrophe in front (and so does an apostrophe)."""
    return "'" + text if text[:1] in "=+-@'\t\r" and text else text


def _unsafe(text: str) -> str:
    return text.removeprefix("'")
