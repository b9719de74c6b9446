"""Numbers, units and other people's words, made safe and short for a page."""

from __future__ import annotations

import math
import unicodedata

SHOWN_UNITS = {
    "1": "",
    "nmol/L": "nM",
    "umol/L": "µM",
    "mmol/L": "mM",
    "mol/L": "M",
    "Cel": "°C",
    "Ao2": "Å²",
    "[Ao]2": "Å²",
}
LONGEST = 120
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def number(value: float | None, decimals: int | None = None) -> str:
    """A number for reading: a true minus, thousands apart, three significant digits unless told otherwise.

    >>> number(-8.04, 1), number(0.0634), number(48714.0), number(None)
    ('−8.0', '0.0634', '48,714', '–')
    """
    if value is None:
        return "–"
    if decimals is None:
        size = abs(value)
        if size and (size < 1e-3 or size >= 1e7):
            return _scientific(value)
        decimals = 0 if float(value).is_integer() else max(0, 2 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return f"−{text[1:]}" if text.startswith("-") and any(c in "123456789" for c in text) else text.lstrip("-")


def unit(code: str) -> str:
    """A UCUM code as people write it.

    >>> unit("nmol/L"), unit("1"), unit("{EUR}/m2")
    ('nM', '', 'EUR/m2')
    """
    return SHOWN_UNITS.get(code, code.replace("{", "").replace("}", ""))


def quantity(value: float | None, code: str, decimals: int | None = None, qualifier: str = "=") -> str:
    """Value, unit and, for a censored value, its sign.

    >>> quantity(10000, "nmol/L", qualifier=">")
    '> 10,000 nM'
    """
    if value is None:
        return "–"
    sign = "" if qualifier == "=" else f"{qualifier} "
    return f"{sign}{number(value, decimals)} {unit(code)}".strip()


def chance(p: float) -> str:
    """A probability with its sign, held together by a space that does not break; never printed as 0.

    >>> [chance(p).split() for p in (0.0476, 3e-9, 0.62)]
    [['=', '0.048'], ['<', '0.0001'], ['=', '0.62']]
    """
    if p < 1e-4:
        return "<\u00a00.0001"
    return f"=\u00a0{p:.2f}" if p >= 0.1 else f"=\u00a0{p:.2g}"


def count(found: float) -> str:
    """How many were found: whole where it is whole, else with one decimal.

    >>> count(5.0), count(2.479)
    ('5', '2.5')
    """
    return number(found, 0 if float(found).is_integer() else 1)


def plain(text: object, longest: int = LONGEST) -> str:
    """Words from outside as they may stand on a page: one line, not too long, with nothing invisible in them.

    Characters that steer the direction of text, other controls and lone surrogates could make a page say what the
    record does not; each is written out as its code point. Escaping for HTML is the template's work.

    >>> plain("a\u202eb"), plain("x" * 200, 10)
    ('a[U+202E]b', 'xxxxxxxxx…')
    """
    words = " ".join(str(text)[: 4 * longest + 4].split())
    seen = "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in INVISIBLE else c for c in words)
    return seen if len(seen) <= longest else f"{seen[: longest - 1]}…"


def _scientific(value: float) -> str:
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa} × 10^{int(exponent)}".replace("-", "−")
