"""Late years under a design and under one trigger for all stages: water, yield and what the water gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dure.campaign.report.axes import Axes, span
from dure.campaign.report.picture import BLUE, ORANGE, Picture
from dure.verify.panel import Outcomes

_WORDS = {
    "title": {
        "en": "{place}, years never tuned on: this design and one trigger of 50 % (simulated)",
        "ko": "{place}, 조정에 쓰지 않은 해: 이 설계와 단일 기준 50 % (모의실험)",
    },
    "note": {
        "en": (
            "AquaCrop, simulated. Driest year: {year}. Mean margin {ours:.0f} against {theirs:.0f} EUR/ha, assumed "
            "prices."
        ),
        "ko": (
            "AquaCrop 모의실험. 가장 건조한 해: {year}. 평균 마진 {ours:.0f} EUR/ha (기준 {theirs:.0f} EUR/ha), "
            "가정한 가격 기준."
        ),
    },
    "water": {"en": "irrigation (mm)", "ko": "관개량 (mm)"},
    "yield share": {"en": "yield (% of full irrigation)", "ko": "수량 (충분 관개의 %)"},
    "productivity": {"en": "grain for water (kg/m³)", "ko": "물 생산성 (kg/m³)"},
    "year": {"en": "year of planting", "ko": "파종 연도"},
    "this": {"en": "this design", "ko": "이 설계"},
    "usual": {"en": "trigger 50 %", "ko": "기준 50 %"},
    "limit": {"en": "95 %", "ko": "95 %"},
}

_SEEN: dict[str, list[float]] = {"water": [], "yield share": [94.0, 100.0], "productivity": []}
"""What the axis of each measure shows in any case."""


def pictures(design: Outcomes, reference: Outcomes, members: Sequence[str], own: str = "") -> Mapping[str, bytes]:
    """One picture in each language; `own` names the file of own weather."""
    return {f"years.{lang}.svg": _drawn(design, reference, members, own, lang) for lang in ("en", "ko")}


def _drawn(design: Outcomes, reference: Outcomes, members: Sequence[str], own: str, lang: str) -> bytes:
    place = own or members[0].split()[0].capitalize()
    years = [member.split()[1] for member in members]
    dry = years[int(np.argmin(design["rain"]))]
    note = _WORDS["note"][lang].format(year=dry, ours=design["margin"].mean(), theirs=reference["margin"].mean())
    picture = Picture(760, 520, _WORDS["title"][lang].format(place=place), note)
    ticks = [(i + 0.5, year) for i, year in enumerate(years)]
    for i, name in enumerate(("water", "yield share", "productivity")):
        ends = span(design[name], reference[name], _SEEN[name])
        if name == "water":
            ends = (0.0, ends[1])
        label = _WORDS["year"][lang] if i == 2 else ""
        frame = (64.0, 62.0 + 140 * i, 680.0, 92.0)
        axes = Axes(picture, frame, (0, len(years)), ends, label, _WORDS[name][lang], x_ticks=ticks)
        at = np.arange(len(years)) + 0.5
        for told, colour, shift, key in ((design, BLUE, -0.12, "this"), (reference, ORANGE, 0.12, "usual")):
            if name == "water":
                for x, value in zip(at, told[name], strict=True):
                    axes.bar(x + shift - 0.11, 0.22, 0.0, float(value), colour, label=_WORDS[key][lang])
            else:
                axes.dots(at + shift, told[name], colour, r=4.0)
        if name == "yield share":
            axes.level(95.0, label=_WORDS["limit"][lang])
        axes.legend(beside=True)
    return picture.svg()
