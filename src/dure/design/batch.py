"""A batch is built one candidate at a time: each choice makes the model surer around it, and so spreads the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dure.design.contract import Floats
from dure.design.surrogates import Fit

Positions = NDArray[np.int64]
Score = Callable[[Floats, Floats, list[int]], Floats]
"""From mean, sd (pool,) and the batch so far to a score (pool,): the highest is chosen next."""

DIGITS = 10


class Belief:
    """Mean and variance over a pool, and how the variance falls when candidates are measured.

    A Gaussian process's variance does not depend on the values found, so it is known before any assay
    (Desautels et al. 2014, "hallucinated" observations).
    """

    def __init__(self, fit: Fit, room: int) -> None:
        self.fit = fit
        self.mean, self.variance, white = fit.posterior()
        self._white = np.empty((len(white) + room, white.shape[1]))
        self._white[: len(white)] = white
        self._used = len(white)

    @property
    def sd(self) -> Floats:
        """Standard deviation of the process, without noise."""
        return np.sqrt(self.variance)

    def covariance(self, position: int) -> Floats:
        """Posterior covariance of one candidate with the pool."""
        white = self._white[: self._used]
        cov: Floats = self.fit.signal * (self.fit.kernel.rows([position])[0] - white[:, position] @ white)
        return cov

    def measure(self, position: int) -> None:
        """Takes one candidate as measured; the mean stays, as when its expectation is found."""
        cov = self.covariance(position)
        row = cov / np.sqrt(max(cov[position], 1e-9 * self.fit.signal) + self.fit.noise)
        self.variance = np.maximum(self.variance - row * row, 1e-9 * self.fit.signal)
        if self._used < len(self._white):
            self._white[self._used] = row / np.sqrt(self.fit.signal)
            self._used += 1


def rounded(scores: Floats) -> Floats:
    """Scores to ten significant digits, so that the last bits of a sum never decide."""
    size = np.abs(scores)
    usual = np.isfinite(scores) & (size > 1e-280)
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(size, where=usual, out=np.zeros_like(size))))
    return np.where(usual, np.round(np.where(usual, scores, 0) * scale) / scale, scores)


def best(scores: Floats, free: NDArray[np.bool_], n: int = 1) -> Positions:
    """The n highest among the free; ties go to the smaller id, since the pool is in the order of ids."""
    order = np.argsort(np.where(free, -rounded(scores), np.inf), kind="stable")
    return order[: min(n, int(free.sum()))]


def one_by_one(belief: Belief, free: NDArray[np.bool_], n: int, score: Score) -> list[int]:
    """A batch of n free candidates, each the best of its turn given those before it."""
    chosen: list[int] = []
    free = free.copy()
    for _ in range(min(n, int(free.sum()))):
        position = int(best(score(belief.mean, belief.sd, chosen), free)[0])
        chosen.append(position)
        free[position] = False
        belief.measure(position)
    return chosen
