"""Daily climate for irrigation: the files that AquaCrop-OSPy ships, or a grower's own file with a place of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.fields.agrifood.weather_table import Columns, evenly, read_weather

Floats = NDArray[np.float64]
OWN = "own"
"""Stands for the place of an own file; its seasons are `own 2008` and so on."""
DAY = 86400.0
COLUMNS: Columns = {
    "minimum": ("Cel", -60.0, 50.0),
    "maximum": ("Cel", -50.0, 60.0),
    "rain": ("mm", 0.0, 2000.0),
    "reference ET": ("mm", 0.0, 30.0),
}
"""Of an own file, a day: unit, and what can be at all in that unit."""
SOILS = (
    *("Clay", "ClayLoam", "Loam", "LoamySand", "Sand", "SandyClay", "SandyClayLoam", "SandyLoam", "Silt"),
    *("SiltClay", "SiltClayLoam", "SiltLoam"),
)


@dataclass(frozen=True)
class Site:
    """A place: its climate file, the crop, when it is planted (month, day) and when a season ends at the latest."""

    file: str
    crop: str
    planting: tuple[int, int]
    end: tuple[int, int]
    soil: str
    tune: tuple[int, ...] = ()
    held_out: tuple[int, ...] = ()


def dates_of(site: Site, year: int) -> tuple[date, date]:
    """The first and the last possible day of the season planted in a year."""
    return date(year, *site.planting), date(year + (site.end < site.planting), *site.end)


def own_site(lab: Mapping[str, Any], file: str) -> Site:
    """The place of an own file, from a `lab` table: `crop`, `soil`, `planting` and `end`.

    Raises:
        BadInput: one is missing, AquaCrop knows no such crop or soil, or there is no such day.
    """
    from aquacrop.entities.crops.crop_params import crop_params

    for key in ("crop", "soil", "planting", "end"):
        if key not in lab:
            raise BadInput(
                f"the key {key!r} is missing",
                where="[lab]",
                remedy='write crop = "Maize", soil = "SandyLoam", planting = "05-01" and end = "12-30"',
            )
    for key, known in (("crop", list(crop_params)), ("soil", SOILS)):
        if lab[key] not in known:
            raise BadInput(
                f"AquaCrop does not know {lab[key]!r}", where=f"[lab], {key}", remedy=f"there are {', '.join(known)}"
            )
    return Site(file, str(lab["crop"]), _month_day(lab, "planting"), _month_day(lab, "end"), str(lab["soil"]))


def _month_day(lab: Mapping[str, Any], key: str) -> tuple[int, int]:
    try:
        # Any year that is no leap year: a season that begins on 29 February cannot be run each year.
        told = date.fromisoformat(f"2001-{lab[key]}")
    except ValueError:
        raise BadInput(
            f"{lab[key]!r} is no day of every year", where=f"[lab], {key}", remedy="write month and day, as 05-01"
        ) from None
    return told.month, told.day


def climate(data: bytes) -> Floats:
    """A shipped file: day, month, year, minimum and maximum temperature Cel, rain mm, reference ET mm; (days, 7)."""
    table = np.loadtxt(io.BytesIO(data), skiprows=1)
    if table.ndim != 2 or table.shape[1] != 7 or not np.isfinite(table).all():
        raise BadInput(
            "the climate file has not seven numbers a day", remedy="give day, month, year, Tmin, Tmax, rain, ET0"
        )
    return np.asarray(table)


def own_climate(data: bytes, where: str) -> Floats:
    """A grower's file, as `climate` gives it.

    `date,minimum [Cel],maximum [Cel],rain [mm],reference ET [mm]`; a row a day, without gaps.

    Raises:
        BadInput: no such header, a unit that cannot be, a number that is none or cannot be, or a gap.
    """
    days, channels = read_weather(data, "date", COLUMNS, where)
    if evenly(days, DAY, where) != DAY or days[0].hour:
        raise BadInput("rows are not one a day", where=where, remedy="give a row for each day, dated as 2026-02-09")
    low, high = channels[:2]
    if (low > high).any():
        raise BadInput(
            f"row {int(np.argmax(low > high)) + 2}: the minimum is above the maximum",
            where=where,
            remedy="check which column is which",
        )
    return np.column_stack([[[day.day, day.month, day.year] for day in days], *channels])


@lru_cache(maxsize=4)
def frame_of(data: bytes, own: str) -> Any:
    """A climate file as the data frame that AquaCrop takes; `own` is the name of an own file, empty for a shipped one.

    Raises:
        BadInput: the file is not what it should be.
    """
    import pandas as pd

    table = own_climate(data, own) if own else climate(data)
    dates = pd.to_datetime({"year": table[:, 2], "month": table[:, 1], "day": table[:, 0]})
    return pd.DataFrame({
        "MinTemp": table[:, 3], "MaxTemp": table[:, 4], "Precipitation": table[:, 5],
        # AquaCrop divides by it.
        "ReferenceET": np.maximum(table[:, 6], 0.1), "Date": dates,
    })  # fmt: skip


def inside(data: bytes, own: str, site: Site, years: list[int]) -> None:
    """Refuses seasons outside a climate file, before any is run.

    Raises:
        BadInput: names the first.
    """
    dates = frame_of(data, own)["Date"]
    first, last = dates.iloc[0].date(), dates.iloc[-1].date()
    for year in years:
        start, end = dates_of(site, year)
        if start < first or end > last:
            raise BadInput(
                f"the season of {year} does not lie inside the climate file",
                where=f"{site.file}, {first} to {last}",
                remedy="name years whose whole season it holds",
            )
