"""How much of a perfect score is only agreement with one noisy set of measurements.

A retrospective campaign is scored on the very labels that it was given, so it can reach a recall of 1 although the
labels carry error. Two figures put that in its place:

* the *ceiling*: a method that knows a second, equally noisy set of measurements of the whole pool perfectly, and orders
  the compounds by it. What it finds after n assays is the most that perfect knowledge of one noisy set can give; after
  k assays it is the share of the top k that a second laboratory would also put into its top k;
* the campaign's own recall when what counts as a hit is decided by the second set instead of the first.

The second set is the first one plus independent normal error. A standard deviation of 0.3 log units is a favourable
figure, about one laboratory's own reproducibility: Kramer, Kalliokoski, Gedeck and Vulpetti (J. Med. Chem. 2012, 55,
5165, doi:10.1021/jm300131x) found 0.54 between published Ki values of the same compound and target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dure.campaign.statistics.hits import Hits


@dataclass(frozen=True)
class NoiseCeiling:
    """What perfect knowledge of a second set of measurements finds.

    Attributes:
        sd: error of one measurement, in the unit of the values.
        draws: how many second sets were drawn.
        curve: mean number found after each of the asked numbers of assays.
        overlap, lower, upper: number found after exactly k assays, mean and 95 % range over draws.
    """

    sd: float
    draws: int
    curve: tuple[float, ...]
    overlap: float
    lower: float
    upper: float


def noise_ceiling(
    values: Mapping[str, float],
    hits: Hits,
    assays: Sequence[int],
    rng: np.random.Generator,
    *,
    sd: float = 0.3,
    draws: int = 500,
) -> NoiseCeiling:
    """The ceiling over numbers of assays; values by candidate id, in whatever order."""
    ids, labels = _ordered(values)
    eligible = np.asarray([i in hits.ids for i in ids])
    steps = np.asarray(assays)
    curve, overlap = np.zeros(len(steps)), np.zeros(draws)
    for draw, again in enumerate(_redrawn(labels, sd, draws, rng)):
        # The rank of each hit in the second set is all that the curve depends on.
        ranks = len(again) - np.searchsorted(np.sort(again), again[eligible], side="right")
        curve += np.minimum(hits.k, (ranks[None, :] < steps[:, None]).sum(axis=1))
        overlap[draw] = min(hits.k, int((ranks < hits.k).sum()))
    lower, upper = np.percentile(overlap, [2.5, 97.5])
    return NoiseCeiling(sd, draws, tuple((curve / draws).tolist()), float(overlap.mean()), float(lower), float(upper))


def recall_under_noise(
    values: Mapping[str, float],
    measured: Iterable[str],
    k: int,
    rng: np.random.Generator,
    *,
    sd: float = 0.3,
    draws: int = 500,
) -> tuple[float, float, float]:
    """How many of a second set's top k the campaign has measured: mean and 95 % range."""
    ids, labels = _ordered(values)
    wanted = set(measured)
    inside = np.asarray([i in wanted for i in ids])
    counts = [inside[np.argpartition(-again, k - 1)[:k]].sum() for again in _redrawn(labels, sd, draws, rng)]
    lower, upper = np.percentile(counts, [2.5, 97.5])
    return float(np.mean(counts)), float(lower), float(upper)


def _ordered(values: Mapping[str, float]) -> tuple[list[str], NDArray[np.float64]]:
    """Ids and values in the order of the ids, so that the same seed draws the same error for the same candidate."""
    ids = sorted(values)
    return ids, np.asarray([values[i] for i in ids], dtype=float)


def _redrawn(
    labels: NDArray[np.float64], sd: float, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    for _ in range(draws):
        yield labels + rng.normal(0.0, sd, len(labels))
