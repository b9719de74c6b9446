"""Methylation arrays: reading, the age transform, and which arrays are of one donor."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
ADULT = 20.0
"""Years; where Horvath's transform turns from logarithm to line."""
OF_AGE = 18.0
"""Years; from here on an error counts as one of adults."""
COMPONENTS = 20
STRICT, SAME = 0.36, 0.15
BANDS = {
    "fetal": (-1.0, 0.0),
    "0-18": (0.0, 18.0),
    "18-40": (18.0, 40.0),
    "40-65": (40.0, 65.0),
    "over 65": (65.0, 200.0),
}


@dataclass(frozen=True)
class Arrays:
    """Methylation of arrays.

    Attributes:
        names: of the arrays; cpgs: of the columns.
        beta: share methylated, 0 to 1, shape (arrays, cpgs).
        age: years from birth, negative before it, shape (arrays,).
    """

    names: tuple[str, ...]
    cpgs: tuple[str, ...]
    beta: Floats
    age: Floats


def read_arrays(data: bytes, where: str) -> Arrays:
    """The archive's table: tab-separated, a row a CpG, a column an array, the last row `Age` in years.

    Raises:
        BadInput: not such a table.
    """
    import pyarrow as pa
    from pyarrow import csv

    try:
        text = gzip.decompress(data)
        table = csv.read_csv(io.BytesIO(text), parse_options=csv.ParseOptions(delimiter="\t"))
        matrix = np.array([column.to_numpy() for column in table.columns[1:]], dtype=float)
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowInvalid) as error:
        raise BadInput(
            f"this is no table of methylation: {error}", where=where, remedy="fetch the source again"
        ) from None
    rows = table.column(0).to_pylist()
    if not rows or rows[-1] != "Age" or not np.isfinite(matrix).all():
        raise BadInput("the last row is not Age, or a value is missing", where=where, remedy="fetch the source again")
    return Arrays(tuple(table.column_names[1:]), tuple(rows[:-1]), matrix[:, :-1], matrix[:, -1])


def joined(first: Arrays, second: Arrays) -> Arrays:
    """The arrays of both, in order; both must have the same CpGs."""
    if first.cpgs != second.cpgs:
        raise BadInput("the two tables have other CpGs", remedy="fetch the source again")
    return Arrays(
        first.names + second.names,
        first.cpgs,
        np.vstack([first.beta, second.beta]),
        np.concatenate([first.age, second.age]),
    )


def transformed(age: Floats) -> Floats:
    """Horvath's age: logarithmic up to 20 years, linear beyond (Horvath 2013, Genome Biol. 14:R115)."""
    young = np.log((np.minimum(age, ADULT) + 1) / (ADULT + 1))
    return np.where(age <= ADULT, young, (age - ADULT) / (ADULT + 1))


def years(value: Floats) -> Floats:
    """The inverse of `transformed`."""
    return np.where(value <= 0, (ADULT + 1) * np.exp(np.minimum(value, 0)) - 1, (ADULT + 1) * value + ADULT)


def without_age(values: Floats, age: Floats) -> Floats:
    """Residuals of each column on a cubic of the transformed age and a step at birth, scaled to standard deviation 1.

    Args:
        values: shape (arrays, columns); age: years, shape (arrays,).
    """
    f = transformed(age)
    basis = np.stack([np.ones_like(f), f, f**2, f**3, (age < 0).astype(float)], axis=1)
    rest = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return np.asarray(rest / np.maximum(rest.std(axis=0), 1e-12))


def likeness(beta: Floats, age: Floats, components: int = COMPONENTS) -> Floats:
    """Correlation of arrays in what age and the leading principal components leave, shape (arrays, arrays).

    What remains after age, cell composition and batch (the leading components) is chiefly genotype: two arrays of one
    donor share it, two donors of equal age do not.
    """
    rest = without_age(beta, age)
    u, s, vt = np.linalg.svd(rest, full_matrices=False)
    k = min(components, len(s) - 1)
    rest = (u[:, k:] * s[k:]) @ vt[k:]
    rest -= rest.mean(axis=1, keepdims=True)
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    return np.asarray(rest @ rest.T)


def donors(beta: Floats, age: Floats, threshold: float = SAME) -> Ints:
    """A number a donor, shape (arrays,): arrays of equal age whose likeness is above the threshold are one's.

    In GSE74193 the likeness of 660 pairs of equal age is either below .15 (about 520) or around .4 (about 140), and of
    226,815 pairs of unequal age 50 exceed .15: .15 joins 675 arrays to 539 donors, where the study reports 526. The
    stricter .36 (`STRICT`) joins 71 pairs to 604 donors and leaves half of the replicates apart; whatever is above .15
    is kept together here, since a pair joined by mistake costs little and one left apart leaks.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    same = (likeness(beta, age) > threshold) & (age[:, None] == age[None, :])
    return np.asarray(connected_components(csr_array(same), directed=False)[1], dtype=np.int64)


def folds_of(groups: Ints, k: int, seed: int) -> Ints:
    """The fold of each row, groups whole, shape (rows,)."""
    own, at = np.unique(groups, return_inverse=True)
    return np.asarray(np.random.default_rng(seed).permutation(len(own)) % k)[at]


def band_errors(predicted: Floats, age: Floats) -> dict[str, tuple[float, int]]:
    """Mean absolute error in years and number of arrays by band of age, with `all` and `adults` (18 and over)."""
    error = np.abs(predicted - age)
    masks = {"all": np.ones(len(age), dtype=bool), "adults": age >= OF_AGE}
    masks |= {name: (age >= low) & (age < high) for name, (low, high) in BANDS.items()}
    return {name: (float(error[mask].mean()), int(mask.sum())) for name, mask in masks.items() if mask.any()}


def column_order(cpgs: Sequence[str], wanted: Sequence[str]) -> Ints:
    """Where each wanted CpG stands, -1 where it is missing, shape (wanted,)."""
    at = {name: i for i, name in enumerate(cpgs)}
    return np.array([at.get(name, -1) for name in wanted], dtype=np.int64)
