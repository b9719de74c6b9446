"""What a grower sets: the parameters of each climate law, their bounds, and the rules that growers use today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, Parameter
from dure.design.candidate import Candidate

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Knob:
    """One parameter of a law; `usual` is what the reference's grower sets, or the plain value of a plan."""

    name: str
    lower: float
    upper: float
    resolution: float
    unit: str
    usual: float
    en: str
    ko: str


# The rules and their usual values: GrowerRules of lettuce-greenhouse-gym 0.1.3, after van Henten (1994).
SET_POINTS = (
    Knob("temp_day", 10, 17, 0.1, "Cel", 14, "heating set-point in light", "낮 난방 설정값"),
    Knob("temp_night", 8, 16, 0.1, "Cel", 10, "heating set-point in the dark", "밤 난방 설정값"),
    # Light is never below 0: at -5 the rules of the day hold at night as well.
    Knob("day_radiation", -5, 100, 5, "W/m2", 50, "radiation above which it is day", "낮으로 보는 일사량 기준"),
    Knob("heat_gain", 5, 60, 1, "W/m2/K", 30, "heat for each degree below", "1도 미달당 난방"),
    Knob("vent_deadband", 0, 4, 0.1, "K", 2, "degrees above before vents open", "환기 시작 온도 여유"),
    Knob("vent_temp_gain", 0.2, 4, 0.1, "mm/s/K", 2, "ventilation for each degree more", "1도 초과당 환기"),
    Knob("rh_max", 68, 90, 0.5, "%", 80, "humidity above which vents open", "환기 시작 습도"),
    Knob("vent_rh_gain", 0.05, 1, 0.05, "mm/s/%", 0.5, "ventilation for each % more", "습도 1 % 초과당 환기"),
    Knob("co2_target", 500, 1500, 10, "[ppm]", 750, "CO₂ set-point", "CO₂ 설정값"),
    Knob("co2_gain", 0.001, 0.03, 0.001, "mg/m2/s/[ppm]", 0.006, "CO₂ for each ppm below", "CO₂ 1 ppm 미달당 공급"),
    Knob("co2_vent_cutoff", 1, 7.5, 0.5, "mm/s", 2, "ventilation above which no CO₂ is given", "CO₂ 공급 중단 환기량"),
)
PLAN = (
    Knob("horizon", 2, 6, 0.5, "h", 6, "how far a plan reaches", "계획 구간"),
    Knob("first", 0.5, 3, 0.5, "h", 1.5, "how long its first levels hold", "첫 수준을 유지하는 시간"),
    Knob("margin_cold", -0.5, 1, 0.05, "K", 0, "kept from the lower temperature limit", "온도 하한과의 여유"),
    Knob("margin_warm", -0.5, 1.5, 0.05, "K", 0, "kept from the upper temperature limit", "온도 상한과의 여유"),
    Knob("margin_humid", -1, 2, 0.1, "%", 0, "kept from the humidity limit", "습도 상한과의 여유"),
    Knob("margin_co2", -10, 40, 2, "[ppm]", 0, "kept from the lower CO₂ limit", "CO₂ 하한과의 여유"),
    Knob("growth", 0.6, 1.6, 0.02, "1", 1, "worth of growth, in prices at harvest", "생장의 가치 (수확가 대비)"),
    Knob("growth_young", 0, 2, 0.05, "1", 0, "worth added while leaves do not cover", "어린 작물 생장의 추가 가치"),
    Knob("discount", 0.8, 1, 0.01, "1", 1, "worth of half an hour later", "반 시간 뒤 값의 비중"),
)
KNOBS = {"set-points": SET_POINTS, "feedback": PLAN, "forecast": PLAN}


def parameters(law: str) -> dict[str, dict[str, Any]]:
    """The `parameters` table of a law's space."""
    return {
        k.name: {"lower": float(k.lower), "upper": float(k.upper), "resolution": float(k.resolution), "unit": k.unit}
        for k in KNOBS[law]
    }


def usual() -> Candidate:
    """The package's tuned heuristic, the design that every other is compared with."""
    space = BoxSpace([Parameter(name, **table) for name, table in parameters("set-points").items()])
    return space.recipe({k.name: float(k.usual) for k in SET_POINTS})


def law_of(candidate: Candidate, law: str) -> str:
    """The law that a design is for: fixed set-points are known by their names, plans by what they may read."""
    return "set-points" if set(candidate.form) == {k.name for k in SET_POINTS} else law


def vector(candidate: Candidate, law: str) -> NDArray[np.float64]:
    """The parameters of a design in the order and units of the kernel, shape (parameters,).

    Raises:
        BadInput: a parameter is missing or is none of this law.
    """
    names = [k.name for k in KNOBS[law]]
    if set(candidate.form) != set(names):
        strange = sorted(set(candidate.form) ^ set(names))
        raise BadInput(
            f"the design and the law {law} differ in {strange[0]!r}",
            where="[space.parameters]",
            remedy=f"parameters are {', '.join(names)}",
        )
    values = np.array([float(candidate.form[name]["value"]) for name in names])
    if law != "set-points":
        values[:2] = np.rint(2 * values[:2])  # hours -> half hours
    return values
