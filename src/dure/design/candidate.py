"""A candidate is an immutable design whose id is the digest of its canonical content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dure.base.canonical import digest


@dataclass(frozen=True)
class Candidate:
    """A design that could be made and tested.

    Attributes:
        kind: what sort of thing it is: `molecule`, `recipe`, `sequence`, `knockouts`, `schedule`.
        content: what makes it itself, in canonical form: `{"inchikey": …}` for a molecule, whole numbers of steps a
            parameter for a recipe.
        form: how it is drawn and computed on (`{"smiles": …}`, `{"name": …}`); not part of its identity.

    >>> Candidate("molecule", {"inchikey": "A"}).id == Candidate("molecule", {"inchikey": "A"}, {"smiles": "C"}).id
    True
    """

    kind: str
    content: Mapping[str, Any]
    form: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @cached_property
    def id(self) -> str:
        """`b3:` digest of kind and content."""
        return digest([self.kind, dict(self.content)])

    def __hash__(self) -> int:
        return hash(self.id)
