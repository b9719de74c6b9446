"""The analysis `agrifood/set-points`: a campaign's answer on tomorrow's forecast, hour by hour. Simulated."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import Inputs, Outputs, Progress, task
from dure.design.candidate import Candidate
from dure.fields.agrifood import greenhouse, greenhouse_panel
from dure.fields.agrifood.greenhouse_laws import law_of, usual, vector
from dure.fields.agrifood.greenhouse_pictures import DAY, EXAMPLE, day_picture, replayed, shadow_prices
from dure.fields.agrifood.greenhouse_tomorrow_words import AROUND, ASKED, LIMIT_WORDS, SEEN, WORDS
from dure.fields.agrifood.greenhouse_twin import FIRST, LIMIT_UNITS, LIMIT_VALUES, LIMITS, NOMINAL, Seasons, trace
from dure.fields.agrifood.weather import LOOK, STEP, Weather, in_model_units, sun
from dure.fields.agrifood.weather_table import evenly, time_of
from dure.models.recipe import Column, Texts

Floats = NDArray[np.float64]
HOUR = 3600.0
OUTSIDE = ("radiation", "temperature", "humidity", "CO2")
NOW = ("dry weight", "indoor temperature", "indoor humidity", "indoor CO2")
ACTUATORS = ("CO2 supply", "ventilation", "heating")
"""Columns of the table: weather to come, and what is now; actuators may be left out."""


@dataclass(frozen=True)
class Situation:
    """Where a day begins.

    Attributes:
        weather: shape (48 + 13, 5), as `Weather.season` gives it.
        start, first: states (4,) and controls (3,) now, as the twin takes them.
        hour, minute: of the clock.
        told: what it is, and what was assumed, for readers.
    """

    weather: Floats
    start: Floats
    first: Floats
    hour: int
    minute: int
    told: tuple[Texts, ...]


@task(version=1, distributions=("numpy", "numba"))
def run(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Tomorrow under the answer of a campaign, or under the tuned rules where none is given; see `Analysis.run`."""
    lab = params.get("lab", {})
    design = Candidate(*json.loads(inputs["candidate"])) if "candidate" in inputs else usual()
    law = law_of(design, greenhouse.LAWS.get(lab.get("simulator", ""), "set-points"))
    year = greenhouse.weather_of(inputs, lab)
    members = greenhouse_panel.members_in(lab) if "panel" in lab else greenhouse_panel.PANELS["tune"]
    if "table" in inputs:
        now = forecast(pq.read_table(io.BytesIO(inputs["table"])), greenhouse.place_of(lab))
    else:
        now = example(design, law, members[0], year)
    steps = trace(law, vector(design, law), now.weather, start=now.start, first=now.first)
    traces, weather, c = steps[None], now.weather[None], NOMINAL[None]
    day = replayed(traces, weather, c, LIMIT_VALUES, now.start, now.first)
    prices = shadow_prices(traces, weather, c, now.start, now.first)
    progress(0.3, "seasons")
    expected = [(members, greenhouse_panel.judged(design, law, members, year))]
    if "weather" not in lab:
        late = tuple(member for member in greenhouse_panel.PANELS["held-out"] if member not in members)
        expected.append((late, greenhouse_panel.judged(design, law, late, year)))
    summary = [*_summary(day, expected, "candidate" in inputs), *now.told]
    found = {"summary": summary, "tables": [_hours(design, law, now, steps), _parts(day), _limits(day, prices)]}
    money = float(day.measures()["return"][0, 0])
    return {"findings": canonical(found)} | {
        f"tomorrow.{lang}.svg": day_picture(
            design,
            law,
            steps,
            now.weather[:DAY],
            WORDS["title"][lang].format(money=money),
            WORDS["note"][lang],
            lang,
            now.hour,
        )
        for lang in ("en", "ko")
    }


def forecast(table: pa.Table, place: tuple[float, float]) -> Situation:
    """The day that a user's table tells: a forecast from now on, and the state of house and crop in every row.

    Raises:
        BadInput: times are uneven or over an hour apart, there is less than a day, or the state differs between rows.
    """
    numbers = table["row"].to_pylist()
    told = zip(table["time"].to_pylist(), numbers, strict=True)
    times = [time_of(text, number, f"row {number}") for text, number in told]
    if len(times) < 2:
        raise BadInput(f"{len(times)} rows are no day", remedy="give the forecast of 24 hours, an hour a row or less")
    spacing = evenly(times, HOUR, "time")
    hours = len(times) * spacing / HOUR
    if hours < 24:
        raise BadInput(f"{hours:g} hours are no day", remedy="give the forecast of 24 hours, an hour a row or less")
    state = {name: _now(table, name, numbers) for name in (*NOW, *ACTUATORS) if name in table.column_names}
    channels = [table[name].to_numpy().astype(float) for name in OUTSIDE]
    rows = DAY + LOOK
    at, known = np.arange(rows) * STEP, np.arange(len(times)) * spacing
    # Where the forecast ends before a plan's view does, the day is taken to come again.
    beyond = at > max(known[-1], 24 * HOUR - STEP)
    at = np.where(beyond, at - 24 * HOUR, at)
    outside = in_model_units(*(np.interp(at, known, channel) for channel in channels))
    weather = np.column_stack([outside, sun(times[0], STEP, rows, place)])
    inside = in_model_units(*(np.array([x]) for x in (0.0, *(state[name] for name in NOW[1:]))))[0]
    start = np.array([state["dry weight"] / 1000, inside[1], inside[2], inside[3]])
    first = np.array([state.get(name, usual) for name, usual in zip(ACTUATORS, FIRST, strict=True)])
    notes = [_says("forecast", first=_clock(times[0]), rows=len(times))]
    notes += [_says("again", hours=hours)] if beyond.any() else []
    notes += [_says("assumed")] if not set(ACTUATORS) <= set(state) else []
    return Situation(weather, start, first, times[0].hour, times[0].minute, tuple(notes))


def example(design: Candidate, law: str, member: str, year: Weather) -> Situation:
    """A day of the shipped (or own) weather in the middle of a season, its state as the design would have left it."""
    season, c = greenhouse_panel.panel_of([member], year)
    before = trace(law, vector(design, law), season[0], c[0])[DAY * EXAMPLE - 1]
    rows = season[0, DAY * EXAMPLE : DAY * (EXAMPLE + 1) + LOOK]
    return Situation(
        rows, before[:4], before[4:7], 0, 0, (_says("example", n=EXAMPLE + 1, member=member, name=year.name),)
    )


def _now(table: pa.Table, name: str, numbers: Sequence[int]) -> float:
    """The state of now, which every row repeats."""
    values = table[name].to_numpy().astype(float)
    if (values != values[0]).any():
        raise BadInput(
            f"{name!r} differs between rows",
            where=f"row {numbers[int(np.argmax(values != values[0]))]}",
            remedy="it is the state of now: write the same in every row",
        )
    return float(values[0])


def _clock(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="minutes")


def _hours(design: Candidate, law: str, now: Situation, steps: Floats) -> dict[str, Any]:
    """What is set as each hour begins, and what is expected in it: means of two half hours."""
    means, outside = steps[:DAY].reshape(24, 2, 9).mean(axis=1), now.weather[:DAY].reshape(24, 2, 5).mean(axis=1)
    fixed = law == "set-points"
    rows: list[list[Any]] = []
    for i, told in enumerate(means):
        asked = _asked(design, float(now.weather[2 * i, 0])) if fixed else []
        held = [round(float(told[k]), 2) for k in (6, 5, 4)]
        seen = [round(float(told[2]), 1), round(float(told[8])), round(float(told[7]))]
        around = [round(float(outside[i, 2]), 1), round(float(outside[i, 0]))]
        rows.append([f"{(now.hour + i) % 24:02d}:{now.minute:02d}", *around, *asked, *held, *seen])
    head = [*AROUND, *(ASKED if fixed else ()), *SEEN]
    return {"title": WORDS["hours set-points" if fixed else "hours plan"], "head": head, "rows": rows}


def _asked(design: Candidate, light: float) -> list[float | None]:
    """Heating set-point Cel, temperature from which vents open Cel, CO2 set-point ppm (None: no supply in the dark)."""
    value = {name: float(told["value"]) for name, told in design.form.items()}
    day = light > value["day_radiation"]
    heat = value["temp_day" if day else "temp_night"]
    return [heat, heat + value["vent_deadband"], value["co2_target"] if day else None]


def _parts(day: Seasons) -> dict[str, Any]:
    parts, told = day.parts(), day.measures()
    rows: list[list[Any]] = [[WORDS[name], round(float(parts[name][0, 0]), 4)] for name in parts]
    rows.append([WORDS["total"], round(float(told["return"][0, 0]), 4)])
    return {"title": WORDS["parts"], "head": [WORDS["part"], WORDS["money"]], "rows": rows}


def _limits(day: Seasons, prices: Floats) -> dict[str, Any]:
    hours = [float(day.measures()[f"hours {name}"][0, 0]) for name in LIMITS]
    rows = [
        [LIMIT_WORDS[name], float(value), "K" if unit == "Cel" else unit.strip("[]"), h, round(float(price), 5)]
        for name, value, unit, h, price in zip(LIMITS, LIMIT_VALUES, LIMIT_UNITS, hours, prices, strict=True)
    ]
    head = [WORDS[key] for key in ("limit", "at", "unit", "outside", "price")]
    return {"title": WORDS["limits"], "head": head, "rows": rows}


def _summary(day: Seasons, expected: Sequence[tuple[Sequence[str], Seasons]], asked: bool) -> list[Texts]:
    told = day.measures()
    money, profit, lost = (float(told[name][0, 0]) for name in ("return", "profit", "penalty"))
    said = [_says("answer" if asked else "rules"), _says("day", money=money, profit=profit, lost=lost)]
    for (members, seasons), key in zip(expected, ("tuned" if asked else "near", "held-out"), strict=False):
        values = seasons.measures()["return"][0]
        said.append(_says(key, n=len(members), mean=float(values.mean()), low=float(values.min())))
    return said


def _says(key: str, **values: Any) -> Texts:
    return {lang: text.format(**values).replace(" -", " −") for lang, text in WORDS[key].items()}


_EXAMPLE = [0, 0, 0, 0, 0, 0, 0, 0, 15, 80, 160, 220, 250, 230, 170, 90, 20, 0, 0, 0, 0, 0, 0, 0]


def _template() -> str:
    head = (
        "time,radiation [W/m2],temperature [Cel],humidity [%],CO2 [umol/mol],dry weight [g/m2],"
        "indoor temperature [Cel],indoor humidity [%],indoor CO2 [umol/mol],"
        "heating [W/m2],ventilation [mm/s],CO2 supply [mg/m2/s]"
    )
    day = [*_EXAMPLE, *_EXAMPLE[:7]]
    rows = [
        f"2026-02-{10 + i // 24:02d}T{i % 24:02d}:00,{light},{3 + light / 60:.1f},85,420,80,11.5,78,520,40,0.2,0"
        for i, light in enumerate(day)
    ]
    return "\n".join([head, *rows]) + "\n"


def _column(name: str, unit: str, low: float, high: float, en: str, ko: str, *, required: bool = True) -> Column:
    return Column(name, unit, {"en": en, "ko": ko}, low, high, required)


SET_POINTS = Analysis(
    name="set-points",
    title={
        "en": "Tomorrow's set-points for a greenhouse, what the day is worth, and what each limit costs (simulated)",
        "ko": "내일의 온실 설정값, 하루의 가치, 한계마다 드는 값 (모의실험)",
    },
    run=run,
    columns=(
        Column("time", None, {"en": "time, ISO 8601", "ko": "시각, ISO 8601"}),
        _column("radiation", "W/m2", 0, 1500, "global radiation outside", "바깥 일사량"),
        _column("temperature", "Cel", -50, 60, "temperature outside", "바깥 온도"),
        _column("humidity", "%", 0, 105, "relative humidity outside", "바깥 상대습도"),
        _column("CO2", "umol/mol", 150, 2000, "CO₂ outside", "바깥 CO₂"),
        _column("dry weight", "g/m2", 2, 600, "dry weight of the crop now", "현재 작물 건물중"),
        _column("indoor temperature", "Cel", 5, 40, "temperature inside now", "현재 실내 온도"),
        _column("indoor humidity", "%", 10, 105, "relative humidity inside now", "현재 실내 상대습도"),
        _column("indoor CO2", "umol/mol", 150, 2100, "CO₂ inside now", "현재 실내 CO₂"),
        _column("heating", "W/m2", 0, 150, "heating now", "현재 난방", required=False),
        _column("ventilation", "mm/s", 0, 7.5, "ventilation now", "현재 환기", required=False),
        _column("CO2 supply", "mg/m2/s", 0, 1.2, "CO₂ supply now", "현재 CO₂ 공급", required=False),
    ),
    table=False,
    template=_template(),
    reads=greenhouse.reads_of,
    simulators=tuple(greenhouse.SIMULATORS),
    caveats={
        "en": (
            "A simulated day in a model of four states: check it against your own house before you set anything.",
            "The forecast is taken as certain, and prices and costs of limits are the benchmark's.",
        ),
        "ko": (
            "상태가 네 개인 모형으로 모의한 하루입니다. 설정하기 전에 자신의 온실에 맞는지 확인하십시오.",
            "예보가 맞는다고 보며, 가격과 한계의 비용은 벤치마크의 값입니다.",
        ),
    },
)
