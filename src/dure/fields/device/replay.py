"""A low looked at again: what was decided, the smallest change that would have prevented it, and whom that harms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dure.fields.device.metrics import IN_RANGE, events, measures
from dure.fields.device.patients import Patients
from dure.fields.device.scenario import STEP, Scenario
from dure.fields.device.settings import SETTINGS, Setting
from dure.fields.device.therapy import Traces, run

BEFORE, AFTER = 6 * 60 // STEP, 2 * 60 // STEP
"""Readings shown before an event begins and after it ends; the decision is looked for in those before."""
LEVELS = (54.0, 70.0)
HARM = 2.0
"""Percentage points of time in range whose loss counts as harm."""


@dataclass(frozen=True)
class Change:
    """A change of one setting that would have prevented an event.

    Attributes:
        setting: which; `value`: its new value.
        share: how large the change is, as a share of the setting's range.
        glucose: of the patient with it, around the event.
        gains: every patient's change in time in range, percentage points, in the order of the panel.
    """

    setting: Setting
    value: float
    share: float
    glucose: np.ndarray
    gains: np.ndarray


@dataclass(frozen=True)
class Low:
    """A stretch of 15 minutes or more below 70 mg/dL, by the deepest part of it.

    Attributes:
        patient: index in the panel. level: it went below this for 15 minutes or more, mg/dL.
        start, end: readings of that part, the second one past it.
        lowest: glucose in it, mg/dL.
    """

    patient: int
    level: float
    start: int
    end: int
    lowest: float


@dataclass(frozen=True)
class Event:
    """A low of a design on a panel, explained.

    Attributes:
        low: which.
        first: reading that the window shown begins with.
        decision: reading of the largest bolus before it, None where there was none.
        units: of that bolus; own: the part of it that nobody asked for; shown: what the sensor said then, mg/dL, NaN
            where nothing.
        counted, eaten: grams of carbohydrate that it was for as the pump was told, and as truly eaten.
        change: the smallest that prevents it, None where none that was tried does: each setting alone,
            towards less insulin, within its bounds.
    """

    low: Low
    first: int
    decision: int | None
    units: float
    own: float
    shown: float
    counted: float
    eaten: float
    change: Change | None


def lows(glucose: np.ndarray) -> list[Low]:
    """Every low of every patient, by patient and time.

    Args:
        glucose: shape (patients, readings), mg/dL.
    """
    found = []
    for k, row in enumerate(glucose):
        for start, end in events(row, LEVELS[-1]):
            parts = ((level, events(row[start:end], level)) for level in LEVELS)
            level, inside = next((level, inside) for level, inside in parts if inside)
            lowest, a, b = min((float(row[start + a : start + b].min()), a, b) for a, b in inside)
            found.append(Low(k, level, start + a, start + b, lowest))
    return found


def deepest(glucose: np.ndarray) -> Low | None:
    """The low with the lowest glucose among all patients; None where nobody was low for 15 minutes."""
    return min(lows(glucose), key=lambda low: (low.level, low.lowest), default=None)


def explained(
    patients: Patients, made: Scenario, simulator: str, values: Sequence[float], traces: Traces, low: Low
) -> Event:
    """What was decided before a low, the smallest change that would have prevented it, and whom that harms."""
    from dure.fields.device.loop import WITHHELD

    k, start = low.patient, low.start
    first = max(start - BEFORE, 0)
    given = traces.bolus[k, first:start]
    decision = first + int(given.argmax()) if given.any() else None
    counted = eaten = units = own = 0.0
    shown = float("nan")
    if decision is not None:
        units, own, shown = (float(of[k, decision]) for of in (traces.bolus, traces.own, traces.shown))
        # What the pump was told since the decision before; a bolus for a meal is given `lead` minutes ahead of it.
        lead = round(values[[s.name for s in SETTINGS[simulator]].index("lead")])
        since = slice(max((decision - 1) * STEP + 1, 0) + lead, decision * STEP + 1 + lead)
        if not made.counted[k, since].any() and own < units and simulator == "controller":
            # Told earlier: the limits withheld it until now.
            since = slice(max(since.start - WITHHELD, 0), since.stop)
        counted, eaten = float(made.counted[k, since].sum()), float(made.meal[k, since].sum())
    change = _smallest(patients, made, simulator, values, traces, low, first)
    return Event(low, first, decision, units, own, shown, counted, eaten, change)


def _smallest(
    patients: Patients,
    made: Scenario,
    simulator: str,
    values: Sequence[float],
    traces: Traces,
    low: Low,
    first: int,
) -> Change | None:
    """Moves one setting at a time, step by step, towards less insulin, until the event is gone."""
    k, level, end = low.patient, low.level, low.end
    one = replace(patients, names=patients.names[k : k + 1], **{
        name: getattr(patients, name)[k : k + 1]
        for name in ("parameters", "state", "volume", "basal", "ratio", "correction")
    })  # fmt: skip
    # What comes after the event changes nothing about it: only the days up to it are run again.
    days = made.of(k).until(end + AFTER)
    best: tuple[float, int, float, np.ndarray] | None = None
    for i, setting in enumerate(SETTINGS[simulator]):
        steps = 1
        while setting.safer:
            value = values[i] + setting.safer * steps * setting.resolution
            share = steps * setting.resolution / (setting.upper - setting.lower)
            inside = setting.lower - 1e-9 <= value <= setting.upper + 1e-9
            if not inside or (best is not None and share >= best[0]):
                break
            changed = [*values[:i], value, *values[i + 1 :]]
            glucose = run(one, days, changed, simulator == "controller").glucose[0]
            if not any(b > first and a < end + AFTER for a, b in events(glucose, level)):
                best = share, i, value, glucose[first:]
                break
            steps += 1
    if best is None:
        return None
    share, i, value, glucose = best
    everyone = run(patients, made, [*values[:i], value, *values[i + 1 :]], simulator == "controller")
    gains = measures(everyone.glucose)[IN_RANGE] - measures(traces.glucose)[IN_RANGE]
    # Adding zero makes no negative zero.
    return Change(SETTINGS[simulator][i], round(value, 10) + 0.0, share, glucose, gains)
