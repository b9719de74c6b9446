"""A second verifier of ledger bundles, written from the specifications alone; it shares no code with Dure.

RFC 6962 section 2.1 (the tree), C2SP tlog-tiles (tile paths), tlog-checkpoint and signed-note (checkpoints), RFC 8785
(canonical JSON, by the rfc8785 package), and docs/guide/ledger.md (what a bundle holds, how a key is handed over).

    python independent_verifier.py BUNDLE KEY
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def mth(hashes: list[bytes]) -> bytes:
    """RFC 6962, 2.1, as it is written there."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else hashlib.sha256().digest()
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + mth(hashes[:k]) + mth(hashes[k:])).digest()


def parse_key(text: str) -> tuple[str, bytes, bytes]:
    name, key_id, encoded = text.strip().split("+", 2)
    data = base64.b64decode(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    assert data[0] == 1, "not an Ed25519 key"
    assert expected.hex() == key_id, "the key's id does not fit"
    return name, expected, data[1:]


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def open_note(note: str, key: tuple[str, bytes, bytes]) -> tuple[int, bytes]:
    """Size and root of a checkpoint that this key signed."""
    text, _, signatures = note.rpartition("\n\n")
    name, key_id, public = key
    for line in signatures.splitlines():
        _, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        if signer == name and data[:4] == key_id and signed(public, (text + "\n").encode(), data[4:]):
            origin, size, root = text.split("\n")
            assert origin == name, "the origin is not the key's name"
            return int(size), base64.b64decode(root)
    raise AssertionError("the checkpoint is not signed by this key")


def tile_path(level: int, number: int, width: int) -> str:
    name = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        name = f"x{number % 1000:03d}/{name}"
    return f"{level}/{name}" + (f".p/{width}" if width < 256 else "")


def verify(bundle: Path, key_text: str) -> int:
    """How many events the bundle holds; AssertionError when anything about it is wrong."""
    lines = (bundle / "events.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line is cut"
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    keys = [(0, key_text)]
    time = ""
    for number, line in enumerate(lines):
        event = json.loads(line)
        assert rfc8785.dumps(event) == line, f"event {number} is not canonical"
        assert event["sequence"] == number, f"event {number} has another sequence"
        assert event["time"] >= time, f"event {number} is older than the one before it"
        time = event["time"]
        if event["kind"] == "key.rotated":
            body = event["body"]
            assert body["old"] == keys[-1][1].strip(), f"event {number} replaces another key"
            statement = f"dure key rotation\n{number}\n{body['new']}\n".encode()
            signature = base64.b64decode(body["signature"])
            assert signed(parse_key(keys[-1][1])[2], statement, signature), f"event {number}: not signed by the old key"
            keys.append((number + 1, body["new"]))
    sizes = sorted(int(path.name) for path in (bundle / "checkpoints").iterdir())
    for size in sizes:
        note = (bundle / "checkpoints" / str(size)).read_text("utf-8")
        in_force = next(text for start, text in reversed(keys) if start <= size)
        assert open_note(note, parse_key(in_force)) == (size, mth(leaves[:size])), f"checkpoint {size}: another root"
    assert sizes[-1] == len(leaves), "the newest checkpoint does not cover every event"
    assert (bundle / "checkpoint").read_bytes() == (bundle / "checkpoints" / str(sizes[-1])).read_bytes()
    level, row = 0, leaves
    while row:
        for number in range(-(-len(row) // 256)):
            part = row[256 * number : 256 * (number + 1)]
            assert (bundle / "tiles" / tile_path(level, number, len(part))).read_bytes() == b"".join(part), (
                "a tile differs"
            )
        row = [mth(row[256 * n : 256 * (n + 1)]) for n in range(len(row) // 256)]
        level += 1
    return len(leaves)


if __name__ == "__main__":
    print(verify(Path(sys.argv[1]), sys.argv[2]), "events: all as they were signed")
