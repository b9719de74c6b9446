"""What a campaign is held against, and when it may be said to beat it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dure.campaign.statistics.hits import Hits

LEVEL = 0.05
"""A control is beaten when chance explains the difference at most this often (one-sided, for each control alone)."""

Outcome = Literal["beats", "level", "loses"]


@dataclass(frozen=True)
class Band:
    """Expected number found with the range that holds 95 % of single runs; shape (points,) each."""

    mean: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


@dataclass(frozen=True)
class SeedBand(Band):
    """A band over seeds: `lower` and `upper` are the 2.5 and 97.5 percentiles of single runs.

    Attributes:
        seeds: how many runs.
        mean_lower, mean_upper: 95 % interval of the last point's mean (Student's t); equal to it for one seed.
    """

    seeds: int
    mean_lower: float
    mean_upper: float


@dataclass(frozen=True)
class Verdict:
    """One control against the campaign, at the last assay.

    Attributes:
        control: its key: `random`, `permuted`, `ranking`, `simple`, or a field's own.
        outcome: `beats` and `loses` only where p is at most `LEVEL`; everything else is `level`.
        campaign: how many the campaign found.
        expected: how many the control found (mean over seeds or exact expectation).
        p: chance of a result at least as good by the control alone (at least as bad when the control is ahead).
    """

    control: str
    outcome: Outcome
    campaign: int
    expected: float
    p: float


def random_expectation(hits: Hits, assays: Sequence[int]) -> Band:
    """Exact expectation of drawing without replacement: found ~ min(k, Hypergeometric(pool, eligible, n)).

    Args:
        hits: what there is to find.
        assays: numbers of assays n, each between 0 and the pool's size.
    """
    pmf = _hypergeometric(hits, np.asarray(assays, dtype=float))
    cdf = np.cumsum(pmf, axis=1)
    found = np.arange(hits.k + 1)
    # The cumulative sum ends within rounding of one; a quantile must not fall off its end.
    quantile = [np.argmax(cdf >= q - 1e-12, axis=1) for q in (0.025, 0.975)]
    return Band(_floats(pmf @ found), _floats(quantile[0]), _floats(quantile[1]))


def seed_band(curves: ArrayLike) -> SeedBand:
    """Mean and 95 % range over seeds.

    Args:
        curves: number found, shape (seeds, points).
    """
    from scipy.special import stdtrit

    runs = np.atleast_2d(np.asarray(curves, dtype=float))
    seeds, last = len(runs), runs[:, -1]
    half = stdtrit(seeds - 1, 0.975) * last.std(ddof=1) / math.sqrt(seeds) if seeds > 1 else 0.0
    lower, upper = np.percentile(runs, [2.5, 97.5], axis=0)
    mean = float(last.mean())
    return SeedBand(
        _floats(runs.mean(axis=0)), _floats(lower), _floats(upper), seeds, mean - float(half), mean + float(half)
    )


def against_random(hits: Hits, campaign: Iterable[str]) -> Verdict:
    """The campaign's measured ids against as many drawn at random; exact."""
    measured = set(campaign)
    found = hits.found(measured)
    pmf = _hypergeometric(hits, np.asarray([len(measured)], dtype=float))[0]
    expected = float(pmf @ np.arange(hits.k + 1))
    return _verdict("random", found, expected, float(pmf[found:].sum()), float(pmf[: found + 1].sum()))


def against_seeds(control: str, found: int, finals: Sequence[int]) -> Verdict:
    """The campaign against single runs of a control, by rank among them.

    p = (1 + runs at least as good) / (1 + runs), so fewer than 19 seeds can never show a difference: use 20 or more.
    """
    runs = np.asarray(finals)
    better = (1 + int((runs >= found).sum())) / (1 + len(runs))
    worse = (1 + int((runs <= found).sum())) / (1 + len(runs))
    return _verdict(control, found, float(runs.mean()), better, worse)


def against_ranking(control: str, hits: Hits, campaign: Iterable[str], ranked: Iterable[str]) -> Verdict:
    """The campaign against one fixed list of as many assays: exact McNemar test on the hits only one of them found.

    McNemar, Psychometrika 12 (1947) 153: under equality a hit that only one side found falls to either with 1/2.
    """
    mine, theirs = hits.ids.intersection(campaign), hits.ids.intersection(ranked)
    only_mine, only_theirs = len(mine - theirs), len(theirs - mine)
    either = only_mine + only_theirs
    found, expected = min(hits.k, len(mine)), min(hits.k, len(theirs))
    return _verdict(control, found, expected, _binomial_tail(only_mine, either), _binomial_tail(only_theirs, either))


def _verdict(control: str, found: int, expected: float, better: float, worse: float) -> Verdict:
    ahead = found >= expected
    p = min(1.0, better if ahead else worse)
    outcome: Outcome = "level" if p > LEVEL else "beats" if ahead else "loses"
    return Verdict(control, outcome, found, expected, p)


def _binomial_tail(successes: int, trials: int) -> float:
    """P(X >= successes) for X ~ Binomial(trials, 1/2)."""
    return sum(math.comb(trials, i) for i in range(successes, trials + 1)) / 2.0**trials


def _hypergeometric(hits: Hits, n: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(min(k, X) = 0 … k) for each n; shape (n, k + 1)."""
    from scipy.special import gammaln

    eligible, pool = len(hits.ids), hits.pool
    x = np.arange(eligible + 1.0)[None, :]
    n = n[:, None]

    def log_choose(total: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = (part >= 0) & (part <= total)
        held = np.where(inside, part, 0.0)
        logs = gammaln(total + 1) - gammaln(held + 1) - gammaln(total - held + 1)
        return np.where(inside, logs, -np.inf)

    whole, rest = np.full_like(n, pool), np.full_like(n, pool - eligible)
    pmf = np.exp(log_choose(np.full_like(x, eligible), x) + log_choose(rest, n - x) - log_choose(whole, n))
    capped = pmf[:, : hits.k + 1].copy()
    capped[:, hits.k] += pmf[:, hits.k + 1 :].sum(axis=1)
    return np.asarray(capped / capped.sum(axis=1, keepdims=True), dtype=float)


def _floats(array: NDArray[np.generic]) -> tuple[float, ...]:
    return tuple(float(x) for x in array.tolist())
