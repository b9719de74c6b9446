"""Rules that make a batch of what a Gaussian process believes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from dure.design.batch import Belief, one_by_one
from dure.design.contract import Floats, Knowledge

SHARE, FEWEST = 0.03, 3
"""The part of the pool that passes the level of `reach`, and the fewest candidates that may."""
BISECTIONS = 50


class Choice(Protocol):
    """From belief and what is free to at most n positions in the pool."""

    def __call__(
        self, belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
    ) -> list[int]: ...


def reach(belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[int]:
    """The likeliest to pass the level that a few per cent of the pool are believed to pass.

    An upper confidence bound whose weight on the sd is set anew each round by what is believed of the whole pool: while
    little is known the level lies far above every mean and the sd decides; once the good ones stand out, the mean does.
    """
    level = passed_by(belief, max(FEWEST, SHARE * len(free)))
    if not belief.kept.any():
        return one_by_one(belief, free, n, lambda part, chosen: (part.mean - level) / part.sd)
    return one_by_one(belief, free, n, lambda part, chosen: log_ndtr((part.mean - level) / part.sd) + part.kept)


def passed_by(belief: Belief, count: float) -> float:
    """The level that so many candidates are expected to pass, those not measured yet with the noise of an assay.

    Of those that may break a constraint only the part counts that they are likely to keep it.
    """
    sd = np.sqrt(belief.variance + np.where(belief.known, 0, belief.noise))
    share = np.exp(belief.kept)
    low, high = float((belief.mean - 8 * sd).min()), float((belief.mean + 8 * sd).max())
    for _ in range(BISECTIONS):
        level = (low + high) / 2
        low, high = (level, high) if (share * ndtr((belief.mean - level) / sd)).sum() > count else (low, level)
    return (low + high) / 2


@dataclass(frozen=True)
class UpperBound:
    """Batch upper confidence bound (Desautels et al. 2014, JMLR 15:4053), a fixed weight on the sd."""

    weight: float

    def __call__(
        self, belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
    ) -> list[int]:
        return one_by_one(belief, free, n, lambda part, chosen: part.mean + self.weight * part.sd)


def expected_improvement(
    belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
) -> list[int]:
    """Expected improvement over the best mean, each choice believed (Ginsbourger et al. 2010, "kriging believer").

    With constraints, times the probability that they are kept (Gardner et al. 2014, ICML 32:937); the best is then the
    best of those that keep them, or the lowest mean where none does.
    """
    kept = belief.mean[belief.known & (belief.kept > np.log(0.5))]
    known = float(kept.max()) if len(kept) else float(belief.mean[belief.known].min())

    def score(part: Belief, chosen: list[int]) -> Floats:
        gain = part.mean - max([known, *part.mean[chosen]])
        z = gain / part.sd
        score: Floats = gain * ndtr(z) + part.sd * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return score * np.exp(part.kept)

    return one_by_one(belief, free, n, score)
