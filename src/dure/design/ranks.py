"""Average ranks. `scipy.stats.rankdata` gives the same, and takes half a second to import."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dure.design.contract import Floats


def average_ranks(values: ArrayLike) -> Floats:
    """Ranks from 1; equal values share the mean of theirs. No NaN.

    >>> average_ranks([10, 30, 20, 20]).tolist()
    [1.0, 4.0, 2.5, 2.5]
    """
    _, places, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks
