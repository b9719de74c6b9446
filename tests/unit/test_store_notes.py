"""Signed notes and checkpoints after C2SP, with the verifier key and note of Go's golang.org/x/mod/sumdb/note."""

from __future__ import annotations

import pytest

from dure.base.errors import BadInput, Corrupt
from dure.store.notes import Checkpoint, SignedCheckpoint, Signer, Verifier

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_SIGNATURE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
SIGNER = Signer("dure/hub-1", bytes(range(32)))


def test_the_published_key_and_signature() -> None:
    import base64

    verifier = Verifier.parse(PETER)
    assert str(verifier) == PETER
    data = base64.b64decode(PETER_SIGNATURE)
    assert data[:4] == verifier.key_id
    assert verifier.verify(PETER_TEXT.encode(), data[4:])
    assert not verifier.verify(PETER_TEXT.encode() + b" ", data[4:])


@pytest.mark.parametrize("text", ["", "a", "a+b+c", PETER.replace("c74f", "c74e"), PETER[:-2], "x " + PETER])
def test_a_damaged_key_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        Verifier.parse(text)


def test_a_checkpoint_is_what_it_was() -> None:
    note = Checkpoint("dure/hub-1", 5, bytes(32)).sign(SIGNER)
    assert note.startswith("dure/hub-1\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— dure/hub-1 ")
    read = SignedCheckpoint.parse(note)
    assert read.checkpoint == Checkpoint("dure/hub-1", 5, bytes(32))
    assert read.signed_by(SIGNER.verifier)
    assert not read.signed_by(Signer("dure/hub-1", bytes(32)).verifier)
    assert not read.signed_by(Signer("dure/hub-2", SIGNER.seed).verifier)
    assert not SignedCheckpoint.parse(note.replace("\n5\n", "\n6\n")).signed_by(SIGNER.verifier)


def test_signatures_of_witnesses_are_passed_over() -> None:
    note = Checkpoint("dure/hub-1", 5, bytes(32)).sign(SIGNER)
    witness = "— witness.example/w1 " + "AAAA" * 25 + "\n"
    assert SignedCheckpoint.parse(note + witness).signed_by(SIGNER.verifier)
    first = note.replace("\n\n", "\n\n" + witness)
    assert SignedCheckpoint.parse(first).signed_by(SIGNER.verifier)


NOTE = Checkpoint("dure/hub-1", 5, bytes(32)).sign(SIGNER)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n5\n", "\n05\n"),
        NOTE.replace("\n5\n", "\n-5\n"),
        NOTE.replace("\n5\n", "\n٥\n"),
        NOTE.replace("\n5\n", "\n5\r\n"),
        NOTE.replace("AAA=", "AAA"),
        NOTE.replace("=\n\n", "=\nmore\n\n"),
        NOTE.replace("— ", "- "),
        NOTE + "\n",
    ],
)
def test_what_is_no_signed_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(Corrupt):
        SignedCheckpoint.parse(note)


def test_a_signer_shows_no_key() -> None:
    assert SIGNER.seed.hex() not in repr(SIGNER)
    assert "seed" not in repr(SIGNER)
    with pytest.raises(ValueError, match="no spaces"):
        Signer.generate("a b")
