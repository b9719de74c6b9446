"""A user's own weather: a CSV whose header carries the units, and whose rows follow each other evenly."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.units import convert

Floats = NDArray[np.float64]
Columns = Mapping[str, tuple[str, float, float]]
"""Name -> its unit, and the least and the most that it can be at all in that unit."""


SHARED = ("driver", "simulator", "panel", "assay")
"""Keys of every simulated laboratory."""
DEPOSITED = "dataset"
"""Stands for the source of a user's own file, which `[lab] weather` names as ACCESSION/FILE."""


def known_keys(lab: Mapping[str, Any], own: Sequence[str]) -> None:
    """Refuses a key that a simulator does not read: a misspelt one would be dropped in silence.

    Raises:
        BadInput: names it.
    """
    strange = sorted(set(lab) - {*SHARED, *own})
    if strange:
        keys = ", ".join([*SHARED, *own])
        raise BadInput(f"unknown key {strange[0]!r}", where="[lab]", remedy=f"keys are {keys}")


def deposited(named: Any) -> tuple[str, str, str]:
    """The file that `[lab] weather` names, as ("dataset", ACCESSION, file).

    Raises:
        BadInput: it names none.
    """
    accession, _, name = str(named).partition("/")
    if not accession.startswith("DS-") or not name:
        raise BadInput(
            f"{named!r} names no deposited weather file",
            where="[lab], weather",
            remedy="deposit it with: dure deposit weather.csv …; then write DS-…/weather.csv",
        )
    return DEPOSITED, accession, name


def read_weather(data: bytes, time: str, columns: Columns, where: str) -> tuple[list[datetime], list[Floats]]:
    """The times of the rows, and each column in its own unit, shape (rows,).

    Args:
        time: the name of the column of ISO 8601 times; one without an offset is taken as universal time.
        where: the file's name.

    Raises:
        BadInput: a column is missing or has no unit or a wrong one, a number is none or cannot be, or there is one row.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start} is not UTF-8", where=where, remedy="save the file as UTF-8") from None
    except csv.Error:
        raise BadInput(
            "a cell is longer than any of a table", where=where, remedy="look for a double quote that is not closed"
        ) from None
    places = _places(rows[0] if rows else [], time, columns, where)
    body = [(number, row) for number, row in enumerate(rows[1:], start=2) if row]
    if len(body) < 2:
        raise BadInput(f"{len(body)} rows are no weather", where=where, remedy="give a row for each step of time")
    at = places[time][0]
    times = [time_of(row[at] if at < len(row) else "", number, where) for number, row in body]
    return times, [_channel(body, places[name], name, columns[name], where) for name in columns]


def evenly(times: list[datetime], most: float, where: str) -> float:
    """Seconds from one row to the next.

    Raises:
        BadInput: rows are missing or in disorder, or further apart than `most` seconds.
    """
    gaps = np.diff([each.timestamp() for each in times])
    wrong = np.abs(gaps - gaps[0]) >= 1.0
    if wrong.any() or not 0.0 < gaps[0] <= most:
        raise BadInput(
            f"times are not evenly spaced, at most {most / 60:g} min apart, from row {int(np.argmax(wrong)) + 3} on",
            where=where,
            remedy="fill gaps before, and say how; seasons are not run over missing weather",
        )
    return float(gaps[0])


def _places(header: list[str], time: str, columns: Columns, where: str) -> dict[str, tuple[int, str]]:
    """Where each column stands and in which unit it is written."""
    found = {}
    for at, text in enumerate(header):
        name, _, rest = text.partition("[")
        if name.strip() in found:
            raise BadInput(f"the column {name.strip()!r} stands twice", where=where, remedy="keep the one that holds")
        found[name.strip()] = (at, rest.rstrip().removesuffix("]").strip())
    missing = [name for name in (time, *columns) if name not in found]
    if missing:
        listed = ", ".join([time, *(f"{name} [{unit}]" for name, (unit, _, _) in columns.items())])
        raise BadInput(f"the column {missing[0]!r} is missing", where=where, remedy=f"columns are {listed}")
    bare = [name for name in columns if not found[name][1]]
    if bare:
        raise BadInput(
            f"the column {bare[0]!r} has no unit", where=where, remedy=f"write {bare[0]} [{columns[bare[0]][0]}]"
        )
    return {name: found[name] for name in (time, *columns)}


def _channel(
    body: list[tuple[int, list[str]]], place: tuple[int, str], name: str, bounds: tuple[str, float, float], where: str
) -> Floats:
    (at, unit), (own, low, high) = place, bounds
    # One name in two spellings: ppm is what growers write, [ppm] is UCUM.
    written = "[ppm]" if unit == "ppm" else unit
    try:
        shift = convert(0.0, written, own)
        scale = convert(1.0, written, own) - shift
    except BadInput as error:
        raise BadInput(error.what, where=f"{where}, {name}", remedy=error.remedy) from None
    values = np.array([scale * _number(row, at, name, number, where) + shift for number, row in body])
    outside = ~((values >= low) & (values <= high))
    if outside.any():
        i = int(np.argmax(outside))
        raise BadInput(
            f"row {body[i][0]}: {values[i]:g} {own} cannot be {name}",
            where=where,
            remedy=f"{name} lies between {low:g} and {high:g} {own}; is the unit in the header right?",
        )
    return values


def _number(row: list[str], at: int, name: str, number: int, where: str) -> float:
    try:
        return float(row[at])
    except (ValueError, IndexError):
        raise BadInput(f"row {number} has no number in {name!r}", where=where, remedy="fill the gap before") from None


def time_of(text: str, number: int, where: str) -> datetime:
    """The time of a row, by its number; without an offset it is universal time.

    Raises:
        BadInput: it is none.
    """
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"row {number} has no time", where=where, remedy="write times as 2026-02-09T00:30") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
