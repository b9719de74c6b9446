"""The lettuce greenhouse in machine code: the four balances, the climate laws and the sum of a season.

Balances: van Henten (2003), Biosystems Engineering 85:219, equations 2-11; integration, weather step, actuator rates,
prices and penalties as in lettuce-greenhouse-gym 0.1.3 (Soykan 2026, Apache-2.0), which is the reference of this twin.
This module compiles when it is imported: only what runs a season imports it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATES = 4  # dry weight kg/m2, CO2 kg/m3, temperature Cel, vapour kg/m3
STEP = 1800.0  # s
SUBSTEPS = 4
LOOK_SUBSTEPS = 2
LOW = np.array([0.002, 0.0, 5.0, 0.0])
HIGH = np.array([0.6, 0.004, 40.0, 0.051])
# CO2 mg/m2/s, ventilation mm/s, heating W/m2: most, and most change a step.
MOST = np.array([1.2, 7.5, 150.0])
CHANGE = np.array([0.12, 0.75, 15.0])
GAS, KELVIN, PRESSURE, CO2_MOLAR, WATER_MOLAR = 8.3144598, 273.15, 101325.0, 44.01e-3, 18.01528e-3
LOOK = 13  # half hours of weather after the season's last, for forecasts
LIGHT_ENOUGH = 50.0  # W/m2 of clear sky, from where the share that comes through tells of clouds
SEARCH = (4.0, 1.0, 0.3)  # steps of the search for a plan, in largest moves of each actuator
SUMS = 11
"""Of a season: dry weight gained, heat, CO2; penalties of CO2, temperature, humidity; hours below and above the CO2
limits, below and above the temperature limits, above the humidity limit."""

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compiles a function when it is first called; the machine code is kept beside this file."""
    return cast(Function, njit(cache=True, error_model="numpy")(function))


@jit
def ppm_of(temperature: float, density: float) -> float:
    """CO2 in ppm from its density in kg/m3."""
    return 1e6 * GAS * (temperature + KELVIN) * density / (PRESSURE * CO2_MOLAR)


@jit
def full_humidity(temperature: float, density: float) -> float:
    """Relative humidity in %, above 100 where the air is oversaturated."""
    saturated = 610.78 * math.exp(17.2694 * temperature / (temperature + 238.3))
    return 100.0 * GAS * (temperature + KELVIN) * density / (WATER_MOLAR * saturated)


@jit
def humidity_of(temperature: float, density: float) -> float:
    """Relative humidity in %, at most 100, from the vapour density in kg/m3 (Magnus)."""
    return min(100.0, full_humidity(temperature, density))


@jit
def rates(x: Floats, u: Floats, v: Floats, c: Floats, out: Floats) -> None:
    """The four balances: states x, controls u, weather v, coefficients c -> out, a second."""
    weight, co2, warm, vapour = x[0], x[1], x[2], x[3]
    supply, vent, heat = u[0] * 1e-6, u[1] * 1e-3, u[2]
    closure = 1.0 - math.exp(-c[15] * weight)
    diffusion = (-c[17] * warm + c[18]) * warm - c[19]
    uptake = diffusion * (co2 - c[20])
    light = c[16] * v[0]
    # No light, no photosynthesis; the quotient alone would be 0/0 at the compensation point.
    gross = closure * light * uptake / (light + uptake) if light > 0.0 else 0.0
    respiration = 2.0 ** (0.1 * warm - 2.5)
    saturated = c[0] / (c[3] * (warm + c[4])) * math.exp(c[1] * warm / (warm + c[2]))
    out[0] = c[12] * gross - c[13] * weight * respiration
    out[1] = (-gross + c[14] * weight * respiration + supply - (vent + c[5]) * (co2 - v[1])) / c[6]
    out[2] = (heat - (c[9] * vent + c[10]) * (warm - v[2]) + c[11] * v[0]) / c[8]
    out[3] = (closure * c[21] * (saturated - vapour) - (vent + c[5]) * (vapour - v[3])) / c[7]


@jit
def advance(x: Floats, u: Floats, v: Floats, c: Floats, substeps: int, work: Floats) -> None:
    """One step of 30 min in place: classical Runge-Kutta, then the states' bounds. `work` is (5, 4) scratch."""
    h = STEP / substeps
    k1, k2, k3, k4, y = work[0], work[1], work[2], work[3], work[4]
    for _ in range(substeps):
        rates(x, u, v, c, k1)
        for i in range(STATES):
            y[i] = x[i] + 0.5 * h * k1[i]
        rates(y, u, v, c, k2)
        for i in range(STATES):
            y[i] = x[i] + 0.5 * h * k2[i]
        rates(y, u, v, c, k3)
        for i in range(STATES):
            y[i] = x[i] + h * k3[i]
        rates(y, u, v, c, k4)
        for i in range(STATES):
            x[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
    for i in range(STATES):
        x[i] = min(max(x[i], LOW[i]), HIGH[i])


@jit
def static_law(p: Floats, x: Floats, v: Floats, u: Floats) -> None:
    """The grower's rules at fixed set-points, as the reference's heuristic; u becomes what is wanted."""
    # The reference shows its rules single precision, and near the threshold that shuts the dosing a season tells.
    warm = float(np.float32(x[2]))
    ppm = float(np.float32(ppm_of(x[2], x[1])))
    humid = float(np.float32(humidity_of(x[2], x[3])))
    day = v[0] > p[2]
    target = p[0] if day else p[1]
    u[2] = min(max(p[3] * (target - warm), 0.0), MOST[2])
    vent = p[5] * max(0.0, warm - target - p[4]) + p[7] * max(0.0, humid - p[6])
    u[1] = min(max(vent, 0.0), MOST[1])
    u[0] = min(max(p[9] * (p[8] - ppm), 0.0), MOST[0]) if day and u[1] <= p[10] else 0.0


@jit
def expect(weather: Floats, step: int, ahead: int, forecast: bool, clearness: float, out: Floats) -> None:
    """The weather that a controller counts on some steps ahead: the forecast, or that of now under the clock's sun."""
    for i in range(4):
        out[i] = weather[step + ahead, i] if forecast else weather[step, i]
    if not forecast and ahead > 0:
        out[0] = clearness * weather[step + ahead, 4]


@jit
def worth(
    p: Floats, x: Floats, u: Floats, plan: Floats, weather: Floats, step: int, forecast: bool, clearness: float,
    c: Floats, prices: Floats, limits: Floats, weights: Floats, ahead: Floats, moved: Floats, work: Floats, v: Floats,
) -> float:  # fmt: skip
    """What a plan is worth over the horizon, EUR/m2: two levels an actuator, each sought as fast as it may move."""
    for i in range(STATES):
        ahead[i] = x[i]
    for i in range(3):
        moved[i] = u[i]
    growth = prices[0] * (p[6] + p[7] * math.exp(-c[15] * x[0]))
    total, share = 0.0, 1.0
    for j in range(int(p[0])):
        expect(weather, step, j, forecast, clearness, v)
        at = 0 if j < p[1] else 3
        for i in range(3):
            moved[i] += min(max(plan[at + i] - moved[i], -CHANGE[i]), CHANGE[i])
        before = ahead[0]
        advance(ahead, moved, v, c, LOOK_SUBSTEPS, work)
        ppm, warm, humid = ppm_of(ahead[2], ahead[1]), ahead[2], humidity_of(ahead[2], ahead[3])
        lost = weights[0] * max(0.0, limits[0] + p[5] - ppm) + weights[1] * max(0.0, ppm - limits[1])
        lost += weights[2] * max(0.0, limits[2] + p[2] - warm) + weights[3] * max(0.0, warm - limits[3] + p[3])
        lost += weights[4] * max(0.0, humid - limits[4] + p[4])
        cost = prices[1] * moved[2] * STEP / 3.6e6 + prices[2] * moved[0] * 1e-6 * STEP
        total += share * (growth * (ahead[0] - before) - cost - lost)
        share *= p[8]
    return total


@jit
def improve(
    p: Floats, x: Floats, u: Floats, plan: Floats, weather: Floats, step: int, forecast: bool, clearness: float,
    c: Floats, prices: Floats, limits: Floats, weights: Floats, ahead: Floats, moved: Floats, work: Floats, v: Floats,
) -> None:  # fmt: skip
    """Improves the plan of the last step in place, by a pattern search over its levels."""
    best = worth(p, x, u, plan, weather, step, forecast, clearness, c, prices, limits, weights, ahead, moved, work, v)
    for size in SEARCH:
        for i in range(6):
            for sign in (1.0, -1.0):
                old = plan[i]
                plan[i] = min(max(old + sign * size * CHANGE[i % 3], 0.0), MOST[i % 3])
                if plan[i] == old:
                    continue
                value = worth(
                    p, x, u, plan, weather, step, forecast, clearness, c, prices, limits, weights, ahead, moved, work, v
                )
                if value > best:
                    best = value
                    break
                plan[i] = old


@jit
def season(
    law: int, p: Floats, weather: Floats, c: Floats, nominal: Floats, prices: Floats, limits: Floats, weights: Floats,
    start: Floats, first: Floats, steps: int, trace: Floats,
) -> Floats:  # fmt: skip
    """One season: its `SUMS`; `trace`, shape (steps, 9) or (0, 9), takes states, controls, CO2 in ppm and humidity.

    Args:
        law: 0 set-points, 1 plan without forecast, 2 plan with forecast, 3 the controls themselves, p (steps, 3).
        p: parameters of the law, shape (1, parameters).
        weather: shape (steps + 13, 5): radiation W/m2, CO2 kg/m3, temperature Cel, vapour kg/m3, clear-sky radiation.
        c: coefficients of the plant; `nominal` those that a plan believes in.
        prices: of dry weight EUR/kg, heat EUR/kWh, CO2 EUR/kg.
        limits: CO2 low and high ppm, temperature low and high Cel, humidity high %.
        weights: what a step outside each limit costs, EUR/m2 a unit.
        start, first: states and controls before the first step.
    """
    x, u, wanted, plan = start.copy(), first.copy(), first.copy(), np.concatenate((first, first))
    work, seen, ahead, moved, v_seen = np.empty((5, STATES)), start.copy(), start.copy(), first.copy(), np.empty(4)
    clearness, sums, hours = 0.5, np.zeros(SUMS), STEP / 3600.0
    for step in range(steps):
        v = weather[step]
        if law == 0:
            static_law(p[0], x, v, wanted)
        elif law == 3:
            wanted[:] = p[step]
        else:
            seen[:] = x
            # No instrument reads more than 100 % humidity.
            seen[3] = x[3] * min(1.0, 100.0 / max(full_humidity(x[2], x[3]), 1e-9))
            if v[4] > LIGHT_ENOUGH:
                clearness = min(v[0] / v[4], 1.2)
            improve(
                p[0], seen, u, plan, weather, step, law == 2, clearness, nominal, prices, limits, weights, ahead, moved,
                work, v_seen,
            )  # fmt: skip
            wanted[:] = plan[:3]
        for i in range(3):
            u[i] = min(max(u[i] + min(max(wanted[i] - u[i], -CHANGE[i]), CHANGE[i]), 0.0), MOST[i])
        before = x[0]
        advance(x, u, v, c, SUBSTEPS, work)
        ppm, warm, humid = ppm_of(x[2], x[1]), x[2], humidity_of(x[2], x[3])
        sums[0] += x[0] - before
        sums[1] += u[2] * STEP
        sums[2] += u[0] * 1e-6 * STEP
        sums[3] += weights[0] * max(0.0, limits[0] - ppm) + weights[1] * max(0.0, ppm - limits[1])
        sums[4] += weights[2] * max(0.0, limits[2] - warm) + weights[3] * max(0.0, warm - limits[3])
        sums[5] += weights[4] * max(0.0, humid - limits[4])
        sums[6] += hours * (ppm < limits[0])
        sums[7] += hours * (ppm > limits[1])
        sums[8] += hours * (warm < limits[2])
        sums[9] += hours * (warm > limits[3])
        sums[10] += hours * (humid > limits[4])
        if trace.shape[0]:
            trace[step, :4], trace[step, 4:7] = x, u
            trace[step, 7], trace[step, 8] = ppm, humid
    return sums


@jit
def seasons(
    law: int, p: Floats, weather: Floats, c: Floats, nominal: Floats, prices: Floats, limits: Floats, weights: Floats,
    start: Floats, first: Floats,
) -> Floats:  # fmt: skip
    """Every design on every member: p (designs, rows, parameters), weather (members, steps + 13, 5), c (members, 22) ->
    sums, shape (designs, members, SUMS).
    """
    out, nothing = np.empty((p.shape[0], weather.shape[0], SUMS)), np.empty((0, 9))
    steps = weather.shape[1] - LOOK
    for d in range(p.shape[0]):
        for m in range(weather.shape[0]):
            out[d, m] = season(
                law, p[d], weather[m], c[m], nominal, prices, limits, weights, start, first, steps, nothing
            )
    return out
