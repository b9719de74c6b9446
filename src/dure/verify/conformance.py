"""What every check must keep, as one function that a plug-in's tests call on its own checks."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from dure.base.canonical import canonical
from dure.design.candidate import Candidate
from dure.verify.check import Check, accepted


def check_conforms(check: Check, candidates: Sequence[Candidate]) -> None:
    """Runs a check on at least two different candidates in four ways and compares.

    Raises:
        AssertionError: what the check breaks, in one sentence. Also where the check is not installed: a suite that
            means to skip it asks `missing()` first.
        TypeError: evidence that is not the check's own to give.
    """
    _claims(check)
    _require(len({c.id for c in candidates}) == len(candidates) >= 2, "give at least two different candidates")
    before = [canonical([c.kind, c.content, c.form]) for c in candidates]
    whole = _found(check, candidates)
    silent = [c.id for c in candidates if not any(c.id in row for row in whole)]
    _require(not silent, f"{check.name} says nothing about {silent}")
    _require(not _found(check, []), f"{check.name} finds something where there is no candidate")
    _require(_found(check, list(reversed(candidates))) == whole, f"{check.name} depends on the order of candidates")
    apart = sorted(row for candidate in candidates for row in _found(check, [candidate]))
    _require(apart == whole, f"{check.name} judges a candidate by its company")
    after = [canonical([c.kind, c.content, c.form]) for c in candidates]
    _require(before == after, f"{check.name} changes the candidates it is shown")


def _claims(check: Check) -> None:
    _require(isinstance(check.name, str) and check.name.strip() == check.name != "", "a check has a name")
    _require("/" not in check.name, f"{check.name}: a slash separates a property from its details")
    _require(type(check.version) is int and check.version > 0, f"{check.name}: its version is a positive whole number")
    _require(
        check.kind in ("rule", "predicted", "simulated"),
        f"{check.name} claims evidence of kind {check.kind!r}; only a laboratory measures",
    )
    _require(check.cost > 0, f"{check.name}: its cost is CPU seconds a candidate, above zero")
    canonical(dict(check.settings))
    missing = check.missing()
    _require(missing is None, f"{check.name} cannot run here: {missing}")


def _found(check: Check, candidates: Sequence[Candidate]) -> list[str]:
    """The evidence as comparable rows that begin with the candidate, the time of the run left out."""
    table: pa.Table = accepted(check, candidates, check.run(candidates)).drop_columns(["at"])
    return sorted(repr(tuple(row.values())) for row in table.to_pylist())


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
