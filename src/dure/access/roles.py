"""Who acts: principals, their roles, and the parts of the hub that work in the background.

A person holds any number of roles. An agent (a program that acts) holds the role `agent` alone, may do only what is
named in its permissions, and has a budget of its own. A part of the hub that works in the background acts as
`system:<part>`, whose only role is its own name and whose policies grant no more than that part needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Text(NamedTuple):
    """One sentence in both languages."""

    en: str
    ko: str

    def filled(self, **values: Text) -> Text:
        """The sentence with its `{names}` replaced in each language."""
        en = self.en.format(**{name: value.en for name, value in values.items()})
        return Text(en, self.ko.format(**{name: value.ko for name, value in values.items()}))


ROLES: dict[str, Text] = {
    "operator": Text("operator", "운영자"),
    "steward": Text("data steward", "데이터 관리자"),
    "depositor": Text("depositor", "기탁자"),
    "researcher": Text("researcher", "연구자"),
    "auditor": Text("auditor", "감사자"),
    "agent": Text("agent", "에이전트"),
}

PERSONAL = tuple(role for role in ROLES if role != "agent")
"""Roles that a person can hold."""

SYSTEM: dict[str, Text] = {
    "system:hub": Text("the hub itself", "허브 자체"),
    "system:data": Text("the hub's data part", "허브의 데이터 부분"),
    "system:compute": Text("the hub's compute part", "허브의 계산 부분"),
    "system:lab": Text("the hub's laboratory part", "허브의 실험실 부분"),
    "system:campaign": Text("the hub's campaign part", "허브의 캠페인 부분"),
}

FOUNDER = ("operator", "steward", "depositor", "researcher")
"""Roles of the person who runs `init`: on a hub of one, that person does all of this work. An operator can lay down
any of them later; `auditor` is left out, since nobody audits himself."""

KINDS = {"person": "Person", "agent": "Agent", "system": "System"}
"""Kinds of principal and their Cedar entity types."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that acts.

    Attributes:
        id: a random id (`person-…`, `agent-…`) or `system:<part>`; never a name.
        kind: `person`, `agent` or `system`.
        roles: names out of `ROLES`, or the part's own name.
        permissions: the actions an agent was given; empty for all others, whose roles say what they may do.
        budget: assays an agent may still spend; 0 for all others, who have the campaign's budget alone.

    Raises:
        ValueError: roles that this kind cannot hold, or limits on somebody who is not an agent.
    """

    id: str
    kind: str
    roles: frozenset[str]
    permissions: frozenset[str] = frozenset()
    budget: int = 0

    def __post_init__(self) -> None:
        wrong = self._wrong()
        if wrong:
            raise ValueError(f"principal {self.id}: {wrong}")

    def _wrong(self) -> str | None:
        if self.kind not in KINDS:
            return f"kind {self.kind!r} is not one of {', '.join(KINDS)}"
        if self.kind != "agent" and (self.permissions or self.budget):
            return "permissions and a budget belong to agents alone"
        if self.budget < 0:
            return f"a budget of {self.budget} assays"
        strange = sorted(self.roles - self._possible_roles())
        if strange:
            return f"a principal of kind {self.kind} cannot hold the role {', '.join(strange)}"
        return None

    def _possible_roles(self) -> set[str]:
        if self.kind == "system":
            return {self.id} & SYSTEM.keys()
        # An agent that also held a person's role would slip past its permissions and its budget.
        return {"agent"} if self.kind == "agent" else set(PERSONAL)


def person(identifier: str, roles: Iterable[str]) -> Principal:
    """A person with these roles."""
    return Principal(identifier, "person", frozenset(roles))


def agent(identifier: str, permissions: Iterable[str], budget: int) -> Principal:
    """A program that may do what its permissions name, with so many assays."""
    return Principal(identifier, "agent", frozenset({"agent"}), frozenset(permissions), budget)


def system(part: str) -> Principal:
    """The principal of a part of the hub, for example `system("lab")`."""
    name = f"system:{part}"
    if name not in SYSTEM:
        raise ValueError(f"the hub has no part {part!r}; parts are {', '.join(sorted(SYSTEM))}")
    return Principal(name, "system", frozenset({name}))
