"""Markers, relationships and the two regressions of genomic prediction.

Relationship matrix: VanRaden (2008), J. Dairy Sci. 91:4414, method 1. REML by one decomposition: Kang et al. (2008),
Genetics 178:1709. Hardy-Weinberg: chi-squared with one degree of freedom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
RARE, LOST, UNLIKELY = 0.05, 0.1, 1e-6
"""Least frequency of the rarer allele, most missing calls, least p of the Hardy-Weinberg test."""
INBRED = 0.5
"""Inbreeding above which genotypes are not expected in Hardy-Weinberg proportions."""
EDGE = 1e-4
"""Heritabilities are looked for from here to one less this."""
CLOSE = 0.25
"""Genomic relationship from which two individuals count as relatives: half sibs and closer."""


@dataclass(frozen=True)
class Filtered:
    """Which markers are kept, and how many each filter took; `frequency` of the counted allele, shape (markers,)."""

    kept: Bools
    frequency: Floats
    rare: int
    lost: int
    unlikely: int
    inbreeding: float


def filters(dosage: Floats) -> Filtered:
    """Filters on the dosages of training individuals, shape (individuals, markers), NaN where missing."""
    called = (~np.isnan(dosage)).sum(axis=0)
    frequency = np.nansum(dosage, axis=0) / np.maximum(2 * called, 1)
    common = np.minimum(frequency, 1 - frequency)
    lost = called < (1 - LOST) * len(dosage)
    rare = common < RARE
    counts = np.stack([(np.rint(dosage) == k).sum(axis=0) for k in range(3)])
    expected = called * np.stack([(1 - frequency) ** 2, 2 * frequency * (1 - frequency), frequency**2])
    usable = ~rare & ~lost
    heterozygous, wanted = counts[1][usable].sum(), expected[1][usable].sum()
    inbreeding = float(1 - heterozygous / max(wanted, 1e-9))
    unlikely = np.zeros(len(frequency), dtype=bool)
    if inbreeding < INBRED:
        from scipy.stats import chi2

        squared = ((counts - expected) ** 2 / np.maximum(expected, 1e-9)).sum(axis=0)
        unlikely = usable & (chi2.sf(squared, 1) < UNLIKELY)
    return Filtered(
        usable & ~unlikely, frequency, int((rare & ~lost).sum()), int(lost.sum()), int(unlikely.sum()), inbreeding
    )


def centred(dosage: Floats, frequency: Floats) -> Floats:
    """Dosages less twice the frequency, missing calls at the mean, scaled so that Z Z' is VanRaden's G."""
    scale = np.sqrt(max(2 * (frequency * (1 - frequency)).sum(), 1e-12))
    return np.asarray(np.where(np.isnan(dosage), 0.0, dosage - 2 * frequency) / scale)


def kin(groups: NDArray[np.str_], relationship: Floats) -> NDArray[np.int64]:
    """Sets that no fold may split, shape (individuals,): families, joined where a relationship reaches `CLOSE`."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    same = groups[:, None] == groups[None, :]
    rows, columns = np.nonzero(same | (relationship >= CLOSE))
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=relationship.shape)
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


@dataclass(frozen=True)
class Mixed:
    """GBLUP: `effects` of fixed columns, weights `u` of centred dosages, heritability and its 95 % profile interval."""

    effects: Floats
    u: Floats
    heritability: float
    interval: tuple[float, float]


def gblup(z: Floats, fixed: Floats, values: Floats) -> Mixed:
    """Y = X b + Z u + e by REML.

    Args:
        z: centred dosages, shape (individuals, markers); G = Z Z'.
        fixed: shape (individuals, effects), a column of ones among them.
        values: shape (individuals,).
    """
    from scipy.optimize import minimize_scalar

    n, p = fixed.shape
    q = np.linalg.qr(fixed, mode="complete")[0][:, p:]
    g = z @ z.T
    roots, vectors = np.linalg.eigh(q.T @ g @ q)
    roots = np.maximum(roots, 0.0)
    seen = (vectors.T @ (q.T @ values)) ** 2
    level = float(np.trace(g)) / n

    def loss(h: float) -> float:
        weights = h / level * roots + (1 - h)
        return float((n - p) * np.log((seen / weights).sum()) + np.log(weights).sum())

    h = float(minimize_scalar(loss, bounds=(EDGE, 1 - EDGE), method="bounded").x)
    inverse = np.linalg.inv(h / level * g + (1 - h) * np.eye(n))
    effects = np.asarray(np.linalg.solve(fixed.T @ inverse @ fixed, fixed.T @ inverse @ values))
    rest = inverse @ (values - fixed @ effects)
    return Mixed(effects, h / level * (z.T @ rest), h, _profile(loss, h))


def _profile(loss: Callable[[float], float], best: float) -> tuple[float, float]:
    """Where twice the restricted log-likelihood lies within 3.84 (chi-squared, one degree) of its highest."""
    from scipy.optimize import brentq

    def over(h: float) -> float:
        return loss(h) - loss(best) - 3.84

    low = brentq(over, EDGE, best) if over(EDGE) > 0 else 0.0
    high = brentq(over, best, 1 - EDGE) if over(1 - EDGE) > 0 else 1.0
    return float(low), float(high)


def bayesian_ridge(z: Floats, fixed: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Effects of the fixed columns and marker weights, both variances by their evidence (MacKay 1992)."""
    from sklearn.linear_model import BayesianRidge

    effects = np.asarray(np.linalg.lstsq(fixed, values, rcond=None)[0])
    left = values - fixed @ effects
    # In the span of the individuals the solution is the same, without a covariance of all markers.
    u, scale, vt = np.linalg.svd(z, full_matrices=False)
    return effects, np.asarray(vt.T @ BayesianRidge(fit_intercept=False).fit(u * scale, left).coef_)


def structure(z: Floats, fixed: Floats, values: Floats, components: int = 5) -> tuple[Floats, Floats]:
    """The simple baseline: regression on the first principal components, which tell populations apart."""
    _, _, vt = np.linalg.svd(z, full_matrices=False)
    axes = vt[:components].T
    whole = np.linalg.lstsq(np.column_stack([fixed, z @ axes]), values, rcond=None)[0]
    return whole[: fixed.shape[1]], axes @ whole[fixed.shape[1] :]
