"""Tables of spectra: those of the archive, the fermentation among them, and a user's own."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from dure.base.errors import BadInput
from dure.fields.bioprocess.chemometrics import Floats

LOW, HIGH = 950.0, 1500.0
"""Wavenumbers of the calibration, cm⁻¹: the C-O and C-C stretching bands of glucose and what lies around them."""
MINUTES = 1.25
"""Between two spectra of the fermentation: 1,629 spectra end at the last HPLC point, 33.88 h."""
GAP = 8.0
"""Widest spacing of a spectrometer, cm⁻¹, whose spectra are interpolated onto the calibration's wavenumbers."""


def read_spectra(data: bytes) -> tuple[Floats, Floats]:
    """A table of the archive: wavenumbers within the calibration's range, and absorbance (spectra, wavenumbers)."""
    table = pacsv.read_csv(io.BytesIO(data))
    axis = np.array([float(name) for name in table.column_names])
    inside = np.flatnonzero((axis >= LOW) & (axis <= HIGH))
    return axis[inside], np.stack([table.column(int(i)).to_numpy().astype(float) for i in inside], axis=1)


def read_column(data: bytes, name: str) -> Floats:
    """One column of a table of the archive."""
    return np.asarray(pacsv.read_csv(io.BytesIO(data))[name].to_numpy(), dtype=float)


def spectra_of(table: pa.Table, wavenumbers: Floats | None = None) -> tuple[Floats, Floats]:
    """A user's rows: each column whose name is a number is a wavenumber.

    Args:
        wavenumbers: of the calibration, onto which the spectra are interpolated; None: the table's own within range.

    Raises:
        BadInput: the spectra do not cover the range closely enough.
    """
    named = sorted((float(name), name) for name in table.column_names if _is_number(name))
    axis = np.array([value for value, _ in named])
    low, high = (LOW, HIGH) if wavenumbers is None else (wavenumbers[0], wavenumbers[-1])
    inside = axis[(axis >= low - GAP) & (axis <= high + GAP)]
    if len(inside) < 2 or inside[0] > low + GAP or inside[-1] < high - GAP or np.diff(inside).max() > GAP:
        raise BadInput(
            f"the spectra do not cover {low:g} to {high:g} cm⁻¹ in steps of {GAP:g} cm⁻¹ or less",
            remedy="give one column a wavenumber, named by its number",
        )
    spectra = np.stack([table[name].to_numpy().astype(float) for _, name in named], axis=1)
    if wavenumbers is None:
        own = (axis >= LOW) & (axis <= HIGH)
        return axis[own], spectra[:, own]
    return wavenumbers, np.stack([np.interp(wavenumbers, axis, row) for row in spectra])


def _is_number(name: str) -> bool:
    return name.replace(".", "", 1).isdigit()


@dataclass(frozen=True)
class Batch:
    """The fermentation: `hours` and `spectra` of each spectrum, `sampled` (h) and `glucose` (g/L) of each point."""

    hours: Floats
    spectra: Floats
    sampled: Floats
    glucose: Floats

    @classmethod
    def of(cls, spectra: bytes, hplc: bytes) -> Batch:
        absorbance = read_spectra(spectra)[1]
        hours = np.arange(len(absorbance)) * MINUTES / 60
        return cls(hours, absorbance, read_column(hplc, "time"), read_column(hplc, "glucose"))

    def errors(self, predicted: Floats) -> tuple[Floats, Floats]:
        """Predicted less measured, g/L: at the HPLC points, and at every spectrum against HPLC joined by lines."""
        at_points = np.interp(self.sampled, self.hours, predicted) - self.glucose
        return at_points, predicted - np.interp(self.hours, self.sampled, self.glucose)
