"""Outdoor weather for the greenhouse: the measured year of the archive, or a grower's own file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.units import convert

Floats = NDArray[np.float64]
DAY = 86400.0
STEP = 1800.0
LOOK = 13
"""Half hours of weather that a season needs after its end, for forecasts."""
COLUMNS = {
    "radiation": ("W/m2", 0.0, 1500.0),
    "temperature": ("Cel", -50.0, 60.0),
    "humidity": ("%", 0.0, 105.0),
    "CO2": ("[ppm]", 150.0, 2000.0),
}
"""Of an own file: unit, and what can be at all in that unit."""
BLEISWIJK = (52.03, 4.53)
BLEISWIJK_FIRST_DAY = 10.0
"""The archive's file counts seconds from 10 January 2014 and does not say so itself."""


@dataclass(frozen=True)
class Weather:
    """One trace, evenly spaced.

    Attributes:
        values: shape (samples, 5): radiation W/m2, CO2 kg/m3, temperature Cel, vapour kg/m3, and the radiation that a
            clear sky would give, W/m2.
        spacing: seconds between samples.
        first_day: day of the year of the first sample, 1 for 1 January.
        name: for readers.
    """

    values: Floats
    spacing: float
    first_day: float
    name: str

    @property
    def last_day(self) -> float:
        """Day of the year of the last sample."""
        return self.first_day + (len(self.values) - 1) * self.spacing / DAY

    def season(self, start_day: float, steps: int) -> Floats:
        """Weather at each half hour of a season and of the forecast after it, shape (steps + 13, 5).

        Raises:
            BadInput: the season does not lie inside the trace.
        """
        offset = (start_day - self.first_day) * DAY
        rows = np.rint((offset + np.arange(steps + LOOK) * STEP) / self.spacing).astype(np.int64)
        if rows[0] < 0 or rows[-1] >= len(self.values):
            raise BadInput(
                f"a season from day {start_day:g} does not lie inside the weather of {self.name}",
                where=f"day {self.first_day:g} to {self.last_day:.1f}",
                remedy="start seasons later, or give a longer weather file",
            )
        return np.ascontiguousarray(self.values[rows])


def bleiswijk(data: bytes) -> Weather:
    """The measured year 2014 at Bleiswijk: seconds, radiation, temperature, humidity, wind, CO2, without a header."""
    raw = np.loadtxt(io.BytesIO(data), delimiter=",")
    # Noise of the sensor at night is no light.
    light = np.where(raw[:, 1] < 1e-6, 0.0, raw[:, 1])
    spacing = float(np.round(np.diff(raw[:, 0]).mean()))
    days = BLEISWIJK_FIRST_DAY + raw[:, 0] / DAY
    # Its clock is that of the wall: noon jumps by an hour on 30 March (day 89).
    utc = days - np.where((days >= 89.0) & (days < 299.0), 2.0, 1.0) / 24.0
    clear = clear_sky(utc, *BLEISWIJK)
    values = np.column_stack([_in_model_units(light, raw[:, 2], raw[:, 3], raw[:, 5]), clear])
    return Weather(values, spacing, BLEISWIJK_FIRST_DAY, "2014")


def clear_sky(utc_day: Floats, latitude: float, longitude: float) -> Floats:
    """Global radiation under a clear sky, W/m2: solar height by Spencer's terms, transmission after Haurwitz (1945).

    Args:
        utc_day: day of the year with its fraction, in universal time; 1.5 is noon of 1 January.
        latitude, longitude: degrees, north and east positive.
    """
    turn = 2 * np.pi * (np.floor(utc_day) - 81) / 365
    equation = (9.87 * np.sin(2 * turn) - 7.53 * np.cos(turn) - 1.5 * np.sin(turn)) / 60
    hour = (utc_day % 1) * 24 + longitude / 15 + equation
    declination, north = np.deg2rad(23.45) * np.sin(turn), np.deg2rad(latitude)
    height = np.sin(north) * np.sin(declination)
    height = height + np.cos(north) * np.cos(declination) * np.cos(np.deg2rad(15 * (hour - 12)))
    up = np.maximum(height, 1e-3)
    return np.where(height > 1e-3, 1098.0 * up * np.exp(-0.057 / up), 0.0)


def own_weather(data: bytes, where: str, place: tuple[float, float]) -> Weather:
    """A grower's file: a header, then rows of `time` (ISO 8601) and the columns of `COLUMNS` with their units.

    `time,radiation [W/m2],temperature [Cel],humidity [%],CO2 [ppm]`; rows evenly spaced, at most 30 min apart. A time
    without an offset from universal time is taken as universal time: the clock tells where the sun stands.

    Args:
        where: the file's name.
        place: latitude and longitude in degrees, north and east positive.

    Raises:
        BadInput: no such header, a number that is none or cannot be, a gap, or too coarse a spacing.
    """
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start} is not UTF-8", where=where, remedy="save the file as UTF-8") from None
    header, body = (rows[0] if rows else []), [row for row in rows[1:] if row]
    places = _places(header, where)
    if len(body) < 2:
        raise BadInput(f"{len(body)} rows are no weather", where=where, remedy="give a row for each half hour or less")
    channels = [_channel(body, *places[name], name, where) for name in COLUMNS]
    at = [name.strip() for name in header].index("time")
    times = [_time(row, at, number, where) for number, row in enumerate(body, start=2)]
    gaps = np.diff([t.timestamp() for t in times])
    wrong = np.abs(gaps - gaps[0]) >= 1.0
    if wrong.any() or not 0.0 < gaps[0] <= STEP:
        raise BadInput(
            f"times are not evenly spaced, at most 30 min apart, from row {int(np.argmax(wrong)) + 3} on",
            where=where,
            remedy="fill gaps before, and say how; seasons are not run over missing weather",
        )
    first = times[0].timetuple().tm_yday + (times[0].hour * 60 + times[0].minute) / 1440
    offset = (times[0].utcoffset() or timedelta()).total_seconds() / DAY
    utc = first - offset + np.arange(len(body)) * gaps[0] / DAY
    values = np.column_stack([_in_model_units(*channels), clear_sky(utc, *place)])
    return Weather(values, float(gaps[0]), first, where)


def _in_model_units(radiation: Floats, temperature: Floats, humidity: Floats, ppm: Floats) -> Floats:
    """What instruments read -> what the model takes, by the ideal gas law and Magnus."""
    gas, kelvin = 8.3144598, temperature + 273.15
    co2 = 101325.0 * 1e-6 * ppm * 44.01e-3 / (gas * kelvin)
    saturated = 610.78 * np.exp(17.2694 * temperature / (temperature + 238.3))
    vapour = humidity / 100.0 * saturated * 18.01528e-3 / (gas * kelvin)
    return np.column_stack([radiation, co2, temperature, vapour])


def _places(header: list[str], where: str) -> dict[str, tuple[int, str]]:
    """Where each column stands and in which unit it is written."""
    found = {}
    for at, text in enumerate(header):
        name, _, rest = text.partition("[")
        found[name.strip()] = (at, rest.rstrip("] "))
    missing = [name for name in ("time", *COLUMNS) if name not in found]
    if missing:
        raise BadInput(
            f"the column {missing[0]!r} is missing",
            where=where,
            remedy="columns are time, radiation [W/m2], temperature [Cel], humidity [%], CO2 [ppm]",
        )
    bare = [name for name in COLUMNS if not found[name][1]]
    if bare:
        raise BadInput(
            f"the column {bare[0]!r} has no unit", where=where, remedy=f"write {bare[0]} [{COLUMNS[bare[0]][0]}]"
        )
    return {name: found[name] for name in COLUMNS}


def _channel(body: list[list[str]], at: int, unit: str, name: str, where: str) -> Floats:
    own, low, high = COLUMNS[name]
    try:
        values = np.array([float(row[at]) for row in body])
    except (ValueError, IndexError):
        wrong = next(n for n, row in enumerate(body, start=2) if not _is_number(row, at))
        raise BadInput(f"row {wrong} has no number in {name!r}", where=where, remedy="fill the gap before") from None
    # One name in two spellings: ppm is what growers write, [ppm] is UCUM.
    written = "[ppm]" if unit == "ppm" else unit
    scale, shift = convert(1.0, written, own) - convert(0.0, written, own), convert(0.0, written, own)
    values = values * scale + shift
    outside = ~((values >= low) & (values <= high))
    if outside.any():
        row = int(np.argmax(outside))
        raise BadInput(
            f"row {row + 2}: {values[row]:g} {own} cannot be {name}",
            where=where,
            remedy=f"{name} lies between {low:g} and {high:g} {own}; is the unit in the header right?",
        )
    return values


def _is_number(row: list[str], at: int) -> bool:
    try:
        float(row[at])
    except (ValueError, IndexError):
        return False
    return True


def _time(row: list[str], at: int, number: int, where: str) -> datetime:
    try:
        told = datetime.fromisoformat(row[at].strip())
    except ValueError:
        raise BadInput(f"row {number} has no time", where=where, remedy="write times as 2026-02-09T00:30") from None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
