"""`dure doctor`: objects, ledger and database held against each other; each finding says what, where, and how to mend.

The parts trust each other in this order: signed checkpoints, tiles, hashes, leaves, tables. Whatever a later one says
against an earlier one is a finding about the later one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from dure.base.errors import BadInput, Corrupt, DureError
from dure.store.change import Store
from dure.store.kinds import HUB, INTEGER, EventKind, Registry
from dure.store.ledger import HASH_BYTES, ROTATED, ledger_checkpoint, ledger_event, ledger_tile
from dure.store.merkle import TILE_WIDTH, Edge, Tile, leaf_hash
from dure.store.notes import SignedCheckpoint, Verifier
from dure.store.objects import GRACE_SECONDS, Objects, links, referenced
from dure.store.rebuild import rebuild

MOST = 100
"""Findings listed of one code; the rest is counted."""
KINDS = (EventKind("projections.rewritten", "doctor.rebuild", {"events": INTEGER}, HUB),)
_BACKUP = "restore the database from a backup; `dure ledger verify` tells whether an exported bundle is whole"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        code: its kind: `object-missing`, `object-damaged`, `object-unreferenced`, `event-altered`, `event-missing`,
            `event-unknown`, `tile-altered`, `checkpoint-wrong`, `checkpoint-forged` or `projection-differs`.
        what, where, remedy: as in every error of Dure.
        serious: False for what costs space only.
    """

    code: str
    what: str
    where: str
    remedy: str
    serious: bool = True

    def as_json(self) -> dict[str, object]:
        """The JSON shape, that of an error."""
        return {
            "code": self.code,
            "what": self.what,
            "where": self.where,
            "remedy": self.remedy,
            "serious": self.serious,
        }


def check(store: Store, objects: Objects, first: Verifier | None) -> list[Finding]:
    """Everything: the ledger, the objects that its events name, and the tables that follow from it.

    Args:
        first: the verifier key in force at the first checkpoint.
    """
    found = check_ledger(store, first)
    if not any(finding.code in ("event-altered", "event-missing") for finding in found):
        found += check_objects(store, objects)
        found += check_projections(store)
    return found


def check_projections(store: Store) -> list[Finding]:
    """What `rebuild` finds."""
    try:
        differences = rebuild(store).differences
    except Corrupt as error:
        return [Finding("projection-differs", error.what, error.where or "", error.remedy or "")]
    remedy = "the ledger is right: write the tables anew with `dure doctor --mend`, and report the projector's fault"
    return _shortened(Finding("projection-differs", str(d), d.table, remedy) for d in differences)


def check_objects(store: Store, objects: Objects) -> list[Finding]:
    """Every object that an event names, directly or through a manifest, is there and holds what its name says."""
    with store.database.stream() as connection:
        named, _ = _named(connection, store.registry, 0)
    present = frozenset(objects.names())
    found: list[Finding] = []
    whole = _verify_objects(objects, named, present, found)
    try:
        loose = present - referenced(objects, named, present) if whole else frozenset()
    except DureError:
        loose = frozenset()
    if loose:
        what = f"{len(loose)} objects are named by no event"
        remedy = "nothing needs them, unless a command is at work now; delete the old ones with `dure doctor --collect`"
        found.append(Finding("object-unreferenced", what, min(loose), remedy, serious=False))
    return _shortened(found)


def _verify_objects(objects: Objects, named: dict[str, str], present: frozenset[str], found: list[Finding]) -> bool:
    """Reads and verifies all named objects; False when one is missing or damaged."""
    todo = [(name, where, True) for name, where in sorted(named.items())]
    seen: set[str] = set()
    while todo:
        name, where, opened = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in present:
            remedy = "restore this object from a backup: any copy of it will do, its name proves it"
            found.append(Finding("object-missing", f"the object {name} is missing", f"named by {where}", remedy))
            continue
        try:
            data = objects.get(name)
        except DureError as error:
            remedy = "delete it, then restore it from a backup: any copy will do, its name proves it"
            found.append(Finding("object-damaged", error.what, f"{error.where}, named by {where}", remedy))
            continue
        if opened:
            # What a file is made of is a user's bytes, whatever they look like.
            inside = b'"kind":"dure.file"' not in data
            todo += [(link, f"{name}, {where}", inside) for link in links(data)]
    return not found


def _named(connection: Connection, registry: Registry, start: int) -> tuple[dict[str, str], int]:
    """The objects that events from `start` on name, each with the first event that does; and the next sequence."""
    fields = {kind.name: kind.objects for kind in registry if kind.objects}
    table = ledger_event.c
    query = select(table.sequence, table.leaf).where(table.sequence >= start, table.kind.in_(sorted(fields)))
    named: dict[str, str] = {}
    newest = start - 1
    for row in connection.execute(query.order_by(table.sequence)):
        event = registry.read(json.loads(bytes(row.leaf)))
        for name in fields[event.kind]:
            if event.body[name] is not None:
                named.setdefault(event.body[name], f"event {row.sequence}")
        newest = row.sequence
    return named, newest + 1


def collect(store: Store, objects: Objects, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """Deletes what no event names, directly or through a manifest, and is older than the grace; returns the digests.

    Raises:
        Corrupt: a manifest is damaged, so what it names is not known; nothing is deleted.
    """
    with store.database.stream() as connection:
        named, size = _named(connection, store.registry, 0)
    keep = referenced(objects, named, frozenset(objects.names()))
    # The long look at all events was without the lock; under it only what came since is looked at.
    with store.database.write() as connection:
        named, _ = _named(connection, store.registry, size)
        keep |= referenced(objects, named, frozenset(objects.names()))
        return objects.collect(keep, grace_seconds)


def check_ledger(store: Store, first: Verifier | None) -> list[Finding]:
    """Every leaf against its hash and columns, every hash against its tile, every tile against signed checkpoints."""
    found: list[Finding] = []
    with store.database.stream() as connection, store.database.stream() as beside:
        _Ledger(store.registry, connection, beside, first, found).check()
    return _shortened(found)


@dataclass
class _Ledger:
    registry: Registry
    connection: Connection
    beside: Connection
    key: Verifier | None
    found: list[Finding]

    def check(self) -> None:
        edge, time, reached = Edge(), "", 0
        notes = iter(self.beside.execute(select(ledger_checkpoint).order_by(ledger_checkpoint.c.size)).all())
        note = next(notes, None)
        for row in self._rows():
            if row.sequence != edge.size:
                self._say("event-missing", f"event {edge.size} is missing; the next is {row.sequence}", row.sequence)
                return
            time = self._check_row(row, time)
            for tile in edge.extend([bytes(row.hash)]):
                self._check_tile(tile)
            while note is not None and note.size == edge.size:
                self._check_note(note, edge, reached)
                reached, note = edge.size, next(notes, None)
        if note is not None:
            self._say(
                "event-missing", f"the ledger ends at {edge.size} events, a checkpoint covers {note.size}", note.size
            )

    def _rows(self) -> Iterator[Any]:
        query = select(ledger_event).order_by(ledger_event.c.sequence)
        for part in self.connection.execute(query).partitions(5000):
            yield from part

    def _check_row(self, row: Any, time: str) -> str:
        leaf = bytes(row.leaf)
        if leaf_hash(leaf) != row.hash:
            self._say(
                "event-altered", f"event {row.sequence} was altered: its leaf does not fit its hash", row.sequence
            )
            return time
        try:
            value = json.loads(leaf)
            event = self.registry.read(value)
            self.registry[event.kind].check(event.subject, event.body)
        except (ValueError, KeyError, TypeError) as error:
            self._say("event-unknown", f"event {row.sequence} cannot be read: {error}", row.sequence)
            return time
        beside = {name: getattr(row, name) for name in ("sequence", "time", "kind", "subject")}
        for name in (name for name in beside if beside[name] != value[name]):
            self._say(
                "event-altered", f"event {row.sequence}: its column {name} is not what its leaf says", row.sequence
            )
        if event.time < time:
            self._say("event-altered", f"event {row.sequence} is older than the one before it", row.sequence)
        if event.kind == ROTATED:
            self.key = Verifier.parse(event.body["new"])
        return event.time

    def _check_tile(self, tile: Tile) -> None:
        table = ledger_tile.c
        query = select(table.hashes, table.root).where(table.level == tile.level, table.position == tile.position)
        row = self.beside.execute(query).first()
        where = f"tile {tile.level}/{tile.position}"
        if row is None:
            self._say("tile-altered", "a tile is missing", where)
        elif bytes(row.hashes) != tile.hashes:
            stored = bytes(row.hashes)
            size = HASH_BYTES
            entry = next(i for i in range(TILE_WIDTH) if stored[size * i :][:size] != tile.hashes[size * i :][:size])
            event = (tile.position * TILE_WIDTH + entry) << 8 * tile.level
            self._say("event-altered", f"event {event} was altered, or its tile: they do not fit", event)
        elif bytes(row.root) != tile.root:
            self._say("tile-altered", "the tile's root is not that of its hashes", where)

    def _check_note(self, row: Any, edge: Edge, reached: int) -> None:
        where = f"checkpoint {row.size}"
        try:
            note = SignedCheckpoint.parse(row.note)
        except (Corrupt, BadInput) as error:
            self._say("checkpoint-wrong", error.what, where)
            return
        if self.key is None or not note.signed_by(self.key):
            self._say(
                "checkpoint-forged", f"the checkpoint at {row.size} events is not signed by the key in force", where
            )
        if note.checkpoint.size != row.size or note.checkpoint.root != edge.root():
            what = f"events {reached} to {row.size - 1} are not those that were signed"
            self._say("checkpoint-wrong", what, where)

    def _say(self, code: str, what: str, where: int | str) -> None:
        place = where if isinstance(where, str) else f"event {where}"
        self.found.append(Finding(code, what, place, _BACKUP))


def _shortened(findings: Iterable[Finding]) -> list[Finding]:
    """The first `MOST` findings of each code, and how many more there are."""
    shown: list[Finding] = []
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
        if counts[finding.code] <= MOST:
            shown.append(finding)
    for code, count in counts.items():
        if count > MOST:
            shown.append(
                Finding(code, f"and {count - MOST} more of this kind", "", "mend the first ones, then look again")
            )
    return shown
