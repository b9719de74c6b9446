"""A hub on each kind of database: founded whole or not at all; names held; what is unsigned is signed at its end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dure.base.canonical import digest
from dure.base.errors import BadInput, Conflict, Unavailable
from dure.base.settings import Settings
from dure.base.types import Resource
from dure.hub import Hub
from dure.store.doctor import check
from dure.store.ledger import first_key


def work(hub: Hub, n: int) -> None:
    act, key = hub.act("system:compute"), digest(["task", n])
    act.require("task.record", Resource("task", key, {"access": "open"}))
    with act.change() as change:
        results = hub.objects.put(b"results")
        change.record("task.done", key, {"access": "open", "cpu_ms": 1, "results": results}, expect=None)


def test_a_hub_lives_on_either_database(database_settings: dict[str, str], tmp_path: Path) -> None:
    with Hub.create(tmp_path / "hub", **database_settings) as hub:
        me = hub.me
        work(hub, 1)
        assert hub.ledger.unsigned() == 2
    with Hub.open(tmp_path / "hub") as hub:
        assert (hub.me, hub.ledger.unsigned(), hub.ledger.size()) == (me, 0, 2)
        work(hub, 2)
        with hub.database.read() as reader:
            first = first_key(reader)
        assert check(hub.store, hub.objects, first) == []
        with (
            Hub.open(tmp_path / "hub") as other,
            hub.hold("b3:campaign"),
            pytest.raises(Conflict, match=f"process {os.getpid()}"),
            other.hold("b3:campaign"),
        ):
            pass


def test_a_database_that_holds_a_hub_is_not_taken_for_another(
    database_settings: dict[str, str], tmp_path: Path
) -> None:
    with Hub.create(tmp_path / "hub", **database_settings):
        pass
    if not database_settings:
        with pytest.raises(BadInput, match="not empty"):
            Hub.create(tmp_path / "hub")
        return
    with pytest.raises(BadInput, match="holds a hub already"):
        Hub.create(tmp_path / "second", **database_settings)
    assert not (tmp_path / "second").exists()


def test_a_hub_that_could_not_be_founded_leaves_nothing(tmp_path: Path) -> None:
    nowhere = {"database": f"postgresql://dure@/x?host={tmp_path}", "reader": f"postgresql://r@/x?host={tmp_path}"}
    with pytest.raises(Unavailable, match="does not answer"):
        Hub.create(tmp_path / "hub", **nowhere)
    assert not (tmp_path / "hub").exists()


def test_no_password_reaches_the_hubs_settings(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="password"):
        Hub.create(tmp_path / "hub", database="postgresql://a:hunter2@h/x", reader="postgresql://r@h/x")
    assert not (tmp_path / "hub").exists()


def test_the_settings_of_a_hub_hold_no_secret(database_settings: dict[str, str], tmp_path: Path) -> None:
    with Hub.create(tmp_path / "hub", **database_settings) as hub:
        keys = [path.read_bytes() for path in hub.private.iterdir()]
        inside = b"".join(path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file())
        assert Settings.read(tmp_path / "hub") == hub.settings
    assert len(keys) == 2
    assert not any(key in inside for key in keys)
