"""Glucose 30 and 60 minutes ahead: the learners, their baselines, and intervals that hold on people never seen.

A forecast is the change from now. Everything is chosen inside the people of a training fold. The baselines:
persistence, and an autoregression of differences fitted by least squares (ARIMA(p,1,0)), iterated to the horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.fields.device.windows import STEP, Windows

Floats = NDArray[np.float64]

LOW = 70.0
"""mg/dL; what an alarm is about."""
FOLDS, INNER = 5, 3
LEVELS = (0.80, 0.95)
ORDERS = (1, 2, 3, 5, 8)
"""Orders of autoregression tried."""
CHOICES: tuple[dict[str, Any], ...] = (
    {"kind": "ridge", "penalty": 10.0},
    {"kind": "trees", "leaves": 8, "rounds": 120},
    {"kind": "trees", "leaves": 15, "rounds": 200},
)
"""What is tried inside each training fold; a quick look tries the first two."""
MOST_FALSE = 0.5
"""Share of alarms that may be false on the training people left out."""
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""An alarm looks at the forecast and the reading: shares of the forecast tried inside each training fold."""
BINS = 4
"""Intervals are as wide as errors were in windows that moved as much: so many groups of equal size."""


def features(history: Floats) -> Floats:
    """What is learnt from, (windows, 15): now, differences, slope and spread of half an hour."""
    now = history[:, :1]
    half = history[:, :7]
    steps = -STEP * np.arange(7)
    slope = (half * (steps - steps.mean())).sum(axis=1) / ((steps - steps.mean()) ** 2).sum()
    return np.column_stack([now, now - history[:, 1:], slope, half.std(axis=1)])


def folds(person: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """The fold of each window; a person is in one, and folds hold about equally many windows."""
    names, counts = np.unique(person, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    held, where = np.zeros(n), {}
    for i in order:
        fold = int(np.argmin(held))
        where[int(names[i])] = fold
        held[fold] += counts[i]
    return np.array([where[int(p)] for p in person])


def fitted(choice: Mapping[str, Any], history: Floats, future: Floats) -> dict[str, Any]:
    """A learner in plain values: ridge coefficients, or LightGBM's own text."""
    x, y = features(history), future - history[:, 0]
    if choice["kind"] == "ridge":
        mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
        z = (x - mean) / spread
        weights = np.linalg.solve(z.T @ z + choice["penalty"] * np.eye(z.shape[1]), z.T @ (y - y.mean()))
        return {"kind": "ridge", "mean": mean.tolist(), "spread": spread.tolist(), "weights": weights.tolist(),
                "offset": float(y.mean())}  # fmt: skip
    import lightgbm

    settings = {
        "objective": "regression",
        "num_leaves": choice["leaves"],
        "learning_rate": 0.05,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": 1,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y), num_boost_round=choice["rounds"])
    return {"kind": "trees", "text": booster.model_to_string()}


def forecast(learner: Mapping[str, Any], history: Floats) -> Floats:
    """Glucose at the horizon, mg/dL."""
    if not len(history):
        return np.empty(0)
    x = features(history)
    if learner["kind"] == "ridge":
        mean, spread, weights = (np.array(learner[name]) for name in ("mean", "spread", "weights"))
        change = learner["offset"] + (x - mean) / spread @ weights
    else:
        import lightgbm

        change = lightgbm.Booster(model_str=learner["text"]).predict(x, num_threads=1)
    return np.asarray(history[:, 0] + change, dtype=float)


def autoregression(train: Windows, order: int) -> Floats:
    """Coefficients of an autoregression of five-minute differences, by least squares over all training windows."""
    change = train.history[:, :-1] - train.history[:, 1:]
    return np.asarray(np.linalg.lstsq(change[:, 1 : order + 1], change[:, 0], rcond=None)[0], dtype=float)


def iterated(coefficients: Floats, history: Floats, horizon: float) -> Floats:
    """The autoregression run on to the horizon, mg/dL."""
    order = len(coefficients)
    change = (history[:, :-1] - history[:, 1:])[:, :order].copy()
    value = history[:, 0].copy()
    for _ in range(round(horizon / STEP)):
        following = change @ coefficients
        value += following
        change = np.column_stack([following, change[:, :-1]])
    return value


def autoregressed(train: Windows, order: int, horizon: float) -> Floats:
    """The autoregression's forecast of each training window, by coefficients that never saw its person."""

    def make(part: Windows) -> Callable[[Floats], Floats]:
        coefficients = autoregression(part, order)
        return lambda history: iterated(coefficients, history, horizon)

    return out_of_fold(make, train, folds(train.person, INNER, 2))


def chosen_order(train: Windows, horizon: float) -> int:
    """The order with the least error on training people left out."""
    return min(ORDERS, key=lambda order: float(((autoregressed(train, order, horizon) - train.future) ** 2).sum()))


def out_of_fold(
    make: Callable[[Windows], Callable[[Floats], Floats]], data: Windows, fold: NDArray[np.int64]
) -> Floats:
    """The forecast of each window by a learner that never saw its person."""
    found = np.empty(len(data.minutes))
    for f in range(int(fold.max()) + 1):
        learnt = make(data.take(fold != f))
        found[fold == f] = learnt(data.history[fold == f])
    return found


@dataclass(frozen=True)
class Trained:
    """A learner with what its forecasts need: `as_plain` is stored.

    Attributes:
        learner: plain values of `fitted`. choice: what was chosen.
        edges: of the groups by movement, mg/dL; widths: group, then level -> half the interval, mg/dL.
        blend, alarm: an alarm rings when so much of the forecast and the rest of the reading is below `alarm`, mg/dL.
        lowest, highest: of each feature in training.
    """

    learner: dict[str, Any]
    choice: dict[str, Any]
    edges: list[float]
    widths: list[list[float]]
    blend: float
    alarm: float
    lowest: list[float]
    highest: list[float]

    def as_plain(self) -> dict[str, Any]:
        """Canonical values."""
        return dict(self.__dict__)

    def foretold(self, history: Floats, made: Floats) -> Floats:
        """What is held against `alarm`: forecast and reading, mixed, mg/dL."""
        return self.blend * made + (1 - self.blend) * history[:, 0]

    def half_widths(self, history: Floats) -> Floats:
        """Half the 80 and 95 % interval of each window, shape (windows, 2), mg/dL."""
        return np.array(self.widths)[np.searchsorted(self.edges, movement(history))]

    def outside(self, history: Floats, margin: float = 0.1) -> NDArray[np.bool_]:
        """Which windows lie beyond the training data in some feature by more than a tenth of its range."""
        x, low, high = features(history), np.array(self.lowest), np.array(self.highest)
        slack = margin * (high - low)
        return np.asarray(((x < low - slack) | (x > high + slack)).any(axis=1))


def movement(history: Floats) -> Floats:
    """How much glucose moved in the last half hour: the spread of its five-minute differences, mg/dL."""
    return np.asarray(np.diff(history[:, :7], axis=1).std(axis=1), dtype=float)


def train(data: Windows, choices: Sequence[Mapping[str, Any]]) -> Trained:
    """Chooses, calibrates and fits on these windows alone; `data` has a truth in every window.

    What is chosen, the widths of the intervals and the alarm all come from forecasts of people left out.
    """
    fold = folds(data.person, INNER, 1)
    tried = []
    for choice in choices:
        made = out_of_fold(partial(_learnt, choice), data, fold)
        tried.append((float(((made - data.future) ** 2).mean()), made, dict(choice)))
    _, made, choice = min(tried, key=lambda one: one[0])
    moved, missed = movement(data.history), np.abs(data.future - made)
    edges = np.quantile(moved, np.arange(1, BINS) / BINS).tolist()
    group = np.searchsorted(edges, moved)
    widths = [[conformal(missed[group == b], level) for level in LEVELS] for b in range(BINS)]
    mixed = [(*best_alarm(data.future, b * made + (1 - b) * data.history[:, 0]), b) for b in BLENDS]
    _, alarm, blend = max(mixed)
    x = features(data.history)
    return Trained(
        fitted(choice, data.history, data.future),
        choice,
        edges,
        widths,
        blend,
        alarm,
        x.min(axis=0).tolist(),
        x.max(axis=0).tolist(),
    )


def conformal(missed: Floats, level: float) -> float:
    """Half the width that covers so many of n + 1 exchangeable errors (Vovk et al. 2005)."""
    n = len(missed)
    rank = min(int(np.ceil((n + 1) * level)), n)
    return float(np.sort(missed)[rank - 1]) if n else float("inf")


def best_alarm(true: Floats, foretold: Floats) -> tuple[float, float]:
    """The share of lows found, and the value below which an alarm rings, mg/dL: the most lows with `MOST_FALSE` false.

    Where no value keeps that, as where no low was seen, none is found and the value is LOW.
    """
    low, order = true < LOW, np.argsort(foretold, kind="stable")
    hits = np.cumsum(low[order])
    ends = np.append(np.diff(foretold[order]) > 0, True)
    kept = np.flatnonzero(ends & (hits >= (1 - MOST_FALSE) * np.arange(1, len(low) + 1)))
    if not len(kept):
        return 0.0, LOW
    last = kept[int(np.argmax(hits[kept]))]
    rung, silent = foretold[order[: last + 1]], foretold[order[last + 1 :]]
    return float(hits[last] / low.sum()), float((rung[-1] + silent[0]) / 2 if len(silent) else rung[-1] + 1)


def lag(data: Windows, made: Floats, horizon: float) -> float:
    """Minutes by which a forecast trails the truth: the shift of the truth that it fits best, 0 to the horizon."""
    candidates = np.arange(0.0, horizon + 1, STEP)
    errors = []
    for shift in candidates:
        # The truth `shift` minutes before the horizon lies between now and then.
        at = horizon - shift
        earlier = data.history[:, 0] if at == 0 else _between(data, at)
        ok = np.isfinite(earlier)
        errors.append(float(((made[ok] - earlier[ok]) ** 2).mean()) if ok.any() else np.inf)
    return float(candidates[int(np.argmin(errors))])


def _between(data: Windows, ahead: float) -> Floats:
    """Truth so many minutes ahead where another window of the person stands there; NaN elsewhere."""
    found = np.full(len(data.minutes), np.nan)
    for person in np.unique(data.person):
        own = np.flatnonzero(data.person == person)
        t, g = data.minutes[own], data.history[own, 0]
        wanted = t + ahead
        after = np.searchsorted(t, wanted - 1e-9)
        known = (after < len(t)) & (after > 0)
        near = np.clip(after, 1, len(t) - 1)
        close = known & (t[near] - t[near - 1] <= 10)
        share = (wanted - t[near - 1]) / (t[near] - t[near - 1])
        found[own] = np.where(close, g[near - 1] + share * (g[near] - g[near - 1]), np.nan)
    return found


def _learnt(choice: Mapping[str, Any], part: Windows) -> Callable[[Floats], Floats]:
    learner = fitted(choice, part.history, part.future)
    return lambda history: forecast(learner, history)


def rmse(true: Floats, made: Floats) -> float:
    """Root mean squared error, mg/dL."""
    return float(np.sqrt(((made - true) ** 2).mean()))


def mard(true: Floats, made: Floats) -> float:
    """Mean absolute relative difference, per cent."""
    return float(100 * (np.abs(made - true) / true).mean())


def alarms(true: Floats, made: Floats, alarm: Floats | float) -> dict[str, float]:
    """Sensitivity for lows and the share of alarms that are false, per cent; NaN where there is nothing to count."""
    low, rung = true < LOW, made < alarm
    hits = float((low & rung).sum())
    return {
        "sensitivity": 100 * hits / float(low.sum()) if low.any() else float("nan"),
        "false": 100 * float((rung & ~low).sum()) / float(rung.sum()) if rung.any() else float("nan"),
        "lows": float(low.sum()),
    }
