"""The golden batch: what measured variables do over time in normal batches, and an alarm when one leaves it.

For each variable and interval the centre is the median over normal batches and the half width their largest distance
from it within three hours either way, both of the variable's change over five hours (a slow disturbance moves the
level of a whole batch; a fault moves it fast). The statistic is the distance in half widths. A variable's limit is the
largest value that held for three intervals in a second set of normal batches, and a third more. Beside it, a flow under
feedback that stands still for twelve intervals between its bounds has stopped obeying, and a reading that is missing is
an alarm of its own.

An envelope holds for the recipe it was learnt on and for no other: healthy batches of another recipe alarm. `simulated`
takes the flows of a recipe, so that `learn` gives the envelope of that one. For batches of another plant `learn` takes
the variables that are read there and the time between two readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.fields.bioprocess import twin
from dure.fields.bioprocess.twin import Floats

VARIABLES = (
    "dissolved oxygen", "off-gas oxygen", "off-gas CO2", "temperature", "pH", "base", "acid", "coolant", "weight",
)  # fmt: skip
"""On-line; set-points and the flows that follow them are left out, so that a fault must show in the batch."""
FLOWS = ("base", "acid", "coolant")
"""In log10(1 + L/h); the first and the last are watched for standing still."""
FED_BACK = ("base", "coolant")
MEAN, BACK, SPAN, SETTLED = 0.6, 5.0, 3.0, 2.0
"""Hours averaged, looked back, searched either way, and not judged at first."""
FEWEST = 20
"""Batches to learn from, and to read limits off, at least."""
HELD, STILL, MARGIN = 3, 12, 1.3
"""Intervals that a distance holds, and of standing still; margin of the limits."""
LEARN = tuple(range(40000, 47500, 50))
CHECK = tuple(range(60000, 65000, 50))


def measured(runs: twin.Runs) -> Floats:
    """The variables of batches, shape (lanes, intervals, variables), flows as logarithms."""
    columns = {name: runs.ph if name == "pH" else runs[name] for name in VARIABLES}
    for name in FLOWS:
        columns[name] = np.log10(1 + columns[name])
    return np.stack([columns[name] for name in VARIABLES], axis=-1)


def _intervals(hours: float, step: float) -> int:
    return max(1, round(hours / step))


def change(values: Floats, step: float = twin.STEP) -> Floats:
    """Mean of the last intervals less that mean five hours before, over the readings there are; NaN: none on a side.

    Args:
        values: shape (lanes, intervals, variables), the shape of what is given back.
        step: hours between two readings.
    """
    width, back = _intervals(MEAN, step), _intervals(BACK, step)
    known = np.isfinite(values)
    total, count = (
        np.cumsum(np.concatenate([np.zeros_like(values[:, :1]), each], axis=1), axis=1)
        for each in (np.where(known, values, 0.0), known.astype(float))
    )
    upto = np.arange(1, values.shape[1] + 1)
    since = np.maximum(upto - width, 0)
    n = count[:, upto] - count[:, since]
    mean: Floats = np.divide(total[:, upto] - total[:, since], n, out=np.full(n.shape, np.nan), where=n > 0)
    before = np.concatenate([np.repeat(mean[:, :1], back, axis=1), mean], axis=1)
    return np.asarray(mean - before[:, : mean.shape[1]])


@dataclass(frozen=True)
class Envelope:
    """What is normal.

    Attributes:
        centre, half: shape (intervals, variables).
        limits: of the distance in half widths, shape (variables,).
        lowest, highest: of the flows under feedback, in the order of `fed_back`.
        names: of the variables; `step`: hours between two readings.
    """

    centre: Floats
    half: Floats
    limits: Floats
    lowest: Floats
    highest: Floats
    names: tuple[str, ...] = VARIABLES
    step: float = twin.STEP

    @property
    def fed_back(self) -> list[int]:
        """Places of the flows under feedback among the variables."""
        return [i for i, name in enumerate(self.names) if name in FED_BACK]

    def distance(self, values: Floats) -> Floats:
        """Distance in half widths that held for three intervals, over its limit; above 1 is an alarm.

        Args:
            values: shape (lanes, intervals, variables), from the first interval of each batch on; NaN: no reading.

        Raises:
            BadInput: other variables, or batches longer than those learnt from.
        """
        return self._raw(values) / self.limits

    def _raw(self, values: Floats) -> Floats:
        n = values.shape[1]
        _same_variables(values, self.names)
        if n > len(self.centre):
            raise BadInput(
                f"the batch has {n} intervals, those that were learnt from {len(self.centre)}",
                remedy="cut it where they end, or learn from batches that are as long",
            )
        away = np.nan_to_num(np.abs(change(values, self.step) - self.centre[:n]) / self.half[:n], posinf=np.inf)
        held = away.copy()
        for back in range(1, HELD):
            held[:, back:] = np.minimum(held[:, back:], away[:, :-back])
        held[:, : _intervals(SETTLED, self.step)] = 0.0
        return held

    def still(self, values: Floats) -> NDArray[np.bool_]:
        """Whether a flow under feedback stood still between its bounds, shape (lanes, intervals, flows)."""
        flows = values[:, :, self.fed_back]
        free = (flows > self.lowest + 1e-3) & (flows < self.highest - 1e-3)
        same = np.zeros(flows.shape, dtype=bool)
        same[:, 1:] = (np.abs(np.diff(flows, axis=1)) < 1e-9) & free[:, 1:]
        found = np.zeros_like(same)
        if len(same[0]) >= STILL:
            found[:, STILL - 1 :] = sliding_window_view(same, STILL, axis=1).all(axis=-1)
        return found

    def alarms(self, values: Floats) -> NDArray[np.bool_]:
        """Left the envelope, stands still or gives no reading; shape (lanes, intervals, variables)."""
        found = (self.distance(values) > 1) | ~np.isfinite(values)
        found[:, :, self.fed_back] |= self.still(values)
        return found

    def first(self, values: Floats) -> list[tuple[float, str, str] | None]:
        """Hour and name of the variable that left first, and how: `away`, `still` or `no reading`.

        One a lane; None where none did.
        """
        alarms, distance = self.alarms(values), self.distance(values)
        found: list[tuple[float, str, str] | None] = []
        for lane in range(len(values)):
            steps = np.flatnonzero(alarms[lane].any(axis=1))
            if not len(steps):
                found.append(None)
                continue
            step = int(steps[0])
            silent = ~np.isfinite(values[lane, step])
            shown = np.where(alarms[lane, step], np.where(silent, np.inf, distance[lane, step]), -1.0)
            at = int(shown.argmax())
            how = "no reading" if silent[at] else "away" if shown[at] > 1 else "still"
            found.append(((step + 1) * self.step, self.names[at], how))
        return found


def _same_variables(values: Floats, names: Sequence[str]) -> None:
    if values.ndim != 3 or values.shape[2] != len(names):
        raise BadInput(
            f"batches are a table of shape {values.shape}, not of batches, intervals and {len(names)} variables",
            remedy="give the variables of VARIABLES, in their order",
        )


def learn(normal: Floats, check: Floats, names: Sequence[str] = VARIABLES, step: float = twin.STEP) -> Envelope:
    """From two sets of normal batches of one recipe, shape (lanes, intervals, variables) each.

    Args:
        names: of the variables, those of `FLOWS` as logarithms.
        step: hours between two readings.

    Raises:
        BadInput: fewer than twenty batches in either, of which no limit could be read, a reading that is missing, or a
            variable that never moves.
    """
    from scipy.ndimage import maximum_filter1d

    for values in (normal, check):
        _same_variables(values, names)
        missing = int((~np.isfinite(values)).sum())
        if missing:
            raise BadInput(
                f"{missing} readings of the normal batches are missing",
                remedy="leave the batches that have them out: what is normal is learnt from whole ones",
            )
    if min(len(normal), len(check)) < FEWEST:
        raise BadInput(
            f"{min(len(normal), len(check))} normal batches are too few to say what is normal",
            remedy="give forty normal batches or more",
        )
    changes = change(normal, step)
    centre = np.median(changes, axis=0)
    span = 2 * _intervals(SPAN, step) + 1
    half = maximum_filter1d(np.abs(changes - centre).max(axis=0), span, axis=0, mode="nearest")
    half = np.maximum(half, 0.01 * np.ptp(centre, axis=0) + 1e-12)
    flows = normal[:, :, [i for i, name in enumerate(names) if name in FED_BACK]]
    bounds = flows.min(axis=(0, 1)), flows.max(axis=(0, 1))
    start = Envelope(centre, half, np.ones(len(names)), *bounds, tuple(names), step)
    limits = MARGIN * start.distance(check).max(axis=(0, 1))
    constant = [name for name, limit in zip(names, limits, strict=True) if limit == 0]
    if constant:
        raise BadInput(
            f"{constant[0]} does not move in the normal batches, so that no limit can be read off",
            remedy="leave its column out",
        )
    return replace(start, limits=limits)


def simulated(seeds: Sequence[int], fault: int = 0, flows: Floats | None = None) -> Floats:
    """Measured variables of simulated batches.

    Args:
        fault: its number in `twin.FAULTS`.
        flows: of the recipe, shape (STEPS, flows), as `fedbatch.flows_of` gives them; None: the published one.
    """
    draws = [twin.draw(seed) for seed in seeds]
    return measured(twin.run(twin.default_flows() if flows is None else flows, draws, [fault] * len(draws)))


def envelope_of(flows: Floats | None = None) -> Envelope:
    """The envelope of a recipe, learnt on 150 simulated batches of it, limits read off 100 others.

    Args:
        flows: as `simulated` takes them; None: the published recipe.
    """
    return learn(simulated(LEARN, flows=flows), simulated(CHECK, flows=flows))


ONSETS = {1: (100, 500), 2: (500, 1000), 3: (100, 380, 1000), 4: (400, 700), 5: (350, 1200)}
"""Fault -> the intervals in which it begins, as IndPenSim sets them."""
IN_TIME = 125
"""Intervals, 25 h, within which an alarm counts as finding a fault."""


def found(envelope: Envelope, values: Floats, fault: int) -> NDArray[np.bool_]:
    """Whether each batch's fault was found: an alarm within 25 h after one of its beginnings, none before the first."""
    loud = np.asarray(envelope.alarms(values).any(axis=2))
    early = loud[:, : ONSETS[fault][0] - 1].any(axis=1)
    hit = np.stack([loud[:, k - 1 : k - 1 + IN_TIME].any(axis=1) for k in ONSETS[fault]], axis=1).any(axis=1)
    return np.asarray(hit & ~early)
