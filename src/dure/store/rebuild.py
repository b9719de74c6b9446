"""Replaying the ledger: what the projections must hold, compared with what they do hold, row by row.

Events are the source and tables only follow from them, so an empty database plus the ledger gives every table again.
A row that differs was written by something else than its event's projector, or by one that is not a pure function.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from dure.store.change import Store
from dure.store.database import Database, metadata, sqlite_url
from dure.store.projection import BATCH, projections, replay


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
    for part in connection.execute(query).partitions(BATCH):
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
