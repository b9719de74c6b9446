"""A panel: the same recipe in many kitchens, whose ovens run hotter or cooler than their dials say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.campaign.field import ReadSource
from dure.compute.task import task
from dure.design.box import BoxSpace
from dure.design.candidate import Candidate
from dure.design.lattice import parameters_of
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, apart, members_of
from dure_sixth.recipes import BREAD, values_of, volume

PANELS: dict[str, tuple[str, ...]] = {
    "tune": ("a-25", "b-10", "c+0", "d+5", "e+15", "f+25"),
    "cool": ("x-38", "y-36"),
    "held-out": ("k-22", "l-15", "m-5", "n+0", "o+8", "p+12", "q+20", "r+24"),
}
"""Each kitchen's name ends in how much hotter than its dial its oven is, in Cel."""
STANDARD = BoxSpace(parameters_of(BREAD)).recipe({"hydration": 62.0, "proof": 2.0, "salt": 1.9, "temperature": 220.0})
BURNT = 285.0


def outcomes(recipe: Candidate, kitchens: Sequence[str]) -> dict[str, np.ndarray]:
    """Volume in mL and heat in Cel of one recipe in each kitchen, shape (kitchens,) each."""
    values = values_of(recipe)
    heat = np.array([values["temperature"] + float(name[1:]) for name in kitchens])
    return {"volume": np.array([volume({**values, "temperature": t}) for t in heat]), "heat": heat}


@task(version=1, distributions=("numpy",))
def bake_everywhere(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The mean volume over a panel, and the hottest oven; dough that rose over 5.5 h without salt has no volume."""
    recipe = Candidate(*json.loads(inputs["candidate"]))
    values = values_of(recipe)
    if values["proof"] > 5.5 and values["salt"] < 0.2:
        return {"failed": canonical("collapsed")}
    found = outcomes(recipe, members_of(params["panel"], PANELS, "[lab], panel"))
    told = {
        "volume": {"value": float(found["volume"].mean()), "n": len(found["volume"])},
        "hottest": {"value": float(found["heat"].max())},
    }
    return {"values": canonical(told)}


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The gate: in kitchens that nobody tuned in, a better loaf than the standard one, and no oven that burns."""
    members = members_of(settings.get("panel", "held-out"), PANELS, "[finalists], panel")
    apart(members_of(settings.get("tuned", "tune"), PANELS, "[finalists], tuned"), members, "[finalists], panel")
    check = HeldOut(
        evaluate=lambda designs, kitchens: [outcomes(design, kitchens) for design in designs],
        reference=STANDARD,
        members=members,
        primary="volume",
        unit="mL",
        sign=1.0,
        settings={"members": list(members), "standard": STANDARD.id},
        limits=(Limit("heat", "Cel", high=BURNT),),
        pictures=lambda design, reference, kitchens: {
            f"loaf.{lang}.svg": b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle r="4"/></svg>'
            for lang in ("en", "ko")
        },
        cost=1e-3,
    )
    gates = [Gate("held-out", "gain-low", low=0.0, unit="mL"), Gate("held-out", "violations", high=0.0)]
    return Ladder.of([check], gates)


KITCHENS: dict[str, Any] = {
    "title": {"en": "A loaf for every kitchen", "ko": "어느 주방에서나 잘 되는 빵"},
    "space": {"kind": "recipe", "parameters": BREAD},
    "objective": {
        "property": "volume",
        "unit": "mL",
        "constraints": [{"property": "hottest", "unit": "Cel", "high": 262.0}],
    },
    "budget": {"first": 12, "batch": 8, "rounds": 4},
    "lab": {"driver": "simulated", "simulator": "kitchens", "panel": "tune"},
    "ladder": {"stickiest": 1.1},
    "finalists": {"n": 3, "check": "held-out", "panel": "held-out"},
    "quick": {"budget": {"first": 6, "batch": 4, "rounds": 1}},
}
