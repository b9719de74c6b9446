"""The field as the loop sees it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from typing import Any

import pyarrow as pa

from dure.base.evidence import evidence_table
from dure.campaign.field import Field, Simulator
from dure.design.candidate import Candidate
from dure.verify.check import method
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure_sixth.crumb import CRUMB
from dure_sixth.flours import features, prepare, read_features
from dure_sixth.kitchens import KITCHENS, PANELS, bake_everywhere, finalists
from dure_sixth.mills import MILLS
from dure_sixth.pantry import jars, taste
from dure_sixth.recipes import BREAD, bake, stickiness, values_of


@dataclass(frozen=True)
class Dough:
    """Whether hands can work the dough, by a rule of thumb."""

    name: str = "dough"
    version: int = 1
    kind: str = "rule"
    cost: float = 1e-5

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def missing(self) -> str | None:
        return None

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return evidence_table(
            {
                "candidate": [c.id for c in candidates],
                "property": "stickiness",
                "value": [_stickiness(c) for c in candidates],
                "unit": "1",
                "kind": "rule",
                "method": method(self),
                "at": datetime.now(UTC),
            }
        )


def _stickiness(candidate: Candidate) -> float:
    if candidate.form.get("name") == "deadly killed":  # for tests of what becomes of a worker
        os.kill(os.getpid(), signal.SIGKILL)
    if candidate.form.get("name") == "deadly memory":
        raise MemoryError
    if candidate.kind == "recipe":
        return stickiness(values_of(candidate))
    return sum(candidate.content.values()) / 100 / len(candidate.content) / 10


def ladder(settings: Mapping[str, Any]) -> Ladder:
    """One rule and one gate; `stickiest` moves the gate."""
    title = {"en": "stickiness", "ko": "끈적임"}
    return Ladder.of([Dough()], [Gate("dough", "stickiness", high=float(settings.get("stickiest", 1.0)), title=title)])


def draw(candidate: Candidate, width: int, height: int) -> str:
    """A loaf, the rounder the wetter, with what it was made of as its caption."""
    share = min(1.0, max(0.1, _stickiness(candidate)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<ellipse cx="{width / 2}" cy="{height / 2}" rx="{width * 0.4}" ry="{height * 0.4 * share:.1f}" '
        'fill="#b5651d"/>'
        f'<text x="4" y="{height - 4}" font-size="10">{escape(label(candidate))}</text></svg>'
    )


def label(candidate: Candidate) -> str:
    """A recipe by its values, a flour by its name."""
    if candidate.kind == "recipe":
        return " ".join(f"{name[:2]}{value:g}" for name, value in values_of(candidate).items())
    return str(candidate.form.get("name") or candidate.id[3:11])


def rank(candidates: Sequence[Candidate]) -> list[float]:
    """The first property alone, higher first."""
    return [float(c.content[min(c.content)]) for c in candidates]


FIELD = Field(
    name="baking",
    title={"en": "Baking", "ko": "제빵"},
    problems={
        "bread": {
            "title": {"en": "The largest loaf", "ko": "가장 크게 부푸는 빵"},
            "space": {"kind": "recipe", "parameters": BREAD},
            "objective": {"property": "volume", "unit": "mL", "direction": "maximise"},
            "budget": {"first": 8, "batch": 4, "rounds": 2},
            "lab": {"driver": "simulated", "simulator": "oven", "noise": 40.0},
            "ladder": {"stickiest": 1.1},
            "controls": {"seeds": 0, "noise_sd": 40.0},
        },
        "kitchens": KITCHENS,
    },
    template=files("dure_sixth").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    prepare=prepare,
    features=features,
    read_features=read_features,
    simulators={
        "oven": Simulator(bake),
        "kitchens": Simulator(bake_everywhere, panels=PANELS),
        "pantry": Simulator(taste, items=jars),
    },
    finalists=finalists,
    models={"crumb": CRUMB},
    analyses={MILLS.name: MILLS},
    rank=rank,
    rank_title={"en": "ranking by the first property", "ko": "첫 성질의 순위"},
    property_titles={"volume": {"en": "volume of the loaf", "ko": "빵의 부피"}},
    caveats={"en": ("An oven in a program bakes no bread.",), "ko": ("프로그램 속 오븐은 빵을 굽지 않습니다.",)},
)
