"""Runs designs on members: from settings and a scenario to traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dure.fields.device.patients import Patients
from dure.fields.device.scenario import Scenario

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Traces:
    """What happened to each member, every five minutes; shape (members, readings) each.

    Attributes:
        glucose: the truth, mg/dL: subcutaneous glucose, which simglucose calls BG.
        shown: what the sensor showed, mg/dL; NaN where nothing.
        rate: decided insulin, U/min; bolus: U; board: insulin on board above basal at the decision, U.
        own: the part of the bolus that nobody asked for, U.
    """

    glucose: Floats
    shown: Floats
    rate: Floats
    bolus: Floats
    board: Floats
    own: Floats


def run(patients: Patients, made: Scenario, settings: Sequence[float], automatic: bool = False) -> Traces:
    """The members' days under these settings; see `loop.simulated` for their order."""
    from dure.fields.device.loop import simulated

    daily = 2 * 1440 * patients.basal
    profile = np.stack([patients.basal, patients.ratio, patients.correction, daily], axis=1)
    found = simulated(
        patients.state,
        patients.parameters,
        patients.volume,
        profile,
        made.meal,
        made.counted,
        made.occluded,
        made.sensitivity,
        made.gain,
        made.noise,
        made.lost,
        np.array([*settings, *([0.0] * (11 - len(settings)))], dtype=float),
        automatic,
    )
    return Traces(*found)
