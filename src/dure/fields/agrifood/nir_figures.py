"""What a calibration errs by on lots, seasons and instruments that its training never saw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.fields.agrifood.calibration import LEVELS, Calibration, Plain, best_pls, calibrate
from dure.fields.agrifood.nir_scans import OUTER, PAIRS, Scans, shared, transferred
from dure.fields.agrifood.spectra import figures, fit_pls, group_folds, standardisation, standardised
from dure.models.recipe import Texts

Floats = NDArray[np.float64]
Shown = tuple[Floats, Floats, Floats, Floats]
"""Measured, predicted, and the ends of the 95 % interval."""


def standard(scans: Scans, test: NDArray[np.bool_], quick: bool) -> tuple[list[Any], Shown, dict[str, float]]:
    """Figures on the split that came with the data, with and without test scans that training holds as well."""
    train, out = scans.take(~test), scans.take(test)
    model = calibrate(train.spectra, train.values, train.groups, quick=quick)
    value, spread = model.predict(out.spectra)
    strong = _plain(model).predict(out.spectra)
    raw = fit_pls(train.spectra, train.values, 16).predict(out.spectra)[:, -1]
    twin = np.isin(out.groups, train.groups)
    rows = _rows(out.values, value, {"PLS chosen in folds": strong, "PLS-16, untreated": raw})
    rows += _rows(
        out.values[~twin],
        value[~twin],
        {"PLS chosen in folds": strong[~twin], "PLS-16, untreated": raw[~twin]},
        {"en": f", without {int(twin.sum())} scans that training holds too",
         "ko": f", 학습에도 있는 스캔 {int(twin.sum())}개 제외"},
    )  # fmt: skip
    return rows, (out.values, value, *model.interval(value, spread, 0.95)), _coverage(out.values, model, value, spread)


def nested(scans: Scans, quick: bool) -> tuple[list[Any], Shown, dict[str, float]]:
    """Figures of lots held out one fold after another, all chosen anew inside, instruments brought together as well."""
    fold = group_folds(scans.groups, OUTER, 1)
    n = len(scans.values)
    value, strong, low, high = (np.full(n, np.nan) for _ in range(4))
    hits = {level: np.zeros(n, dtype=bool) for level in LEVELS}
    for out in range(OUTER):
        _, moved, usable = transferred(scans, fold != out)
        own = usable & (fold == out)
        train, test = moved.take(usable & (fold != out)), moved.take(own)
        model = calibrate(train.spectra, train.values, train.groups, quick=quick)
        told, spread = model.predict(test.spectra)
        strong[own] = _plain(model).predict(test.spectra)
        value[own] = told
        low[own], high[own] = model.interval(told, spread, 0.95)
        for level in LEVELS:
            a, b = model.interval(told, spread, level)
            hits[level][own] = (a <= test.values) & (test.values <= b)
    judged = ~np.isnan(value)
    covered = {f"coverage{level * 100:.0f}": float(each[judged].mean()) for level, each in hits.items()}
    values = scans.values[judged]
    rows = _rows(values, value[judged], {"PLS chosen in folds": strong[judged]})
    return rows, (values, value[judged], low[judged], high[judged]), covered


def _plain(model: Calibration) -> Plain:
    assert model.plain is not None  # only a calibration read from a file has none
    return model.plain


def by_name(scans: Scans, quick: bool) -> list[dict[str, Any]]:
    """RMSEP of each season and each instrument when training saw none of it, nor of its lots.

    An instrument that was never seen is judged as it reads: nothing could have brought it to the others.
    """
    rows = []
    for what, title in (("season", "시기"), ("instrument", "기기")):
        names = np.unique(scans.others[what]) if what in scans.others else np.empty(0)
        for name in names if len(names) > 1 else ():
            own = scans.others[what] == name
            known = ~own & ~np.isin(scans.groups, scans.groups[own])
            if not known.any():
                continue
            _, moved, usable = transferred(scans, known)
            kept = moved.take(known & usable)
            test = scans.take(own) if what == "instrument" else moved.take(own & usable)
            if len(kept.values) < 40 or len(np.unique(kept.groups)) < OUTER or len(test.values) < 2:
                continue
            model = calibrate(kept.spectra, kept.values, kept.groups, quick=quick)
            told = figures(test.values, model.predict(test.spectra)[0])
            strong = figures(test.values, _plain(model).predict(test.spectra))
            text = {"en": f"RMSEP, {what} {name} never seen", "ko": f"RMSEP, 처음 보는 {title} {name}"}
            beside = {"PLS chosen in folds": strong["RMSEP"]}
            rows.append({"figure": text, "value": told["RMSEP"], "unit": "%", "beside": beside, "note": ""})
    return rows


def transfer(scans: Scans) -> list[dict[str, Any]]:
    """A second instrument's errors as it reads, with slope and bias corrected, and standardised; lots held out.

    One half of the lots gives the standards and the corrections, the other half is judged; PLS of the first instrument.
    """
    if "instrument" not in scans.others:
        return []
    own = scans.others["instrument"]
    names, counts = np.unique(own, return_counts=True)
    first = str(names[np.argmax(counts)])
    half = group_folds(scans.groups, 2, 2) == 0
    rows: list[dict[str, Any]] = []
    for name in (str(n) for n in names if n != first):
        known, test = scans.take(half), (own == name) & ~half
        pairs = shared(known, first, name)
        here = known.others["instrument"] == first
        if len(pairs) < PAIRS or test.sum() < 2 * PAIRS or here.sum() < 20:
            continue
        told = best_pls(known.spectra[here], known.values[here], known.groups[here]).predict
        second = known.others["instrument"] == name
        slope, bias = np.polyfit(told(known.spectra[second]), known.values[second], 1)
        matrix = standardisation(known.spectra[pairs[:, 0]], known.spectra[pairs[:, 1]])
        plain = told(scans.spectra[test])
        values = scans.values[test]
        beside = {
            "as it reads": figures(values, plain)["RMSEP"],
            "slope and bias": figures(values, slope * plain + bias)["RMSEP"],
        }
        moved = figures(values, told(standardised(scans.spectra[test], matrix)))["RMSEP"]
        text = {"en": f"RMSEP of {name}, standardised to {first}", "ko": f"{first}에 맞춰 표준화한 {name}의 RMSEP"}
        rows.append({"figure": text, "value": moved, "unit": "%", "beside": beside, "note": f"{len(pairs)} samples"})
    return rows


def _rows(
    values: Floats, predicted: Floats, beside: Mapping[str, Floats], more: Texts | None = None
) -> list[dict[str, Any]]:
    told, others = figures(values, predicted), {name: figures(values, each) for name, each in beside.items()}
    tail = more or {"en": "", "ko": ""}
    return [
        {
            "figure": {"en": name + tail["en"], "ko": ("편향" if name == "bias" else name) + tail["ko"]},
            "value": told[name],
            "unit": "1" if name == "RPD" else "%",
            "beside": {other: each[name] for other, each in others.items()},
            "note": f"{len(values)} scans",
        }
        for name in told
    ]


def _coverage(values: Floats, model: Any, value: Floats, spread: Floats) -> dict[str, float]:
    told = {}
    for level in LEVELS:
        low, high = model.interval(value, spread, level)
        told[f"coverage{level * 100:.0f}"] = float(((low <= values) & (values <= high)).mean())
    return told
