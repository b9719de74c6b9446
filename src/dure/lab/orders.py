"""Orders: what a campaign asks a laboratory to do, once.

The intent is committed first (`order.placed`, which spends budget), then the driver hands it over, then the outcome is
committed. An order is named by its content, so a resumed campaign finds what it already ordered; where a laboratory
cannot look an order up by that name, it becomes `uncertain` after a crash and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import BigInteger, Column, Index, Integer, Table, select

from dure.access.act import Act
from dure.base.canonical import digest
from dure.base.lifecycle import Lifecycle
from dure.base.types import Resource
from dure.design.candidate import Candidate
from dure.store.change import Change
from dure.store.database import Reader, chars, metadata
from dure.store.kinds import (
    CODE,
    DIGEST,
    INTEGER,
    Event,
    EventKind,
    FieldRule,
    Insert,
    Op,
    Update,
    body_field,
    one_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

LIFECYCLE = Lifecycle(
    "order",
    "placed",
    {
        "placed": {
            "order.planned": "planned",
            "order.submitted": "running",
            "order.failed": "failed",
            "order.uncertain": "uncertain",
        },
        "planned": {"order.submitted": "running", "order.failed": "failed", "order.uncertain": "uncertain"},
        "running": {"order.read": "read", "order.failed": "failed", "order.uncertain": "uncertain"},
        "read": {"order.accepted": "accepted", "order.failed": "failed"},
        "uncertain": {"order.found": "running", "order.lost": "failed"},
        "accepted": {},
        "failed": {},
    },
    {
        "placed": "campaign",
        "planned": "laboratory",
        "running": "laboratory",
        "read": "laboratory",
        "uncertain": "owner",
        "accepted": "nobody",
        "failed": "nobody",
    },
)

lab_order = Table(
    "lab_order",
    metadata,
    Column("key", chars(80), primary_key=True),
    Column("campaign", chars(80), nullable=False),
    Column("candidate", chars(80), nullable=False),
    Column("assay", chars(80), nullable=False),
    Column("replicate", Integer, nullable=False),
    Column("round", Integer, nullable=False),
    Column("state", chars(12), nullable=False),
    Column("frame", chars(80)),
    Column("reason", chars(96)),
    Column("sequence", BigInteger, nullable=False),
    Index("ix_lab_order_campaign", "campaign", "round"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """One assay of one candidate.

    Attributes:
        campaign: id of the campaign that asks.
        candidate: id of what is tested.
        assay: digest of the assay's description and version.
        replicate: 1 for the first order of this candidate in this campaign.
        round: the round that asks.
    """

    campaign: str
    candidate: str
    assay: str
    replicate: int
    round: int

    @property
    def key(self) -> str:
        """The order's name at every laboratory; the round is not part of it."""
        return digest([self.campaign, self.candidate, self.assay, self.replicate])


@dataclass(frozen=True)
class Reading:
    """What a laboratory gives back for a batch.

    Attributes:
        evidence: one row a result (schema `dure.base.evidence.EVIDENCE`).
        failed: order key -> reason code, for orders without a result.
    """

    evidence: pa.Table
    failed: Mapping[str, str]


class Driver(Protocol):
    """How orders reach a laboratory and results come back.

    Attributes:
        name: `replay`, `manual`, `simulated` or a robot's name.
        evidence_kind: `measured` or `simulated`: what its results are.
        can_find: whether `find` knows every order ever handed over.
    """

    name: str
    evidence_kind: str
    can_find: bool

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of these orders the laboratory has."""
        ...

    def submit(self, orders: Sequence[Order], candidates: Mapping[str, Candidate]) -> None:
        """Hands orders over, durably; called once for each unless `find` misses it."""
        ...

    def collect(self, orders: Sequence[Order]) -> Reading | None:
        """The results of all these orders, or None while the laboratory still works on them."""
        ...

    def waiting_for(self, orders: Sequence[Order]) -> str:
        """A sentence: what the laboratory has to do before `collect` gives something."""
        ...


def _placed(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("campaign", "candidate", "assay", "replicate", "round")}
    return [Insert(lab_order, {"key": event.subject, "state": "placed", "sequence": event.sequence, **row})]


def _moved(event: Event) -> list[Op]:
    # Which state an event leads to does not depend on the state it leaves: the table above is checked for that below.
    (after,) = {LIFECYCLE.after(before, event.kind) for before in LIFECYCLE.before(event.kind)}
    values = {"state": after} | {name: event.body[name] for name in ("frame", "reason") if name in event.body}
    return [Update(lab_order, {"key": event.subject}, values)]


def _kind(
    name: str, action: str, extra: dict[str, FieldRule] | None = None, objects: tuple[str, ...] = ()
) -> EventKind:
    return EventKind(
        name, action, {"campaign": DIGEST, **(extra or {})}, DIGEST, body_field("campaign"), _moved, objects
    )


KINDS = (
    EventKind(
        "order.placed",
        "order.place",
        {"assay": DIGEST, "campaign": DIGEST, "candidate": DIGEST, "replicate": INTEGER, "round": INTEGER},
        DIGEST,
        body_field("campaign"),
        _placed,
    ),
    _kind("order.planned", "order.submit"),
    _kind("order.submitted", "order.submit"),
    _kind("order.read", "order.record", {"frame": DIGEST}, ("frame",)),
    _kind("order.accepted", "order.record"),
    _kind("order.failed", "order.record", {"reason": CODE}),
    _kind("order.uncertain", "order.record"),
    EventKind(
        "result.imported",
        "result.import",
        {"campaign": DIGEST, "failed": INTEGER, "file": DIGEST, "measured": INTEGER, "record": DIGEST},
        DIGEST,
        body_field("campaign"),
        objects=("file", "record"),
    ),
    _kind("order.found", "order.decide"),
    _kind("order.lost", "order.decide", {"reason": one_of("never-arrived", "sample-lost", "cancelled")}),
)


def orders_of(reader: Reader, campaign: str, round_: int | None = None) -> Sequence[Any]:
    """The rows of a campaign's orders, of one round where it is given, by candidate id."""
    query = select(lab_order).where(lab_order.c.campaign == campaign)
    if round_ is not None:
        query = query.where(lab_order.c.round == round_)
    return reader.all(query.order_by(lab_order.c.round, lab_order.c.candidate, lab_order.c.replicate))


def as_order(row: Any) -> Order:
    """The order of a row."""
    return Order(row.campaign, row.candidate, row.assay, row.replicate, row.round)


def place(change: Change, orders: Iterable[Order]) -> None:
    """Commits the intent: one event an order, refused whole if any exists already."""
    for order in orders:
        body = {"assay": order.assay, "campaign": order.campaign, "candidate": order.candidate}
        change.record(
            "order.placed", order.key, {**body, "replicate": order.replicate, "round": order.round}, expect=None
        )


def move(change: Change, rows: Sequence[Any], event: str, body: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Moves orders on; `Conflict` when one of them cannot make this move any more.

    Args:
        rows: as read before; their state is read again here, under the writer lock.
        event: the kind of event.
        body: fields of the event beside the campaign, for each order key.
    """
    keys = [row.key for row in rows]
    now: dict[str, str] = {}
    for start in range(0, len(keys), 500):
        query = select(lab_order.c.key, lab_order.c.state).where(lab_order.c.key.in_(keys[start : start + 500]))
        now |= {row.key: row.state for row in change.read.all(query)}
    for row in rows:
        LIFECYCLE.after(now[row.key], event)
        change.record(event, row.key, {"campaign": row.campaign, **((body or {}).get(row.key, {}))})


def require(act: Act, action: str, campaign: str, owner: str, state: str, **context: object) -> None:
    """The decision about a batch of orders of one campaign in one state."""
    act.require(action, Resource("order", campaign, {"state": state, "owner": owner}), **context)


def hand_over(
    act: Act, driver: Driver, rows: Sequence[Any], candidates: Mapping[str, Candidate], owner: str, *, fresh: bool
) -> None:
    """Brings placed orders to the laboratory, each exactly once.

    Args:
        act: of `system:lab`.
        fresh: the orders were placed by this very process just now, so none can have been handed over yet.
    """
    waiting = [row for row in rows if row.state in ("placed", "planned")]
    if not waiting:
        return
    campaign = waiting[0].campaign
    # A laboratory that can be asked is always asked: whoever held this campaign before may have been here meanwhile.
    known = driver.find([row.key for row in waiting]) if driver.can_find else frozenset() if fresh else None
    if known is None:
        require(act, "order.record", campaign, owner, "placed")
        with act.change() as change:
            move(change, waiting, "order.uncertain")
        return
    missing = [as_order(row) for row in waiting if row.key not in known]
    if missing:
        driver.submit(missing, candidates)
    require(act, "order.submit", campaign, owner, "placed")
    with act.change() as change:
        move(change, waiting, "order.submitted")


def left(reader: Reader, campaign: str) -> int:
    """How many of a campaign's orders are neither accepted nor failed."""
    return sum(row.state not in LIFECYCLE.final for row in orders_of(reader, campaign))
