"""The verifications of the evidence file: each runs the loop on virtual patients and says what it found.

The limits are judged from the traces alone, not by the code that sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from dure.design.candidate import Candidate
from dure.fields.device import judging
from dure.fields.device.metrics import IN_RANGE, measures
from dure.fields.device.patients import FILES, PANELS, Patients, read_patients
from dure.fields.device.scenario import DAY, STEP, plain, scenario
from dure.fields.device.settings import reference, vector
from dure.fields.device.therapy import Traces, run

HOSTILE: tuple[tuple[float, ...], ...] = (
    (1e9, 1e-9, 1e-9, -1e9, 0, 1e9, 1e-9, 1e9, -1e9),
    (-1e9, -1.0, -1.0, 1e9, 20, -1e9, 1.0, -1e9, 1e9),
    (float("nan"),) * 4 + (0.0,) + (float("nan"),) * 4,
    (1.0, 1.0, 1.0, 100.0, 0, 0.6, 0.0, 120.0, 0.0),
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
    def hostile(self) -> list[tuple[Patients, Traces]]:
        """The design and every hostile tuning, on the held-out panel under mixed meals."""
        patients = self.patients
        made = scenario(patients, self.days, "mixed")
        tunings = [vector(self.candidate, "controller"), *HOSTILE]
        return [(patients, run(patients, made, settings, automatic=True)) for settings in tunings]


def _rate(setup: Setup) -> Finding:
    rates = [float((t.rate / (p.basal[:, None])).max()) / 4.0 for p, t in setup.hostile]
    doses = [float((t.bolus / (2 * DAY * p.basal[:, None])).max()) / 0.4 for p, t in setup.hostile]
    worst = max(*rates, *doses)
    return _most(worst, 1.0, "1", setup, len(rates))


def _board(setup: Setup) -> Finding:
    worst = 0.0
    ran = setup.hostile
    for patients, traces in ran:
        daily, basal = 2 * DAY * patients.basal[:, None], patients.basal[:, None]
        full = traces.board >= 0.12 * daily
        above = np.where(full, traces.rate / basal, 0.0)
        room = 0.5 * daily - traces.board - (traces.rate - basal) * STEP
        passed = np.where(traces.bolus > 0, traces.bolus - room, 0.0)
        worst = max(worst, float(above.max()), 1.0 + float(passed.max()))
    return _most(worst, 1.0, "1", setup, len(ran))


def _suspend(setup: Setup) -> Finding:
    ran = setup.hostile
    given = [float(np.where(t.shown < 70, t.rate * STEP + t.bolus, 0.0).max()) for _, t in ran]
    return _most(max(given), 0.0, "[iU]", setup, len(ran))


def _stale(setup: Setup) -> Finding:
    ran = setup.hostile
    worst = 0.0
    for patients, traces in ran:
        age = np.full(traces.shown.shape[0], np.inf)
        for j in range(traces.shown.shape[1]):
            age = np.where(np.isfinite(traces.shown[:, j]), 0.0, age + STEP)
            worst = max(worst, float(np.where(age > 20, traces.rate[:, j] / patients.basal, 0.0).max()))
    return _most(worst, 1.0, "1", setup, len(ran))


def _finite(setup: Setup) -> Finding:
    from dure.fields.device.control import limited

    odd = (float("nan"), float("inf"), float("-inf"))
    basal = 0.02
    given = [limited(r, u, 120.0, 0.0, 0.0, 0.0, basal, 2 * DAY * basal) for r in odd for u in odd]
    worst = max(rate / basal + (units > 0) for rate, units in given)
    return Finding(float(worst), "1", "<= 1", bool(worst <= 1), 0)


def _gate(setup: Setup) -> Finding:
    table = {"simulator": "controller", "meals": "mixed", "days": setup.days}
    ladder = judging.gate(table, lambda source, part, name: setup.files[name])
    outcome = ladder.run([setup.candidate])
    told = dict(zip(outcome.evidence["property"].to_pylist(), outcome.evidence["value"].to_pylist(), strict=True))
    passed = not outcome.refused
    return Finding(float(told["violations"]), "1", "= 0, gain >= 0", passed, setup.days * len(PANELS["held-out"]))


def _unannounced(setup: Setup) -> Finding:
    patients = setup.patients
    made = scenario(patients, setup.days, "unannounced")
    share = [
        float(measures(run(patients, made, vector(one, "controller"), automatic=True).glucose)[IN_RANGE].mean())
        for one in (setup.candidate, reference("controller"))
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
    return Finding(rise, "mg/dL", "> 0, told", rise > 0, len(patients.names))


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
    """What held-out patients went through under a design: mean of each measure, and patient-days."""
    setup = Setup(files, candidate, days)
    patients = setup.patients
    traces = run(patients, scenario(patients, days, "mixed"), vector(candidate, "controller"), automatic=True)
    means = {name: float(values.mean()) for name, values in measures(traces.glucose).items()}
    return {"means": means, "patient_days": days * len(patients.names)}
