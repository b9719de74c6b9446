"""What a design means for a grower: set-points of an example day, parts of the return, and what each limit costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.campaign.report.axes import Axes, span
from dure.campaign.report.picture import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, Picture
from dure.design.candidate import Candidate
from dure.fields.agrifood.greenhouse_laws import KNOBS, law_of, vector
from dure.fields.agrifood.greenhouse_panel import STRATA, judged, panel_of
from dure.fields.agrifood.greenhouse_twin import (
    FIRST,
    LIMIT_UNITS,
    LIMIT_VALUES,
    LIMITS,
    PRICES,
    START,
    WEIGHTS,
    Seasons,
    run,
    trace,
)
from dure.fields.agrifood.weather import Weather

Floats = NDArray[np.float64]
DAY = 48
EXAMPLE = 20
"""The day of the season that is shown, counted from 0."""
MOVED = np.array([-10.0, 10.0, -0.5, 0.5, 1.0])
"""How far each limit is moved outwards to see what it costs: ppm, ppm, K, K, %."""

_WORDS: dict[str, dict[str, str]] = {
    "example": {
        "en": "An example day, {day} of the season from day {start} of the year: {money:+.2f} EUR/m² (simulated)",
        "ko": "예시 하루 (연중 {start}일에 시작한 재배의 {day}일째): {money:+.2f} EUR/m² (모의실험)",
    },
    "temperature": {"en": "temperature (°C)", "ko": "온도 (°C)"},
    "humidity": {"en": "relative humidity (%)", "ko": "상대습도 (%)"},
    "CO2": {"en": "CO₂ (ppm)", "ko": "CO₂ (ppm)"},
    "actuators": {"en": "share of the most (%)", "ko": "최대치 대비 (%)"},
    "hour": {"en": "hour of the day", "ko": "시각"},
    "limit": {"en": "limit", "ko": "한계"},
    "inside": {"en": "inside", "ko": "실내"},
    "outside": {"en": "outside", "ko": "바깥"},
    "heating": {"en": "heating", "ko": "난방"},
    "ventilation": {"en": "ventilation", "ko": "환기"},
    "dosing": {"en": "CO₂ supply", "ko": "CO₂ 공급"},
    "settings": {"en": "what is set", "ko": "설정값"},
    "simulated": {
        "en": "Simulated: van Henten's lettuce model, Bleiswijk weather of one year (2014). No greenhouse was run.",
        "ko": "모의실험: van Henten 상추 모형, 한 해(2014년)의 블레이스베이크 날씨. 실제 온실을 운전하지 않았습니다.",
    },
    "simulated own": {
        "en": "Simulated: van Henten's lettuce model, weather of {name}. No greenhouse was run.",
        "ko": "모의실험: van Henten 상추 모형, {name} 날씨. 실제 온실을 운전하지 않았습니다.",
    },
    "return": {
        "en": "What the return is made of: mean of {n} held-out seasons (simulated)",
        "ko": "수익의 구성: 따로 둔 재배 {n}회의 평균 (모의실험)",
    },
    "strata": {
        "en": "Mean return by kind of season, this design (tuned rules), EUR/m²:",
        "ko": "재배 종류별 평균 수익, 이 설계 (조정된 규칙), EUR/m²:",
    },
    "other start days": {"en": "near start days", "ko": "가까운 시작일"},
    "other weather": {"en": "other weather", "ko": "다른 날씨"},
    "other buildings": {"en": "other buildings", "ko": "다른 온실"},
    "own": {"en": "own seasons", "ko": "사용자가 고른 재배"},
    "money": {"en": "EUR/m² a season", "ko": "재배당 EUR/m²"},
    "this": {"en": "this design", "ko": "이 설계"},
    "rules": {"en": "tuned rules", "ko": "조정된 규칙"},
    "revenue": {"en": "revenue", "ko": "매출"},
    "energy cost": {"en": "heat", "ko": "난방비"},
    "CO2 cost": {"en": "CO₂ cost", "ko": "CO₂ 비용"},
    "profit": {"en": "= profit", "ko": "= 이익"},
    "CO2 penalty": {"en": "CO₂ limits", "ko": "CO₂ 한계"},
    "temperature penalty": {"en": "temp. limits", "ko": "온도 한계"},
    "humidity penalty": {"en": "hum. limit", "ko": "습도 한계"},
    "total": {"en": "= return", "ko": "= 수익"},
    "limits": {
        "en": "What each limit costs: mean of {n} held-out seasons (simulated)",
        "ko": "한계마다 드는 값: 따로 둔 재배 {n}회의 평균 (모의실험)",
    },
    "limits note": {
        "en": "Shadow price: how much less a season pays for each unit that the limit is moved outwards, same design.",
        "ko": "그림자 가격: 설계를 그대로 두고 한계를 바깥으로 옮길 때, 한 단위당 줄어드는 재배 벌점.",
    },
    "hours": {"en": "hours outside", "ko": "벗어난 시간"},
    "price": {"en": "shadow price", "ko": "그림자 가격"},
    "per": {"en": "{money:.4f} EUR/m² per {unit}", "ko": "{unit}당 {money:.4f} EUR/m²"},
    "CO2 low": {"en": "CO₂ at least {v:g} ppm", "ko": "CO₂ {v:g} ppm 이상"},
    "CO2 high": {"en": "CO₂ at most {v:g} ppm", "ko": "CO₂ {v:g} ppm 이하"},
    "temperature low": {"en": "temperature at least {v:g} °C", "ko": "온도 {v:g} °C 이상"},
    "temperature high": {"en": "temperature at most {v:g} °C", "ko": "온도 {v:g} °C 이하"},
    "humidity high": {"en": "humidity at most {v:g} %", "ko": "습도 {v:g} % 이하"},
}
_SHOWN = {
    "[ppm]": "ppm",
    "Cel": "K",
    "%": "%",
    "1": "",
    "W/m2": "W/m²",
    "W/m2/K": "W/m²/K",
    "mg/m2/s/[ppm]": "mg/m²/s/ppm",
}


def pictures(
    design: Candidate, reference: Candidate, law: str, members: Sequence[str], weather: Weather
) -> Mapping[str, bytes]:
    """Three pictures in each language, as `NAME.LANG.svg`."""
    season, c = panel_of(members, weather)
    own = law_of(design, law)
    traces = np.stack([trace(own, vector(design, own), season[m], c[m]) for m in range(len(members))])
    here, there = replayed(traces, season, c), judged(reference, law, members, weather)
    prices = shadow_prices(traces, season, c)
    name, drawn = weather.name, {}
    for lang in ("en", "ko"):
        drawn[f"example-day.{lang}.svg"] = example_day(design, own, traces[0], season[0], members[0], name, lang)
        drawn[f"return.{lang}.svg"] = returns(here, there, [STRATA.get(m, "own") for m in members], name, lang)
        drawn[f"limits.{lang}.svg"] = limits(here, prices, name, lang)
    return drawn


def replayed(
    traces: Floats,
    season: Floats,
    c: Floats,
    at: Floats = LIMIT_VALUES,
    start: Floats = START,
    first: Floats = FIRST,
) -> Seasons:
    """The seasons of traces, shape (1, members), with the controls that were: a plan would look at other limits."""
    each = [
        run("controls", traces[m : m + 1, :, 4:7], season[[m]], c[[m]], limits=at, start=start, first=first).sums
        for m in range(len(traces))
    ]
    return Seasons(np.concatenate(each, axis=1))


def shadow_prices(traces: Floats, season: Floats, c: Floats, start: Floats = START, first: Floats = FIRST) -> Floats:
    """What a season gains when each limit is moved outwards by one unit at the same controls, EUR/m2, shape (limits,).

    By the envelope theorem it is, at an optimum, also what the best design gains from a small move.
    """
    gained = []
    before = replayed(traces, season, c, LIMIT_VALUES, start, first).measures()["penalty"].mean()
    for i, move in enumerate(MOVED):
        moved = LIMIT_VALUES.copy()
        moved[i] += move
        after = replayed(traces, season, c, moved, start, first).measures()["penalty"].mean()
        gained.append(float(before - after) / abs(move))
    return np.array(gained)


def day_return(steps: Floats, day: int) -> float:
    """The return of one day of a season, EUR/m2: profit less penalties, from its trace."""
    rows = slice(DAY * day, DAY * (day + 1))
    before = steps[DAY * day - 1, 0] if day else START[0]
    grown = steps[rows.stop - 1, 0] - before
    heat, co2 = steps[rows, 6].sum() * 1800 / 3.6e6, steps[rows, 4].sum() * 1e-6 * 1800
    ppm, warm, humid = steps[rows, 7], steps[rows, 2], steps[rows, 8]
    lost = WEIGHTS[0] * np.maximum(LIMIT_VALUES[0] - ppm, 0) + WEIGHTS[1] * np.maximum(ppm - LIMIT_VALUES[1], 0)
    lost += WEIGHTS[2] * np.maximum(LIMIT_VALUES[2] - warm, 0) + WEIGHTS[3] * np.maximum(warm - LIMIT_VALUES[3], 0)
    lost += WEIGHTS[4] * np.maximum(humid - LIMIT_VALUES[4], 0)
    return float(PRICES["lettuce"] * grown - PRICES["energy"] * heat - PRICES["CO2"] * co2 - lost.sum())


def example_day(
    design: Candidate, law: str, steps: Floats, season: Floats, member: str, name: str, lang: str, day: int = EXAMPLE
) -> bytes:
    """A day of the first held-out season, not of today's greenhouse: climate, actuators, and what is set."""
    start = int(member.partition("day ")[2].split()[0])
    title = _say("example", lang, day=day + 1, start=start, money=day_return(steps, day))
    rows = slice(DAY * day, DAY * (day + 1))
    return day_picture(design, law, steps[rows], season[rows], title, _note(name, lang), lang)


def day_picture(
    design: Candidate, law: str, told: Floats, v: Floats, title: str, note: str, lang: str, first: int = 0
) -> bytes:
    """A day: climate, actuators, and what is set.

    Args:
        told: its trace, shape (48, 9); `v` its weather, shape (48, 5).
        first: the hour of the clock at which it begins.
    """
    picture = Picture(820, 576, title.replace(" -", " −"), note)
    hours = np.arange(DAY) / 2
    ticks = [(float(h), f"{(first + h) % 24 if first or h < 24 else 24:02d}") for h in range(0, 25, 6)]
    # Outdoor weather is drawn in °C only: its humidity and CO2 are not what a grower steers by.
    frames = [(64.0, 62.0 + 124 * i, 470.0, 72.0) for i in range(4)]
    ends = span(told[:, 2], v[:, 2], [9, 21])
    warm = Axes(picture, frames[0], (0, 24), ends, "", _say("temperature", lang), x_ticks=ticks)
    warm.line(hours, told[:, 2], BLUE, label=_say("inside", lang))
    warm.line(hours, v[:, 2], GREY, label=_say("outside", lang))
    warm.level(LIMIT_VALUES[2], label=_say("limit", lang))
    warm.level(LIMIT_VALUES[3])
    warm.legend(beside=True)
    humid = Axes(picture, frames[1], (0, 24), span(told[:, 8], [60, 90]), "", _say("humidity", lang), x_ticks=ticks)
    humid.line(hours, told[:, 8], BLUE)
    humid.level(LIMIT_VALUES[4])
    gas = Axes(picture, frames[2], (0, 24), span(told[:, 7], [450, 700]), "", _say("CO2", lang), x_ticks=ticks)
    gas.line(hours, told[:, 7], BLUE)
    gas.level(LIMIT_VALUES[0])
    acts = Axes(picture, frames[3], (0, 24), (0, 100), _say("hour", lang), _say("actuators", lang), x_ticks=ticks)
    own = ((6, 150.0, RED, "heating"), (5, 7.5, GREEN, "ventilation"), (4, 1.2, PURPLE, "dosing"))
    for column, most, colour, name in own:
        acts.line(hours, 100 * told[:, column] / most, colour, label=_say(name, lang))
    acts.legend(beside=True)
    picture.words(560, 62, _say("settings", lang), weight="bold")
    for i, knob in enumerate(KNOBS[law]):
        y = 88 + 36 * i
        value = float(design.form[knob.name]["value"])
        unit = "°C" if knob.unit == "Cel" else _SHOWN.get(knob.unit, knob.unit)
        picture.words(560, y, knob.ko if lang == "ko" else knob.en, size=11, colour=GREY)
        picture.words(560, y + 15, f"{value:g} {unit}".rstrip().replace("-", "−"))
    return picture.svg()


def returns(design: Seasons, reference: Seasons, strata: Sequence[str], name: str, lang: str) -> bytes:
    """A staircase from revenue to return, of the design and of the reference; below it the return by stratum."""
    n = design.sums.shape[1]
    picture = Picture(820, 442, _say("return", lang, n=n), _note(name, lang))
    names = ("revenue", "energy cost", "CO2 cost", "profit", "CO2 penalty", "temperature penalty", "humidity penalty")
    stairs = [_stairs(each) for each in (design, reference)]
    values = np.array([edge for stair in stairs for low_high in stair for edge in low_high])
    labels = [_say(key, lang) for key in (*names, "total")]
    ticks = [(i + 0.5, label) for i, label in enumerate(labels)]
    axes = Axes(picture, (64, 72, 740, 262), (0, 8), span(values, [0]), "", _say("money", lang), x_ticks=ticks)
    for stair, shift, colour, key in zip(stairs, (0.12, 0.52), (BLUE, ORANGE), ("this", "rules"), strict=True):
        for i, (low, high) in enumerate(stair):
            axes.bar(i + shift, 0.36, low, high, colour, label=_say(key, lang))
            change = high - low if i in (0, 3, 7) else low - high
            at = axes.py(max(low, high)) - 4
            picture.words(axes.px(i + shift + 0.18), at, f"{change:.2f}".replace("-", "−"), anchor="middle", size=10)
    axes.legend(beside=True)
    here, there = by_stratum(design, strata), by_stratum(reference, strata)
    picture.words(10, 388, _say("strata", lang), size=11, colour=GREY)
    for i, key in enumerate(here):
        told = f"{_say(key, lang)} {here[key]:+.2f} ({there[key]:+.2f})"
        picture.words(10 + 200 * i, 408, told.replace("-", "−"), size=12)
    return picture.svg()


def by_stratum(seasons: Seasons, strata: Sequence[str]) -> dict[str, float]:
    """The mean return of the members of each stratum, EUR/m2."""
    values, own = seasons.measures()["return"][0], np.array(strata)
    return {str(name): float(values[own == name].mean()) for name in dict.fromkeys(strata)}


def _stairs(seasons: Seasons) -> list[tuple[float, float]]:
    """(from, to) of each bar: revenue, two costs, profit, three penalties, return; a loss goes from high to low."""
    parts = {key: float(values.mean()) for key, values in seasons.parts().items()}
    at, told = parts["revenue"], [(0.0, parts["revenue"])]
    for i, key in enumerate(("energy cost", "CO2 cost", "CO2 penalty", "temperature penalty", "humidity penalty")):
        if i == 2:
            told.append((0.0, at))
        told.append((at - parts[key], at))
        at -= parts[key]
    return [*told, (0.0, at)]


def limits(design: Seasons, prices: Floats, name: str, lang: str) -> bytes:
    """Hours outside each limit, and its shadow price."""
    n = design.sums.shape[1]
    picture = Picture(820, 330, _say("limits", lang, n=n), _note(name, lang))
    picture.words(10, 298, _say("limits note", lang), size=11, colour=GREY)
    hours = np.array([design.measures()[f"hours {limit}"].mean() for limit in LIMITS])
    picture.words(230, 52, _say("hours", lang), size=12, weight="bold")
    picture.words(560, 52, _say("price", lang), size=12, weight="bold")
    for i, limit in enumerate(LIMITS):
        y = 84 + 42 * i
        picture.words(10, y, _say(limit, lang, v=LIMIT_VALUES[i]))
        picture.box(230, y - 12, 200 * hours[i] / max(hours.max(), 1e-9), 16, BLUE)
        picture.words(236 + 200 * hours[i] / max(hours.max(), 1e-9), y, f"{hours[i]:.0f} h")
        picture.words(560, y, _say("per", lang, money=prices[i], unit=_SHOWN[LIMIT_UNITS[i]]))
    return picture.svg()


def _note(name: str, lang: str) -> str:
    return _say("simulated", lang) if name == "2014" else _say("simulated own", lang, name=name)


def _say(key: str, lang: str, **values: Any) -> str:
    return _WORDS[key][lang].format(**values)
