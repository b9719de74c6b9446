"""The settings that are searched: names, units, bounds, and what everybody has today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dure.base.errors import BadInput
from dure.base.units import convert
from dure.design.candidate import Candidate


@dataclass(frozen=True, eq=False)
class Setting:
    """One setting of a pump or controller.

    Attributes:
        lower, upper, resolution: in `unit`; a factor multiplies each patient's own value.
        usual: what everybody has today.
        safer: 1 where a higher value means less insulin, -1 where a lower one does, 0 where neither is sure.
    """

    name: str
    title: Mapping[str, str]
    unit: str
    lower: float
    upper: float
    resolution: float
    usual: float
    safer: int


_THERAPY = (
    Setting("basal", {"en": "basal rate, factor", "ko": "기저량 배수"}, "1", 0.7, 1.3, 0.05, 1.0, -1),
    Setting("carbohydrate ratio", {"en": "carbohydrate ratio, factor", "ko": "탄수화물비 배수"},
            "1", 0.7, 1.8, 0.05, 1.0, 1),
    Setting("correction", {"en": "correction factor, factor", "ko": "교정계수 배수"}, "1", 0.5, 3.0, 0.1, 1.0, 1),
    Setting("target", {"en": "target", "ko": "목표 혈당"}, "mg/dL", 100.0, 170.0, 5.0, 140.0, 1),
    Setting("lead", {"en": "bolus before the meal", "ko": "식전 볼루스 시간"}, "min", 0.0, 20.0, 5.0, 0.0, -1),
)  # fmt: skip
SETTINGS: dict[str, tuple[Setting, ...]] = {
    "therapy": _THERAPY,
    "controller": (
        *_THERAPY,
        Setting("gain", {"en": "gain", "ko": "비례 이득"}, "/h", 0.0, 0.6, 0.02, 0.0, -1),
        Setting("integral time", {"en": "integral time", "ko": "적분 시간"}, "min", 100.0, 1000.0, 50.0, 300.0, 0),
        Setting("derivative time", {"en": "derivative time", "ko": "미분 시간"}, "min", 0.0, 120.0, 10.0, 60.0, 0),
        Setting("insulin feedback", {"en": "insulin feedback", "ko": "인슐린 되먹임"}, "1", 0.0, 2.0, 0.1, 0.0, 1),
        Setting(
            "rise bolus",
            {"en": "rise bolus, share of the correction", "ko": "상승 볼루스(교정량 중 비율)"},
            "1",
            0.0,
            0.5,
            0.05,
            0.0,
            -1,
        ),
        Setting(
            "adaptation",
            {"en": "adaptation of the ratio, per meal", "ko": "끼니마다 탄수화물비 적응"},
            "1",
            0.0,
            0.15,
            0.01,
            0.0,
            0,
        ),
    ),
}
"""By simulator, in the order of `loop.simulated`."""


def parameters(simulator: str) -> dict[str, dict[str, Any]]:
    """The `[space.parameters]` table of a problem."""
    return {
        s.name: {"lower": s.lower, "upper": s.upper, "resolution": s.resolution, "unit": s.unit}
        for s in SETTINGS[simulator]
    }


def vector(candidate: Candidate, simulator: str) -> list[float]:
    """The settings of a recipe in the order and units of the simulator.

    Raises:
        BadInput: a setting too many or too few, or a unit that cannot be meant.
    """
    wanted = SETTINGS[simulator]
    if set(candidate.form) != {s.name for s in wanted}:
        raise BadInput(
            f"this is no design of the simulator {simulator}",
            where="[space.parameters]",
            remedy=f"name {', '.join(s.name for s in wanted)}",
        )
    return [convert(candidate.form[s.name]["value"], candidate.form[s.name]["unit"], s.unit) for s in wanted]


def design(values: Mapping[str, float], simulator: str) -> Candidate:
    """The recipe of these settings, the usual value where none is given."""
    chosen = {s: float(values.get(s.name, s.usual)) for s in SETTINGS[simulator]}
    content = {s.name: round((value - s.lower) / s.resolution) for s, value in chosen.items()}
    form = {s.name: {"value": value, "unit": s.unit} for s, value in chosen.items()}
    return Candidate("recipe", content, form)


def reference(simulator: str) -> Candidate:
    """The usual value of every setting: each patient's own pump settings, what everybody has today. For the controller
    that is suspension before a low alone, without corrections between meals: a second comparison, not today.
    """
    return design({}, simulator)
