"""Dose-response curves: four parameters by least squares, and what may be said about the IC50 from them.

    response = bottom + (top - bottom) / (1 + (IC50 / concentration)^hill)

Responses are per cent of the plate's controls and rise with the concentration (per cent inhibition or activation). The
IC50 is the relative one, half-way between the fitted plateaus. Outside the tested concentrations it is never
extrapolated: it is censored at the highest or lowest of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LN10 = np.log(10.0)
_AT_BOUND = 1e-3  # of the width between the bounds
_NOT_SAID = ("se", "lower", "upper", "hill", "bottom", "top", "hill_se", "bottom_se", "top_se")

FLAGS: Mapping[str, str] = {
    "few-points": "too few concentrations for four parameters",
    "no-response": "no concentration reaches half of the full response",
    "always-full": "even the lowest concentration is above half of the full response",
    "hill-at-bound": "the Hill slope lies at the edge of what is allowed",
    "top-at-bound": "the upper plateau lies at the edge of what is allowed",
    "bottom-at-bound": "the lower plateau lies at the edge of what is allowed",
    "incomplete": "fewer than two concentrations lie on one side of the IC50, so its plateau is not seen",
    "bad-fit": "the points scatter widely about the curve",
    "wide-scatter": "the points scatter about the curve beyond what the assay may, and it explains little of them",
}


@dataclass(frozen=True)
class CurveSettings:
    """What a curve is allowed to look like; its digest is part of the method of every value that comes of it.

    Attributes:
        bottom: allowed range of the lower plateau, per cent.
        top: allowed range of the upper plateau, per cent.
        hill: allowed range of the Hill slope.
        half: response, per cent, that must be crossed within the tested range; otherwise the IC50 is censored.
        min_concentrations: fewer different concentrations are not fitted.
        min_r2, max_residual: beyond either the fit is flagged as bad; the second is per cent of response.
    """

    bottom: tuple[float, float] = (-25.0, 25.0)
    top: tuple[float, float] = (60.0, 130.0)
    hill: tuple[float, float] = (0.3, 4.0)
    half: float = 50.0
    min_concentrations: int = 5
    min_r2: float = 0.8
    max_residual: float = 20.0

    def as_dict(self) -> dict[str, object]:
        """For the digest of the settings."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Curve:
    """A fitted curve. Concentrations are log10 of mol/L (or of whatever unit went in); NaN: not known.

    Attributes:
        log_ic50: log10 IC50, or the bound when `qualifier` says so; NaN when nothing can be said.
        qualifier: `=`, `>` (above the highest concentration) or `<` (below the lowest), of the concentration.
        se: standard error of log_ic50; NaN when it is censored.
        lower, upper: 95 % interval of log_ic50 (Student's t); NaN when it is censored.
        hill, bottom, top: the other parameters.
        hill_se, bottom_se, top_se: their standard errors; 0 for one that lies at its bound and is held there.
        residual_sd: per cent, with the degrees of freedom taken into account.
        r2: share of the variance explained.
        n: points.
        flags: keys of `FLAGS`.
    """

    log_ic50: float
    qualifier: str
    se: float
    lower: float
    upper: float
    hill: float
    bottom: float
    top: float
    hill_se: float
    bottom_se: float
    top_se: float
    residual_sd: float
    r2: float
    n: int
    flags: tuple[str, ...] = ()

    @property
    def is_scatter(self) -> bool:
        """Whether the points follow no curve at all, so that neither an IC50 nor a bound may be read from them.

        A response that falls with the concentration, a spike, or noise is best fitted by a flat line far from the
        points: taken as "above half everywhere" it would become the most potent of all.
        """
        return "bad-fit" in self.flags and (self.qualifier != "=" or "wide-scatter" in self.flags)

    @property
    def dof(self) -> int:
        """Degrees of freedom of the residuals: a parameter held at its bound is not fitted."""
        return self.n - 4 + sum(flag.endswith("-at-bound") for flag in self.flags)

    def response(self, log_concentration: ArrayLike) -> Floats:
        """The curve itself, per cent; only where `qualifier` is `=` are its parameters a finding."""
        x = np.asarray(log_concentration, dtype=np.float64)
        return self.bottom + (self.top - self.bottom) * _sigmoid(x, self.log_ic50, self.hill)


def fit_curve(concentration: ArrayLike, response: ArrayLike, settings: CurveSettings | None = None) -> Curve:
    """Fits one curve.

    Least squares with bounds (scipy's trust region reflective) from the best of a grid of starts. Standard errors come
    from the Jacobian at the solution; parameters at their bounds are held fixed for them.

    Args:
        concentration: shape (n,), mol/L, zero (a vehicle well) or above.
        response: shape (n,), per cent, rising with the concentration; NaN is left out.
        settings: what the curve is allowed to look like.

    Raises:
        ValueError: the shapes differ, or a concentration is negative or not finite.
    """
    settings = settings or CurveSettings()
    c, y = _points(concentration, response)
    x = np.log10(c, out=np.full(len(c), -np.inf), where=c > 0)
    tested = np.unique(x[np.isfinite(x)])
    if len(np.unique(x)) < settings.min_concentrations or len(tested) < 2:
        return _nothing(len(y), "few-points")
    parameters, residuals, jacobian = _least_squares(x, y, settings)
    curve = _described(parameters, residuals, jacobian, y, settings)
    return _within(curve, x, tested, settings)


def _points(concentration: ArrayLike, response: ArrayLike) -> tuple[Floats, Floats]:
    c, y = np.asarray(concentration, dtype=np.float64), np.asarray(response, dtype=np.float64)
    if c.shape != y.shape or c.ndim != 1:
        raise ValueError(f"concentrations of shape {c.shape} and responses of shape {y.shape}")
    if not np.all(np.isfinite(c)) or np.any(c < 0):
        raise ValueError("concentrations must be finite and not below zero")
    kept = np.isfinite(y)
    return c[kept], y[kept]


def _sigmoid(x: Floats, log_ic50: ArrayLike, hill: ArrayLike) -> Floats:
    """Share of the full response, 0 to 1; zero concentration (x = -inf) gives 0."""
    from scipy.special import expit

    share: Floats = expit(np.asarray(hill) * (x - np.asarray(log_ic50)) * _LN10)
    return share


def _bounds(x: Floats, settings: CurveSettings) -> tuple[Floats, Floats]:
    # One decade beyond the range: enough to see that the IC50 lies outside, where its value does not count.
    tested = x[np.isfinite(x)]
    low = np.array([tested.min() - 1, settings.hill[0], settings.bottom[0], settings.top[0]])
    high = np.array([tested.max() + 1, settings.hill[1], settings.bottom[1], settings.top[1]])
    return low, high


def _least_squares(x: Floats, y: Floats, settings: CurveSettings) -> tuple[Floats, Floats, Floats]:
    from scipy.optimize import least_squares

    low, high = _bounds(x, settings)
    finite = np.where(np.isfinite(x), x, 0.0)

    def residuals(p: Floats) -> Floats:
        gap: Floats = p[2] + (p[3] - p[2]) * _sigmoid(x, p[0], p[1]) - y
        return gap

    def jacobian(p: Floats) -> Floats:
        s = _sigmoid(x, p[0], p[1])
        slope = (p[3] - p[2]) * s * (1 - s) * _LN10  # is 0 for zero concentration, where `finite` does not matter
        return np.stack([-slope * p[1], slope * (finite - p[0]), 1 - s, s], axis=1)

    # scale: a decade, a unit of slope and fifty per cent are steps of about the same size
    found = least_squares(
        residuals,
        _start(x, y, low, high),
        jac=jacobian,
        bounds=(low, high),
        x_scale=[1.0, 1.0, 50.0, 50.0],
        xtol=1e-10,
        ftol=1e-10,
        gtol=1e-10,
    )
    return found.x, found.fun, found.jac


def _start(x: Floats, y: Floats, low: Floats, high: Floats) -> Floats:
    """The best of a grid of (IC50, slope), the plateaus of each being a linear problem with a closed solution."""
    centres = np.linspace(low[0], high[0], 33)[1:-1]
    slopes = np.geomspace(low[1], high[1], 7)[1:-1]
    grid = np.array([(centre, slope) for centre in centres for slope in slopes])
    s = _sigmoid(x[None, :], grid[:, :1], grid[:, 1:])
    s_mean, y_mean = s.mean(axis=1), y.mean()
    spread = np.sum((s - s_mean[:, None]) ** 2, axis=1)
    span = np.sum((s - s_mean[:, None]) * (y - y_mean), axis=1) / np.maximum(spread, 1e-9)
    bottom = np.clip(y_mean - span * s_mean, low[2], high[2])
    top = np.clip(bottom + span, low[3], high[3])
    loss = np.sum((bottom[:, None] + (top - bottom)[:, None] * s - y) ** 2, axis=1)
    best = int(np.argmin(np.round(loss, 6)))
    start = np.array([*grid[best], bottom[best], top[best]])
    inside = 1e-3 * (high - low)  # the solver wants a start off its bounds
    return np.asarray(np.clip(start, low + inside, high - inside))


def _described(p: Floats, residuals: Floats, jacobian: Floats, y: Floats, settings: CurveSettings) -> Curve:
    """Parameters with standard errors and the flags that the fit by itself gives."""
    from scipy.special import stdtrit

    ranges = np.array([settings.hill, settings.bottom, settings.top])
    slack = _AT_BOUND * (ranges[:, 1] - ranges[:, 0])
    held = (p[1:] - ranges[:, 0] < slack) | (ranges[:, 1] - p[1:] < slack)
    free = np.array([True, *~held])
    dof = len(y) - int(free.sum())
    squares = float(residuals @ residuals)
    sd = np.sqrt(squares / dof) if dof > 0 else np.nan
    errors = np.zeros(4)
    errors[free] = _standard_errors(jacobian[:, free], sd)
    total = float(np.sum((y - y.mean()) ** 2))
    r2 = 1 - squares / total if total > 0 else 0.0
    names = ("hill-at-bound", "bottom-at-bound", "top-at-bound")
    flags = [name for name, at in zip(names, held, strict=True) if at]
    if not (r2 >= settings.min_r2 and sd <= settings.max_residual):
        flags.append("bad-fit")
    if r2 < settings.min_r2 and sd > settings.max_residual:
        flags.append("wide-scatter")
    reach = float(stdtrit(dof, 0.975) * errors[0]) if dof > 0 else np.nan
    log_ic50, hill, bottom, top = p.tolist()
    se, hill_se, bottom_se, top_se = errors.tolist()
    return Curve(
        log_ic50, "=", se, log_ic50 - reach, log_ic50 + reach, hill, bottom, top, hill_se, bottom_se, top_se,
        float(sd), r2, len(y), tuple(flags),
    )  # fmt: skip


def _standard_errors(jacobian: Floats, sd: float) -> Floats:
    """From the curvature at the solution; infinite along directions that the points do not determine."""
    scale = np.linalg.norm(jacobian, axis=0)
    if np.any(scale == 0):
        return np.full(jacobian.shape[1], np.inf)
    _, singular, vt = np.linalg.svd(jacobian / scale, full_matrices=False)
    if singular[-1] < 1e-8 * singular[0]:
        return np.full(jacobian.shape[1], np.inf)
    errors: Floats = sd * np.sqrt(np.sum((vt.T / singular) ** 2, axis=1)) / scale
    return errors


def _within(curve: Curve, x: Floats, tested: Floats, settings: CurveSettings) -> Curve:
    """Censors what lies outside the tested concentrations; flags a plateau that was not seen."""
    first, last = curve.response(tested[[0, -1]])
    if curve.log_ic50 > tested[-1] or last < settings.half:
        return _censored(curve, float(tested[-1]), ">", "no-response", settings)
    if curve.log_ic50 < tested[0] or first > settings.half:
        return _censored(curve, float(tested[0]), "<", "always-full", settings)
    below, above = np.sum(tested < curve.log_ic50), np.sum(tested > curve.log_ic50)
    if min(below, above) < 2 and not (below >= 1 and np.any(np.isneginf(x)) and above >= 2):
        return replace(curve, flags=(*curve.flags, "incomplete"))
    return curve


def _censored(curve: Curve, bound: float, qualifier: str, flag: str, settings: CurveSettings) -> Curve:
    # A flat line explains no variance and is no bad fit for that; wide scatter is.
    flags = (flag, "bad-fit") if curve.residual_sd > settings.max_residual else (flag,)
    unknown: dict[str, Any] = dict.fromkeys(_NOT_SAID, np.nan)
    return replace(curve, log_ic50=bound, qualifier=qualifier, flags=flags, **unknown)


def _nothing(n: int, flag: str) -> Curve:
    return Curve(np.nan, "=", *(np.nan,) * 11, n, (flag,))
