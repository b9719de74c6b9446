"""First batches: what to test when nothing is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dure.design.batch import best
from dure.design.contract import Floats
from dure.design.kernels import PoolKernel, pool_kernels
from dure.design.pool import PoolSpace

JUDGES = 300
"""Candidates, drawn at random, that stand for the pool."""
NOISE = 0.3
"""Noise variance over signal variance, assumed before anything was measured."""


def diverse(
    pool: PoolSpace, free: NDArray[np.bool_], known: NDArray[np.int64], n: int, rng: np.random.Generator
) -> list[int]:
    """At most n free positions after which least would be uncertain of the whole pool.

    Greedy integrated variance reduction (Cohn 1996, Neural Networks 9:1071): each choice takes away the most variance
    from the judges, given the choices before it and what was tested already. Outliers, which teach nothing of others,
    come last; spreading alone would take them first. Without features the batch is drawn at random.
    """
    rest = np.flatnonzero(free)
    if not pool.blocks:
        return [int(i) for i in rng.choice(rest, size=min(n, len(rest)), replace=False)]
    judges = np.sort(rng.choice(len(pool), size=min(JUDGES, len(pool)), replace=False))
    uncertain = Uncertain(pool_kernels(pool)[0], judges, len(pool))
    for position in known:
        uncertain.measure(int(position))
    chosen: list[int] = []
    free = free.copy()
    for _ in range(min(n, len(rest))):
        position = int(best(uncertain.gain(), free)[0])
        chosen.append(position)
        free[position] = False
        uncertain.measure(position)
    return chosen


class Uncertain:
    """Variance of a pool under a process with unit signal, and the covariance of judges with all."""

    def __init__(self, kernel: PoolKernel, judges: NDArray[np.int64], size: int) -> None:
        self.kernel, self.judges = kernel, judges
        self.shared = kernel.rows(judges)
        self.variance = np.ones(size)
        self._white = np.empty((0, size))

    def gain(self) -> Floats:
        """The judges' variance that measuring a candidate would take away, shape (pool,)."""
        gain: Floats = np.einsum("ij,ij->j", self.shared, self.shared) / (self.variance + NOISE)
        return gain

    def measure(self, position: int) -> None:
        cov = self.kernel.rows([position])[0] - self._white[:, position] @ self._white
        row = cov / np.sqrt(self.variance[position] + NOISE)
        self.variance = np.maximum(self.variance - row * row, 1e-9)
        self.shared -= np.outer(row[self.judges], row)
        self._white = np.vstack([self._white, row])
