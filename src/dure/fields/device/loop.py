"""A patient and a pump, minute by minute: equations, sensor, decisions, faults. Compiled; see `therapy` for its use."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from dure.fields.device.control import AFTER_LOW, FORESEEN, STALE, TAU, adapted, bolus, feedback, limited, rise
from dure.fields.device.equations import STATES, minute

EAT_RATE = 5.0
"""Grams of carbohydrate a minute, as in simglucose."""
RESCUE, RESCUE_MOST, RESCUE_EVERY = 0.3, 15.0, 30
"""A low that is noticed is treated by so many grams a kilogram, at most by so many grams, uncounted, and not again
within so many minutes (Abraham et al. 2022, Pediatr. Diabetes 23:1322: 0.3 g/kg; 15 g in adults)."""
NOTICED_AWAKE, NOTICED_ASLEEP = 70.0, 55.0
"""Readings, mg/dL, at which it is noticed: by day (7 to 23 h), and by the urgent alarm at night."""
BETWEEN, BETWEEN_EVERY = 200.0, 180
"""Without automatic delivery a reading above this, mg/dL, is corrected between meals by day, when the last bolus is so
many minutes ago; simglucose's calculator corrects at meals only."""
WAKES, SLEEPS = 420, 1380
LOWEST, HIGHEST = 39.0, 401.0
"""What a sensor shows at least and at most, mg/dL."""
WITHHELD = 60
"""A meal's bolus that the limits gave nothing of is asked for again at the next decision, for so many minutes after the
last announcement: what was eaten still wants insulin when the suspension ends. A decision without a reading gives it
up."""
JUDGED_FROM, JUDGED_UNTIL, ONE_MEAL = 120, 300, 60
"""Minutes after a bolus between which the readings judge it, or until the next meal; announcements closer than the last
are one meal."""
SLOPE_POINTS = 4
"""Readings that the slope is fitted through: the last 15 minutes."""


@njit(cache=True, error_model="numpy")
def fitted_slope(readings, j):  # type: ignore[no-untyped-def]
    """Least-squares slope through the last readings up to j, mg/dL/min; NaN where one of them is missing."""
    total = 0.0
    for i in range(SLOPE_POINTS):
        if j - i < 0 or math.isnan(readings[j - i]):
            return math.nan
        total += ((SLOPE_POINTS - 1) / 2 - i) * readings[j - i]
    spread = SLOPE_POINTS * (SLOPE_POINTS**2 - 1) / 12
    return total / spread / 5.0


@njit(cache=True, error_model="numpy")
def simulated(  # type: ignore[no-untyped-def]
    states, parameters, volumes, profile, meal, counted, occluded, sensitivity, gain, noise, lost, settings, automatic
):
    """Each member's days under one design.

    Args:
        states: shape (members, 13). parameters: (members, 30). volumes: (members,), dL/kg.
        profile: (members, 4): basal [U/min], ratio [g/U], correction [mg/dL/U], a day's insulin [U].
        meal ... lost: as in `scenario.Scenario`.
        settings: basal, ratio and correction factors, target [mg/dL] and how long before a meal its bolus is given
            [min]; for the controller also gain, integral and derivative minutes and gamma of `control.feedback`, share
            of `control.rise` and step of `control.adapted`.
        automatic: whether the feedback law runs, and with it the limits.

    Returns:
        At each reading, shape (6, members, readings): true glucose, shown glucose (NaN: none), rate [U/min], bolus [U],
        insulin on board above basal [U], and the automatic part of the bolus [U], the last four as decided.
    """
    members, minutes = meal.shape
    out = np.zeros((6, members, minutes // 5))
    work = np.empty((5, STATES))
    for k in range(members):
        x = states[k].copy()
        basal, ratio, correction, daily = profile[k, 0], profile[k, 1], profile[k, 2], profile[k, 3]
        scale = 6000 / parameters[k, 0]
        start, food, eating, planned = x[0] + x[1], 0.0, False, 0.0
        rate, integral, last, seen, rescued = settings[0] * basal, 0.0, np.nan, -1000, -1000
        depot, board, plasma, slope, fitted = 0.0, 0.0, 0.0, 0.0, -1000
        pending, lead, dosed = 0.0, int(settings[4]), -1000
        withheld, told, was_low, held_back = 0.0, -1000, -1000, False
        own, judged, lowest, later, readings = 1.0, -1000, np.inf, 0.0, 0
        for early in range(min(lead, minutes)):
            pending += counted[k, early]
        for t in range(minutes):
            units = 0.0
            planned += meal[k, t]
            if t + lead < minutes:
                pending += counted[k, t + lead]
            if t % 5 == 0:
                j = t // 5
                true = x[12] / volumes[k]
                out[0, k, j] = true
                shown = np.nan
                if not lost[k, j]:
                    shown = min(max(gain[k, j] * true + noise[k, j], LOWEST), HIGHEST)
                    last, seen = shown, t
                out[1, k, j] = shown
                hour = t % 1440
                awake = WAKES <= hour < SLEEPS
                low = shown < NOTICED_ASLEEP or (awake and shown < NOTICED_AWAKE)
                if low and t - rescued >= RESCUE_EVERY:
                    planned += min(RESCUE * parameters[k, 0], RESCUE_MOST)
                    rescued = t
                rate = settings[0] * basal
                reading = last if t - seen <= STALE else np.nan
                between = not automatic and awake and reading > BETWEEN and t - dosed >= BETWEEN_EVERY
                if pending > 0:
                    told = t
                if t - seen <= STALE and t - told <= WITHHELD:
                    pending += withheld
                asked, withheld = pending, 0.0
                if automatic:
                    after = t - judged
                    if judged >= 0 and (after >= JUDGED_UNTIL or (asked > 0 and after >= ONE_MEAL)):
                        if readings > 0:
                            own = adapted(own, lowest, later / readings, settings[3], settings[10])
                        judged = -1000
                    if asked > 0 and judged < 0:
                        judged, lowest, later, readings = t, np.inf, 0.0, 0
                    if judged >= 0 and not math.isnan(shown):
                        lowest = min(lowest, shown)
                        if t - judged >= JUDGED_FROM:
                            later, readings = later + shown, readings + 1
                if asked > 0 or between:
                    known = max(depot + board, 0.0) if automatic else 0.0
                    factors = settings[1] * own, settings[2]
                    units = bolus(asked, reading, factors[0] * ratio, factors[1] * correction, settings[3], known)
                    pending, dosed = 0.0, t
                if automatic:
                    newest = fitted_slope(out[1, k], j)
                    # A missing reading does not lift a suspension: the last slope holds until it is stale.
                    if not math.isnan(newest):
                        slope, fitted = newest, t
                    elif t - fitted > STALE:
                        slope = 0.0
                    if shown < FORESEEN:
                        was_low = t
                    more = 0.0
                    if t - seen <= STALE:
                        error = last - settings[3]
                        # Against wind-up the integral stands still without a reading, outside 70 to 250 mg/dL, and
                        # upwards while the limits hold the rate back; it never outgrows an hour of an error of
                        # 100 mg/dL.
                        if not math.isnan(shown) and 70 < shown < 250 and not (held_back and error > 0):
                            integral = min(max(integral + 5 * error, -6000.0), 6000.0)
                        rate = feedback(
                            error, integral, slope, rate + plasma, rate, settings[2] * correction,
                            settings[5], settings[6], settings[7], settings[8],
                        )  # fmt: skip
                        if not math.isnan(newest) and t - was_low > AFTER_LOW:
                            on_its_way = depot + board + units
                            more = rise(last, slope, on_its_way, settings[2] * correction, settings[3], settings[9])
                    wanted, requested = rate, units
                    rate, units, more = limited(rate, units, more, last, slope, t - seen, depot + board, basal, daily)
                    held_back = wanted > rate
                    if requested > 0 and units == 0:
                        withheld = asked
                    out[5, k, j] = more
                out[2, k, j], out[3, k, j], out[4, k, j] = rate, units, depot + board
            eaten = min(EAT_RATE, planned)
            planned -= eaten
            if eaten > 0:
                if not eating:
                    start, food = x[0] + x[1], 0.0
                food += eaten * 1000
            eating = eaten > 0
            given = 0.0 if occluded[k, t] else rate + units
            factor = sensitivity[k, t // 5]
            minute(x, parameters[k], eaten * 1000, given * scale, start + food, factor, work)
            # The pump's own account knows nothing of an occlusion.
            extra = rate + units - basal
            depot, board = depot + extra - depot / TAU, board + (depot - board) / TAU
            plasma += (board / TAU - plasma) / TAU
    return out
