"""A batch is built one candidate at a time: each choice makes the model surer around it, and so spreads the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dure.design.contract import Floats
from dure.design.kernels import PoolKernel
from dure.design.surrogates import Fit

Positions = NDArray[np.int64]
Free = NDArray[np.bool_]
Score = Callable[["Belief", list[int]], Floats]
"""From what is believed of some candidates and the batch so far to a score of each: the highest is next."""

DIGITS = 10
WATCHED = 400
"""Candidates followed while a batch is built: those of the highest scores at its start. Scores only fall meanwhile."""
LEAST = 1e-9
"""Variance below which a candidate is called known, as a share of the signal's."""


class Belief:
    """Mean and variance of candidates, and how the variance falls when some are measured.

    A Gaussian process's variance does not depend on the values found, so it is known before any assay
    (Desautels et al. 2014, "hallucinated" observations).

    Attributes:
        mean, variance: shape (candidates,).
        known: which were measured, shape (candidates,).
        kept: log probability that a candidate keeps all constraints, shape (candidates,).
        signal, noise: variances of the process and of a measurement.
    """

    def __init__(
        self,
        mean: Floats,
        variance: Floats,
        white: Floats,
        known: Free,
        kernel: PoolKernel,
        signal: float,
        noise: float,
        kept: Floats | None = None,
    ) -> None:
        self.mean, self.variance, self.known = mean, variance, known
        self.kept: Floats = np.zeros(len(mean)) if kept is None else kept
        self.kernel, self.signal, self.noise = kernel, signal, noise
        self._white = white

    @classmethod
    def of(cls, fit: Fit, kept: Floats | None = None) -> Belief:
        """What a fitted process believes of its whole pool; `kept` as among the attributes."""
        mean, variance, white = fit.posterior()
        known = np.zeros(len(mean), dtype=bool)
        known[fit.positions] = True
        return cls(mean, variance, white, known, fit.kernel, fit.signal, fit.noise, kept)

    @property
    def sd(self) -> Floats:
        """Standard deviation of the process, without noise."""
        root: Floats = np.sqrt(self.variance)
        return root

    def among(self, positions: Positions) -> Belief:
        """The belief about some candidates alone, in this order."""
        white = np.ascontiguousarray(self._white[:, positions])
        kernel, known = self.kernel.among(positions), self.known[positions]
        mean, variance, kept = self.mean[positions], self.variance[positions], self.kept[positions]
        return Belief(mean, variance, white, known, kernel, self.signal, self.noise, kept)

    def covariance(self, position: int) -> Floats:
        """Posterior covariance of one candidate with all, shape (candidates,)."""
        prior = self.kernel.rows([position])[0]
        cov: Floats = self.signal * (prior - self._white[:, position] @ self._white)
        return cov

    def measure(self, position: int) -> None:
        """Takes one candidate as measured; the mean stays, as when its expectation is found."""
        cov = self.covariance(position)
        row = cov / np.sqrt(max(cov[position], LEAST * self.signal) + self.noise)
        self.variance = np.maximum(self.variance - row * row, LEAST * self.signal)
        self._white = np.vstack([self._white, row / np.sqrt(self.signal)])


def rounded(scores: Floats) -> Floats:
    """Scores to ten significant digits, so that the last bits of a sum never decide."""
    size = np.abs(scores)
    usual = np.isfinite(scores) & (size > 1e-280)
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(size, where=usual, out=np.zeros_like(size))))
    return np.where(usual, np.round(np.where(usual, scores, 0) * scale) / scale, scores)


def best(scores: Floats, free: Free, n: int = 1) -> Positions:
    """The n highest among the free; ties go to the smaller id, since a pool is in the order of ids."""
    order = np.argsort(np.where(free, -rounded(scores), np.inf), kind="stable")
    return order[: min(n, int(free.sum()))]


def one_by_one(belief: Belief, free: Free, n: int, score: Score) -> list[int]:
    """A batch of n free candidates, each the best of its turn given those before it."""
    watched = np.sort(best(score(belief, []), free, max(WATCHED, 4 * n)))
    part, left, chosen = belief.among(watched), np.ones(len(watched), dtype=bool), list[int]()
    for _ in range(min(n, len(watched))):
        turn = int(best(score(part, chosen), left)[0])
        chosen.append(turn)
        left[turn] = False
        part.measure(turn)
    return [int(i) for i in watched[chosen]]
