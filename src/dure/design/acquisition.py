"""Rules that make a batch of what a Gaussian process believes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

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
    return one_by_one(belief, free, n, lambda mean, sd, chosen: (mean - level) / sd)


def passed_by(belief: Belief, count: float) -> float:
    """The level that so many candidates are expected to pass, those not measured yet with the noise of an assay."""
    sd = np.sqrt(belief.variance + np.where(belief.known, 0, belief.noise))
    low, high = float((belief.mean - 8 * sd).min()), float((belief.mean + 8 * sd).max())
    for _ in range(BISECTIONS):
        level = (low + high) / 2
        low, high = (level, high) if ndtr((belief.mean - level) / sd).sum() > count else (low, level)
    return (low + high) / 2


@dataclass(frozen=True)
class UpperBound:
    """Batch upper confidence bound (Desautels et al. 2014, JMLR 15:4053), a fixed weight on the sd."""

    weight: float

    def __call__(
        self, belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
    ) -> list[int]:
        return one_by_one(belief, free, n, lambda mean, sd, chosen: mean + self.weight * sd)


def expected_improvement(
    belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
) -> list[int]:
    """Expected improvement over the best mean, each choice believed (Ginsbourger et al. 2010, "kriging believer")."""
    known = float(belief.mean[belief.known].max())

    def score(mean: Floats, sd: Floats, chosen: list[int]) -> Floats:
        gain = mean - max([known, *mean[chosen]])
        z = gain / sd
        score: Floats = gain * ndtr(z) + sd * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return score

    return one_by_one(belief, free, n, score)
