"""The penicillin fed-batch of IndPenSim as own code: many batches at once, compiled.

Equations, constants and controllers are those of Goldrick et al. 2015 (J. Biotechnol. 193:70) and 2019 (Comput. Chem.
Eng. 130:106471) as the MIT-licensed package pensimpy 1.2.5 writes them down, its quirks included where a batch depends
on them (the error of the pH controller that lacks its set-point once, the heating that starts from the cooling flow).
What differs, each tested alone:

- a profile's value holds *until* its time, as in IndPenSim; the package takes it as beginning there;
- the package calls a compiled solver that is not on the index; here RK4 with a fixed step;
- its time grid overruns 381 of the 1,150 intervals by an eightieth of an hour; `overrun=True` repeats that.

A lane is one batch: a recipe under one seed. Time is in hours, volume in litres, penicillin and substrate in g/L,
biomass in g/L, dissolved oxygen in mg/L, temperature in kelvin, flows in L/h (aeration m³/min, discharge kg/h).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS = 230.0
STEP = 0.2
STEPS = 1150
SUBSTEPS, FINE = 20, 40
"""RK4 steps in an interval, at least (more where oxygen transfer is fast); those of a batch with all faults at once.

There the temperature crosses the controller's threshold again and again, and what a step errs by comes back in the
coolant, enlarged: 20 steps leave 0.34 % of its largest flow in one interval of a hundred, 40 steps 0.05 %.
"""

FLOWS = ("sugar", "oil", "aeration", "pressure", "discharge", "water", "paa")
"""What a recipe gives, in the order of its columns."""

DEFAULT: dict[str, tuple[tuple[float, float], ...]] = {
    "sugar": (
        (3, 8), (12, 15), (16, 30), (20, 75), (24, 150), (28, 30), (32, 37), (36, 43), (40, 47), (44, 51), (48, 57),
        (52, 61), (56, 65), (60, 72), (64, 76), (68, 80), (72, 84), (76, 90), (80, 116), (160, 90), (230, 80),
    ),
    "oil": (
        (4, 22), (16, 30), (56, 35), (60, 34), (64, 33), (68, 32), (72, 31), (76, 30), (80, 29), (230, 23),
    ),
    "aeration": ((8, 30), (20, 42), (40, 55), (90, 60), (200, 75), (230, 65)),
    "pressure": ((12.4, 0.6), (25, 0.7), (30, 0.8), (40, 0.9), (100, 1.1), (150, 1), (200, 0.9), (230, 0.9)),
    "discharge": (
        (100, 0), (102, 4000), (130, 0), (132, 4000), (150, 0), (152, 4000), (170, 0), (172, 4000), (190, 0),
        (192, 4000), (210, 0), (212, 4000), (230, 0),
    ),
    "water": ((50, 0), (75, 500), (150, 100), (160, 0), (170, 400), (200, 150), (230, 250)),
    "paa": ((5, 5), (40, 0), (200, 10), (230, 4)),
}  # fmt: skip
"""The published recipe: (hour until which it holds, value). Phenylacetic acid is under feedback from hour 10."""

FAULTS = (
    "none", "aeration", "back pressure", "sugar feed", "base flow", "coolant flow", "all", "temperature sensor",
    "pH sensor",
)  # fmt: skip
"""IndPenSim's faults, by their number; the last two are sensors that drift."""

STATES = (
    "substrate", "dissolved oxygen", "off-gas oxygen", "penicillin", "volume", "weight", "hydrogen ions",
    "temperature", "heat", "viscosity", "culture age", "a0", "a1", "a3", "a4", "n0", "n1", "n2", "n3", "n4", "n5",
    "n6", "n7", "n8", "n9", "nm", "phi0", "off-gas CO2", "dissolved CO2", "phenylacetic acid", "ammonia", "mu p",
    "mu x", "formed", "penicillin discharged", "consumed", "substrate discharged", "sugar fed", "oil fed",
)  # fmt: skip
"""The first 33 as in the reference; the last six are integrals over the batch, in g."""
CONTROLS = (*FLOWS, "acid", "base", "coolant", "heating")
RECORD = {name: i for i, name in enumerate((*STATES, *CONTROLS))}


@dataclass(frozen=True)
class Draw:
    """What a seed decides: `start`, shape (states,), `params`, five constants, and `noise`, shape (STEPS,).

    `params` are the largest rates of production and growth (1/h), the factor of oxygen transfer, and the nitrogen and
    phenylacetic acid in the acid's feed (mg/L). `noise` is the one filtered series that drives all disturbances.
    """

    start: Floats
    params: Floats
    noise: Floats


@cache
def draw(seed: int) -> Draw:
    """The draws of pensimpy for this seed, from its generators `seed` to `seed + 47`: nearer seeds share numbers."""

    def normal(offset: int) -> float:
        return float(np.random.RandomState(seed + 31 + offset).randn(1)[0])

    biomass = 0.5 + 0.05 * normal(0)
    start = np.zeros(len(STATES))
    start[:10] = [
        1 + 0.1 * normal(2), 15 + 0.5 * normal(3), 0.2 + 0.05 * normal(8), 0.0, 5.8e4 + 500 * normal(5),
        6.2e4 + 500 * normal(6), 10 ** -(6.5 + 0.1 * normal(9)), 297 + 0.5 * normal(10), 0.0, 4.0,
    ]  # fmt: skip
    start[11:13] = biomass / 3, 2 * biomass / 3
    start[27] = 0.038 + 0.001 * normal(7)
    start[29:31] = 1400 + 50 * normal(12), 1700 + 50 * normal(13)
    params = np.array([
        0.041 + 0.0025 * normal(1), 0.41 + 0.025 * normal(0), 85 + 10 * normal(14), 150000 + 2000 * normal(16),
        530000 + 20000 * normal(15),
    ])  # fmt: skip
    white = np.random.RandomState(seed).randn(STEPS + 1)
    noise = np.empty(STEPS + 1)
    last = 0.0
    for i, value in enumerate(white):
        last = 0.995 * last + 0.005 * value
        noise[i] = last
    return Draw(start, params, noise[:STEPS])


def continued(first: Draw, other: Draw, step: int) -> Draw:
    """The batch of `first`, whose disturbances from this step on are those that `other` would add."""
    noise = first.noise.copy()
    last = noise[step - 1]
    for i in range(step, STEPS):
        last = 0.995 * last + (other.noise[i] - 0.995 * other.noise[i - 1])
        noise[i] = last
    return Draw(first.start, first.params, noise)


def profile(points: Sequence[tuple[float, float]]) -> Floats:
    """(until hour, value) -> the value in each interval, shape (STEPS,); the last value holds to the end."""
    until = np.array([hour for hour, _ in points])
    at = np.searchsorted(until, np.arange(1, STEPS + 1) * STEP - 1e-9)
    return np.array([value for _, value in points], dtype=float)[np.minimum(at, len(points) - 1)]


@cache
def default_flows() -> Floats:
    """The published recipe, shape (STEPS, flows)."""
    return np.stack([profile(DEFAULT[name]) for name in FLOWS], axis=1)


@cache
def overrun_steps() -> Floats:
    """The hours that the reference integrates over in each interval, shape (STEPS,): its grid may add a point."""
    fine = STEP / 40
    grid = np.arange(0, HOURS + STEP, STEP)
    spans = (np.arange(a, b + fine, fine) for a, b in pairwise(grid[: STEPS + 1]))
    return np.array([span[-1] - span[0] for span in spans])


@dataclass(frozen=True)
class Runs:
    """Trajectories, shape (lanes, STEPS, len(RECORD)): after each interval, the flows those during it."""

    record: Floats

    def __getitem__(self, name: str) -> Floats:
        """Shape (lanes, STEPS)."""
        return self.record[:, :, RECORD[name]]

    @property
    def biomass(self) -> Floats:
        """g/L, shape (lanes, STEPS)."""
        return self["a0"] + self["a1"] + self["a3"] + self["a4"]

    @property
    def ph(self) -> Floats:
        return -np.log10(self["hydrogen ions"])

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """Lanes whose states are not all finite, shape (lanes,)."""
        return np.asarray(~np.isfinite(self.record).all(axis=(1, 2)))


def run(
    flows: Floats,
    draws: Sequence[Draw],
    faults: Sequence[int] | None = None,
    *,
    substeps: int | None = None,
    overrun: bool = False,
) -> Runs:
    """One batch a lane.

    Args:
        flows: shape (STEPS, 7) for all lanes or (lanes, STEPS, 7), columns as `FLOWS`.
        draws: one a lane.
        faults: numbers in `FAULTS`, one a lane; None: no fault.
        substeps: of each lane; None: as many as its fault needs.
        overrun: intervals as long as the reference's.
    """
    from dure.fields.bioprocess.twin_kernel import integrate

    lanes = len(draws)
    given = np.ascontiguousarray(np.broadcast_to(flows, (lanes, STEPS, len(FLOWS))), dtype=float)
    record = np.full((lanes, STEPS, len(RECORD)), np.nan)
    fault = np.zeros(lanes, dtype=np.int64) if faults is None else np.asarray(faults, dtype=np.int64)
    needed = np.where(fault == FAULTS.index("all"), FINE, SUBSTEPS)
    integrate(
        given,
        np.stack([d.start for d in draws]),
        np.stack([d.params for d in draws]),
        np.stack([d.noise for d in draws]),
        fault,
        overrun_steps() if overrun else np.full(STEPS, STEP),
        needed if substeps is None else np.full(lanes, substeps),
        record,
    )
    return Runs(record)


def balances(runs: Runs, draws: Sequence[Draw]) -> dict[str, Floats]:
    """How far what went in, was formed and came out fails to close, as a share of what moved; shape (lanes,) each."""
    end = {name: runs[name][:, -1] for name in STATES}
    held = end["penicillin"] * end["volume"] + end["penicillin discharged"]
    sugar = end["sugar fed"] + end["oil fed"] + np.array([d.start[0] * d.start[4] for d in draws])
    found = end["substrate"] * end["volume"] + end["substrate discharged"] + end["consumed"]
    return {"penicillin balance": held / end["formed"] - 1, "substrate balance": found / sugar - 1}


def outcomes(runs: Runs, turnaround: float = 24.0) -> dict[str, Floats]:
    """What a batch is worth, shape (lanes,) each.

    Args:
        turnaround: hours between two batches, for productivity.
    """
    end = {
        name: runs[name][:, -1] for name in ("penicillin", "volume", "penicillin discharged", "sugar fed", "oil fed")
    }
    kilograms = (end["penicillin"] * end["volume"] + end["penicillin discharged"]) / 1000
    return {
        "penicillin": kilograms,
        "titre": end["penicillin"],
        "yield on substrate": 1000 * kilograms / (end["sugar fed"] + end["oil fed"]),
        "productivity": kilograms / (HOURS + turnaround),
        "largest volume": runs["volume"].max(axis=1) / 1000,
        "least oxygen": runs["dissolved oxygen"][:, 10:].min(axis=1),
    }


def summed_as_published(runs: Runs) -> Floats:
    """Penicillin in kg as the package adds it up, shape (lanes,): it takes the discharge in kg/h for litres an hour."""
    mass = runs["penicillin"] * runs["volume"] / 1000
    return np.asarray(mass[:, -1] + (runs["discharge"] * runs["penicillin"] * STEP / 1000).sum(axis=1))
