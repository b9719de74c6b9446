"""From glucose traces to windows: an hour of history, and the truth at the exact horizon.

A gap of more than ten minutes breaks a trace. Inside an unbroken piece the values at exact times are read off the
straight line between two readings; the history reads no line that ends after the moment of the forecast.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dure.base.errors import Corrupt

Floats = NDArray[np.float64]

GAP = 10.0
"""Minutes; a longer pause between two readings breaks the trace."""
STEP, LAGS = 5.0, 13
"""The history: values now and at twelve earlier times, five minutes apart."""


@dataclass(frozen=True)
class Trace:
    """Readings of one person in order: minutes and mg/dL, shape (readings,), and the `rows` that they came from."""

    person: str
    minutes: Floats
    glucose: Floats
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Moments at which a forecast can be made.

    Attributes:
        person: index of the person in the order of the traces, shape (windows,).
        minutes: the moment. history: (windows, LAGS), mg/dL, the newest first.
        future: truth at the horizon, mg/dL; NaN where the trace ends or breaks before it.
        rows: the row that the newest reading came from.
    """

    person: NDArray[np.int64]
    minutes: Floats
    history: Floats
    future: Floats
    rows: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> Windows:
        """Some of them."""
        return Windows(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def traces_of(table: pa.Table) -> list[Trace]:
    """The traces of a table with `row`, `person`, `time` (minutes) and `glucose` (mg/dL), persons by name.

    Two readings of one moment are one, the later row's.
    """
    person = np.array(table["person"].to_pylist())
    minutes, glucose = (table[name].to_numpy().astype(float) for name in ("time", "glucose"))
    rows = table["row"].to_numpy()
    found = []
    for name in sorted(set(person.tolist())):
        own = np.flatnonzero(person == name)
        own = own[np.argsort(minutes[own], kind="stable")]
        own = own[np.append(np.diff(minutes[own]) > 0, True)]
        found.append(Trace(name, minutes[own], glucose[own], rows[own]))
    return found


def repeated(table: pa.Table) -> set[int]:
    """The rows that a later one of the same person and time replaces."""
    last: dict[tuple[str, float], int] = {}
    early = set()
    for key, row in zip(
        zip(table["person"].to_pylist(), table["time"].to_pylist(), strict=True), table["row"].to_pylist(), strict=True
    ):
        if key in last:
            early.add(last[key])
        last[key] = row
    return early


def read_hall(data: bytes) -> list[Trace]:
    """The traces of iglu's `example_data_hall.csv` (id, time, gl).

    Raises:
        Corrupt: it is not that table.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        moments = [datetime.fromisoformat(row["time"]) for row in rows]
        first = min(moments)
        return traces_of(
            pa.table(
                {
                    "row": np.arange(len(rows)),
                    "person": [row["id"] for row in rows],
                    "time": [(moment - first).total_seconds() / 60 for moment in moments],
                    "glucose": [float(row["gl"]) for row in rows],
                }
            )
        )
    except (KeyError, ValueError) as error:
        raise Corrupt(f"this is not the table of glucose traces: {error}", where="example_data_hall.csv") from None


def windows(traces: Sequence[Trace], horizon: float) -> Windows:
    """Every moment with an unbroken hour behind it.

    Args:
        horizon: minutes ahead.
    """
    parts = [_of_piece(k, trace, piece, horizon) for k, trace in enumerate(traces) for piece in _pieces(trace)]
    if not parts:
        none = np.empty(0)
        return Windows(np.empty(0, int), none, np.empty((0, LAGS)), none, np.empty(0, int))
    return Windows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Windows.__dataclass_fields__))


def _pieces(trace: Trace) -> list[slice]:
    cuts = np.flatnonzero(np.diff(trace.minutes) > GAP) + 1
    edges = [0, *cuts.tolist(), len(trace.minutes)]
    return [slice(a, b) for a, b in pairwise(edges) if b - a > 1]


def _of_piece(k: int, trace: Trace, piece: slice, horizon: float) -> Windows:
    t, g = trace.minutes[piece], trace.glucose[piece]
    now = np.flatnonzero(t - t[0] >= (LAGS - 1) * STEP)
    moments = t[now]
    history = np.interp(moments[:, None] - STEP * np.arange(LAGS), t, g)
    future = np.interp(moments + horizon, t, g)
    future[moments + horizon > t[-1]] = np.nan
    return Windows(np.full(len(now), k), moments, history, future, trace.rows[piece][now])
