"""The strategies, by stable name: `dure` (the default), `gp-ei`, `forest-greedy`, `diverse`, `random`; and for recipes
and schedules `trust-region`, `cma-es` and `latin-hypercube`.

The first ones look at a space through a pool: the pool itself where the space is one, otherwise what was tested, a
sample of the space, and neighbours of the best found so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from dure.base.errors import BadInput
from dure.design.acquisition import Choice, expected_improvement, reach
from dure.design.batch import Belief, best
from dure.design.candidate import Candidate
from dure.design.contract import Floats, Knowledge, Prediction, Space, Strategy
from dure.design.diversity import diverse
from dure.design.evolution import Evolution
from dure.design.hypercube import LatinHypercube
from dure.design.kernels import pool_kernels
from dure.design.pool import PoolSpace
from dure.design.surrogates import Fit, fit, kept, normal_scores, scaled, standard
from dure.design.trust_region import TrustRegion

Free = NDArray[np.bool_]

DRAWN, NEAR, PARENTS = 2000, 1000, 10
"""Candidates drawn from a space that is no pool: at random, and near so many of the best measured ones."""
TREES = 100
FOLDED = 2048
"""Columns to which the first counts block is folded for a forest."""
DENSE_ROWS = 4096
"""Candidates that a forest is shown at once."""


@dataclass(frozen=True)
class Random:
    """Draws at random: what every other strategy has to beat."""

    name: str = "random"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        # Where there is no pool, neighbours of the best would be no chance.
        pool = space if isinstance(space, PoolSpace) else _pool(space, space.sample(DRAWN, rng))
        rest = np.flatnonzero(free(pool, knowledge))
        return pool.take(rng.choice(rest, size=min(n, len(rest)), replace=False))

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """None: it has no model."""
        return None


@dataclass(frozen=True)
class Diverse:
    """Covers the space, whatever was found; every model's first batch is chosen like this."""

    name: str = "diverse"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        pool = looked_at(space, knowledge, rng)
        pending = pool.position([c.id for c in knowledge.pending])
        known = np.concatenate([taken(pool, knowledge), pending[pending >= 0]])
        return pool.take(diverse(pool, free(pool, knowledge), known, n, rng))

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """None: it has no model."""
        return None


@dataclass(frozen=True)
class Gaussian:
    """An exact Gaussian process, and a rule that makes a batch of what it believes.

    Attributes:
        name: the strategy's.
        choice: see `dure.design.acquisition`.
        first: what chooses while nothing is measured.
    """

    name: str
    choice: Choice
    first: Strategy = field(default_factory=Diverse)

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        if not knowledge.measured:
            return self.first.ask(space, knowledge, n, rng)
        pool = looked_at(space, knowledge, rng)
        pending = pool.position([c.id for c in knowledge.pending])
        belief = Belief.of(learn(pool, knowledge, normal_scores(knowledge.values)), kept_by(pool, knowledge))
        for position in pending[pending >= 0]:
            belief.measure(int(position))
        return pool.take(self.choice(belief, free(pool, knowledge), knowledge, n, rng))

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """The process on the values as they are: normal scores rank, but have no unit."""
        if not knowledge.measured:
            return None
        pool = space if isinstance(space, PoolSpace) else _pool(space, [*knowledge.measured, *candidates])
        values, centre, scale = standard(knowledge.values)
        model = learn(pool, knowledge, values)
        mean, variance = model.at(places(pool, candidates))
        return Prediction(centre + scale * mean, scale * np.sqrt(variance + model.noise))


@dataclass(frozen=True)
class Forest:
    """A random forest (Breiman 2001), and the highest of its means: the usual simple baseline.

    Censored values are left out of its training.
    """

    name: str = "forest-greedy"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        exact = np.array([q == "=" for q in knowledge.qualifiers], dtype=bool)
        if not exact.any():
            return Random().ask(space, knowledge, n, rng)
        pool = looked_at(space, knowledge, rng)
        scores = self._trees(pool, knowledge, exact, int(rng.integers(2**31))).mean(axis=0)
        return pool.take(best(scores, free(pool, knowledge), n))

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """Mean and spread of the trees: their leaves of one value hold the noise as well."""
        exact = np.array([q == "=" for q in knowledge.qualifiers], dtype=bool)
        if not exact.any():
            return None
        pool = space if isinstance(space, PoolSpace) else _pool(space, [*knowledge.measured, *candidates])
        trees = self._trees(pool, knowledge, exact, 0)[:, places(pool, candidates)]
        return Prediction(trees.mean(axis=0), np.maximum(trees.std(axis=0), 1e-9))

    def _trees(self, pool: PoolSpace, knowledge: Knowledge, exact: Free, seed: int) -> Floats:
        """What each tree says of the pool, shape (trees, pool)."""
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(TREES, max_features=1 / 3, random_state=seed, n_jobs=1)
        model.fit(dense(pool, taken(pool, knowledge, exact)), knowledge.values[exact])
        said = np.empty((TREES, len(pool)))
        # A pool of 100,000 would take a gigabyte at once.
        for start in range(0, len(pool), DENSE_ROWS):
            part = slice(start, start + DENSE_ROWS)
            rows = dense(pool, part)
            said[:, part] = [tree.predict(rows, check_input=False) for tree in model.estimators_]
        return said


def looked_at(space: Space, knowledge: Knowledge, rng: np.random.Generator) -> PoolSpace:
    """The pool through which a strategy sees a space."""
    if isinstance(space, PoolSpace):
        return space
    near = space.neighbours([knowledge.measured[i] for i in knowledge.order[:PARENTS]], NEAR, rng)
    return _pool(space, [*knowledge.measured, *knowledge.pending, *space.sample(DRAWN, rng), *near])


def free(pool: PoolSpace, knowledge: Knowledge) -> Free:
    """Which of the pool may be asked for, shape (pool,)."""
    result = np.ones(len(pool), dtype=bool)
    position = pool.position(sorted(knowledge.taken))
    result[position[position >= 0]] = False
    return result


def taken(pool: PoolSpace, knowledge: Knowledge, which: Free | None = None) -> NDArray[np.int64]:
    """Where the measured candidates stand in the pool, or those of them that `which` marks.

    Raises:
        BadInput: one of them is not in the pool.
    """
    position = places(pool, knowledge.measured)
    return position if which is None else position[which]


def places(pool: PoolSpace, candidates: Sequence[Candidate]) -> NDArray[np.int64]:
    """Where these candidates stand in the pool, shape (candidates,).

    Raises:
        BadInput: one of them is not in the pool.
    """
    position = pool.position([c.id for c in candidates])
    if (position < 0).any():
        raise BadInput(f"{int((position < 0).sum())} candidates are not in the pool", where=pool.digest)
    return position


def learn(pool: PoolSpace, knowledge: Knowledge, values: Floats) -> Fit:
    """The process fitted to these values, one a measured candidate; of too many the most telling."""
    use = kept(values)
    return fit(pool_kernels(pool), taken(pool, knowledge)[use], values[use], [knowledge.qualifiers[i] for i in use])


def kept_by(pool: PoolSpace, knowledge: Knowledge) -> Floats | None:
    """Log probability that each of the pool keeps all constraints, by one process a constraint; None without any."""
    if not knowledge.slack.size:
        return None
    total: Floats = np.zeros(len(pool))
    for column in knowledge.slack.T:
        model = fit(pool_kernels(pool), taken(pool, knowledge), scaled(column), ["="] * len(column))
        mean, variance, _ = model.posterior()
        total += log_ndtr(mean / np.sqrt(variance))
    return total


def _pool(space: Space, candidates: Sequence[Candidate]) -> PoolSpace:
    return PoolSpace.of({c.id: c for c in candidates}.values(), space.features)


def dense(pool: PoolSpace, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
    """What a forest learns from of these rows: the first counts block, folded, beside all others that are no counts."""
    counts, others = pool.derived("columns", _columns)
    parts = [block[rows].toarray() for block in counts] + [block[rows] for block in others]
    return np.nan_to_num(np.hstack(parts).astype(np.float32), posinf=0, neginf=0)


def _columns(pool: PoolSpace) -> tuple[list[Any], list[Any]]:
    """The first counts block of a pool, folded, and all blocks that are no counts."""
    first = next((b for b in pool.blocks if b.kind == "counts"), None)
    counts = [_folded(first.matrix)] if first else []
    others = [b.matrix for b in pool.blocks if b.kind != "counts"]
    if not counts and not others:
        raise BadInput("the space has no features to learn from", remedy="give features, or use the strategy `random`")
    return counts, others


def _folded(counts: Any) -> Any:
    from scipy import sparse

    fold = np.arange(counts.shape[1]) % FOLDED
    hashing = sparse.csr_matrix((np.ones(len(fold), dtype=np.float32), (np.arange(len(fold)), fold)))
    return sparse.csr_matrix(counts) @ hashing


STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "dure": lambda: Gaussian("dure", reach),
    "gp-ei": lambda: Gaussian("gp-ei", expected_improvement),
    "forest-greedy": Forest,
    "diverse": Diverse,
    "random": Random,
    "latin-hypercube": LatinHypercube,
    "trust-region": TrustRegion,
    "cma-es": Evolution,
}


def strategy(name: str) -> Strategy:
    """The strategy of this name.

    Raises:
        BadInput: no such strategy.
    """
    if name not in STRATEGIES:
        raise BadInput(f"there is no strategy {name!r}", remedy=f"choose one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]()
