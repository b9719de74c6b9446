"""Terms of use of data: DUO codes, licences, obligations, embargo; and what derived things inherit.

The codes are those of the GA4GH Data Use Ontology (https://github.com/EBISPOT/DUO, CC BY 4.0), kept as package data in
`duo.csv`. What is derived from several things is bound by the strictest terms of all of them and by every obligation:
a model learnt from ChEMBL (CC BY-SA) is share-alike too. A licence that is `unclear` lets the user fetch and use the
data, and never lets it be shipped, exported or mirrored.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput

ACCESS = ("open", "internal", "controlled")
"""Access classes, from the mildest to the strictest."""

UNCLEAR = "unclear"

OBLIGATIONS = ("attribution", "notice", "share-alike", "non-commercial", "no-derivatives", "no-redistribution")

LICENCES: dict[str, tuple[str, ...]] = {
    "CC0-1.0": (),
    "PDDL-1.0": (),
    "CC-BY-3.0": ("attribution",),
    "CC-BY-4.0": ("attribution",),
    "ODC-By-1.0": ("attribution",),
    "CC-BY-SA-3.0": ("attribution", "share-alike"),
    "CC-BY-SA-4.0": ("attribution", "share-alike"),
    "ODbL-1.0": ("attribution", "share-alike"),
    "CC-BY-NC-4.0": ("attribution", "non-commercial"),
    "CC-BY-NC-SA-4.0": ("attribution", "non-commercial", "share-alike"),
    "CC-BY-ND-4.0": ("attribution", "no-derivatives"),
    "CC-BY-NC-ND-4.0": ("attribution", "non-commercial", "no-derivatives"),
    "MIT": ("notice",),
    "BSD-2-Clause": ("notice",),
    "BSD-3-Clause": ("notice",),
    "Apache-2.0": ("notice",),
    "GPL-2.0-only": ("notice", "share-alike"),
    "GPL-2.0-or-later": ("notice", "share-alike"),
    "GPL-3.0-only": ("notice", "share-alike"),
    "GPL-3.0-or-later": ("notice", "share-alike"),
    UNCLEAR: ("no-redistribution",),
}
"""SPDX identifiers that Dure knows, and what each obliges to."""

# Permissions from the widest to the narrowest. POA lies beside HMB and DS: no purpose meets both.
_WIDTH = {"NRES": 0, "GRU": 1, "HMB": 2, "DS": 3, "POA": 2}


@dataclass(frozen=True)
class DuoTerm:
    """One term of the ontology that data can carry.

    Attributes:
        id, shorthand: `DUO:0000042`, `GRU`.
        kind: `permission` (data has exactly one) or `modifier` (any number).
        value: what the code needs beside it (`disease`, `region`, …), with `?` where it may be left out; or empty.
        label, label_ko, description: for people.
    """

    id: str
    shorthand: str
    kind: str
    value: str
    label: str
    label_ko: str
    description: str


@cache
def duo() -> Mapping[str, DuoTerm]:
    """The closed list of DUO terms by shorthand."""
    text = files("dure.access").joinpath("duo.csv").read_text("utf-8")
    return {row["shorthand"]: DuoTerm(**row) for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True, order=True)
class Code:
    """A DUO code with its values, such as `DS` for one or more diseases.

    Several values of one code widen it: any of these diseases, regions or institutions.

    Raises:
        BadInput: no such code, or its value is missing, malformed or not wanted.
    """

    shorthand: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(sorted(set(self.values))))
        term = duo().get(self.shorthand)
        if term is None:
            raise BadInput(f"{self.shorthand!r} is not a DUO code", remedy=f"use one of {', '.join(duo())}")
        wrong = _wrong_value(term, self.values)
        if wrong:
            raise BadInput(
                wrong, where=f"DUO code {self.shorthand}", remedy="write it as CODE=VALUE, for example TS=12"
            )


@dataclass(frozen=True)
class Terms:
    """What one may do with a thing, and what one owes for it.

    Attributes:
        codes: one permission and any modifiers, in order of their shorthands.
        licence: SPDX of the data, several joined by ` AND `; `LicenseRef-…` for one of your own; or `unclear`.
        licence_package: SPDX of the package that carries it; None where there is none.
        access: `open`, `internal` or `controlled`.
        obligations: those stated, and those that the licence brings.
        citation: what to cite.
        embargo_until: the last day of the embargo, in the hub's zone.
    """

    codes: tuple[Code, ...]
    licence: str
    licence_package: str | None = None
    access: str = "internal"
    obligations: frozenset[str] = frozenset()
    citation: tuple[str, ...] = ()
    embargo_until: date | None = None

    def __post_init__(self) -> None:
        brought = frozenset(o for part in self.licence.split(" AND ") for o in LICENCES.get(part, ()))
        object.__setattr__(self, "codes", tuple(sorted(self.codes)))
        object.__setattr__(self, "obligations", frozenset(self.obligations) | brought)
        object.__setattr__(self, "citation", tuple(dict.fromkeys(self.citation)))
        self._check()

    @property
    def redistributable(self) -> bool:
        """Whether it may be shipped, exported or mirrored.

        Never when the licence is unclear; nor when two share-alike licences both claim the whole of it.
        """
        share_alike = [p for p in self.licence.split(" AND ") if "share-alike" in LICENCES.get(p, ())]
        return "no-redistribution" not in self.obligations and len(share_alike) <= 1

    def embargo_ends(self, zone: tzinfo) -> int:
        """The first second without embargo (midnight after its last day in the hub's zone), since 1970 UTC; 0: none."""
        if self.embargo_until is None:
            return 0
        return int(datetime.combine(self.embargo_until + timedelta(days=1), time(), zone).timestamp())

    def attributes(self, zone: tzinfo) -> dict[str, object]:
        """The attributes that policies look at (`actions.RESOURCES`, kind `dataset`)."""
        return {
            "access": self.access,
            "redistributable": self.redistributable,
            "embargo_until": self.embargo_ends(zone),
        }

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "kind": "dure.terms",
            "v": 1,
            "codes": [{"code": code.shorthand, "values": list(code.values)} for code in self.codes],
            "licence": self.licence,
            "licence_package": self.licence_package,
            "access": self.access,
            "obligations": sorted(self.obligations),
            "citation": list(self.citation),
            "embargo_until": self.embargo_until.isoformat() if self.embargo_until else None,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Terms:
        """The inverse of `as_json`."""
        if (stored["kind"], stored["v"]) != ("dure.terms", 1):
            raise ValueError(f"not terms of version 1: {stored['kind']} {stored['v']}")
        until = stored["embargo_until"]
        return cls(
            codes=tuple(Code(code["code"], tuple(code["values"])) for code in stored["codes"]),
            licence=stored["licence"],
            licence_package=stored["licence_package"],
            access=stored["access"],
            obligations=frozenset(stored["obligations"]),
            citation=tuple(stored["citation"]),
            embargo_until=date.fromisoformat(until) if until else None,
        )

    def _check(self) -> None:
        permissions = [code.shorthand for code in self.codes if duo()[code.shorthand].kind == "permission"]
        if len(permissions) != 1:
            raise BadInput(
                f"terms need exactly one DUO permission, not {', '.join(permissions) or 'none'}",
                remedy="choose one of " + ", ".join(t.shorthand for t in duo().values() if t.kind == "permission"),
            )
        if len({code.shorthand for code in self.codes}) < len(self.codes):
            raise BadInput("a DUO code is given twice", remedy="give all its values in one, for example DS=A,B")
        for licence in (self.licence, self.licence_package):
            if licence is not None:
                _check_licence(licence)
        if self.access not in ACCESS:
            raise BadInput(f"access {self.access!r} is not one of {', '.join(ACCESS)}")
        strange = sorted(self.obligations - set(OBLIGATIONS))
        if strange:
            raise BadInput(f"unknown obligations {', '.join(strange)}", remedy=f"use {', '.join(OBLIGATIONS)}")


def inherit(*sources: Terms) -> Terms:
    """The terms of what is derived from all of these: the strictest of each, every obligation, every citation.

    Raises:
        BadInput: no use would meet all of them (two different diseases, say), so it must not be derived.
        ValueError: nothing to inherit from.
    """
    if not sources:
        raise ValueError("what is derived from nothing inherits nothing")
    obligations = frozenset().union(*(terms.obligations for terms in sources))
    if "no-derivatives" in obligations:
        obligations |= {"no-redistribution"}
    return Terms(
        codes=_all_codes(sources),
        licence=_all_licences(terms.licence for terms in sources),
        access=max((terms.access for terms in sources), key=ACCESS.index),
        obligations=obligations,
        citation=tuple(sorted({cited for terms in sources for cited in terms.citation})),
        embargo_until=max((t.embargo_until for t in sources if t.embargo_until), default=None),
    )


def _all_licences(licences: Iterable[str]) -> str:
    """All that apply, as an SPDX expression; those without any obligation fall away beside others."""
    parts = {part for licence in licences for part in licence.split(" AND ")}
    if UNCLEAR in parts:
        return UNCLEAR
    binding = {part for part in parts if LICENCES.get(part) != ()}
    return " AND ".join(sorted(binding)) or min(parts)


def _all_codes(sources: Iterable[Terms]) -> tuple[Code, ...]:
    given = [code for terms in sources for code in terms.codes]
    permissions = [code for code in given if code.shorthand in _WIDTH]
    narrowest = max(permissions, key=lambda code: (_WIDTH[code.shorthand], code.shorthand)).shorthand
    names = {code.shorthand for code in permissions}
    if "POA" in names and names & {"HMB", "DS"}:
        raise BadInput(
            "population-origins data and health data allow no purpose in common", remedy="do not combine the two"
        )
    wanted = {code.shorthand for code in given} - _WIDTH.keys() | {narrowest}
    return tuple(_meet([code for code in given if code.shorthand == name]) for name in sorted(wanted))


def _meet(codes: list[Code]) -> Code:
    """One code that is as strict as all of these (of the same shorthand)."""
    name = codes[0].shorthand
    limited = [set(code.values) for code in codes if code.values]
    if not limited:
        return Code(name)
    if name == "TS":
        return Code(name, (min((v for values in limited for v in values), key=int),))
    if name == "MOR":
        return Code(name, (max(v for values in limited for v in values),))
    # Codes are compared as they stand: that one disease includes another is for the matcher of purposes to know.
    common = set.intersection(*limited)
    if not common:
        raise BadInput(
            f"nothing meets all of {name}={' and '.join(','.join(sorted(values)) for values in limited)}",
            remedy="do not combine these data",
        )
    return Code(name, tuple(common))


def _wrong_value(term: DuoTerm, values: tuple[str, ...]) -> str | None:
    if not term.value:
        return "it takes no value" if values else None
    name = term.value.rstrip("?")
    if not values:
        return None if term.value.endswith("?") else f"it needs a {name}"
    if name in ("months", "date") and len(values) > 1:
        return f"it takes one {name}"
    if name == "months" and not re.fullmatch(r"[1-9]\d{0,3}", values[0]):
        return f"{values[0]!r} is not a number of months"
    if name == "date" and not _is_date(values[0]):
        return f"{values[0]!r} is not a date such as 2027-01-31"
    blank = [value for value in values if not value.strip() or len(value) > 100]
    return f"{blank[0]!r} is not a {name}" if blank else None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_licence(licence: str) -> None:
    for part in licence.split(" AND "):
        if part not in LICENCES and not re.fullmatch(r"LicenseRef-[A-Za-z0-9.-]+", part):
            raise BadInput(
                f"{part!r} is not a licence that Dure knows",
                remedy=f"use one of {', '.join(LICENCES)}; or LicenseRef-NAME with its obligations stated",
            )
