"""The fed-batch campaign: seven feed profiles as factors of the published recipe, judged on panels of seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import Read, ReadSource
from dure.compute.task import task
from dure.design.box import BoxSpace, Parameter
from dure.design.candidate import Candidate
from dure.fields.bioprocess import twin
from dure.fields.bioprocess.twin import Draw, Floats
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, Outcomes, apart, members_of

PHASES: dict[str, tuple[str, float, float]] = {
    "sugar to 28 h": ("sugar", 0, 28),
    "sugar 28-80 h": ("sugar", 28, 80),
    "sugar 80-160 h": ("sugar", 80, 160),
    "sugar from 160 h": ("sugar", 160, 230),
    "oil to 80 h": ("oil", 0, 80),
    "oil from 80 h": ("oil", 80, 230),
    "aeration to 90 h": ("aeration", 0, 90),
    "aeration from 90 h": ("aeration", 90, 230),
    "pressure": ("pressure", 0, 230),
    "discharge": ("discharge", 0, 230),
    "water to 150 h": ("water", 0, 150),
    "water from 150 h": ("water", 150, 230),
    "phenylacetic acid to 10 h": ("paa", 0, 10),
}
"""Parameter -> the profile that it scales, from and until which hour; 100 % is the published recipe."""
_BOUNDS = {
    "sugar": (80, 140),
    "oil": (80, 140),
    "aeration": (90, 130),
    "pressure": (80, 140),
    "discharge": (80, 160),
    "water": (20, 120),
    "paa": (50, 150),
}
"""Per cent: as far as a plant would move a proven recipe at once, and on the side where there is room."""

PARAMETERS: dict[str, dict[str, Any]] = {
    name: {"lower": low, "upper": high, "resolution": 1, "unit": "%"}
    for name, (what, _, _) in PHASES.items()
    for low, high in (_BOUNDS[what],)
}

SPACING = 50
"""Between seeds: pensimpy uses the generators seed to seed + 47, so nearer seeds share random numbers."""


def _seeds(first: int, n: int) -> tuple[str, ...]:
    return tuple(f"seed {first + SPACING * i}" for i in range(n))


_FRAGILE = tuple(f"seed {seed}" for seed in (6100, 6150, 7300, 7950, 5350, 5550, 8350, 4200, 9700, 8750))
"""Of the 200 seeds 1000, 1050, ... 10950 those shortest of oxygen under `stress`; `fragile` repeats the choice.

About one seed in thirty starves when a batch is fed harder: a plain panel may hold none, and is tuned past it.
"""
PANELS: dict[str, tuple[str, ...]] = {
    "tune": (*_seeds(1000, 6), *_FRAGILE),
    "quick": (*_seeds(1000, 2), *_FRAGILE[:4]),
    "pair": _seeds(1000, 2),
    "held-out": _seeds(20000, 50),
    "held-out quick": _seeds(20000, 20),
}

VOLUME = Limit("largest volume", "m3", high=100.0)
OXYGEN = Limit("least oxygen", "mg/L", low=2.0)
"""Below 2 mg/L the reference sets dissolved oxygen to 1: the batch is starved and its numbers mean little."""
CLOSED = Limit("imbalance", "1", high=0.01)
GUARD_VOLUME, GUARD_OXYGEN = 97.0, 3.0
"""What the tuning panel may reach, m³ and mg/L: seeds that it does not hold go further."""


def seed_of(member: str) -> int:
    """The number in `seed 1000`."""
    return int(member.removeprefix("seed "))


def remaining(hour: float) -> tuple[str, ...]:
    """The phases that are not over at this hour: what the recipe of a running batch may still change."""
    return tuple(name for name, (_, _, until) in PHASES.items() if until > hour)


def flows_of(candidate: Candidate, since: int = 0, before: Floats | None = None) -> Floats:
    """The profiles of a design, shape (STEPS, flows); up to step `since` those of `before` hold.

    What a design says of a phase that is over by then changes nothing; see `remaining`.

    Raises:
        BadInput: a design that scales other phases than these, or one not in percent.
    """
    if candidate.kind != "recipe" or set(candidate.form) - set(PHASES):
        raise BadInput("this is no fed-batch recipe", remedy=f"a recipe scales {', '.join(PHASES)}")
    flows = twin.default_flows().copy()
    hour = np.arange(1, twin.STEPS + 1) * twin.STEP
    for name, given in candidate.form.items():
        if given["unit"] != "%":
            raise BadInput(f"{name} is given in {given['unit']}, not in %", remedy="100 % is the published recipe")
        what, low, high = PHASES[name]
        flows[(hour > low + 1e-9) & (hour <= high + 1e-9), twin.FLOWS.index(what)] *= given["value"] / 100
    if before is not None:
        flows[:since] = before[:since]
    return flows


def reference(lab: Mapping[str, Any] | None = None) -> Candidate:
    """The published recipe: every phase that is still to come at 100 %, as the box of these parameters writes it."""
    since = situation(lab or {})[0]
    return _box(remaining(since * twin.STEP)).recipe(dict.fromkeys(remaining(since * twin.STEP), 100.0))


def _box(names: Sequence[str] = tuple(PHASES)) -> BoxSpace:
    return BoxSpace([Parameter(name, **PARAMETERS[name]) for name in names])


SITUATION = ("batch", "fault", "hour")
_KEYS = {
    "[lab]": {"driver", "simulator", "panel", "assay", *SITUATION},
    "[finalists]": {"n", "check", "simulator", "panel", "tuned", *SITUATION},
}
_LAST_SEED = 2**32 - 48
"""The reference seeds generators up to seed + 47, each below 2^32."""


def understood(table: Mapping[str, Any], where: str) -> None:
    """Refuses a table with a key that means nothing here, lest a misspelt one be passed over.

    Raises:
        BadInput: names the key.
    """
    strange = sorted(set(table) - _KEYS[where])
    if strange:
        place = "[lab], [finalists]" if where == "[finalists]" else where  # the keys of [lab] come with them
        raise BadInput(f"unknown key {strange[0]!r}", where=place, remedy=f"keys are {', '.join(sorted(_KEYS[where]))}")


def reads(lab: Mapping[str, Any]) -> Sequence[Read]:
    """No file; a table that cannot be taken is refused here, before anything is ordered."""
    understood(lab, "[lab]")
    situation(lab)
    return ()


def situation(table: Mapping[str, Any]) -> tuple[int, Floats | None, Draw | None, int]:
    """Where a batch stands when the recipe may still be changed: step, recipe so far, its draw, its fault.

    Args:
        table: `fault` (a name in `twin.FAULTS`), `batch` (a seed) and `hour`; without `batch` fresh batches begin,
            the fault in each.

    Raises:
        BadInput: an unknown fault, a batch that is no seed, an hour outside the batch, or one of the two alone.
    """
    fault = table.get("fault", "none")
    if fault not in twin.FAULTS:
        raise BadInput(
            f"there is no fault {fault!r}", where="[lab], fault", remedy=f"there are {', '.join(twin.FAULTS)}"
        )
    number = twin.FAULTS.index(fault)
    if ("batch" in table) != ("hour" in table):
        raise BadInput(
            "batch and hour belong together, and one of them is missing",
            where="[lab]",
            remedy="a running batch is named by its seed and the hour: batch = 7000, hour = 100; leave out both for "
            "fresh batches",
        )
    if "batch" not in table:
        return 0, None, None, number
    batch, hour = table["batch"], table["hour"]
    if type(batch) is not int or not 0 <= batch < _LAST_SEED:
        raise BadInput(f"{batch!r} is no seed of a batch", where="[lab], batch", remedy="write a whole number, as 7000")
    if type(hour) not in (int, float) or not twin.STEP <= hour < twin.HOURS:
        raise BadInput(f"hour {hour!r} is not within the batch", where="[lab], hour", remedy="write 0.2 to 229.8")
    return round(hour / twin.STEP), twin.default_flows(), twin.draw(batch), number


def stress() -> Candidate:
    """A recipe that feeds a fifth more sugar and oil than the published one and blows 15 % more air."""
    more = {"sugar": 120.0, "oil": 120.0, "aeration": 115.0}
    return _box().recipe({name: more.get(what, 100.0) for name, (what, _, _) in PHASES.items()})


def fragile(seeds: Sequence[int], n: int) -> list[int]:
    """The n seeds with the least oxygen under `stress`, ascending: those that starve all stand at the same floor."""
    least = twin.outcomes(twin.run(flows_of(stress()), [twin.draw(seed) for seed in seeds]))["least oxygen"]
    return sorted(seeds[i] for i in np.argsort(least, kind="stable")[:n])


def simulate(
    candidates: Sequence[Candidate], members: Sequence[str], table: Mapping[str, Any] | None = None
) -> tuple[list[twin.Runs], list[Draw]]:
    """Every design on every member, the same draws for each design."""
    since, before, state, fault = situation(table or {})
    draws = [twin.draw(seed_of(member)) for member in members]
    if state is not None:
        draws = [twin.continued(state, other, since) for other in draws]
    runs = [twin.run(flows_of(candidate, since, before), draws, [fault] * len(draws)) for candidate in candidates]
    return runs, draws


def outcomes_of(
    candidates: Sequence[Candidate], members: Sequence[str], table: Mapping[str, Any] | None = None
) -> list[Outcomes]:
    """Measures of each design, shape (members,) each; a batch that diverged has no value."""
    runs, draws = simulate(candidates, members, table)
    found: list[Outcomes] = []
    for run in runs:
        closing = np.max(np.abs(list(twin.balances(run, draws).values())), axis=0)
        values = {**twin.outcomes(run), "imbalance": closing}
        found.append({name: np.where(run.diverged, np.nan, value) for name, value in values.items()})
    return found


UNITS = {
    "penicillin": "kg",
    "titre": "g/L",
    "yield on substrate": "g/g",
    "productivity": "kg/h",
    "largest volume": "m3",
    "least oxygen": "mg/L",
    "worst batch": "kg",
    "imbalance": "1",
}


@task(version=1, distributions=("numpy", "numba"))
def run_batches(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One recipe on a panel of seeds. See `dure.campaign.field.Simulator`; all of it is simulated."""
    candidate = Candidate(*json.loads(inputs["candidate"]))
    members = members_of(params.get("panel", "tune"), PANELS, "[lab], panel")
    (found,) = outcomes_of([candidate], members, params)
    if any(not np.isfinite(values).all() for values in found.values()):
        return {"failed": canonical("diverged")}
    values: dict[str, Any] = {}
    for name in ("penicillin", "titre", "yield on substrate", "productivity"):
        values[name] = _summary(found[name])
    values["worst batch"] = {"value": float(found["penicillin"].min())}
    values["largest volume"] = {"value": float(found["largest volume"].max())}
    values["least oxygen"] = {"value": float(found["least oxygen"].min())}
    values["imbalance"] = {"value": float(found["imbalance"].max())}
    return {"values": canonical(values)}


def _summary(values: Floats) -> dict[str, Any]:
    return {"value": float(values.mean()), "sd": float(values.std(ddof=1)), "n": len(values)}


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The best recipes on seeds never tuned on, beside the published one, in the situation that [lab] simulated.

    `panel` names the members; `batch`, `fault` and `hour` are those of the lab table.
    """
    from dure.fields.bioprocess.batch_pictures import panel_picture

    understood(settings, "[finalists]")
    members = members_of(settings.get("panel", "held-out"), PANELS, "[finalists], panel")
    apart(members_of(settings.get("tuned", "tune"), PANELS, "[finalists], tuned"), members, "[finalists], panel")
    table = {key: settings[key] for key in SITUATION if key in settings}

    def pictures(candidate: Candidate, other: Candidate, seeds: Sequence[str]) -> Mapping[str, bytes]:
        (own, theirs), _ = simulate([candidate, other], seeds, table)
        return {f"panel.{lang}.svg": panel_picture(own, theirs, lang).encode() for lang in ("en", "ko")}

    check = HeldOut(
        evaluate=lambda candidates, seeds: outcomes_of(candidates, seeds, table),
        reference=reference(table),
        members=members,
        primary="penicillin",
        unit="kg",
        sign=1.0,
        settings={"members": list(members), "twin": 1, **table},
        limits=(VOLUME, OXYGEN, CLOSED),
        units={"titre": "g/L", "yield on substrate": "g/g", "productivity": "kg/h"},
        harm=200.0,
        cost=0.1 * len(members),
        pictures=pictures,
    )
    gates = [
        # Above zero: a recipe that changes nothing gains exactly nothing, and is not let through.
        Gate("held-out", "gain-low", low=0.0, forbidden=(0.0,), unit="kg", title=GATE_TITLES["gain-low"]),
        Gate("held-out", "violations", high=0.0, title=GATE_TITLES["violations"]),
    ]
    return Ladder.of([check], gates)


GATE_TITLES = {
    "gain-low": {
        "en": "gain over the published recipe on held-out seeds, lower end of its 95 % interval",
        "ko": "공표된 레시피 대비 이득(조정에 쓰지 않은 시드), 95 % 구간의 하한",
    },
    "violations": {
        "en": "held-out batches that break the volume or oxygen limit, fail to close their mass or diverge",
        "ko": "부피나 산소 한계를 어겼거나 물질 수지가 어긋났거나 발산한 배치 수(조정에 쓰지 않은 시드)",
    },
}
