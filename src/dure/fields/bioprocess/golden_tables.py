"""A user's batches as a table (a row a batch and hour), and as arrays that the golden batch takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dure.base.errors import BadInput
from dure.fields.bioprocess.golden import FLOWS, VARIABLES
from dure.fields.bioprocess.twin import Floats
from dure.models.recipe import Column, Texts

TITLES: dict[str, Texts] = {
    "dissolved oxygen": {"en": "dissolved oxygen", "ko": "용존 산소"},
    "off-gas oxygen": {"en": "oxygen in the off-gas", "ko": "배기가스 중 산소"},
    "off-gas CO2": {"en": "CO₂ in the off-gas", "ko": "배기가스 중 CO₂"},
    "temperature": {"en": "temperature", "ko": "온도"},
    "pH": {"en": "pH", "ko": "pH"},
    "base": {"en": "flow of base", "ko": "염기 유량"},
    "acid": {"en": "flow of acid", "ko": "산 유량"},
    "coolant": {"en": "flow of coolant", "ko": "냉각수 유량"},
    "weight": {"en": "weight of the broth", "ko": "배양액 무게"},
}
_RANGES: dict[str, tuple[str, float, float]] = {
    "dissolved oxygen": ("mg/L", 0.0, 60.0),
    "off-gas oxygen": ("%", 0.0, 100.0),
    "off-gas CO2": ("%", 0.0, 100.0),
    "temperature": ("Cel", 0.0, 100.0),
    "pH": ("1", 0.0, 14.0),
    "base": ("L/h", 0.0, 1e6),
    "acid": ("L/h", 0.0, 1e6),
    "coolant": ("L/h", 0.0, 1e7),
    "weight": ("kg", 0.0, 1e7),
}
"""Unit, and what can be at all."""
MOST = 50_000
"""Readings of a batch at most."""
NORMAL, CHECK, JUDGE = "normal", "check", "judge"
COLUMNS = (
    Column("batch", None, {"en": "name of the batch", "ko": "배치 이름"}),
    Column("hour", "h", {"en": "time since the batch began", "ko": "배치 시작 후 시간"}, 0.0, 1e4),
    Column("use", None, {"en": "normal, check or judge", "ko": "normal, check, judge 가운데 하나"}, required=False),
    *(
        Column(name, _RANGES[name][0], TITLES[name], *_RANGES[name][1:], required=False, gaps=True)
        for name in VARIABLES
    ),
)


def template() -> str:
    """A header and the first readings of a batch of each use."""
    head = ["batch", "use", "hour [h]", *(f"{name} [{unit}]" for name, (unit, _, _) in _RANGES.items())]
    readings = ("14.9", "20.1", "0.04", "24.1", "6.5", "12", "0", "60", "62100")
    rows = [
        [batch, use, f"{hour:g}", *readings]
        for batch, use in (("B101", NORMAL), ("B121", CHECK), ("B142", JUDGE))
        for hour in (0.2, 0.4)
    ]
    return "\n".join(map(",".join, [head, *rows])) + "\n"


@dataclass(frozen=True)
class Batches:
    """Batches on one grid of hours.

    Attributes:
        names: of the variables; flows are logarithms, as `golden.measured` gives them.
        step: hours between two readings; reading i is that of hour (i + 1) step, and one at hour 0 is left out.
        values: batch -> shape (intervals, variables); NaN where a reading is missing.
        uses: batch -> `normal`, `check` or `judge`.
    """

    names: tuple[str, ...]
    step: float
    values: Mapping[str, Floats]
    uses: Mapping[str, str]

    def of(self, use: str) -> list[str]:
        """The batches of a use, in the order of the table."""
        return [batch for batch, own in self.uses.items() if own == use]

    def stacked(self, batches: Sequence[str], intervals: int) -> Floats:
        """Shape (batches, intervals, variables), each cut to so many intervals or filled up with NaN."""
        made = np.full((len(batches), intervals, len(self.names)), np.nan)
        for lane, batch in enumerate(batches):
            own = self.values[batch][:intervals]
            made[lane, : len(own)] = own
        return made


def batches_of(table: pa.Table) -> Batches:
    """The batches of a user's table; without a column `use` each of them is judged.

    Raises:
        BadInput: no variable, one batch with two uses or an unknown one, a batch of a single row, two readings of one
            time, or none to be judged.
    """
    names = tuple(name for name in VARIABLES if name in table.column_names)
    if not names:
        raise BadInput(
            "the table holds no variable of a batch",
            remedy="see which there are with: dure new batches.csv --model bioprocess/golden-batch",
        )
    batch = np.array(table["batch"].to_pylist())
    hour = np.asarray(table["hour"].to_numpy(), dtype=float)
    columns = [np.asarray(table[name].to_numpy(), dtype=float) for name in names]
    readings = np.stack(
        [np.log10(1 + c) if name in FLOWS else c for name, c in zip(names, columns, strict=True)], axis=1
    )
    rows = {name: np.flatnonzero(batch == name) for name in dict.fromkeys(batch.tolist())}
    uses = _uses(table, rows)
    step = _step(hour, rows)
    values = {name: _on_grid(name, hour[own], readings[own], step) for name, own in rows.items()}
    return Batches(names, step, values, uses)


def _uses(table: pa.Table, rows: Mapping[str, np.ndarray]) -> dict[str, str]:
    if "use" not in table.column_names:
        return dict.fromkeys(rows, JUDGE)
    given = np.array(table["use"].to_pylist())
    uses = {}
    for name, own in rows.items():
        said = sorted(set(given[own].tolist()))
        if len(said) > 1 or said[0] not in (NORMAL, CHECK, JUDGE):
            raise BadInput(
                f"the use of batch {name} is {' and '.join(said)}",
                where="column use",
                remedy=f"write one of {NORMAL}, {CHECK} and {JUDGE} in all its rows",
            )
        uses[name] = said[0]
    if JUDGE not in uses.values():
        raise BadInput(
            "no batch is to be judged", where="column use", remedy=f"write {JUDGE} in the rows of those that are"
        )
    return uses


def _step(hour: Floats, rows: Mapping[str, np.ndarray]) -> float:
    """Hours between two readings: the median over all batches."""
    for name, own in rows.items():
        if len(own) < 2:
            raise BadInput(f"batch {name} has a single row", remedy="give its readings, a row a time")
    gaps = np.concatenate([np.diff(np.sort(hour[own])) for own in rows.values()])
    return round(float(np.median(gaps)), 6)


def _on_grid(name: str, hour: Floats, readings: Floats, step: float) -> Floats:
    at = np.round(hour / step).astype(int) - 1 if step > 0 else np.zeros(len(hour), dtype=int)
    if len(set(at.tolist())) < len(at):
        raise BadInput(
            f"two rows of batch {name} are of one time",
            remedy="give one row a time, all batches at one spacing",
        )
    if at.max() >= MOST:
        raise BadInput(
            f"batch {name} spans more than {MOST} readings of {step:g} h",
            remedy="check its hours; give a reading every few minutes at most",
        )
    kept = at >= 0
    made = np.full((int(at.max()) + 1, readings.shape[1]), np.nan)
    made[at[kept]] = readings[kept]
    return made
