"""A design on a panel: the two simulated laboratories of the field, and the gate on held-out patients.

The consensus limits are kept *patient by patient*: an average hides whom a setting harms. Tuning keeps them for every
patient of its panel. Some held-out patients are beyond a limit under today's settings already, so the gate asks of each
that a design keeps the limit or, where today's settings break it, makes that no worse by more than `TOLERANCE`. How
many lie beyond a limit as such is told beside it.

Today is the open loop: each patient's own settings, with corrections between meals. It is the reference of the
controller too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.canonical import canonical, digest_bytes
from dure.base.errors import BadInput
from dure.campaign.field import Read, ReadSource, Simulator
from dure.compute.task import task
from dure.design.candidate import Candidate
from dure.fields.device.metrics import IN_RANGE, LIMITS, LOW_INDEX, SEVERE, UNITS, measures, worst_decile
from dure.fields.device.patients import FILES, PANELS, Patients, group, read_patients
from dure.fields.device.replay import HARM
from dure.fields.device.scenario import MEALS, scenario
from dure.fields.device.settings import SETTINGS, reference, vector
from dure.fields.device.therapy import run
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, Outcomes, apart, members_of

Floats = NDArray[np.float64]

TOLERANCE = {limit.measure: margin for limit, margin in zip(LIMITS, (0.5, 0.25, 1.0, 1.0), strict=True)}
"""Percentage points by which a patient who is beyond a limit today may lie further beyond it."""
DAYS = 14
BEYOND = "patients beyond a limit"
OVER_SUSPENSION = "gain over suspension alone"
_KEYS = {
    "[lab]": {"driver", "simulator", "panel", "meals", "days", "assay"},
    "[finalists]": {"n", "check", "simulator", "panel", "tuned", "meals", "days"},
}


def outcomes(
    patients: Patients, simulator: str, designs: Sequence[Candidate], meals: str = "announced", days: int = DAYS
) -> list[Outcomes]:
    """The measures of each design, one number a patient."""
    made, automatic = scenario(patients, days, meals), simulator == "controller"
    return [measures(run(patients, made, vector(one, simulator), automatic).glucose) for one in designs]


def excess(measure: str) -> str:
    """The measure of the gate: points beyond the limit, or beyond today and `TOLERANCE` where today breaks it."""
    return f"excess {measure}"


def beside(found: Outcomes, today: Outcomes) -> Outcomes:
    """The measures of a design with its excesses over the limits and over today's, and who is beyond a limit at all."""
    told = {**found, BEYOND: beyond(found).astype(float)}
    for limit in LIMITS:
        assert limit.high is not None
        # Who keeps the limit today must go on keeping it: the tolerance is for those beyond it alone.
        now = today[limit.measure]
        allowed = np.where(now > limit.high, now + TOLERANCE[limit.measure], limit.high)
        told[excess(limit.measure)] = found[limit.measure] - allowed
    return told


def _values(found: Outcomes) -> dict[str, dict[str, float]]:
    """What is told of one order: the mean of the panel, its worst patients, and who is beyond which limit."""
    share = found[IN_RANGE]
    values: dict[str, dict[str, Any]] = {
        # No sd: patients and days are fixed, so the same design reads the same; people differ, and that is told below.
        IN_RANGE: {"value": float(share.mean()), "n": len(share)},
        "worst patient": {"value": float(share.min()), "unit": "%"},
        "worst decile": {"value": worst_decile(share), "unit": "%"},
        BEYOND: {"value": float(beyond(found).sum())},
        LOW_INDEX: {"value": float(found[LOW_INDEX].mean())},
        SEVERE: {"value": float(found[SEVERE].sum())},
    }
    for limit in LIMITS:
        values[f"worst {limit.measure}"] = {"value": float(found[limit.measure].max()), "unit": "%"}
    return values


def beyond(found: Outcomes) -> NDArray[np.bool_]:
    """Which patients break one of the limits, shape (patients,)."""
    broken: NDArray[np.bool_] = np.any([limit.broken(found[limit.measure]) for limit in LIMITS], axis=0)
    return broken


def _ordered(
    simulator: str, inputs: Mapping[str, bytes], lab: Mapping[str, Any], progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    members, meals, days = checked(lab, "[lab]")
    patients = read_patients({name: inputs[f"simglucose/patients/{name}"] for name in FILES}, members)
    candidate = Candidate(*json.loads(inputs["candidate"]))
    progress(0.0, simulator)
    (found,) = outcomes(patients, simulator, [candidate], meals, days)
    if not all(np.isfinite(values).all() for values in found.values()):
        return {"failed": canonical("diverged")}
    table = {name: {m: round(float(v), 6) for m, v in zip(members, found[name], strict=True)} for name in UNITS}
    return {"values": canonical(_values(found)), "patients": canonical(table)}


@task(version=2, distributions=("numpy", "numba"))
def therapy(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One set of pump settings on a panel, open loop; no randomness beyond the panel's own. See `Simulator`."""
    return _ordered("therapy", inputs, params, progress)


@task(version=2, distributions=("numpy", "numba"))
def controller(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One tuning of the feedback law on a panel, under the limits that no tuning reaches. See `Simulator`."""
    return _ordered("controller", inputs, params, progress)


def checked(table: Mapping[str, Any], where: str) -> tuple[tuple[str, ...], str, int]:
    """Members, way of announcing meals and days of a `lab` or `finalists` table.

    Raises:
        BadInput: what cannot be simulated.
    """
    unknown = sorted(set(table) - _KEYS[where])
    if unknown:
        keys = ", ".join(sorted(_KEYS[where]))
        raise BadInput(f"unknown key {unknown[0]!r}", where=where, remedy=f"keys are {keys}")
    members = members_of(table.get("panel", "tune"), PANELS, f"{where}, panel")
    meals, days = table.get("meals", "announced"), table.get("days", DAYS)
    if meals not in MEALS:
        raise BadInput(f"{meals!r} is no way to announce meals", where=where, remedy=f"write {', '.join(MEALS)}")
    if type(days) is not int or not 1 <= days <= 90:
        raise BadInput(f"{days!r} is no number of days", where=f"{where}, days", remedy="write 14, or 1 to 90")
    return members, meals, days


def _reads(lab: Mapping[str, Any]) -> Sequence[Read]:
    checked(lab, "[lab]")
    return [("simglucose", "patients", name) for name in FILES]


SIMULATORS = {
    "therapy": Simulator(therapy, reads=_reads, panels=PANELS),
    # What everybody has today is no design of the controller; the gate compares with it all the same.
    "controller": Simulator(controller, reads=_reads, panels=PANELS),
}


def gate(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The held-out gate: patients that were never tuned on, beside today's settings in open loop.

    `settings`: simulator, panel, meals, days, and `tuned`, the panel that [lab] tunes on.
    """
    simulator = settings.get("simulator", "therapy")
    if simulator not in SETTINGS:
        raise BadInput(
            f"there is no simulator {simulator!r}",
            where="[finalists], simulator",
            remedy=f"write {' or '.join(SETTINGS)}",
        )
    members, meals, days = checked({"panel": "held-out", **settings}, "[finalists]")
    tuned = members_of(settings.get("tuned", "tune"), PANELS, "[finalists], tuned")
    apart(tuned, members, "[finalists], panel")
    files = {name: read("simglucose", "patients", name) for name in FILES}
    patients = read_patients(files, members)

    def evaluate(designs: Sequence[Candidate], names: Sequence[str]) -> Sequence[Outcomes]:
        # The reference stands first, by the contract of `HeldOut`.
        (today,) = outcomes(patients, "therapy", designs[:1], meals, days)
        told = [beside(found, today) for found in (today, *outcomes(patients, simulator, designs[1:], meals, days))]
        if simulator == "controller":
            (suspended,) = outcomes(patients, simulator, [reference("controller")], meals, days)
            told = [{**found, OVER_SUSPENSION: found[IN_RANGE] - suspended[IN_RANGE]} for found in told]
        return told

    def pictures(design: Candidate, today: Candidate, names: Sequence[str]) -> Mapping[str, bytes]:
        from dure.fields.device.pictures import of_finalist

        return of_finalist(patients, simulator, design, meals, days)

    check = HeldOut(
        evaluate=evaluate,
        reference=reference("therapy"),
        members=members,
        primary=IN_RANGE,
        unit="%",
        sign=1.0,
        settings={
            "simulator": simulator,
            "members": list(members),
            "meals": meals,
            "days": days,
            "tolerance": TOLERANCE,
            "files": {name: digest_bytes(data) for name, data in files.items()},
        },
        limits=tuple(Limit(excess(limit.measure), limit.unit, high=0.0) for limit in LIMITS),
        units={**UNITS, OVER_SUSPENSION: "%"},
        harm=HARM,
        strata=tuple(map(group, members)),
        cost=2.0 if simulator == "therapy" else 3.0,
        pictures=pictures,
    )
    gain = {
        "en": "gain in time in range over today's open loop on held-out patients, lower end of the interval",
        "ko": "홀드아웃 환자에서 현재 개루프 설정보다 늘어난 목표 범위 시간, 구간 하한",
    }
    broken = {
        "en": "held-out patients who leave a limit that they keep today, or go further beyond it than is tolerated",
        "ko": "지금 지키는 한계를 벗어나거나, 이미 벗어난 한계에서 허용폭보다 더 나빠진 홀드아웃 환자 수",
    }
    return Ladder.of(
        [check],
        [
            # Zero itself does not pass: a design that equals the reference gains nothing.
            Gate("held-out", "gain-low", low=0.0, forbidden=(0.0,), unit="%", title=gain),
            Gate("held-out", "violations", high=0.0, title=broken),
        ],
    )
