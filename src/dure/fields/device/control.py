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
the day's insulin. An automatic bolus passes neither."""
TAU = 55.0
"""Minutes; the pump's model of insulin on board is two compartments in a row with this time constant."""

RISING, RISING_FROM, AFTER_LOW = 0.5, 120.0, 60
"""A rise is answered when it is faster than the first, mg/dL/min, from the second on, mg/dL, and no reading was below
`FORESEEN` for so many minutes: what was eaten against a low is not to be answered."""
OWN_LOWEST, OWN_HIGHEST = 0.7, 1.5
"""How far a patient's ratio is adapted at most, as a factor."""
LOW_AFTER, HIGH_AFTER = 75.0, 30.0
"""A meal had too much insulin when a reading after it is below the first, mg/dL, and too little when the later readings
lie above the target by more than the second on average."""


@njit(cache=True, error_model="numpy")
def bolus(counted, reading, ratio, correction, target, on_board):  # type: ignore[no-untyped-def]
    """Units for a meal: counted grams, and the correction of a high reading [mg/dL]; no reading (NaN), no correction.

    simglucose's BBController (Xie 2018), never below zero and in whole pulses. The correction is less what is on board
    [U]; simglucose counts none.
    """
    units = counted / ratio
    if reading > HIGH:
        above = (reading - target) / correction
        units += above if above < 0 else max(above - on_board, 0.0)
    return pulses(units)


@njit(cache=True, error_model="numpy")
def rise(reading, slope, on_board, correction, target, share):  # type: ignore[no-untyped-def]
    """Units against a rise, announced or not: a share of the correction of the reading foreseen, less what is on board.

    After the automatic correction bolus of Brown et al. 2019, N. Engl. J. Med. 381:1707 (60 % of the correction of the
    reading foreseen in 30 minutes, once an hour); here a smaller share at every decision.

    Args:
        reading: mg/dL; slope: mg/dL/min. on_board: above basal and with this decision's bolus, U. correction: mg/dL/U.
    """
    if reading < RISING_FROM or slope < RISING:
        return 0.0
    return share * max((reading + HORIZON * slope - target) / correction - max(on_board, 0.0), 0.0)


@njit(cache=True)
def adapted(own, lowest, later, target, step):  # type: ignore[no-untyped-def]
    """The factor on a patient's ratio after one more meal: run to run, within bounds that no setting reaches.

    Zisser et al. 2005, Diabetes Technol. Ther. 7:48.

    Args:
        lowest: reading since the meal; later: mean of the readings from two hours on; target: mg/dL each.
        step: how far one meal moves it.
    """
    if lowest < LOW_AFTER:
        own *= 1 + step
    elif later > target + HIGH_AFTER:
        own *= 1 - step
    return min(max(own, OWN_LOWEST), OWN_HIGHEST)


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
def limited(rate, units, automatic, reading, slope, age, on_board, basal, daily):  # type: ignore[no-untyped-def]
    """What may be given: the safety layer. Returns the rate [U/min], the whole bolus [U], and its automatic part [U].

    Args:
        rate: requested, U/min. units: of the bolus that a person asks for; automatic: of the law's own, U.
        reading: the last one, mg/dL; slope: mg/dL/min; age: minutes since it.
        on_board: above what basal alone keeps, U. basal: the profile's, U/min. daily: insulin of a day, U.
    """
    if not (math.isfinite(rate) and math.isfinite(units) and math.isfinite(automatic) and math.isfinite(on_board)):
        # One number that is none makes the others suspect.
        rate, units, automatic, on_board = basal, 0.0, 0.0, 0.0
    rate = min(max(rate, 0.0), MOST_RATE * basal)
    known = math.isfinite(reading) and age <= STALE
    if known and (reading < SUSPEND or reading + HORIZON * slope < FORESEEN):
        return 0.0, 0.0, 0.0
    if not known or on_board >= MOST_AUTOMATIC * daily:
        rate, automatic = min(rate, basal), 0.0
    room = min(MOST_BOLUS * daily, max(MOST_ON_BOARD * daily - on_board - (rate - basal) * STEP, 0.0))
    asked = pulses(min(max(units, 0.0), room))
    # What a person asks for at the same moment comes first.
    left = min(room, MOST_AUTOMATIC * daily - on_board - (rate - basal) * STEP) - asked
    own = pulses(min(max(automatic, 0.0), max(left, 0.0)))
    return rate, asked + own, own
