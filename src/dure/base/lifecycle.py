"""States of a thing that lives: one table of allowed moves, of which diagram and tests are made.

An order, a dataset or a campaign has a state; an event of some kind moves it to the next one. Everything that is asked
about states (is this event allowed now, who must act, what does the diagram look like) is read from this one table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dure.base.errors import Conflict


@dataclass(frozen=True)
class Lifecycle:
    """The allowed moves of one kind of thing.

    Attributes:
        name: the noun, for example `order`.
        initial: the state in which the thing begins.
        moves: for each state, the event kinds allowed in it and the state each leads to; `{}` for a final state.
        owners: for each state, who has to act next; what a page shows as "waiting for".

    Raises:
        ValueError: a move leads nowhere, a state cannot be reached, nothing is final, or a state has no owner.

    >>> door = Lifecycle("door", "open", {"open": {"door.shut": "shut"}, "shut": {}}, {"open": "anyone", "shut": "-"})
    >>> door.after("open", "door.shut")
    'shut'
    >>> door.allowed("shut", "door.shut")
    False
    """

    name: str
    initial: str
    moves: Mapping[str, Mapping[str, str]]
    owners: Mapping[str, str]

    def __post_init__(self) -> None:
        frozen = {state: MappingProxyType(dict(events)) for state, events in self.moves.items()}
        object.__setattr__(self, "moves", MappingProxyType(frozen))
        object.__setattr__(self, "owners", MappingProxyType(dict(self.owners)))
        self._check()

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in the order in which they were written down."""
        return tuple(self.moves)

    @property
    def final(self) -> frozenset[str]:
        """States that nothing leaves."""
        return frozenset(state for state, events in self.moves.items() if not events)

    @property
    def events(self) -> tuple[str, ...]:
        """All event kinds, in the order in which they first occur."""
        return tuple(dict.fromkeys(event for events in self.moves.values() for event in events))

    def allowed(self, state: str, event: str) -> bool:
        """Whether the event may happen in this state; `KeyError` for a state that does not exist."""
        return event in self.moves[state]

    def before(self, event: str) -> tuple[str, ...]:
        """The states in which the event may happen."""
        return tuple(state for state, events in self.moves.items() if event in events)

    def after(self, state: str, event: str) -> str:
        """The state after the event.

        Raises:
            Conflict: the event is not allowed in this state.
        """
        try:
            return self.moves[state][event]
        except KeyError:
            possible = ", ".join(self.before(event)) or "no state at all"
            raise Conflict(
                f"{event} cannot happen to the {self.name} while it is {state}",
                remedy=f"it can happen while the {self.name} is {possible}",
            ) from None

    def pairs(self) -> Iterator[tuple[str, str, str | None]]:
        """Every (state, event, next state or None): what a test of all pairs goes through, forbidden ones too."""
        for state, events in self.moves.items():
            for event in self.events:
                yield state, event, events.get(event)

    def mermaid(self) -> str:
        """The diagram for the documentation, as Mermaid `stateDiagram-v2` text."""
        lines = ["stateDiagram-v2", f"  [*] --> {self.initial}"]
        for state, events in self.moves.items():
            lines += [f"  {state} --> {after}: {event}" for event, after in events.items()]
        lines += [f"  {state} --> [*]" for state in self.states if state in self.final]
        return "\n".join(lines) + "\n"

    def _check(self) -> None:
        states = set(self.moves)
        if self.initial not in states:
            raise ValueError(f"{self.name}: the initial state {self.initial!r} is not in the table")
        for state, events in self.moves.items():
            lost = sorted(set(events.values()) - states)
            if lost:
                raise ValueError(f"{self.name}: {state} leads to {lost}, which the table does not have")
        unreached = sorted(states - self._reached())
        if unreached:
            raise ValueError(f"{self.name}: nothing leads to {unreached}")
        if set(self.owners) != states:
            raise ValueError(f"{self.name}: states and owners differ in {sorted(states ^ set(self.owners))}")
        if not self.final:
            raise ValueError(f"{self.name}: no state is final")

    def _reached(self) -> set[str]:
        reached, waiting = {self.initial}, [self.initial]
        while waiting:
            found = set(self.moves[waiting.pop()].values()) - reached
            reached |= found
            waiting.extend(found)
        return reached
