"""The agri-food field as the loop sees it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput
from dure.campaign.field import Field, ReadSource, Texts, simulator_of
from dure.campaign.report.picture import Mark, knobs
from dure.design.candidate import Candidate
from dure.fields.agrifood import greenhouse, irrigation
from dure.fields.agrifood.genomic import GENOMIC
from dure.fields.agrifood.greenhouse_laws import KNOBS, Knob
from dure.fields.agrifood.greenhouse_tomorrow import SET_POINTS
from dure.fields.agrifood.nir import NIR
from dure.verify.ladder import Ladder

_KNOBS = {knob.name: knob for knobs in KNOBS.values() for knob in knobs}
_KNOBS |= {stage: Knob(stage, 0, 100, 5, "%", irrigation.USUAL, "", "") for stage in irrigation.STAGES}


def ladder(settings: Mapping[str, Any]) -> Ladder:
    """No rung: nothing cheaper than a simulated season says anything about a set-point inside its bounds."""
    if settings:
        raise BadInput(
            f"{min(settings)} is not understood",
            where="[ladder]",
            remedy="leave [ladder] out: bounds stand in [space.parameters], limits are judged by the simulation",
        )
    return Ladder.of([], [])


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The held-out gate of what the laboratory simulates."""
    simulator_of(FIELD, settings)  # refuses one that is not the field's
    gate = greenhouse.gate if settings["simulator"] in greenhouse.SIMULATORS else irrigation.gate
    return gate(settings, read)


def label(candidate: Candidate) -> str:
    """A design by its first four values, in the order of its law or of the growth stages."""
    return " ".join(f"{candidate.form[name]['value']:g}" for name in _ordered(candidate)[:4])


def _ordered(candidate: Candidate) -> list[str]:
    known = [name for name in _KNOBS if name in candidate.form]
    return [*known, *sorted(set(candidate.form) - set(known))]


def draw(candidate: Candidate, width: int, height: int) -> str:
    """The values of a design, each as a mark between its bounds."""
    rows: list[Mark] = []
    for name in _ordered(candidate):
        value, unit = float(candidate.form[name]["value"]), str(candidate.form[name]["unit"])
        knob = _KNOBS.get(name)
        share = None if knob is None else (value - knob.lower) / (knob.upper - knob.lower)
        rows.append((f"{name} {value:g} {'' if unit == '1' else unit.replace('[ppm]', 'ppm')}".rstrip(), share, None))
    return knobs(rows, width, height)


_TITLES: dict[str, Texts] = {
    "return": {
        "en": "return: profit less the cost of time outside the limits",
        "ko": "수익: 이익에서 한계를 벗어난 시간의 비용을 뺀 값",
    },
    "profit": {"en": "profit", "ko": "이익"},
    "penalty": {"en": "cost of time outside the limits", "ko": "한계를 벗어난 시간의 비용"},
    "yield": {"en": "yield, dry matter", "ko": "수량 (건물중)"},
    "energy": {"en": "heat", "ko": "난방 에너지"},
    "CO2": {"en": "CO₂ supplied", "ko": "공급한 CO₂"},
    "hours CO2 low": {"en": "hours below 500 ppm CO₂", "ko": "CO₂ 500 ppm 미만 시간"},
    "hours CO2 high": {"en": "hours above 1,600 ppm CO₂", "ko": "CO₂ 1,600 ppm 초과 시간"},
    "hours temperature low": {"en": "hours below 10 °C", "ko": "10 °C 미만 시간"},
    "hours temperature high": {"en": "hours above 20 °C", "ko": "20 °C 초과 시간"},
    "hours humidity high": {"en": "hours above 80 % humidity", "ko": "습도 80 % 초과 시간"},
    "productivity": {
        "en": "grain for each m³ of rain and irrigation",
        "ko": "비와 관개수 1 m³당 곡물",
    },
    "yield share": {"en": "yield, share of full irrigation", "ko": "충분 관개 대비 수량"},
    "water": {"en": "irrigation", "ko": "관개량"},
    "margin": {"en": "margin at assumed prices", "ko": "마진 (가정한 가격 기준)"},
    "dry-decile yield": {"en": "yield in the driest tenth of years", "ko": "가장 건조한 10분의 1 해의 수량"},
    "dry-decile share": {
        "en": "yield in the driest tenth of years, share of full irrigation",
        "ko": "가장 건조한 10분의 1 해의 충분 관개 대비 수량",
    },
    "worst share": {
        "en": "yield of the worst year, share of full irrigation",
        "ko": "가장 나쁜 해의 충분 관개 대비 수량",
    },
    "most cold hours": {"en": "most hours below 10 °C in one season", "ko": "한 재배에서 10 °C 미만 시간의 최댓값"},
    "worst return": {"en": "return of the worst season of the panel", "ko": "패널에서 가장 나쁜 재배의 수익"},
}

FIELD = Field(
    name="agrifood",
    title={"en": "Agri-food", "ko": "농식품"},
    problems={**greenhouse.PROBLEMS, **irrigation.PROBLEMS},
    template=files("dure.fields.agrifood").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    distributions=("numpy", "scipy", "scikit-learn", "numba", "pandas", "aquacrop"),
    finalists=finalists,
    simulators={**greenhouse.SIMULATORS, **irrigation.SIMULATORS},
    models={"nir": NIR, "genomic": GENOMIC},
    analyses={SET_POINTS.name: SET_POINTS},
    property_titles=_TITLES,
    caveats={
        "en": (
            "Seasons are simulated with a model of four states; no greenhouse was run.",
            "The shipped weather is one measured year (2014): seasons that begin within 40 days of a tuned one share "
            "some of its weather, and no other year was seen. Intervals are over the members of the panel, not over "
            "years.",
            "A greenhouse design that passed is better than the tuned rules, which lose money outside winter; it is "
            "not profitable there either. Day 40, the benchmark's, is one of the days that were tuned on.",
            "Prices and the cost of time outside the limits are the benchmark's; others have another optimum.",
        ),
        "ko": (
            "재배는 상태가 네 개인 모형으로 모의한 것이며, 실제 온실을 운전하지 않았습니다.",
            "함께 제공하는 실측 날씨는 한 해(2014년)뿐입니다. 조정에 쓴 시작일에서 40일 안에 시작하는 재배는 날씨를 "
            "일부 함께 쓰며, 다른 해는 보지 않았습니다. 구간은 패널 구성원에 대한 것이지 여러 해에 대한 것이 아닙니다.",
            "통과한 온실 설계는 조정된 규칙보다 낫다는 뜻입니다. 규칙은 겨울 밖에서 손실을 내며, 통과한 설계도 그때는 "
            "이익을 내지 못합니다. 벤치마크의 40일은 조정에 쓴 날입니다.",
            "가격과 한계를 벗어난 시간의 비용은 벤치마크의 값입니다. 재배 여건이 다르면 최적 설정도 다릅니다.",
        ),
    },
)
