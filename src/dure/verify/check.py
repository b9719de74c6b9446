"""A check looks at candidates and says what it found, as evidence.

Nothing in `verify` knows what a candidate is: molecules, recipes and schedules climb the same ladder.

One convention joins a finding to its details: a property may be explained by rows named `property/NAME`. What pushes a
value too high are the names present (`alerts/quinone` = 1); what holds it too low are the names absent or failed
(`plausible/no clashes` = 0). The reason of a verdict lists those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from dure.base.canonical import digest
from dure.base.evidence import EVIDENCE
from dure.design.candidate import Candidate


class Check(Protocol):
    """One rung of the ladder.

    Attributes:
        name, version: `name@version#settings digest` is the method of its evidence.
        kind: `rule`, `predicted` or `simulated`.
        cost: CPU seconds a candidate, roughly: the ladder climbs from cheap to dear.
        settings: all else that its evidence depends on, as canonical values; a large input goes in as its digest.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def cost(self) -> float: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...

    def missing(self) -> str | None:
        """None when the check can run here; otherwise what is not installed and how to install it."""
        ...

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        """Evidence (schema `dure.base.evidence.EVIDENCE`) about these candidates; `at` is the time of the run.

        At most one row a candidate and property, and what is found of one candidate never depends on the others.
        """
        ...


@runtime_checkable
class Illustrating(Protocol):
    """A check that also makes something to look at, such as the drawing of a pose, while it finds its evidence."""

    def run_with_artefacts(self, candidates: Sequence[Candidate]) -> tuple[pa.Table, Mapping[str, Mapping[str, bytes]]]:
        """The evidence of `run`, and candidate id -> file name -> bytes.

        A name ends in what it is: `pose.sdf`. A drawing with words in it is made in each language: `pose.en.svg` and
        `pose.ko.svg`. No verdict depends on an artefact.
        """
        ...


@runtime_checkable
class Parallel(Protocol):
    """A check that uses several processors for one candidate: it is given them, where there are so many.

    What it finds does not depend on how many it got.
    """

    cpus: int


def method(check: Check) -> str:
    """What stands in the `method` column of a check's evidence."""
    return f"{check.name}@{check.version}#{digest(dict(check.settings)).removeprefix('b3:')[:12]}"


def accepted(check: Check, candidates: Sequence[Candidate], found: pa.Table) -> pa.Table:
    """The evidence itself when it is what this check may say about these candidates.

    Raises:
        TypeError: another schema, another kind or method, a stranger among the candidates, or a property told twice.
            The check is wrong, not its input.
    """
    if not isinstance(found, pa.Table) or not found.schema.equals(EVIDENCE):
        raise TypeError(f"check {check.name} gave something else than an evidence table")
    for column, expected in (
        ("kind", {check.kind}),
        ("method", {method(check)}),
        ("candidate", {c.id for c in candidates}),
    ):
        strange = set(found[column].unique().to_pylist()) - expected
        if strange:
            raise TypeError(f"evidence of check {check.name} has {column} {sorted(strange)[0]!r}, which is not its own")
    told = found.group_by(["candidate", "property"]).aggregate([([], "count_all")])
    if told.num_rows != found.num_rows:
        raise TypeError(f"check {check.name} tells a property of a candidate more than once")
    return found
