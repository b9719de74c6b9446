"""Pictures of batches over time, in both languages."""

from __future__ import annotations

import numpy as np

from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREY, RED
from dure.fields.bioprocess.twin import STEP, STEPS, Floats, Runs

HOURS = np.arange(1, STEPS + 1) * STEP
_THIN = slice(4, None, 10)

_WORDS = {
    "en": {
        "title": "Penicillin in the vessel on {n} seeds never tuned on",
        "x": "time (h)",
        "y": "penicillin (kg)",
        "own": "this recipe",
        "theirs": "published recipe",
        "note": "Simulated (IndPenSim twin). Lines: mean; areas: lowest to highest batch.",
    },
    "ko": {
        "title": "반응기 안의 페니실린, 조정에 쓰지 않은 시드 {n}개",
        "x": "시간 (h)",
        "y": "페니실린 (kg)",
        "own": "이 레시피",
        "theirs": "공표된 레시피",
        "note": "모의실험 결과입니다(IndPenSim 쌍둥이). 선은 평균, 영역은 가장 낮은 배치부터 가장 높은 배치까지입니다.",
    },
}


def panel_picture(own: Runs, theirs: Runs, lang: str) -> str:
    """Penicillin over time under a recipe and under the published one, over all members."""
    w = _WORDS[lang]
    mass = [run["penicillin"] * run["volume"] / 1000 for run in (own, theirs)]
    top = max(float(np.nanmax(m)) for m in mass)
    axes = plot(w["title"].format(n=len(own.record)), (0, HOURS[-1]), (0, top), w["x"], w["y"], note=w["note"])
    for m, colour, label in zip(reversed(mass), (GREY, BLUE), (w["theirs"], w["own"]), strict=True):
        thin = m[:, _THIN]
        axes.band(HOURS[_THIN], np.nanmin(thin, axis=0), np.nanmax(thin, axis=0), colour)
        axes.line(HOURS[_THIN], np.nanmean(thin, axis=0), colour, label=label)
    return axes.svg()


_ENVELOPE = {
    "en": {
        "title": "Batch {batch}: {variable}",
        "x": "time (h)",
        "y": "change over 5 h{unit}",
        "band": "normal",
        "centre": "median",
        "own": "this batch",
        "left": "left first",
        "note": "Area: the limits, learnt from normal batches of the table.",
        "simulated": "Area: the limits, learnt from simulated batches of the published recipe (IndPenSim twin).",
    },
    "ko": {
        "title": "배치 {batch}: {variable}",
        "x": "시간 (h)",
        "y": "5시간 동안의 변화{unit}",
        "band": "정상 범위",
        "centre": "중앙값",
        "own": "이 배치",
        "left": "처음 벗어남",
        "note": "영역은 표의 정상 배치로 학습한 한계입니다.",
        "simulated": "영역은 공표된 레시피의 모의실험 배치(IndPenSim 쌍둥이)로 학습한 한계입니다.",
    },
}


def envelope_picture(
    hours: Floats,
    moved: Floats,
    centre: Floats,
    half: Floats,
    *,
    batch: str,
    variable: str,
    unit: str,
    left: float | None,
    simulated: bool,
    lang: str,
) -> str:
    """A batch's change over five hours within the limits of one variable; shape (intervals,) each.

    Args:
        left: the hour at which this variable left; None: it did not.
        simulated: whether the limits were learnt from simulated batches.
    """
    w = _ENVELOPE[lang]
    ends = np.concatenate([centre - half, centre + half, moved[np.isfinite(moved)]])
    axes = plot(
        w["title"].format(batch=batch, variable=variable),
        (0, float(hours[-1])),
        (float(ends.min()), float(ends.max())),
        w["x"],
        w["y"].format(unit=f" ({unit})" if unit else ""),
        note=w["simulated" if simulated else "note"],
    )
    axes.band(hours, centre - half, centre + half, GREY, label=w["band"])
    axes.line(hours, centre, GREY, label=w["centre"], width=1.0)
    axes.line(hours, moved, BLUE, label=w["own"])
    if left is not None:
        axes.upright(left, RED, label=f"{w['left']} ({left:g} h)")
    return axes.svg()
