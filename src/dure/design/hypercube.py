"""A Latin hypercube: each batch spreads evenly over every parameter, whatever was found (McKay et al. 1979)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dure.base.errors import BadInput
from dure.design.box import GridSpace
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge, Prediction, Space


@dataclass(frozen=True)
class LatinHypercube:
    """What a planned experiment would test: the control beside `random` for recipes and schedules."""

    name: str = "latin-hypercube"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        return fresh(grid(space, self.name).sample(n, rng), space, knowledge, n, rng)

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """None: it has no model."""
        return None


def grid(space: Space, name: str) -> GridSpace:
    """The space itself where its designs are points on a lattice.

    Raises:
        BadInput: it is another kind of space.
    """
    if not isinstance(space, GridSpace):
        raise BadInput(
            f"the strategy {name} searches recipes and schedules, no {space.kind}",
            where="[strategy], name",
            remedy='write name = "dure"',
        )
    return space


def fresh(
    wanted: Sequence[Candidate], space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator
) -> list[Candidate]:
    """The first n of these that were not tested, made up by draws where they are too few."""
    chosen = {c.id: c for c in wanted if c.id not in knowledge.taken}
    for size in (n, 4 * n + len(knowledge.taken), 16 * (n + len(knowledge.taken))):
        if len(chosen) >= n:
            break
        chosen |= {c.id: c for c in space.sample(size, rng) if c.id not in knowledge.taken and c.id not in chosen}
    return list(chosen.values())[:n]
