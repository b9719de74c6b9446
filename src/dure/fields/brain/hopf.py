"""A whole-brain network of Hopf oscillators near their bifurcation, many subjects and runs at once.

The equations and the Euler-Maruyama scheme are those of neurolib 0.6.2 (Cakan et al. 2023, Cogn. Comput. 15:1132) with
diffusive coupling and no delay; the model of slow BOLD oscillations is that of Deco et al. 2017 (Sci. Rep. 7:3095):

    dx/dt = (a - x² - y²) x - w y + G Σ C (x' - x) + ξx + stimulus
    dy/dt = (a - x² - y²) y + w x + ξy

with Ornstein-Uhlenbeck noise ξ. Times are in seconds; x and y have no unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CHUNK = 256


@dataclass(frozen=True)
class Network:
    """What the oscillators are.

    Attributes:
        coupling: weight from region l to n at [.., n, l], shape (subjects, regions, regions).
        frequency: angular, rad/s, shape (regions,).
        a: distance from the bifurcation, 1/s; below zero a region alone is at rest.
        g: global coupling, 1/s.
        sigma: noise intensity, 1/s^1.5; tau: its correlation time, s.
        dt: step, s.
    """

    coupling: Floats
    frequency: Floats
    a: float
    g: float
    sigma: float
    tau: float
    dt: float


@dataclass(frozen=True)
class Stimulus:
    """A sine on the x of one region.

    Attributes:
        site: index of the region.
        amplitude: 1/s; frequency: Hz. An amplitude of zero is sham.
    """

    site: int
    amplitude: float
    frequency: float

    @property
    def charge(self) -> float:
        """Charge a phase in the model's units: the integral of the sine over half a period (no unit)."""
        return self.amplitude / (np.pi * self.frequency)


def member_noise(seeds: Sequence[Sequence[int]], runs: int, regions: int) -> Iterator[Floats]:
    """Endless standard normal noise in chunks, shape (steps, subjects, runs, 2, regions).

    Each subject draws from a generator of its own, so that its noise depends neither on the design nor on who else is
    in the panel.

    Args:
        seeds: entropy of each subject's generator.
    """
    generators = [np.random.default_rng(list(seed)) for seed in seeds]
    while True:
        yield np.stack([rng.standard_normal((CHUNK, runs, 2, regions)) for rng in generators], axis=1)


def integrate(
    network: Network,
    start: Floats,
    noise: Iterable[Floats],
    steps: int,
    stimuli: Sequence[Stimulus],
    every: int = 1,
) -> Floats:
    """Trajectories by Euler's method; shape (kept steps, stimuli, subjects, runs, 2, regions).

    Every stimulus meets the same noise. A trajectory that diverges becomes NaN or infinite and is returned so.

    Args:
        start: x and y, shape (subjects, runs, 2, regions).
        noise: chunks as `member_noise` gives them.
        every: one step of so many is kept.
    """
    dt, root = network.dt, np.sqrt(network.dt)
    shape = (len(stimuli), *start.shape)
    z = np.broadcast_to(start, shape).copy()
    ou = np.zeros(shape)
    # Σ C (x' - x) is one matrix product less the row sum times x.
    matrix = network.g * np.swapaxes(network.coupling, 1, 2)
    pull = network.g * network.coupling.sum(axis=2)[:, None]
    sites = np.array([s.site for s in stimuli])
    amplitude = np.array([s.amplitude for s in stimuli])[:, None, None]
    turn = 2 * np.pi * np.array([s.frequency for s in stimuli])[:, None, None]
    each = np.arange(len(stimuli))
    kept = np.empty((steps // every, *shape))
    step = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in noise:
            for normal in chunk:
                x, y = z[..., 0, :], z[..., 1, :]
                growth = network.a - x**2 - y**2
                rate = ou.copy()
                rate[..., 0, :] += growth * x - network.frequency * y + x @ matrix - pull * x
                rate[..., 1, :] += growth * y + network.frequency * x
                rate[each, :, :, 0, sites] += amplitude * np.sin(turn * (step * dt))
                z += dt * rate
                ou += -ou * (dt / network.tau) + network.sigma * root * normal
                step += 1
                if step % every == 0:
                    kept[step // every - 1] = z
                if step == steps:
                    return kept
    raise ValueError(f"noise for {step} steps, not {steps}")


def order(trajectory: Floats) -> Floats:
    """Kuramoto's order parameter |mean exp(iφ)| over regions, shape (kept steps, stimuli, subjects, runs)."""
    phase = np.arctan2(trajectory[..., 1, :], trajectory[..., 0, :])
    return np.asarray(np.abs(np.exp(1j * phase).mean(axis=-1)))


def linear_correlation(network: Network) -> Floats:
    """Functional connectivity of the model linearised about rest, in white noise, shape (subjects, regions, regions).

    The covariance S of x and y solves J S + S Jᵀ + Q = 0; correlations of x do not depend on the size of the noise.
    """
    from scipy.linalg import solve_continuous_lyapunov

    found = np.empty_like(network.coupling)
    n = len(network.frequency)
    turn, rest = np.diag(network.frequency), network.a * np.eye(n)
    for i, coupling in enumerate(network.coupling):
        spread = network.g * (coupling - np.diag(coupling.sum(axis=1)))
        jacobian = np.block([[rest + spread, -turn], [turn, rest]])
        covariance = solve_continuous_lyapunov(jacobian, -np.eye(2 * n))[:n, :n]
        sd = np.sqrt(np.diag(covariance))
        found[i] = covariance / sd / sd[:, None]
    return found
