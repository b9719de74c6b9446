"""`Act`: what one principal does for one purpose. Each read of governed data and each Change begins with a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dure.access.policy import PolicySet, refusal
from dure.access.principals import load_principal
from dure.base.types import Decision, Resource
from dure.store.change import Change, Store
from dure.store.database import Reader

Found = tuple[Resource, Mapping[str, object]]
Loader = Callable[[Reader, str], Found | None]
"""Reads a resource as it stands now, and what its state adds to the context; None while it does not exist."""


@dataclass(frozen=True, slots=True)
class _Asked:
    action: str
    resource: Resource
    context: Mapping[str, object]


class Act:
    """Made by `Hub.act`.

    Args:
        store: reads and writes.
        policy: decides.
        loaders: for each kind of resource that lives, how to read it.
        principal: id of who acts.
        purpose: a code for what it is done for.
    """

    def __init__(
        self, store: Store, policy: PolicySet, loaders: Mapping[str, Loader], principal: str, purpose: str | None
    ) -> None:
        self.principal, self.purpose = principal, purpose
        self._store, self._policy, self._loaders = store, policy, loaders
        self._asked: list[_Asked] = []

    def require(self, action: str, resource: Resource, **context: object) -> Decision:
        """A decision that allows the action, or `Refused` with every reason and remedy.

        Args:
            action: a name out of `access.actions.ACTIONS`.
            resource: its attributes count only while the hub holds no such thing yet; then its own state does.
            context: what the action's conditions look at beside it, for example `cost`.
        """
        asked = _Asked(action, resource, context)
        with self.read() as reader:
            decision = self._decide(reader, asked)
        if not decision.allowed:
            raise refusal(decision)
        self._asked.append(asked)
        return decision

    def allows(self, action: str, resource: Resource, **context: object) -> bool:
        """Whether `require` would let it pass: for lists and pages."""
        with self.read() as reader:
            return self._decide(reader, _Asked(action, resource, context)).allowed

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One consistent view of the projections."""
        with self._store.database.read() as reader:
            yield reader

    @contextmanager
    def change(self, *, sign: bool = False) -> Iterator[Change]:
        """One transaction by this principal; its decisions are made again under the writer lock.

        A decision allows one Change: what was asked before is spent when it commits.
        """
        with self._store.change(self.principal, self._redecide, sign=sign) as change:
            yield change
        self._asked.clear()

    def _redecide(self, reader: Reader) -> Sequence[Decision]:
        decisions = [self._decide(reader, asked) for asked in self._asked]
        for decision in decisions:
            if not decision.allowed:
                raise refusal(decision)
        return decisions

    def _decide(self, reader: Reader, asked: _Asked) -> Decision:
        loader = self._loaders.get(asked.resource.kind)
        resource, found = (loader and loader(reader, asked.resource.id)) or (asked.resource, {})
        moment = {"now": int(self._store.clock().timestamp()), "purpose_stated": self.purpose is not None}
        # What the hub reads by itself outweighs what the caller says.
        context = {**asked.context, **moment, **found}
        return self._policy.decide(load_principal(reader, self.principal), asked.action, resource, context)
