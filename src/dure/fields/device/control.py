"""What decides on insulin, as compiled code: the bolus calculator, the feedback law, and the limits above both.

Every automatic decision passes `limited` last. Its bounds are constants of this module and of the patient; no setting
reaches them.
"""

from __future__ import annotations

import math

from numba import njit

# Division by zero gives an infinity here, which `limited` turns into the profile's basal; it must not end the pump.

STEP = 5.0
"""Minutes between decisions."""
PULSE = 0.05
"""The smallest bolus of the pump, U. simglucose rounds to 0.05 pmol, which is no pump's step."""
HIGH = 150.0
"""simglucose's calculator corrects a reading above this, mg/dL, and only at a meal."""

SUSPEND, FORESEEN, HORIZON = 70.0, 80.0, 30.0
"""No insulin below the first, mg/dL, nor when the straight line through the last readings is below the second in so
many minutes."""
STALE = 20.0
"""A reading older than this, minutes, says nothing: automatic delivery is at most the profile's basal. Announced
carbohydrate is still bolused, nothing else."""
MOST_RATE = 4.0
"""Highest automatic rate, as a multiple of the profile's basal."""
MOST_BOLUS = 0.4
"""Highest bolus, as a share of the day's insulin."""
MOST_AUTOMATIC, MOST_ON_BOARD = 0.12, 0.5
"""Insulin on board above basal at which automatic delivery above basal stops, and which no bolus may pass, as shares of
the day's insulin."""
TAU = 55.0
"""Minutes; the pump's model of insulin on board is two compartments in a row with this time constant."""


@njit(cache=True, error_model="numpy")
def bolus(counted, reading, ratio, correction, target):  # type: ignore[no-untyped-def]
    """Units for a meal: counted grams, and the correction of a high reading [mg/dL]; no reading (NaN), no correction.

    simglucose's BBController (Xie 2018), never below zero and in whole pulses.
    """
    units = counted / ratio
    if reading > HIGH:
        units += (reading - target) / correction
    return pulses(units)


@njit(cache=True, error_model="numpy")
def pulses(units):  # type: ignore[no-untyped-def]
    """Units in whole pulses, rounded down; the 1e-9 keeps binary dust from costing a pulse."""
    return max(math.floor(units / PULSE + 1e-9), 0.0) * PULSE


@njit(cache=True, error_model="numpy")
def feedback(error, integral, slope, plasma, basal, correction, gain, integral_minutes, derivative_minutes, gamma):  # type: ignore[no-untyped-def]
    """Requested rate [U/min] of the PID law with insulin feedback.

    Steil et al. 2011, J. Clin. Endocrinol. Metab. 96:1402.

    Args:
        error: reading less target, mg/dL; integral: of the error, mg/dL*min; slope: of the reading, mg/dL/min.
        plasma: the pump's estimate of insulin arriving in plasma, U/min.
        basal: U/min. correction: mg/dL/U.
        gain: corrections an hour. gamma: strength of the insulin feedback; 0 is plain PID.
    """
    law = gain / 60 / correction * (error + integral / integral_minutes + derivative_minutes * slope)
    return basal + (1 + gamma) * law - gamma * (plasma - basal)


@njit(cache=True, error_model="numpy")
def limited(rate, units, reading, slope, age, on_board, basal, daily):  # type: ignore[no-untyped-def]
    """What may be given of a requested rate [U/min] and bolus [U]: the safety layer.

    Args:
        reading: the last one, mg/dL; slope: mg/dL/min; age: minutes since it.
        on_board: above what basal alone keeps, U. basal: the profile's, U/min. daily: insulin of a day, U.
    """
    if not (math.isfinite(rate) and math.isfinite(units) and math.isfinite(on_board)):
        # One number that is none makes the others suspect.
        rate, units, on_board = basal, 0.0, 0.0
    rate = min(max(rate, 0.0), MOST_RATE * basal)
    known = math.isfinite(reading) and age <= STALE
    if known and (reading < SUSPEND or reading + HORIZON * slope < FORESEEN):
        return 0.0, 0.0
    if not known or on_board >= MOST_AUTOMATIC * daily:
        rate = min(rate, basal)
    room = MOST_ON_BOARD * daily - on_board - (rate - basal) * STEP
    return rate, pulses(min(max(units, 0.0), MOST_BOLUS * daily, max(room, 0.0)))
