"""May a plate be believed? Its controls, its edges, its drift, and its reference compound beside all plates before it.

A plate is accepted, flagged or refused as a whole, with reasons. `docs/decisions/plate-quality.md` says why the limits
are what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

ACCEPTED, FLAGGED, REFUSED = "accepted", "flagged", "refused"
_MAD_TO_SD = 1.482602218505602  # of a normal distribution


@dataclass(frozen=True)
class QualityLimits:
    """What makes a plate doubtful or void.

    Attributes:
        refuse_zprime: Z′ below it refuses the plate.
        flag_zprime: Z′ below it flags the plate.
        flag_signal_window: a signal window below it flags the plate.
        flag_cv: a coefficient of variation (per cent) of the high-signal control above it flags the plate.
        flag_effect: an edge effect or drift above it (per cent of the signal span) and significant flags the plate.
        significance: of those tests.
        min_controls: fewer readable wells of either control refuse the plate.
        min_history: accepted plates needed before the reference compound can refuse a plate.
    """

    refuse_zprime: float = 0.4
    flag_zprime: float = 0.5
    flag_signal_window: float = 2.0
    flag_cv: float = 20.0
    flag_effect: float = 20.0
    significance: float = 0.01
    min_controls: int = 4
    min_history: int = 8


@dataclass(frozen=True)
class Effect:
    """A systematic difference over the plate, per cent of the span between the controls; NaN: cannot be judged."""

    size: float
    p: float

    def matters(self, limits: QualityLimits) -> bool:
        """Large enough and not by chance."""
        return bool(abs(self.size) > limits.flag_effect and self.p < limits.significance)


@dataclass(frozen=True)
class ChartPoint:
    """One plate's reference value on the control chart.

    Attributes:
        value: pIC50, or per cent effect where the plate has no curves.
        centre, sd: of the history; NaN while it is too short.
        history: how many accepted plates it holds.
        rule: `1-3s` or `2-2s` (out of control), `1-2s` (a warning), `no-history`, or empty.
    """

    value: float
    centre: float
    sd: float
    history: int
    rule: str

    @property
    def out_of_control(self) -> bool:
        """Whether a Westgard rule refuses the plate."""
        return self.rule in ("1-3s", "2-2s")

    @property
    def limits(self) -> tuple[float, float]:
        """Shewhart's limits, three standard deviations about the centre."""
        return self.centre - 3 * self.sd, self.centre + 3 * self.sd


@dataclass(frozen=True)
class PlateQuality:
    """The record of one plate; `reasons` refuse it, `flags` only mark it."""

    plate: str
    verdict: str
    reasons: tuple[str, ...]
    flags: tuple[str, ...]
    zprime: float
    robust_zprime: float
    signal_window: float
    signal_to_background: float
    cv_positive: float
    cv_negative: float
    mean_positive: float
    mean_negative: float
    positive: int
    negative: int
    edge: Effect
    drift_columns: Effect
    drift_rows: Effect
    reference: ChartPoint | None = None


def zprime(positive: ArrayLike, negative: ArrayLike) -> float:
    """Z′ = 1 - 3 (σ₊ + σ₋) / |μ₊ - μ₋|. Zhang, Chung & Oldenburg, J. Biomol. Screen. 4, 67-73 (1999).

    Returns:
        -inf when the means are equal; NaN for fewer than two wells of either control.

    >>> round(zprime([0, 2, 4], [98, 100, 102]), 3)
    0.878
    """
    p, n = _two(positive, negative)
    return _separation(p.mean(), n.mean(), _sd(p), _sd(n)) if min(len(p), len(n)) > 1 else np.nan


def robust_zprime(positive: ArrayLike, negative: ArrayLike) -> float:
    """Z′ with medians, and median absolute deviations scaled to a normal sd: one bad well does not decide it."""
    p, n = _two(positive, negative)
    return _separation(np.median(p), np.median(n), _mad(p), _mad(n)) if min(len(p), len(n)) > 1 else np.nan


def signal_window(positive: ArrayLike, negative: ArrayLike) -> float:
    """(|μ₊ - μ₋| - 3 (σ₊ + σ₋)) / σ of the control with the higher signal.

    Sittampalam et al., J. Biomol. Screen. 2, 159-169 (1997); 2 and above is usable.
    """
    p, n = _two(positive, negative)
    if min(len(p), len(n)) < 2:
        return np.nan
    high = p if p.mean() > n.mean() else n
    gap = abs(p.mean() - n.mean()) - 3 * (_sd(p) + _sd(n))
    return float(gap / _sd(high)) if _sd(high) > 0 else float(np.copysign(np.inf, gap))


def signal_to_background(positive: ArrayLike, negative: ArrayLike) -> float:
    """Higher mean over lower mean; NaN where the lower one is not above zero."""
    p, n = _two(positive, negative)
    low, high = sorted([p.mean(), n.mean()]) if len(p) and len(n) else (np.nan, np.nan)
    return float(high / low) if low > 0 else np.nan


def cv(values: ArrayLike) -> float:
    """Coefficient of variation, per cent; NaN for fewer than two wells or a mean of zero."""
    v = np.asarray(values, dtype=np.float64)
    return float(100 * _sd(v) / abs(v.mean())) if len(v) > 1 and v.mean() != 0 else np.nan


def residuals(values: ArrayLike, roles: Sequence[str]) -> Floats:
    """Each control well's distance from the mean of its kind, per cent of the span between the two kinds."""
    v, kinds = np.asarray(values, dtype=np.float64), np.asarray(roles)
    means = {kind: v[kinds == kind].mean() for kind in ("positive", "negative")}
    span = abs(means["positive"] - means["negative"])
    centre = np.where(kinds == "positive", means["positive"], means["negative"])
    result: Floats = 100 * (v - centre) / span if span > 0 else np.full(len(v), np.nan)
    return result


def edge_effect(residual: Floats, cells: ArrayLike, shape: tuple[int, int]) -> Effect:
    """Mean of the outer wells less that of the inner ones, with Welch's t-test; NaN for fewer than three of either."""
    row, column = np.asarray(cells).T
    edge = (row == 0) | (row == shape[0] - 1) | (column == 0) | (column == shape[1] - 1)
    outer, inner = residual[edge], residual[~edge]
    if min(len(outer), len(inner)) < 3 or not np.ptp(residual) > 0:
        return Effect(np.nan, np.nan)
    return Effect(float(outer.mean() - inner.mean()), _welch(outer, inner))


def drift(residual: Floats, cells: ArrayLike, shape: tuple[int, int]) -> tuple[Effect, Effect]:
    """Linear drift from first to last column, and from first to last row, fitted together.

    Returns:
        (over columns, over rows); NaN where the controls stand in one column or row only, or are fewer than six.
    """
    from scipy.special import stdtr

    position = np.asarray(cells, dtype=np.float64) / (np.array(shape) - 1)
    design = np.column_stack([np.ones(len(residual)), position])
    nothing = Effect(np.nan, np.nan)
    if len(residual) < 6 or np.linalg.matrix_rank(design) < 3 or not np.ptp(residual) > 0:
        return nothing, nothing
    slopes, squares, _, _ = np.linalg.lstsq(design, residual, rcond=None)
    dof = len(residual) - 3
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * squares[0] / dof)
    with np.errstate(divide="ignore"):
        p = 2 * stdtr(dof, -np.abs(slopes / errors))
    return Effect(float(slopes[2]), float(p[2])), Effect(float(slopes[1]), float(p[1]))


def control_chart(values: ArrayLike, history: ArrayLike, *, min_history: int = 8) -> list[ChartPoint]:
    """Shewhart's chart with Westgard's rules 1-3s and 2-2s, of the reference compound over plates.

    Limits come from the history alone: a shift must not widen its own limits. Westgard et al., Clin. Chem. 27,
    493-501 (1981).

    Args:
        values: of the new plates, in the order in which they were run.
        history: of the plates accepted before, oldest first.
        min_history: with fewer, nothing is judged (`no-history`).
    """
    past = np.asarray(history, dtype=np.float64)
    known = len(past) >= min_history
    centre, sd = (float(past.mean()), _sd(past)) if known else (np.nan, np.nan)
    before = float(past[-1]) if known else np.nan
    points = []
    for value in np.asarray(values, dtype=np.float64).tolist():
        rule = _westgard(value - centre, before - centre, sd) if known else "no-history"
        points.append(ChartPoint(value, centre, sd, len(past), rule))
        before = value
    return points


def judge_plate(
    plate: str,
    values: ArrayLike,
    roles: Sequence[str],
    cells: ArrayLike,
    shape: tuple[int, int],
    *,
    reference: ChartPoint | None = None,
    falling: bool | None = None,
    limits: QualityLimits | None = None,
) -> PlateQuality:
    """The verdict on one plate.

    Args:
        plate: its name.
        values: readouts of the control wells, shape (n,); NaN (a failed well) is left out.
        roles: `positive` or `negative` for each.
        cells: row and column of each, from 0, shape (n, 2).
        shape: rows and columns of the plate.
        reference: its reference compound on the control chart.
        falling: whether the positive control has the lower signal; None where that is not known.
        limits: what makes it doubtful or void.
    """
    limits = limits or QualityLimits()
    v = np.asarray(values, dtype=np.float64)
    read = np.isfinite(v)
    v, kinds, at = v[read], np.asarray(roles)[read], np.asarray(cells).reshape(-1, 2)[read]
    p, n = v[kinds == "positive"], v[kinds == "negative"]
    edge = columns = rows = Effect(np.nan, np.nan)
    if len(p) and len(n):
        rest = residuals(v, kinds.tolist())
        edge, (columns, rows) = edge_effect(rest, at, shape), drift(rest, at, shape)
    found = PlateQuality(
        plate, ACCEPTED, (), (), zprime(p, n), robust_zprime(p, n), signal_window(p, n), signal_to_background(p, n),
        cv(p), cv(n), _mean(p), _mean(n), len(p), len(n), edge, columns, rows, reference,
    )  # fmt: skip
    return _with_verdict(found, falling, limits)


def _with_verdict(found: PlateQuality, falling: bool | None, limits: QualityLimits) -> PlateQuality:
    reasons, flags = tuple(_reasons(found, falling, limits)), tuple(_flags(found, limits))
    verdict = REFUSED if reasons else FLAGGED if flags else ACCEPTED
    return replace(found, verdict=verdict, reasons=reasons, flags=flags)


def _reasons(found: PlateQuality, falling: bool | None, limits: QualityLimits) -> list[str]:
    reasons = []
    if min(found.positive, found.negative) < limits.min_controls:
        return [f"only {found.positive} positive and {found.negative} negative control wells can be read"]
    if not found.zprime >= limits.refuse_zprime:
        reasons.append(f"Z′ is {found.zprime:.2f}, below {limits.refuse_zprime:g}")
    if falling is not None and (found.mean_positive < found.mean_negative) != falling:
        wrong = "positive" if falling else "negative"
        reasons.append(f"the {wrong} control reads higher, the wrong way round; were the controls swapped?")
    if found.reference and found.reference.out_of_control:
        low, high = found.reference.limits
        reasons.append(
            f"the reference compound is out of control ({found.reference.rule}): {found.reference.value:.2f}, "
            f"limits {low:.2f} to {high:.2f} over {found.reference.history} plates"
        )
    if found.reference and np.isnan(found.reference.value):
        reasons.append("the reference compound gave no value")
    return reasons


def _flags(found: PlateQuality, limits: QualityLimits) -> list[str]:
    flags = []
    if limits.refuse_zprime <= found.zprime < limits.flag_zprime:
        flags.append(f"Z′ is {found.zprime:.2f}, below {limits.flag_zprime:g}")
    if found.signal_window < limits.flag_signal_window:
        flags.append(f"the signal window is {found.signal_window:.1f}, below {limits.flag_signal_window:g}")
    high = found.cv_positive if found.mean_positive > found.mean_negative else found.cv_negative
    if high > limits.flag_cv:
        flags.append(f"the high-signal control varies by {high:.0f} %, above {limits.flag_cv:g} %")
    effects = {"edge wells differ": found.edge, "columns drift": found.drift_columns, "rows drift": found.drift_rows}
    for what, effect in effects.items():
        if effect.matters(limits):
            flags.append(f"{what} by {effect.size:+.0f} % of the signal span (p = {effect.p:.1g})")
    if found.reference and found.reference.rule == "1-2s":
        flags.append("the reference compound is beyond two standard deviations (1-2s)")
    if found.reference and found.reference.rule == "no-history":
        flags.append(f"only {found.reference.history} plates in the reference compound's history; it is not judged yet")
    return flags


def _welch(a: Floats, b: Floats) -> float:
    """Two-sided p of Welch's t-test; written out, since scipy.stats takes a second to import and this does not."""
    from scipy.special import stdtr

    variances = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    total = sum(variances)
    if total == 0:
        return 0.0 if a.mean() != b.mean() else 1.0
    dof = total**2 / (variances[0] ** 2 / (len(a) - 1) + variances[1] ** 2 / (len(b) - 1))
    return float(2 * stdtr(dof, -abs(a.mean() - b.mean()) / np.sqrt(total)))


def _westgard(distance: float, before: float, sd: float) -> str:
    if not abs(distance) <= 3 * sd:
        return "1-3s"
    if abs(distance) <= 2 * sd:
        return ""
    return "2-2s" if abs(before) > 2 * sd and before * distance > 0 else "1-2s"


def _separation(p: float, n: float, p_sd: float, n_sd: float) -> float:
    gap = abs(p - n)
    return float(1 - 3 * (p_sd + n_sd) / gap) if gap > 0 else -np.inf


def _two(positive: ArrayLike, negative: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(positive, dtype=np.float64), np.asarray(negative, dtype=np.float64)


def _sd(values: Floats) -> float:
    return float(np.std(values, ddof=1))


def _mad(values: Floats) -> float:
    return float(_MAD_TO_SD * np.median(np.abs(values - np.median(values))))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else np.nan
