"""The consensus error grid: how much harm the difference between a true and a forecast glucose could do.

Boundaries for type 1 diabetes, Parkes et al. 2000, Diabetes Care 23:1143, in the coordinates of Pfützner et al. 2013,
J. Diabetes Sci. Technol. 7:1275. The grid was made for meters that measure now, not for forecasts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dure.campaign.report.axes import Axes
from dure.campaign.report.picture import BLUE, GREEN, GREY, INK, ORANGE, RED, Picture

Floats = NDArray[np.float64]

ZONES = "ABCDE"
HIGHEST = 550.0
# Each line is where a zone begins: (true, forecast) in mg/dL.
ABOVE = {
    "B": ((0, 50), (30, 50), (140, 170), (280, 380), (430, 550)),
    "C": ((0, 60), (30, 60), (50, 80), (70, 110), (260, 550)),
    "D": ((0, 100), (25, 100), (50, 125), (80, 215), (125, 550)),
    "E": ((0, 150), (35, 155), (50, 550)),
}
BELOW = {
    "B": ((50, 0), (50, 30), (170, 145), (385, 300), (550, 450)),
    "C": ((120, 0), (120, 30), (260, 130), (550, 250)),
    "D": ((250, 0), (250, 40), (550, 150)),
}


def zones(true: Floats, forecast: Floats) -> NDArray[np.int64]:
    """The zone of each pair, 0 (A, no effect) to 4 (E, dangerous); values are cut to 0 to 550 mg/dL."""
    x, y = np.clip(true, 0, HIGHEST), np.clip(forecast, 0, HIGHEST)
    found = np.zeros(len(x), dtype=np.int64)
    for zone, line in ABOVE.items():
        xs, ys = np.array(line, dtype=float).T
        # Right of its end the line has left the grid.
        edge = np.interp(x, xs, ys, right=np.inf)
        found[y > edge] = ZONES.index(zone)
    for zone, line in BELOW.items():
        xs, ys = np.array(line, dtype=float).T
        # The first stretch is upright: read the line as true values over forecasts.
        edge = np.interp(y, ys, xs, right=np.inf)
        found[x > edge] = np.maximum(found[x > edge], ZONES.index(zone))
    return found


def shares(true: Floats, forecast: Floats) -> dict[str, float]:
    """Per cent of the pairs in each zone."""
    counted = np.bincount(zones(true, forecast), minlength=5)
    return {zone: 100 * float(n) / max(len(true), 1) for zone, n in zip(ZONES, counted, strict=True)}


WORDS = {
    "en": {
        "title": "Consensus error grid, {n:,} forecasts {horizon:g} min ahead{simulated}",
        "x": "true glucose, mg/dL",
        "y": "forecast, mg/dL",
        "note": "Zones for type 1 diabetes (Parkes 2000). Made for meters, not for forecasts. Not for dosing.",
        "simulated": ", simulated",
    },
    "ko": {
        "title": "합의 오차 격자, {horizon:g}분 뒤 예측 {n:,}건{simulated}",
        "x": "실제 혈당, mg/dL",
        "y": "예측, mg/dL",
        "note": "제1형 당뇨병용 구역(Parkes 2000). 예측이 아니라 측정기를 위한 격자이며, 투여량 결정에 쓸 수 없습니다.",
        "simulated": ", 모의실험",
    },
}
SHOWN = 1500
"""Pairs drawn at most; the shares count all."""
_COLOURS = {"A": GREEN, "B": BLUE, "C": ORANGE, "D": RED, "E": INK}
_LABELS = ((345, 310, "A"), (480, 310, "B"), (250, 390, "B"), (180, 470, "C"), (420, 160, "C"), (95, 470, "D"),
           (430, 60, "D"), (22, 470, "E"))  # fmt: skip


def drawn(true: Floats, forecast: Floats, horizon: float, lang: str, simulated: bool) -> bytes:
    """The grid with the pairs on it and the share of each zone."""
    words: Mapping[str, str] = WORDS[lang]
    title = words["title"].format(n=len(true), horizon=horizon, simulated=words["simulated"] if simulated else "")
    sheet = Picture(620, 560, title, words["note"])
    ticks = [(float(v), f"{v:g}") for v in range(0, 551, 100)]
    ends = (0, HIGHEST), (0, HIGHEST)
    axes = Axes(sheet, (62, 70, 420, 420), *ends, words["x"], words["y"], x_ticks=ticks, y_ticks=ticks)
    found = zones(true, forecast)
    step = max(1, -(-len(true) // SHOWN))
    for zone in np.unique(found[::step]):
        own = found[::step] == zone
        axes.dots(true[::step][own], forecast[::step][own], _COLOURS[ZONES[zone]], r=1.6, opacity=0.45)
    for line in (*ABOVE.values(), *BELOW.values()):
        axes.line([a for a, _ in line], [b for _, b in line], INK, width=1.2)
    axes.line((0, HIGHEST), (0, HIGHEST), GREY, width=1.0, dash="4 4")
    for x, y, zone in _LABELS:
        sheet.words(axes.px(x), axes.py(y), zone, anchor="middle", size=15, weight="bold")
    for i, (zone, share) in enumerate(shares(true, forecast).items()):
        sheet.words(505, 100 + 24 * i, f"{zone}  {share:.2f} %", colour=_COLOURS[zone], weight="bold")
    return sheet.svg()
