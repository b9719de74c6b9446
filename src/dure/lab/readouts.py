"""Raw readouts: plates judged by their controls, readouts set against them, curves fitted, replicates averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.lab.curves import Curve, fit_curve
from dure.lab.outcome import FAILURES, Failed, Measured, Protocol, flags_of
from dure.lab.plate import SHAPES, Well, place
from dure.lab.potency import Combined, Concentration, combine, flip
from dure.lab.quality import FLAGGED, REFUSED, ChartPoint, PlateQuality, control_chart, judge_plate
from dure.lab.resultfile import Raw

Floats = NDArray[np.float64]
_Index = NDArray[np.int64]


def measure(
    raw: Raw, protocol: Protocol, history: Sequence[float]
) -> tuple[list[Measured | Failed], tuple[PlateQuality, ...], tuple[float, ...]]:
    """Results of all orders, records of all plates, and the reference compound on the accepted ones.

    Plates are taken in the order of their names; the reference of one is the history of the next only by way of the
    rule that looks at two in a row.

    Raises:
        BadInput: a potency is asked for, but the worklist has too few concentrations, or a pKi without [S] and Km.
    """
    shift = protocol.shift
    _check_series(raw, protocol)
    effect = np.full(len(raw.wells), np.nan)
    plates = _by(raw, np.arange(len(raw.wells)), lambda w: w.plate)
    for index in plates.values():
        effect[index] = _normalised(raw, index)
    references = [_reference(raw, effect, index, protocol) for index in plates.values()]
    standing = any(w.role == "reference" for w in raw.wells)
    chart = (
        control_chart(references, history, min_history=protocol.limits.min_history)
        if standing
        else [None] * len(plates)
    )
    judged = tuple(_judged(raw, index, protocol, point) for index, point in zip(plates.values(), chart, strict=True))
    done: list[Measured | Failed] = []
    for index, quality in zip(plates.values(), judged, strict=True):
        done += _plate_orders(raw, effect, index, quality, protocol, shift)
    kept = tuple(v for v, q in zip(references, judged, strict=True) if q.verdict != REFUSED and np.isfinite(v))
    return done, judged, kept


def _check_series(raw: Raw, protocol: Protocol) -> None:
    points = len({w.concentration for w in raw.wells if w.role == "sample"})
    if protocol.is_potency and points < protocol.curve.min_concentrations:
        raise BadInput(
            f"{protocol.measures} needs {protocol.curve.min_concentrations} concentrations; the worklist has {points}",
            remedy='measure "inhibition" in % at one concentration, or lay out a dilution series',
        )
    if not protocol.is_potency and (points > 1 or protocol.unit != "%"):
        raise BadInput(
            f"raw readouts at {points} concentrations do not give {protocol.measures} in {protocol.unit}",
            remedy="ask for pIC50 or the like, or for an effect in % at one concentration, or import fitted values",
        )


def _by(raw: Raw, index: _Index, key: Callable[[Well], Any]) -> dict[Any, _Index]:
    groups: dict[Any, list[int]] = {}
    for i in index.tolist():
        groups.setdefault(key(raw.wells[i]), []).append(i)
    return {name: np.array(groups[name], dtype=np.int64) for name in sorted(groups)}


def _roles(raw: Raw, index: _Index) -> NDArray[np.str_]:
    return np.array([raw.wells[i].role for i in index])


def _normalised(raw: Raw, index: _Index) -> Floats:
    """Per cent effect: 0 at the mean of the negative controls, 100 at that of the positive ones; NaN without them."""
    y, roles = raw.readout[index], _roles(raw, index)
    means = [values[np.isfinite(values)] for values in (y[roles == "negative"], y[roles == "positive"])]
    if not all(len(values) for values in means):
        return np.full(len(y), np.nan)
    zero, full = (float(values.mean()) for values in means)
    effect: Floats = 100 * (zero - y) / (zero - full) if zero != full else np.full(len(y), np.nan)
    return effect


def _series(raw: Raw, effect: Floats, index: _Index, protocol: Protocol) -> list[Curve]:
    """A curve for each replicate."""
    factor = Concentration(1.0, raw.wells[index[0]].unit).molar
    curves = []
    for at in _by(raw, index, lambda w: w.replicate).values():
        concentration = np.array([raw.wells[i].concentration or 0.0 for i in at]) * factor
        curves.append(fit_curve(concentration, effect[at], protocol.curve))
    return curves


def _reference(raw: Raw, effect: Floats, index: _Index, protocol: Protocol) -> float:
    """pIC50 (never shifted to pKi: it is compared with itself) or mean effect; NaN where it gives no exact value."""
    own = index[_roles(raw, index) == "reference"]
    if not len(own) or not np.isfinite(effect[own]).any():
        return np.nan
    if not protocol.is_potency:
        return float(np.nanmean(effect[own]))
    series = _series(raw, effect, own, protocol)
    curves = [c for c in series if c.qualifier == "=" and c.se <= protocol.max_se and not c.is_scatter]
    return float(np.mean([-c.log_ic50 for c in curves])) if curves else np.nan


def _judged(raw: Raw, index: _Index, protocol: Protocol, point: ChartPoint | None) -> PlateQuality:
    roles = _roles(raw, index)
    own = index[(roles == "positive") | (roles == "negative")]
    cells = [place(raw.wells[i].well) for i in own]
    return judge_plate(
        raw.wells[index[0]].plate,
        raw.readout[own],
        _roles(raw, own).tolist(),
        cells,
        SHAPES[protocol.wells],
        reference=point,
        falling=protocol.falling,
        limits=protocol.limits,
    )


def _plate_orders(
    raw: Raw, effect: Floats, index: _Index, quality: PlateQuality, protocol: Protocol, shift: float
) -> Iterable[Measured | Failed]:
    samples = index[_roles(raw, index) == "sample"]
    for order, own in _by(raw, samples, lambda w: w.order).items():
        candidate = raw.wells[own[0]].candidate
        if quality.verdict == REFUSED:
            reason = f"plate {quality.plate} was refused: {'; '.join(quality.reasons)}"
            yield Failed(str(order), candidate, "plate-refused", reason)
        elif protocol.is_potency:
            yield _potency(raw, effect, own, quality, protocol, shift)
        else:
            yield _single(raw, effect, own, quality, protocol)


def _potency(
    raw: Raw, effect: Floats, index: _Index, quality: PlateQuality, protocol: Protocol, shift: float
) -> Measured | Failed:
    well = raw.wells[index[0]]
    curves = _series(raw, effect, index, protocol)
    fitted = [c for c in curves if np.isfinite(c.log_ic50)]
    if not fitted:
        points = int(np.isfinite(effect[index]).sum())
        return Failed(well.order, well.candidate, "no-curve", f"{FAILURES['no-curve']} to {points} readable wells")
    if all(c.is_scatter for c in fitted):
        reason = f"{FAILURES['no-curve']}: the points scatter by {fitted[0].residual_sd:.0f} % about it"
        return Failed(well.order, well.candidate, "no-curve", reason)
    fitted = [c for c in fitted if not c.is_scatter]
    sure = [c for c in fitted if c.qualifier != "=" or c.se <= protocol.max_se]
    if not sure:
        reason = f"{FAILURES['curve-undetermined']} (standard error of log IC50 {fitted[0].se:.1f})"
        return Failed(well.order, well.candidate, "curve-undetermined", reason)
    found = _pooled(sure, shift, protocol.concordant)
    if found.discordant:
        return Failed(well.order, well.candidate, "replicates-discordant", found.discordant)
    flags = [flag for curve in sure for flag in curve.flags]
    if len(sure) < len(curves):
        flags.append(f"{len(curves) - len(sure)} of {len(curves)} replicates gave no curve")
    return _measured(raw, index, found, quality, protocol, "dose-response", flags, tuple(sure))


def _pooled(curves: Sequence[Curve], shift: float, within: float) -> Combined:
    """One p value of all replicates' curves, no more certain than the curves themselves.

    Replicates that agree by luck would otherwise claim an error far below that of each fit: the larger of the error
    between replicates and the error within them counts.
    """
    from scipy.special import stdtrit

    p = np.array([shift - curve.log_ic50 for curve in curves])
    found = combine(p, flip([curve.qualifier for curve in curves]), within=within)
    if found.qualifier != "=" or found.censored:
        return found
    inner = float(np.sqrt(sum(curve.se**2 for curve in curves)) / len(curves))
    if found.n > 1 and found.se >= inner:
        return found
    reach = float(stdtrit(sum(curve.dof for curve in curves), 0.975)) * inner
    return replace(found, se=inner, lower=found.value - reach, upper=found.value + reach)


def _single(raw: Raw, effect: Floats, index: _Index, quality: PlateQuality, protocol: Protocol) -> Measured | Failed:
    well = raw.wells[index[0]]
    values = effect[index][np.isfinite(effect[index])]
    if not len(values):
        return Failed(well.order, well.candidate, "no-value", "none of its wells could be read")
    found = combine(values, within=np.inf)
    return _measured(raw, index, found, quality, protocol, "single-concentration", [])


def _measured(
    raw: Raw,
    index: _Index,
    found: Combined,
    quality: PlateQuality,
    protocol: Protocol,
    name: str,
    flags: Sequence[str],
    curves: tuple[Curve, ...] = (),
) -> Measured:
    well, sample = raw.wells[index[0]], raw.samples[raw.wells[index[0]].order]
    of_plate = [f"plate {quality.plate}: {flag}" for flag in quality.flags] if quality.verdict == FLAGGED else []
    wells = ",".join(raw.wells[i].well for i in index)
    rows = ",".join(f"{a}-{b}" if a != b else str(a) for a, b in _runs(raw.rows[index].tolist()))
    return Measured(
        well.order, well.candidate, protocol.measures, found.value, protocol.unit, found.qualifier, found.se,
        found.lower, found.upper, found.n, protocol.method(name), sample, f"{well.plate}:{wells}; rows {rows}",
        tuple(dict.fromkeys([*flags, *of_plate, *flags_of(sample, protocol)])), curves,
    )  # fmt: skip


def _runs(rows: Sequence[int]) -> Iterable[tuple[int, int]]:
    for _, group in groupby(enumerate(sorted(rows)), key=lambda pair: pair[1] - pair[0]):
        run = [row for _, row in group]
        yield run[0], run[-1]
