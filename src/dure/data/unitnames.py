"""Units as people write them (`nM`, `µM`, `ug/ml`, `°C`), turned into UCUM codes; and the unit in a column's name."""

from __future__ import annotations

import re
from functools import cache

from dure.base.errors import BadInput
from dure.base.units import check_unit

_MOLAR = {"M": "mol/L", "mM": "mmol/L", "uM": "umol/L", "nM": "nmol/L", "pM": "pmol/L", "fM": "fmol/L"}
_OTHER = {
    "°C": "Cel",
    "degC": "Cel",
    "C": "Cel",
    "°F": "[degF]",
    "degF": "[degF]",
    "ppm": "[ppm]",
    "sec": "s",
    "hr": "h",
    "hrs": "h",
    "hours": "h",
    "days": "d",
    "kcal/mol": "kcal/mol",
    "": "1",
    "none": "1",
    "-": "1",
    "log": "1",
    "fraction": "1",
}
# Lower-case l for litre, and Greek mu written as the micro sign, the letter, or u.
_LITRE = re.compile(r"(?<![a-zA-Z])([munp]?)l(?![a-zA-Z])")
_LOGS = re.compile(r"^p(?:Ki|IC50|EC50|Kd|AC50|XC50|GI50|Potency|ChEMBL(?: Value)?)\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\[([^\[\]]*)\]\s*$|\(([^()]*)\)\s*$")
_SUFFIX = re.compile(r"(?:^|[_\s.])(?:in[_\s])?([munµμpf]?M|%|percent)$")


@cache
def to_ucum(text: str) -> str:
    """The UCUM code of a unit in one of its usual spellings.

    Raises:
        BadInput: no such unit.

    >>> [to_ucum(u) for u in ("nM", "μM", "%", "nmol/L")]
    ['nmol/L', 'umol/L', '%', 'nmol/L']
    """
    plain = text.strip().strip("[]").strip().replace("µ", "u").replace("μ", "u")
    if plain in _MOLAR:
        return _MOLAR[plain]
    if plain in _OTHER:
        return _OTHER[plain]
    if plain.lower() in ("percent", "pct"):
        return "%"
    return check_unit(_LITRE.sub(r"\1L", plain))


def unit_of_name(name: str) -> str | None:
    """The unit that a column's name carries, as UCUM; None where it carries none.

    Square brackets always hold a unit; round ones and a last word only where it is one.

    Raises:
        BadInput: square brackets around something that is no unit.

    >>> [unit_of_name(n) for n in ("Ki [nM]", "IC50_uM", "yield (%)", "pKi", "Ki (mean)", "activity")]
    ['nmol/L', 'umol/L', '%', '1', None, None]
    """
    brackets = _BRACKETS.search(name)
    if brackets and brackets[1] is not None:
        return _square(brackets[1], name)
    if brackets:
        return _maybe(brackets[2])
    if _LOGS.match(name.strip()):
        return "1"
    suffix = _SUFFIX.search(name.strip())
    return to_ucum(suffix[1]) if suffix else None


def _square(text: str, name: str) -> str:
    try:
        return to_ucum(text)
    except BadInput as error:
        raise BadInput(error.what, where=f"column {name!r}", remedy=error.remedy) from None


def _maybe(text: str) -> str | None:
    # Short lower-case words such as `mean` or `a` are units to UCUM (`a` is a year), so only the usual ones count here.
    plain = text.strip().replace("µ", "u").replace("μ", "u")
    if plain in _MOLAR or plain in ("%", "°C") or "/" in plain:
        try:
            return to_ucum(plain)
        except BadInput:
            return None
    return None
