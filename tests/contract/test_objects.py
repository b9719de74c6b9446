"""One conformance suite for every object store: memory (the reference), directory, and a real S3 server."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from pathlib import Path
from typing import Any

import pytest

from dure.base.canonical import canonical, digest_bytes
from dure.base.errors import BadInput, Corrupt, NotFound, Unavailable
from dure.store.objects import DirectoryObjects, MemoryObjects, Objects, links, referenced

ABSENT = digest_bytes(b"never put")


@pytest.fixture(params=["memory", "directory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    return DirectoryObjects(tmp_path / "objects") if request.param == "directory" else _s3(request)


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Any:
    return _s3(request)


def _s3(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("obstore")
    from dure.store.s3 import S3Objects

    server = request.getfixturevalue("s3_server")
    return S3Objects(f"s3://{server.bucket}/{secrets.token_hex(6)}", server.endpoint)


@pytest.mark.parametrize("data", [b"", b"a", bytes(range(256)) * 5000, secrets.token_bytes(9 * 2**20)])
def test_what_is_put_is_got(objects: Objects, data: bytes) -> None:
    name = objects.put(data)
    assert name == digest_bytes(data)
    assert objects.has(name)
    assert objects.get(name) == data


def test_what_was_never_put_is_missing(objects: Objects) -> None:
    assert not objects.has(ABSENT)
    with pytest.raises(NotFound, match="missing"):
        objects.get(ABSENT)


def test_names_are_those_of_all_objects(objects: Objects) -> None:
    assert list(objects.names()) == []
    put = {objects.put(bytes([i])) for i in range(20)}
    objects.put(b"\x00")
    assert sorted(objects.names()) == sorted(put)


def test_collection_deletes_what_is_old_and_not_kept(objects: Objects) -> None:
    kept, gone = objects.put(b"kept"), objects.put(b"gone")
    assert objects.collect(frozenset([kept]), grace_seconds=3600) == []
    assert objects.collect(frozenset([kept]), grace_seconds=-60) == [gone]
    assert list(objects.names()) == [kept]
    assert objects.collect(frozenset([kept]), grace_seconds=-60) == []
    assert objects.put(b"gone") == gone
    assert objects.get(gone) == b"gone"


def test_many_threads_put_the_same_bytes(objects: Objects) -> None:
    data = secrets.token_bytes(100_000)
    threads = [threading.Thread(target=objects.put, args=(data,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert objects.get(digest_bytes(data)) == data
    assert len(list(objects.names())) == 1


# ---- a collection and a second put of the same bytes: whatever comes between, the object is there when put returns


def _make_old(objects: DirectoryObjects, name: str) -> None:
    os.utime(objects._path(name), (1, 1))


def test_directory_a_put_before_the_collection_looks_keeps_the_object(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    name = objects.put(b"x")
    _make_old(objects, name)
    objects.put(b"x")
    assert objects.collect(frozenset()) == []


@pytest.mark.parametrize("moment", ["before the move", "after the move"])
def test_directory_a_put_in_the_middle_of_a_collection_keeps_the_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    objects = DirectoryObjects(tmp_path)
    name = objects.put(b"x")
    _make_old(objects, name)
    move = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if target.parent.name != "leaving":
            return move(path, target)
        if moment == "before the move":
            objects.put(b"x")
        moved = move(path, target)
        assert objects.get(name) == b"x"
        if moment == "after the move":
            objects.put(b"x")
        return moved

    monkeypatch.setattr(Path, "replace", replace)
    objects.collect(frozenset())
    monkeypatch.undo()
    assert objects.get(name) == b"x"
    assert not list((tmp_path / "leaving").iterdir())


def test_directory_a_collection_that_was_killed_is_made_good(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    name = objects.put(b"x")
    objects._path(name).replace(objects._aside(name))
    assert objects.has(name)
    assert objects.get(name) == b"x"
    again = DirectoryObjects(tmp_path)
    assert list(again.names()) == [name]
    assert not list((tmp_path / "leaving").iterdir())


def test_s3_a_second_put_makes_an_object_young_without_sending_it_again(s3: Any) -> None:
    name = s3.put(b"x")
    written = s3._head(f"objects/{name[3:5]}/{name[5:]}")["last_modified"]
    s3.put(b"x")
    assert s3._head(f"objects/{name[3:5]}/{name[5:]}")["last_modified"] == written
    assert s3._head(f"young/{name[3:]}") is not None
    assert s3.collect(frozenset(), grace_seconds=-60) == [name]
    assert s3._head(f"young/{name[3:]}") is None


@pytest.mark.parametrize("moment", ["before the look", "before the delete", "after the delete"])
def test_s3_a_put_in_the_middle_of_a_collection_keeps_the_object(
    s3: Any, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The put runs in a thread of its own, since it waits for the collection's mark to go."""
    name = s3.put(b"x")
    key = f"objects/{name[3:5]}/{name[5:]}"
    putter = threading.Thread(target=s3.put, args=(b"x",))
    freshened, head, delete, freshen = threading.Event(), s3._head, s3._delete, s3._freshen

    def start() -> None:
        putter.start()
        assert freshened.wait(20)

    def slow_freshen(*args: Any) -> None:
        freshen(*args)
        freshened.set()

    def slow_head(asked: str) -> Any:
        if moment == "before the look" and asked == key and not putter.ident:
            start()
        return head(asked)

    def slow_delete(asked: str) -> None:
        if moment == "before the delete" and asked == key and not putter.ident:
            start()
        delete(asked)
        if moment == "after the delete" and asked == key and not putter.ident:
            start()

    monkeypatch.setattr(s3, "_freshen", slow_freshen)
    monkeypatch.setattr(s3, "_head", slow_head)
    monkeypatch.setattr(s3, "_delete", slow_delete)
    s3.collect(frozenset(), grace_seconds=-0.5 if moment == "before the look" else -60)
    putter.join(30)
    assert not putter.is_alive()
    assert s3.get(name) == b"x"


def test_s3_a_mark_of_a_dead_collection_is_passed_over(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = digest_bytes(b"x")
    s3._store.put(f"leaving/{name[3:]}", b"")
    monkeypatch.setattr("dure.store.s3.MARK_SECONDS", -60.0)
    assert s3.put(b"x") == name
    s3._store.put(f"leaving/{name[3:]}", b"")
    assert s3.collect(frozenset([name])) == []
    assert s3._head(f"leaving/{name[3:]}") is None


def test_s3_an_object_that_was_tampered_with_is_corrupt(s3: Any) -> None:
    name = s3.put(b"x")
    s3._store.put(f"objects/{name[3:5]}/{name[5:]}", b"y")
    with pytest.raises(Corrupt):
        s3.get(name)


def test_s3_never_repeats_credentials(
    s3: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, s3_server: Any
) -> None:
    from dure.store.s3 import S3Objects

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "WRONGKEYID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "WRONGSECRETVALUE")
    caplog.set_level(logging.DEBUG)
    stranger = S3Objects(s3.url, s3_server.endpoint)
    with pytest.raises(Unavailable) as caught:
        stranger.put(b"x")
    said = repr(caught.value) + str(caught.value) + caplog.text + repr(stranger.__dict__)
    assert not any(word in said for word in ("WRONGKEYID", "WRONGSECRET", "TESTKEYID", "TESTSECRET"))


@pytest.mark.parametrize("url", ["s3://", "https://bucket/x", "s3://KEY:SECRET@bucket/x"])
def test_s3_takes_no_credentials_in_its_address(url: str) -> None:
    from dure.store.s3 import S3Objects

    with pytest.raises(BadInput) as caught:
        S3Objects(url)
    assert "SECRET" not in str(caught.value)


def test_s3_a_server_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    from dure.store.s3 import S3Objects

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    objects = S3Objects("s3://bucket/x", "http://127.0.0.1:9")
    objects._store = type(objects._store)(
        "bucket", endpoint="http://127.0.0.1:9", client_options={"allow_http": True}, retry_config={"max_retries": 0}
    )
    with pytest.raises(Unavailable, match="does not answer"):
        objects.get(ABSENT)


# ---- manifests


def test_what_a_manifest_names_is_kept(objects: Objects) -> None:
    piece, frame, candidate = objects.put(b"piece"), objects.put(b"frame"), digest_bytes(b"no object")
    file = objects.put(
        canonical({"digest": candidate, "kind": "dure.file", "pieces": [[piece, 0, 5]], "size": 5, "v": 1})
    )
    outcome = objects.put(canonical({"candidates": [candidate], "kind": "dure.outcome.x", "frames": [frame, file]}))
    present = frozenset(objects.names())
    assert referenced(objects, [outcome, ABSENT], present) == {outcome, frame, file, piece}
    assert sorted(links(objects.get(outcome))) == sorted([frame, file])
    assert links(objects.get(file)) == [piece]
    assert links(objects.get(piece)) == []


def test_a_users_file_that_looks_like_a_manifest_is_none() -> None:
    assert links(b'{"kind":"dure.file" and no more') == []
