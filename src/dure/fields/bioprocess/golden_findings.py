"""What the golden batch found, in words, tables and a problem to go on with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.fields.bioprocess import fedbatch, twin
from dure.fields.bioprocess.golden import Envelope
from dure.fields.bioprocess.golden_tables import CHECK, NORMAL, TITLES, Batches
from dure.fields.bioprocess.twin import Floats
from dure.models.recipe import Texts

TOLD = 4
"""Batches that the summary tells of one by one at most."""
_HOW: dict[str, Texts] = {
    "away": {"en": "moved otherwise than normal batches do", "ko": "정상 배치와 다르게 움직임"},
    "still": {"en": "stood still between its bounds", "ko": "상하한 사이에서 멈춤"},
    "no reading": {"en": "gave no reading", "ko": "측정값 없음"},
}
_FAULT = {
    "dissolved oxygen": "aeration",
    "off-gas oxygen": "aeration",
    "off-gas CO2": "aeration",
    "temperature": "coolant flow",
    "coolant": "coolant flow",
    "pH": "base flow",
    "base": "base flow",
    "acid": "base flow",
    "weight": "sugar feed",
}
"""The fault of the simulator that moves a variable first; a guess to begin from, not a diagnosis."""

First = Mapping[str, tuple[float, str, str] | None]
"""Batch -> what `Envelope.first` says of it."""


def summary(batches: Batches, envelope: Envelope, first: First, own: bool) -> list[Texts]:
    """What is normal here, how many batches left it, and which left first; `own`: learnt from the table's batches."""
    normal, check = len(batches.of(NORMAL)), len(batches.of(CHECK))
    left = sum(told is not None for told in first.values())
    until = len(envelope.centre) * envelope.step
    learnt: Texts = {
        "en": f"What is normal was learnt from {normal} batches of the table, its limits read off {check} others, up "
        f"to hour {until:g}.",
        "ko": f"정상 범위는 표의 배치 {normal}개로 학습했고 한계는 다른 {check}개로 정했습니다. "
        f"{until:g}시간까지 비교합니다.",
    }
    simulated: Texts = {
        "en": "The table marks no normal batches: what is normal was learnt from simulated batches of the published "
        f"penicillin recipe, up to hour {until:g}. Another plant, strain or recipe leaves it while healthy.",
        "ko": "표에 정상 배치가 없어 공표된 페니실린 레시피의 모의실험 배치로 정상 범위를 학습했습니다. "
        f"{until:g}시간까지 비교합니다. 다른 공장, 균주, 레시피는 정상이어도 벗어납니다.",
    }
    said: list[Texts] = [
        learnt if own else simulated,
        {
            "en": f"{left} of {len(first)} judged batches left it.",
            "ko": f"판정한 배치 {len(first)}개 가운데 {left}개가 벗어났습니다.",
        },
    ]
    alarmed = sorted((told[0], batch, told) for batch, told in first.items() if told)
    for _, batch, (hour, name, how) in alarmed[:TOLD]:
        said.append(
            {
                "en": f"Batch {batch}: {TITLES[name]['en']} left first, at hour {hour:g}: it {_HOW[how]['en']}.",
                "ko": f"배치 {batch}: 가장 먼저 벗어난 변수는 {TITLES[name]['ko']}, {hour:g}시간. {_HOW[how]['ko']}.",
            }
        )
    if left:
        said.append(
            {
                "en": "bioprocess-golden-batch-rescue.toml beside this page is a problem for the best remaining recipe "
                "from that hour on in the simulator; set its batch, fault and hour, then dure run it. No advice for a "
                "plant.",
                "ko": "이 페이지 옆의 bioprocess-golden-batch-rescue.toml은 그 시각 이후의 최선의 레시피를 "
                "시뮬레이터에서 찾는 문제입니다. batch, fault, hour를 고친 뒤 dure run 으로 실행하십시오. "
                "공장에 대한 조언이 아닙니다.",
            }
        )
    return said


def first_table(
    first: First,
    lasted: Mapping[str, int],
    loud: Mapping[str, NDArray[np.bool_]],
    distance: Mapping[str, Floats],
    envelope: Envelope,
) -> dict[str, Any]:
    """A row a judged batch; `lasted` and `loud` and `distance` as readings, shape (readings, variables)."""
    rows: list[list[Any]] = []
    for batch, told in first.items():
        share = round(float(loud[batch].any(axis=1).mean()), 4)
        until = round(lasted[batch] * envelope.step, 3)
        if told is None:
            rows.append([batch, None, None, None, None, share, until])
            continue
        hour, name, how = told
        far = float(distance[batch][round(hour / envelope.step) - 1, envelope.names.index(name)])
        rows.append([batch, round(hour, 3), TITLES[name], _HOW[how], round(far, 2), share, until])
    return {
        "title": {"en": "Which variable left first", "ko": "가장 먼저 벗어난 변수"},
        "head": [
            {"en": "batch", "ko": "배치"},
            {"en": "hour", "ko": "시각 (h)"},
            {"en": "variable", "ko": "변수"},
            {"en": "how", "ko": "어떻게"},
            {"en": "distance (limit = 1)", "ko": "거리 (한계 = 1)"},
            {"en": "share of readings with an alarm", "ko": "경보가 울린 비율"},
            {"en": "compared up to hour", "ko": "비교한 마지막 시각 (h)"},
        ],
        "rows": rows,
    }


def alarm_table(loud: Mapping[str, NDArray[np.bool_]], envelope: Envelope) -> dict[str, Any]:
    """A row a batch and variable with an alarm."""
    rows: list[list[Any]] = []
    for batch, alarms in loud.items():
        for place, name in enumerate(envelope.names):
            at = np.flatnonzero(alarms[:, place])
            if len(at):
                ends = [round((int(i) + 1) * envelope.step, 3) for i in (at[0], at[-1])]
                rows.append([batch, TITLES[name], *ends, len(at)])
    return {
        "title": {"en": "Alarms by variable", "ko": "변수별 경보"},
        "head": [
            {"en": "batch", "ko": "배치"},
            {"en": "variable", "ko": "변수"},
            {"en": "first hour", "ko": "첫 시각 (h)"},
            {"en": "last hour", "ko": "마지막 시각 (h)"},
            {"en": "readings with an alarm", "ko": "경보가 울린 측정 수"},
        ],
        "rows": rows,
    }


def rescue_problem(hour: float, variable: str) -> str:
    """A problem for the best remaining recipe from this hour on, as `dure run` takes it."""
    at = min(max(round(hour / twin.STEP) * twin.STEP, twin.STEP), twin.HOURS - twin.STEP)
    rows = "\n".join(
        f'"{name}" = {{ lower = {p["lower"]}, upper = {p["upper"]}, resolution = 1, unit = "%" }}'
        for name, p in fedbatch.PARAMETERS.items()
        if name in fedbatch.remaining(at)
    )
    return f"""# The best remaining recipe of a simulated batch from hour {at:g} on. The fault is a guess from the
# variable that left first ({variable}); there are: {", ".join(twin.FAULTS)}.
# 모의실험 배치에서 {at:g}시간 이후의 최선의 레시피를 찾는 문제입니다.
# fault는 먼저 벗어난 변수에서 짐작한 값이니 고쳐 쓰십시오.
field = "bioprocess"
title = "The best remaining recipe from hour {at:g} (simulated)"

[space]
kind = "recipe"

[space.parameters]
{rows}

[objective]
property = "penicillin"
unit = "kg"
direction = "maximise"

[[objective.constraints]]
property = "largest volume"
unit = "m3"
high = {fedbatch.GUARD_VOLUME}

[[objective.constraints]]
property = "least oxygen"
unit = "mg/L"
low = {fedbatch.GUARD_OXYGEN}

[budget]
first = 16
batch = 8
rounds = 6

[lab]
driver = "simulated"
simulator = "fed-batch"
panel = "tune"
batch = 7000
fault = "{_FAULT[variable]}"
hour = {at:.1f}

[strategy]
name = "trust-region"

[finalists]
n = 3
check = "held-out"
panel = "held-out"
"""
