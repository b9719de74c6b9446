"""A check looks at candidates and says what it found, as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from dure.design.candidate import Candidate


class Check(Protocol):
    """One rung of the ladder.

    Attributes:
        name, version: `name@version#settings digest` is the method of its evidence.
        kind: `rule`, `predicted` or `simulated`.
        cost: CPU seconds a candidate, roughly: the ladder climbs from cheap to dear.
    """

    name: str
    version: int
    kind: str
    cost: float

    def missing(self) -> str | None:
        """None when the check can run here; otherwise what is not installed and how to install it."""
        ...

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        """Evidence (schema `dure.base.evidence.EVIDENCE`) about these candidates; `at` is the time of the run."""
        ...
