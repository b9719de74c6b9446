"""Projections: tables that follow from events, written by the pure projector of each event's kind and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, Table, and_, bindparam, exc, select

from dure.base.errors import Corrupt
from dure.store.database import insert_rows, metadata
from dure.store.kinds import Event, EventKind, Insert, Op, Registry, Update
from dure.store.ledger import APPEND_ONLY, ledger_event

BATCH = 5000
"""Rows that go to the database at once, or come from it."""


def projections() -> list[Table]:
    """Every table that follows from events, by name."""
    return [table for table in metadata.sorted_tables if table not in APPEND_ONLY]


def apply(connection: Connection, registry: Registry, events: Iterable[Event]) -> None:
    """Writes what follows from events, in their order; equal statements in a row go to the database as one batch.

    Raises:
        RuntimeError: a row to update is not there: the fault of a projector.
    """
    batch: list[Op] = []
    for event in events:
        kind: EventKind = registry[event.kind]
        for op in kind.project(event):
            if batch and (len(batch) == BATCH or not _same_shape(batch[-1], op)):
                _flush(connection, batch)
            batch.append(op)
    _flush(connection, batch)


def _same_shape(one: Op, other: Op) -> bool:
    if type(one) is not type(other) or one.table is not other.table:
        return False
    if isinstance(one, Insert) and isinstance(other, Insert):
        return one.row.keys() == other.row.keys()
    if isinstance(one, Update) and isinstance(other, Update):
        return one.key.keys() == other.key.keys() and one.values.keys() == other.values.keys()
    return False


def _flush(connection: Connection, batch: list[Op]) -> None:
    if not batch:
        return
    first = batch[0]
    if isinstance(first, Insert):
        insert_rows(connection, first.table, [op.row for op in batch if isinstance(op, Insert)])
    else:
        _update(connection, first, [op for op in batch if isinstance(op, Update)])
    batch.clear()


def _update(connection: Connection, first: Update, batch: Sequence[Update]) -> None:
    where = and_(*(first.table.c[name] == bindparam(f"key_{name}") for name in sorted(first.key)))
    statement = (
        first.table.update().where(where).values({name: bindparam(f"new_{name}") for name in sorted(first.values)})
    )
    rows = [
        {f"key_{name}": value for name, value in op.key.items()}
        | {f"new_{name}": value for name, value in op.values.items()}
        for op in batch
    ]
    changed = connection.execute(statement, rows).rowcount
    if changed != len(batch):
        raise RuntimeError(f"{first.table.name}: {len(batch)} rows to update, {changed} found")


def rewrite(connection: Connection, registry: Registry) -> int:
    """Writes all projections anew from the ledger, under the writer lock; returns the number of events."""
    for table in reversed(projections()):
        connection.execute(table.delete())
    return replay(registry, connection, connection)


def replay(registry: Registry, source: Connection, target: Connection) -> int:
    """Applies every event of one database to the empty projections of another; returns how many there were."""
    count = 0

    def events() -> Iterator[Event]:
        nonlocal count
        for leaf in _leaves(source):
            yield registry.read(json.loads(leaf))
            count += 1

    try:
        apply(target, registry, events())
    except (exc.IntegrityError, RuntimeError, ValueError, LookupError) as error:
        raise Corrupt(
            f"event {count} or one shortly before it cannot be replayed: {str(error).splitlines()[0]}",
            where=f"event {count}",
            remedy="check the ledger: dure doctor; if it is whole, its projector is at fault: report it",
        ) from None
    return count


def _leaves(connection: Connection) -> Iterator[bytes]:
    # By ranges of the key and not by one long cursor: `rewrite` writes on the same connection meanwhile.
    start, table = 0, ledger_event.c
    while True:
        query = select(table.sequence, table.leaf).where(table.sequence >= start).order_by(table.sequence)
        rows = connection.execute(query.limit(BATCH)).all()
        yield from (bytes(row.leaf) for row in rows)
        if not rows:
            return
        start = rows[-1].sequence + 1
