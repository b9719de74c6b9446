"""What glucose traces are judged by: the consensus measures, one number a patient.

Battelino et al. 2019, Diabetes Care 42:1593 (time in ranges, targets); Kovatchev et al. 2006, Diabetes Care 29:2433
(low and high blood glucose index); a severe event here is 15 minutes or more below 40 mg/dL.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dure.fields.device.scenario import DAY, STEP
from dure.verify.panel import Limit

Floats = NDArray[np.float64]

IN_RANGE, BELOW_70, BELOW_54, ABOVE_250, VARIATION = "time in range", "below 70", "below 54", "above 250", "variation"
LOW_INDEX, HIGH_INDEX, SEVERE = "LBGI", "HBGI", "severe events"
LIMITS = (
    Limit(BELOW_70, "%", high=4.0),
    Limit(BELOW_54, "%", high=1.0),
    Limit(ABOVE_250, "%", high=5.0),
    Limit(VARIATION, "%", high=36.0),
)
"""What every single patient must keep."""
SEVERE_BELOW, SEVERE_MINUTES = 40.0, 15
LOWEST, HIGHEST = 1.0, 1500.0
"""mg/dL; glucose outside is no glucose: the simulation diverged."""


def measures(glucose: Floats) -> dict[str, Floats]:
    """Each measure of each patient, shape (patients,); NaN where the simulation diverged.

    Args:
        glucose: true glucose every five minutes, shape (patients, readings), mg/dL.
    """
    whole = np.all(np.isfinite(glucose) & (glucose > LOWEST) & (glucose < HIGHEST), axis=1)
    g = np.where(whole[:, None], glucose, 100.0)
    # Kovatchev's symmetrising transform; simglucose rounds 1.509 * (ln(g)^1.084 - 5.381) the same way.
    f = 1.509 * (np.log(np.maximum(g, 1.0)) ** 1.084 - 5.381)
    found = {
        IN_RANGE: 100 * ((g >= 70) & (g <= 180)).mean(axis=1),
        BELOW_70: 100 * (g < 70).mean(axis=1),
        BELOW_54: 100 * (g < 54).mean(axis=1),
        ABOVE_250: 100 * (g > 250).mean(axis=1),
        VARIATION: 100 * g.std(axis=1) / g.mean(axis=1),
        LOW_INDEX: (10 * np.minimum(f, 0) ** 2).mean(axis=1),
        HIGH_INDEX: (10 * np.maximum(f, 0) ** 2).mean(axis=1),
        SEVERE: np.array([len(events(row, SEVERE_BELOW, SEVERE_MINUTES)) for row in g], dtype=float)
        * (14 * DAY / STEP / g.shape[1]),
    }
    return {name: np.where(whole, values, np.nan) for name, values in found.items()}


UNITS = {IN_RANGE: "%", BELOW_70: "%", BELOW_54: "%", ABOVE_250: "%", VARIATION: "%", LOW_INDEX: "1", HIGH_INDEX: "1",
         SEVERE: "1"}  # fmt: skip
"""Unit of each measure; severe events are a number in 14 days."""


def events(glucose: Floats, below: float, minutes: int = 15) -> list[tuple[int, int]]:
    """The stretches of readings below a value that last so many minutes or more: (first, one past the last).

    >>> events(np.array([80.0, 60, 60, 60, 90, 60]), 70, 15)
    [(1, 4)]
    """
    low = np.concatenate([[False], glucose < below, [False]]).astype(np.int8)
    edges = np.diff(low)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if (b - a) * STEP >= minutes]


def worst_decile(values: Floats, more_is_better: bool = True) -> float:
    """The worst decile: one patient in ten is worse."""
    return float(np.quantile(values, 0.1 if more_is_better else 0.9))
