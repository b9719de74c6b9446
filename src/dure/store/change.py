"""`Change`: the only way to write. One transaction that carries its ledger events and what follows from them.

The writer lock is taken before the first read; decisions are made again under it; sequence and time are given there, so
the ledger has no gaps and never runs backward. Projections are written by the pure projector of each event's kind and
by nothing else: a Change exposes no SQL. A Change without an event, or an event without a decision, rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from dure.base.canonical import canonical, timestamp
from dure.base.clock import Clock
from dure.base.errors import Conflict
from dure.base.types import Decision
from dure.store.database import Database, Reader
from dure.store.kinds import Event, Registry
from dure.store.ledger import MAX_LEAF, Ledger, last_event, ledger_event
from dure.store.projection import apply, rewrite

ANY = object()
"""`expect=ANY`: the event does not depend on what happened to its subject before."""

Redecide = Callable[[Reader], Sequence[Decision]]
"""Makes the decisions of an act again, on the state that the writer sees; raises `Refused`."""


class Change:
    """What one transaction appends. Made by `Store.change`."""

    def __init__(
        self, connection: Connection, registry: Registry, actor: str, decisions: Sequence[Decision], now: str
    ) -> None:
        self._connection, self._reader = connection, Reader(connection)
        self._projected = 0
        self.actor = actor
        self.events: list[Event] = []
        self._registry = registry
        self._decisions = {(d.action, d.resource.partition("/")[2]): d.as_leaf() for d in decisions}
        newest_sequence, newest = last_event(connection)
        self._next = newest_sequence + 1
        self.time = max(newest, now)
        self._moved: dict[str, int] = {}
        self._expected: dict[str, object] = {}
        self._decided: dict[int, bytes] = {}

    def record(self, kind: str, subject: str, body: Mapping[str, Any], *, expect: int | object | None = ANY) -> Event:
        """Appends one event.

        Args:
            kind: name of a registered event kind.
            subject: what it happened to.
            body: exactly the fields of the kind.
            expect: the sequence of the subject's newest event that the caller has seen, None for "there is none yet",
                ANY where it does not matter.

        Raises:
            Conflict: the subject moved meanwhile; nothing of this Change is kept. It is raised here, at the next read
                or at the end: all that is expected is looked up at once.
            RuntimeError: no decision of this act allows the event.
            ValueError: the body breaks the rules of its kind.
        """
        rule = self._registry[kind]
        rule.check(subject, body)
        decision = self._decisions.get((rule.action, rule.about(subject, body)))
        if decision is None:
            raise RuntimeError(f"{kind} on {subject}: this act has no decision {rule.action!r} about it")
        if expect is not ANY:
            self._expect(subject, expect)
        event = Event(self._next, self.time, self.actor, kind, rule.v, subject, dict(body), decision)
        self.events.append(event)
        self._moved[subject] = self._next
        self._next += 1
        return event

    @property
    def next_sequence(self) -> int:
        """The sequence that the next event will have."""
        return self._next

    @property
    def read(self) -> Reader:
        """Reads the projections as they are with everything that this Change has recorded so far."""
        self.project()
        return self._reader

    def project(self) -> None:
        """Writes what follows from the events that were not projected yet, after what they expect was found so."""
        self._check_expected()
        apply(self._connection, self._registry, self.events[self._projected :])
        self._projected = len(self.events)

    def rewrite_projections(self) -> int:
        """Writes every projection anew from the ledger as it was before this Change; returns its number of events.

        Raises:
            Corrupt: an event cannot be replayed.
        """
        return rewrite(self._connection, self._registry)

    def version(self, subject: str) -> int | None:
        """The sequence of the subject's newest event, this Change's own included; None when it has none."""
        return self._moved[subject] if subject in self._moved else self._versions([subject]).get(subject)

    def leaves(self) -> list[dict[str, Any]]:
        """The ledger rows of its events."""
        return [self._row(event) for event in self.events]

    def _row(self, event: Event) -> dict[str, Any]:
        decision = self._decided.get(id(event.decision))
        if decision is None:
            # One decision may stand behind thousands of events: its text is made once.
            decision = self._decided[id(event.decision)] = canonical(event.decision)
        leaf = leaf_of(event, decision)
        if len(leaf) > MAX_LEAF:
            raise ValueError(f"{event.kind}: a leaf of {len(leaf)} bytes; what is over {MAX_LEAF} belongs in an object")
        about = {"time": event.time, "kind": event.kind, "subject": event.subject}
        return {"sequence": event.sequence, **about, "leaf": leaf}

    def _versions(self, subjects: Sequence[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(subjects), _ASKED):
            rows = self._connection.execute(_VERSIONS, {"subjects": subjects[start : start + _ASKED]})
            found.update((row[0], row[1]) for row in rows)
        return found

    def _expect(self, subject: str, expected: object) -> None:
        if subject in self._moved:
            _compare(subject, expected, self._moved[subject])
        else:
            self._expected[subject] = expected

    def _check_expected(self) -> None:
        # Nobody else writes while this Change holds the lock, so it may be asked as well now as then.
        found = self._versions(list(self._expected))
        for subject, expected in self._expected.items():
            _compare(subject, expected, found.get(subject))
        self._expected.clear()


_ASKED = 500
_VERSIONS = (
    select(ledger_event.c.subject, func.max(ledger_event.c.sequence))
    .where(ledger_event.c.subject.in_(bindparam("subjects", expanding=True)))
    .group_by(ledger_event.c.subject)
)


def _compare(subject: str, expected: object, found: int | None) -> None:
    if found != expected:
        seen = "not to exist" if expected is None else f"at event {expected}"
        raise Conflict(
            f"{subject} was expected {seen} and is at event {found}",
            remedy="somebody else moved it meanwhile: look at it again, then repeat the command",
        )


def leaf_of(event: Event, decision: bytes) -> bytes:
    """The canonical JSON of an event, `decision` being that of its decision: what the ledger hashes and keeps."""
    before = canonical({"actor": event.actor, "body": event.body})
    after = canonical(
        {"kind": event.kind, "sequence": event.sequence, "subject": event.subject, "time": event.time, "v": event.v}
    )
    # Names are sorted: actor, body, decision, kind, sequence, subject, time, v.
    return before[:-1] + b',"decision":' + decision + b"," + after[1:]


class Store:
    """Database, ledger and event kinds together: opens Changes and reads.

    Args:
        database: where projections and ledger live.
        ledger: the tree.
        registry: every event kind of the hub.
        clock: gives the time of events.
    """

    def __init__(self, database: Database, ledger: Ledger, registry: Registry, clock: Clock) -> None:
        self.database, self.ledger, self.registry, self.clock = database, ledger, registry, clock

    @contextmanager
    def change(self, actor: str, redecide: Redecide, *, sign: bool = False) -> Iterator[Change]:
        """One transaction by `actor`. Do objects, network and computing before it: the writer lock is held inside.

        Args:
            actor: the principal's id.
            redecide: makes the act's decisions again under the lock.
            sign: sign a checkpoint at its end, due or not.
        """
        with self.database.write() as connection:
            decisions = redecide(Reader(connection))
            change = Change(connection, self.registry, actor, decisions, timestamp(self.clock()))
            yield change
            if not change.events:
                raise RuntimeError("a Change without an event")
            # What was expected is looked up before the Change's own events stand in the ledger.
            change.project()
            edge = self.ledger.append(connection, change.leaves(), sign=sign)
        self.ledger.committed(edge)

    def sign(self) -> None:
        """Signs a checkpoint over everything so far, unless the newest one covers it."""
        with self.database.write() as connection:
            edge = self.ledger.append(connection, [], sign=True)
        self.ledger.committed(edge)
