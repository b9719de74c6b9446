"""Spectra: scatter corrections, derivatives, PLS regression and what a calibration has not seen.

PLS1 by NIPALS (Wold et al. 2001, Chemom. Intell. Lab. Syst. 58:109); SNV (Barnes et al. 1989, Appl. Spectrosc. 43:772);
MSC (Geladi et al. 1985, Appl. Spectrosc. 39:491); derivatives by Savitzky and Golay (1964, Anal. Chem. 36:1627);
piecewise direct standardisation (Wang et al. 1991, Anal. Chem. 63:2750).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SCATTER = ("none", "snv", "msc")
DERIVATIVES = (0, 1, 2)


@dataclass(frozen=True)
class Treatment:
    """What is done to spectra before any regression.

    Attributes:
        scatter: `none`, `snv` or `msc`.
        derivative: 0, 1 or 2, by a quadratic through `window` channels.
        reference: the mean spectrum of training, for `msc`; shape (channels,).
    """

    scatter: str
    derivative: int
    reference: Floats
    window: int = 11

    def apply(self, spectra: Floats) -> Floats:
        """Treated spectra, shape (samples, channels)."""
        done = spectra
        if self.scatter == "snv":
            done = (done - done.mean(axis=1, keepdims=True)) / _above_zero(done.std(axis=1, ddof=1, keepdims=True))
        elif self.scatter == "msc":
            centred = self.reference - self.reference.mean()
            slope = (done - done.mean(axis=1, keepdims=True)) @ centred / (centred @ centred)
            done = (done - done.mean(axis=1, keepdims=True)) / _above_zero(slope)[:, None] + self.reference.mean()
        if self.derivative:
            from scipy.signal import savgol_filter

            done = savgol_filter(done, self.window, 2, deriv=self.derivative, axis=1)
        return done


@dataclass(frozen=True)
class Pls:
    """A PLS1 model of every size up to the number of its components.

    Attributes:
        mean, offset: of the training spectra, shape (channels,), and of the training values.
        weights, loadings: shape (channels, components).
        inner: regression of the values on the scores, shape (components,).
    """

    mean: Floats
    offset: float
    weights: Floats
    loadings: Floats
    inner: Floats

    def predict(self, spectra: Floats) -> Floats:
        """Values by the models of 1, 2, … components, shape (samples, components)."""
        return self.offset + np.cumsum(self.scores(spectra) * self.inner, axis=1)

    def scores(self, spectra: Floats) -> Floats:
        """Shape (samples, components)."""
        rotation = self.weights @ np.linalg.inv(np.triu(self.loadings.T @ self.weights))
        return (spectra - self.mean) @ rotation


def fit_pls(spectra: Floats, values: Floats, components: int) -> Pls:
    """PLS1 with all components up to the given number, or to the rank."""
    mean, offset = spectra.mean(axis=0), float(values.mean())
    x, y = spectra - mean, values - offset
    weights, loadings, inner = [], [], []
    for _ in range(min(components, *x.shape)):
        w = x.T @ y
        if np.linalg.norm(w) < 1e-12:
            break
        w /= np.linalg.norm(w)
        t = x @ w
        load, q = x.T @ t / (t @ t), float(y @ t / (t @ t))
        x, y = x - np.outer(t, load), y - q * t
        weights.append(w)
        loadings.append(load)
        inner.append(q)
    return Pls(mean, offset, np.array(weights).T, np.array(loadings).T, np.array(inner))


def figures(values: Floats, predicted: Floats) -> dict[str, float]:
    """RMSEP, bias, SEP (bias taken out) and RPD (standard deviation of the values by SEP)."""
    error = predicted - values
    sep = float(error.std(ddof=1))
    return {
        "RMSEP": float(np.sqrt((error**2).mean())),
        "bias": float(error.mean()),
        "SEP": sep,
        "RPD": float(values.std(ddof=1)) / max(sep, 1e-12),
    }


def group_folds(groups: NDArray[np.str_], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, shape (rows,): groups stay together, folds are about as large as each other."""
    names, own = np.unique(groups, return_inverse=True)
    sizes = np.bincount(own)
    order = np.random.default_rng(seed).permutation(len(names))
    fold, filled = np.zeros(len(names), dtype=np.int64), np.zeros(min(folds, len(names)))
    for name in sorted(order, key=lambda i: -sizes[i]):
        fold[name] = int(np.argmin(filled))
        filled[fold[name]] += sizes[name]
    return np.asarray(fold[own])


def standardisation(primary: Floats, secondary: Floats, half: int = 3) -> Floats:
    """Piecewise direct standardisation: the matrix that turns spectra of a second instrument into the first's.

    Args:
        primary, secondary: the same samples on both instruments, shape (samples, channels).
        half: channels to each side from which one channel of the first instrument is made.

    Returns:
        Shape (channels + 1, channels); multiply (spectra, 1) by it.
    """
    channels = primary.shape[1]
    matrix = np.zeros((channels + 1, channels))
    for i in range(channels):
        near = slice(max(0, i - half), min(channels, i + half + 1))
        mean = secondary[:, near].mean(axis=0)
        u, s, vt = np.linalg.svd(secondary[:, near] - mean, full_matrices=False)
        # Neighbouring channels tell the same: what is under 0.1 % of the first direction is noise.
        kept = s > 1e-3 * max(s[0], 1e-12)
        slope = vt[kept].T @ ((u[:, kept].T @ (primary[:, i] - primary[:, i].mean())) / s[kept])
        matrix[near, i] = slope
        matrix[-1, i] = primary[:, i].mean() - mean @ slope
    return matrix


def standardised(spectra: Floats, matrix: Floats) -> Floats:
    """Spectra of a second instrument as the first would have read them."""
    return np.asarray(spectra @ matrix[:-1] + matrix[-1])


def _above_zero(values: Floats) -> Floats:
    """A flat spectrum has no spread to divide by."""
    return np.where(np.abs(values) < 1e-12, 1.0, values)
