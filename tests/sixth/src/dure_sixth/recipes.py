"""Bread recipes: a box of four parameters, and what an oven would make of one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.compute.task import task
from dure.design.candidate import Candidate

BREAD: dict[str, dict[str, Any]] = {
    "hydration": {"lower": 55.0, "upper": 85.0, "resolution": 0.5, "unit": "%"},
    "proof": {"lower": 0.5, "upper": 6.0, "resolution": 0.25, "unit": "h"},
    "salt": {"lower": 0.0, "upper": 4.0, "resolution": 0.1, "unit": "%"},
    "temperature": {"lower": 180.0, "upper": 260.0, "resolution": 5.0, "unit": "Cel"},
}
_BEST = {"hydration": 72.0, "proof": 3.25, "salt": 1.9, "temperature": 225.0}
_WIDTH = {"hydration": 12.0, "proof": 2.0, "salt": 1.5, "temperature": 35.0}


def values_of(recipe: Candidate) -> dict[str, float]:
    """The values of a recipe, each in its parameter's unit."""
    return {name: float(given["value"]) for name, given in recipe.form.items()}


def stickiness(values: Mapping[str, float]) -> float:
    """How dough sticks: 1 is the most that hands can work."""
    return values["hydration"] / 80.0 + 0.02 * values["proof"] - 0.03 * values["salt"]


def volume(values: Mapping[str, float]) -> float:
    """Loaf volume in mL, the noise left out."""
    away = sum(((values[name] - best) / _WIDTH[name]) ** 2 for name, best in _BEST.items())
    return 4000.0 * math.exp(-0.5 * away)


@task(version=1, distributions=("numpy",))
def bake(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One loaf from one recipe, with the oven's noise. See `dure.campaign.field.Simulator`."""
    recipe = Candidate(*json.loads(inputs["candidate"]))
    noise = np.random.default_rng(seed).normal(0.0, float(params.get("noise", 0.0)))
    return {"values": canonical({"volume": {"value": round(volume(values_of(recipe)) + noise, 3)}})}
