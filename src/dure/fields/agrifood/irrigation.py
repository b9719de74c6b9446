"""The irrigation campaigns: four soil-moisture triggers in AquaCrop, early years to tune and late years to judge.

AquaCrop-OSPy 3.1.0 (Kelly and Foster 2021, Agric. Water Manag. 254:106976) runs as it is; one season costs .2 to .4
CPU-s. What a season gives is simulated, whatever its weather is.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import ReadSource, Simulator, Texts
from dure.compute.task import Inputs, Outputs, Progress, task
from dure.design.box import BoxSpace, Parameter
from dure.design.candidate import Candidate
from dure.fields.agrifood.climate import OWN, Site, dates_of, frame_of, inside, own_site
from dure.fields.agrifood.weather_table import deposited, known_keys
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, Outcomes, apart, members_of

Floats = NDArray[np.float64]
STAGES = ("emergence", "canopy", "flowering", "ripening")
"""Growth stages of AquaCrop, each with its trigger: irrigate when less than so much of the available water is left."""
PARAMETERS: dict[str, dict[str, Any]] = {
    stage: {"lower": 0.0, "upper": 100.0, "resolution": 5.0, "unit": "%"} for stage in STAGES
}
FULL = (100.0, 100.0, 100.0, 100.0)
"""Full irrigation: the soil is kept at field capacity; its yield is what shares refer to."""
USUAL = 50.0
"""%: an allowed depletion of one half (Allen et al. 1998, FAO Irrigation and Drainage Paper 56, chapter 8)."""
START_WATER = 50.0
"""% of the available water at planting; a soil at field capacity would carry a crop through most seasons here."""
LEAST_SHARE = 95.0
"""% of the yield of full irrigation that every year must reach."""
SPARE = 1.0
"""Points that tuning keeps from it: a year to come may be drier than all that were tuned on."""
PRICES = {"grain_price": 200.0, "water_price": 0.15}
"""EUR a tonne of dry grain and a cubic metre of water: assumed, and to be replaced by one's own."""


SITES = {
    # Ten years: the first eight are wet, and what was tuned on them alone starved the crop in two dry late years.
    "tunis": Site("tunis_climate.txt", "Wheat", (10, 15), (7, 30), "SandyLoam", (*range(1979, 1989),),
                  (*range(1989, 2001),)),
    # Its Januaries are hot: this is the Cordoba of Argentina.
    "cordoba": Site("cordoba_climate.txt", "Maize", (10, 15), (6, 30), "SandyLoam", (*range(1991, 1999),),
                    (*range(2009, 2021),)),
    "champion": Site("champion_climate.txt", "Maize", (5, 1), (12, 30), "SandyLoam", (*range(1982, 1990),),
                     (*range(2007, 2019),)),
}  # fmt: skip
PANELS: dict[str, tuple[str, ...]] = {}
for _name, _site in SITES.items():
    PANELS[f"{_name} tune"] = tuple(f"{_name} {year}" for year in _site.tune)
    PANELS[f"{_name} quick"] = tuple(f"{_name} {year}" for year in _site.tune[:2])
    PANELS[f"{_name} held-out"] = tuple(f"{_name} {year}" for year in _site.held_out)
UNITS = {
    "productivity": "kg/m3", "yield": "t/hm2", "yield share": "%", "water": "mm", "margin": "{EUR}/hm2",
    "dry-decile yield": "t/hm2", "dry-decile share": "%", "worst share": "%",
}  # fmt: skip
"""What an order tells: means over the years, the yield of the driest tenth, the share of the worst."""
KEYS = ("weather", *PRICES)
PLACE_KEYS = ("crop", "soil", "planting", "end")
"""Of a `lab` table, beside those of every simulated laboratory; `PLACE_KEYS` say what own weather is for."""


def site_of(members: Sequence[str]) -> str:
    """The one place of a panel; `BadInput` where it mixes places."""
    places = sorted({member.split()[0] for member in members})
    if len(places) > 1:
        raise BadInput(
            f"a panel mixes {places[0]} and {places[1]}",
            where="[lab], panel",
            remedy="triggers are tuned for one crop at one place: name its years only",
        )
    return places[0]


def source_file(place: str) -> tuple[str, str, str]:
    """The climate file of a place."""
    return "aquacrop", "climate", SITES[place].file


def members_in(table: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """The years of a table's `panel`; with own weather `own YEAR`.

    Raises:
        BadInput: there is none, it names what is no year, or it has fewer than two.
    """
    if "panel" not in table:
        raise BadInput(
            f"the key {'panel'!r} is missing",
            where=where.partition(",")[0],
            remedy='write panel = "champion tune", or a list of years such as ["champion 1983", "champion 1984"]',
        )
    panel = table["panel"]
    if "weather" not in table:
        return members_of(panel, PANELS, where)
    years = [panel] if isinstance(panel, str) else list(map(str, panel))
    strange = [each for each in years if not re.fullmatch(rf"{OWN} \d{{4}}", each)]
    if strange:
        raise BadInput(
            f"{strange[0]!r} is no season of an own climate file", where=where, remedy='write ["own 2007", "own 2008"]'
        )
    return members_of(years, {OWN: tuple(years)}, where)


def reads(lab: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """The climate file of a `lab` table; refuses a panel that cannot be run."""
    known_keys(lab, (*KEYS, *PLACE_KEYS) if "weather" in lab else KEYS)
    return (file_of(lab, members_in(lab, "[lab], panel")),)


def file_of(lab: Mapping[str, Any], members: Sequence[str]) -> tuple[str, str, str]:
    """The climate file of members: an own one that the table names, or that of their place."""
    return deposited(lab["weather"]) if "weather" in lab else source_file(site_of(members))


def place_of(lab: Mapping[str, Any], members: Sequence[str]) -> Site:
    """The place of members, with its crop and soil."""
    return own_site(lab, deposited(lab["weather"])[2]) if "weather" in lab else SITES[site_of(members)]


@lru_cache(maxsize=4)
def _same(data: bytes) -> bytes:
    """One object for equal bytes, so that what is kept of seasons holds each file once."""
    return data


@lru_cache(maxsize=2048)
def _season(data: bytes, site: Site, year: int, triggers: tuple[float, ...]) -> tuple[float, float, float]:
    """Dry yield t/ha, irrigation mm and rain mm of one season."""
    import pandas as pd
    from aquacrop import AquaCropModel, Crop, InitialWaterContent, IrrigationManagement, Soil

    own = "" if site in SITES.values() else site.file
    inside(data, own, site, [year])
    weather = frame_of(data, own)
    dates = weather["Date"]
    start, end = (pd.Timestamp(each) for each in dates_of(site, year))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about how AquaCrop uses it
        model = AquaCropModel(
            start.strftime("%Y/%m/%d"),
            end.strftime("%Y/%m/%d"),
            weather.copy(),
            Soil(site.soil),
            Crop(site.crop, planting_date=start.strftime("%m/%d")),
            InitialWaterContent(wc_type="Pct", value=[START_WATER]),
            IrrigationManagement(irrigation_method=1, SMT=list(triggers)),
        )
        model.run_model(till_termination=True)
        told = model._outputs.final_stats.iloc[0]
    harvest = told["Harvest Date (YYYY/MM/DD)"]
    rain = float(weather["Precipitation"][(dates >= start) & (dates <= harvest)].sum())
    return float(told["Dry yield (tonne/ha)"]), float(told["Seasonal irrigation (mm)"]), rain


def outcomes(
    data: bytes,
    triggers: Sequence[float],
    members: Sequence[str],
    prices: Mapping[str, float] = PRICES,
    site: Site | None = None,
) -> dict[str, Floats]:
    """What each year came to, each shape (years,); `rain` in mm. The place is that of the members unless given."""
    site, data = site or SITES[site_of(members)], _same(data)
    years = [int(member.split()[1]) for member in members]
    rows = np.array([_season(data, site, year, tuple(map(float, triggers))) for year in years])
    full = np.array([_season(data, site, year, FULL)[0] for year in years])
    grain, water, rain = rows.T
    return {
        # 1 t/ha on 1 mm (10 m3/ha) is 100 kg/m3.
        "productivity": 100.0 * grain / (water + rain),
        "yield": grain,
        "yield share": 100.0 * grain / full,
        "water": water,
        "margin": prices["grain_price"] * grain - prices["water_price"] * 10.0 * water,
        "rain": rain,
    }


def driest(found: Mapping[str, Floats], measure: str) -> float:
    """The mean of a measure over the driest tenth of years, at least one."""
    order = np.argsort(found["rain"])
    return float(found[measure][order[: max(1, len(order) // 10)]].mean())


def triggers_of(design: Candidate) -> tuple[float, ...]:
    """The triggers of a design in the order of the stages, %."""
    if set(design.form) != set(STAGES):
        raise BadInput(
            f"a schedule has the triggers {', '.join(STAGES)}, not {', '.join(sorted(design.form))}",
            where="[space.parameters]",
        )
    return tuple(float(design.form[stage]["value"]) for stage in STAGES)


@task(version=1, distributions=("numpy", "pandas", "aquacrop"))
def run_triggers(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Four triggers on the years of a panel. See `dure.campaign.field.Simulator`; nothing in a season is random."""
    members = members_in(params, "[lab], panel")
    data = inputs["/".join(file_of(params, members))]
    design = Candidate(*json.loads(inputs["candidate"]))
    found = outcomes(data, triggers_of(design), members, prices_of(params), place_of(params, members))
    told = {name: float(values.mean()) for name, values in found.items() if name != "rain"}
    told |= {"dry-decile yield": driest(found, "yield"), "dry-decile share": driest(found, "yield share")}
    told["worst share"] = float(found["yield share"].min())
    if not np.isfinite(list(told.values())).all():
        return {"failed": canonical("diverged")}
    values = {name: {"value": value, "n": len(members), "unit": UNITS[name]} for name, value in told.items()}
    return {"values": canonical(values)}


def prices_of(table: Mapping[str, Any]) -> dict[str, float]:
    """The prices of a table, the assumed ones where it names none."""
    given = {name: table.get(name, usual) for name, usual in PRICES.items()}
    for name, price in given.items():
        if not isinstance(price, int | float) or not 0 <= price < float("inf"):
            raise BadInput(f"{price!r} is no price", where=f"[lab], {name}", remedy="write a number in EUR, 0 or more")
    return {name: float(price) for name, price in given.items()}


def usual() -> Candidate:
    """One trigger for all stages: half of the available water may be used up."""
    space = BoxSpace([Parameter(name, **table) for name, table in PARAMETERS.items()])
    return space.recipe(dict.fromkeys(STAGES, USUAL))


SIMULATORS = {"irrigation": Simulator(run_triggers, reads, panels=PANELS)}


def gate(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The held-out gate: late years, each of which must yield 95 % of full irrigation.

    Keys: `panel` (late years) and, taken over from `lab`, `tuned` (its panel), own weather with its place, the prices.
    """
    from dure.fields.agrifood.irrigation_pictures import pictures

    for key in ("panel", "tuned"):
        if key not in settings:
            raise BadInput(
                f"the key {key!r} is missing", where="[finalists]", remedy="name the years, as in [lab] panel"
            )
    members = members_in(settings, "[finalists], panel")
    tuned = members_in({**settings, "panel": settings["tuned"]}, "[lab], panel")
    apart(tuned, members, "[finalists], panel")
    site = place_of(settings, [*tuned, *members])
    prices = prices_of(settings)
    data = read(*file_of(settings, members))
    own = site.file if "weather" in settings else ""
    inside(data, own, site, [int(member.split()[1]) for member in (*tuned, *members)])

    def evaluate(designs: Sequence[Candidate], on: Sequence[str]) -> list[Outcomes]:
        return [outcomes(data, triggers_of(design), on, prices, site) for design in designs]

    def drawn(design: Candidate, reference: Candidate, on: Sequence[str]) -> Mapping[str, bytes]:
        here, there = evaluate([design, reference], on)
        return pictures(here, there, on, own)

    check = HeldOut(
        evaluate,
        usual(),
        members,
        primary="productivity",
        unit=UNITS["productivity"],
        sign=1.0,
        settings={"members": list(members), "start water": START_WATER, **prices, **asdict(site)},
        limits=(Limit("yield share", "%", low=LEAST_SHARE),),
        units=UNITS,
        cost=0.6 * len(members),
        pictures=drawn,
    )
    return Ladder.of([check], GATES)


GATES = [
    Gate("held-out", "gain-low", low=0.0, forbidden=(0.0,), unit="kg/m3", title={
        "en": "gain in water productivity over one trigger of 50 % in late years, lower end of its interval",
        "ko": "후기 연도에서 단일 기준 50 % 대비 물 생산성 이득 (구간의 아래 끝)",
    }),
    Gate("held-out", "violations", high=0, title={
        "en": "late years that yield under 95 % of full irrigation",
        "ko": "수량이 충분 관개의 95 %에 못 미친 후기 연도 수",
    }),
]  # fmt: skip

_TITLES: dict[str, Texts] = {
    "champion": {"en": "maize at Champion, Nebraska", "ko": "네브래스카 챔피언의 옥수수"},
    "tunis": {"en": "wheat at Tunis", "ko": "튀니스의 밀"},
    "cordoba": {"en": "maize at Cordoba, Argentina", "ko": "아르헨티나 코르도바의 옥수수"},
}


def _problem(place: str) -> dict[str, Any]:
    title = _TITLES[place]
    return {
        "title": {
            "en": f"Four irrigation triggers, {title['en']}: most grain for the water at 95 % yield (simulated)",
            "ko": f"관개 시작 기준 네 가지, {title['ko']}: 수량 95 %를 지키며 물 생산성 높이기 (모의실험)",
        },
        "space": {"kind": "recipe", "parameters": PARAMETERS},
        "objective": {
            "property": "productivity",
            "unit": "kg/m3",
            "direction": "maximise",
            "constraints": [{"property": "worst share", "unit": "%", "low": LEAST_SHARE + SPARE}],
        },
        "budget": {"first": 10, "batch": 5, "rounds": 4},
        "lab": {"driver": "simulated", "simulator": "irrigation", "panel": f"{place} tune"},
        "finalists": {"n": 3, "check": "held-out", "panel": f"{place} held-out"},
        "strategy": {"name": "dure"},
        "controls": {"seeds": 1},
        "ladder": {},
        "quick": {
            "budget": {"first": 4, "batch": 2, "rounds": 2},
            "lab": {"panel": f"{place} quick"},
            "finalists": {"n": 1},
        },
    }


PROBLEMS = {
    "irrigation": _problem("champion"),
    "irrigation-tunis": _problem("tunis"),
    "irrigation-cordoba": _problem("cordoba"),
}
