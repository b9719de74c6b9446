"""The replay laboratory: published measurements in a sealed plate that only the laboratory reads, well by ordered well.

It tests a method on past data. Values and all that derives from them stay on the plate; design and verification see
structures alone, in the order of candidate ids, since the row order of a published file may follow the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Column, Table, select

from dure.access.act import Act, Found
from dure.base.canonical import digest
from dure.base.clock import Clock
from dure.base.types import Resource
from dure.design.candidate import Candidate
from dure.lab.notebook import Notebook
from dure.lab.orders import Order, Reading, orders_of
from dure.store.change import Change
from dure.store.database import Reader, chars, metadata
from dure.store.frames import get_frame
from dure.store.kinds import ACCESSION, DIGEST, INTEGER, PRINCIPAL, Event, EventKind, Insert, Op, Update
from dure.store.objects import Objects

if TYPE_CHECKING:
    import pyarrow as pa

WELLS: pa.Schema
"""A sealed plate: one well a candidate, its value in the objective's unit, and the dataset rows behind it."""


def __getattr__(name: str) -> Any:
    if name == "WELLS":  # made when it is first asked for: most commands never touch a table
        return _schema()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("candidate", pa.string(), nullable=False),
            pa.field("value", pa.float64(), nullable=False),
            pa.field("sd", pa.float64()),
            pa.field("qualifier", pa.string(), nullable=False),
            pa.field("n", pa.int32(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
        ]
    )


plate = Table(
    "plate",
    metadata,
    Column("id", chars(80), primary_key=True),
    Column("campaign", chars(80), nullable=False),
    Column("wells", chars(80), nullable=False),
    Column("source", chars(15), nullable=False),
    Column("state", chars(12), nullable=False),
    Column("owner", chars(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)


def _sealed(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("campaign", "wells", "source", "owner")}
    return [Insert(plate, {"id": event.subject, "state": "sealed", "sequence": event.sequence, **row})]


def _unsealed(event: Event) -> list[Op]:
    return [Update(plate, {"id": event.subject}, {"state": "unsealed"})]


KINDS = (
    EventKind(
        "plate.sealed",
        "plate.seal",
        {"campaign": DIGEST, "owner": PRINCIPAL, "rows": INTEGER, "source": ACCESSION, "wells": DIGEST},
        DIGEST,
        project=_sealed,
        objects=("wells",),
    ),
    EventKind(
        "plate.unsealed", "plate.unseal", {"campaign": DIGEST, "orders_left": INTEGER}, DIGEST, project=_unsealed
    ),
)


def plate_id(campaign: str, wells: str) -> str:
    """A plate's name: these wells, sealed for this campaign."""
    return digest(["plate", campaign, wells])


def require_seal(act: Act, campaign: str, wells: str, owner: str) -> None:
    """The decision to seal wells for a campaign that is about to start."""
    act.require("plate.seal", Resource("plate", plate_id(campaign, wells), {"state": "new", "owner": owner}))


def seal(change: Change, campaign: str, wells: str, rows: int, source: str, owner: str) -> None:
    """Seals wells (a frame of schema `WELLS`) in the Change that starts their campaign."""
    body = {"campaign": campaign, "owner": owner, "rows": rows, "source": source, "wells": wells}
    change.record("plate.sealed", plate_id(campaign, wells), body, expect=None)


def unseal(act: Act, identifier: str, campaign: str, orders_left: int) -> None:
    """Opens a plate; a person may do so early, which the campaign's report shows."""
    act.require("plate.unseal", Resource("plate", identifier), orders_left=orders_left)
    with act.change() as change:
        change.record("plate.unsealed", identifier, {"campaign": campaign, "orders_left": orders_left})


def load(reader: Reader, identifier: str) -> Found | None:
    """Loader of `access.act`: a plate as it stands now."""
    row = reader.first(select(plate).where(plate.c.id == identifier))
    if row is None:
        return None
    return Resource("plate", identifier, {"state": row.state, "owner": row.owner}), {}


def plate_of(reader: Reader, campaign: str) -> Any | None:
    """The row of a campaign's plate, or None."""
    return reader.first(select(plate).where(plate.c.campaign == campaign))


def hides(reader: Reader, accession: str) -> bool:
    """Whether a dataset's values lie on a plate that is still sealed."""
    query = select(plate.c.id).where(plate.c.source == accession, plate.c.state == "sealed")
    return reader.first(query.limit(1)) is not None


class ReplayDriver:
    """Reads exactly the wells that were ordered.

    Args:
        act: makes an act of `system:lab`.
        objects: where the wells are.
        notebook: the laboratory's order book.
        plate: id of the sealed plate.
        wells: digest of its frame.
        describe: property, unit, method and assay of the evidence.
        clock: when it was read.
    """

    name = "replay"
    evidence_kind = "measured"
    can_find = True

    def __init__(
        self,
        act: Callable[[], Act],
        objects: Objects,
        notebook: Path,
        plate: str,
        wells: str,
        describe: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._act, self._objects, self._notebook = act, objects, Notebook(notebook)
        self._plate, self._wells, self._describe, self._clock = plate, wells, describe, clock

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(self._notebook.keys()).intersection(keys)

    def submit(self, orders: Sequence[Order], candidates: Mapping[str, Candidate]) -> None:
        self._notebook.enter(orders)

    def collect(self, orders: Sequence[Order]) -> Reading | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        act = self._act()
        with act.read() as reader:
            placed = {row.key for row in orders_of(reader, orders[0].campaign) if row.state != "placed"}
        act.require("plate.read", Resource("plate", self._plate), ordered=placed.issuperset(o.key for o in orders))
        wanted = {order.candidate: order for order in orders}
        wells = get_frame(self._objects, self._wells)
        wells = wells.filter(pc.is_in(wells["candidate"], pa.array(list(wanted)))).sort_by("candidate")
        found = set(wells["candidate"].to_pylist())
        failed = {order.key: "no-such-well" for name, order in wanted.items() if name not in found}
        return Reading(self._evidence(wells), failed)

    def _evidence(self, wells: pa.Table) -> pa.Table:
        import pyarrow as pa

        from dure.base.evidence import EVIDENCE, check_evidence

        count = wells.num_rows
        fixed = {**self._describe, "kind": "measured", "at": self._clock()}
        columns = []
        for field in EVIDENCE:
            if field.name in wells.column_names:
                columns.append(wells[field.name].cast(field.type))
            else:
                columns.append(pa.array([fixed.get(field.name)] * count, field.type))
        return check_evidence(pa.Table.from_arrays(columns, schema=EVIDENCE))

    def waiting_for(self, orders: Sequence[Order]) -> str:
        return "nothing: the plate is read at once"
