"""CMA-ES on recipes and schedules (Hansen 2016, arXiv:1604.00772), by the library `cmaes`.

A strategy has no memory, so the evolution is told its generations again each time: what was measured, in order, a batch
a generation. It is cheap, and a resumed campaign goes on exactly where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dure.design.candidate import Candidate
from dure.design.contract import Knowledge, Prediction, Space
from dure.design.hypercube import LatinHypercube, fresh, grid

WIDTH = 0.25
"""First step size, as a share of each parameter's range."""
DRAWS = 50
"""Draws a candidate, at most, until one keeps the space's constraints and is new."""


@dataclass(frozen=True)
class Evolution:
    """Covariance matrix adaptation; the first batch is a Latin hypercube, and its best the first mean."""

    name: str = "cma-es"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        own = grid(space, self.name)
        if len(knowledge.measured) < 2 or n < 2:
            return LatinHypercube().ask(space, knowledge, n, rng)
        from cmaes import CMA

        points = own.lattice.unit(own.points(knowledge.measured))
        first = len(points) % n or n
        start = points[np.lexsort((-knowledge.values[:first], knowledge.violation[:first]))[0]]
        seed = int(rng.integers(2**31))
        bounds = np.column_stack([np.zeros(len(start)), np.ones(len(start))])
        search = CMA(mean=start, sigma=WIDTH, bounds=bounds, population_size=n, seed=seed)
        worth = _ranks(knowledge)
        for begin in range(first, len(points), n):
            rows = range(begin, begin + n)
            search.tell([(points[i], float(worth[i])) for i in rows])
        chosen: dict[str, Candidate] = {}
        for _ in range(DRAWS * n):
            if len(chosen) == n:
                break
            chosen |= {c.id: c for c in own.at(search.ask()[None, :]) if c.id not in knowledge.taken}
        return fresh(list(chosen.values()), space, knowledge, n, rng)

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """None: it has no model."""
        return None


def _ranks(knowledge: Knowledge) -> np.ndarray:
    """Ranks of the measured, 0 the best, shape (measured,): the search needs no more than an order."""
    ranks = np.empty(len(knowledge.measured))
    ranks[knowledge.order] = np.arange(len(ranks))
    return ranks
