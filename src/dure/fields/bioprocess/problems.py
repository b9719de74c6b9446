"""The problems that the field ships."""

from __future__ import annotations

from typing import Any

from dure.fields.bioprocess.fedbatch import GUARD_OXYGEN, GUARD_VOLUME, PARAMETERS, remaining
from dure.fields.bioprocess.strain import carrying

_LIMITS = [
    {"property": "largest volume", "unit": "m3", "high": GUARD_VOLUME},
    {"property": "least oxygen", "unit": "mg/L", "low": GUARD_OXYGEN},
]

FED_BATCH: dict[str, Any] = {
    "title": {
        "en": "More penicillin from a fed batch of 230 h (simulated)",
        "ko": "230시간 유가배양에서 페니실린 더 얻기 (모의실험)",
    },
    "space": {"kind": "recipe", "parameters": PARAMETERS},
    "objective": {"property": "penicillin", "unit": "kg", "direction": "maximise", "constraints": _LIMITS},
    "budget": {"first": 24, "batch": 12, "rounds": 10},
    "lab": {"driver": "simulated", "simulator": "fed-batch", "panel": "tune"},
    "strategy": {"name": "trust-region"},
    "finalists": {"n": 3, "check": "held-out", "panel": "held-out"},
    "controls": {"seeds": 1, "noise_sd": 0.0},
    "ladder": {},
    "quick": {
        "budget": {"first": 12, "batch": 6, "rounds": 3},
        "lab": {"panel": "quick"},
        "finalists": {"n": 1, "panel": "held-out quick"},
    },
}

RESCUE: dict[str, Any] = {
    **FED_BATCH,
    "title": {
        "en": "The best remaining recipe of a batch whose coolant failed, from hour 100 (simulated)",
        "ko": "냉각수가 고장 났던 배치의 100시간 이후 최선의 레시피 (모의실험)",
    },
    "space": {"kind": "recipe", "parameters": {name: PARAMETERS[name] for name in remaining(100.0)}},
    "lab": {**FED_BATCH["lab"], "batch": 7000, "fault": "coolant flow", "hour": 100.0},
    "budget": {"first": 16, "batch": 8, "rounds": 6},
}

STRAIN: dict[str, Any] = {
    "title": {
        "en": "Genes to knock out so that growth without oxygen makes succinate (simulated)",
        "ko": "무산소 성장이 숙신산을 만들게 하는 유전자 제거 (모의실험)",
    },
    "space": {"kind": "subset", "items": carrying(), "most": 5, "least": 1},
    "objective": {
        "property": "coupled product",
        "unit": "mmol/h/g",
        "direction": "maximise",
        # One subset in 300 forces succinate out, and the objective is flat elsewhere. What other fermentation products
        # the cell could still make falls with each loss on the way, so this bound also ranks strains not coupled yet.
        "constraints": [
            {"property": "growth", "unit": "/h", "low": 0.1},
            {"property": "competing products", "unit": "1", "high": 0.25},
        ],
    },
    "budget": {"first": 60, "batch": 30, "rounds": 5},
    "lab": {"driver": "simulated", "simulator": "strain", "model": "iJO1366"},
    "strategy": {"name": "dure"},
    "finalists": {"n": 2, "check": "strain"},
    "controls": {"seeds": 1, "noise_sd": 0.0},
    "ladder": {},
    "quick": {"budget": {"first": 24, "batch": 12, "rounds": 2}, "finalists": {"n": 1}},
}

PROBLEMS: dict[str, dict[str, Any]] = {"fed-batch": FED_BATCH, "rescue": RESCUE, "strain": STRAIN}
