"""The greenhouse campaigns: panels of start days and buildings, the simulated order, and the held-out gate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import ReadSource, Simulator, Texts
from dure.compute.task import Body, Inputs, Outputs, Progress, task
from dure.design.candidate import Candidate
from dure.fields.agrifood.greenhouse_laws import KNOBS, parameters, usual
from dure.fields.agrifood.greenhouse_panel import PANELS, STRATA, judged, members_in, panel_of, told_of
from dure.fields.agrifood.greenhouse_twin import LIMITS
from dure.fields.agrifood.weather import Weather, bleiswijk, own_weather
from dure.fields.agrifood.weather_table import deposited, known_keys
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, Outcomes, apart

Floats = NDArray[np.float64]
FILE = ("lettuce-greenhouse", "weather", "outdoorWeatherWurGlas2014.csv")
KEYS = ("weather",)
PLACE_KEYS = ("latitude", "longitude")
"""Of a `lab` table, beside those of every simulated laboratory; `PLACE_KEYS` say where own weather was."""
MONEY = "{EUR}/m2"
UNITS = {
    "return": MONEY, "profit": MONEY, "penalty": MONEY, "yield": "g/m2", "energy": "kW.h/m2", "CO2": "kg/m2",
    **{f"hours {name}": "h" for name in LIMITS}, "worst return": MONEY, "most cold hours": "h",
}  # fmt: skip
"""What an order tells, with its unit: means over the panel, the worst return, and the most hours that were too cold."""

COLD_HOURS = 240.0
"""A quarter of a season: a held-out season with more hours below the lower temperature limit breaks the gate."""
HARM = 0.5
"""EUR/m2 below the reference's return from which a member counts as harmed."""


@lru_cache(maxsize=2)
def _weather(data: bytes, name: str, place: tuple[float, float]) -> Weather:
    return bleiswijk(data) if name == FILE[2] else own_weather(data, name, place)


def weather_of(inputs: Inputs, lab: Mapping[str, Any]) -> Weather:
    """The weather that a `lab` table asks for, from the bytes it reads."""
    key = file_of(lab)
    return _weather(inputs["/".join(key)], key[2], place_of(lab))


def place_of(lab: Mapping[str, Any]) -> tuple[float, float]:
    """Latitude and longitude of a `lab` table, degrees; those of the shipped year where it names none."""
    given = lab.get("latitude", 52.03), lab.get("longitude", 4.53)
    if not all(isinstance(x, int | float) for x in given) or not (abs(given[0]) <= 66 and abs(given[1]) <= 180):
        raise BadInput(
            f"latitude {given[0]!r} and longitude {given[1]!r} are no place for a greenhouse",
            where="[lab]",
            remedy="write degrees, north and east positive, at most 66 from the equator",
        )
    return float(given[0]), float(given[1])


def reads(lab: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """The weather file of a `lab` table; refuses a panel that cannot be run."""
    known_keys(lab, (*KEYS, *PLACE_KEYS) if "weather" in lab else KEYS)
    members_in(lab)
    return reads_of(lab)


def reads_of(lab: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """The weather file of a `lab` table; the shipped year where it names none."""
    return (file_of(lab),)


def file_of(lab: Mapping[str, Any]) -> tuple[str, str, str]:
    """The weather file that a `lab` table names, or the shipped one."""
    if "weather" not in lab:
        return FILE
    return deposited(lab["weather"])


def _simulated(law: str) -> Body:
    def body(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
        design = Candidate(*json.loads(inputs["candidate"]))
        members = members_in(params)
        seasons = judged(design, law, members, weather_of(inputs, params))
        if not np.isfinite(seasons.sums).all():
            return {"failed": canonical("diverged")}
        found = {name: float(values.mean()) for name, values in seasons.measures().items()}
        found["worst return"] = float(seasons.measures()["return"].min())
        found["most cold hours"] = float(seasons.measures()["hours temperature low"].max())
        told = {name: {"value": value, "n": len(members), "unit": UNITS[name]} for name, value in found.items()}
        return {"values": canonical(told)}

    return body


@task(version=1, distributions=("numpy", "numba"))
def run_set_points(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Fixed set-points on a panel of seasons. See `dure.campaign.field.Simulator`; nothing in a season is random."""
    return _simulated("set-points")(inputs, params, seed, progress)


@task(version=1, distributions=("numpy", "numba"))
def run_feedback(
    inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress
) -> Mapping[str, bytes]:
    """A plan made anew each half hour from measurements and the clock, without forecast."""
    return _simulated("feedback")(inputs, params, seed, progress)


@task(version=1, distributions=("numpy", "numba"))
def run_forecast(
    inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress
) -> Mapping[str, bytes]:
    """The same plan with the weather of the next six hours."""
    return _simulated("forecast")(inputs, params, seed, progress)


SIMULATORS = {
    "greenhouse-set-points": Simulator(run_set_points, reads, panels=PANELS),
    "greenhouse-feedback": Simulator(run_feedback, reads, panels=PANELS),
    "greenhouse-forecast": Simulator(run_forecast, reads, panels=PANELS),
}
LAWS = {f"greenhouse-{law}": law for law in KNOBS}
"""The law of each simulator."""


def gate(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The held-out gate of a greenhouse campaign, from its `finalists` table.

    Keys: `panel` (held-out) and, taken over from `lab` lest another situation be judged than was tuned in:
    `simulator`, `tuned` (its panel, to be kept apart), `weather`, `latitude`, `longitude`.
    """
    from dure.fields.agrifood.greenhouse_pictures import pictures

    law = LAWS[settings["simulator"]]
    if settings.get("law", law) != law:
        raise BadInput(
            f"the law is {settings['law']!r} for the finalists, and the laboratory simulates {law!r}",
            where="[finalists], law",
            remedy="leave law out: [lab] simulator says it",
        )
    members = members_in({"panel": "held-out", **settings}, "[finalists], panel")
    tuned = members_in({**settings, "panel": settings.get("tuned", "tune")})
    key = file_of(settings)
    weather = _weather(read(*key), key[2], place_of(settings))
    _apart(tuned, members, weather)
    panel_of([*tuned, *members], weather)  # refuses seasons outside the weather before anything is run

    def evaluate(designs: Sequence[Candidate], on: Sequence[str]) -> list[Outcomes]:
        return [{name: values[0] for name, values in judged(d, law, on, weather).measures().items()} for d in designs]

    check = HeldOut(
        evaluate,
        usual(),
        members,
        primary="return",
        unit=MONEY,
        sign=1.0,
        settings={"law": law, "members": list(members), "weather": key[2], "place": list(place_of(settings))},
        limits=(Limit("hours temperature low", "h", high=COLD_HOURS),),
        units=UNITS,
        harm=HARM,
        strata=tuple(STRATA.get(member, "own") for member in members),
        cost=0.3 * len(members),
        pictures=lambda design, reference, on: pictures(design, reference, law, on, weather),
    )
    return Ladder.of([check], GATES)


def _apart(tuned: Sequence[str], members: Sequence[str], weather: Weather) -> None:
    """Refuses a gate on seasons that were tuned on, under whatever name."""

    def plain(member: str) -> str:
        year, day, building = told_of(member)
        return f"{year or weather.year} day {day}" + (f" building {building}" if building else "")

    apart([plain(member) for member in tuned], [plain(member) for member in members], "[finalists], panel")


GATES = [
    Gate("held-out", "gain-low", low=0.0, forbidden=(0.0,), unit=MONEY, title={
        "en": "gain over the tuned rules on held-out seasons, lower end of its interval",
        "ko": "따로 둔 재배에서 조정된 규칙 대비 이득 (구간의 아래 끝)",
    }),
    Gate("held-out", "violations", high=0, title={
        "en": "held-out seasons with over 240 h below 10 °C", "ko": "10 °C 미만이 240시간을 넘은 따로 둔 재배 수",
    }),
    Gate("held-out", "harmed", high=0, title={
        "en": "held-out seasons worse than under the rules by more than 0.5 EUR/m2",
        "ko": "규칙보다 0.5 EUR/m2 넘게 나빠진 재배 수",
    }),
    # Better than the rules is not profitable: where the rules lose, less of a loss is a gain.
    Gate("held-out", "mean return", low=0.0, unit=MONEY, action="flag", title={
        "en": "mean return of held-out seasons", "ko": "따로 둔 재배의 평균 수익",
    }),
]  # fmt: skip


def _problem(law: str, title: Texts, budget: tuple[int, int, int], quick: tuple[int, int, int]) -> dict[str, Any]:
    names = ("first", "batch", "rounds")
    return {
        "title": title,
        "space": {"kind": "recipe", "parameters": parameters(law)},
        "objective": {
            "property": "return",
            "unit": MONEY,
            "direction": "maximise",
            # Half of what the gate allows: seasons to come are colder than those tuned on.
            "constraints": [{"property": "most cold hours", "unit": "h", "high": COLD_HOURS / 2}],
        },
        "budget": dict(zip(names, budget, strict=True)),
        "lab": {"driver": "simulated", "simulator": f"greenhouse-{law}", "panel": "tune"},
        "finalists": {"n": 3, "check": "held-out", "panel": "held-out"},
        "strategy": {"name": "dure"},
        "controls": {"seeds": 1},
        "ladder": {},
        "quick": {
            "budget": dict(zip(names, quick, strict=True)),
            "lab": {"panel": "quick"},
            "finalists": {"n": 1},
        },
    }


PROBLEMS: dict[str, dict[str, Any]] = {
    "greenhouse": _problem(
        "set-points",
        {
            "en": "Lettuce in winter light: eleven fixed set-points of the climate computer (simulated)",
            "ko": "겨울 상추: 환경 제어기의 고정 설정값 11개 (모의실험)",
        },
        (30, 15, 26),
        (12, 6, 4),
    ),
    "greenhouse-feedback": _problem(
        "feedback",
        {
            "en": "Lettuce in winter light: a plan made anew each half hour, without forecast (simulated)",
            "ko": "겨울 상추: 예보 없이 반 시간마다 새로 세우는 계획 (모의실험)",
        },
        (16, 8, 5),
        (4, 2, 2),
    ),
    "greenhouse-forecast": _problem(
        "forecast",
        {
            "en": "Lettuce in winter light: a plan made anew each half hour, six hours of forecast (simulated)",
            "ko": "겨울 상추: 여섯 시간 예보로 반 시간마다 새로 세우는 계획 (모의실험)",
        },
        (16, 8, 5),
        (4, 2, 2),
    ),
}
