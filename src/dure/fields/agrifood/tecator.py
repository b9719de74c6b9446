"""Tecator's meat spectra out of an archive of R data sets, without unpickling anything.

The archive stores a data frame as a pickle. A pickle is a program: here its instructions are only listed, and the one
block of numbers that the table consists of is taken out of them.
"""

from __future__ import annotations

import lzma
import pickletools

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput

Floats = NDArray[np.float64]
FILE = ("tecator", "meat", "meats.pkl.compress")
SAMPLES, CHANNELS = 215, 100
TARGETS = ("water", "fat", "protein")
TRAINING = 172
"""The first 172 samples train and monitor, the last 43 test: the split that came with the data (C + M, T)."""
WAVELENGTHS = np.linspace(850.0, 1050.0, CHANNELS)
"""Nanometres; the data set names its channels by number and its range by these ends."""


def read_tecator(data: bytes) -> tuple[Floats, dict[str, Floats]]:
    """Absorbance, shape (215, 100), and the contents in %, each shape (215,).

    Raises:
        BadInput: the file does not hold that one block of numbers.
    """
    size = 8 * SAMPLES * (CHANNELS + len(TARGETS))
    try:
        listed = pickletools.genops(lzma.decompress(data))
        blocks = [arg for _, arg, _ in listed if isinstance(arg, bytes | bytearray) and len(arg) == size]
    except (lzma.LZMAError, ValueError):
        blocks = []
    if len(blocks) != 1:
        raise BadInput("the file is not the meat data set", where=FILE[2], remedy="fetch it with: dure fetch tecator")
    table = np.frombuffer(bytes(blocks[0]), dtype="<f8").reshape(CHANNELS + len(TARGETS), SAMPLES)
    return table[:CHANNELS].T.copy(), dict(zip(TARGETS, table[CHANNELS:].copy(), strict=True))
