"""What each extra brings is free to use with a program under Apache-2.0; the GPL stands in one optional extra alone."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)
LESSER = re.compile(r"LGPL|Lesser", re.IGNORECASE)
ALLOWED = {"strain": {"swiglpk": "the solver that cobra needs: GPL-3.0, for who installs dure[strain]"}}
"""Copyleft that an extra may bring, and why; it must be an extra of its own, part of no other."""


def needed(requirements: list[str], extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every installed distribution that these requirements bring, through all that they need themselves."""
    waiting, seen = [(Requirement(text), extras) for text in requirements], set()
    while waiting:
        requirement, wanted = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": e}) for e in (wanted or {""})):
            continue
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        if key[0] == "dure":
            for extra in requirement.extras:
                waiting += [(Requirement(text), frozenset()) for text in EXTRAS[extra]]
            continue
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        yield key[0]
        waiting += [(Requirement(text), frozenset(requirement.extras) | {""}) for text in found.requires or ()]


def licence(name: str) -> str:
    """What a distribution says of its licence: the expression, or the classifiers, or the field's first line."""
    about = distribution(name).metadata
    said = about.get("License-Expression") or ""
    if not said:
        classifiers = [c.rpartition("::")[2].strip() for c in about.get_all("Classifier") or () if "License" in c]
        said = "; ".join(classifiers) or (about.get("License") or "").split("\n")[0]
    return said


def copyleft(name: str) -> bool:
    """Whether no licence is offered but the GPL or the AGPL."""
    offers = re.split(r"\s+OR\s+", licence(name))
    return all(COPYLEFT.search(LESSER.sub("", offer)) and not LESSER.search(offer) for offer in offers)


@pytest.mark.parametrize("extra", ["", *(e for e in EXTRAS if e not in ("dev", "bench", "docs", "baybe"))])
def test_an_extra_brings_no_copyleft_but_what_is_stated(extra: str) -> None:
    requirements = EXTRAS[extra] if extra else PROJECT["dependencies"]
    found = sorted({name for name in needed(requirements) if copyleft(name)})
    assert found == sorted(name for name in ALLOWED.get(extra, {}) if name in set(needed(requirements)))


def test_no_other_extra_brings_what_is_allowed_in_one() -> None:
    for extra in ALLOWED:
        others = [e for e in EXTRAS if e not in (extra, "dev")]
        assert not [e for e in others if any(f"[{extra}" in text or f",{extra}" in text for text in EXTRAS[e])]


def test_the_audit_sees_what_is_copyleft() -> None:
    assert COPYLEFT.search("GNU General Public License v3 (GPLv3)")
    assert not COPYLEFT.search(LESSER.sub("", "LGPL-3.0-only"))
