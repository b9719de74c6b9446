"""Handing the ledger over from one signing key to the next.

The event that does so is signed by the old key over the new one and the event's place, so a verifier that trusts the
old key follows to the new one by itself.
"""

from __future__ import annotations

import base64
from contextlib import AbstractContextManager
from typing import Protocol

from dure.base.errors import Conflict
from dure.base.types import Decision, Resource
from dure.store.change import Change
from dure.store.keyring import Keyring
from dure.store.ledger import ROTATED, Ledger, key_in_force
from dure.store.notes import Signer, Verifier, rotation_statement


class Acting(Protocol):
    """What rotation needs of `access.act.Act`."""

    def require(self, action: str, resource: Resource) -> Decision: ...

    def change(self, *, sign: bool = False) -> AbstractContextManager[Change]: ...


def rotate(act: Acting, keyring: Keyring, ledger: Ledger) -> Verifier:
    """Replaces the signing key and returns the new verifier key, which is to be handed to whoever checks the ledger.

    The new key is durable before the event that names it, and the old one is destroyed after it.

    Raises:
        Refused: the principal may not do so.
        Conflict: somebody else rotated meanwhile.
    """
    hub = ledger.origin.rpartition("/")[2]
    old, fresh = ledger.signer(), Signer.generate(ledger.origin)
    act.require("key.rotate", Resource("key", hub))
    keyring.store_signer(fresh)
    with act.change(sign=True) as change:
        if key_in_force(change.read) not in (None, old.verifier):
            raise Conflict("the signing key was replaced meanwhile", remedy="look at it again, then repeat the command")
        signature = old.sign(rotation_statement(str(fresh.verifier), change.next_sequence))
        body = {
            "new": str(fresh.verifier),
            "old": str(old.verifier),
            "signature": base64.b64encode(signature).decode(),
        }
        change.record(ROTATED, hub, body)
    keyring.destroy_signer(old.verifier)
    return fresh.verifier
