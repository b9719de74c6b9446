"""What happens to a virtual patient: meals, miscounted carbohydrate, changing sensitivity, sensor and pump faults.

Everything random is drawn here, before any insulin is given, from `default_rng([seed of the panel, member])`: two
designs meet the same days. Sizes that no paper fixes are stated as constants below.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.fields.device.patients import PARAMETERS, Patients

Floats = NDArray[np.float64]

SEED = 20261125
DAY = 1440
STEP = 5
"""Minutes between two sensor readings, and two decisions."""

# Breakfast, snack, lunch, snack, dinner, snack: simglucose's RandomScenario (Xie 2018), all days drawn anew.
_CHANCE = (0.95, 0.3, 0.95, 0.3, 0.95, 0.3)
_TIME = ((300, 420, 540, 60), (540, 570, 600, 30), (600, 720, 840, 60), (840, 900, 960, 30), (960, 1080, 1200, 60),
         (1200, 1290, 1380, 30))  # fmt: skip
_GRAMS = ((45, 10), (10, 5), (70, 10), (10, 5), (80, 10), (10, 5))
WEIGHT = 70.0
"""Kilograms of whom these amounts are for; others eat after their body weight to the power of 3/4. simglucose gives a
child of 24 kg the dinner of an adult."""
MISCOUNT = 0.3
"""Counted carbohydrate is between 1 - MISCOUNT and 1 + MISCOUNT times what is eaten, evenly."""
CIRCADIAN, DAILY = 0.10, 0.07
"""Amplitude of the daily wave of insulin sensitivity (lowest at 6 h, the dawn phenomenon), and its sd between days."""
EXERCISE_CHANCE, EXERCISE_RISE, EXERCISE_DECAY = 0.4, (0.1, 0.4), 240.0
"""A day's chance of exercise, the rise of sensitivity at its end, and the minutes in which that falls to 1/e."""
SENSOR_DAYS, SENSOR_BIAS = 10, 0.05
"""Days a sensor is worn, and the sd of its relative bias."""
# Noise in 15-minute steps: Breton and Kovatchev 2008, J. Diabetes Sci. Technol. 2:853, as simglucose has it for the
# Dexcom: AR(1), then a Johnson SU transform.
_AR, _GAMMA, _LAMBDA, _DELTA, _XI = 0.7, -0.5444, 15.9574, 1.6898, -5.47
DROPOUTS_A_DAY, DROPOUT_MINUTES = 0.3, (20, 120)
COMPRESSIONS_A_NIGHT, COMPRESSION_MINUTES, COMPRESSION_DROP = 0.15, (20, 60), (15.0, 45.0)
OCCLUSIONS, OCCLUSION_MINUTES = 0.5, (60, 180)
"""Expected occlusions in 14 days, and how long one lasts until the set is changed."""
MEALS = {"announced": 1.0, "mixed": 0.85, "unannounced": 0.0}
"""Share of meals that the pump is told of."""


@dataclass(frozen=True)
class Scenario:
    """What happens to each member; every array has the members first.

    Attributes:
        meal: grams eaten from this minute on, shape (members, minutes).
        counted: grams that the pump is told in this minute, (members, minutes).
        occluded: whether insulin reaches the body not, (members, minutes).
        sensitivity: factor on insulin's actions, (members, readings).
        gain, noise: a reading is gain times glucose plus noise [mg/dL], (members, readings).
        lost: whether a reading is missing, (members, readings).
    """

    meal: Floats
    counted: Floats
    occluded: NDArray[np.bool_]
    sensitivity: Floats
    gain: Floats
    noise: Floats
    lost: NDArray[np.bool_]

    def of(self, k: int) -> Scenario:
        """That of one member."""
        return Scenario(*(getattr(self, f.name)[k : k + 1] for f in fields(self)))

    def until(self, reading: int) -> Scenario:
        """The time before a reading, or all where there is less."""
        cuts = {"meal": reading * STEP, "counted": reading * STEP, "occluded": reading * STEP}
        return Scenario(*(getattr(self, f.name)[:, : cuts.get(f.name, reading)] for f in fields(self)))


def scenario(patients: Patients, days: int = 14, meals: str = "announced", seed: int = SEED) -> Scenario:
    """What happens to these patients in so many days; the same for each whoever stands beside.

    Args:
        meals: a key of `MEALS`.

    Raises:
        BadInput: no such way to announce meals.
    """
    if meals not in MEALS:
        raise BadInput(f"{meals!r} is no way to announce meals", remedy=f"write {', '.join(MEALS)}")
    sizes = (patients.parameters[:, PARAMETERS.index("BW")] / WEIGHT) ** 0.75
    drawn = [_member(name, size, days, MEALS[meals], seed) for name, size in zip(patients.names, sizes, strict=True)]
    return Scenario(*(np.stack([getattr(one, f.name) for one in drawn]) for f in fields(Scenario)))


def plain(made: Scenario) -> Scenario:
    """The same meals without anything that goes wrong or changes: counted right, a perfect sensor and pump."""
    return replace(
        made,
        counted=made.meal,
        occluded=np.zeros_like(made.occluded),
        sensitivity=np.ones_like(made.sensitivity),
        gain=np.ones_like(made.gain),
        noise=np.zeros_like(made.noise),
        lost=np.zeros_like(made.lost),
    )


def _member(name: str, size: float, days: int, share: float, seed: int) -> Scenario:
    group, _, number = name.partition("#")
    # One stream a part: a longer run or another part changes no other draw.
    streams = [np.random.default_rng([seed, *group.encode(), int(number), part]) for part in range(5)]
    meal, counted = _meals(streams[0], size, days, share)
    gain, noise, lost = _sensor(streams[2], streams[3], days)
    return Scenario(meal, counted, _occlusion(streams[4], days), _sensitivity(streams[1], days), gain, noise, lost)


def _meals(rng: np.random.Generator, size: float, days: int, share: float) -> tuple[Floats, Floats]:
    meal, counted = np.zeros(days * DAY), np.zeros(days * DAY)
    for day in range(days):
        for chance, (low, mean, high, sd), (grams, spread) in zip(_CHANCE, _TIME, _GRAMS, strict=True):
            eats, miscount, told = rng.random(3)
            at, amount = rng.normal(mean, sd), round(size * rng.normal(grams, spread))
            if eats < chance and amount > 0:
                minute = day * DAY + round(float(np.clip(at, low, high)))
                meal[minute] += amount
                counted[minute] += amount * (1 + MISCOUNT * (2 * miscount - 1)) * (told < share)
    return meal, counted


def _sensitivity(rng: np.random.Generator, days: int) -> Floats:
    t = np.arange(days * DAY // STEP) * STEP
    wave = 1 - CIRCADIAN * np.cos(2 * np.pi * (t / DAY - 0.25))
    factor: Floats = wave * np.repeat(np.exp(rng.normal(0, DAILY, days)), DAY // STEP)
    for day in range(days):
        happens, at, rise = rng.random(), rng.uniform(16 * 60, 20 * 60), rng.uniform(*EXERCISE_RISE)
        if happens < EXERCISE_CHANCE:
            since = t - (day * DAY + at)
            shape = np.where(since >= 0, np.exp(-np.maximum(since, 0) / EXERCISE_DECAY), np.clip(1 + since / 45, 0, 1))
            factor = factor * (1 + rise * shape)
    return factor


def _sensor(
    worn: np.random.Generator, failing: np.random.Generator, days: int
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    readings = days * DAY // STEP
    sensors = -(-days // SENSOR_DAYS)
    gain = np.repeat(1 + worn.normal(0, SENSOR_BIAS, sensors), SENSOR_DAYS * DAY // STEP)[:readings]
    coarse, state = np.empty(readings // 3 + 2), worn.normal()
    for i in range(len(coarse)):
        coarse[i] = _XI + _LAMBDA * np.sinh((state - _GAMMA) / _DELTA)
        state = _AR * (state + worn.normal())
    noise = np.interp(np.arange(readings) / 3, np.arange(len(coarse)), coarse)
    lost = np.zeros(readings, dtype=bool)
    for day in range(days):
        for _ in range(failing.poisson(DROPOUTS_A_DAY)):
            lost[_stretch(failing, day * DAY, DAY, DROPOUT_MINUTES)] = True
        presses, where, drop = (
            failing.random(),
            _stretch(failing, day * DAY, 300, COMPRESSION_MINUTES),
            failing.uniform(*COMPRESSION_DROP),
        )
        if presses < COMPRESSIONS_A_NIGHT:
            noise[where] -= drop
    return gain, noise, lost


def _stretch(rng: np.random.Generator, start: int, width: int, minutes: tuple[int, int]) -> slice:
    first = int(start + rng.uniform(0, width)) // STEP
    return slice(first, first + int(rng.uniform(*minutes)) // STEP)


def _occlusion(rng: np.random.Generator, days: int) -> NDArray[np.bool_]:
    blocked = np.zeros(days * DAY, dtype=bool)
    for day in range(days):
        happens, at, minutes = rng.random(), rng.integers(DAY), rng.uniform(*OCCLUSION_MINUTES)
        if happens < OCCLUSIONS / 14:
            blocked[day * DAY + at : day * DAY + at + int(minutes)] = True
    return blocked
