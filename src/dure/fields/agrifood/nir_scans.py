"""Scans with what is known of them, and second instruments brought to the readings of the first."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.fields.agrifood.spectra import standardisation, standardised
from dure.fields.agrifood.tecator import WAVELENGTHS, read_tecator

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
OUTER = 5
"""Folds of whole lots that a calibration is judged in."""
PAIRS = 5
"""Samples read on both instruments from which a second one is turned into the first's readings."""


@dataclass(frozen=True)
class Scans:
    """Spectra with what is known of them.

    Attributes:
        spectra: absorbance, shape (samples, channels).
        wavelengths: nm, shape (channels,), rising.
        values: content in %, shape (samples,).
        groups: lot of each scan; scans of one lot are never split.
        others: `season`, `instrument` and `sample`, where the table has them.
    """

    spectra: Floats
    wavelengths: Floats
    values: Floats
    groups: Names
    others: Mapping[str, Names]

    def take(self, rows: NDArray[Any]) -> Scans:
        """The scans of some rows."""
        others = {name: each[rows] for name, each in self.others.items()}
        return Scans(self.spectra[rows], self.wavelengths, self.values[rows], self.groups[rows], others)


def meat(data: bytes, target: str = "fat") -> Scans:
    """Tecator's scans; identical ones, of which the set has 22 pairs, are one lot."""
    spectra, contents = read_tecator(data)
    _, lot = np.unique(spectra, axis=0, return_inverse=True)
    return Scans(spectra, WAVELENGTHS, contents[target], lot.reshape(-1).astype(str), {})


def own_scans(data: bytes) -> Scans:
    """The rows of a user's table, checked and in units.

    Raises:
        BadInput: too few channels, scans or lots to learn from.
    """
    table = pq.read_table(io.BytesIO(data))
    names = [name for name in table.column_names if name[:1].isdigit()]
    wavelengths = np.sort(np.array([float(name) for name in names]))
    lots = np.array(table["lot"].to_pylist(), dtype=str)
    if len(names) < 20 or len(lots) < 40 or len(np.unique(lots)) < 2 * OUTER:
        raise BadInput(
            f"{len(lots)} scans of {len(names)} channels from {len(np.unique(lots))} lots are too few to calibrate",
            remedy="give at least 40 scans, 20 channels and 10 lots",
        )
    others = {
        name: np.array([each or "" for each in table[name].to_pylist()], dtype=str)
        for name in ("season", "instrument", "sample")
        if name in table.column_names
    }
    if "sample" in others:
        _one_lot_each(others["sample"], lots)
    return Scans(
        at_wavelengths(table, wavelengths), wavelengths, table["content"].to_numpy().astype(float), lots, others
    )


def _one_lot_each(samples: Names, lots: Names) -> None:
    """Refuses a sample that stands in two lots: it would be on both sides of a fold.

    Raises:
        BadInput: names the sample.
    """
    held: dict[str, str] = {}
    for sample, lot in zip(map(str, samples), map(str, lots), strict=True):
        if sample and held.setdefault(sample, lot) != lot:
            raise BadInput(
                f"the sample {sample} stands in the lots {held[sample]} and {lot}",
                where="sample",
                remedy="give each sample one name and one lot; leave the name empty where it is not known",
            )


def at_wavelengths(table: pa.Table, wavelengths: Floats) -> Floats:
    """Absorbance at the given wavelengths, linear between the table's own, shape (samples, channels)."""
    names = [name for name in table.column_names if name[:1].isdigit()]
    own = np.array([float(name) for name in names])
    order = np.argsort(own)
    if len(own) < 2 or own.min() > wavelengths[0] + 1e-9 or own.max() < wavelengths[-1] - 1e-9:
        found = f"{own.min():g} to {own.max():g} nm" if len(own) else "none"
        raise BadInput(
            f"the scans reach {found}, the calibration {wavelengths[0]:g} to {wavelengths[-1]:g} nm",
            remedy="give scans over the whole range: nothing is extrapolated",
        )
    read = np.column_stack([table[names[i]].to_numpy().astype(float) for i in order])
    if len(own) == len(wavelengths) and np.allclose(own[order], wavelengths):
        return read
    return np.stack([np.interp(wavelengths, own[order], each) for each in read])


def transferred(
    scans: Scans, known: NDArray[np.bool_] | None = None
) -> tuple[dict[str, Floats], Scans, NDArray[np.bool_]]:
    """All scans as the first instrument would read them.

    The first is the instrument with the most known scans. Another is turned into it by samples that both have read
    (column `sample`), if there are five; its other scans are left out otherwise.

    Args:
        known: the scans that this may be learned from, shape (samples,); all unless given.

    Returns:
        The matrix of each instrument (empty for the first), the scans, and which of them can be used.
    """
    usable = np.ones(len(scans.values), dtype=bool)
    if "instrument" not in scans.others:
        return {}, scans, usable
    learned = scans if known is None else scans.take(known)
    own = scans.others["instrument"]
    names, counts = np.unique(learned.others["instrument"], return_counts=True)
    first = str(names[np.argmax(counts)])
    matrices, moved = {first: np.empty(0)}, scans.spectra.copy()
    for name in (str(n) for n in np.unique(own) if n != first):
        pairs = shared(learned, first, name)
        if len(pairs) < PAIRS:
            usable &= own != name
            continue
        matrices[name] = standardisation(learned.spectra[pairs[:, 0]], learned.spectra[pairs[:, 1]])
        moved[own == name] = standardised(scans.spectra[own == name], matrices[name])
    return matrices, Scans(moved, scans.wavelengths, scans.values, scans.groups, scans.others), usable


def shared(scans: Scans, first: str, second: str) -> NDArray[np.int64]:
    """Rows (on the first, on the second instrument) of the samples that both have read, shape (pairs, 2)."""
    if "sample" not in scans.others:
        return np.empty((0, 2), dtype=np.int64)
    own, sample = scans.others["instrument"], scans.others["sample"]
    rows = [{str(s): i for i, s in enumerate(sample) if s and own[i] == name} for name in (first, second)]
    both = sorted(set(rows[0]) & set(rows[1]))
    return np.array([[rows[0][s], rows[1][s]] for s in both], dtype=np.int64).reshape(-1, 2)
