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
class Event:
    """The deepest low of a design on a panel.

    Attributes:
        patient: index in the panel. level: it went below this, mg/dL.
        start, end: readings of the event; `first`: of the window shown.
        decision: reading of the last bolus before it, None where there was none.
        units: of that bolus; shown: what the sensor said then, mg/dL, NaN where nothing.
        counted, eaten: grams of carbohydrate the pump was told then, and truly eaten.
        change: the smallest that prevents it, None where none that was tried does: each setting alone,
            towards less insulin, within its bounds.
    """

    patient: int
    level: float
    start: int
    end: int
    first: int
    decision: int | None
    units: float
    shown: float
    counted: float
    eaten: float
    change: Change | None


def deepest(
    patients: Patients, made: Scenario, simulator: str, values: Sequence[float], traces: Traces
) -> Event | None:
    """The event with the lowest glucose among all patients, explained; None where nobody was low for 15 minutes."""
    for level in LEVELS:
        found = [
            (float(row[a:b].min()), k, a, b) for k, row in enumerate(traces.glucose) for a, b in events(row, level)
        ]
        if found:
            _, k, start, end = min(found)
            return _explained(patients, made, simulator, values, traces, (k, level, start, end))
    return None


def _explained(
    patients: Patients,
    made: Scenario,
    simulator: str,
    values: Sequence[float],
    traces: Traces,
    found: tuple[int, float, int, int],
) -> Event:
    k, level, start, end = found
    first = max(start - BEFORE, 0)
    given = np.flatnonzero(traces.bolus[k, first:start] > 0)
    decision = first + int(given[-1]) if len(given) else None
    counted = eaten = units = 0.0
    shown = float("nan")
    if decision is not None:
        # What the pump was told since the decision before; a bolus for a meal is given `lead` minutes ahead of it.
        lead = round(values[[s.name for s in SETTINGS[simulator]].index("lead")])
        since = slice(max((decision - 1) * STEP + 1, 0) + lead, decision * STEP + 1 + lead)
        counted, eaten = float(made.counted[k, since].sum()), float(made.meal[k, since].sum())
        units, shown = float(traces.bolus[k, decision]), float(traces.shown[k, decision])
    change = _smallest(patients, made, simulator, values, traces, k, (level, end, first))
    return Event(k, level, start, end, first, decision, units, shown, counted, eaten, change)


def _smallest(
    patients: Patients,
    made: Scenario,
    simulator: str,
    values: Sequence[float],
    traces: Traces,
    k: int,
    at: tuple[float, int, int],
) -> Change | None:
    """Moves one setting at a time, step by step, towards less insulin, until the event is gone."""
    level, end, first = at
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
    return Change(SETTINGS[simulator][i], round(value, 10), share, glucose, gains)
