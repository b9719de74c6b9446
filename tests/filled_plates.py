"""Raw readouts of whole plates, as a laboratory would fill a worklist in: always the same for the same wells."""

from __future__ import annotations

import csv
import hashlib
import math
from pathlib import Path

NOISE, VOID = 15.0, 400.0
"""Standard deviation of a readout, of a span of 900: a good plate, and one that is refused."""


def filled(worklist: Path, path: Path, void: tuple[str, ...] = (), reference: float = 6.0, **cells: str) -> Path:
    """Writes raw readouts of a batch and returns their file.

    Args:
        worklist: what was handed to the laboratory.
        path: the result file.
        void: the ends of the names of plates that went wrong.
        reference: pIC50 of the reference compound.
        cells: further columns of every sample, such as `lot`.
    """
    wells = list(csv.DictReader(worklist.read_text("utf-8-sig").splitlines()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["order", "plate", "well", "readout", *cells], extrasaction="ignore")
        writer.writeheader()
        for well in wells:
            spread = VOID if void and well["plate"].endswith(void) else NOISE
            sample = cells if well["role"] == "sample" else {}
            writer.writerow({**well, **sample, "readout": _readout(well, spread, reference)})
    return path


def _readout(well: dict[str, str], spread: float, reference: float) -> str:
    """A falling signal: 1000 with vehicle, 100 at full effect."""
    share = float(well["role"] == "positive")
    if well["role"] in ("sample", "reference"):
        p = 5.6 + int(well["order"][3], 16) / 15 if well["order"] else reference
        share = 1 / (1 + 10 ** (-p - math.log10(float(well["concentration"]) * 1e-6)))
    return f"{1000 - 900 * share + spread * _chance(well['plate'], well['well']):.1f}"


def _chance(*names: str) -> float:
    """A number of the standard normal distribution (Box and Muller), drawn by the names."""
    draws = hashlib.sha256(repr(names).encode()).digest()
    one, two = (int.from_bytes(draws[i : i + 6]) / 2**48 for i in (0, 6))
    return math.sqrt(-2 * math.log(one or 0.5)) * math.cos(2 * math.pi * two)
