"""The brain field as the loop sees it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput
from dure.campaign.field import Field, ReadSource
from dure.design.candidate import Candidate
from dure.fields.brain import clock_panel, stimulation
from dure.fields.brain.before_after import INTERVENTION
from dure.fields.brain.clock import CLOCK
from dure.fields.brain.mortality import MORTALITY
from dure.fields.brain.problems import PROBLEMS
from dure.fields.brain.regions import SITES
from dure.fields.brain.texts import CAVEATS, TITLES
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder

GATES = {"stimulation": stimulation.finalists, "clock-panel": clock_panel.finalists}


def ladder(settings: Mapping[str, Any]) -> Ladder:
    """The ladder of every proposal: `charge` is the highest charge a phase of a stimulus; without it there is none."""
    unknown = sorted(set(settings) - {"charge"})
    if unknown:
        raise BadInput(f"unknown key {unknown[0]!r}", where="[ladder]", remedy="the one key is charge")
    if "charge" not in settings:
        return Ladder.of([], [])
    highest = settings["charge"]
    if not isinstance(highest, int | float) or not highest > 0:
        raise BadInput(
            f"{highest!r} is no charge", where="[ladder], charge", remedy="write a number above zero, as 4.0"
        )
    gate = Gate("charge", "charge", high=float(highest), title=stimulation.CHARGE_TITLE, source="[ladder] charge")
    return Ladder.of([stimulation.Charge()], [gate])


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The gate of `simulator`: held-out subjects for a stimulus, held-out donors for a panel of CpGs."""
    if settings.get("check") != "held-out":
        raise BadInput(
            f"there is no check {settings.get('check')!r}",
            where="[finalists], check",
            remedy='write check = "held-out"',
        )
    made = GATES.get(str(settings.get("simulator")))
    if made is None:
        raise BadInput(
            f"there is no simulator {settings.get('simulator')!r}",
            where="[finalists], simulator",
            remedy=f"write {' or '.join(GATES)}, as in [lab]",
        )
    return made(settings, read)


def label(candidate: Candidate) -> str:
    """A stimulus by its region, amplitude and frequency; a panel by its size and first CpG."""
    if candidate.kind == "subset":
        items = candidate.content["items"]
        return str(candidate.form.get("name") or f"{len(items)} CpGs, {items[0]} …")
    values = {name: float(given["value"]) for name, given in candidate.form.items()}
    name = SITES[round(values["site"]) - 1][1]
    return f"{name}, {values['amplitude']:g} s-1, {values['frequency']:g} mHz"


def draw(candidate: Candidate, width: int, height: int) -> str:
    """A stimulus as its wave over 100 s; a panel as a barcode, a line where a CpG of the pool is in it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<rect x="0" y="0" width="{width}" height="{height}" fill="#ffffff"/>'
    )
    inner, left = width - 12, 6
    if candidate.kind == "subset":
        pool = sorted(clock_panel.panels()["pool"])
        chosen = set(candidate.content["items"])
        bars = "".join(
            f'<rect x="{left + i * inner / len(pool):.1f}" y="8" width="{0.7 * inner / len(pool):.1f}" '
            f'height="{height - 30}" fill="{"#1f5f99" if name in chosen else "#e3e6ea"}"/>'
            for i, name in enumerate(pool)
        )
        words = f"{len(chosen)} / {len(pool)} CpG"
        return f'{head}{bars}<text x="{left}" y="{height - 6}" font-size="11">{words}</text></svg>'
    return head + _wave(candidate, inner, height - 24, left) + _caption(candidate, left, height - 6) + "</svg>"


def _wave(candidate: Candidate, width: int, height: int, left: int) -> str:
    from math import pi, sin

    given = stimulation.stimulus(candidate)
    size = 0.45 * height * given.amplitude / float(stimulation.PARAMETERS["amplitude"]["upper"])
    points = " ".join(
        f"{left + i * width / 200:.1f},{height / 2 + 4 - size * sin(2 * pi * given.frequency * i / 2):.1f}"
        for i in range(201)
    )
    return f'<polyline points="{points}" fill="none" stroke="#1f5f99" stroke-width="1.4"/>'


def _caption(candidate: Candidate, x: int, y: int) -> str:
    return f'<text x="{x}" y="{y}" font-size="11">{escape(label(candidate))}</text>'


FIELD = Field(
    name="brain",
    title={"en": "Brain and reverse ageing", "ko": "뇌와 역노화"},
    problems=PROBLEMS,
    template=files("dure.fields.brain").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    distributions=("numpy", "scipy"),
    finalists=finalists,
    simulators={"stimulation": stimulation.SIMULATOR, "clock-panel": clock_panel.SIMULATOR},
    models={"clock": CLOCK, "mortality-risk": MORTALITY},
    analyses={INTERVENTION.name: INTERVENTION},
    property_titles=TITLES,
    caveats=CAVEATS,
)
