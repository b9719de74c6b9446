"""First batches: what to test when nothing is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dure.design.batch import best
from dure.design.kernels import pool_kernels
from dure.design.pool import PoolSpace

JUDGES = 500
"""Candidates whose similarity to the batch is judged."""


def diverse(
    pool: PoolSpace, free: NDArray[np.bool_], near: NDArray[np.int64], n: int, rng: np.random.Generator
) -> list[int]:
    """At most n free positions that together stand for the pool.

    Each is the one that most raises the similarity of a random part of the pool to what is chosen (greedy facility
    location), counting what was tested before; without features they are drawn at random.
    """
    rest = np.flatnonzero(free)
    if not pool.blocks:
        return [int(i) for i in rng.choice(rest, size=min(n, len(rest)), replace=False)]
    kernel = pool_kernels(pool)[0]
    judges = np.sort(rng.choice(len(pool), size=min(JUDGES, len(pool)), replace=False))
    alike = kernel.rows(judges)
    cover = alike[:, near].max(axis=1) if len(near) else np.zeros(len(judges))
    chosen: list[int] = []
    free = free.copy()
    for _ in range(min(n, len(rest))):
        position = int(best(np.maximum(alike - cover[:, None], 0).sum(axis=0), free)[0])
        chosen.append(position)
        free[position] = False
        cover = np.maximum(cover, alike[:, position])
    return chosen
