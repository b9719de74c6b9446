"""Subsets: some of a list of items, at most so many of them (a panel of markers, a set of knock-outs)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb

import numpy as np

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock

COUNTED = 20_000
"""Of at most so many subsets all are listed when many are asked for."""


class SubsetSpace:
    """All subsets of `least` to `most` items.

    Raises:
        BadInput: an item twice, or sizes that no subset has.
    """

    kind = "subset"

    def __init__(self, items: Sequence[str], most: int, least: int = 1) -> None:
        self.items, self.most, self.least = tuple(sorted(map(str, items))), most, least
        if len(set(self.items)) < len(self.items):
            raise BadInput("an item stands twice in the list", where="[space], items", remedy="name each item once")
        if not 1 <= least <= most <= len(self.items):
            raise BadInput(
                f"no subset of {len(self.items)} items has {least} to {most} of them",
                where="[space]",
                remedy="give items, and 1 <= least <= most <= their number",
            )
        self._place = {item: i for i, item in enumerate(self.items)}
        self._counts = [comb(len(self.items), k) for k in range(least, most + 1)]

    @property
    def size(self) -> int:
        """How many subsets there are."""
        return sum(self._counts)

    def subset(self, items: Sequence[str]) -> Candidate:
        """The candidate of these items, in any order.

        Raises:
            BadInput: an item that is not in the list, one twice, or too few or too many.
        """
        chosen = sorted(items)
        strange = [item for item in chosen if item not in self._place]
        if strange or len(set(chosen)) < len(chosen) or not self.least <= len(chosen) <= self.most:
            raise BadInput(
                f"{strange[0]!r} is not among the items"
                if strange
                else f"a subset has {self.least} to {self.most} different items, not {len(chosen)}"
            )
        return Candidate(self.kind, {"items": chosen}, {"items": chosen})

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different subsets, each as likely as every other: so most of them are as large as allowed."""
        if self.size <= COUNTED and 2 * n >= self.size:
            sizes = range(self.least, self.most + 1)
            every = [c for k in sizes for c in combinations(range(len(self.items)), k)]
            return self._all([every[i] for i in rng.permutation(len(every))[:n]])
        share = np.array([float(count / self.size) for count in self._counts])
        found: dict[tuple[int, ...], None] = {}
        while len(found) < n:
            extra = rng.choice(len(share), size=n, p=share / share.sum())
            found.update(dict.fromkeys(self._random(self.least + int(k), rng) for k in extra))
        return self._all(list(found)[:n])

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different subsets near the parents: a few items exchanged, added or left out."""
        if not parents:
            return []
        own = [self._places(p) for p in parents]
        taken = set(own)
        found: dict[tuple[int, ...], None] = {}
        for _ in range(4 * n):
            chosen = list(own[int(rng.integers(len(own)))])
            moves = int(rng.geometric(0.5))
            rest = np.setdiff1d(np.arange(len(self.items)), chosen)
            gone = min(int(rng.integers(0, moves + 1)), len(chosen))
            kept = rng.permutation(chosen)[gone:]
            new = rng.permutation(rest)[: int(rng.integers(0, moves + 1)) if gone < moves else moves]
            made = tuple(sorted(map(int, [*kept, *new])))
            if self.least <= len(made) <= self.most and made not in taken:
                found[made] = None
            if len(found) == n:
                break
        return self._all(list(found))

    def contains(self, candidate: Candidate) -> bool:
        """Whether it is a subset of these items in canonical order."""
        items = candidate.content.get("items")
        if candidate.kind != self.kind or len(candidate.content) != 1 or not isinstance(items, list | tuple):
            return False
        known = all(isinstance(item, str) and item in self._place for item in items)
        return known and self.least <= len(items) <= self.most and list(items) == sorted(set(items))

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        """One counts block of ones, shape (candidates, items): alike are those that share most of their items."""
        from scipy import sparse

        rows = [self._places(c) for c in candidates]
        ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        columns = np.array([i for row in rows for i in row], dtype=np.int64)
        shape = (len(rows), len(self.items))
        return (FeatureBlock("items", "counts", sparse.csr_matrix((np.ones(len(columns)), columns, ends), shape)),)

    def _places(self, candidate: Candidate) -> tuple[int, ...]:
        return tuple(self._place[item] for item in candidate.content["items"])

    def _random(self, size: int, rng: np.random.Generator) -> tuple[int, ...]:
        return tuple(sorted(rng.choice(len(self.items), size=size, replace=False).tolist()))

    def _all(self, chosen: Sequence[tuple[int, ...]]) -> list[Candidate]:
        return [self.subset([self.items[i] for i in row]) for row in chosen]
