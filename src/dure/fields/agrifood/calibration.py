"""A near-infrared calibration: treatment, components and process chosen inside training folds, intervals, domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.fields.agrifood.gaussian import Gaussian, fit_gaussian
from dure.fields.agrifood.spectra import (
    DERIVATIVES,
    SCATTER,
    Pls,
    Treatment,
    fit_pls,
    group_folds,
)

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
FOLDS = 5
MOST = 20
"""PLS components that are tried."""
PROCESSES = (("none", 2), ("snv", 1), ("snv", 2), ("msc", 2))
SCORES = (12, 16)
"""Treatments, and numbers of principal components, of a Gaussian process."""
LEVELS = (0.8, 0.95)
PROCESS_MOST = 600
"""Scans up to which a process is tried: its cost grows with their cube."""
TRUSTED = 0.99
"""Share of held-out training scans that lie inside the domain."""


@dataclass(frozen=True)
class Components:
    """Principal components of treated spectra: `mean` (channels,), `axes` (channels, k), `scale` of each score (k,)."""

    mean: Floats
    axes: Floats
    scale: Floats

    @classmethod
    def of(cls, spectra: Floats, k: int) -> Components:
        """The first k components."""
        mean = spectra.mean(axis=0)
        _, s, vt = np.linalg.svd(spectra - mean, full_matrices=False)
        k = min(k, int((s > 1e-10 * s[0]).sum()))
        return cls(mean, vt[:k].T, s[:k] / np.sqrt(len(spectra)))

    def scores(self, spectra: Floats) -> Floats:
        """Scores of unit variance in training, shape (samples, k)."""
        return (spectra - self.mean) @ self.axes / self.scale

    def unlike(self, spectra: Floats) -> tuple[Floats, Floats]:
        """Hotelling's T2 and the squared residual Q of each spectrum."""
        scores = self.scores(spectra)
        rest = spectra - self.mean - scores * self.scale @ self.axes.T
        return (scores**2).sum(axis=1), (rest**2).sum(axis=1)


@dataclass(frozen=True)
class Plain:
    """PLS alone: the strong baseline, `size` of its components used."""

    treatment: Treatment
    pls: Pls
    size: int

    def predict(self, spectra: Floats) -> Floats:
        """Value of each scan, shape (samples,)."""
        return self.pls.predict(self.treatment.apply(spectra))[:, self.size - 1]


@dataclass(frozen=True)
class Calibration:
    """A trained calibration.

    Attributes:
        kind: `gp` or `pls`, whichever erred less in the folds.
        treatment, components: of the spectra, for `gp` and for the domain.
        process, pls, size: the models; `size` counts the PLS components used.
        scores: sorted held-out conformity scores: the absolute error, for `gp` by its standard deviation.
        limits: T2 and Q that a trusted scan has at most.
        range: of the training values.
        held_out: error of the best of each kind in the folds, name -> RMSE; PLS alone above `PROCESS_MOST` scans.
        plain: the best PLS, whichever kind was chosen; not kept in a file.
    """

    kind: str
    treatment: Treatment
    components: Components
    process: Gaussian | None
    pls: Pls | None
    size: int
    scores: Floats
    limits: tuple[float, float]
    range: tuple[float, float]
    held_out: Mapping[str, float]
    plain: Plain | None = None

    def predict(self, spectra: Floats) -> tuple[Floats, Floats]:
        """Value and spread of each scan; the spread is 1 for PLS, whose intervals are all as wide."""
        treated = self.treatment.apply(spectra)
        if self.process is not None:
            return self.process.predict(self.components.scores(treated))
        assert self.pls is not None
        return self.pls.predict(treated)[:, self.size - 1], np.ones(len(spectra))

    def interval(self, value: Floats, spread: Floats, level: float) -> tuple[Floats, Floats]:
        """Split-conformal interval by the held-out errors of training (Vovk et al. 2005)."""
        rank = min(int(np.ceil((len(self.scores) + 1) * level)), len(self.scores))
        half = self.scores[rank - 1] * spread
        return value - half, value + half

    def why(self, spectra: Floats, value: Floats) -> list[str]:
        """Why each scan is not to be trusted, as a code; empty where nothing speaks against it."""
        t2, q = self.components.unlike(self.treatment.apply(spectra))
        low, high = self.range
        margin = 0.05 * (high - low)
        beyond = (value < low - margin) | (value > high + margin)
        return [str(code) for code in np.select([q > self.limits[1], t2 > self.limits[0], beyond], REASONS, "")]


REASONS = ["shape", "extreme", "range"]


@dataclass(frozen=True)
class _Choice:
    """One way to calibrate, with its held-out errors."""

    kind: str
    scatter: str
    derivative: int
    size: int
    predicted: Floats
    spread: Floats

    def error(self, values: Floats) -> float:
        return float(np.sqrt(((self.predicted - values) ** 2).mean()))

    @property
    def name(self) -> str:
        return f"{self.kind} {self.scatter} d{self.derivative} {self.size}"


def calibrate(spectra: Floats, values: Floats, groups: Names, *, quick: bool = False, seed: int = 0) -> Calibration:
    """Chooses and trains; whatever is chosen is chosen by folds of whole groups of the given rows.

    Args:
        spectra: shape (samples, channels).
        values: shape (samples,).
        groups: the lot of each scan, shape (samples,).
        quick: one treatment of the process instead of all.
    """
    fold = group_folds(groups, FOLDS, seed)
    kinds = [(*PROCESSES[0], SCORES[0])] if quick else [(*each, k) for each in PROCESSES for k in SCORES]
    if len(values) > PROCESS_MOST:
        kinds = []
    processes = [_process(spectra, values, fold, scatter, d, k) for scatter, d, k in kinds]
    best = {"pls": _chosen_pls(spectra, values, fold)}
    if processes:
        best["gp"] = min(processes, key=lambda c: c.error(values))
    plain = _plain(spectra, values, best["pls"])
    chosen = min(best.values(), key=lambda c: c.error(values))
    treatment = Treatment(chosen.scatter, chosen.derivative, spectra.mean(axis=0))
    treated = treatment.apply(spectra)
    components = Components.of(treated, chosen.size)
    process = fit_gaussian(components.scores(treated), values) if chosen.kind == "gp" else None
    pls = plain.pls if chosen.kind == "pls" else None
    return Calibration(
        chosen.kind,
        treatment,
        components,
        process,
        pls,
        chosen.size,
        np.sort(np.abs(chosen.predicted - values) / chosen.spread),
        _limits(spectra, fold, chosen),
        (float(values.min()), float(values.max())),
        {c.name: c.error(values) for c in best.values()},
        plain,
    )


def best_pls(spectra: Floats, values: Floats, groups: Names, *, seed: int = 0) -> Plain:
    """PLS with treatment and components chosen in folds of whole groups."""
    return _plain(spectra, values, _chosen_pls(spectra, values, group_folds(groups, FOLDS, seed)))


def _chosen_pls(spectra: Floats, values: Floats, fold: NDArray[np.int64]) -> _Choice:
    tried = [_pls(spectra, values, fold, scatter, d) for scatter in SCATTER for d in DERIVATIVES]
    return min(tried, key=lambda c: c.error(values))


def _plain(spectra: Floats, values: Floats, chosen: _Choice) -> Plain:
    treatment = Treatment(chosen.scatter, chosen.derivative, spectra.mean(axis=0))
    return Plain(treatment, fit_pls(treatment.apply(spectra), values, chosen.size), chosen.size)


def _pls(spectra: Floats, values: Floats, fold: NDArray[np.int64], scatter: str, derivative: int) -> _Choice:
    predicted = np.full((len(values), MOST), np.nan)
    for out in np.unique(fold):
        train, test = fold != out, fold == out
        treatment = Treatment(scatter, derivative, spectra[train].mean(axis=0))
        told = fit_pls(treatment.apply(spectra[train]), values[train], MOST).predict(treatment.apply(spectra[test]))
        predicted[test, : told.shape[1]] = told
    errors = np.sqrt(((predicted - values[:, None]) ** 2).mean(axis=0))
    size = int(np.nanargmin(errors))
    return _Choice("pls", scatter, derivative, size + 1, predicted[:, size], np.ones(len(values)))


def _process(
    spectra: Floats, values: Floats, fold: NDArray[np.int64], scatter: str, derivative: int, size: int
) -> _Choice:
    predicted, spread = np.empty(len(values)), np.empty(len(values))
    for out in np.unique(fold):
        train, test = fold != out, fold == out
        treatment = Treatment(scatter, derivative, spectra[train].mean(axis=0))
        treated = treatment.apply(spectra[train])
        components = Components.of(treated, size)
        process = fit_gaussian(components.scores(treated), values[train], starts=1)
        scores = components.scores(treatment.apply(spectra[test]))
        predicted[test], spread[test] = process.predict(scores)
    return _Choice("gp", scatter, derivative, size, predicted, spread)


def _limits(spectra: Floats, fold: NDArray[np.int64], chosen: _Choice) -> tuple[float, float]:
    """T2 and Q that 99 % of held-out training scans stay below."""
    t2, q = np.empty(len(spectra)), np.empty(len(spectra))
    for out in np.unique(fold):
        train, test = fold != out, fold == out
        treatment = Treatment(chosen.scatter, chosen.derivative, spectra[train].mean(axis=0))
        components = Components.of(treatment.apply(spectra[train]), chosen.size)
        t2[test], q[test] = components.unlike(treatment.apply(spectra[test]))
    return float(np.quantile(t2, TRUSTED)), float(np.quantile(q, TRUSTED))


def arrays_of(model: Calibration) -> dict[str, Any]:
    """A calibration as arrays, for one npz file without pickles."""
    held: dict[str, Any] = {
        "kind": model.kind,
        "scatter": model.treatment.scatter,
        "derivative": model.treatment.derivative,
        "window": model.treatment.window,
        "reference": model.treatment.reference,
        "mean": model.components.mean,
        "axes": model.components.axes,
        "scale": model.components.scale,
        "size": model.size,
        "scores": model.scores,
        "limits": np.array(model.limits),
        "range": np.array(model.range),
    }
    parts = {"gp": model.process, "pls": model.pls}[model.kind]
    return held | {f"{model.kind}.{name}": value for name, value in vars(parts).items()}


def calibration_of(held: Mapping[str, Any]) -> Calibration:
    """The inverse of `arrays_of`; what was tried in training is not kept."""
    kind = str(held["kind"])
    own = {name.partition(".")[2]: held[name] for name in held if name.startswith(f"{kind}.")}
    own = {name: float(value) if np.ndim(value) == 0 else value for name, value in own.items()}
    return Calibration(
        kind,
        Treatment(str(held["scatter"]), int(held["derivative"]), held["reference"], int(held["window"])),
        Components(held["mean"], held["axes"], held["scale"]),
        Gaussian(**own) if kind == "gp" else None,
        Pls(**own) if kind == "pls" else None,
        int(held["size"]),
        held["scores"],
        (float(held["limits"][0]), float(held["limits"][1])),
        (float(held["range"][0]), float(held["range"][1])),
        {},
    )
