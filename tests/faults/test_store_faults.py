"""Killed at any moment, the disk full, a folder read-only, bytes torn or altered: nothing is lost, all of it named."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import dure
from dure.base.canonical import canonical, digest
from dure.base.errors import Corrupt, Unavailable
from dure.compute.record import task_result
from dure.store import doctor
from dure.store.ledger import Ledger
from dure.store.merkle import leaf_hash
from dure.store.notes import Checkpoint, Signer
from dure.store.objects import DirectoryObjects
from store_world import SIGNER, World, allow, record_task


def killed(work: Callable[[], None]) -> None:
    """Runs this in a process of its own, which has to die of SIGKILL."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World({}, tmp_path)
    made.objects = DirectoryObjects(tmp_path / "objects")
    yield made
    made.close()


def put_and_record(world: World, n: int) -> str:
    """What every part of the hub does: the object first, then the Change that names it."""
    name = world.objects.put(b"results of %d" % n)
    key = digest(["task", n])
    with world.store.change("system:compute", allow(("task.record", key))) as change:
        change.record("task.done", key, {"access": "open", "cpu_ms": 5, "results": name}, expect=None)
    return name


MOMENTS = {
    "while the object is written": (os, "fsync", 0),
    "before the object gets its name": (Path, "replace", 0),
    "between the object and the Change": (World, "clock", 0),
    "before the events are written": (Ledger, "append", 0),
    "before the commit": (Ledger, "append", 1),
    "after the commit": (Ledger, "committed", 1),
}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_between_put_and_commit_nothing_is_lost_or_half_there(
    world: World, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_and_record(world, 1)
    world.database.close()
    owner, name, after = MOMENTS[moment]

    def work() -> None:
        again = World({}, tmp_path, fresh=False)
        again.objects = world.objects
        if owner is World:
            again.store.clock = die
        elif after:
            real = getattr(owner, name)
            monkeypatch.setattr(owner, name, lambda *a, **k: (real(*a, **k), die()))
        else:
            monkeypatch.setattr(owner, name, die)
        put_and_record(again, 2)

    killed(work)
    again = World({}, tmp_path, fresh=False)
    again.objects = DirectoryObjects(tmp_path / "objects")
    committed = moment == "after the commit"
    assert again.ledger.size() == 1 + committed
    for name_ in again.objects.names():
        again.objects.get(name_)
    assert [f.code for f in doctor.check(again.store, again.objects, SIGNER.verifier) if f.serious] == []
    if not committed:
        put_and_record(again, 2)
    assert again.ledger.size() == 2
    assert doctor.check(again.store, again.objects, SIGNER.verifier) == []
    again.close()


# ---- the disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system can be mounted by root alone")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_an_object_on_a_full_disk_is_a_clear_error_and_leaves_nothing(small_disk: Path) -> None:
    objects = DirectoryObjects(small_disk)
    name = objects.put(b"before")
    with pytest.raises(Unavailable, match="the disk is full"):
        objects.put(bytes(3_000_000))
    assert list(objects.names()) == [name]
    assert not list((small_disk / "incoming").iterdir())
    assert objects.get(objects.put(b"after")) == b"after"


def test_a_change_on_a_full_disk_is_a_clear_error_and_the_next_one_works(small_disk: Path) -> None:
    world = World({}, small_disk)
    world.done(1)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"), filler.open("wb") as file:  # noqa: PT012
        file.write(bytes(4_000_000))
        file.flush()
    with pytest.raises(Unavailable, match="cannot write"):
        world.done(*range(2, 400))
    filler.unlink()
    assert world.ledger.size() == 1
    world.done(*range(2, 400))
    assert world.ledger.size() == 399
    assert doctor.check_ledger(world.store, SIGNER.verifier) + doctor.check_projections(world.store) == []
    world.close()


def test_a_read_only_folder_is_a_clear_error(small_disk: Path) -> None:
    world, objects = World({}, small_disk), DirectoryObjects(small_disk / "objects")
    world.done(1)
    name = objects.put(b"x")
    world.database.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(Unavailable, match="cannot be written"):
            objects.put(b"y")
        assert objects.get(name) == b"x"
        with pytest.raises(Unavailable, match="cannot be"):
            World({}, small_disk, fresh=False).done(2)
        world.database.close()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    world.done(2)
    assert world.ledger.size() == 2
    world.close()


def test_a_torn_object_is_corrupt_and_healed_by_the_next_put(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    name = objects.put(b"whole bytes")
    objects._path(name).write_bytes(b"whole")
    with pytest.raises(Corrupt, match="other bytes than its name"):
        objects.get(name)
    objects.put(b"whole bytes")
    assert objects.get(name) == b"whole bytes"


def test_a_damaged_database_is_a_clear_error(tmp_path: Path) -> None:
    world = World({}, tmp_path)
    world.done(*range(50))
    world.close()
    with (tmp_path / "hub.db").open("r+b") as file:
        file.write(bytes(4096))
    with pytest.raises(Corrupt, match="the database is damaged"):
        World({}, tmp_path, fresh=False).ledger.size()


# ---- what the doctor finds


def tamper(world: World, *statements: str, **values: Any) -> None:
    """Changes the ledger as somebody with the database file would: without its triggers."""
    with world.database.write() as connection:
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for name in triggers:
            connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            connection.execute(text(statement), values)


def altered(world: World, sequence: int) -> dict[str, Any]:
    leaf = canonical({**world.ledger.leaf(sequence), "actor": "system:lab"})
    return {"n": sequence, "leaf": leaf, "hash": leaf_hash(leaf)}


LEAF = "UPDATE ledger_event SET leaf = :leaf WHERE sequence = :n"
HASH = "UPDATE ledger_event SET hash = :hash WHERE sequence = :n"
FORGED = Checkpoint("dure/hub-TESTTESTTESTTEST", 300, bytes(32)).sign(SIGNER)
STRANGE = Signer("dure/hub-TESTTESTTESTTEST", bytes(32))
TAMPERED = {
    "leaf": ([LEAF], "event-altered", "event 70"),
    "leaf and hash": ([LEAF, HASH], "event-altered", "event 70"),
    "column": (["UPDATE ledger_event SET subject = 'b3:x' WHERE sequence = :n"], "event-altered", "event 70"),
    "deleted": (["DELETE FROM ledger_event WHERE sequence = :n"], "event-missing", "event 71"),
    "cut": (["DELETE FROM ledger_event WHERE sequence > :n"], "event-missing", "event 300"),
    "tile deleted": (["DELETE FROM ledger_tile"], "tile-altered", "tile 0/0"),
    "tile's root": (["UPDATE ledger_tile SET root = :hash"], "tile-altered", "tile 0/0"),
    "checkpoint's root": (["UPDATE ledger_checkpoint SET note = :forged"], "checkpoint-wrong", "checkpoint 300"),
    "checkpoint's signer": (["UPDATE ledger_checkpoint SET note = :strange"], "checkpoint-forged", "checkpoint 300"),
    "no checkpoint": (["UPDATE ledger_checkpoint SET note = 'x'"], "checkpoint-wrong", "checkpoint 300"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_doctor_names_what_was_tampered_with_in_the_ledger(world: World, what: str) -> None:
    world.done(*range(300), sign=True)
    assert doctor.check_ledger(world.store, SIGNER.verifier) == []
    statements, code, where = TAMPERED[what]
    root = Checkpoint("dure/hub-TESTTESTTESTTEST", 300, b"r" * 32)
    tamper(world, *statements, **altered(world, 70), forged=FORGED, strange=root.sign(STRANGE))
    found = doctor.check_ledger(world.store, SIGNER.verifier)
    assert (code, where) in [(f.code, f.where) for f in found]
    assert all(f.remedy for f in found)


def test_an_event_rewritten_with_its_tile_is_found_by_the_checkpoint(world: World) -> None:
    world.done(*range(100), sign=True)
    world.done(*range(100, 300), sign=True)
    values = altered(world, 170)
    tile = b"".join(values["hash"] if n == 170 else leaf_hash(leaf) for n, leaf in world.ledger.leaves(0, 256))
    from dure.store.merkle import root_of

    root = root_of([tile[i : i + 32] for i in range(0, len(tile), 32)])
    tamper(world, LEAF, HASH, "UPDATE ledger_tile SET hashes = :tile, root = :root", **values, tile=tile, root=root)
    (found,) = doctor.check_ledger(world.store, SIGNER.verifier)
    assert (found.code, found.what) == ("checkpoint-wrong", "events 100 to 299 are not those that were signed")


def test_the_doctor_names_objects_missing_damaged_and_unnamed(world: World) -> None:
    names = [put_and_record(world, n) for n in range(3)]
    piece, loose = world.objects.put(b"a piece"), world.objects.put(b"named by nothing")
    manifest = canonical({"digest": names[0], "kind": "dure.file", "pieces": [[piece, 0, 7]], "size": 7, "v": 1})
    key = digest("with a manifest")
    with world.store.change("system:compute", allow(("task.record", key))) as change:
        change.record("task.done", key, {"access": "open", "cpu_ms": 5, "results": world.objects.put(manifest)})
    (only,) = doctor.check(world.store, world.objects, SIGNER.verifier)
    assert (only.code, only.where, only.serious) == ("object-unreferenced", loose, False)
    world.objects._path(names[1]).unlink()
    world.objects._path(names[2]).write_bytes(b"something else")
    world.objects._path(piece).unlink()
    found = {
        (f.code, f.what.split()[2], f.where) for f in doctor.check_objects(world.store, world.objects) if f.serious
    }
    assert ("object-missing", names[1], "named by event 1") in found
    assert ("object-damaged", names[2]) in {entry[:2] for entry in found}
    assert ("object-missing", piece) in {entry[:2] for entry in found}


def test_the_doctor_names_a_row_that_no_event_implies(world: World) -> None:
    world.done(1)
    with world.database.write() as connection:
        connection.execute(task_result.update().values(cpu_ms=6))
    (found,) = doctor.check_projections(world.store)
    assert found.code == "projection-differs"
    assert found.what.endswith("column cpu_ms holds 6, the ledger implies 5")


def test_collection_keeps_all_that_events_name_through_manifests(world: World) -> None:
    kept, piece = put_and_record(world, 1), world.objects.put(b"a piece")
    file = world.objects.put(canonical({"digest": kept, "kind": "dure.file", "pieces": [[piece, 0, 7]], "size": 7}))
    outcome = world.objects.put(canonical({"files": {"a": file}, "kind": "dure.outcome.x"}))
    key = digest("outcome")
    with world.store.change("system:compute", allow(("task.record", key))) as change:
        change.record("task.done", key, {"access": "open", "cpu_ms": 5, "results": outcome})
    loose = world.objects.put(b"named by nothing")
    assert doctor.collect(world.store, world.objects) == []
    assert doctor.collect(world.store, world.objects, grace_seconds=-60) == [loose]
    assert set(world.objects.names()) == {kept, piece, file, outcome}
    world.objects._path(outcome).write_bytes(b"torn")
    with pytest.raises(Corrupt):
        doctor.collect(world.store, world.objects, grace_seconds=-60)
    assert world.objects.has(piece)


def test_an_event_that_cannot_be_replayed_is_named(world: World) -> None:
    world.done(1, 2)
    key = digest(["task", 1])
    tamper(world, LEAF, **{**altered(world, 1), "leaf": canonical({**world.ledger.leaf(1), "subject": key})})
    (found,) = doctor.check_projections(world.store)
    assert "cannot be replayed" in found.what


# ---- there is no other way to write


def test_nothing_outside_the_store_writes_to_the_database() -> None:
    package = Path(dure.__file__).parent
    writes = re.compile(
        r"writer_engine|database\.write\(|\.insert\(\)|\.delete\(\)|sqlalchemy import .*\b(text|insert|update|delete)\b"
    )
    found = [
        f"{path.relative_to(package)}: {line.strip()}"
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] != "store"
        for line in path.read_text("utf-8").splitlines()
        if writes.search(line)
    ]
    assert found == []


def test_a_change_shows_no_connection_and_takes_no_sql(world: World) -> None:
    key = digest("a")
    with world.store.change("system:compute", allow(("task.record", key))) as change:
        record_task(change, key)
        public = {name for name in dir(change) if not name.startswith("_")}
        given = {"actor", "events", "leaves", "next_sequence", "project", "read", "record", "time", "version"}
        assert public == given | {"rewrite_projections"}
        with pytest.raises(TypeError):
            change.read.all(task_result.delete())
