"""Survival: ridge Cox regression, concordance within strata, risk at ten years and how well it is calibrated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEAST_DEATHS = 50


@dataclass(frozen=True)
class Cox:
    """A fitted proportional-hazards model.

    Attributes:
        beta: log hazard ratios, shape (features,); variance: of them, shape (features, features).
        times, hazard: Breslow's cumulative baseline hazard at each time of death, shape (deaths,).
    """

    beta: Floats
    variance: Floats
    times: Floats
    hazard: Floats

    def risk(self, x: Floats, time: float) -> Floats:
        """Probability of death by `time`, shape (people,)."""
        at = np.searchsorted(self.times, time, side="right") - 1
        base = self.hazard[at] if at >= 0 else 0.0
        return np.asarray(1 - np.exp(-base * np.exp(x @ self.beta)))

    def bounds(self, x: Floats, time: float, z: float) -> tuple[Floats, Floats]:
        """`risk` at the linear predictor less and plus z of its standard errors."""
        middle = x @ self.beta
        error = z * np.sqrt(np.einsum("ij,jk,ik->i", x, self.variance, x))
        at = np.searchsorted(self.times, time, side="right") - 1
        base = self.hazard[at] if at >= 0 else 0.0
        low, high = (1 - np.exp(-base * np.exp(middle + sign * error)) for sign in (-1, 1))
        return low, high


def cox(x: Floats, time: Floats, dead: Bools, penalty: float = 0.0, most: int = 40) -> Cox:
    """Newton's method on the partial likelihood, ties after Breslow (1974, Biometrics 30:89), with a ridge penalty.

    Args:
        x: shape (people, features), centred and scaled by the caller; a feature that all people share weighs nothing.
        time: months, shape (people,).
        penalty: on half the squared length of beta.

    Raises:
        BadInput: fewer than 50 deaths.
    """
    if dead.sum() < LEAST_DEATHS:
        raise BadInput(
            f"{int(dead.sum())} deaths are too few for a model of mortality",
            remedy=f"give rows with at least {LEAST_DEATHS} deaths",
        )
    varies = np.ptp(x, axis=0) > 0
    if penalty == 0 and not varies.all():  # the likelihood says nothing of such a feature
        inner = cox(x[:, varies], time, dead)
        beta, variance = np.zeros(len(varies)), np.zeros((len(varies), len(varies)))
        beta[varies], variance[np.ix_(varies, varies)] = inner.beta, inner.variance
        return Cox(beta, variance, inner.times, inner.hazard)
    order = np.argsort(-time, kind="stable")
    x, time, dead = x[order], time[order], dead[order]
    # The risk set of a death is everybody up to the last person of the same time.
    last = np.searchsorted(-time, -time, side="right") - 1
    events = np.flatnonzero(dead)
    beta = np.zeros(x.shape[1])
    value = -np.inf
    step: Any = np.zeros_like(beta)
    for _ in range(most):
        trial = beta + step
        found, gradient, hessian = _partial(x, last, events, trial, penalty)
        while found < value - 1e-9 and np.abs(step).max() > 1e-9:
            step = step / 2
            trial = beta + step
            found, gradient, hessian = _partial(x, last, events, trial, penalty)
        gained = found - value
        beta, value = trial, found
        if gained < 1e-8:
            break
        step = np.asarray(np.linalg.solve(hessian, gradient))
    weight = np.exp(x @ beta)
    at_risk = np.cumsum(weight)[last[events]]
    times = np.unique(time[events])
    jumps = np.bincount(np.searchsorted(times, time[events]), 1 / at_risk)
    return Cox(beta, np.asarray(np.linalg.inv(hessian), dtype=float), times, np.cumsum(jumps))


def _partial(
    x: Floats, last: NDArray[np.intp], events: NDArray[np.intp], beta: Floats, penalty: float
) -> tuple[float, Floats, Floats]:
    """Penalised log partial likelihood, its gradient, and the negative of its second derivative."""
    linear = np.clip(x @ beta, -50, 50)
    weight = np.exp(linear)
    total = np.cumsum(weight)[last[events]]
    mean = np.cumsum(weight[:, None] * x, axis=0)[last[events]] / total[:, None]
    # Each person counts in the risk sets of all deaths no later than its own time.
    share = np.zeros(len(x) + 1)
    np.add.at(share, last[events], 1 / total)
    reach = np.cumsum(share[::-1])[::-1][:-1]
    value = float((linear[events] - np.log(total)).sum() - penalty * beta @ beta / 2)
    gradient = (x[events] - mean).sum(axis=0) - penalty * beta
    hessian = (x * (weight * reach)[:, None]).T @ x - mean.T @ mean + penalty * np.eye(len(beta))
    return value, gradient, hessian


def partial_likelihood(score: Floats, time: Floats, dead: Bools) -> float:
    """Log partial likelihood of scores on people that were not fitted."""
    order = np.argsort(-time, kind="stable")
    last = np.searchsorted(-time[order], -time[order], side="right") - 1
    return _partial(score[order, None], last, np.flatnonzero(dead[order]), np.ones(1), 0.0)[0]


def concordance(score: Floats, time: Floats, dead: Bools, strata: NDArray[np.int64] | None = None) -> float:
    """Harrell's C: of pairs of whom one is known to die first, the share in which that one has the higher score.

    Args:
        strata: only pairs of one stratum count.

    Returns:
        NaN where there is no such pair.
    """
    agreed = pairs = 0.0
    groups = np.zeros(len(score), dtype=int) if strata is None else strata
    for group in np.unique(groups):
        own = np.flatnonzero(groups == group)
        s, t, d = score[own], time[own], dead[own]
        first = np.flatnonzero(d)
        later = (t[first, None] < t[None]) | ((t[first, None] == t[None]) & ~d[None])
        agreed += float(((s[first, None] > s[None]) & later).sum() + 0.5 * ((s[first, None] == s[None]) & later).sum())
        pairs += float(later.sum())
    return agreed / pairs if pairs else float("nan")


def auc(score: Floats, event: Bools) -> float:
    """Area under the receiver operating characteristic, by ranks."""
    from scipy.stats import rankdata

    rank = rankdata(score)
    cases = int(event.sum())
    others = len(event) - cases
    if not cases or not others:
        return float("nan")
    return float((rank[event].sum() - cases * (cases + 1) / 2) / (cases * others))


def calibration(risk: Floats, event: Bools) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of events on the logit of the risk; 1 and 0 are perfect."""
    logit = np.log(np.clip(risk, 1e-9, 1 - 1e-9) / np.clip(1 - risk, 1e-9, 1 - 1e-9))
    x = np.stack([np.ones_like(logit), logit], axis=1)
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -50, 50)))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-9 * np.eye(2), x.T @ (event - p))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[1]), float(beta[0])


def corrected_interval(differences: Floats, folds: int, level: float = 0.95) -> tuple[float, float, float]:
    """Mean difference and its interval over repeated cross-validation.

    The variance is enlarged for the overlap of training sets, 1/n + 1/(folds - 1) (Nadeau and Bengio 2003, Mach.
    Learn. 52:239).
    """
    from scipy.stats import t

    n = len(differences)
    error = float(np.sqrt((1 / n + 1 / (folds - 1)) * differences.var(ddof=1)))
    middle, reach = float(differences.mean()), float(t.ppf((1 + level) / 2, n - 1)) * error
    return middle, middle - reach, middle + reach


def restricted_cubic(values: Floats, knots: Floats) -> Floats:
    """Restricted cubic splines: the value itself and knots - 2 further columns, linear beyond the outer knots.

    Harrell 2015, Regression Modeling Strategies, section 2.4.5.

    Args:
        values: shape (people,); knots: rising, shape (knots,).
    """
    span = (knots[-1] - knots[0]) ** 2

    def cube(at: float) -> Floats:
        return np.maximum(values - at, 0) ** 3

    last, before = knots[-1], knots[-2]
    columns = [values]
    for knot in knots[:-2]:
        tail = cube(before) * (last - knot) / (last - before) - cube(last) * (before - knot) / (last - before)
        columns.append((cube(knot) - tail) / span)
    return np.stack(columns, axis=1)
