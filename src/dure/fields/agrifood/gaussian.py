"""Gaussian-process regression with automatic relevance determination, fitted by its marginal likelihood.

Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, eqs. 2.30, 5.1 and 5.9. The kernel is a squared
exponential with a length for each input, a linear part, and noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LIMITS = {"maxiter": 150}


@dataclass(frozen=True)
class Gaussian:
    """A fitted process; inputs are as in training, values in the unit of training.

    Attributes:
        inputs: of training, shape (rows, inputs).
        centre, scale: of the training values.
        theta: logarithms of the lengths (inputs,), then of the signal, linear and noise standard deviations.
        weights: K^-1 y, shape (rows,); `root` the Cholesky factor of K.
    """

    inputs: Floats
    centre: float
    scale: float
    theta: Floats
    weights: Floats
    root: Floats

    def predict(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (noise included) of each row."""
        lengths, (signal, linear, noise) = np.exp(self.theta[:-3]), np.exp(2 * self.theta[-3:])
        a, b = inputs / lengths, self.inputs / lengths
        cross = signal * np.exp(-0.5 * _squares(a, b)) + linear * inputs @ self.inputs.T
        half = np.linalg.solve(self.root, cross.T)
        own = signal + linear * (inputs**2).sum(axis=1) + noise
        spread = np.sqrt(np.maximum(own - (half**2).sum(axis=0), 1e-12))
        return self.centre + self.scale * (cross @ self.weights), self.scale * spread

    @property
    def relevance(self) -> Floats:
        """One by each length, shape (inputs,): what an input matters."""
        return np.exp(-self.theta[:-3])


def fit_gaussian(inputs: Floats, values: Floats, starts: int = 2, seed: int = 0) -> Gaussian:
    """Lengths, signal, linear part and noise of the highest marginal likelihood over some starts.

    Args:
        inputs: shape (rows, inputs), each column about unit variance.
        values: shape (rows,).
    """
    from scipy.optimize import minimize

    centre, scale = float(values.mean()), float(values.std()) or 1.0
    y = (values - centre) / scale
    rng, best = np.random.default_rng(seed), None
    for start in range(starts):
        theta = np.concatenate([np.full(inputs.shape[1], np.log(3.0)), np.log([1.0, 0.5, 0.1])])
        theta = theta + (rng.normal(0.0, 0.5, len(theta)) if start else 0.0)
        bounds = [(-2.0, 7.0)] * inputs.shape[1] + [(-5.0, 4.0), (-7.0, 2.0), (-6.0, 1.0)]
        found = minimize(_loss, theta, args=(inputs, y), jac=True, method="L-BFGS-B", bounds=bounds, options=LIMITS)
        best = found if best is None or found.fun < best.fun else best
    assert best is not None
    root = np.linalg.cholesky(_kernel(best.x, inputs)[0])
    return Gaussian(inputs, centre, scale, best.x, np.linalg.solve(root.T, np.linalg.solve(root, y)), np.asarray(root))


def _kernel(theta: Floats, inputs: Floats) -> tuple[Floats, Floats]:
    """K with noise, and the squared-exponential part alone."""
    signal, linear, noise = np.exp(2 * theta[-3:])
    scaled = inputs / np.exp(theta[:-3])
    smooth = signal * np.exp(-0.5 * _squares(scaled, scaled))
    return smooth + linear * inputs @ inputs.T + (noise + 1e-8) * np.eye(len(inputs)), smooth


def _loss(theta: Floats, inputs: Floats, y: Floats) -> tuple[float, Floats]:
    """Negative log marginal likelihood and its gradient."""
    k, smooth = _kernel(theta, inputs)
    try:
        root = np.linalg.cholesky(k)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(theta)
    inverse = np.linalg.inv(root)
    inverse = inverse.T @ inverse
    weights = inverse @ y
    loss = 0.5 * y @ weights + np.log(np.diag(root)).sum()
    sensitive = np.outer(weights, weights) - inverse
    moved = sensitive * smooth
    # Sum over pairs of moved x (difference of an input) squared, without the cube of differences.
    squares = 2 * (moved.sum(axis=1) @ inputs**2 - np.einsum("ik,ij,jk->k", inputs, moved, inputs, optimize=True))
    linear = 2 * np.exp(2 * theta[-2]) * np.einsum("ik,ij,jk->", inputs, sensitive, inputs, optimize=True)
    noise = 2 * np.exp(2 * theta[-1]) * np.trace(sensitive)
    return float(loss), -0.5 * np.array([*squares * np.exp(-2 * theta[:-3]), 2 * moved.sum(), linear, noise])


def _squares(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T, 0.0))
