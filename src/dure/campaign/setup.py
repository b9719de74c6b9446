"""What a campaign was set up from: everything its problem names by digest, as objects, with where each came from.

The problem's digest covers content alone (which compounds, which values); the set-up says in which objects, datasets
and rows that content lies in this hub, and which code and packages prepared it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dure.base.canonical import canonical
from dure.campaign.problem import Problem


@dataclass(frozen=True)
class Setup:
    """Objects behind a problem.

    Attributes:
        problem: the problem itself.
        title: what it is called, for readers.
        specification: digest of the specification as the user gave it.
        pool, rows: objects of the prepared pool: candidates; which dataset row is which.
        features: objects of the pool's features, one a run of candidates in pool order.
        wells: object of the sealed values, for a replay.
        dataset: accession of the compounds; `file` the file in it.
        sources: accessions of everything used.
        code: version of Dure; `packages` versions that matter.
        access: the strictest access class of what it was set up from; its tasks' results carry it.
        size: how many candidates the pool has; None for a space without end.
        left_out: how many rows of the dataset did not become candidates, by reason.
        notices: what its owner should know about the data, with row numbers; nothing was changed because of it.
    """

    problem: Problem
    title: Mapping[str, str]
    specification: str
    pool: str | None = None
    rows: str | None = None
    features: tuple[str, ...] = ()
    wells: str | None = None
    dataset: str | None = None
    file: str | None = None
    access: str = "internal"
    size: int | None = None
    sources: tuple[str, ...] = ()
    code: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The stored form."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return canonical({"kind": "dure.setup", "v": 1, **values, "problem": self.problem.describe()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Setup:
        """The inverse of `to_bytes`."""
        value: dict[str, Any] = json.loads(data)
        given = {name: value[name] for name in cls.__dataclass_fields__}
        given["notices"] = tuple(given["notices"])
        return cls(
            **{**given, "problem": Problem.from_description(value["problem"]), "sources": tuple(value["sources"])}
        )
