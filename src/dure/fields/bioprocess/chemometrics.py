"""Calibration of spectra: derivatives, partial least squares, and how far a spectrum lies from those learnt from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Derivative:
    """Savitzky-Golay derivative along each spectrum (Savitzky and Golay 1964, Anal. Chem. 36:1627).

    Attributes:
        order: of the derivative; the second removes any offset and slope of the baseline.
        polynomial: its degree.
        window: points, odd.
    """

    order: int
    polynomial: int
    window: int

    def __call__(self, spectra: Floats) -> Floats:
        """Shape (spectra, wavenumbers) -> the same shape; points are taken as evenly spaced."""
        from scipy.signal import savgol_filter

        return np.asarray(savgol_filter(spectra, self.window, self.polynomial, deriv=self.order, axis=1))


@dataclass(frozen=True)
class Pls:
    """A partial-least-squares regression of one response (Wold et al. 2001, doi 10.1016/S0169-7439(01)00155-1).

    Attributes:
        centre: mean spectrum, shape (wavenumbers,); `mean` of the response.
        rotations: spectrum -> scores, shape (wavenumbers, components); `loadings` the same shape.
        coefficients: shape (wavenumbers, components); column k is the regression by the first k + 1 components.
        variance: of each score over the training samples, shape (components,).
    """

    centre: Floats
    mean: float
    rotations: Floats
    loadings: Floats
    coefficients: Floats
    variance: Floats

    def predict(self, spectra: Floats, components: int) -> Floats:
        """Shape (spectra,), in the response's unit."""
        return (spectra - self.centre) @ self.coefficients[:, components - 1] + self.mean

    def distances(self, spectra: Floats, components: int) -> tuple[Floats, Floats]:
        """Q (squared residual) and Hotelling's T² of each spectrum, shape (spectra,) each."""
        away = spectra - self.centre
        scores = away @ self.rotations[:, :components]
        left = away - scores @ self.loadings[:, :components].T
        return (left**2).sum(axis=1), (scores**2 / self.variance[:components]).sum(axis=1)


def fit_pls(spectra: Floats, response: Floats, components: int) -> Pls:
    """NIPALS for one response; shape (samples, wavenumbers) and (samples,)."""
    centre, mean = spectra.mean(axis=0), float(response.mean())
    left, rest = spectra - centre, response - mean
    weights, loadings, inner, variance = [], [], [], []
    for _ in range(components):
        weight = left.T @ rest
        weight /= np.linalg.norm(weight)
        score = left @ weight
        power = score @ score
        loading = left.T @ score / power
        inner.append(float(rest @ score / power))
        left = left - np.outer(score, loading)
        rest = rest - inner[-1] * score
        weights.append(weight)
        loadings.append(loading)
        variance.append(power / (len(response) - 1))
    w, p = np.array(weights).T, np.array(loadings).T
    rotations = w @ np.linalg.inv(p.T @ w)
    coefficients = np.cumsum(rotations * np.array(inner), axis=1)
    return Pls(centre, mean, rotations, p, coefficients, np.array(variance))


def held_out(
    spectra: Floats, response: Floats, groups: Sequence[str], components: int
) -> tuple[Floats, Floats, Floats]:
    """Each group predicted by a model of all others.

    Returns:
        Errors (predicted less measured), Q and T² of each sample, shape (samples, components) each.
    """
    errors, residuals, hotelling = (np.zeros((len(response), components)) for _ in range(3))
    for out in _folds(groups):
        model = fit_pls(spectra[~out], response[~out], components)
        for k in range(components):
            errors[out, k] = model.predict(spectra[out], k + 1) - response[out]
            residuals[out, k], hotelling[out, k] = model.distances(spectra[out], k + 1)
    return errors, residuals, hotelling


def _folds(groups: Sequence[str]) -> Iterator[NDArray[np.bool_]]:
    names = np.asarray(groups)
    for name in dict.fromkeys(groups):
        yield names == name


def hotelling_limit(samples: int, components: int, level: float = 0.99) -> float:
    """Upper limit of T² of a new observation (Tracy, Young and Mason 1992, J. Qual. Technol. 24:88)."""
    from scipy.stats import f

    scale = components * (samples**2 - 1) / (samples * (samples - components))
    return float(scale * f.ppf(level, components, samples - components))


def residual_limit(residuals: Floats, level: float = 0.99) -> float:
    """Upper limit of Q from the Q of held-out samples, as a scaled chi-square of equal mean and variance (Box 1954)."""
    from scipy.stats import chi2

    mean, variance = float(residuals.mean()), float(residuals.var(ddof=1))
    return float(variance / (2 * mean) * chi2.ppf(level, 2 * mean**2 / variance))
