"""What is believed of untested candidates: an exact Gaussian process over a pool.

Values are warped to normal scores before they are modelled, so that one assay's long tail does not rule the length
scale; noise is found by restricted maximum likelihood (REML) on one eigendecomposition. Censored values enter as
such, by expectation propagation (Minka 2001; Rasmussen & Williams 2006, section 3.6), never as if they were exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr, ndtri

from dure.design.contract import Floats
from dure.design.kernels import PoolKernel
from dure.design.ranks import average_ranks

Positions = NDArray[np.int64]

MOST = 1000
"""Measurements a fit uses at most: its cost grows with their cube."""
NOISE = (1e-3, 1e2)
"""Bounds of the ratio of noise variance to signal variance."""
SWEEPS = 30
"""Passes over the censored values; they settle in about ten."""


@dataclass(frozen=True)
class Fit:
    """A Gaussian process conditioned on measurements.

    Attributes:
        kernel: whose rows it uses.
        positions: where its measurements stand in the pool, shape (n,).
        factor: lower Cholesky factor of the kernel plus relative noise, shape (n, n).
        weights: so that mean = centre + kernel rows @ weights, shape (n,).
        centre: the constant mean.
        signal: variance of the process.
        noise: variance of a measurement.
        likelihood: restricted log likelihood, up to a constant.
    """

    kernel: PoolKernel
    positions: Positions
    factor: Floats
    weights: Floats
    centre: float
    signal: float
    noise: float
    likelihood: float

    def posterior(self) -> tuple[Floats, Floats, Floats]:
        """Mean and variance of the process over the pool, and the whitened rows (n, pool) that updates need."""
        return self._given(self.kernel.rows(self.positions))

    def at(self, positions: Positions) -> tuple[Floats, Floats]:
        """Mean and variance of the process at these places of the pool, shape (positions,) each."""
        mean, variance, _ = self._given(self.kernel.rows(self.positions, positions))
        return mean, variance

    def _given(self, rows: Floats) -> tuple[Floats, Floats, Floats]:
        white = solve_triangular(self.factor, rows, lower=True, check_finite=False)
        variance = self.signal * np.maximum(1 - np.einsum("ij,ij->j", white, white), 1e-9)
        return self.centre + rows.T @ self.weights, variance, white


def normal_scores(values: Floats) -> Floats:
    """Values as quantiles of a standard normal of their mid-ranks, shape kept; equal values stay equal."""
    scores: Floats = ndtri((average_ranks(values) - 0.5) / len(values))
    return scores


def standard(values: Floats) -> tuple[Floats, float, float]:
    """Values of mean 0 and sd 1, with the mean and sd they had (sd 1 where all are equal)."""
    centre, scale = float(np.mean(values)), float(np.std(values))
    scale = scale if scale > 1e-12 * max(1.0, abs(centre)) else 1.0
    return (values - centre) / scale, centre, scale


def scaled(slack: Floats) -> Floats:
    """Slack of a constraint in units of its own spread, its sign kept, for a process to learn.

    Far out, more says no more than that the constraint is kept, or broken, for sure: it is cut off.
    """
    spread = float(np.std(slack)) or float(np.abs(slack).max(initial=0.0)) or 1.0
    cut: Floats = np.clip(slack / spread, -3, 3)
    return cut


def kept(values: Floats, most: int = MOST) -> Positions:
    """Which measurements to learn from where there are too many: the best 60 %, the newest 20 %, and an even spread.

    Args:
        values: shape (n,), in the order of measurement.
        most: how many to keep.

    Returns:
        Ascending indices, at most `most`.
    """
    n = len(values)
    if n <= most:
        return np.arange(n)
    best = np.argsort(-values, kind="stable")[: most * 6 // 10]
    chosen = np.zeros(n, dtype=bool)
    chosen[best] = True
    chosen[n - most // 5 :] = True
    rest = np.flatnonzero(~chosen)
    spread = np.linspace(0, len(rest) - 1, most - int(chosen.sum())).astype(int)
    chosen[rest[spread]] = True
    return np.flatnonzero(chosen)


def fit(kernels: Sequence[PoolKernel], positions: Positions, values: Floats, qualifiers: Sequence[str]) -> Fit:
    """The Gaussian process of the likeliest of these kernels.

    Args:
        kernels: of one pool.
        positions: shape (n,), n > 0.
        values: shape (n,), on a scale where a normal process makes sense.
        qualifiers: `=`, `<` (the truth is below the value) or `>`.
    """
    fits = [_exact(kernel, positions, values) for kernel in kernels]
    best = max(fits, key=lambda f: round(f.likelihood, 6))
    sign = np.array([{"=": 0, "<": -1, ">": 1}[q] for q in qualifiers])
    return _censored(best, values, sign) if sign.any() else best


def _exact(kernel: PoolKernel, positions: Positions, values: Floats) -> Fit:
    gram, spectrum, vectors = kernel.spectrum(positions)
    ratio, signal, likelihood = _reml(spectrum, vectors, values)
    factor, weights, centre = _condition(gram, values, np.full(len(values), ratio))
    return Fit(kernel, positions, factor, weights, centre, signal, signal * ratio, likelihood)


def _condition(gram: Floats, values: Floats, ratios: Floats) -> tuple[Floats, Floats, float]:
    """Cholesky factor, weights and generalised least-squares mean for these relative noise variances."""
    factor = cholesky(gram + np.diag(ratios), lower=True, check_finite=False)
    ones = cho_solve((factor, True), np.ones(len(values)), check_finite=False)
    centre = float(ones @ values / ones.sum())
    return factor, cho_solve((factor, True), values - centre, check_finite=False), centre


def _reml(spectrum: Floats, vectors: Floats, values: Floats) -> tuple[float, float, float]:
    """Noise ratio, signal variance and log likelihood, the constant mean projected out.

    Args:
        spectrum: eigenvalues of the centred kernel among the measured candidates, shape (n,).
        vectors: its eigenvectors, shape (n, n), one a column.
        values: shape (n,).

    Without two different values there is nothing to learn: noise and signal are called equal.
    """
    n = len(values)
    if n < 3 or np.ptp(values) == 0:
        return 1.0, max(float(np.var(values)), 0.5), 0.0
    # The constant vector carries no information on variances once the mean is free.
    free = np.arange(n) != np.argmax(np.abs(vectors.sum(axis=0)))
    spectrum, square = np.maximum(spectrum[free], 0), (vectors.T @ values)[free] ** 2

    def loss(log_ratio: float) -> float:
        total = spectrum + np.exp(log_ratio)
        return 0.5 * float((n - 1) * np.log(np.mean(square / total)) + np.log(total).sum())

    grid = np.linspace(np.log(NOISE[0]), np.log(NOISE[1]), 24)
    start = int(np.argmin([loss(x) for x in grid]))
    bounds = (grid[max(start - 1, 0)], grid[min(start + 1, len(grid) - 1)])
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    ratio = float(np.exp(best.x))
    return ratio, float(np.mean(square / (spectrum + ratio))), -float(best.fun)


def _censored(base: Fit, values: Floats, sign: NDArray[np.int64]) -> Fit:
    """The fit with censored values as one-sided limits; noise and signal stay those of the first look.

    Each limit is replaced by the normal observation that changes the process as the limit does, found by matching
    moments of value and limit with the other measurements fixed.
    """
    gram = base.kernel.rows(base.positions, base.positions)
    ratio = base.noise / base.signal
    at, side, limit = np.flatnonzero(sign), sign[sign != 0], values[sign != 0]
    seen, ratios = values.copy(), np.full(len(values), ratio)
    ratios[at] = 1e3  # at first a limit says next to nothing
    factor, weights, centre = _condition(gram, seen, ratios)
    for _ in range(SWEEPS):
        inverse = cho_solve((factor, True), np.eye(len(values)), check_finite=False)[at, at]
        cavity = np.maximum(base.signal * (1 / inverse - ratios[at]), 1e-9)
        mean = seen[at] - weights[at] / inverse
        total = cavity + base.noise
        z = side * (mean - limit) / np.sqrt(total)
        hazard = np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
        shift = side * hazard / np.sqrt(total)  # first derivative of the log probability
        curve = np.maximum(hazard * (z + hazard) / total, 1e-9)  # minus the second
        new_ratio = np.clip((1 / curve - cavity) / base.signal, 1e-6, 1e6)
        target = mean + shift / curve
        step = 0.5 * (np.log(new_ratio) - np.log(ratios[at]))
        ratios[at] *= np.exp(step)
        seen[at] += 0.5 * (target - seen[at])
        factor, weights, centre = _condition(gram, seen, ratios)
        if np.abs(step).max() < 1e-4:
            break
    return Fit(base.kernel, base.positions, factor, weights, centre, base.signal, base.noise, base.likelihood)
