"""Pictures of a calibration, in both languages: the fermentation over time, or the samples held out."""

from __future__ import annotations

import numpy as np

from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREY, ORANGE, RED
from dure.fields.bioprocess.chemometrics import Floats
from dure.fields.bioprocess.spectra_calibration import Calibration
from dure.fields.bioprocess.spectra_tables import Batch

_WORDS = {
    "en": {
        "title": "Glucose by mid-infrared spectra, one fermentation",
        "own": "Glucose by spectra, each sample held out",
        "x": "time (h)",
        "y": "glucose (g/L)",
        "measured": "HPLC",
        "predicted": "predicted",
        "band": "80 % interval",
        "outside": "outside Q or T²",
        "xm": "measured glucose (g/L)",
        "ym": "predicted glucose (g/L)",
        "note": "Learnt on laboratory samples; below zero cut off. One batch: no claim of transfer.",
    },
    "ko": {
        "title": "중적외선 스펙트럼으로 구한 포도당, 발효 1회",
        "own": "스펙트럼으로 구한 포도당, 시료를 하나씩 빼고 예측",
        "x": "시간 (h)",
        "y": "포도당 (g/L)",
        "measured": "HPLC",
        "predicted": "예측값",
        "band": "80 % 구간",
        "outside": "Q 또는 T² 한계 밖",
        "xm": "측정한 포도당 (g/L)",
        "ym": "예측한 포도당 (g/L)",
        "note": "실험실 시료로 학습했고 0 미만은 0으로 잘랐습니다. 배치가 하나이므로 다른 배치는 알 수 없습니다.",
    },
}


def picture(calibration: Calibration, glucose: Floats, batch: Batch | None, lang: str) -> str:
    """The fermentation over time where there is one, else predicted against measured glucose (g/L) of the samples."""
    w = _WORDS[lang]
    if batch is None:
        predicted = glucose + calibration.errors
        ends = (min(0.0, float(predicted.min())), max(float(glucose.max()), float(predicted.max())) * 1.05)
        axes = plot(w["own"], ends, ends, w["xm"], w["ym"], keys=0)
        axes.line(ends, ends, GREY, dash="4 3")
        axes.dots(glucose, predicted, BLUE)
        return axes.svg()
    predicted = calibration.predict(batch.spectra)
    thin = slice(None, None, 4)
    low, high = np.maximum(predicted - calibration.half80, 0.0), predicted + calibration.half80
    range_ = (float(min(low.min(), 0)), float(max(high.max(), batch.glucose.max())))
    axes = plot(w["title"], (0.0, float(batch.hours[-1])), range_, w["x"], w["y"], note=w["note"])
    axes.band(batch.hours[thin], low[thin], high[thin], BLUE, label=w["band"])
    axes.line(batch.hours[thin], predicted[thin], BLUE, label=w["predicted"], width=1.2)
    axes.dots(batch.sampled, batch.glucose, RED, label=w["measured"], r=3.2, opacity=1.0)
    out = np.array([code in ("residual", "extreme") for code in calibration.why(batch.spectra)])
    shown = batch.hours[out][::8]
    axes.dots(shown, np.full(len(shown), range_[0]), ORANGE, label=w["outside"], r=1.6)
    return axes.svg()
