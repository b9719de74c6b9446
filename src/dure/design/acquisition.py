"""Rules that make a batch of what a Gaussian process believes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from dure.design.batch import Belief, one_by_one
from dure.design.contract import Floats, Knowledge


class Choice(Protocol):
    """From belief and what is free to at most n positions in the pool."""

    def __call__(
        self, belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
    ) -> list[int]: ...


def bucb(belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[int]:
    """Batch upper confidence bound (Desautels et al. 2014, JMLR 15:4053)."""
    return one_by_one(belief, free, n, lambda mean, sd, chosen: mean + 2.0 * sd)


def expected_improvement(
    belief: Belief, free: NDArray[np.bool_], knowledge: Knowledge, n: int, rng: np.random.Generator
) -> list[int]:
    """Expected improvement over the best mean, each choice believed (Ginsbourger et al. 2010, "kriging believer")."""
    known = float(belief.mean[~free].max())

    def score(mean: Floats, sd: Floats, chosen: list[int]) -> Floats:
        gain = mean - max([known, *mean[chosen]])
        z = gain / sd
        score: Floats = gain * ndtr(z) + sd * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return score

    return one_by_one(belief, free, n, score)
