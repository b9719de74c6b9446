"""Keys and event kinds, one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from dure.base.errors import Corrupt, NotFound, Unavailable
from dure.store.keyring import Keyring, read_private, seal, unseal, write_private
from dure.store.kinds import CODE, DIGEST, PRINCIPAL, EventKind, Registry, list_of, one_of, optional
from dure.store.notes import Signer


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", bytes(32))


def test_what_is_sealed_opens_with_its_key_and_context_alone() -> None:
    sealed = seal(bytes(32), b"Kim Minji", "person-1")
    assert unseal(bytes(32), sealed, "person-1") == b"Kim Minji"
    assert b"Kim" not in sealed
    assert seal(bytes(32), b"Kim Minji", "person-1") != sealed
    for key, data, context in (
        (b"k" * 32, sealed, "person-1"),
        (bytes(32), sealed, "person-2"),
        (bytes(32), sealed[:-1], "person-1"),
    ):
        with pytest.raises(Corrupt, match="does not open"):
            unseal(key, data, context)


def test_a_destroyed_key_is_gone(keyring: Keyring) -> None:
    key = keyring.create("person-1")
    assert keyring.load("person-1") == key
    keyring.destroy("person-1")
    with pytest.raises(NotFound, match="missing"):
        keyring.load("person-1")


def test_a_key_wrapped_by_another_root_key_does_not_open(keyring: Keyring, tmp_path: Path) -> None:
    keyring.create("person-1")
    with pytest.raises(Corrupt):
        Keyring(tmp_path / "keys", b"r" * 32).load("person-1")


def test_signing_keys_are_found_by_their_public_half(keyring: Keyring) -> None:
    one, other = Signer.generate("dure/hub-1"), Signer.generate("dure/hub-1")
    for signer in (one, other):
        keyring.store_signer(signer)
    assert keyring.signer(one.verifier) == one
    keyring.destroy_signer(one.verifier)
    assert keyring.signer(other.verifier) == other
    with pytest.raises(NotFound):
        keyring.signer(one.verifier)


def test_a_private_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    write_private(path, b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private(path, "the key", "") == b"x"
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="can be read by others"):
        read_private(path, "the key", "")
    assert [p.name for p in tmp_path.iterdir()] == ["root.key"]


@pytest.mark.parametrize("text", ["Kim Minji", "900101-1234567", "patients 2026.csv", "환자", "", None, 3])
def test_free_text_fits_no_rule(text: object) -> None:
    for rule in (DIGEST, PRINCIPAL, CODE, list_of(CODE), one_of("open")):
        assert not rule(text)
        assert optional(rule)(text) == (text is None)


KIND = EventKind(
    "a.b",
    "a.do",
    {"new": CODE},
    DIGEST,
    v=3,
    upcasts={1: lambda body: {"mid": body["old"]}, 2: lambda body: {"new": body["mid"]}},
)


def test_old_leaves_are_brought_to_todays_form() -> None:
    leaf = {"sequence": 0, "time": "t", "actor": "system:hub", "kind": "a.b", "subject": "s", "decision": {}}
    registry = Registry([KIND])
    for v, body in ((1, {"old": "x"}), (2, {"mid": "x"}), (3, {"new": "x"})):
        event = registry.read({**leaf, "v": v, "body": body})
        assert (event.v, event.body) == (3, {"new": "x"})
    with pytest.raises(ValueError, match="no event kind"):
        registry.read({**leaf, "kind": "a.c", "v": 1, "body": {}})
    with pytest.raises(ValueError, match="two event kinds"):
        Registry([KIND, KIND])
