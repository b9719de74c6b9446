"""Ledger bundles: a folder from which anyone can check the ledger, without the hub and its database.

    events.jsonl       one canonical JSON leaf a line: exactly the bytes that are hashed (RFC 6962, SHA-256)
    checkpoint         the newest C2SP signed checkpoint; it covers every line
    checkpoints/SIZE   all signed checkpoints
    tiles/L/N[.p/W]    C2SP hash tiles (tlog-tiles), partial ones included
    key.pub            the C2SP verifier key that was in force at the first checkpoint

`verify_bundle` reads nothing else. It does not trust `key.pub`: the caller brings a key from outside.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Corrupt, NotFound
from dure.store.ledger import HASH_BYTES, Ledger
from dure.store.merkle import TILE_WIDTH, Edge, Tile, leaf_hash
from dure.store.notes import SignedCheckpoint, Verifier

ROTATED = "key.rotated"


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


def export_bundle(ledger: Ledger, verifier: Verifier, folder: Path) -> int:
    """Writes a bundle into a new folder and returns how many events it holds. Sign a checkpoint first."""
    if folder.exists() and any(folder.iterdir()):
        raise BadInput("the folder is not empty", where=str(folder), remedy="name a new folder")
    checkpoints = ledger.checkpoints()
    if not checkpoints:
        raise NotFound("the ledger has no signed checkpoint yet")
    size, newest = checkpoints[-1]
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    edge = Edge()
    with (folder / "events.jsonl").open("wb") as file:
        for piece in _pieces(leaf for _, leaf in ledger.leaves(0, size)):
            file.write(b"".join(leaf + b"\n" for leaf in piece))
            for tile in edge.extend(map(leaf_hash, piece)):
                _write(folder / "tiles" / tile_path(tile.level, tile.position), tile.hashes)
    for level, position, row in _open_tiles(edge):
        _write(folder / "tiles" / tile_path(level, position, len(row)), b"".join(row))
    for count, note in checkpoints:
        _write(folder / "checkpoints" / str(count), note.encode())
    _write(folder / "checkpoint", newest.encode())
    _write(folder / "key.pub", f"{verifier}\n".encode())
    return size


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
    """What a verified bundle is: how many events, up to which signed tree head, and whether its signer is known."""

    events: int
    checkpoints: int
    root: str
    signer: str
    trusted: bool


@dataclass
class _Verification:
    folder: Path
    key: Verifier
    notes: list[SignedCheckpoint]
    since: SignedCheckpoint | None
    strict: bool
    edge: Edge = field(default_factory=Edge)
    reached: int = 0
    time: str = ""
    since_seen: bool = False

    def run(self) -> None:
        by_size = {note.checkpoint.size: note for note in self.notes}
        wanted = sorted({*by_size, *([self.since.checkpoint.size] if self.since else [])})
        with (self.folder / "events.jsonl").open("rb") as file:
            for size in wanted:
                self._advance(file, size)
                if size in by_size:
                    self._judge(by_size[size])
                if self.since and size == self.since.checkpoint.size:
                    self._judge_since(self.since)
            if file.readline():
                raise Corrupt(f"events.jsonl goes on after event {self.edge.size - 1}, beyond every signed checkpoint")
        for level, position, row in _open_tiles(self.edge):
            self._compare(Tile(level, position, b"".join(row), b""))

    def _advance(self, file: Iterator[bytes], size: int) -> None:
        while self.edge.size < size:
            hashes = []
            for _ in range(min(4096, size - self.edge.size)):
                line = next(file, b"")
                if not line.endswith(b"\n"):
                    raise Corrupt(
                        f"events.jsonl ends at event {self.edge.size + len(hashes)}, a signed checkpoint covers {size}"
                    )
                leaf = line[:-1]
                if self.strict:
                    self._check_form(leaf, self.edge.size + len(hashes))
                if b'"kind":"key.rotated"' in leaf:
                    self._rotate(leaf, self.edge.size + len(hashes))
                hashes.append(leaf_hash(leaf))
            for tile in self.edge.extend(hashes):
                self._compare(tile)

    def _check_form(self, leaf: bytes, sequence: int) -> None:
        try:
            value = json.loads(leaf)
            fine = canonical(value) == leaf and value["sequence"] == sequence and value["time"] >= self.time
        except (ValueError, KeyError, TypeError):
            raise Corrupt(f"event {sequence} is not a leaf of a ledger") from None
        if not fine:
            raise Corrupt(f"event {sequence} is not canonical, or its sequence or time does not follow")
        self.time = value["time"]

    def _rotate(self, leaf: bytes, sequence: int) -> None:
        event = json.loads(leaf)
        if event["kind"] != ROTATED:
            return
        body = event["body"]
        signed = rotation_statement(body["new"], sequence)
        if body["old"] != str(self.key) or not self.key.verify(signed, base64.b64decode(body["signature"])):
            raise Corrupt(f"event {sequence} hands over to a new key, but the old key did not sign it")
        self.key = Verifier.parse(body["new"])

    def _compare(self, tile: Tile) -> None:
        """Compares a tile with the one in the bundle: a difference at level 0 names the event."""
        width = len(tile.hashes) // HASH_BYTES
        path = self.folder / "tiles" / tile_path(tile.level, tile.position, width)
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            raise Corrupt("a tile is missing", where=str(path)) from None
        if found == tile.hashes:
            return
        entry = next(i for i in range(width) if found[32 * i : 32 * i + 32] != tile.hashes[32 * i : 32 * i + 32])
        first = (tile.position * TILE_WIDTH + entry) << 8 * tile.level
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
            raise Corrupt(
                f"events {self.reached} to {size - 1} are not those that were signed: the checkpoint at {size} events "
                f"has another root",
                where=f"events {self.reached}-{size - 1}",
            )
        self.reached = size

    def _judge_since(self, note: SignedCheckpoint) -> None:
        if self.edge.root() != note.checkpoint.root:
            raise Corrupt(
                f"the ledger was rewritten: it does not continue the checkpoint at {note.checkpoint.size} events that "
                "you kept",
                where=f"events 0-{note.checkpoint.size - 1}",
            )
        self.since_seen = True


def rotation_statement(new_key: str, sequence: int) -> bytes:
    """What the old key signs when it hands over: the new verifier key and the event's place."""
    return f"dure key rotation\n{sequence}\n{new_key}\n".encode()


def verify_bundle(folder: Path, key: Verifier | None = None, since: str | None = None, *, strict: bool = False) -> Verdict:
    """Checks a bundle alone.

    Args:
        folder: the bundle.
        key: the trusted verifier key, from outside; without it the bundle's own key is used and `trusted` is False.
        since: a signed checkpoint kept from earlier: the ledger must continue it.
        strict: also check that every leaf is canonical JSON and that sequence and time follow.

    Raises:
        Corrupt: names the first event, range or checkpoint that is wrong.
    """
    notes = [SignedCheckpoint.parse(path.read_text()) for path in _sorted_notes(folder)]
    newest = _read(folder / "checkpoint").decode()
    if not notes or SignedCheckpoint.parse(newest) != notes[-1]:
        raise Corrupt("checkpoint is not the newest of checkpoints/", where=str(folder / "checkpoint"))
    origins = {note.checkpoint.origin for note in notes}
    if len(origins) > 1:
        raise Corrupt(f"checkpoints of several logs: {sorted(origins)}", where=str(folder / "checkpoints"))
    kept = SignedCheckpoint.parse(since) if since is not None else None
    if kept and kept.checkpoint.origin not in origins:
        raise Corrupt(f"the checkpoint you kept is of another log: {kept.checkpoint.origin}")
    if kept and kept.checkpoint.size > notes[-1].checkpoint.size:
        raise Corrupt(
            f"the ledger was cut: it has {notes[-1].checkpoint.size} events, the checkpoint you kept has "
            f"{kept.checkpoint.size}"
        )
    first = key or Verifier.parse(_read(folder / "key.pub").decode())
    run = _Verification(folder, first, notes, kept, strict)
    run.run()
    head = notes[-1].checkpoint
    return Verdict(head.size, len(notes), head.root.hex(), str(run.key), key is not None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("not a ledger bundle: a file is missing", where=str(path)) from None


def _sorted_notes(folder: Path) -> list[Path]:
    names = folder / "checkpoints"
    if not names.is_dir():
        raise NotFound("not a ledger bundle: a folder is missing", where=str(names))
    return sorted(names.iterdir(), key=lambda path: (len(path.name), path.name))
