"""The verifications of the evidence file: each runs the loop on virtual patients and says what it found.

The limits are judged from the traces alone, not by the code that sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.design.candidate import Candidate
from dure.fields.device import judging
from dure.fields.device.metrics import HIGHEST, IN_RANGE, LOWEST, measures
from dure.fields.device.patients import FILES, PANELS, Patients, read_patients
from dure.fields.device.scenario import DAY, STEP, Scenario, plain, scenario
from dure.fields.device.settings import reference, vector
from dure.fields.device.therapy import Traces, run

HOSTILE: tuple[tuple[float, ...], ...] = (
    (1e9, 1e-9, 1e-9, -1e9, 0, 1e9, 1e-9, 1e9, -1e9, 1e9, 1e9),
    (-1e9, -1.0, -1.0, 1e9, 20, -1e9, 1.0, -1e9, 1e9, -1e9, -1e9),
    (float("nan"),) * 4 + (0.0,) + (float("nan"),) * 6,
    (1.0, 1.0, 1.0, 100.0, 0, 0.6, 0.0, 120.0, 0.0, 1.0, 0.15),
)
"""Settings beside the one that is judged, in the order of `loop.simulated`: nothing that a person would choose."""


@dataclass(frozen=True)
class Finding:
    """What one verification found.

    Attributes:
        value: the figure, in `unit`; `bound` what it may be at most or at least.
        passed: whether it keeps the bound; `patient_days` it was found in.
    """

    value: float
    unit: str
    bound: str
    passed: bool
    patient_days: int


@dataclass(frozen=True)
class Setup:
    """What the verifications run on: a design of the controller, patients that were never tuned on, and days."""

    files: Mapping[str, bytes]
    candidate: Candidate
    days: int

    @cached_property
    def patients(self) -> Patients:
        """The held-out panel."""
        return read_patients(self.files, PANELS["held-out"])

    @cached_property
    def made(self) -> Scenario:
        """What happens to them, one meal in seven unannounced."""
        return scenario(self.patients, self.days, "mixed")

    @cached_property
    def hostile(self) -> list[tuple[Sequence[float], Traces]]:
        """The design and every hostile tuning: settings, and what they did to the held-out panel."""
        tunings = [vector(self.candidate, "controller"), *HOSTILE]
        return [(settings, run(self.patients, self.made, settings, automatic=True)) for settings in tunings]


def _rate(setup: Setup) -> Finding:
    basal = setup.patients.basal[:, None]
    rates = [float((t.rate / basal).max()) / 4.0 for _, t in setup.hostile]
    doses = [float((t.bolus / (2 * DAY * basal)).max()) / 0.4 for _, t in setup.hostile]
    worst = max(*rates, *doses)
    return _most(worst, 1.0, "1", setup, len(rates))


def _board(setup: Setup) -> Finding:
    worst = 0.0
    ran = setup.hostile
    basal = setup.patients.basal[:, None]
    daily = 2 * DAY * basal
    for _, traces in ran:
        full = traces.board >= 0.12 * daily
        above = np.where(full, traces.rate / basal, 0.0)
        room = 0.5 * daily - traces.board - (traces.rate - basal) * STEP
        passed = np.where(traces.bolus > 0, traces.bolus - room, 0.0)
        automatic = traces.board + (traces.rate - basal) * STEP + traces.bolus
        over = np.where(traces.own > 0, automatic - 0.12 * daily, 0.0)
        worst = max(worst, float(above.max()), 1.0 + float(passed.max()), 1.0 + float(over.max()))
    return _most(worst, 1.0, "1", setup, len(ran))


def _suspend(setup: Setup) -> Finding:
    ran = setup.hostile
    given = [float(np.where(t.shown < 70, t.rate * STEP + t.bolus, 0.0).max()) for _, t in ran]
    return _most(max(given), 0.0, "[iU]", setup, len(ran))


def _stale(setup: Setup) -> Finding:
    """Highest rate without a reading for 20 minutes, in basals; 1 plus the units where more than a meal is bolused."""
    ran = setup.hostile
    worst = 0.0
    for settings, traces in ran:
        beyond = traces.bolus - announced(setup.patients, setup.made, settings)
        age = np.full(traces.shown.shape[0], np.inf)
        for j in range(traces.shown.shape[1]):
            age = np.where(np.isfinite(traces.shown[:, j]), 0.0, age + STEP)
            stale = age > 20
            worst = max(worst, float(np.where(stale, traces.rate[:, j] / setup.patients.basal, 0.0).max()))
            extra = float(np.where(stale, beyond[:, j], 0.0).max())
            worst = max(worst, 1.0 + extra if extra > 1e-9 else 0.0)
    return _most(worst, 1.0, "1", setup, len(ran))


def announced(patients: Patients, made: Scenario, settings: Sequence[float]) -> NDArray[np.float64]:
    """Units at most for the carbohydrate alone that is announced since the decision before, shape (patients, readings).

    The ratio may be adapted down to 0.7 of the setting.
    """
    told = np.concatenate([np.zeros((len(made.counted), 1)), np.cumsum(made.counted, axis=1)], axis=1)
    until = np.minimum(np.arange(0, made.counted.shape[1], STEP) + int(settings[4]) + 1, made.counted.shape[1])
    grams = np.diff(told[:, until], axis=1, prepend=0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.fmax(grams / (0.7 * settings[1] * patients.ratio[:, None]), 0.0)


def _finite(setup: Setup) -> Finding:
    from dure.fields.device.control import limited

    odd = {float("nan"), float("inf"), float("-inf")}
    basal = 0.02
    asked = product({*odd, 0.5 * basal, 3 * basal}, {*odd, 0.0, 0.5}, {*odd, 0.0, 0.5}, {*odd, 0.0, 1.0})
    given = [
        limited(rate, units, automatic, 120.0, 0.0, 0.0, board, basal, 2 * DAY * basal)
        for rate, units, automatic, board in asked
        if not np.isfinite([rate, units, automatic, board]).all()
    ]
    worst = max(rate / basal + (units > 0) for rate, units, _ in given)
    return Finding(float(worst), "1", "<= 1", bool(worst <= 1), 0)


def _gate(setup: Setup) -> Finding:
    table = {"simulator": "controller", "meals": "mixed", "days": setup.days}
    ladder = judging.gate(table, lambda source, part, name: setup.files[name])
    outcome = ladder.run([setup.candidate])
    told = dict(zip(outcome.evidence["property"].to_pylist(), outcome.evidence["value"].to_pylist(), strict=True))
    passed = not outcome.refused
    return Finding(float(told["violations"]), "1", "= 0, gain > 0", passed, setup.days * len(PANELS["held-out"]))


def _unannounced(setup: Setup) -> Finding:
    patients = setup.patients
    made = scenario(patients, setup.days, "unannounced")
    share = [
        float(measures(run(patients, made, vector(one, simulator), simulator == "controller").glucose)[IN_RANGE].mean())
        for one, simulator in ((setup.candidate, "controller"), (reference("therapy"), "therapy"))
    ]
    gain = share[0] - share[1]
    return Finding(gain, "%", ">= 0", gain >= 0, setup.days * len(patients.names))


def _occlusion(setup: Setup) -> Finding:
    """Mean highest rise of glucose after three hours of blocked insulin, fasting; the bound is only that it is seen."""
    patients = setup.patients
    made = plain(scenario(patients, 1))
    made = replace(made, meal=np.zeros_like(made.meal), counted=np.zeros_like(made.counted))
    blocked = np.zeros_like(made.occluded)
    blocked[:, 600:780] = True
    settings = vector(setup.candidate, "controller")
    open_, shut = (
        run(patients, one, settings, automatic=True).glucose for one in (made, replace(made, occluded=blocked))
    )
    rise = float((shut - open_)[:, 780 // STEP : 960 // STEP].max(axis=1).mean())
    return Finding(rise, "mg/dL", "> 0", rise > 0, len(patients.names))


def _most(value: float, bound: float, unit: str, setup: Setup, runs: int) -> Finding:
    days = runs * setup.days * len(PANELS["held-out"])
    return Finding(value, unit, f"<= {bound:g}", value <= bound + 1e-9, days)


TESTS: dict[str, Callable[[Setup], Finding]] = {
    "rate": _rate,
    "board": _board,
    "suspend": _suspend,
    "stale": _stale,
    "finite": _finite,
    "gate": _gate,
    "unannounced": _unannounced,
    "occlusion": _occlusion,
}


def verified(files: Mapping[str, bytes], candidate: Candidate, days: int, names: Sequence[str]) -> dict[str, Finding]:
    """The findings of these tests; a name without a test has none."""
    setup = Setup({name: files[name] for name in FILES}, candidate, days)
    return {name: TESTS[name](setup) for name in names if name in TESTS}


def observed(files: Mapping[str, bytes], candidate: Candidate, days: int) -> dict[str, Any]:
    """What held-out patients went through where a hazard's own sequence was injected, the limits in place.

    Returns:
        `worst`: run -> measure -> the highest value of a patient, without those that are not finite; `patient_days` of
        each run. The runs: `ordinary` (exercise and faults of the scenario), `greedy` (the tuning that asks for most),
        `corrupt` (settings that are no numbers), `high` (six hours a day the sensor shows 30 % too much), `silent` (six
        hours a day it shows nothing), `unannounced` (no meal is announced).
    """
    setup = Setup(files, candidate, days)
    patients, made, settings = setup.patients, setup.made, vector(candidate, "controller")
    hour = np.arange(made.lost.shape[1]) * STEP % DAY // 60
    part = ((hour >= 12) & (hour < 18))[None, :]
    runs = {
        "ordinary": (made, settings),
        "greedy": (made, HOSTILE[0]),
        "corrupt": (made, HOSTILE[2]),
        "high": (replace(made, gain=np.where(part, 1.3 * made.gain, made.gain)), settings),
        "silent": (replace(made, lost=made.lost | part), settings),
        "unannounced": (scenario(patients, days, "unannounced"), settings),
    }
    worst = {}
    for name, (met, chosen) in runs.items():
        # Who leaves what the model can mean is counted at its edge: the worst patient must not drop out.
        found = measures(np.clip(run(patients, met, chosen, automatic=True).glucose, LOWEST + 1, HIGHEST - 1))
        worst[name] = {m: float(values.max()) for m, values in found.items() if np.isfinite(values).all()}
    return {"worst": worst, "patient_days": days * len(patients.names)}
