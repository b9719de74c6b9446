"""The compiled heart of the fed-batch twin: rates, controllers and faults. See `dure.fields.bioprocess.twin`.

Indices of states and flows are those of `twin.STATES` and `twin.CONTROLS`.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATES = 39
"""Those of the reference are the first 33; those after them are integrals over the batch."""
REACH, SHORTEST = 1.0, 1e-4
"""The longest step, over the fastest rate (RK4 is stable to 2.78 over it), and the shortest one, in hours."""
_compiled = numba.njit(cache=True, error_model="numpy")

# Kinetics of the four regions of the hyphae and of the vacuoles (Paul and Thomas 1996, as IndPenSim uses them).
MU_V, MU_A, MU_DIFF, BETA_1 = 1.71e-4, 3.5e-3, 5.36e-3, 0.006
K_B, K_DIFF, K_DIFF_LEAST, K_E, K_V = 0.05, 0.75, 0.09, 0.009, 0.05
DELTA_R, R_0, DELTA_0, V_GROW, D_VAC = 0.75e-4, 1.5e-4, 1e-4, 3.22e-5, 2.66e-11
RHO_A0, RHO_D = 0.35, 0.18
P_SD, P_MEAN = 0.0015, 0.002
# Yields and maintenance.
Y_SX, Y_SP, M_S, Y_OX, Y_OP, M_OX = 1.85, 0.9, 0.029, 650.0, 160.0, 17.5
Y_NX, Y_NP, M_N, Y_PAA_P, Y_PAA_X, M_PAA = 10.0, 80.0, 0.03, 187.5, 45.0, 1.05
# Vessel: radius (m), impellers, gas hold-up, heat transfer.
RADIUS, R_IMP, N_IMP, POWER, HOLDUP = 2.1, 0.85, 3.0, 5.0, 0.1
HENRY_O2, RPM = 0.0251, 100.0
TURN = RPM / 60
SECTION = 3.141592653589793 * RADIUS**2


@_compiled
def _rates(t: float, y: Floats, u: Floats, p: Floats, noise: float, dy: Floats) -> float:
    """Fills `dy` and returns the fastest rate there is (1/h): of oxygen transfer, or of the decay of substrate.

    u: the eleven flows; p: the draw's constants; noise: the disturbance now.
    """
    sugar, oil, air, pressure, discharge, water, paa = u[0], u[1], u[2] / 60, u[3], -u[4], max(u[5], 0.0), u[6]
    acid, base, coolant, heating = u[7], u[8], u[9], u[10]
    mu_p, mux = p[0] + 0.03 * noise, p[1] + 0.25 * noise
    c_s, c_oil, abc = 600 + 1500 * noise, 1000 + 300 * noise, 0.033 + 0.2 * noise
    c_paa, t_cold, o2_in = p[4] + 300000 * noise, 285 + 100 * noise, 0.21 + 0.02 * noise

    s, a0, a1, a3, a4, volume, temp = y[0], y[11], y[12], y[13], y[14], y[4], y[7]
    biomass = a0 + a1 + a3 + a4
    density = 1100 + y[3] + biomass
    height = volume / 1000 / SECTION * (1 - HOLDUP)
    top = 1 + pressure
    bottom = top + density * height * 9.81e-5
    mean_pressure = (bottom - top) / math.log(bottom / top)
    star = mean_pressure * o2_in / HENRY_O2

    ph = -math.log10(y[6])
    mu_h = math.exp(-64.29 - 1.825 * ph + 0.3649 * temp + 0.1280 * ph**2 - 4.9496e-04 * temp**2)
    grows = (
        mux
        / (1 + y[6] / 1e-5 + 2.5e-8 / y[6])
        * 0.5 * (1 - math.tanh(150 - y[30]))
        * (450 * math.exp(-14880 / (8.314 * temp)) - 2.5e29 * math.exp(-173250 / (8.314 * temp)))
        * 0.5 * (1 - math.tanh(0.1 * star - y[1]))
        * 0.5 * (1 + math.tanh(7570 - y[28] * 1000))
        * 0.5 * (1 + math.tanh(2400 - y[29]))
    )  # fmt: skip
    produces = (
        2.5 / 2.5066282746310002 * math.exp(-0.5 * ((s - P_MEAN) / P_SD) ** 2)
        * 0.5 * (1 - math.tanh(0.3 * star - y[1]))
        * 0.5 * (1 + math.tanh(y[29] - 200))
    )  # fmt: skip

    k_diff = max(K_DIFF - y[10] / biomass * BETA_1, K_DIFF_LEAST)
    branch = 0.4 * grows * a1 * s / (K_B + s)
    extend = grows * a0 * s / (K_E + s)
    differ = MU_DIFF * a0 / (k_diff + s)
    vacuoles = y[26]
    for k in range(9):
        vacuoles += 4.1887902047863905 * (R_0 + k * DELTA_R) ** 3 * y[16 + k] * DELTA_R
    active = (a1 / RHO_A0 + vacuoles) / 2 - vacuoles  # volume of the a1 region
    made = mu_p * RHO_A0 * active * produces
    net = made - mu_h * y[3]
    lyse = MU_A * a3

    dy[15] = MU_V * active / (K_V + s) * 1.909859317102744 * (R_0 + DELTA_0) ** -3 - V_GROW * y[15]
    for n in range(16, 25):
        dy[n] = -V_GROW * (y[n + 1] - y[n - 1]) / (2 * DELTA_R) + D_VAC * (y[n + 1] - 2 * y[n] + y[n - 1]) / DELTA_R**2
    r_k, r_m = R_0 + 8 * DELTA_R, R_0 + 10 * DELTA_R
    dy[25] = V_GROW * dy[24] / (r_m - r_k) - MU_A * y[25]
    dy[26] = MU_V * active / (K_V + s) - V_GROW * y[15] * 3.141592653589793 * (R_0 + DELTA_0) ** 3 / 6
    degenerate = 3.141592653589793 * (r_k + r_m) ** 3 / 6 * RHO_D * V_GROW * y[24]

    evaporated = volume * 5.24e-4 * (math.exp(2.5 * (temp - 273) / 100) - 1)
    inflow = sugar + base + acid + water + paa - evaporated
    dilution = inflow / volume
    drawn = discharge / (density / 1000)  # L/h, negative
    feed_density = c_s / 1000 * 1540 + (1 - c_s / 1000) * 1000
    dy[4] = inflow + drawn
    dy[5] = sugar * feed_density / 1000 + 0.9 * oil + base + acid + water + discharge - evaporated + paa

    dy[11] = branch - differ - a0 * dilution
    dy[12] = extend - branch + differ - degenerate - a1 * dilution
    dy[13] = degenerate - lyse - a3 * dilution
    dy[14] = lyse - a4 * dilution
    dy[3] = net - y[3] * dilution
    growth = dy[11] + dy[12] + dy[13] + dy[14]
    eaten = Y_SX * (extend + branch) + M_S * a0 / (k_diff + s) + M_S * RHO_A0 * active * s / (K_V + s) + Y_SP * made
    dy[0] = -eaten + sugar * c_s / volume + oil * c_oil / volume - s * dilution

    # Oxygen: transfer by stirring and air.
    stirred = N_IMP * POWER * density * TURN**3 * (2 * R_IMP) ** 5
    gassed = 0.706 * (stirred**2 * TURN * (2 * R_IMP) ** 3 / air**0.56) ** 0.45
    v_s = air / SECTION
    cubic = volume / 1000
    blown = v_s * 8.314 * temp * cubic / (22.4 * height) * math.log(1 + density * 9.81 * height / (top * 1e5))
    power = gassed / 1000 + blown
    viscosity = y[9] if y[9] > 4 else 1.0
    kla = p[2] * v_s**0.38 * (power / cubic) ** 0.34 * (viscosity / 100) ** -0.38 * (1 - (oil / volume) ** 0.25)
    transfer = kla * (star - y[1])
    demand = growth * Y_OX + M_OX * biomass + dy[3] * Y_OP
    dy[1] = transfer - demand - y[1] * dilution
    gas = HOLDUP * cubic * 1293.3035714285716
    out = air * 0.79 / (1 - y[2] - y[27] / 100) * 85714.28571428572
    dy[2] = (85714.28571428572 * air * o2_in - out * y[2] - 0.06 * transfer * cubic) / gas
    dy[27] = (117857.14285714287 * air * (0.033 - y[27]) + (a0 + a1) * 0.1353 * volume) / gas
    henry = math.exp(11.25 - 395.9 / (temp - 175.9)) / 4400
    dy[28] = kla * 0.89 * (mean_pressure * y[27] / henry - y[28]) - y[28] * dilution

    # pH, by the ion that is scarcer.
    turnover = 0.0325e-5 * (branch + extend + lyse + differ + 0.0025 * biomass + net)
    drift = turnover + 2.5e-11 * (sugar + oil + base + acid + discharge + water)
    side = 1.0 if ph < 7 else -1.0
    ions = y[6] if ph < 7 else 1e-14 / y[6] - y[6]
    added = 0.005 * side * abc * (base - acid)
    b = -(ions * volume - added) / (volume + 0.005 * (base + acid))
    dy[6] = side * drift + (-b + side * math.sqrt(b * b + 4e-14)) / 2 - ions

    # Heat.
    reaction = max(growth * 25 * volume * Y_OX / 1000 + dy[3] * 25 * volume * Y_OP / 1000, 0.0)
    jacket = 0.0
    for flow, other in ((coolant, t_cold), (heating, 333.0)):
        kilo = flow / 1000
        scale = kilo + 2451.8 * kilo**2.88 / 2 * density * 5.9
        jacket += 2.4518 * flow**3.88 * (temp - other) / scale
    dy[8] = (
        sugar * feed_density * 5.9 * (288 - temp) / 1000 + water * 4.18 * (288 - temp)
        - evaporated * density * 4.18 / 1000 - 2430.7 * evaporated + reaction + power - jacket
        - 36 * 105 * (temp - 290)
    )  # fmt: skip
    dy[7] = dy[8] / (cubic * 4.18 * density)
    dy[9] = 3 * a0 ** (1 / 3) / (1 + math.exp(-0.001 * (t - 1))) / (1 + math.exp(-0.0001 * (t - 250))) - 0.005 * water
    dy[10] = biomass
    dy[29] = paa * c_paa / volume - Y_PAA_P * dy[3] - Y_PAA_X * growth - M_PAA * y[3] - y[29] * dilution
    dy[30] = (
        -(branch + extend + differ + lyse) * Y_NX - dy[3] * Y_NP - M_N * biomass
        + (p[3] * paa + 20000 * oil) / volume - y[30] * dilution
    )  # fmt: skip
    dy[31], dy[32] = mu_p, grows
    dy[33], dy[34] = net * volume, -drawn * y[3]
    dy[35], dy[36] = eaten * volume, -drawn * s
    dy[37], dy[38] = sugar * c_s, oil * c_oil
    grazing = Y_SX * grows * (0.4 * a1 * K_B / (K_B + s) ** 2 + a0 * K_E / (K_E + s) ** 2)
    grazing += M_S * RHO_A0 * active * K_V / (K_V + s) ** 2
    return float(max(kla, grazing))


@_compiled
def _pid(
    last: float,
    error: float,
    before: float,
    y0: float,
    y1: float,
    y2: float,
    most: float,
    kp: float,
    ti: float,
    td: float,
) -> float:
    """Velocity form, the derivative on the measurement, cut to 0 to `most`."""
    change = error - before + error * 0.2 / ti - td / 0.2 * (y0 - 2 * y1 + y2)
    return min(max(last + kp * change, 0.0), most)


@_compiled
def _drift(k: int, size: float) -> float:
    """A sensor's error: none to interval 200, then a ramp to `size` at 800."""
    return size * min(max((k - 200) / 600, 0.0), 1.0)


@_compiled
def _control(k: int, u: Floats, last: Floats, now: Floats, one: Floats, two: Floats, fault: int) -> None:
    """Sets the flows under feedback, then what the fault does to flows.

    now, one, two: (hydrogen ions, temperature, acid) of the last three intervals; last: the flows of the last one.
    """
    off = _drift(k, 0.1) if fault == 8 else 0.0
    p0, p1, p2 = -math.log10(now[0]), -math.log10(one[0]), -math.log10(two[0])
    error = 6.5 - p0 + off
    before = error if k <= 2 else off - p1  # the set-point is missing here in the reference, and the batch shows it
    if error >= -0.05:
        u[8], u[7] = _pid(last[8], error, before, p0, p1, p2, 225.0, 8e-2, 4e-5, 8.0), 0.0
    else:
        u[7] = _pid(last[7], error, before, p0, p1, p2, 225.0, 8e-2, 12.5, 0.125)
        u[8] = last[8] * 0.5

    off = _drift(k, 0.4) if fault == 7 else 0.0
    error = 298 - now[1] + off
    before = error if k <= 2 else 298 - one[1] + off
    if error <= 0.05:
        u[9] = _pid(last[9], error, before, now[1], one[1], two[1], 1500.0, -300.0, 1.6, 0.005)
        u[10] = last[10] * 0.1
    else:
        u[10] = _pid(last[9], error, before, now[1], one[1], two[1], 1500.0, 50.0, 0.05, 1.0)
        u[9] = last[9] * 0.3
    u[9], u[10] = max(u[9], 1e-4), max(u[10], 1e-4)

    if (fault == 1 or fault == 6) and (100 <= k <= 120 or 500 <= k <= 550):
        u[2] = 20.0
    if (fault == 2 or fault == 6) and (500 <= k <= 520 or 1000 <= k <= 1200):
        u[3] = 2.0
    if fault == 3 or fault == 6:
        if 100 <= k <= 150:
            u[0] = 2.0
        if 380 <= k <= 460 or 1000 <= k <= 1070:
            u[0] = 20.0
    if fault == 4 or fault == 6:
        if 400 <= k <= 420:
            u[8] = 5.0
        if 700 <= k <= 800:
            u[8] = 10.0
    if fault == 5 or fault == 6:
        if 350 <= k <= 450:
            u[9] = 2.0
        if 1200 <= k <= 1350:
            u[9] = 10.0
    if k >= 50:
        error, before = 1200 - now[2], 1200 - (now[2] if k <= 2 else one[2])
        u[6] = _pid(last[6], error, before, 0.0, 0.0, 0.0, 150.0, 0.1, 0.5, 0.0)


@_compiled
def integrate(
    flows: Floats,
    start: Floats,
    params: Floats,
    noise: Floats,
    faults: NDArray[np.int64],
    hours: Floats,
    substeps: NDArray[np.int64],
    record: Floats,
) -> None:
    """Fills `record`, shape (lanes, steps, states + flows); a lane that diverges stays NaN from there on."""
    lanes, steps = flows.shape[0], flows.shape[1]
    k1, k2, k3, k4 = np.empty(STATES), np.empty(STATES), np.empty(STATES), np.empty(STATES)
    for lane in range(lanes):
        y = start[lane].copy()
        p = params[lane].copy()
        u, last = np.zeros(11), np.zeros(11)
        history = np.empty((3, 3))
        for i in range(3):
            history[i] = y[6], y[7], y[29]
        falls = 0  # of the growth rate, in a row of 64 differences
        for step in range(steps):
            k = step + 1
            u[:7] = flows[lane, step]
            _control(k, u, last, history[0], history[1], history[2], faults[lane])
            if k > 65:
                falls = 0
                for j in range(step - 64, step):
                    falls += record[lane, j, 32] < record[lane, j - 1, 32]
                if falls >= 63:
                    p[1] = record[lane, step - 1, 32] * 5
            y[31] = y[32] = 0.0
            t, left = step * 0.2, hours[step]
            while left > 1e-12:
                fastest = _rates(t, y, u, p, noise[lane, step], k1)
                h = min(left, hours[step] / substeps[lane], max(REACH / fastest, SHORTEST))
                _rates(t + h / 2, y + h / 2 * k1, u, p, noise[lane, step], k2)
                _rates(t + h / 2, y + h / 2 * k2, u, p, noise[lane, step], k3)
                _rates(t + h, y + h * k3, u, p, noise[lane, step], k4)
                y += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
                t += h
                left -= h
            if not np.isfinite(y).all():
                break
            for i in range(31):
                if y[i] <= 0:
                    y[i] = 0.001
            if y[1] < 2:
                y[1] = 1.0
            history[2] = history[1]
            history[1] = history[0]
            history[0] = y[6], y[7], y[29]
            if k == 1:
                history[1] = history[2] = history[0]
            elif k == 2:
                history[2] = history[1]
            record[lane, step, :STATES] = y
            record[lane, step, STATES : STATES + 11] = u
            last[:] = u
