"""A finite pool: candidates in the order of their ids, whatever order they were given in.

A file's row order can leak the answer (in published affinity sets it follows activity), so a pool forgets it at once.
The pool is three Arrow columns (id, content, form; the last two canonical JSON) and candidates are made when asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dure.base.canonical import canonical, digest
from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock

Features = Callable[[Sequence[Candidate]], tuple[FeatureBlock, ...]]
Positions = NDArray[np.int64]
T = TypeVar("T")

SCHEMA = pa.schema([(name, pa.large_string()) for name in ("id", "content", "form")])


class PoolSpace:
    """A finite set of candidates of one kind.

    Args:
        kind: of every candidate in it.
        table: columns id, content and form, in any order of rows; extra columns are refused, lest values slip in.
        features: blocks aligned with the pool's own order (that of the ids), or a function of candidates; none for a
            pool from which one can only draw at random.

    Raises:
        BadInput: an id twice, or blocks with another number of rows than the pool.
    """

    def __init__(self, kind: str, table: pa.Table, features: tuple[FeatureBlock, ...] | Features = ()) -> None:
        if table.column_names != SCHEMA.names:
            raise BadInput(f"a pool has columns {SCHEMA.names}, not {table.column_names}")
        self.kind = kind
        # Ids are ASCII, so that Arrow's order of bytes is Python's order of text.
        self.table = table.cast(SCHEMA).sort_by("id").combine_chunks()
        _refuse_duplicates(self.table["id"])
        self._features = features
        self._derived: dict[str, Any] = {}
        if isinstance(features, tuple):
            _refuse_other_lengths(features, len(self))

    @classmethod
    def of(cls, candidates: Iterable[Candidate], features: tuple[FeatureBlock, ...] | Features = ()) -> PoolSpace:
        """A pool of candidates in any order; blocks, where given, are aligned with the order given here."""
        given = list(candidates)
        kinds = {c.kind for c in given}
        if len(kinds) > 1:
            raise BadInput(f"a pool holds one kind of candidate, not {sorted(kinds)}")
        columns = [
            [c.id for c in given],
            [canonical(c.content).decode() for c in given],
            [canonical(c.form).decode() for c in given],
        ]
        table = pa.Table.from_arrays([pa.array(column, pa.large_string()) for column in columns], schema=SCHEMA)
        if isinstance(features, tuple):
            _refuse_other_lengths(features, len(given))
            order = np.array(sorted(range(len(given)), key=columns[0].__getitem__), dtype=np.int64)
            features = tuple(FeatureBlock(b.name, b.kind, b.matrix[order]) for b in features)
        return cls(kinds.pop() if kinds else "none", table, features)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __getitem__(self, position: int) -> Candidate:
        """The candidate at a position of the pool's order, made anew each time."""
        content, form = (json.loads(self.table[name][int(position)].as_py()) for name in ("content", "form"))
        return Candidate(self.kind, content, form)

    @property
    def ids(self) -> list[str]:
        """All ids, ascending."""
        return self.derived("ids", lambda pool: cast(list[str], pool.table["id"].to_pylist()))

    @property
    def digest(self) -> str:
        """The digest of the sorted ids: two pools of the same designs have one name."""
        return self.derived("digest", lambda pool: digest(pool.ids))

    def position(self, ids: Sequence[str]) -> Positions:
        """Where these ids stand, shape (ids,); -1 for an id that is not in the pool."""
        found = pc.index_in(pa.array(ids, pa.large_string()), value_set=self.table["id"].combine_chunks())
        return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)

    def take(self, positions: Iterable[int]) -> list[Candidate]:
        """The candidates at these positions, in this order."""
        return [self[i] for i in positions]

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different candidates drawn at random."""
        return self.take(rng.choice(len(self), size=min(n, len(self)), replace=False))

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        """The n candidates most like any of the parents, the parents left out; drawn at random without features."""
        from dure.design.kernels import pool_kernels

        own = self.position([p.id for p in parents])
        own = own[own >= 0]
        near = np.zeros(len(self))
        if len(own) and self.blocks:
            near = pool_kernels(self)[0].rows(own).max(axis=0)
        elif len(own):
            near = rng.random(len(self))
        near[own] = -np.inf
        best = np.argsort(-near, kind="stable")[: max(0, min(n, len(self) - len(own)))]
        return self.take(best)

    def contains(self, candidate: Candidate) -> bool:
        """Whether a candidate of this id is in the pool."""
        return bool(self.position([candidate.id])[0] >= 0)

    @property
    def blocks(self) -> tuple[FeatureBlock, ...]:
        """The features of the whole pool, in its order."""
        if isinstance(self._features, tuple):
            return self._features
        compute = self._features
        return self.derived("blocks", lambda pool: compute(pool.take(range(len(pool)))))

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        """The features of these candidates, in this order.

        Raises:
            BadInput: a candidate is not in the pool.
        """
        rows = self.position([c.id for c in candidates])
        if (rows < 0).any():
            raise BadInput(f"{int((rows < 0).sum())} candidates are not in the pool", where=self.digest)
        return tuple(FeatureBlock(b.name, b.kind, b.matrix[rows]) for b in self.blocks)

    def derived(self, name: str, make: Callable[[PoolSpace], T]) -> T:
        """What a pure function makes of this pool, made once: the pool never changes, so purity is kept."""
        if name not in self._derived:
            self._derived[name] = make(self)
        return cast(T, self._derived[name])


def _refuse_duplicates(ids: pa.ChunkedArray) -> None:
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        raise BadInput(
            f"{len(twice)} candidates are in the pool more than once, first {twice[0]}",
            remedy="join what is known of equal designs before the pool is made",
        )


def _refuse_other_lengths(blocks: tuple[FeatureBlock, ...], rows: int) -> None:
    for block in blocks:
        if block.matrix.shape[0] != rows:
            raise BadInput(f"block {block.name} has {block.matrix.shape[0]} rows, the pool {rows}")
