"""The problems that the brain field ships: campaigns at simulated laboratories."""

from __future__ import annotations

import math
from typing import Any

from dure.fields.brain.clock_panel import MOST, panels
from dure.fields.brain.stimulation import CHARGE, PARAMETERS

ALLOWED_SYNCHRONY = 0.4
"""Highest mean order parameter over the panel; a single subject may show `stimulation.SYNCHRONY`."""
ALLOWED_BELOW_18 = 1.5
"""Years; a panel chosen on adults must still read children."""

STIMULATION: dict[str, Any] = {
    "title": {
        "en": "Stimulating a whole-brain model towards metastability (simulated)",
        "ko": "전뇌 모델을 자극해 준안정성 높이기(모의실험)",
    },
    "space": {
        "kind": "recipe",
        "parameters": PARAMETERS,
        # Charge a phase = amplitude / (pi * frequency), the frequency here in mHz.
        "linear": [{"terms": {"amplitude": 1.0, "frequency": -math.pi * CHARGE / 1000}, "high": 0.0}],
    },
    "objective": {
        "property": "metastability",
        "unit": "1",
        "direction": "maximise",
        "constraints": [{"property": "synchrony", "unit": "1", "high": ALLOWED_SYNCHRONY}],
    },
    "budget": {"first": 20, "batch": 8, "rounds": 8},
    "lab": {"driver": "simulated", "simulator": "stimulation", "panel": "tune"},
    "ladder": {"charge": CHARGE},
    "strategy": {"name": "dure"},
    "finalists": {"n": 3, "check": "held-out", "simulator": "stimulation", "panel": "held-out", "tuned": "tune"},
    "controls": {"seeds": 2},
    "seed": 1,
    "quick": {
        "budget": {"first": 8, "batch": 4, "rounds": 1},
        "controls": {"seeds": 1},
        "finalists": {"n": 1},
    },
}

CLOCK_PANEL: dict[str, Any] = {
    "title": {
        "en": f"A methylation clock of at most {MOST} CpGs",
        "ko": f"CpG {MOST}개 이하의 메틸화 시계",
    },
    "space": {"kind": "subset", "items": panels()["pool"], "most": MOST, "least": 48},
    "objective": {
        "property": "adult error",
        "unit": "a",
        "direction": "minimise",
        "constraints": [{"property": "error below 18", "unit": "a", "high": ALLOWED_BELOW_18}],
    },
    "budget": {"first": 40, "batch": 16, "rounds": 5},
    "lab": {"driver": "simulated", "simulator": "clock-panel", "panel": "tune"},
    "ladder": {},
    "strategy": {"name": "dure"},
    "finalists": {"n": 3, "check": "held-out", "simulator": "clock-panel", "panel": "held-out", "tuned": "tune"},
    "controls": {"seeds": 1},
    "seed": 1,
    "quick": {
        "budget": {"first": 12, "batch": 6, "rounds": 2},
        "controls": {"seeds": 1},
        "finalists": {"n": 1},
    },
}

PROBLEMS: dict[str, dict[str, Any]] = {"stimulation": STIMULATION, "clock-panel": CLOCK_PANEL}
