"""How good the predictions were that were written down before the values were read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class Quality:
    """Predictions of one batch, or several, against what was then measured.

    Attributes:
        n: how many.
        rmse, mae: in the unit of the values; None when n is 0.
        r2: against the mean of the measured values themselves, so it is below 0 for a poor model; None when they are
            all equal or fewer than two.
        spearman: rank correlation; None when either side is constant.
        coverage: for 50, 80 and 95 %: share inside the predicted interval, with its own 95 % interval (Wilson);
            empty when no standard deviation was predicted.
    """

    n: int
    rmse: float | None
    mae: float | None
    r2: float | None
    spearman: float | None
    coverage: tuple[tuple[float, float, float], ...] = ()


def quality(predicted: ArrayLike, measured: ArrayLike, sd: ArrayLike | None = None) -> Quality:
    """Compares predictions with measurements; shapes (n,) each.

    Args:
        predicted: means.
        measured: what was read afterwards.
        sd: predicted standard deviation of a new measurement, noise included; None for a baseline without one.
    """
    mean, truth = np.asarray(predicted, dtype=float), np.asarray(measured, dtype=float)
    if not len(truth):
        return Quality(0, None, None, None, None)
    error = mean - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    r2 = 1.0 - float((error**2).sum()) / spread if len(truth) > 1 and spread > 0 else None
    return Quality(
        len(truth),
        math.sqrt(float((error**2).mean())),
        float(np.abs(error).mean()),
        r2,
        _spearman(mean, truth),
        () if sd is None else tuple(_coverage(np.abs(error), np.asarray(sd, dtype=float), level) for level in LEVELS),
    )


def by_group(
    groups: Sequence[str], predicted: ArrayLike, measured: ArrayLike, sd: ArrayLike | None = None
) -> Mapping[str, Quality]:
    """`quality` of each group apart, for example of compounds whose scaffold was seen before and of those new."""
    names = np.asarray(groups, dtype=object)
    mean, truth = np.asarray(predicted, dtype=float), np.asarray(measured, dtype=float)
    spread = None if sd is None else np.asarray(sd, dtype=float)
    picks = {name: names == name for name in sorted(set(groups))}
    return {name: quality(mean[at], truth[at], None if spread is None else spread[at]) for name, at in picks.items()}


def nearest_neighbour(similarity: ArrayLike, values: ArrayLike) -> NDArray[np.float64]:
    """The value of the most similar measured candidate; the mean of them where several are equally similar.

    Args:
        similarity: shape (batch, measured).
        values: shape (measured,).
    """
    likeness = np.asarray(similarity, dtype=float)
    nearest = likeness >= likeness.max(axis=1, keepdims=True)
    return np.asarray((nearest * np.asarray(values, dtype=float)).sum(axis=1) / nearest.sum(axis=1), dtype=float)


def _coverage(error: NDArray[np.float64], sd: NDArray[np.float64], level: float) -> tuple[float, float, float]:
    from scipy.special import ndtri

    inside = float((error <= ndtri(0.5 + level / 2) * sd).mean())
    return (inside, *_wilson(inside, len(error)))


def _wilson(share: float, n: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson, J. Am. Stat. Assoc. 22 (1927) 209)."""
    z = 1.959963984540054
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(_mid_ranks(a), _mid_ranks(b))[0, 1])


def _mid_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], dtype=float)
