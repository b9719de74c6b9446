"""Exported bundles: read by a verifier that shares no code with Dure; and every way to tamper with one is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from independent_verifier import verify as verify_independently

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Corrupt, NotFound, Refused
from dure.base.types import Resource
from dure.hub import KINDS, Hub
from dure.store.bundle import export_bundle, verify_bundle
from dure.store.kinds import Registry
from dure.store.ledger import first_key
from dure.store.merkle import Edge, leaf_hash
from dure.store.notes import Checkpoint, Signer, Verifier
from dure.store.rotation import rotate
from store_world import ORIGIN, SIGNER, World

GOLDEN = Path(__file__).parents[1] / "golden" / "leaves.jsonl"
KEY = SIGNER.verifier
FORGER = Signer(ORIGIN, bytes(32))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of 700 events with checkpoints at 100, 300, 650 and 700."""
    folder = tmp_path_factory.mktemp("bundle")
    world = World({}, folder)
    for start, end in ((0, 100), (100, 300), (300, 650), (650, 700)):
        world.done(*range(start, end), sign=True)
    export_bundle(world.ledger, KEY, folder / "sound")
    world.close()
    return folder / "sound"


@pytest.fixture
def bundle(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))


def test_both_verifiers_agree_on_a_sound_bundle(bundle: Path) -> None:
    assert verify_independently(bundle, str(KEY)) == 700
    verdict = verify_bundle(bundle, KEY, strict=True)
    assert (verdict.events, verdict.checkpoints, verdict.trusted, verdict.signer) == (700, 4, True, str(KEY))


def test_without_a_key_it_is_consistent_and_not_trusted(bundle: Path) -> None:
    assert not verify_bundle(bundle).trusted


# ---- tampering: a function that does it, and what is named


def _lines(bundle: Path) -> list[bytes]:
    return (bundle / "events.jsonl").read_bytes().splitlines(keepends=True)


def _write(bundle: Path, lines: list[bytes]) -> None:
    (bundle / "events.jsonl").write_bytes(b"".join(lines))


def _change(index: int) -> Callable[[Path], None]:
    def tamper(bundle: Path) -> None:
        lines = _lines(bundle)
        lines[index] = lines[index].replace(b'"cpu_ms":5', b'"cpu_ms":6')
        _write(bundle, lines)

    return tamper


def _rewrite_tiles(bundle: Path) -> None:
    """Makes the tiles fit the events again, as someone would who cannot sign."""
    shutil.rmtree(bundle / "tiles")
    edge = Edge()
    from dure.store.bundle import tile_path

    tiles = edge.extend(leaf_hash(line[:-1]) for line in _lines(bundle))
    rest = [(level, edge.size >> 8 * (level + 1), b"".join(row)) for level, row in enumerate(edge.levels) if row]
    for level, position, hashes in [*((t.level, t.position, t.hashes) for t in tiles), *rest]:
        path = bundle / "tiles" / tile_path(level, position, len(hashes) // 32)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashes)


def _change_with_tiles(index: int) -> Callable[[Path], None]:
    def tamper(bundle: Path) -> None:
        _change(index)(bundle)
        _rewrite_tiles(bundle)

    return tamper


def _swap(bundle: Path) -> None:
    lines = _lines(bundle)
    lines[40], lines[41] = lines[41], lines[40]
    _write(bundle, lines)


def _edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def tamper(bundle: Path) -> None:
        path = bundle / name
        path.write_text(change(path.read_text("utf-8")), "utf-8")

    return tamper


def _forge(bundle: Path) -> None:
    path = bundle / "checkpoints" / "300"
    text = path.read_text("utf-8").partition("\n\n")[0].split("\n")
    import base64

    path.write_text(Checkpoint(text[0], 300, base64.b64decode(text[2])).sign(FORGER), "utf-8")


def _resign(bundle: Path, signer: Signer) -> None:
    """Signs every checkpoint anew over the events as they are now: only the key's holder can."""
    edge, lines = Edge(), _lines(bundle)
    for size in (100, 300, 650, 700):
        edge.extend(leaf_hash(line[:-1]) for line in lines[edge.size : size])
        note = Checkpoint(ORIGIN, size, edge.root()).sign(signer)
        (bundle / "checkpoints" / str(size)).write_text(note, "utf-8")
        (bundle / "checkpoint").write_text(note, "utf-8")


def _forge_all(bundle: Path) -> None:
    _change_with_tiles(5)(bundle)
    _resign(bundle, FORGER)
    (bundle / "key.pub").write_text(f"{FORGER.verifier}\n")


TAMPERED = {
    "one event in a full tile": (_change(130), "event 130 was altered"),
    "one event in an open tile": (_change(690), "event 690 was altered"),
    "the first event": (_change(0), "event 0 was altered"),
    "an event and the tiles": (_change_with_tiles(130), "events 100 to 299 are not those that were signed"),
    "the last event and the tiles": (_change_with_tiles(699), "events 650 to 699 are not those"),
    "two events swapped": (_swap, "event 40 was altered"),
    "an event twice": (lambda b: _write(b, [*_lines(b)[:51], *_lines(b)[50:]]), "event 51 was altered"),
    "an event left out": (lambda b: _write(b, [*_lines(b)[:50], *_lines(b)[51:]]), "event 50 was altered"),
    "cut short": (lambda b: _write(b, _lines(b)[:660]), "ends after 660 events"),
    "cut within a line": (lambda b: _write(b, [*_lines(b)[:699], b'{"actor"']), "ends after 699 events"),
    "one event more": (lambda b: _write(b, [*_lines(b), _lines(b)[-1]]), "goes on after event 699"),
    "a tile missing": (lambda b: (b / "tiles/0/000").unlink(), "a tile is missing"),
    "a tile of level 1": (
        lambda b: (b / "tiles/1/000.p/2").write_bytes(bytes(64)),
        "the tiles do not fit the events from 0 on",
    ),
    "a forged checkpoint": (_forge, "the checkpoint at 300 events is not signed by"),
    "a checkpoint's size": (_edit("checkpoints/300", lambda t: t.replace("\n300\n", "\n301\n")), "checkpoint at 301"),
    "a checkpoint of another log": (
        _edit("checkpoints/300", lambda t: t.replace(ORIGIN, "dure/other", 1)),
        "checkpoints of several logs",
    ),
    "a checkpoint that is none": (_edit("checkpoints/100", lambda t: t[:-3]), "not a signed|signature line"),
    "an older newest checkpoint": (
        lambda b: shutil.copy(b / "checkpoints/650", b / "checkpoint"),
        "not the newest of checkpoints/",
    ),
    "everything, by somebody with another key": (_forge_all, "no checkpoint of this bundle is signed by the key you"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_named(bundle: Path, how: str) -> None:
    tamper, named = TAMPERED[how]
    tamper(bundle)
    with pytest.raises(Corrupt, match=named):
        verify_bundle(bundle, KEY)
    with pytest.raises((AssertionError, OSError, ValueError)):
        verify_independently(bundle, str(KEY))


def test_a_full_rewrite_by_the_keys_holder_is_found_by_a_kept_checkpoint_alone(bundle: Path) -> None:
    kept = (bundle / "checkpoints/300").read_text("utf-8")
    assert verify_bundle(bundle, KEY, kept).events == 700
    _change_with_tiles(130)(bundle)
    _resign(bundle, SIGNER)
    assert verify_bundle(bundle, KEY, strict=True).trusted
    with pytest.raises(Corrupt, match="does not continue the checkpoint at 300 events that you kept"):
        verify_bundle(bundle, KEY, kept)


def test_a_kept_checkpoint_of_any_size_or_log(bundle: Path) -> None:
    edge = Edge()
    edge.extend(leaf_hash(line[:-1]) for line in _lines(bundle)[:123])
    assert verify_bundle(bundle, KEY, Checkpoint(ORIGIN, 123, edge.root()).sign(SIGNER)).trusted
    with pytest.raises(Corrupt, match="the ledger was cut: it has 700 events"):
        verify_bundle(bundle, KEY, Checkpoint(ORIGIN, 701, edge.root()).sign(SIGNER))
    with pytest.raises(Corrupt, match="of another log"):
        verify_bundle(bundle, KEY, Checkpoint("dure/other", 123, edge.root()).sign(SIGNER))


def test_strict_names_an_event_that_is_not_canonical(bundle: Path) -> None:
    for change in (lambda e: json.dumps(e).encode(), lambda e: canonical({**e, "sequence": 8}), lambda e: b"x"):
        lines = _lines(bundle)
        lines[7] = change(json.loads(lines[7])) + b"\n"
        _write(bundle, lines)
        _rewrite_tiles(bundle)
        _resign(bundle, SIGNER)
        with pytest.raises(Corrupt, match="event 7 is no canonical"):
            verify_bundle(bundle, KEY, strict=True)


@pytest.mark.parametrize("name", ["events.jsonl", "checkpoint", "key.pub", "checkpoints"])
def test_what_is_no_bundle_is_said_to_be_none(bundle: Path, name: str) -> None:
    path = bundle / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(NotFound, match="not a ledger bundle"):
        verify_bundle(bundle, KEY)


def test_an_export_never_writes_over_anything(bundle: Path, tmp_path: Path) -> None:
    world = World({}, tmp_path)
    with pytest.raises(BadInput, match="not empty"):
        export_bundle(world.ledger, KEY, bundle)
    with pytest.raises(NotFound, match="no signed checkpoint"):
        export_bundle(world.ledger, KEY, tmp_path / "other")
    world.close()


# ---- a hub's own ledger: keys that are handed over, and leaves that must stay readable for ever


def _task(hub: Hub, n: int) -> None:
    from dure.base.canonical import digest

    act, key = hub.act("system:compute"), digest(["task", n])
    act.require("task.record", Resource("task", key, {"access": "open"}))
    with act.change() as change:
        change.record("task.done", key, {"access": "open", "cpu_ms": 1, "results": key}, expect=None)


@pytest.fixture
def rotated(tmp_path: Path) -> tuple[Path, list[Verifier]]:
    with Hub.create(tmp_path / "hub") as hub:
        keys = [hub.verifier]
        _task(hub, 1)
        hub.store.sign()
        for n in (2, 3):
            keys.append(rotate(hub.act(), hub.keyring, hub.ledger))
            _task(hub, n)
        hub.store.sign()
        with hub.database.read() as reader:
            first = first_key(reader)
        assert first == keys[0]
        export_bundle(hub.ledger, first, tmp_path / "bundle")
        assert len(list((tmp_path / "hub" / "keys").glob("signing.*"))) == 1
    return tmp_path / "bundle", keys


def test_every_key_of_a_rotated_ledger_leads_to_trust(rotated: tuple[Path, list[Verifier]]) -> None:
    bundle, keys = rotated
    assert verify_independently(bundle, str(keys[0])) == 6
    for key in keys:
        verdict = verify_bundle(bundle, key, strict=True)
        assert verdict.trusted
        assert verdict.signer == str(keys[-1])


def test_a_rotation_that_the_old_key_did_not_sign_is_named(rotated: tuple[Path, list[Verifier]]) -> None:
    bundle, keys = rotated
    lines = _lines(bundle)
    index = next(i for i, line in enumerate(lines) if b"key.rotated" in line)
    event = json.loads(lines[index])
    for body in ({**event["body"], "new": str(FORGER.verifier)}, {**event["body"], "signature": "AAAA"}, {}):
        lines[index] = canonical({**event, "body": body}) + b"\n"
        _write(bundle, lines)
        with pytest.raises(Corrupt, match=f"event {index} hands over"):
            verify_bundle(bundle, keys[0])


def test_a_key_that_was_handed_over_signs_no_more(rotated: tuple[Path, list[Verifier]], tmp_path: Path) -> None:
    with Hub.open(tmp_path / "hub") as hub, pytest.raises(NotFound):
        hub.keyring.signer(rotated[1][0])


def test_only_an_operator_rotates(tmp_path: Path) -> None:
    with Hub.create(tmp_path / "hub") as hub:
        before = hub.verifier
        with pytest.raises(Refused):
            rotate(hub.act("system:lab"), hub.keyring, hub.ledger)
        assert hub.verifier == before


def test_golden_leaves_still_read() -> None:
    """Leaves are never rewritten: each version of each kind that was ever released is read by every later release.

    A kind without a leaf here gets one by `python tests/golden/append.py HUB`.
    """
    registry, seen = Registry(KINDS), set()
    for line in GOLDEN.read_bytes().splitlines():
        leaf: dict[str, Any] = json.loads(line)
        assert canonical(leaf) == line
        event = registry.read(leaf)
        registry[event.kind].check(event.subject, event.body)
        list(registry[event.kind].project(event))
        seen.add((leaf["kind"], leaf["v"]))
    assert seen == {(kind.name, v) for kind in registry for v in range(1, kind.v + 1)}
