"""Files of any size as objects: a manifest that names chunks, or a place in a pack.

A file above 64 MiB is cut into chunks of 64 MiB; files under 1 MiB are packed together. The chunk is the unit of put,
resume, encryption and range verification: a range is read by reading and verifying the chunks it touches, no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Corrupt
from dure.store.objects import Objects

CHUNK = 64 * 1024 * 1024
SMALL = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes inside an object."""

    object: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file is made of: its size, the digest of the whole, and its pieces in order."""

    size: int
    digest: str
    pieces: tuple[Piece, ...]

    def to_bytes(self) -> bytes:
        pieces = [[piece.object, piece.offset, piece.size] for piece in self.pieces]
        return canonical({"digest": self.digest, "kind": "dure.file", "pieces": pieces, "size": self.size, "v": 1})

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        value = json.loads(data)
        if value.get("kind") != "dure.file" or value.get("v") != 1:
            raise Corrupt("not a file manifest of version 1")
        return cls(value["size"], value["digest"], tuple(Piece(*piece) for piece in value["pieces"]))


def put_file(objects: Objects, path: Path) -> str:
    """Stores one file and returns the digest of its manifest. What an interrupted put stored is not sent again."""
    whole, pieces, size = blake3(), [], 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            whole.update(chunk)
            size += len(chunk)
            pieces.append(Piece(objects.put(chunk), 0, len(chunk)))
    return objects.put(Manifest(size, "b3:" + whole.hexdigest(), tuple(pieces)).to_bytes())


def put_files(objects: Objects, paths: Iterable[Path]) -> dict[Path, str]:
    """Stores many files, the small ones packed together; the digest of each file's manifest."""
    manifests: dict[Path, str] = {}
    pack: list[tuple[Path, bytes]] = []
    held = 0
    for path in paths:
        if path.stat().st_size >= SMALL:
            manifests[path] = put_file(objects, path)
            continue
        data = path.read_bytes()
        pack.append((path, data))
        held += len(data)
        if held >= CHUNK // 4:
            manifests |= _put_pack(objects, pack)
            pack, held = [], 0
    return manifests | _put_pack(objects, pack)


def _put_pack(objects: Objects, pack: list[tuple[Path, bytes]]) -> dict[Path, str]:
    if not pack:
        return {}
    name = objects.put(b"".join(data for _, data in pack))
    manifests, offset = {}, 0
    for path, data in pack:
        pieces = (Piece(name, offset, len(data)),) if data else ()
        manifests[path] = objects.put(Manifest(len(data), "b3:" + blake3(data).hexdigest(), pieces).to_bytes())
        offset += len(data)
    return manifests


def read_manifest(objects: Objects, digest: str) -> Manifest:
    """The manifest of this digest."""
    return Manifest.from_bytes(objects.get(digest))


def read_range(objects: Objects, manifest: Manifest, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a range, piece by piece, each verified before any of it is given out."""
    end = manifest.size if length is None else offset + length
    if not 0 <= offset <= end <= manifest.size:
        raise BadInput(f"bytes {offset} to {end} are not in a file of {manifest.size}")
    start = 0
    for piece in manifest.pieces:
        low, high = max(offset, start), min(end, start + piece.size)
        if low < high:
            begin = piece.offset + low - start
            yield objects.get(piece.object)[begin : begin + high - low]
        start += piece.size


def read_file(objects: Objects, digest: str) -> bytes:
    """All bytes of the file whose manifest has this digest, the digest of the whole verified."""
    manifest = read_manifest(objects, digest)
    data = b"".join(read_range(objects, manifest))
    if "b3:" + blake3(data).hexdigest() != manifest.digest:
        raise Corrupt(f"the file of manifest {digest} holds other bytes than the manifest says")
    return data
