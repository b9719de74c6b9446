"""Event kinds: the closed vocabulary of everything that can happen in a hub.

A kind says which action authorises it, which fields its body has, and, as a pure function, what follows from it in the
projections. Bodies hold ids, enumerations, numbers and digests only: whatever a person typed is an object named by its
digest, so no personal data can enter the ledger, which is never rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

FieldRule = Callable[[Any], bool]


def _matches(pattern: str) -> FieldRule:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


DIGEST = _matches(r"(b3|sha256):[0-9a-f]{64}")
"""The digest of an object, a candidate, a campaign or a key."""
PRINCIPAL = _matches(r"person-[0-9A-HJKMNP-TV-Z]{16}|agent-[0-9A-HJKMNP-TV-Z]{16}|system:[a-z]{2,20}")
HUB = _matches(r"hub-[0-9A-HJKMNP-TV-Z]{16}")
ACCESSION = _matches(r"[A-Z]{2}-[0-9A-HJKMNP-TV-Z]{12}")
CODE = _matches(r"[a-z][a-z0-9_.@#:/-]{0,95}")
"""A name that software gave: a field, a problem of a field, a driver, a reason code. Never text of a user."""
VERIFIER_KEY = _matches(r"[^\s+]{1,80}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}")
BASE64 = _matches(r"[A-Za-z0-9+/=]{1,128}")
TIME = _matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def INTEGER(value: Any) -> bool:
    """A whole number that any JSON reader holds exactly."""
    return type(value) is int and abs(value) < 2**53


def NUMBER(value: Any) -> bool:
    """A finite number."""
    return type(value) in (int, float) and abs(value) < 1e308


def BOOLEAN(value: Any) -> bool:
    return type(value) is bool


def one_of(*names: str) -> FieldRule:
    """One of these words."""
    return lambda value: value in names


def optional(rule: FieldRule) -> FieldRule:
    """The same, or null."""
    return lambda value: value is None or rule(value)


def list_of(rule: FieldRule, most: int = 200) -> FieldRule:
    """A list of at most `most` of these; more belongs in an object."""
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(rule, value))


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as the ledger holds it."""

    sequence: int
    time: str
    actor: str
    kind: str
    v: int
    subject: str
    body: Mapping[str, Any]
    decision: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row; a second one with the same key is an error."""

    table: Table
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """New values for the row with this key, which must exist."""

    table: Table
    key: Mapping[str, Any]
    values: Mapping[str, Any]


Op = Insert | Update
Projector = Callable[[Event], Iterable[Op]]
Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def nothing(_: Event) -> Iterable[Op]:
    """The projector of a kind whose trace is the ledger alone."""
    return ()


def subject_of(event_subject: str, _: Mapping[str, Any]) -> str:
    """The decision behind an event is about its subject."""
    return event_subject


def body_field(name: str) -> Callable[[str, Mapping[str, Any]], str]:
    """The decision behind an event is about what this field of its body names."""
    return lambda _, body: str(body[name])


@dataclass(frozen=True)
class EventKind:
    """What one kind of event means.

    Attributes:
        name: stable for ever, for example `order.placed`.
        action: the action whose decision allows it.
        body: rule of each field; no other field may stand in it, none may be missing.
        subject: rule of the subject.
        about: which resource id the decision must be about.
        project: the projections that follow, a pure function of the event.
        objects: the body fields whose digests name stored objects; `doctor --collect` keeps what they name.
        v: version of the body that is written now.
        upcasts: pure functions that turn a body of version k into one of version k + 1.
    """

    name: str
    action: str
    body: Mapping[str, FieldRule]
    subject: FieldRule
    about: Callable[[str, Mapping[str, Any]], str] = subject_of
    project: Projector = nothing
    objects: tuple[str, ...] = ()
    v: int = 1
    upcasts: Mapping[int, Upcast] = field(default_factory=dict)

    def check(self, subject: str, body: Mapping[str, Any]) -> None:
        """Raises `ValueError` when subject or body break the kind's rules: a fault of the program, never of a user."""
        if not self.subject(subject):
            raise ValueError(f"{self.name}: {subject!r} is no subject of this kind")
        if body.keys() != self.body.keys():
            raise ValueError(f"{self.name}: body has {sorted(body)}, not {sorted(self.body)}")
        for name, rule in self.body.items():
            if not rule(body[name]):
                raise ValueError(f"{self.name}: field {name!r} may not hold {body[name]!r:.80}")

    def upcast(self, v: int, body: dict[str, Any]) -> dict[str, Any]:
        """The body of a stored event in today's form."""
        while v < self.v:
            body, v = self.upcasts[v](body), v + 1
        return body


class Registry:
    """All kinds that a hub knows; each package declares its own and the composition root joins them."""

    def __init__(self, kinds: Iterable[EventKind]) -> None:
        self._kinds: dict[str, EventKind] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"two event kinds are called {kind.name}")
            self._kinds[kind.name] = kind

    def __getitem__(self, name: str) -> EventKind:
        try:
            return self._kinds[name]
        except KeyError:
            raise ValueError(f"no event kind is called {name!r}") from None

    def __iter__(self) -> Iterator[EventKind]:
        return iter(self._kinds.values())

    def __contains__(self, name: str) -> bool:
        return name in self._kinds

    def read(self, leaf: Mapping[str, Any]) -> Event:
        """An event from its leaf, brought to the current version of its kind."""
        kind = self[leaf["kind"]]
        body = kind.upcast(leaf["v"], dict(leaf["body"]))
        return Event(
            leaf["sequence"], leaf["time"], leaf["actor"], leaf["kind"], kind.v, leaf["subject"], body, leaf["decision"]
        )
