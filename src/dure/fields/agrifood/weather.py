"""Outdoor weather for the greenhouse: the measured year of the archive, or a grower's own file."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.fields.agrifood.weather_table import evenly, read_weather

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
        year: of the first sample.
    """

    values: Floats
    spacing: float
    first_day: float
    name: str
    year: int

    @property
    def last_day(self) -> float:
        """Day of the last sample, counted on from 1 January of the first year."""
        return self.first_day + (len(self.values) - 1) * self.spacing / DAY

    def day(self, day: float, year: int | None = None) -> float:
        """A day of the year, counted from 1 January of the first year; of the first year unless another is named."""
        return day + (date(year or self.year, 1, 1) - date(self.year, 1, 1)).days

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
    values = np.column_stack([in_model_units(light, raw[:, 2], raw[:, 3], raw[:, 5]), clear])
    return Weather(values, spacing, BLEISWIJK_FIRST_DAY, "2014", 2014)


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
    times, channels = read_weather(data, "time", COLUMNS, where)
    spacing = evenly(times, STEP, where)
    values = np.column_stack([in_model_units(*channels), sun(times[0], spacing, len(times), place)])
    return Weather(values, spacing, day_of(times[0]), where, times[0].year)


def day_of(time: datetime) -> float:
    """The day of the year with its fraction, by the clock of the time; 1.5 is noon of 1 January."""
    return time.timetuple().tm_yday + (time.hour * 60 + time.minute) / 1440


def sun(first: datetime, spacing: float, count: int, place: tuple[float, float]) -> Floats:
    """Radiation under a clear sky at a place (latitude, longitude), each `spacing` seconds, W/m2, shape (count,)."""
    offset = (first.utcoffset() or timedelta()).total_seconds() / DAY
    return clear_sky(day_of(first) - offset + np.arange(count, dtype=np.float64) * (spacing / DAY), *place)


def in_model_units(radiation: Floats, temperature: Floats, humidity: Floats, ppm: Floats) -> Floats:
    """What instruments read -> what the model takes, by the ideal gas law and Magnus."""
    gas, kelvin = 8.3144598, temperature + 273.15
    co2 = 101325.0 * 1e-6 * ppm * 44.01e-3 / (gas * kelvin)
    saturated = 610.78 * np.exp(17.2694 * temperature / (temperature + 238.3))
    vapour = humidity / 100.0 * saturated * 18.01528e-3 / (gas * kelvin)
    return np.column_stack([radiation, co2, temperature, vapour])
