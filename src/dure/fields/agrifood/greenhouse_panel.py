"""The members that a greenhouse design is judged on: start days, buildings, and the seasons that come of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.agrifood.greenhouse_laws import law_of, vector
from dure.fields.agrifood.greenhouse_twin import NOMINAL, STEPS, Seasons, perturbed, run
from dure.fields.agrifood.weather import Weather
from dure.verify.panel import members_of

Floats = NDArray[np.float64]
_TUNE = tuple(f"day {day}" for day in (30, 34, 37, 40, 43, 46, 50))
# Seasons that begin within 40 days of a tuned one share some of its weather; from day 91 on they share none.
_NEAR = tuple(f"day {day}" for day in (12, 16, 20, 24, 56, 62, 68, 76, 84))
_FAR = tuple(f"day {day}" for day in (91, 100, 110, 130, 160, 190, 220, 250, 270, 290))
# On start days of their own, lest a building be judged on a season that was tuned on.
_BUILDINGS = tuple(
    f"day {day} building {number}" for number, day in enumerate((32, 35, 38, 42, 45, 48, 31, 36, 41, 47), start=1)
)
PANELS: dict[str, tuple[str, ...]] = {
    "tune": _TUNE,
    "quick": ("day 30", "day 40", "day 50"),
    "held-out": (*_NEAR, *_FAR, *_BUILDINGS),
    "every day": tuple(f"day {day}" for day in range(1, 366)),
}
"""Named before anything was tuned. A member is a start day; a building has every coefficient off by up to 5 %."""
MEMBER = re.compile(r"(?:([1-9]\d{3}) )?day (\d{1,3})(?: building (\d{1,3}))?")
STRATA = {
    **dict.fromkeys(_NEAR, "other start days"),
    **dict.fromkeys(_FAR, "other weather"),
    **dict.fromkeys(_BUILDINGS, "other buildings"),
}


def members_in(lab: Mapping[str, Any], where: str = "[lab], panel") -> tuple[str, ...]:
    """The members of a table's `panel`; with own weather any start day of any year, in any building.

    Raises:
        BadInput: there is none, it names what is no member, or it has fewer than two.
    """
    if "panel" not in lab:
        raise BadInput(
            f"the key {'panel'!r} is missing",
            where="[lab]",
            remedy='write panel = "tune", or a list of start days such as ["day 30", "day 50"]',
        )
    panel = lab["panel"]
    if "weather" not in lab or not isinstance(panel, list | tuple):
        return members_of(panel, PANELS, where)
    strange = [each for each in map(str, panel) if not MEMBER.fullmatch(each)]
    if strange:
        raise BadInput(
            f"{strange[0]!r} is no season of an own weather file",
            where=where,
            remedy='write "day 40" or "2026 day 40", and "building 3" after it for another greenhouse',
        )
    return members_of(panel, {"own": tuple(map(str, panel))}, where)


def panel_of(members: Sequence[str], weather: Weather) -> tuple[Floats, Floats]:
    """Weather (members, 1933, 5) and coefficients (members, 22) of members: `day 40`, `2026 day 40 building 3`."""
    told = [told_of(member) for member in members]
    c = [perturbed((2014, number)) if number else NOMINAL for _, _, number in told]
    return np.stack([weather.season(weather.day(day, year), STEPS) for year, day, _ in told]), np.stack(c)


def told_of(member: str) -> tuple[int | None, int, int]:
    """Year (None: the weather's first), start day and building (0: as the model believes) of a member."""
    found = MEMBER.fullmatch(member)
    assert found is not None
    return int(found[1]) if found[1] else None, int(found[2]), int(found[3] or 0)


def judged(design: Candidate, law: str, members: Sequence[str], weather: Weather) -> Seasons:
    """The seasons of one design on members, shape (1, members)."""
    own = law_of(design, law)
    return run(own, vector(design, own)[None], *panel_of(members, weather))
