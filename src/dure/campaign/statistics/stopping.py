"""When to stop: how likely it is that further assays turn up something better.

Assumptions, to be printed beside the curve: the model's normal predictions are right, the remaining candidates are
tested in the order of their chance to be better, and their errors are independent. Analogues err together, so the
curve is rather too hopeful; it is no promise that a better compound exists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

MARKS = (0.5, 0.8, 0.9)


@dataclass(frozen=True)
class Stopping:
    """The chance that the best of the next m assays is better than the best so far.

    Attributes:
        probability: for m = 0, 1, 2 … ; shape (untested + 1,).
        marks: the fewest further assays for a chance of 50, 80 and 90 %; None where the whole pool does not give it.
    """

    probability: tuple[float, ...]
    marks: tuple[int | None, ...]


def stopping_curve(mean: ArrayLike, sd: ArrayLike, best: float, *, margin: float = 0.0) -> Stopping:
    """1 - Π (1 - P(value of i > best + margin)) over the m likeliest, from predictions for the untested candidates.

    Args:
        mean: shape (untested,), more is better.
        sd: shape (untested,); 0 means certain.
        best: the best value so far.
        margin: by how much better it must be to count, for example what one assay can tell apart.
    """
    from scipy.special import ndtr

    mean, sd = np.asarray(mean, dtype=float), np.asarray(sd, dtype=float)
    gap = mean - (best + margin)
    certain = np.where(gap > 0, np.inf, -np.inf)
    chance = ndtr(np.divide(gap, sd, out=certain, where=sd > 0))
    with np.errstate(divide="ignore"):
        none_better = np.cumsum(np.log1p(-np.sort(chance)[::-1]))
    probability = np.concatenate([[0.0], -np.expm1(none_better)])
    reached = [np.flatnonzero(probability >= mark) for mark in MARKS]
    return Stopping(tuple(probability.tolist()), tuple(int(at[0]) if len(at) else None for at in reached))
