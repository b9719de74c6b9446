"""The ledger: canonical leaves in one RFC 6962 tree, with tiles and signed checkpoints, inside the hub's database.

Rows of its three tables are inserted and never changed; triggers refuse anything else. A leaf is the canonical JSON of
{sequence, time, actor, kind, v, subject, body, decision}; its sequence is its index in the tree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    UnaryExpression,
    bindparam,
    func,
    select,
)

from dure.base.canonical import parse_timestamp
from dure.store.database import Database, Reader, chars, insert_rows, metadata
from dure.store.merkle import TILE_WIDTH, Edge, Tile, consistency_proof, inclusion_proof, leaf_hash
from dure.store.notes import Checkpoint, Signer, Verifier

MAX_LEAF = 16 * 1024
CHECKPOINT_EVENTS = 1000
CHECKPOINT_SECONDS = 60.0
HASH_BYTES = 32
ROTATED = "key.rotated"
"""The kind of event that hands the ledger over to a new signing key; its body has `old`, `new` and `signature`."""
_KEY_FIELD = {"hub.created": "key", ROTATED: "new"}
"""Kinds of events that put a signing key in force, and the field that holds its verifier key."""

ledger_event = Table(
    "ledger_event",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("time", chars(27), nullable=False),
    Column("kind", chars(64), nullable=False),
    Column("subject", chars(160), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("ix_ledger_event_subject", "subject", "sequence"),
    Index("ix_ledger_event_kind", "kind", "sequence"),
)
ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
)
ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("time", chars(27), nullable=False),
    Column("note", chars(), nullable=False),
)
APPEND_ONLY = (ledger_event, ledger_tile, ledger_checkpoint)

_LAST_EVENT = select(ledger_event.c.sequence, ledger_event.c.time).order_by(ledger_event.c.sequence.desc()).limit(1)
_FIRST_TIME = select(ledger_event.c.time).where(ledger_event.c.sequence == 0)
_LAST_CHECKPOINT = (
    select(ledger_checkpoint.c.size, ledger_checkpoint.c.time).order_by(ledger_checkpoint.c.size.desc()).limit(1)
)


def key_in_force(reader: Reader) -> Verifier | None:
    """The verifier key of whoever signs now; None in an empty ledger."""
    return _key(reader, ledger_event.c.sequence.desc())


def first_key(reader: Reader) -> Verifier | None:
    """The verifier key of whoever signed first; None in an empty ledger."""
    return _key(reader, ledger_event.c.sequence.asc())


def _key(reader: Reader, order: UnaryExpression[int]) -> Verifier | None:
    table = ledger_event.c
    query = select(table.kind, table.leaf).where(table.kind.in_(_KEY_FIELD)).order_by(order).limit(1)
    row = reader.first(query)
    return None if row is None else Verifier.parse(json.loads(bytes(row.leaf))["body"][_KEY_FIELD[row.kind]])


def last_event(connection: Connection) -> tuple[int, str]:
    """(sequence, time) of the newest event; (-1, "") in an empty ledger."""
    row = connection.execute(_LAST_EVENT).first()
    return (row[0], row[1]) if row else (-1, "")


class Ledger:
    """Appends leaves and signs checkpoints inside a transaction that its caller holds; reads proofs outside.

    Args:
        database: where the three tables are.
        origin: name of this log in its checkpoints.
        signer: gives the signing key of the verifier key in force (None in a ledger whose events name none); called
            only when a checkpoint is due.
    """

    def __init__(self, database: Database, origin: str, signer: Callable[[Verifier | None], Signer]) -> None:
        self.origin = origin
        self._database = database
        self._signer = signer
        self._edge = Edge()

    def append(self, connection: Connection, rows: Sequence[dict[str, Any]], *, sign: bool = False) -> Edge:
        """Writes leaves, the tiles that became full and the checkpoints that are due.

        Args:
            rows: sequence, time, kind, subject and leaf of each event, in order and without a gap.
            sign: sign a checkpoint after the last of them whether due or not.

        Returns:
            What `committed` takes when the transaction has been committed.
        """
        if len(rows) > 1 and any(row["kind"] == ROTATED for row in rows):
            raise RuntimeError(f"{ROTATED} stands alone in its Change: with it the key changes")
        size = rows[0]["sequence"] if rows else last_event(connection)[0] + 1
        edge = self._edge_at(connection, size).copy()
        signed = _last_checkpoint(connection)
        tiles: list[Tile] = []
        notes: list[dict[str, Any]] = []
        for row in rows:
            row["hash"] = leaf_hash(row["leaf"])
        if rows:
            insert_rows(connection, ledger_event, rows)
        signer = cache(lambda: self._signer(key_in_force(Reader(connection))))
        position = 0
        while position < len(rows):
            # Slices end where the next checkpoint is due, so that no thousand events stands unsigned.
            count = min(len(rows) - position, CHECKPOINT_EVENTS - (edge.size - signed[0]))
            piece = rows[position : position + count]
            tiles += edge.extend(row["hash"] for row in piece)
            position += count
            if edge.size - signed[0] >= CHECKPOINT_EVENTS:
                signed = self._sign(signer(), edge, piece[-1]["time"], notes)
        now = rows[-1]["time"] if rows else signed[1]
        if edge.size > signed[0] and (sign or _seconds(signed[1], now) >= CHECKPOINT_SECONDS):
            signed = self._sign(signer(), edge, now, notes)
        if tiles:
            insert_rows(connection, ledger_tile, [_tile_row(tile) for tile in tiles])
        if notes:
            insert_rows(connection, ledger_checkpoint, notes)
        return edge

    def committed(self, edge: Edge) -> None:
        """Remembers the tree's edge after a commit, so that the next append need not read it."""
        self._edge = edge

    def _sign(self, signer: Signer, edge: Edge, time: str, notes: list[dict[str, Any]]) -> tuple[int, str]:
        note = Checkpoint(self.origin, edge.size, edge.root()).sign(signer)
        notes.append({"size": edge.size, "time": time, "note": note})
        return edge.size, time

    def _edge_at(self, connection: Connection, size: int) -> Edge:
        """The right edge of the tree as it stands in this transaction, before it appends anything."""
        if self._edge.size != size:
            # Another process wrote since, or this one has just started.
            self._edge = _load_edge(connection, size)
        return self._edge

    def signer(self) -> Signer:
        """The signing key in force."""
        with self._database.read() as reader:
            return self._signer(key_in_force(reader))

    def verifier(self) -> Verifier:
        """The public half of the signing key in force."""
        with self._database.read() as reader:
            key = key_in_force(reader)
        return key or self._signer(None).verifier

    def unsigned(self) -> int:
        """How many events the newest checkpoint does not cover."""
        with self._database.read() as reader:
            newest = reader.scalar(select(func.max(ledger_event.c.sequence)))
            signed = reader.scalar(select(func.max(ledger_checkpoint.c.size)))
        return (-1 if newest is None else newest) + 1 - (signed or 0)

    def leaves(self, start: int = 0, end: int | None = None, batch: int = 5000) -> Iterator[tuple[int, bytes]]:
        """(sequence, leaf bytes) in order."""
        table = ledger_event.c
        query = select(table.sequence, table.leaf).where(table.sequence >= start).order_by(table.sequence)
        if end is not None:
            query = query.where(table.sequence < end)
        with self._database.stream() as connection:
            for part in connection.execute(query).partitions(batch):
                yield from ((row[0], bytes(row[1])) for row in part)

    def leaf(self, sequence: int) -> dict[str, Any] | None:
        """The parsed leaf, or None when the ledger is shorter."""
        found = next(self.leaves(sequence, sequence + 1), None)
        return json.loads(found[1]) if found else None

    def size(self) -> int:
        """How many events there are."""
        with self._database.read() as reader:
            newest = reader.first(select(ledger_event.c.sequence).order_by(ledger_event.c.sequence.desc()).limit(1))
        return newest[0] + 1 if newest else 0

    def checkpoints(self) -> list[tuple[int, str]]:
        """(size, signed note) of all checkpoints, oldest first."""
        table = ledger_checkpoint.c
        with self._database.read() as reader:
            return [(row.size, row.note) for row in reader.all(select(table.size, table.note).order_by(table.size))]

    def inclusion(self, sequence: int, size: int) -> list[bytes]:
        """The proof that an event stands in the tree of `size` events."""
        with self._database.stream() as connection:
            return inclusion_proof(_hash_reader(connection), sequence, size)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The proof that the tree of `old` events is a prefix of that of `size`."""
        with self._database.stream() as connection:
            return consistency_proof(_hash_reader(connection), old, size)

    def tiles(self) -> Iterator[tuple[int, int, bytes]]:
        """(level, position, hashes) of all full tiles."""
        query = select(ledger_tile).order_by(ledger_tile.c.level, ledger_tile.c.position)
        with self._database.stream() as connection:
            for row in connection.execute(query):
                yield row.level, row.position, bytes(row.hashes)


def _last_checkpoint(connection: Connection) -> tuple[int, str]:
    """(size, time) of the newest checkpoint; (0, time of the first event) before there is one."""
    row = connection.execute(_LAST_CHECKPOINT).first()
    if row:
        return row[0], row[1]
    first = connection.execute(_FIRST_TIME).scalar()
    return 0, first or ""


def _tile_row(tile: Tile) -> dict[str, Any]:
    return {"level": tile.level, "position": tile.position, "hashes": tile.hashes, "root": tile.root}


def _seconds(earlier: str, later: str) -> float:
    return (parse_timestamp(later) - parse_timestamp(earlier)).total_seconds() if earlier and later else 0.0


def _load_edge(connection: Connection, size: int) -> Edge:
    read = _hash_reader(connection)
    levels, level = [], 0
    while not level or size >> 8 * level:
        count = size >> 8 * level
        open_count = count % TILE_WIDTH
        levels.append(list(read(level, count - open_count, open_count)) if open_count else [])
        level += 1
    return Edge(size, levels)


def _hash_reader(connection: Connection) -> Callable[[int, int, int], Sequence[bytes]]:
    """Reads tile entries: from the full tile that holds them, else from what the open tile is made of."""

    @cache
    def tile(level: int, position: int) -> list[bytes]:
        full = connection.execute(_FULL_TILE, {"level": level, "position": position}).scalar()
        if full is not None:
            return [bytes(full[i : i + HASH_BYTES]) for i in range(0, len(full), HASH_BYTES)]
        first = position * TILE_WIDTH
        parts = {"level": level - 1, "first": first, "last": first + TILE_WIDTH - 1}
        return [bytes(row[0]) for row in connection.execute(_OPEN_TILE if level else _OPEN_LEAVES, parts)]

    def read(level: int, first: int, count: int) -> Sequence[bytes]:
        position, offset = divmod(first, TILE_WIDTH)
        return tile(level, position)[offset : offset + count]

    return read


_FULL_TILE = select(ledger_tile.c.hashes).where(
    ledger_tile.c.level == bindparam("level"), ledger_tile.c.position == bindparam("position")
)
_OPEN_TILE = (
    select(ledger_tile.c.root)
    .where(ledger_tile.c.level == bindparam("level"))
    .where(ledger_tile.c.position.between(bindparam("first"), bindparam("last")))
    .order_by(ledger_tile.c.position)
)
_OPEN_LEAVES = (
    select(ledger_event.c.hash)
    .where(ledger_event.c.sequence.between(bindparam("first"), bindparam("last")))
    .order_by(ledger_event.c.sequence)
)
