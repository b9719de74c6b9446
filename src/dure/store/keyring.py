"""Keys: each wrapped by the hub's root key, which lies outside the hub directory.

A copy of the hub directory without the root key opens nothing; destroying a wrapped key makes all that it sealed
unreadable for ever, while every digest in the ledger still holds.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dure.base.errors import Corrupt, NotFound, Unavailable
from dure.store.notes import Signer, Verifier
from dure.store.objects import sync_folder

KEY_BYTES = 32
NONCE_BYTES = 12


def seal(key: bytes, data: bytes, context: str) -> bytes:
    """AES-256-GCM: nonce and ciphertext. The context must be the same to open it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """The inverse of `seal`; `Corrupt` when key, context or bytes are not the ones."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise Corrupt(
            f"{context} does not open with this key", remedy="restore key and data from the same backup"
        ) from None


def write_private(path: Path, data: bytes) -> None:
    """A new file of mode 600, whole or not there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def read_private(path: Path, what: str, remedy: str) -> bytes:
    """The bytes of a private file; refuses one that others may read."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NotFound(f"{what} is missing", where=str(path), remedy=remedy) from None
    if mode & 0o077:
        raise Unavailable(
            f"{what} can be read by others (mode {mode & 0o777:o})", where=str(path), remedy=f"chmod 600 {path}"
        )
    return path.read_bytes()


class Keyring:
    """Wrapped keys in one folder.

    Args:
        folder: `keys/` of the hub.
        root_key: 32 bytes, read from outside the hub directory.
    """

    def __init__(self, folder: Path, root_key: bytes) -> None:
        self._folder, self._root = folder, root_key

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace(':', '_')}.key"

    def create(self, name: str) -> bytes:
        """A new random key of 32 bytes under this name."""
        key = secrets.token_bytes(KEY_BYTES)
        self.store(name, key)
        return key

    def store(self, name: str, key: bytes) -> None:
        """Wraps and writes a key."""
        write_private(self._path(name), seal(self._root, key, name))

    def load(self, name: str) -> bytes:
        """The key of this name; `NotFound` once it was destroyed."""
        wrapped = read_private(self._path(name), f"the key {name}", "it may have been destroyed on purpose")
        return unseal(self._root, wrapped, name)

    def destroy(self, name: str) -> None:
        """Deletes a key, durably; what it sealed stays unreadable."""
        self._path(name).unlink(missing_ok=True)
        sync_folder(self._folder)

    def signer(self, verifier: Verifier) -> Signer:
        """The signing key of this verifier key; `Corrupt` when what is kept under its name is another one."""
        signer = Signer(verifier.name, self.load(_signing(verifier)))
        if signer.verifier != verifier:
            raise Corrupt(f"the signing key kept for {verifier} is another one", remedy="restore keys/ from a backup")
        return signer

    def store_signer(self, signer: Signer) -> None:
        """Keeps a signing key."""
        self.store(_signing(signer.verifier), signer.seed)

    def destroy_signer(self, verifier: Verifier) -> None:
        """Deletes a signing key that was handed over from."""
        self.destroy(_signing(verifier))


def _signing(verifier: Verifier) -> str:
    return f"signing.{verifier.key_id.hex()}"
