"""Evidence in the hub: frames of one schema, each recorded by one event; and how they are asked.

A frame holds evidence of one kind only, so `measured`, `simulated`, `predicted` and `rule` cannot be mixed up. The
trace id of a value is `FRAME/ROW`: the digest of its frame and the row in it, counted from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Index, Table, select

from dure.access.act import Act
from dure.base.errors import BadInput, NotFound
from dure.base.evidence import KINDS as EVIDENCE_KINDS
from dure.base.evidence import check_evidence
from dure.base.types import Resource
from dure.store.change import Change
from dure.store.database import Reader, chars, metadata
from dure.store.frames import get_frame, put_frame
from dure.store.kinds import DIGEST, INTEGER, Event, EventKind, Insert, Op, body_field, one_of
from dure.store.objects import Objects

if TYPE_CHECKING:
    import pyarrow as pa

evidence = Table(
    "evidence",
    metadata,
    Column("frame", chars(80), primary_key=True),
    Column("campaign", chars(80), primary_key=True),
    Column("kind", chars(12), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("ix_evidence_campaign", "campaign", "sequence"),
)


def _recorded(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("campaign", "kind", "rows")}
    return [Insert(evidence, {"frame": event.subject, "sequence": event.sequence, **row})]


KINDS = (
    EventKind(
        "evidence.recorded",
        "evidence.record",
        {"campaign": DIGEST, "frame": DIGEST, "kind": one_of(*EVIDENCE_KINDS), "rows": INTEGER},
        DIGEST,
        body_field("campaign"),
        _recorded,
        objects=("frame",),
    ),
)


@dataclass(frozen=True)
class Frame:
    """A stored evidence frame, not yet recorded."""

    digest: str
    kind: str
    rows: int


def put(objects: Objects, table: pa.Table) -> list[Frame]:
    """Stores an evidence table, one frame for each kind in it; what has no row makes no frame."""
    import pyarrow.compute as pc

    check_evidence(table)
    frames = []
    for kind in EVIDENCE_KINDS:
        part = table.filter(pc.equal(table["kind"], kind))
        if part.num_rows:
            frames.append(Frame(put_frame(objects, part), kind, part.num_rows))
    return frames


def require(act: Act, campaign: str, kind: str) -> None:
    """The decision to record evidence of this kind for a campaign."""
    act.require("evidence.record", Resource("evidence", campaign), evidence_kind=kind)


def record(change: Change, campaign: str, frames: Sequence[Frame]) -> None:
    """One event a frame; a frame that this campaign has recorded before is left as it is."""
    for frame in frames:
        known = select(evidence.c.frame).where(evidence.c.frame == frame.digest, evidence.c.campaign == campaign)
        if change.read.first(known) is None:
            body = {"campaign": campaign, "frame": frame.digest, "kind": frame.kind, "rows": frame.rows}
            change.record("evidence.recorded", frame.digest, body)


def frames_of(reader: Reader, campaign: str) -> Sequence[Any]:
    """Rows of a campaign's evidence frames, oldest first."""
    return reader.all(
        select(evidence).where(evidence.c.campaign == campaign).order_by(evidence.c.sequence, evidence.c.frame)
    )


def value_at(objects: Objects, trace_id: str) -> Mapping[str, Any]:
    """The evidence row that a trace id names."""
    frame, _, row = trace_id.rpartition("/")
    if not row.isdecimal():
        raise BadInput(f"{trace_id!r} is no trace id", remedy="it looks like b3:…/12, as report and exports print it")
    table = get_frame(objects, frame)
    if int(row) >= table.num_rows:
        raise NotFound(f"the frame {frame} has {table.num_rows} rows, not {int(row) + 1}")
    found: Mapping[str, Any] = table.slice(int(row), 1).to_pylist()[0]
    return found


def about(objects: Objects, frames: Sequence[Any], candidate: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(trace id, row) of everything these frames hold about a candidate."""
    import pyarrow.compute as pc

    for frame in frames:
        table = get_frame(objects, frame.frame)
        for row in pc.indices_nonzero(pc.equal(table["candidate"], candidate)).to_pylist():
            yield f"{frame.frame}/{row}", table.slice(row, 1).to_pylist()[0]
