"""Potencies in logarithms: pIC50 and pKi, replicates, and how small a difference an assay can tell.

A potency p is -log10 of a concentration in mol/L and has the unit 1. Turning to logarithms turns the sign of censoring:
`IC50 > 10 µM` is `pIC50 < 5`. Replicates are averaged in logarithms, which is the geometric mean of the concentrations.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dure.base.errors import BadInput
from dure.base.units import convert

Floats = NDArray[np.float64]

CONCORDANT = 0.5
"""Replicates further apart than this (log10) contradict each other: three times in concentration."""

ASSAY_SD = 0.2
"""Standard deviation (log10) of one potency within one laboratory, used where censored replicates leave none."""

_FLIPPED = {"<": ">", ">": "<", "=": "="}


@dataclass(frozen=True)
class Concentration:
    """A concentration with its unit (UCUM); `molar` raises `BadInput` for units that are not amount per volume."""

    value: float
    unit: str

    @property
    def molar(self) -> float:
        """In mol/L."""
        return convert(self.value, self.unit, "mol/L")


def flip(qualifier: ArrayLike) -> NDArray[np.str_]:
    """The qualifiers after a function that turns the order round, as -log does."""
    return np.array([_FLIPPED[q] for q in np.atleast_1d(np.asarray(qualifier, dtype=str))], dtype="<U1")


def to_p(value: ArrayLike, qualifier: ArrayLike, unit: str) -> tuple[Floats, NDArray[np.str_]]:
    """P values and qualifiers of concentrations; NaN stays NaN.

    Args:
        value: shape (n,), in `unit`.
        qualifier: shape (n,), `=`, `<` or `>`.
        unit: UCUM, amount per volume.

    Raises:
        BadInput: a concentration of zero or below, or another kind of unit.

    >>> to_p([10000.0], [">"], "nmol/L")
    (array([5.]), array(['<'], dtype='<U1'))
    """
    concentration = np.atleast_1d(np.asarray(value, dtype=np.float64))
    bad = np.flatnonzero(concentration <= 0)
    if len(bad):
        raise BadInput(
            f"a concentration of {concentration[bad[0]]:g} {unit} has no logarithm",
            remedy='write values below the lowest concentration tested as "<" and that concentration',
        )
    # The logarithm of the factor, rounded: 10 µM is exactly pIC50 5, not 4.999999999.
    shift = round(float(np.log10(Concentration(1.0, unit).molar)), 12)
    return -(np.log10(concentration) + shift), flip(qualifier)


def to_concentration(p: ArrayLike, unit: str) -> Floats:
    """Concentrations in `unit` of p values: the inverse of `to_p`, apart from the qualifiers."""
    return 10.0 ** -np.asarray(p, dtype=np.float64) / Concentration(1.0, unit).molar


def cheng_prusoff(pic50: ArrayLike, *, substrate: Concentration | None, km: Concentration | None) -> Floats:
    """PKi from pIC50 of a competitive inhibitor: Ki = IC50 / (1 + [S]/Km).

    For a binding assay [S] is the labelled ligand and Km its Kd. Qualifiers stay as they are.
    Cheng & Prusoff, Biochem. Pharmacol. 22, 3099-3108 (1973).

    Raises:
        BadInput: [S] or Km is not given, or not above zero: without them a Ki would be a guess.
    """
    if substrate is None or km is None:
        missing = " and ".join(n for n, given in (("[S]", substrate), ("Km", km)) if given is None)
        raise BadInput(
            f"IC50 cannot be turned into Ki without {missing}",
            remedy="state both with their units, or report pIC50 instead of pKi",
        )
    if substrate.molar < 0 or km.molar <= 0:
        raise BadInput("[S] must not be below zero and Km must be above it", remedy="correct the assay's conditions")
    pki: Floats = np.asarray(pic50, dtype=np.float64) + np.log10(1.0 + substrate.molar / km.molar)
    return pki


@dataclass(frozen=True)
class Combined:
    """What replicates say together, in logarithms.

    Attributes:
        value: mean p (the geometric mean of the concentrations), or the bound when every replicate is censored.
        qualifier: `=`, or `<` or `>` when every replicate is censored that way.
        sd: between the exact replicates; NaN for fewer than two.
        se: standard error of `value`; NaN where `sd` is and no assay sd was needed.
        lower, upper: 95 % interval; NaN where there is no standard error.
        n: replicates, the censored ones included.
        censored: how many of them are censored.
        discordant: why they contradict each other; empty when they do not.
    """

    value: float
    qualifier: str
    sd: float
    se: float
    lower: float
    upper: float
    n: int
    censored: int
    discordant: str = ""


def combine(
    p: ArrayLike, qualifier: ArrayLike | None = None, *, within: float = CONCORDANT, assay_sd: float = ASSAY_SD
) -> Combined:
    """The geometric mean of replicates, with n and sd in log units.

    - All exact: mean, sample sd, and Student's interval.
    - All censored the same way: the tightest bound, for each replicate alone already proves its own.
    - Exact and censored together: the mean of greatest likelihood of a normal distribution, in which a replicate
      `<5` counts with the probability of lying below 5 (Tobin, Econometrica 26, 24-36 (1958)), with the larger of
      `assay_sd` and the sd of the exact ones; leaving the censored out would pull the mean towards the tested range.

    Replicates are concordant when the exact ones span at most `within` and none lies beyond a bound by more than it.

    Args:
        p: shape (n,), finite.
        qualifier: shape (n,); all `=` when absent.
        within: log10.
        assay_sd: log10, of one replicate.
    """
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    signs = np.atleast_1d(np.asarray(qualifier, dtype=str)) if qualifier is not None else np.full(len(values), "=")
    exact, upper_bounds, lower_bounds = values[signs == "="], values[signs == "<"], values[signs == ">"]
    sd = float(np.std(exact, ddof=1)) if len(exact) > 1 else np.nan
    censored, n = len(values) - len(exact), len(values)
    discordant = _discordance(exact, upper_bounds, lower_bounds, within)
    if not len(exact) and not (len(upper_bounds) and len(lower_bounds)):
        bound, sign = (upper_bounds.min(), "<") if len(upper_bounds) else (lower_bounds.max(), ">")
        return Combined(float(bound), sign, np.nan, np.nan, np.nan, np.nan, n, censored, discordant)
    if not censored:
        value, se, reach = float(exact.mean()), sd / np.sqrt(n), student(n - 1)
    else:
        value, se = _tobit_mean(exact, upper_bounds, lower_bounds, np.nanmax([sd, assay_sd]))
        reach = 1.959963984540054
    lower, upper = float(value - reach * se), float(value + reach * se)
    return Combined(value, "=", sd, float(se), lower, upper, n, censored, discordant)


def combine_groups(
    keys: Sequence[Hashable], p: ArrayLike, qualifier: ArrayLike, *, within: float = CONCORDANT
) -> dict[Hashable, Combined]:
    """`combine` for each key, in the order in which the keys first occur.

    100,000 values in a second or two: groups of one, nearly all there are, take the short way.
    """
    values, signs = np.asarray(p, dtype=np.float64), np.asarray(qualifier, dtype=str)
    members: dict[Hashable, list[int]] = {}
    for i, key in enumerate(keys):
        members.setdefault(key, []).append(i)
    return {
        key: _single(values[at[0]], signs[at[0]]) if len(at) == 1 else combine(values[at], signs[at], within=within)
        for key, at in members.items()
    }


def msr_control(p: ArrayLike) -> float:
    """Minimum significant ratio of a reference compound tested in many runs: 10^(2·√2·s).

    Two potencies measured in two runs differ significantly (95 %) when their ratio is above it; below 3 an assay is
    good, above 7.5 it cannot rank compounds. s is the sd of the log10 potencies over runs.
    Eastwood et al., J. Biomol. Screen. 11, 253-261 (2006); Assay Guidance Manual, "HTS Assay Validation".

    Returns:
        NaN for fewer than two runs.
    """
    values = np.asarray(p, dtype=np.float64)
    return float(10 ** (2 * np.sqrt(2) * np.std(values, ddof=1))) if len(values) > 1 else np.nan


def msr_paired(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Minimum significant ratio and mean ratio of the same compounds tested in two runs: 10^(2·s_d) and 10^mean(d).

    d are the differences of log10 potencies, s_d their sd (√2 times that of one run). Sources as `msr_control`.

    Args:
        first: p values of the first run, shape (n,).
        second: p values of the same compounds in the same order in the second run, shape (n,).

    Raises:
        ValueError: the shapes differ.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} potencies in the first run and {b.shape} in the second")
    if len(a) < 2:
        return np.nan, np.nan
    difference = a - b
    return float(10 ** (2 * np.std(difference, ddof=1))), float(10 ** np.mean(difference))


def _single(value: float, sign: str) -> Combined:
    return Combined(float(value), str(sign), np.nan, np.nan, np.nan, np.nan, 1, int(sign != "="))


def _discordance(exact: Floats, upper: Floats, lower: Floats, within: float) -> str:
    tolerance = within + 1e-9  # 6.5 and 6.0 are 0.5 apart, whatever the last bit says
    if len(exact) and np.ptp(exact) > tolerance:
        return f"replicates differ by {np.ptp(exact):.2f} log units ({exact.min():.2f} to {exact.max():.2f})"
    at_least = max([*exact, *lower], default=-np.inf)
    at_most = min([*exact, *upper], default=np.inf)
    if at_least - at_most > tolerance:
        return f"one replicate says at least {at_least:.2f}, another at most {at_most:.2f}"
    return ""


def _tobit_mean(exact: Floats, upper: Floats, lower: Floats, sd: float) -> tuple[float, float]:
    """Mean of greatest likelihood and its standard error; the log likelihood is concave, so Newton's steps find it."""
    from scipy.special import log_ndtr

    bounds = np.concatenate([upper, lower])
    side = np.concatenate([np.ones(len(upper)), -np.ones(len(lower))])
    mean = float(exact.mean()) if len(exact) else float(bounds.mean())
    information = 1.0
    for _ in range(100):
        z = side * (bounds - mean) / sd
        hazard = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(z))
        slope = np.sum(exact - mean) / sd**2 - np.sum(side * hazard) / sd
        information = (len(exact) + np.sum(hazard * (z + hazard))) / sd**2
        step = slope / information
        mean += float(np.clip(step, -sd, sd))
        if abs(step) < 1e-12:
            break
    return mean, float(1 / np.sqrt(information))


def student(degrees: int) -> float:
    """Half a 95 % interval in standard errors, by Student's t; NaN without a degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975)) if degrees > 0 else np.nan
