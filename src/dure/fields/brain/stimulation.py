"""The campaign `brain/stimulation`: where, how strongly and how fast to drive a fitted whole-brain model.

The target is a formula of the nonlinear model's own motion: metastability, the standard deviation over time of
Kuramoto's order parameter (Shanahan 2010, Chaos 20:013108). Nothing here is a prediction about a person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.base.evidence import evidence_table
from dure.campaign.field import Read, ReadSource, Simulator
from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREEN, GREY, ORANGE
from dure.compute.task import Progress, task
from dure.design.candidate import Candidate
from dure.fields.brain.connectome import (
    REGIONS,
    SUBJECTS,
    Fit,
    Subject,
    files,
    frequencies,
    network,
    read_subject,
    rewired,
)
from dure.fields.brain.hopf import Floats, Network, Stimulus, integrate, member_noise, order
from dure.fields.brain.regions import SITES
from dure.fields.brain.sources import GW, HCP
from dure.verify.check import method
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, Outcomes, apart, members_of

PANELS: dict[str, tuple[str, ...]] = {"tune": HCP[:4], "held-out": (*HCP[4:], *GW)}
"""Subjects; those held out are three of the same site and five of another."""
PANEL_SEED = 20260101
FITTED = Fit(a=-0.02, g=2.0, exponent=1.0, homotopic=0.4)
"""`connectome.fitted` of the panel `tune`."""
RUNS = 4
STEPS, SETTLE, EVERY = 3000, 400, 5
"""Steps of 0.144 s a run (432 s), those left out at the beginning, and one of so many kept."""
CHARGE = 4.0
"""Highest charge a phase, in the model's units (none): the integral of the stimulus over half a period."""
SYNCHRONY = 0.45
"""Highest mean order parameter that one subject may show: beyond it the network follows the stimulus."""
ELSEWHERE = 4
PARAMETERS: dict[str, dict[str, Any]] = {
    "site": {"lower": 1.0, "upper": float(REGIONS), "resolution": 1.0, "unit": "1"},
    "amplitude": {"lower": 0.0, "upper": 3.0, "resolution": 0.02, "unit": "s-1"},
    "frequency": {"lower": 20.0, "upper": 150.0, "resolution": 1.0, "unit": "mHz"},
}


@dataclass(frozen=True)
class People:
    """Connectomes of members, by name, and the regions' frequencies of the panel `tune`."""

    fibres: Mapping[str, Floats]
    frequency: Floats

    def networks(self, members: Sequence[str], shuffled: bool = False) -> Network:
        """The model of these members, or the same with all its links rewired, the homotopic ones too."""
        made = network([self.fibres[name] for name in members], self.frequency, FITTED)
        if not shuffled:
            return made
        other = [rewired(own, _generator(name)) for name, own in zip(members, made.coupling, strict=True)]
        return replace(made, coupling=np.stack(other))


def stimulus(candidate: Candidate) -> Stimulus:
    """What a recipe of site, amplitude and frequency does."""
    values = {name: float(given["value"]) for name, given in candidate.form.items() if name in PARAMETERS}
    if set(values) != set(PARAMETERS):
        raise BadInput(
            "a stimulus has a site, an amplitude and a frequency",
            where="[space.parameters]",
            remedy="write these three parameters",
        )
    rank = round(values["site"])
    if not 1 <= rank <= REGIONS or values["frequency"] <= 0:
        raise BadInput(
            f"site {values['site']:g} at {values['frequency']:g} mHz cannot be",
            where="[space.parameters]",
            remedy=f"sites are 1 to {REGIONS}, frequencies are above zero",
        )
    return Stimulus(SITES[rank - 1][0], values["amplitude"], values["frequency"] / 1000)


def sham(lab: Mapping[str, Any] | None = None) -> Candidate:
    """No stimulus: the reference."""
    form = {name: {"unit": PARAMETERS[name]["unit"], "value": value} for name, value in _SHAM.items()}
    steps = {
        name: round((value - float(PARAMETERS[name]["lower"])) / float(PARAMETERS[name]["resolution"]))
        for name, value in _SHAM.items()
    }
    return Candidate("recipe", steps, form)


_SHAM = {"amplitude": 0.0, "frequency": 50.0, "site": 1.0}


def _number(member: str) -> int:
    return SUBJECTS.index(member)


def _generator(member: str) -> np.random.Generator:
    return np.random.default_rng([PANEL_SEED, _number(member)])


def observed(
    net: Network, members: Sequence[str], stimuli: Sequence[Stimulus], runs: int = RUNS, steps: int = STEPS
) -> tuple[Floats, Floats]:
    """Metastability and synchrony (mean order parameter) of each stimulus and member, mean over runs.

    Every stimulus meets the same noise, and each member has noise of its own.

    Returns:
        two arrays of shape (stimuli, members); NaN where the simulation diverged.
    """
    seeds = [(PANEL_SEED, _number(name)) for name in members]
    start = np.zeros((len(members), runs, 2, REGIONS))
    path = integrate(net, start, member_noise(seeds, runs, REGIONS), steps, stimuli, EVERY)
    level = order(path[SETTLE // EVERY :])
    return level.std(axis=0).mean(axis=-1), level.mean(axis=(0, 3))


@task(version=1, distributions=("numpy", "scipy"))
def stimulate(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """One stimulus on every subject of a panel; see `Simulator.run`.

    The noise is the panel's and not the order's, so that two designs are compared pair by pair.
    """
    candidate = Candidate(*json.loads(inputs["candidate"]))
    members = members_of(params.get("panel", "tune"), PANELS, "[lab], panel")
    people = _people(members, inputs)
    meta, level = observed(people.networks(members), members, [stimulus(candidate)])
    if not np.isfinite(meta).all():
        return {"failed": canonical("diverged")}
    n = len(members)
    told = {
        "metastability": {"value": float(meta.mean()), "sd": float(meta.std(ddof=1)), "n": n},
        "synchrony": {"value": float(level.mean()), "sd": float(level.std(ddof=1)), "n": n},
        "highest synchrony": {"value": float(level.max()), "n": n},
        "lowest metastability": {"value": float(meta.min()), "n": n},
    }
    return {"values": canonical(told)}


def _people(members: Sequence[str], inputs: Mapping[str, bytes]) -> People:
    frozen = tuple(sorted((name, data) for name, data in inputs.items() if name != "candidate"))
    return _read(tuple(members), frozen)


@lru_cache(maxsize=2)
def _read(members: tuple[str, ...], inputs: tuple[tuple[str, bytes], ...]) -> People:
    held = dict(inputs)
    return gather(members, lambda name: held["/".join(name)])


def gather(members: Sequence[str], read: Callable[[Read], bytes]) -> People:
    """These members, with the frequencies of the panel `tune`."""
    subjects: dict[str, Subject] = {n: read_subject(n, read) for n in dict.fromkeys((*PANELS["tune"], *members))}
    frequency = frequencies([subjects[name] for name in PANELS["tune"]])
    return People({name: subjects[name].fibres for name in members}, frequency)


def _reads(lab: Mapping[str, Any]) -> Sequence[Read]:
    members = members_of(lab.get("panel", "tune"), PANELS, "[lab], panel")
    return tuple(read for name in dict.fromkeys((*PANELS["tune"], *members)) for read in files(name))


SIMULATOR = Simulator(stimulate, reads=_reads, panels=PANELS)


def evaluator(people: People) -> Callable[[Sequence[Candidate], Sequence[str]], list[Outcomes]]:
    """What `HeldOut` asks: for each member the metastability and synchrony, and two controls.

    The controls are gains over sham: of the same stimulus at four random sites, and of the design itself on rewired
    connectomes.
    """

    @cache
    def outcomes(given: Stimulus, members: tuple[str, ...]) -> Outcomes:
        others = np.random.default_rng([PANEL_SEED, given.site]).permutation(REGIONS)
        moved = [Stimulus(int(i), given.amplitude, given.frequency) for i in others if i != given.site]
        none = Stimulus(given.site, 0.0, given.frequency)
        meta, level = observed(people.networks(members), members, [given, none, *moved[:ELSEWHERE]])
        there, _ = observed(people.networks(members, shuffled=True), members, [given, none])
        return {
            "metastability": meta[0],
            "synchrony": level[0],
            "gain over sham at random sites": meta[2:].mean(axis=0) - meta[1],
            "gain over sham on rewired connectomes": there[0] - there[1],
        }

    return lambda designs, members: [outcomes(stimulus(design), tuple(members)) for design in designs]


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The gate: subjects never tuned on, three of the same site and five of another, beside sham."""
    members = members_of(settings.get("panel", "held-out"), PANELS, "[finalists], panel")
    tuned = members_of(settings.get("tuned", "tune"), PANELS, "[finalists], tuned")
    apart(tuned, members, "[finalists], panel")
    people = gather(members, lambda name: read(*name))
    evaluate = evaluator(people)
    check = HeldOut(
        evaluate=evaluate,
        reference=sham(),
        members=members,
        primary="metastability",
        unit="1",
        sign=1.0,
        settings={
            "members": list(members),
            "runs": RUNS,
            "steps": STEPS,
            "seed": PANEL_SEED,
            "synchrony": SYNCHRONY,
            "rewired": "all links",
        },
        limits=(Limit("synchrony", "1", high=SYNCHRONY),),
        strata=tuple("hcp" if name in HCP else "gw" for name in members),
        cost=15.0,
        pictures=lambda design, other, names: pictures(evaluate([other, design], names), names),
    )
    return Ladder.of(
        [check],
        [
            Gate("held-out", "gain-low", low=0.0, title=GAIN_LOW, source="95 % interval over subjects"),
            Gate("held-out", "violations", high=0.0, title=VIOLATIONS, source=f"mean order parameter {SYNCHRONY:g}"),
        ],
    )


@dataclass(frozen=True)
class Charge:
    """The rule of the ladder: how much charge a phase of the stimulus carries."""

    name: str = "charge"
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
                "property": "charge",
                "value": [stimulus(c).charge for c in candidates],
                "unit": "1",
                "kind": "rule",
                "method": method(self),
                "at": datetime.now(UTC),
            }
        )


GAIN_LOW = {"en": "lowest likely gain over sham", "ko": "가짜 자극보다 나은 정도의 하한"}
VIOLATIONS = {"en": "subjects that follow the stimulus", "ko": "자극을 그대로 따라가는 피험자"}
CHARGE_TITLE = {"en": "charge a phase, model units", "ko": "위상당 전하(모델 단위)"}
_WORDS = {
    "en": {
        "title": "Metastability of held-out subjects",
        "x": "subject",
        "y": "gain in metastability over sham (no unit)",
        "own": "this stimulus",
        "random": "the same at random sites",
        "rewired": "the same on rewired connectomes",
        "zero": "sham",
        "note": "simulated",
    },
    "ko": {
        "title": "따로 둔 피험자의 준안정성",
        "x": "피험자",
        "y": "가짜 자극보다 늘어난 준안정성(단위 없음)",
        "own": "이 자극",
        "random": "무작위 자리에 준 같은 자극",
        "rewired": "연결을 뒤섞은 뇌에 준 같은 자극",
        "zero": "가짜 자극",
        "note": "모의실험",
    },
}


def pictures(found: Sequence[Outcomes], members: Sequence[str]) -> dict[str, bytes]:
    """Gains over sham of each member beside the controls, in both languages."""
    still, told = found
    return {f"subjects.{lang}.svg": _drawn(still, told, members, lang).encode() for lang in _WORDS}


def _drawn(still: Outcomes, told: Outcomes, members: Sequence[str], lang: str) -> str:
    words = _WORDS[lang]
    lines = {
        "own": told["metastability"] - still["metastability"],
        "random": told["gain over sham at random sites"],
        "rewired": told["gain over sham on rewired connectomes"],
    }
    every = np.nan_to_num(np.concatenate(list(lines.values())))
    low, high = min(0.0, float(every.min())), max(0.0, float(every.max()))
    room = (high - low) or 0.01
    ends = (-0.5, len(members) - 0.5), (low - 0.1 * room, high + 0.1 * room)
    people = [(float(i), name) for i, name in enumerate(members)]
    axes = plot(
        words["title"], *ends, words["x"], words["y"], note=words["note"], size=(700, 420), keys=2, x_ticks=people
    )
    axes.level(0.0, GREY, label=words["zero"])
    for (name, values), colour, shift in zip(lines.items(), (ORANGE, BLUE, GREEN), (-0.12, 0.0, 0.12), strict=True):
        axes.dots(np.arange(len(members)) + shift, np.nan_to_num(values), colour, label=words[name], r=4)
    return axes.svg()
