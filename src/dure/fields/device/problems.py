"""The campaigns that the field ships."""

from __future__ import annotations

from typing import Any

from dure.fields.device.metrics import ABOVE_250, BELOW_54, BELOW_70, IN_RANGE, LIMITS, VARIATION
from dure.fields.device.settings import parameters

MARGINS = {BELOW_70: 2.0, BELOW_54: 0.5, ABOVE_250: 2.5, VARIATION: 33.0}
"""What the worst patient tuned on must keep so that others keep the limits: half of each time, three points less of
variation."""


def _objective(simulator: str) -> dict[str, Any]:
    # Pump settings cannot keep the margins: already today's leave the limits themselves.
    most = {one.measure: one.high for one in LIMITS} | (MARGINS if simulator == "controller" else {})
    kept = [{"property": f"worst {one.measure}", "unit": one.unit, "high": most[one.measure]} for one in LIMITS]
    return {"property": IN_RANGE, "unit": "%", "direction": "maximise", "constraints": kept}


def _problem(simulator: str, title: dict[str, str], meals: str, budget: tuple[int, int, int]) -> dict[str, Any]:
    first, batch, rounds = budget
    return {
        "title": title,
        "space": {"kind": "recipe", "parameters": parameters(simulator)},
        "objective": _objective(simulator),
        "budget": {"first": first, "batch": batch, "rounds": rounds},
        "lab": {"driver": "simulated", "simulator": simulator, "panel": "tune", "meals": meals},
        "strategy": {"name": "trust-region"},
        "finalists": {
            "n": 5,
            "check": "held-out",
            "simulator": simulator,
            "panel": "held-out",
            "tuned": "tune",
            "meals": meals,
        },
        "controls": {"seeds": 1},
        "ladder": {},
        "quick": {
            "budget": {"first": 5, "batch": 3, "rounds": 1},
            "lab": {"days": 3},
            "finalists": {"n": 1, "days": 3},
        },
    }


PROBLEMS: dict[str, dict[str, Any]] = {
    "therapy-settings": _problem(
        "therapy",
        {
            "en": "Pump settings, open loop: most time in range, every virtual patient tuned on within the limits",
            "ko": "펌프 설정(개루프): 조율에 쓴 가상 환자 모두 한계를 지키면서 목표 범위 시간을 가장 길게",
        },
        "announced",
        (16, 8, 6),
    ),
    "insulin-controller": _problem(
        "controller",
        {
            "en": "A feedback law under fixed limits: most time in range, one meal in seven unannounced",
            "ko": "고정된 안전 한계 안의 되먹임 제어: 일곱 끼 중 한 끼는 알리지 않고도 목표 범위 시간을 가장 길게",
        },
        "mixed",
        (30, 15, 10),
    ),
}
