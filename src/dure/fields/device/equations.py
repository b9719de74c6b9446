"""The glucose-insulin equations as compiled code: the type 1 version of Dalla Man et al. 2007 and 2014.

This module imports numba; it is imported where a simulation starts and nowhere else.

State, 13 numbers: stomach solid and liquid, gut [mg]; plasma and tissue glucose [mg/kg]; plasma insulin [pmol/kg];
insulin action on use, two delays of insulin action on production [pmol/L]; liver insulin, two subcutaneous insulin
depots [pmol/kg]; subcutaneous glucose [mg/kg].
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

STATES = 13
STEPS = 3
"""Runge-Kutta steps a minute. The fastest rate is a gut's, 1.23/min; with three steps glucose is within 0.03 mg/dL of
the exact course."""


@njit(cache=True)
def derivative(x, p, eaten, insulin, meal, sensitivity, out):  # type: ignore[no-untyped-def]
    """Writes dx/dt to `out`.

    Args:
        x: state; p: parameters in the order of `patients.PARAMETERS`.
        eaten: carbohydrate, mg/min. insulin: pmol/kg/min.
        meal: what the stomach held at the start of the meal and all eaten since, mg.
        sensitivity: factor on both actions of insulin; 1 in the published model.
    """
    (BW, b, d, f, kabs, kmax, kmin, ke1, ke2, kp1, kp2, kp3, ki, k1, k2) = (
        p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14]
    )  # fmt: skip
    (Fsnc, Vm0, Vmx, Km0, p2u, Ib, m1, m2, m4, m30, Vi, ka1, ka2, kd, ksc) = (
        p[15], p[16], p[17], p[18], p[19], p[20], p[21], p[22], p[23], p[24], p[25], p[26], p[27], p[28], p[29]
    )  # fmt: skip
    kgut = kmax
    if meal > 0:
        stomach = x[0] + x[1]
        rise = 5 / (2 * meal * (1 - b))
        fall = 5 / (2 * meal * d)
        kgut = kmin + (kmax - kmin) / 2 * (
            math.tanh(rise * (stomach - b * meal)) - math.tanh(fall * (stomach - d * meal)) + 2
        )
    out[0] = -kmax * x[0] + eaten
    out[1] = kmax * x[0] - x[1] * kgut
    out[2] = kgut * x[1] - kabs * x[2]
    appearance = f * kabs * x[2] / BW
    production = max(kp1 - kp2 * x[3] - kp3 * sensitivity * x[8], 0.0)
    excretion = ke1 * (x[3] - ke2) if x[3] > ke2 else 0.0
    concentration = x[5] / Vi
    out[3] = production + appearance - Fsnc - excretion - k1 * x[3] + k2 * x[4]
    out[4] = -(Vm0 + Vmx * sensitivity * x[6]) * x[4] / (Km0 + x[4]) + k1 * x[3] - k2 * x[4]
    out[5] = -(m2 + m4) * x[5] + m1 * x[9] + ka1 * x[10] + ka2 * x[11]
    out[6] = -p2u * x[6] + p2u * (concentration - Ib)
    out[7] = -ki * (x[7] - concentration)
    out[8] = -ki * (x[8] - x[7])
    out[9] = -(m1 + m30) * x[9] + m2 * x[5]
    out[10] = insulin - (ka1 + kd) * x[10]
    out[11] = kd * x[10] - ka2 * x[11]
    out[12] = -ksc * x[12] + ksc * x[3]
    # The reference holds an amount that went below zero where it is, for ever. Here it can rise again.
    for i in (3, 4, 5, 9, 10, 11, 12):
        if x[i] < 0 and out[i] < 0:
            out[i] = 0.0


@njit(cache=True)
def minute(x, p, eaten, insulin, meal, sensitivity, work):  # type: ignore[no-untyped-def]
    """Moves the state `x` on by one minute of constant inputs; classical Runge-Kutta of fourth order.

    Args:
        work: scratch, shape (5, STATES).
    """
    h = 1.0 / STEPS
    for _ in range(STEPS):
        derivative(x, p, eaten, insulin, meal, sensitivity, work[0])
        for i in range(STATES):
            work[4, i] = x[i] + 0.5 * h * work[0, i]
        derivative(work[4], p, eaten, insulin, meal, sensitivity, work[1])
        for i in range(STATES):
            work[4, i] = x[i] + 0.5 * h * work[1, i]
        derivative(work[4], p, eaten, insulin, meal, sensitivity, work[2])
        for i in range(STATES):
            work[4, i] = x[i] + h * work[2, i]
        derivative(work[4], p, eaten, insulin, meal, sensitivity, work[3])
        for i in range(STATES):
            x[i] += h / 6 * (work[0, i] + 2 * work[1, i] + 2 * work[2, i] + work[3, i])


@njit(cache=True)
def driven(states, parameters, volumes, eaten, insulin, sensitivity):  # type: ignore[no-untyped-def]
    """Glucose of each patient under given inputs.

    Args:
        states: shape (patients, 13). parameters: (patients, parameters). volumes: (patients,), dL/kg.
        eaten: (patients, minutes), g/min. insulin: (patients, minutes), U/min. sensitivity: (patients, minutes).

    Returns:
        Subcutaneous glucose at the start of each minute and at the end, (patients, minutes + 1), mg/dL.
    """
    patients, minutes = eaten.shape
    glucose = np.empty((patients, minutes + 1))
    work = np.empty((5, STATES))
    for k in range(patients):
        x = states[k].copy()
        meal, start, food, before = 0.0, x[0] + x[1], 0.0, 0.0
        for t in range(minutes):
            glucose[k, t] = x[12] / volumes[k]
            if eaten[k, t] > 0:
                if before <= 0:
                    start, food = x[0] + x[1], 0.0
                food += eaten[k, t] * 1000
            before = eaten[k, t]
            meal = start + food
            dose = insulin[k, t] * 6000 / parameters[k, 0]
            minute(x, parameters[k], eaten[k, t] * 1000, dose, meal, sensitivity[k, t], work)
        glucose[k, minutes] = x[12] / volumes[k]
    return glucose
