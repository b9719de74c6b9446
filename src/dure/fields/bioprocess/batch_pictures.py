"""Pictures of simulated batches, in both languages."""

from __future__ import annotations

import numpy as np

from dure.fields.bioprocess.svg import BLUE, GREY, Axes
from dure.fields.bioprocess.twin import STEP, STEPS, Runs

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
    axes = Axes((0, HOURS[-1]), (0, top), w["title"].format(n=len(own.record)), w["x"], w["y"], note=w["note"])
    for m, colour, label in zip(reversed(mass), (GREY, BLUE), (w["theirs"], w["own"]), strict=True):
        thin = m[:, _THIN]
        axes.band(HOURS[_THIN], np.nanmin(thin, axis=0), np.nanmax(thin, axis=0), colour)
        axes.line(HOURS[_THIN], np.nanmean(thin, axis=0), colour, label=label)
    return axes.svg()
