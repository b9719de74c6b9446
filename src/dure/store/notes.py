"""Signed notes and checkpoints after C2SP (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), with Ed25519.

A checkpoint is a note whose text has three lines: origin, tree size, base64 of the root. A signature line is
`— NAME BASE64(key id || signature)`, where the key id is the first four bytes of SHA-256(name || 0x0A || 0x01 || key).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from dure.base.errors import BadInput, Corrupt

_ED25519 = b"\x01"
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")  # signed-note forbids them


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name; `str()` gives the C2SP verifier key `NAME+HASH+BASE64`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Reads a verifier key; `BadInput` when it is none, or when its hash is not that of its key."""
        try:
            # Base64 may hold a plus sign, a key's name may not.
            name, key_id, encoded = text.strip().split("+", 2)
            data = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            raise BadInput(
                "not a C2SP verifier key", remedy="it looks like NAME+1234abcd+BASE64, on one line"
            ) from None
        verifier = cls(name, data[1:])
        if not name or " " in name or data[:1] != _ED25519 or len(data) != 33 or verifier.key_id.hex() != key_id:
            raise BadInput(f"the verifier key of {name!r} is damaged: its hash does not fit", remedy="copy it again")
        return verifier

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):  # ValueError: 32 bytes that are no point of the curve
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A private key with its name. Its bytes stay in `keys/`; nothing prints them."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Signer:
        """A new key from the system's random source."""
        if not name or any(c.isspace() or c == "+" for c in name):
            raise ValueError(f"a key name has no spaces and no plus sign: {name!r}")
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())


def rotation_statement(new_key: str, sequence: int) -> bytes:
    """What an old key signs when it hands over: the new verifier key and the place of the event that says so."""
    return f"dure key rotation\n{sequence}\n{new_key}\n".encode()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: which log, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text, ending in a newline, that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, signer: Signer) -> str:
        """The signed note."""
        signature = signer.verifier.key_id + signer.sign(self.text.encode())
        return f"{self.text}\n— {signer.name} {base64.b64encode(signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as read, with the signature lines (name, key id, signature) that stand below it."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> SignedCheckpoint:
        """Reads a signed note; `Corrupt` says what about its form is wrong. Signatures are not judged here."""
        text, separator, tail = note.rpartition("\n\n")
        lines = text.split("\n")
        if not separator or len(lines) < 3 or not tail.endswith("\n") or _CONTROL.search(note):
            raise Corrupt("not a signed checkpoint: three lines of text, an empty line, then signatures")
        origin, size, root = lines[:3]
        if not size.isdecimal() or (size != "0" and size.startswith("0")) or not size.isascii():
            raise Corrupt(f"the checkpoint's tree size is {size!r}")
        checkpoint = Checkpoint(origin, int(size), _decode(root, 32, "root"))
        if len(lines) > 3:
            raise Corrupt("the checkpoint has extension lines, which Dure never writes")
        return cls(checkpoint, tuple(map(_signature, tail.removesuffix("\n").split("\n"))))

    def signed_by(self, verifier: Verifier) -> bool:
        """Whether one of the signatures is this key's and fits."""
        message = self.checkpoint.text.encode()
        return any(
            name == verifier.name and key_id == verifier.key_id and verifier.verify(message, signature)
            for name, key_id, signature in self.signatures
        )


def _signature(line: str) -> tuple[str, bytes, bytes]:
    # Of any length: a witness's cosignature is longer than ours, and an unknown key's signature is passed over.
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    data = _base64(encoded)
    if dash != "—" or not name or len(data) < 5:
        raise Corrupt(f"not a signature line: {line[:60]!r}")
    return name, data[:4], data[4:]


def _base64(text: str) -> bytes:
    """The decoded bytes; none for what is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _decode(text: str, length: int, what: str) -> bytes:
    data = _base64(text)
    if len(data) != length:
        raise Corrupt(f"the checkpoint's {what} is not base64 of {length} bytes")
    return data
