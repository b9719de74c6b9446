"""What a space, knowledge and a strategy are.

All of `design` is pure: no hub, no files, no clock, no hidden randomness. A strategy is a function of its arguments;
`rng` is seeded by the digest of problem and step, scores are rounded to ten significant digits before they are ranked,
and ties are broken by candidate id, never by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dure.design.candidate import Candidate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FeatureBlock:
    """One description of every candidate, one row each.

    Attributes:
        name: for example `ecfp4`.
        kind: `counts` (non-negative whole numbers, compared by the MinMax kernel), `real` (compared by the distance of
            ranks within the pool) or `unit` (already between 0 and 1 on a scale that means something, compared as is).
        matrix: shape (candidates, features); `scipy.sparse.csr_matrix` for counts, `numpy.ndarray` otherwise.
    """

    name: str
    kind: str
    matrix: Any


def stacked(pieces: Sequence[tuple[FeatureBlock, ...]]) -> tuple[FeatureBlock, ...]:
    """Blocks of consecutive candidates as one; each piece holds the same blocks in the same order."""
    if len(pieces) == 1:
        return pieces[0]
    from scipy import sparse

    blocks = []
    for same in zip(*pieces, strict=True):
        matrices = [block.matrix for block in same]
        join: Any = sparse.vstack if sparse.issparse(matrices[0]) else np.vstack
        matrix = join(matrices)
        blocks.append(FeatureBlock(same[0].name, same[0].kind, matrix.tocsr() if sparse.issparse(matrix) else matrix))
    return tuple(blocks)


@dataclass(frozen=True)
class Knowledge:
    """All that a strategy may know. Values are turned so that more is better.

    Attributes:
        measured: the candidates with a value, in the order in which they were read.
        values: shape (measured,), dimension as the objective's unit.
        sd: shape (measured,); NaN where the assay gives none.
        qualifiers: `=`, `<` or `>` for each value; `<` means "worse than", `>` "better than" the value.
        pending: ordered, not read yet.
        refused: ids of candidates that a gate refused or the laboratory cannot make: never asked for again.
        assays_left: how many assays remain, this batch included.
        pool_size: how many candidates the space has; None when it is not finite.
        slack: how far inside each constraint a measured candidate lies, as a share of the bound; negative where it is
            broken. Shape (measured, constraints); no column where there are no constraints.
    """

    measured: tuple[Candidate, ...]
    values: Floats
    sd: Floats
    qualifiers: tuple[str, ...]
    pending: tuple[Candidate, ...] = ()
    refused: frozenset[str] = frozenset()
    assays_left: int = 0
    pool_size: int | None = None
    slack: Floats = field(default_factory=lambda: np.empty((0, 0)))

    @property
    def violation(self) -> Floats:
        """By how much each measured candidate breaks its constraints, together, shape (measured,); 0: not at all."""
        if not self.slack.size:
            return np.zeros(len(self.measured))
        broken: Floats = np.maximum(-self.slack, 0).sum(axis=1)
        return broken

    @property
    def order(self) -> NDArray[np.int64]:
        """Places of the measured candidates, best first: those that keep all constraints, then the least broken."""
        return np.lexsort((-self.values, self.violation))

    @property
    def taken(self) -> frozenset[str]:
        """Ids that must not be asked for: measured, pending or refused."""
        return self.refused.union(c.id for c in self.measured).union(c.id for c in self.pending)


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation (of a new measurement, noise included), shape (candidates,) each."""

    mean: Floats
    sd: Floats


class Space(Protocol):
    """A set of candidates one can draw from.

    Every candidate that `sample` or `neighbours` gives is contained; equal designs have one id.
    """

    kind: str

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different candidates drawn at random (fewer where the space is smaller)."""
        ...

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different candidates near the parents, the parents themselves left out."""
        ...

    def contains(self, candidate: Candidate) -> bool:
        """Whether the candidate belongs to the space."""
        ...

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        """The feature blocks of these candidates, one row each, in this order."""
        ...


class Strategy(Protocol):
    """Chooses what to test next: a pure function of space, knowledge and rng."""

    @property
    def name(self) -> str:
        """The stable name under which it is registered and recorded."""
        ...

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        """Up to n different candidates, none of them in `knowledge.taken`; fewer only when the space is exhausted."""
        ...

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """What this strategy's own model expects of these candidates; None when it has no model or no data yet."""
        ...
