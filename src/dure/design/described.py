"""Spaces as a specification writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, ScheduleSpace
from dure.design.contract import Space
from dure.design.lattice import linear_of, parameters_of
from dure.design.subset import SubsetSpace

KINDS: dict[str, set[str]] = {
    "recipe": {"parameters", "linear"},
    "schedule": {"parameters", "linear", "phases"},
    "subset": {"items", "most", "least"},
}
"""Kinds of space that need nothing but their description, and the keys of each."""


def described_space(table: Mapping[str, Any]) -> Space:
    """The space that a specification's `space` table describes.

    Raises:
        BadInput: another kind, a key that is missing or unknown, or constraints that nothing keeps.
    """
    kind = str(table.get("kind"))
    space = _made(kind, table)  # what is missing is said before what is too much
    strange = sorted(set(table) - {"kind"} - KINDS[kind])
    if strange:
        raise BadInput(
            f"unknown key {strange[0]!r}",
            where="[space]",
            remedy=f"keys are {', '.join(sorted({'kind'} | KINDS[kind]))}",
        )
    return space


def _made(kind: str, table: Mapping[str, Any]) -> Space:
    if kind == "subset":
        items = table.get("items")
        if not isinstance(items, list | tuple):
            raise BadInput("a space of subsets needs items", where="[space], items", remedy='write items = ["…", …]')
        return SubsetSpace(items, _whole(table, "most", len(items)), _whole(table, "least", 1))
    if kind == "recipe":
        return BoxSpace(parameters_of(table.get("parameters")), linear_of(table.get("linear")))
    if kind == "schedule":
        phases = _whole(table, "phases", None)
        return ScheduleSpace(parameters_of(table.get("parameters")), phases, linear_of(table.get("linear")))
    raise BadInput(f"{kind!r} is no kind of space", where="[space], kind", remedy=f"there are {', '.join(KINDS)}")


def _whole(table: Mapping[str, Any], key: str, default: int | None) -> int:
    value = table.get(key, default)
    if type(value) is not int:
        raise BadInput(f"{value!r} is not a whole number", where=f"[space], {key}", remedy=f"write {key} = 3, say")
    return value
