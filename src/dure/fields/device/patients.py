"""The thirty virtual patients of simglucose, and the panels they stand in.

Parameters: Dalla Man, Rizza and Cobelli 2007, IEEE Trans. Biomed. Eng. 54:1740 (meal model) and Dalla Man et al. 2014,
J. Diabetes Sci. Technol. 8:26 (type 1), as simglucose distributes them (Xie 2018, MIT). They are not the patients of
the simulator that regulators accept.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput, Corrupt

Floats = NDArray[np.float64]

GROUPS = ("adolescent", "adult", "child")
_ODD, _EVEN = (1, 3, 5, 7, 9), (2, 4, 6, 8, 10)
PANELS: dict[str, tuple[str, ...]] = {
    "tune": tuple(f"{group}#{n:03d}" for group in GROUPS for n in _ODD),
    "held-out": tuple(f"{group}#{n:03d}" for group in GROUPS for n in _EVEN),
    "children": tuple(f"child#{n:03d}" for n in _ODD),
}
"""Who is tuned on and who judges: stratified by age group, named before anything was tuned. `children` is a part of
`tune` and shows what a panel of one group leads to."""

PARAMETERS = (
    "BW", "b", "d", "f", "kabs", "kmax", "kmin", "ke1", "ke2", "kp1", "kp2", "kp3", "ki", "k1", "k2", "Fsnc",
    "Vm0", "Vmx", "Km0", "p2u", "Ib", "m1", "m2", "m4", "m30", "Vi", "ka1", "ka2", "kd", "ksc",
)  # fmt: skip
"""What the equations read, in the order of `Patients.parameters`."""

FILES = ("vpatient_params.csv", "Quest.csv")


@dataclass(frozen=True)
class Patients:
    """Some virtual patients, in order.

    Attributes:
        names: `adult#001` and so on.
        parameters: shape (patients, len(PARAMETERS)); rates 1/min, masses kg, amounts mg/kg and pmol/kg.
        state: at the start, shape (patients, 13): the fasting steady state.
        volume: of plasma glucose, dL/kg, shape (patients,).
        basal: that keeps the steady state, U/min.
        ratio: grams of carbohydrate that one unit covers, g/U.
        correction: what one unit lowers glucose by, mg/dL/U.
    """

    names: tuple[str, ...]
    parameters: Floats
    state: Floats
    volume: Floats
    basal: Floats
    ratio: Floats
    correction: Floats

    @property
    def groups(self) -> tuple[str, ...]:
        """The age group of each."""
        return tuple(map(group, self.names))


def group(name: str) -> str:
    """The age group of a patient."""
    return name.partition("#")[0]


def read_patients(files: Mapping[str, bytes], names: Sequence[str] | None = None) -> Patients:
    """The patients of these names, all thirty where none are given.

    Args:
        files: the bytes of `FILES`, by file name.

    Raises:
        Corrupt: a file is not the table it should be.
        BadInput: no patient has this name.
    """
    body, quest = (_table(files[name], name) for name in FILES)
    chosen = tuple(body) if names is None else tuple(names)
    for name in chosen:
        if name not in body:
            raise BadInput(f"no virtual patient is called {name!r}", remedy="they are adult#001 to child#010")
    rows = [body[name] for name in chosen]
    try:
        parameters = np.array([[float(row[key]) for key in PARAMETERS] for row in rows])
        state = np.array([[float(row[f"x0_{i:2d}"]) for i in range(1, 14)] for row in rows])
        other = np.array([[float(row["Vg"]), float(row["u2ss"]) * float(row["BW"]) / 6000] for row in rows])
        asked = np.array([[float(quest[name][key]) for key in ("CR", "CF")] for name in chosen])
    except (KeyError, ValueError) as error:
        raise Corrupt(f"a column or number is missing: {error}", where=FILES[0]) from None
    return Patients(chosen, parameters, state, other[:, 0], other[:, 1], asked[:, 0], asked[:, 1])


def _table(data: bytes, name: str) -> dict[str, dict[str, str]]:
    try:
        return {row["Name"]: row for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig")))}
    except (UnicodeDecodeError, KeyError):
        raise Corrupt("this is not the table of virtual patients", where=name) from None
