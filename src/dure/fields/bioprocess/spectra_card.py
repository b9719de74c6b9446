"""The card of a calibration: figures of the samples and of the fermentation, baselines beside them, and what they leave
open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.fields.bioprocess.chemometrics import Floats
from dure.fields.bioprocess.spectra_calibration import PARTS, Calibration, false_alarms, nested_errors
from dure.fields.bioprocess.spectra_pictures import picture
from dure.fields.bioprocess.spectra_tables import Batch


def time_alone(batch: Batch) -> float:
    """RMSE, g/L, of a cheat that reads no spectrum: each HPLC point from its two neighbours in time."""
    inner = range(1, len(batch.sampled) - 1)
    guessed = [np.interp(batch.sampled[i], np.delete(batch.sampled, i), np.delete(batch.glucose, i)) for i in inner]
    return float(np.sqrt(np.mean((np.array(guessed) - batch.glucose[1:-1]) ** 2)))


def _rmse(errors: Floats) -> float:
    return float(np.sqrt((errors**2).mean()))


def _row(
    figure: str, value: float, unit: str, beside: Mapping[str, float] | None = None, note: str = ""
) -> dict[str, Any]:
    return {"figure": figure, "value": round(value, 4), "unit": unit, "beside": dict(beside or {}), "note": note}


def metrics(calibration: Calibration, spectra: Floats, glucose: Floats, groups: Sequence[str]) -> list[dict[str, Any]]:
    """The figures that samples alone give."""
    mean = {"mean of the samples": _rmse(glucose - glucose.mean())}
    return [
        _row(
            "RMSECV", _rmse(calibration.errors), "g/L", mean,
            "each sample held out in turn; the settings were chosen by this very figure, which makes it optimistic",
        ),
        _row(
            "RMSECV, the choice repeated", _rmse(nested_errors(spectra, glucose, groups)), "g/L", mean,
            f"up to {PARTS} parts of the samples held out, window, polynomial and components chosen without them",
        ),
        _row(
            "false alarms on held-out samples", false_alarms(calibration, spectra, glucose, groups), "1",
            {"wanted": 0.02}, "outside Q or T², limits drawn without the sample",
        ),
    ]  # fmt: skip


def batch_metrics(calibration: Calibration, mean: float, batch: Batch, loose: Calibration) -> list[dict[str, Any]]:
    """The figures of the fermentation, baselines beside them: cut off at zero, and as the regression says.

    Args:
        mean: glucose of the samples, g/L.
        loose: what the same cross-validation chooses among first derivatives.
    """
    beside = {
        "published": 5.4,
        "goal": 4.5,
        "mean of the samples": _rmse(batch.errors(np.full(len(batch.hours), mean))[1]),
        "time alone (cheat)": time_alone(batch),
    }
    raw = calibration.regressed(batch.spectra)
    rows = [_row("predictions below zero", float((raw < 0).mean()), "1", note="set to zero where it says `cut off`")]
    both = (("cut off at zero", np.maximum(raw, 0.0), loose.predict), ("negative values kept", raw, loose.regressed))
    for said, predicted, other in both:
        points, every = batch.errors(predicted)
        first = {"first derivative, by the same cross-validation": _rmse(batch.errors(other(batch.spectra))[1])}
        rows += [
            _row(f"RMSEP, every spectrum, {said}", _rmse(every), "g/L", {**beside, **first}, "HPLC joined by lines"),
            _row(f"RMSEP, at the HPLC points, {said}", _rmse(points), "g/L", {"goal": 4.5}),
            _row(f"bias, {said}", float(points.mean()), "g/L"),
            _row(f"SEP, {said}", float(points.std(ddof=1)), "g/L", note="spread of the errors without the bias"),
        ]
    points = batch.errors(calibration.predict(batch.spectra))[0]
    rows += [
        _row(
            f"coverage of the {level} % interval", float((np.abs(points) <= half).mean()), "1", {"wanted": level / 100}
        )
        for level, half in ((80, calibration.half80), (95, calibration.half95))
    ]
    inside = np.array([code == "" for code in calibration.why(batch.spectra)])
    return [
        *rows,
        _row(
            "spectra of the batch inside Q and T²", float(inside.mean()), "1",
            note="the alarm sounds on every spectrum outside: within this batch it tells nothing apart",
        ),
    ]  # fmt: skip


_BATCH_CAVEATS = (
    "One fermentation: nothing here shows that the calibration holds for another batch, strain, medium or instrument.",
    "Derivative order and wavenumber range were fixed on physical grounds by people who had seen the batch's figures; "
    "window, polynomial and components were chosen on the samples.",
    "The goal of 4.5 g/L is met only where predictions below zero are cut off, and not by a choice made on the samples "
    "alone: with first derivatives allowed the same cross-validation chooses a model that fails on the batch.",
    "Every spectrum of the batch lies outside the samples' limits: the alarm has no power within it, and intervals "
    "from laboratory samples do not cover it.",
    "Not for control or release.",
)
_OWN_CAVEATS = (
    "Samples of one table, each held out in turn: nothing here shows that the calibration holds for spectra of another "
    "instrument, day, medium or process.",
    "Intervals come from errors under the settings that were chosen by them, and are somewhat too narrow.",
    "Not for control or release.",
)


def told(
    calibration: Calibration,
    spectra: Floats,
    glucose: Floats,
    groups: Sequence[str],
    tried: tuple[Batch, Calibration] | None = None,
) -> dict[str, bytes]:
    """Card and pictures.

    Args:
        tried: the fermentation that the shipped calibration was tried on, and the other calibration tried there.
    """
    d, n = calibration.derivative, len(set(groups))
    split = "window, polynomial, components and limits by holding out each sample"
    rows = metrics(calibration, spectra, glucose, groups)
    if tried:
        rows += batch_metrics(calibration, float(glucose.mean()), *tried)
        split += "; derivative order and range by people who had seen the fermentation; no value of it was fitted to"
    card = {
        "method": f"PLS, {calibration.components} components, derivative {d.order} (polynomial {d.polynomial}, window "
        f"{d.window}), {calibration.wavenumbers[0]:g} to {calibration.wavenumbers[-1]:g} cm⁻¹",
        "training": f"{len(glucose)} spectra of {n} samples, {glucose.min():.1f} to {glucose.max():.1f} g/L glucose",
        "split": split,
        "metrics": rows,
        "calibration": f"conformal, one score for each of {n} held-out samples: ±{calibration.half80:.2f} g/L (80 %), "
        f"±{calibration.half95:.2f} g/L (95 %); so few samples cannot show that the 95 % interval covers",
        "domain": f"Q up to {calibration.q:.3g} and T² up to {calibration.t2:.3g} (99 %); no spectrum twice in a row",
        "caveats": list(_BATCH_CAVEATS if tried else _OWN_CAVEATS),
    }
    batch = tried[0] if tried else None
    pictures = {f"calibration.{lang}.svg": picture(calibration, glucose, batch, lang).encode() for lang in ("en", "ko")}
    return {"card": canonical(card), **pictures}
