"""Trust-region Bayesian optimisation with noise and constraints, for recipes and schedules of many parameters.

A Gaussian process with a length scale for each parameter is trusted near the best design only; the region grows after
successes and shrinks after failures (TuRBO: Eriksson et al. 2019, arXiv:1910.01739), and a batch is chosen by sampling
the processes of objective and constraints together (SCBO: Eriksson and Poloczek 2021, arXiv:2002.08526). How large the
region is follows from what was measured, batch by batch: nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dure.design.box import GridSpace
from dure.design.candidate import Candidate
from dure.design.contract import Floats, Knowledge, Prediction, Space
from dure.design.hypercube import LatinHypercube, fresh, grid
from dure.design.surrogates import kept, normal_scores, scaled, standard

START, LEAST, MOST = 0.8, 0.5**7, 1.6
"""Side of the region, as a share of the range: at first, before it starts anew, and at most."""
SUCCESSES = 3
"""Batches with a better design after which the region doubles."""
BETTER = 1e-3
"""A design is better by at least this share of the spread of values."""
PROPOSED, NEAREST = 2000, 0.05
"""Points drawn in the region, each within this share of it up to all, and with one to all parameters moved."""
ENOUGH = 5
"""Measurements a parameter, from which each gets a length scale of its own."""
LEARNT = 400
"""Measurements that the processes learn from, at most."""


@dataclass(frozen=True)
class TrustRegion:
    """See the module."""

    name: str = "trust-region"

    def ask(self, space: Space, knowledge: Knowledge, n: int, rng: np.random.Generator) -> list[Candidate]:
        own = grid(space, self.name)
        if len(knowledge.measured) < 2:
            return LatinHypercube().ask(space, knowledge, n, rng)
        models = _models(own, knowledge, normal_scores(knowledge.values))
        centre = own.lattice.unit(own.points([knowledge.measured[int(knowledge.order[0])]]))[0]
        length = _length(knowledge, n, len(centre))
        candidates = own.at(_around(centre, length, models[0], rng))
        candidates = [c for c in candidates if c.id not in knowledge.taken]
        if len(candidates) < n:
            return fresh(candidates, space, knowledge, n, rng)
        points = own.lattice.unit(own.points(candidates))
        seeds = rng.integers(2**31, size=len(models))
        drawn = [_draws(m, points, n, int(s)) for m, s in zip(models, seeds, strict=True)]
        chosen = _choose(drawn[0], drawn[1:], n)
        return [candidates[i] for i in chosen]

    def predict(self, space: Space, knowledge: Knowledge, candidates: Sequence[Candidate]) -> Prediction | None:
        """What the process expects in the objective's own unit."""
        own = grid(space, self.name)
        if len(knowledge.measured) < 2 or not candidates:
            return None
        values, centre, scale = standard(knowledge.values)
        model, *_ = _models(own, knowledge, values, constraints=False)
        mean, sd = model.predict(own.lattice.unit(own.points(candidates)), return_std=True)
        noise = model.kernel_.k2.noise_level * model._y_train_std**2
        return Prediction(centre + scale * mean, scale * np.sqrt(sd**2 + noise))


def _models(space: GridSpace, knowledge: Knowledge, values: Floats, constraints: bool = True) -> list[Any]:
    """A process for the values, and one for each constraint's slack, on the most telling measurements."""
    use = kept(values, LEARNT)
    points = space.lattice.unit(space.points(knowledge.measured))[use]
    models = [_process(points, values[use])]
    if constraints and knowledge.slack.size:
        for column in knowledge.slack.T:
            models.append(_process(points, scaled(column)[use]))
    return models


def _process(points: Floats, values: Floats) -> Any:
    """Matérn 5/2 with a length scale each parameter and white noise, by marginal likelihood."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    columns = points.shape[1]
    # A length scale each parameter is learnt from many measurements only; few would be explained by chance.
    scales = 0.5 * np.sqrt(columns) * np.ones(columns if len(points) >= ENOUGH * columns else 1)
    shape = Matern(scales, (0.05, 20.0 * np.sqrt(columns)), nu=2.5)
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * shape + WhiteKernel(1e-2, (1e-6, 1.0))
    model = GaussianProcessRegressor(kernel, normalize_y=True)
    with warnings.catch_warnings():
        # A length scale at its bound is a parameter that does not matter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points, values)


def _length(knowledge: Knowledge, n: int, columns: int) -> float:
    """The side of the region after all batches so far."""
    order, broken = knowledge.values, knowledge.violation
    first = len(order) % n or n
    spread = float(np.std(order)) or 1.0
    best, best_broken = -np.inf, np.inf
    length, good, bad = START, 0, 0
    patience = max(4, -(-columns // n))
    for begin in [0, *range(first, len(order), n)]:
        stop = first if begin == 0 else begin + n
        top = np.lexsort((-order[begin:stop], broken[begin:stop]))[0] + begin
        better = broken[top] < best_broken or (broken[top] == best_broken and order[top] > best + BETTER * spread)
        if begin:
            good, bad = (good + 1, 0) if better else (0, bad + 1)
        if better:
            best, best_broken = order[top], broken[top]
        if good == SUCCESSES:
            length, good = min(2 * length, MOST), 0
        elif bad == patience:
            length, bad = length / 2, 0
        if length < LEAST:
            length = START
    return length


def _around(centre: Floats, length: float, model: Any, rng: np.random.Generator) -> Floats:
    """Points of the region, shape (PROPOSED, parameters): wider where the value changes slowly."""
    scales = np.broadcast_to(np.asarray(model.kernel_.k1.k2.length_scale, dtype=float), centre.shape)
    weights = scales / np.exp(np.mean(np.log(scales)))
    half = length * weights / 2 * np.exp(rng.uniform(np.log(NEAREST), 0.0, size=(PROPOSED, 1)))
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    points = low + (high - low) * rng.random(half.shape)
    share = rng.uniform(1 / len(centre), 1.0, size=(PROPOSED, 1))
    moved = rng.random(points.shape) < share
    moved[np.arange(len(points)), rng.integers(len(centre), size=len(points))] = True
    return np.where(moved, points, centre)


def _draws(model: Any, points: Floats, n: int, seed: int) -> Floats:
    """N functions drawn from a process, without the noise of measuring, shape (points, n)."""
    mean, covariance = model.predict(points, return_cov=True)
    white = model.kernel_.k2.noise_level * model._y_train_std**2
    covariance[np.diag_indices_from(covariance)] += 1e-8 * covariance.max() - white
    factor = _root(covariance)
    drawn: Floats = mean[:, None] + factor @ np.random.default_rng(seed).normal(size=(len(points), n))
    return drawn


def _root(covariance: Floats) -> Floats:
    from scipy.linalg import LinAlgError, cholesky

    jitter = 1e-8 * float(np.mean(np.diag(covariance))) + 1e-12
    for power in range(8):
        try:
            more = 10.0**power * jitter * np.eye(len(covariance))
            factor: Floats = cholesky(covariance + more, lower=True, check_finite=False)
        except LinAlgError:
            continue
        return factor
    alone: Floats = np.diag(np.sqrt(np.maximum(np.diag(covariance), 0)))
    return alone


def _choose(value: Floats, slack: Sequence[Floats], n: int) -> list[int]:
    """For each drawn function the best point that keeps the drawn constraints, or the one that breaks them least."""
    broken = sum((np.maximum(-s, 0) for s in slack), np.zeros_like(value))
    chosen: list[int] = []
    for j in range(n):
        order = np.lexsort((-value[:, j], broken[:, j]))
        chosen.append(next(int(i) for i in order if int(i) not in chosen))
    return chosen
