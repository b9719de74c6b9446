"""The journal: a campaign's events in the ledger, and the outcomes they name.

`append` is the only way a campaign moves, and it carries the version it has seen: of two processes on one campaign, the
one that is behind loses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, Table, select

from dure.access.act import Act, Found
from dure.base.canonical import canonical
from dure.base.errors import NotFound
from dure.base.lifecycle import Lifecycle
from dure.base.types import Resource
from dure.campaign.state import Step
from dure.data import evidence
from dure.lab import orders
from dure.store.database import Reader, chars, metadata
from dure.store.kinds import (
    ACCESSION,
    CODE,
    DIGEST,
    INTEGER,
    PRINCIPAL,
    Event,
    EventKind,
    Insert,
    Op,
    Registry,
    Update,
    list_of,
    one_of,
    optional,
)
from dure.store.ledger import ledger_event
from dure.store.objects import Objects

LIFECYCLE = Lifecycle(
    "campaign",
    "running",
    {"running": {"campaign.finished": "finished", "campaign.stopped": "stopped"}, "finished": {}, "stopped": {}},
    {"running": "owner", "finished": "nobody", "stopped": "nobody"},
)
STEPS = ("propose", "verify", "order", "read", "examine", "unseal", "control", "register", "deposit", "report")

campaign = Table(
    "campaign",
    metadata,
    Column("id", chars(80), primary_key=True),
    Column("problem", chars(80), nullable=False),
    Column("setup", chars(80), nullable=False),
    Column("field", chars(32), nullable=False),
    Column("name", chars(96)),
    Column("ordinal", Integer, nullable=False),
    Column("state", chars(12), nullable=False),
    Column("owner", chars(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)


def _started(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("problem", "setup", "field", "name", "ordinal", "owner")}
    return [Insert(campaign, {"id": event.subject, "state": "running", "sequence": event.sequence, **row})]


def _ended(event: Event) -> list[Op]:
    return [Update(campaign, {"id": event.subject}, {"state": LIFECYCLE.after("running", event.kind)})]


_STEP_BODY = {"attempt": INTEGER, "key": DIGEST, "outcome": DIGEST, "round": INTEGER}

KINDS = (
    EventKind(
        "campaign.started",
        "campaign.start",
        {
            "field": CODE,
            "name": optional(CODE),
            "ordinal": INTEGER,
            "owner": PRINCIPAL,
            "problem": DIGEST,
            "seed": INTEGER,
            "setup": DIGEST,
            "sources": list_of(ACCESSION),
        },
        DIGEST,
        project=_started,
        objects=("problem", "setup"),
    ),
    EventKind(
        "campaign.stepped", "campaign.step", {**_STEP_BODY, "step": one_of(*STEPS)}, DIGEST, objects=("outcome",)
    ),
    EventKind(
        "campaign.finished",
        "campaign.step",
        {**_STEP_BODY, "step": one_of("finish")},
        DIGEST,
        project=_ended,
        objects=("outcome",),
    ),
    EventKind(
        "campaign.stopped",
        "campaign.stop",
        {**_STEP_BODY, "step": one_of("stop")},
        DIGEST,
        project=_ended,
        objects=("outcome",),
    ),
)
_EVENT = {"finish": "campaign.finished", "stop": "campaign.stopped"}


def load(reader: Reader, identifier: str) -> Found | None:
    """Loader of `access.act`: a campaign as it stands now."""
    row = reader.first(select(campaign).where(campaign.c.id == identifier))
    if row is None:
        return None
    return Resource("campaign", identifier, {"state": row.state, "owner": row.owner}), {}


def find(reader: Reader, text: str) -> Any:
    """The row of a campaign by its id, the beginning of its id (eight characters at least), or its newest of a name."""
    rows = reader.all(select(campaign).order_by(campaign.c.sequence.desc()))
    for row in rows:
        if text in (row.id, row.name) or (
            len(text) >= 8 and row.id.removeprefix("b3:").startswith(text.removeprefix("b3:"))
        ):
            return row
    raise NotFound(f"this hub has no campaign {text!r}", remedy="list them with: dure campaigns")


def everything(reader: Reader) -> Sequence[Any]:
    """All campaigns, oldest first."""
    return reader.all(select(campaign).order_by(campaign.c.sequence))


def ordinals(reader: Reader, problem: str) -> Sequence[Any]:
    """The campaigns of one problem, oldest first."""
    return reader.all(select(campaign).where(campaign.c.problem == problem).order_by(campaign.c.ordinal))


class Journal:
    """The steps of one campaign.

    Args:
        objects: where outcomes are.
        registry: reads leaves of any version.
        identifier: of the campaign.
    """

    def __init__(self, objects: Objects, registry: Registry, identifier: str) -> None:
        self._objects, self._registry, self.campaign = objects, registry, identifier
        self.version: int | None = None

    def load(self, reader: Reader) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """All steps so far, and remembers the version seen: what is appended from now on rests on these steps."""
        rows = self._rows(reader)
        self.version = rows[-1].sequence if rows else None
        return self._steps(rows)

    def read(self, reader: Reader) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """All steps so far as (event body, outcome). The version stays: the caller's state does not move with it."""
        return self._steps(self._rows(reader))

    def _rows(self, reader: Reader) -> Sequence[Any]:
        table = ledger_event.c
        query = select(table.sequence, table.leaf).where(table.subject == self.campaign).order_by(table.sequence)
        return reader.all(query)

    def _steps(self, rows: Sequence[Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        events = [self._registry.read(json.loads(bytes(row.leaf))) for row in rows]
        return [(e.body, self.outcome(e.body["outcome"])) for e in events if "outcome" in e.body]

    def outcome(self, digest: str) -> Mapping[str, Any]:
        """An outcome by its digest."""
        value: Mapping[str, Any] = json.loads(self._objects.get(digest))
        return value

    def append(
        self,
        act: Act,
        step: Step,
        outcome: Mapping[str, Any],
        frames: Sequence[evidence.Frame] = (),
        placed: Sequence[orders.Order] = (),
    ) -> dict[str, Any]:
        """One Change: the step, the evidence it found and the orders it places. Returns the event's body.

        Args:
            act: with the decisions for all of it made already.
            outcome: canonical values; what is large in it stands as digests of objects.
        """
        stored = self._objects.put(canonical({"kind": f"dure.outcome.{step.name}", **outcome}))
        body = {
            "attempt": step.attempt,
            "key": step.key(self.campaign),
            "outcome": stored,
            "round": step.round,
            "step": step.name,
        }
        with act.change(sign=step.name in _EVENT) as change:
            event = change.record(_EVENT.get(step.name, "campaign.stepped"), self.campaign, body, expect=self.version)
            evidence.record(change, self.campaign, frames)
            orders.place(change, placed)
        self.version = event.sequence
        return body
