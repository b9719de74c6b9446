"""Ledger bundles: a folder from which anyone can check the ledger, without the hub and its database.

    events.jsonl       one canonical JSON leaf a line: exactly the bytes that are hashed (RFC 6962, SHA-256)
    checkpoint         the newest C2SP signed checkpoint; it covers every line
    checkpoints/SIZE   all signed checkpoints
    tiles/L/N[.p/W]    C2SP hash tiles (tlog-tiles), partial ones included
    key.pub            the C2SP verifier key that was in force at the first checkpoint

`verify_bundle` reads nothing else. It does not trust `key.pub`: the caller brings a key from outside. A key that an
event of kind `key.rotated` hands over to is trusted as its predecessor is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Corrupt, NotFound
from dure.store.ledger import HASH_BYTES, ROTATED, Ledger
from dure.store.merkle import TILE_WIDTH, Edge, Tile, leaf_hash
from dure.store.notes import Checkpoint, SignedCheckpoint, Verifier, rotation_statement
from dure.store.objects import explained

_ROTATION = b'"kind":"key.rotated"'


def tile_path(level: int, position: int, width: int = TILE_WIDTH) -> str:
    """The path of a tile after C2SP tlog-tiles: `L/N`, N in groups of three digits, `.p/W` when partial.

    >>> tile_path(0, 1234067), tile_path(1, 5, 12)
    ('0/x001/x234/067', '1/005.p/12')
    """
    digits = f"{position:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"{level}/{name}" + ("" if width == TILE_WIDTH else f".p/{width}")


def export_bundle(ledger: Ledger, first: Verifier, folder: Path) -> int:
    """Writes a bundle into a new folder and returns how many events it holds. Sign a checkpoint first.

    Args:
        first: the verifier key that was in force at the first checkpoint.
    """
    with explained(folder):
        if folder.exists() and any(folder.iterdir()):
            raise BadInput("the folder is not empty", where=str(folder), remedy="name a new folder")
        checkpoints = ledger.checkpoints()
        if not checkpoints:
            raise NotFound("the ledger has no signed checkpoint yet")
        size, newest = checkpoints[-1]
        folder.mkdir(parents=True, exist_ok=True)
        _write_events(ledger, size, folder)
        for count, note in checkpoints:
            _write(folder / "checkpoints" / str(count), note.encode())
        _write(folder / "key.pub", f"{first}\n".encode())
        # Last, so that a bundle whose export was cut short is none.
        _write(folder / "checkpoint", newest.encode())
    return size


def _write_events(ledger: Ledger, size: int, folder: Path) -> None:
    edge = Edge()
    with (folder / "events.jsonl").open("wb") as file:
        for piece in _pieces(leaf for _, leaf in ledger.leaves(0, size)):
            file.write(b"".join(leaf + b"\n" for leaf in piece))
            for tile in edge.extend(map(leaf_hash, piece)):
                _write(folder / "tiles" / tile_path(tile.level, tile.position), tile.hashes)
    for level, position, row in _open_tiles(edge):
        _write(folder / "tiles" / tile_path(level, position, len(row)), b"".join(row))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _pieces(leaves: Iterator[bytes], count: int = 8192) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    for leaf in leaves:
        piece.append(leaf)
        if len(piece) == count:
            yield piece
            piece = []
    if piece:
        yield piece


def _open_tiles(edge: Edge) -> Iterator[tuple[int, int, list[bytes]]]:
    for level, row in enumerate(edge.levels):
        if row:
            yield level, edge.size >> 8 * (level + 1), row


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verified bundle is.

    Attributes:
        events, checkpoints: how many of each.
        root: hexadecimal root of the newest checkpoint.
        signer: the verifier key in force at its end.
        trusted: the key that the caller brought signed a checkpoint of it, and everything after was signed by that key
            or by one that it handed over to.
    """

    events: int
    checkpoints: int
    root: str
    signer: str
    trusted: bool


def verify_bundle(
    folder: Path, key: Verifier | None = None, since: str | None = None, *, strict: bool = False
) -> Verdict:
    """Checks a bundle alone.

    Args:
        folder: the bundle.
        key: the trusted verifier key, from outside: the first one of the ledger, or one it was handed over to. Without
            it the bundle's own key is used and `trusted` is False.
        since: a signed checkpoint kept from earlier: the ledger must continue it.
        strict: also check that every leaf is canonical JSON and that sequence and time follow.

    Raises:
        Corrupt: names the first event, range or checkpoint that is wrong.
        NotFound: the folder is no bundle.
    """
    notes = _read_notes(folder)
    kept = SignedCheckpoint.parse(since) if since is not None else None
    if kept is not None:
        _check_kept(kept.checkpoint, notes[-1].checkpoint)
    first = _parse_key(folder / "key.pub")
    if key is not None and notes[0].signed_by(key):
        first = key
    run = _Verification(folder, first, notes, kept.checkpoint if kept else None, strict)
    run.run()
    if key is not None and key not in run.signed:
        raise Corrupt(
            f"no checkpoint of this bundle is signed by the key you trust, {key.name} (key id {key.key_id.hex()})",
            where=str(folder / "checkpoints"),
            remedy="a forged bundle, or the wrong key: compare it with the one you were given",
        )
    head = notes[-1].checkpoint
    return Verdict(head.size, len(notes), head.root.hex(), str(run.key), key is not None)


def _read_notes(folder: Path) -> list[SignedCheckpoint]:
    """All checkpoints, oldest first, after the checks that need no event."""
    names = folder / "checkpoints"
    if not names.is_dir():
        raise NotFound("not a ledger bundle: a folder is missing", where=str(names))
    notes = []
    for path in sorted(names.iterdir(), key=lambda path: (len(path.name), path.name)):
        note = _parse_note(path)
        if path.name != str(note.checkpoint.size):
            raise Corrupt(f"it is a checkpoint at {note.checkpoint.size} events", where=f"checkpoints/{path.name}")
        notes.append(note)
    if not notes or _parse_note(folder / "checkpoint") != notes[-1]:
        raise Corrupt("checkpoint is not the newest of checkpoints/", where=str(folder / "checkpoint"))
    origins = sorted({note.checkpoint.origin for note in notes})
    if len(origins) > 1:
        raise Corrupt(f"checkpoints of several logs: {', '.join(origins)}", where=str(names))
    return notes


def _check_kept(kept: Checkpoint, newest: Checkpoint) -> None:
    if kept.origin != newest.origin:
        raise Corrupt(f"the checkpoint you kept is of another log: {kept.origin}, not {newest.origin}")
    if kept.size > newest.size:
        raise Corrupt(f"the ledger was cut: it has {newest.size} events, the checkpoint you kept has {kept.size}")


def _parse_note(path: Path) -> SignedCheckpoint:
    try:
        return SignedCheckpoint.parse(_read(path).decode())
    except UnicodeDecodeError:
        raise Corrupt("not a signed checkpoint: it is no UTF-8 text", where=str(path)) from None
    except Corrupt as error:
        raise Corrupt(error.what, where=str(path)) from None


def _parse_key(path: Path) -> Verifier:
    try:
        return Verifier.parse(_read(path).decode())
    except (UnicodeDecodeError, BadInput):
        raise Corrupt("not a C2SP verifier key", where=str(path)) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("not a ledger bundle: a file is missing", where=str(path)) from None


@dataclass
class _Verification:
    """One pass over the events, which grows the tree and holds it against tiles and checkpoints on its way."""

    folder: Path
    key: Verifier
    notes: list[SignedCheckpoint]
    since: Checkpoint | None
    strict: bool
    edge: Edge = field(default_factory=Edge)
    reached: int = 0
    time: str = ""
    signed: set[Verifier] = field(default_factory=set)

    def run(self) -> None:
        by_size = {note.checkpoint.size: note for note in self.notes}
        kept = {self.since.size} if self.since else set()
        with _open(self.folder / "events.jsonl") as file:
            for size in sorted(by_size.keys() | kept):
                self._advance(file, size)
                if size in by_size:
                    self._judge(by_size[size])
                if size in kept:
                    self._judge_kept()
            if file.read(1):
                raise Corrupt(
                    f"events.jsonl goes on after event {self.edge.size - 1}, beyond every signed checkpoint",
                    where=f"event {self.edge.size}",
                )
        for level, position, row in _open_tiles(self.edge):
            self._compare(Tile(level, position, b"".join(row), b""))

    def _advance(self, file: BinaryIO, size: int) -> None:
        while self.edge.size < size:
            first = self.edge.size
            leaves = [line[:-1] for line in islice(file, min(4096, size - first)) if line.endswith(b"\n")]
            if not leaves:
                raise Corrupt(
                    f"events.jsonl ends after {first} events, a signed checkpoint covers {size}", where=f"event {first}"
                )
            for sequence, leaf in enumerate(leaves, first):
                if self.strict:
                    self._check_form(leaf, sequence)
                if _ROTATION in leaf:
                    self._rotate(leaf, sequence)
            for tile in self.edge.extend(map(leaf_hash, leaves)):
                self._compare(tile)

    def _check_form(self, leaf: bytes, sequence: int) -> None:
        try:
            value = json.loads(leaf)
            fine = canonical(value) == leaf and value["sequence"] == sequence and value["time"] >= self.time
            self.time = value["time"]
        except (ValueError, KeyError, TypeError):
            fine = False
        if not fine:
            raise Corrupt(
                f"event {sequence} is no canonical JSON leaf, or its sequence or time does not follow",
                where=f"event {sequence}",
            )

    def _rotate(self, leaf: bytes, sequence: int) -> None:
        """Follows a hand-over to a new key; the old one must have signed it."""
        try:
            event = json.loads(leaf)
            if event["kind"] != ROTATED:
                return
            body = event["body"]
            old, new, signature = body["old"], Verifier.parse(body["new"]), base64.b64decode(body["signature"])
        except (ValueError, KeyError, TypeError, BadInput):
            raise Corrupt(
                f"event {sequence} hands over to a new key, but is damaged", where=f"event {sequence}"
            ) from None
        signed = rotation_statement(str(new), sequence)
        if old != str(self.key) or new.name != self.key.name or not self.key.verify(signed, signature):
            raise Corrupt(
                f"event {sequence} hands over to a new key, but the key in force, {self.key.name} (key id "
                f"{self.key.key_id.hex()}), did not sign it",
                where=f"event {sequence}",
            )
        self.signed.add(self.key)
        self.key = new

    def _compare(self, tile: Tile) -> None:
        """Compares a tile with the bundle's: a difference at level 0 names the event."""
        width = len(tile.hashes) // HASH_BYTES
        path = self.folder / "tiles" / tile_path(tile.level, tile.position, width)
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            raise Corrupt("a tile is missing", where=str(path)) from None
        if found == tile.hashes:
            return
        first = (tile.position * TILE_WIDTH + _first_difference(found, tile.hashes)) << 8 * tile.level
        if tile.level == 0:
            raise Corrupt(f"event {first} was altered: its hash is not the one in the tiles", where=f"event {first}")
        raise Corrupt(f"the tiles do not fit the events from {first} on", where=str(path))

    def _judge(self, note: SignedCheckpoint) -> None:
        size = note.checkpoint.size
        if not note.signed_by(self.key):
            raise Corrupt(
                f"the checkpoint at {size} events is not signed by {self.key.name} (key id {self.key.key_id.hex()})",
                where=f"checkpoints/{size}",
                remedy="a forged checkpoint, or the wrong key: compare the key with the one you were given",
            )
        if self.edge.root() != note.checkpoint.root:
            self._name_altered()
            raise Corrupt(
                f"events {self.reached} to {size - 1} are not those that were signed: the checkpoint at {size} events "
                "has another root",
                where=f"events {self.reached}-{size - 1}",
            )
        self.signed.add(self.key)
        self.reached = size

    def _name_altered(self) -> None:
        """Names the event that does not fit the level-0 tile which is still open here, if there is one."""
        row = b"".join(self.edge.levels[0])
        position, newest = self.edge.size // TILE_WIDTH, self.notes[-1].checkpoint.size
        width = min(TILE_WIDTH, newest - position * TILE_WIDTH)
        path = self.folder / "tiles" / tile_path(0, position, width)
        found = path.read_bytes()[: len(row)] if row and path.is_file() else row
        if found != row:
            event = position * TILE_WIDTH + _first_difference(found, row)
            raise Corrupt(f"event {event} was altered: its hash is not the one in the tiles", where=f"event {event}")

    def _judge_kept(self) -> None:
        assert self.since is not None
        if self.edge.root() != self.since.root:
            raise Corrupt(
                f"the ledger was rewritten: it does not continue the checkpoint at {self.since.size} events that you "
                "kept",
                where=f"events 0-{self.since.size - 1}",
            )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb", buffering=1 << 20)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("not a ledger bundle: a file is missing", where=str(path)) from None


def _first_difference(found: bytes, wanted: bytes) -> int:
    """The index of the first of the wanted hashes that is not the one found."""
    size = HASH_BYTES
    count = len(wanted) // size
    return next((i for i in range(count) if found[size * i : size * (i + 1)] != wanted[size * i : size * (i + 1)]), 0)
