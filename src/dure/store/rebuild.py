"""Replaying the ledger: what the projections must hold, compared with what they do hold, row by row.

Events are the source and tables only follow from them, so an empty database plus the ledger gives every table again.
A row that differs was written by something else than its event's projector, or by one that is not a pure function.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, exc, select

from dure.base.errors import Corrupt
from dure.store.change import Store, apply
from dure.store.database import Database, metadata, sqlite_url
from dure.store.kinds import Event, Registry
from dure.store.ledger import APPEND_ONLY, ledger_event

FETCHED = 5000
"""Rows held at once."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a projection is not what the ledger implies.

    Attributes:
        table: the projection.
        key: the row's primary key.
        column: which column differs; None when the row is missing (`found` is None) or is there without a cause
            (`implied` is None).
        implied, found: what the ledger implies, and what the database holds.
    """

    table: str
    key: tuple[Any, ...]
    column: str | None
    implied: Any
    found: Any

    def __str__(self) -> str:
        row = f"{self.table} {'/'.join(map(str, self.key))}"
        if self.column is None:
            return f"{row}: " + ("the row is missing" if self.found is None else "no event implies this row")
        return f"{row}: column {self.column} holds {self.found!r}, the ledger implies {self.implied!r}"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many events were replayed, how many rows they imply, and every difference that was found."""

    events: int
    rows: int
    differences: tuple[Difference, ...]


def projections() -> list[Table]:
    """Every table that follows from events, by name."""
    return [table for table in metadata.sorted_tables if table not in APPEND_ONLY]


def rebuild(store: Store) -> Rebuilt:
    """Replays the ledger into an empty database and compares every row of every projection.

    Raises:
        Corrupt: an event cannot be replayed at all.
    """
    with (
        tempfile.TemporaryDirectory(prefix="dure-rebuild-") as folder,
        # One connection for all that is read: the ledger and the tables as they were at one moment.
        store.database.stream() as found,
    ):
        database = Database(sqlite_url(Path(folder) / "rebuilt.db"))
        try:
            with database.write() as implied:
                metadata.create_all(implied, projections())
                events = replay(store.registry, found, implied)
                return _compare_all(events, implied, found)
        finally:
            database.close()


def mend(store: Store) -> int:
    """Writes all projections anew from the ledger, under the writer lock; returns the number of events."""
    with store.database.write() as connection:
        for table in reversed(projections()):
            connection.execute(table.delete())
        return replay(store.registry, connection, connection)


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
    # By ranges of the key and not by one long cursor: `mend` writes on the same connection meanwhile.
    start, table = 0, ledger_event.c
    while True:
        query = select(table.sequence, table.leaf).where(table.sequence >= start).order_by(table.sequence)
        rows = connection.execute(query.limit(FETCHED)).all()
        yield from (bytes(row.leaf) for row in rows)
        if not rows:
            return
        start = rows[-1].sequence + 1


def _compare_all(events: int, implied: Connection, found: Connection) -> Rebuilt:
    rows, differences = 0, []
    for table in projections():
        counted, differing = _compare(table, implied, found)
        rows += counted
        differences += differing
    return Rebuilt(events, rows, tuple(differences))


def _compare(table: Table, implied: Connection, found: Connection) -> tuple[int, list[Difference]]:
    key = list(table.primary_key.columns)
    columns = [*key, *(column for column in table.columns if column not in set(key))]
    query = select(*columns).order_by(*key)
    names, width = [column.name for column in columns], len(key)
    ours, theirs = _batches(implied, query), _batches(found, query)
    rows = 0
    differences: list[Difference] = []
    left, right = next(ours, []), next(theirs, [])
    while left or right:
        shared = min(len(left), len(right))
        if left[:shared] == right[:shared] and shared:
            rows, left, right = rows + shared, left[shared:], right[shared:]
        else:
            rows, left, right = rows + 1, *_first_of(table.name, names, width, left, right, differences)
        left, right = left or next(ours, []), right or next(theirs, [])
    return rows, differences


def _batches(connection: Connection, query: Any) -> Iterator[list[tuple[Any, ...]]]:
    for part in connection.execute(query).partitions(FETCHED):
        yield [tuple(row) for row in part]


def _first_of(
    table: str,
    names: Sequence[str],
    width: int,
    left: list[tuple[Any, ...]],
    right: list[tuple[Any, ...]],
    differences: list[Difference],
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Judges the first row of two batches in the order of their keys; returns what is left of both."""
    one, other = left[0] if left else None, right[0] if right else None
    if one is not None and (other is None or one[:width] < other[:width]):
        differences.append(Difference(table, one[:width], None, one, None))
        return left[1:], right
    assert other is not None
    if one is None or other[:width] < one[:width]:
        differences.append(Difference(table, other[:width], None, None, other))
        return left, right[1:]
    for name, implied, found in zip(names, one, other, strict=True):
        if implied != found:
            differences.append(Difference(table, one[:width], name, implied, found))
    return left[1:], right[1:]
