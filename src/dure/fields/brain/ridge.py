"""The clock: ridge regression of the transformed age in which every CpG is weighted by its own link to adult age.

The publisher chose the CpGs over the whole of life, where development swamps ageing. A CpG's share in the penalty is
therefore set by its t statistic on age among training arrays of adults, to a power chosen in training folds (an
adaptive ridge, after Zou 2006, J. Am. Stat. Assoc. 101:1418).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dure.base.errors import BadInput
from dure.fields.brain.methylation import OF_AGE, Floats, Ints, folds_of, transformed, years

POWERS = (0.0, 0.5, 1.0, 2.0)
PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
FOLDS = 5
LEAST = 40
LEVELS = (0.8, 0.95)


@dataclass(frozen=True)
class Linear:
    """Transformed age = `intercept` + (beta - `mean`) @ `weights`; beta, mean and weights have shape (cpgs,)."""

    mean: Floats
    weights: Floats
    intercept: float

    def transformed(self, beta: Floats) -> Floats:
        """Predicted transformed age, shape (arrays,); a missing CpG (NaN) counts as the training mean."""
        return np.nan_to_num(beta - self.mean) @ self.weights + self.intercept


@dataclass(frozen=True)
class Choice:
    """Hyperparameters and what grouped cross-validation with them predicts for each training array.

    Attributes:
        power: of the t statistic in a CpG's weight; None: every CpG scaled to standard deviation 1 (plain ridge).
        penalty: ridge penalty relative to the mean squared length of a scaled array.
        held_out: transformed age predicted by models that never saw the array's donor, shape (arrays,).
    """

    power: float | None
    penalty: float
    held_out: Floats


def scales(beta: Floats, age: Floats, power: float | None) -> Floats:
    """The weight of each CpG, shape (cpgs,), so that a scaled array has length 1 in the mean square."""
    of_age = age >= OF_AGE
    if power is None or of_age.sum() < LEAST:
        weight = 1 / np.maximum(beta.std(axis=0), 1e-9)
    else:
        x = beta[of_age] - beta[of_age].mean(axis=0)
        y = transformed(age[of_age])
        y = y - y.mean()
        r = (y @ x) / np.maximum(np.linalg.norm(y) * np.linalg.norm(x, axis=0), 1e-12)
        t = np.abs(r) / np.sqrt(np.maximum(1 - r**2, 1e-9))
        weight = t**power / np.maximum(x.std(axis=0), 1e-9)
    length = (((beta - beta.mean(axis=0)) * weight) ** 2).sum(axis=1).mean()
    return np.asarray(weight / np.sqrt(length))


def fit(beta: Floats, age: Floats, power: float | None, penalty: float) -> Linear:
    """Ridge regression in its dual form: as many equations as arrays, not as CpGs."""
    weight = scales(beta, age, power)
    mean = beta.mean(axis=0)
    x = (beta - mean) * weight
    y = transformed(age)
    dual = np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), y - y.mean())
    return Linear(mean, weight * (x.T @ dual), float(y.mean()))


def choose(
    beta: Floats,
    age: Floats,
    donor: Ints,
    *,
    powers: Sequence[float | None] = POWERS,
    penalties: Sequence[float] = PENALTIES,
    folds: int = FOLDS,
    seed: int = 0,
) -> Choice:
    """The power and penalty of the least mean absolute error in years, in folds that keep donors whole.

    Raises:
        BadInput: fewer than 40 arrays, or fewer donors than folds.
    """
    if len(age) < LEAST or len(np.unique(donor)) < folds:
        raise BadInput(
            f"{len(age)} arrays of {len(np.unique(donor))} donors are too few to train a clock",
            remedy=f"give at least {LEAST} arrays of {folds} donors, better some hundreds",
        )
    fold = folds_of(donor, folds, seed)
    found = {(power, penalty): np.empty(len(age)) for power in powers for penalty in penalties}
    for power in powers:
        for k in range(folds):
            inside, outside = fold != k, fold == k
            weight, mean = scales(beta[inside], age[inside], power), beta[inside].mean(axis=0)
            x, y = (beta - mean) * weight, transformed(age[inside])
            values, vectors = np.linalg.eigh(x[inside] @ x[inside].T)
            turned = x[outside] @ x[inside].T @ vectors, vectors.T @ (y - y.mean())
            for penalty in penalties:
                found[power, penalty][outside] = turned[0] @ (turned[1] / (values + penalty)) + y.mean()
    power, penalty = min(found, key=lambda key: float(np.abs(years(found[key]) - age).mean()))
    return Choice(power, penalty, found[power, penalty])


def margins(held_out: Floats, age: Floats) -> Floats:
    """Conformal margins on the transformed scale, shape (2 stages, 2 levels): children and adults, 80 and 95 %.

    The finite-sample quantile of held-out errors (cross-conformal prediction, Vovk 2015, Ann. Math. Artif. Intell.
    74:9), apart for predictions below and above 20 years, since the transform bends there.
    """
    error = np.abs(held_out - transformed(age))
    found = np.empty((2, len(LEVELS)))
    for stage, own in enumerate((held_out < 0, held_out >= 0)):
        scores = np.sort(error[own] if own.sum() >= LEAST else error)
        for j, level in enumerate(LEVELS):
            rank = int(np.ceil(level * (len(scores) + 1)))
            found[stage, j] = scores[min(rank, len(scores)) - 1]
    return found


def intervals(predicted: Floats, margin: Floats) -> Floats:
    """Lower and upper bound in years of each level, shape (arrays, 2 levels, 2)."""
    own = margin[(predicted >= 0).astype(int)]
    return np.stack([years(predicted[:, None] - own), years(predicted[:, None] + own)], axis=2)


@dataclass(frozen=True)
class Domain:
    """Where the clock may be used: arrays that the leading components of the training arrays describe well enough.

    Attributes:
        mean, scale: of each CpG, shape (cpgs,); axes: shape (components, cpgs), orthonormal.
        limit: the 99th percentile, over held-out training arrays, of the root mean square of what is not described.
    """

    mean: Floats
    scale: Floats
    axes: Floats
    limit: float

    def distance(self, beta: Floats) -> Floats:
        """Root mean square, in standard deviations, of what the components leave, shape (arrays,)."""
        x = np.nan_to_num((beta - self.mean) / self.scale)
        rest = x - (x @ self.axes.T) @ self.axes
        known = np.maximum(np.isfinite(beta).sum(axis=1), 1)
        return np.asarray(np.sqrt((rest**2).sum(axis=1) / known))


def domain(beta: Floats, donor: Ints, components: int = 20, folds: int = FOLDS, seed: int = 0) -> Domain:
    """The domain of training arrays; its limit comes from folds that keep donors whole."""
    fold = folds_of(donor, folds, seed)
    held_out = np.empty(len(beta))
    for k in range(folds):
        held_out[fold == k] = _described(beta[fold != k], components).distance(beta[fold == k])
    whole = _described(beta, components)
    return Domain(whole.mean, whole.scale, whole.axes, float(np.quantile(held_out, 0.99)))


def _described(beta: Floats, components: int) -> Domain:
    mean, scale = beta.mean(axis=0), np.maximum(beta.std(axis=0), 1e-9)
    x = (beta - mean) / scale
    values, vectors = np.linalg.eigh(x @ x.T)
    top = slice(-min(components, len(x) - 1), None)
    axes = (vectors[:, top].T @ x) / np.sqrt(np.maximum(values[top], 1e-12))[:, None]
    return Domain(mean, scale, axes, np.inf)
