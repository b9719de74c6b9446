"""What counts as found: the best of a pool, fairly under ties."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hits:
    """The best `k` of a pool whose values are all known.

    With ties at the k-th place no choice among equals is made: every member at or above the k-th best value is
    `eligible`, and what was found is counted up to `k`. A campaign that measures any `k` of them has found all.

    Attributes:
        k: how many there are to find.
        threshold: the k-th best value.
        ids: the eligible members; at least k.
        pool: how many members the pool has.
    """

    k: int
    threshold: float
    ids: frozenset[str]
    pool: int

    @classmethod
    def best(cls, values: Mapping[str, float], k: int) -> Hits:
        """The best k of a pool (all of it when it is smaller).

        Raises:
            ValueError: an empty pool, a value that is not finite, or k under 1.

        >>> Hits.best({"a": 9.0, "b": 8.0, "c": 8.0, "d": 1.0}, 2).found(["b", "c", "d"])
        2
        """
        if not values or k < 1 or not all(map(math.isfinite, values.values())):
            raise ValueError(f"the best {k} of {len(values)} values: need k >= 1 and finite values, at least one")
        k = min(k, len(values))
        numbers = np.fromiter(values.values(), dtype=float, count=len(values))
        threshold = float(np.partition(numbers, -k)[-k])
        return cls(k, threshold, frozenset(i for i, value in values.items() if value >= threshold), len(values))

    @classmethod
    def top_percent(cls, values: Mapping[str, float], percent: int = 1) -> Hits:
        """The top 1 % of a pool, rounded up, so that even a small pool has one to find.

        >>> Hits.top_percent({str(i): i for i in range(976)}).k
        10
        """
        return cls.best(values, max(1, -(-len(values) * percent // 100)))

    def found(self, measured: Iterable[str]) -> int:
        """How many of the k are among these ids; an id given twice counts once."""
        return min(self.k, len(self.ids.intersection(measured)))

    def curve(self, measured: Sequence[str]) -> list[int]:
        """Found after 0, 1, 2 … assays, in the order given; shape (measured + 1,).

        >>> Hits.best({"a": 9.0, "b": 8.0, "c": 7.0}, 2).curve(["c", "a", "a"])
        [0, 0, 1, 1]
        """
        seen: set[str] = set()
        counts = [0]
        for candidate in measured:
            seen.update(self.ids.intersection([candidate]))
            counts.append(min(self.k, len(seen)))
        return counts


@dataclass(frozen=True)
class Yield:
    """What a set of measured values amounts to without any knowledge of the rest of the pool.

    Attributes:
        best: the best value.
        mean_best: mean of the best ten (of all when there are fewer).
        scaffolds: different scaffolds among the hits; None when it is not known which they are.
    """

    best: float
    mean_best: float
    scaffolds: int | None


def yield_of(values: Mapping[str, float], scaffolds: Mapping[str, str], hits: Hits | None) -> Yield:
    """Best value, mean of the best ten, and scaffolds among the hits of the measured candidates.

    Args:
        values: value by id of every measured candidate, at least one.
        scaffolds: scaffold by id; a candidate without one counts as a scaffold of its own.
        hits: what there was to find, once the plate is unsealed.
    """
    ordered = sorted(values.values(), reverse=True)[:10]
    among = None if hits is None else len({scaffolds.get(i, i) for i in hits.ids.intersection(values)})
    return Yield(ordered[0], math.fsum(ordered) / len(ordered), among)
