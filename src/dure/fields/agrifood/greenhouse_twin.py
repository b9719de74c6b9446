"""The twin of lettuce-greenhouse-gym: seasons of designs on members, and what each is worth in EUR/m2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# van Henten (2003), table 1, with the leakage of the benchmark (0.75e-5 m/s, a tenth of the paper's).
COEFFICIENTS: dict[str, float] = {
    "saturation 1": 9348.0,
    "saturation 2": 17.4,
    "saturation 3": 239.0,
    "gas constant": 8314.0,
    "kelvin": 273.15,
    "leakage": 0.75e-5,
    "CO2 capacity": 4.1,
    "vapour capacity": 4.1,
    "heat capacity": 3e4,
    "ventilation heat": 1290.0,
    "cover heat transfer": 6.1,
    "radiation heat load": 0.2,
    "yield factor": 0.544,
    "respiration": 2.65e-7,
    "respired CO2": 4.87e-7,
    "canopy surface": 53.0,
    "light use": 3.55e-9,
    "CO2 diffusion 1": 5.11e-6,
    "CO2 diffusion 2": 2.3e-4,
    "CO2 diffusion 3": 6.29e-4,
    "CO2 compensation": 5.2e-5,
    "transpiration": 3.6e-3,
}
NOMINAL = np.array(list(COEFFICIENTS.values()))
# What no crop or building changes: these stay when the coefficients are perturbed.
FIXED = ("gas constant", "kelvin")

STEPS = 1920
START = np.array([0.0035, 0.001, 15.0, 0.008])
"""Of a season: dry weight kg/m2, CO2 kg/m3, temperature Cel, vapour kg/m3."""
FIRST = np.array([0.0, 0.0, 50.0])
"""Before its first step: CO2 mg/m2/s, ventilation mm/s, heating W/m2."""
PRICES = {"lettuce": 22.285125, "energy": 0.1281, "CO2": 0.1906}
"""EUR a kg dry weight, a kWh of heat, a kg of CO2: the benchmark's."""
LIMITS = ("CO2 low", "CO2 high", "temperature low", "temperature high", "humidity high")
LIMIT_VALUES = np.array([500.0, 1600.0, 10.0, 20.0, 80.0])
LIMIT_UNITS = ("[ppm]", "[ppm]", "Cel", "Cel", "%")
WEIGHTS = np.array([5e-5, 5e-5, 3e-3, 5e-3, 7e-4])
"""EUR/m2 for each unit outside a limit in each half hour."""
LAWS = ("set-points", "feedback", "forecast", "controls")
"""Fixed set-points; a plan made anew each half hour from what is measured now; the same with a forecast; actuators."""

PARTS = ("revenue", "energy cost", "CO2 cost", "CO2 penalty", "temperature penalty", "humidity penalty")
"""Of the return: the first less all others."""


@dataclass(frozen=True)
class Seasons:
    """What seasons came to; every array has the shape (designs, members).

    Attributes:
        sums: shape (designs, members, 11), see `greenhouse_kernel.SUMS`.
    """

    sums: Floats

    def parts(self) -> dict[str, Floats]:
        """The parts of the return, EUR/m2, costs and penalties positive."""
        grown, heat, co2 = (self.sums[..., i] for i in range(3))
        values = [PRICES["lettuce"] * grown, PRICES["energy"] * heat / 3.6e6, PRICES["CO2"] * co2]
        return dict(zip(PARTS, [*values, *(self.sums[..., i] for i in range(3, 6))], strict=True))

    def measures(self) -> dict[str, Floats]:
        """What is told of a season: return, profit, penalty, growth g/m2, heat, CO2 and hours outside each limit."""
        parts = self.parts()
        profit = parts["revenue"] - parts["energy cost"] - parts["CO2 cost"]
        penalty = parts["CO2 penalty"] + parts["temperature penalty"] + parts["humidity penalty"]
        told = {
            "return": profit - penalty,
            "profit": profit,
            "penalty": penalty,
            "yield": 1000.0 * self.sums[..., 0],
            "energy": self.sums[..., 1] / 3.6e6,
            "CO2": self.sums[..., 2],
        }
        return told | {f"hours {name}": self.sums[..., 6 + i] for i, name in enumerate(LIMITS)}


def run(
    law: str,
    designs: Floats,
    weather: Floats,
    coefficients: Floats | None = None,
    *,
    limits: Floats = LIMIT_VALUES,
    weights: Floats = WEIGHTS,
    start: Floats = START,
    first: Floats = FIRST,
) -> Seasons:
    """Every design on every member.

    Args:
        law: one of `LAWS`.
        designs: parameters of the law, shape (designs, parameters); for `controls` shape (designs, steps, 3).
        weather: shape (members, steps + 13, 5), see `weather.Weather.season`.
        coefficients: of each member, shape (members, 22); the nominal ones unless given.
        start, first: states (4,) and controls (3,) that every member begins with.
    """
    from dure.fields.agrifood.greenhouse_kernel import seasons

    c = np.tile(NOMINAL, (len(weather), 1)) if coefficients is None else coefficients
    p = designs if designs.ndim == 3 else designs[:, None, :]
    settings = (NOMINAL, np.array(list(PRICES.values())), limits, weights, start, first)
    return Seasons(seasons(LAWS.index(law), np.ascontiguousarray(p), weather, c, *settings))


def trace(
    law: str,
    design: Floats,
    weather: Floats,
    coefficients: Floats | None = None,
    *,
    start: Floats = START,
    first: Floats = FIRST,
) -> Floats:
    """One season half hour by half hour, shape (steps, 9): states, controls, CO2 in ppm, humidity in %.

    Args:
        design: parameters of the law, shape (parameters,).
        weather: shape (steps + 13, 5).
        coefficients: shape (22,); the nominal ones unless given.
        start, first: states (4,) and controls (3,) before the first step.
    """
    from dure.fields.agrifood.greenhouse_kernel import LOOK, season

    told = np.zeros((len(weather) - LOOK, 9))
    c = NOMINAL if coefficients is None else coefficients
    settings = (NOMINAL, np.array(list(PRICES.values())), LIMIT_VALUES, WEIGHTS, start, first, len(told))
    season(LAWS.index(law), np.ascontiguousarray(design[None]), weather, c, *settings, told)
    return told


def perturbed(seed: Sequence[int], share: float = 0.05) -> Floats:
    """Coefficients of another greenhouse: each nominal one times 1 + U(-share, share), shape (22,)."""
    draw = np.random.default_rng(list(seed)).uniform(-share, share, len(NOMINAL))
    draw[[list(COEFFICIENTS).index(name) for name in FIXED]] = 0.0
    return NOMINAL * (1.0 + draw)
