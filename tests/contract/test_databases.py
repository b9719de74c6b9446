"""One conformance suite for both databases: schema, append-only ledger, readers, Change, names held, rebuild."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc, func, insert, select, text

from dure.base.canonical import digest
from dure.base.errors import BadInput, Conflict, DureError, Unavailable
from dure.compute.record import task_result
from dure.lab.replay import plate
from dure.store import rebuild
from dure.store.bundle import export_bundle, verify_bundle
from dure.store.database import COPIED, Database, insert_rows, metadata
from dure.store.kinds import EventKind, Insert, Registry
from dure.store.ledger import ledger_checkpoint, ledger_event, ledger_tile
from dure.store.locks import hold_file
from dure.store.projection import rewrite
from dure.store.schema import create_schema
from store_world import SIGNER, World, allow, record_task


@pytest.fixture
def world(database_settings: dict[str, str], tmp_path: Path) -> Iterator[World]:
    made = World(database_settings, tmp_path)
    yield made
    made.close()


def test_migrations_make_exactly_the_tables_that_the_packages_declare(world: World) -> None:
    with world.database.writer_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_second_migration_changes_nothing(world: World) -> None:
    world.done(1)
    create_schema(world.database)
    assert world.ledger.size() == 1


@pytest.mark.parametrize("table", ["ledger_event", "ledger_tile", "ledger_checkpoint"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {}"])
def test_nobody_changes_the_ledger(world: World, table: str, statement: str) -> None:
    world.done(*range(300), sign=True)
    column = {"ledger_event": "kind = 'x'", "ledger_tile": "position = 9", "ledger_checkpoint": "note = 'x'"}[table]
    with pytest.raises(exc.DBAPIError, match="append-only"), world.database.writer_engine.begin() as connection:
        connection.execute(text(statement.format(table, column)))


@pytest.mark.parametrize("count", [1, COPIED - 1, COPIED])
def test_rows_are_inserted_as_they_are_or_not_at_all(world: World, count: int) -> None:
    """Few or many, which take different ways: text that a format could mistake, bytes, and a key that is there."""
    rows = [{"size": n, "time": "t" * 27, "note": f"tab\t, \\N, \\., 'quote', 줄\n{n}"} for n in range(1, count + 1)]
    tiles = [{"level": 1, "position": n, "hashes": bytes(range(256)), "root": b""} for n in range(count)]
    with world.database.write() as connection:
        insert_rows(connection, ledger_checkpoint, rows)
        insert_rows(connection, ledger_tile, tiles)
    with world.database.read() as reader:
        found = reader.all(select(ledger_checkpoint).order_by(ledger_checkpoint.c.size))
        kept = reader.all(select(ledger_tile).order_by(ledger_tile.c.position))
    assert [row._asdict() for row in found] == rows
    assert [{**row._asdict(), "hashes": bytes(row.hashes), "root": bytes(row.root)} for row in kept] == tiles
    again = [{**row, "size": row["size"] + count - 1} for row in rows]
    with pytest.raises(exc.IntegrityError), world.database.write() as connection:
        insert_rows(connection, ledger_checkpoint, again)
    with world.database.read() as reader:
        assert reader.scalar(select(func.count()).select_from(ledger_checkpoint)) == count


WRITES = [
    "INSERT INTO task_result VALUES ('k', 'r', 'open', 1, 1)",
    "UPDATE task_result SET cpu_ms = 0",
    "DELETE FROM task_result",
    "CREATE TABLE mine (x int)",
    "DROP TABLE task_result",
]
RAISES = {
    "sqlite": [
        "PRAGMA query_only=OFF",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA writable_schema=ON",
        "ATTACH DATABASE 'file:{path}?mode=rw' AS again",
        "ATTACH DATABASE '{path}' AS again",
    ],
    "postgresql": [
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only = off",
        "SET ROLE dure",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION dure",
        "ALTER ROLE {reader} SUPERUSER",
        "GRANT INSERT ON task_result TO {reader}",
        "GRANT dure TO {reader}",
        "ALTER TABLE task_result OWNER TO {reader}",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY task_result FROM '/etc/hostname'",
        "COPY (SELECT 1) TO '/tmp/dure-reader'",
    ],
}


def test_a_reader_cannot_be_raised_to_a_writer(world: World) -> None:
    world.done(1)
    values = {"path": world.database.url.database, "reader": world.database.reader_name}
    attempts = ["", *RAISES[world.database.dialect]]
    writes = [*WRITES, *(w.replace("TABLE mine", "TABLE again.mine").replace("task_", "again.task_") for w in WRITES)]
    # SQLite's connections are used again, so each attempt comes on top of those before it.
    for attempt in attempts:
        for write in writes if world.database.dialect == "sqlite" else WRITES:
            with world.database.read() as reader, pytest.raises((sqlite3.Error, psycopg.Error)):  # noqa: PT012
                driver = reader._connection.connection.dbapi_connection
                _try(driver, attempt.format(**values))
                driver.execute(write)
    with world.database.read() as reader:
        assert reader.all(select(task_result.c.cpu_ms)) == [(5,)]


def _try(driver: Any, statement: str) -> None:
    """Some attempts are refused, others are taken and change nothing: the write after them tells."""
    try:
        if statement:
            driver.execute(statement)
    except Exception:
        driver.rollback()


def test_a_reader_takes_nothing_but_select(world: World) -> None:
    hidden = insert(task_result).values(key="k").returning(task_result.c.key).cte("hidden")
    for statement in (text("SELECT 1"), insert(task_result), select(hidden)):
        with world.database.read() as reader, pytest.raises((TypeError, exc.DBAPIError)):  # SQLite has no hidden INSERT
            reader.all(statement)


def test_a_reader_that_could_write_is_refused(postgres: Any) -> None:
    url, reader = postgres.new_database()
    name = url.partition("@/")[2].partition("?")[0]
    for role, grant in (("dure", ""), (f"{name}_super", "SUPERUSER"), (f"{name}_member", "IN ROLE dure")):
        if grant:
            postgres.query(f"CREATE ROLE {role} LOGIN {grant}")
        database = Database(url, reader.replace(f"{name}_reader", role))
        with pytest.raises(BadInput, match="not fit for reading"):
            create_schema(database)
        database.close()


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadInput) as caught:
        Database("postgresql://dure:hunter2@localhost/hub", "postgresql://reader@localhost/hub")
    assert "hunter2" not in str(caught.value)


def test_text_sorts_by_code_point(world: World) -> None:
    keys = ["b", "B", "a", "é", "z", "가", "_", "A"]
    with world.database.write() as connection:
        rows = [{"key": k, "results": "r", "access": "open", "cpu_ms": 1, "sequence": 1} for k in keys]
        connection.execute(task_result.insert(), rows)
    with world.database.read() as reader:
        assert [row.key for row in reader.all(select(task_result.c.key).order_by(task_result.c.key))] == sorted(keys)


# ---- Change


def test_a_change_without_an_event_rolls_back(world: World) -> None:
    with pytest.raises(RuntimeError, match="without an event"), world.store.change("system:hub", allow()):
        pass
    assert world.ledger.size() == 0


def test_an_event_without_a_decision_about_it_rolls_back(world: World) -> None:
    key, other = digest("a"), digest("b")
    with (  # noqa: PT012
        pytest.raises(RuntimeError, match="no decision"),
        world.store.change("system:compute", allow(("task.record", key))) as change,
    ):
        record_task(change, key)
        record_task(change, other)
    assert world.ledger.size() == 0
    with world.database.read() as reader:
        assert reader.first(select(task_result.c.key)) is None


def test_expect_refuses_what_moved_meanwhile(world: World) -> None:
    world.done(1)
    key = digest(["task", 1])
    for expected in (None, 7):
        with (
            pytest.raises(Conflict, match="is at event 0"),
            world.store.change("system:compute", allow(("task.record", key))) as change,
        ):
            record_task(change, key, expect=expected)
    assert world.ledger.size() == 1


def test_a_body_that_breaks_its_kind_is_never_kept(world: World) -> None:
    key = digest("a")
    for body in ({"access": "open"}, {"access": "Kim Minji", "cpu_ms": 1, "results": key}):
        with (
            pytest.raises(ValueError, match=r"task\.done"),
            world.store.change("system:compute", allow(("task.record", key))) as change,
        ):
            change.record("task.done", key, body)
    assert world.ledger.size() == 0


def test_time_never_runs_backwards(world: World) -> None:
    world.done(1)
    world.clock.advance(hours=-5)
    world.done(2)
    world.clock.advance(hours=6)
    world.done(3)
    times = [world.ledger.leaf(n)["time"] for n in range(3)]
    assert times[0] == times[1] < times[2]


def test_a_checkpoint_at_least_every_thousand_events_or_sixty_seconds(world: World) -> None:
    world.done(*range(2500))
    assert [size for size, _ in world.ledger.checkpoints()] == [1000, 2000]
    world.clock.advance(seconds=59)
    world.done(2500)
    assert world.ledger.unsigned() == 501
    world.clock.advance(seconds=1)
    world.done(2501)
    assert [size for size, _ in world.ledger.checkpoints()] == [1000, 2000, 2502]


def test_another_process_may_sign_in_between(world: World, database_settings: dict[str, str], tmp_path: Path) -> None:
    other = World(database_settings, tmp_path, fresh=False)
    world.done(1)
    other.store.sign()
    world.store.sign()
    world.done(2, sign=True)
    other.done(3, sign=True)
    other.close()
    assert [size for size, _ in world.ledger.checkpoints()] == [1, 2, 3]


def _writer(settings: dict[str, str], folder: Path, start: int) -> None:
    world = World(settings, folder, fresh=False)
    for n in range(start, start + 40):
        world.done(n, sign=n % 7 == 0)
    world.close()
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_write_without_a_gap(world: World, database_settings: dict[str, str], tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")  # starts at once, where "spawn" imports everything anew
    writers = [context.Process(target=_writer, args=(database_settings, tmp_path, s)) for s in (0, 1000)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    with world.database.read() as reader:
        assert [r.sequence for r in reader.all(select(ledger_event.c.sequence).order_by("sequence"))] == list(range(80))
    world.store.sign()
    export_bundle(world.ledger, SIGNER.verifier, tmp_path / "bundle")
    assert verify_bundle(tmp_path / "bundle", SIGNER.verifier, strict=True).events == 80


def test_proofs_hold_at_every_size(world: World) -> None:
    from dure.store.merkle import Edge, leaf_hash, verify_consistency, verify_inclusion

    world.done(*range(600))
    leaves = [leaf_hash(leaf) for _, leaf in world.ledger.leaves()]
    roots = {}
    for size in (1, 255, 256, 257, 511, 600):
        edge = Edge()
        edge.extend(leaves[:size])
        roots[size] = edge.root()
        for index in {0, size // 2, size - 1}:
            assert verify_inclusion(leaves[index], index, size, world.ledger.inclusion(index, size), roots[size])
    for old in roots:
        proof = world.ledger.consistency(old, 600)
        assert verify_consistency(old, roots[old], 600, roots[600], proof)
        if old < 600:
            assert not verify_consistency(old, roots[600], 600, roots[600], proof)


# ---- names held


def _held(world: World, folder: Path, name: str) -> Any:
    return world.database.hold(name) if world.database.dialect == "postgresql" else hold_file(folder / name)


def test_a_name_is_held_by_one_and_says_by_whom(
    world: World, database_settings: dict[str, str], tmp_path: Path
) -> None:
    other = World(database_settings, tmp_path, fresh=False)
    with _held(world, tmp_path, "campaign-1"), _held(other, tmp_path, "campaign-2"):  # noqa: SIM117
        with pytest.raises(Conflict, match=r"held by .*process \d+"), _held(other, tmp_path, "campaign-1"):
            pass
    with _held(other, tmp_path, "campaign-1"):
        pass
    other.close()


# ---- rebuild


def test_a_rebuild_finds_nothing_in_a_sound_database(world: World) -> None:
    world.done(*range(20))
    rebuilt = rebuild.rebuild(world.store)
    assert (rebuilt.events, rebuilt.rows, rebuilt.differences) == (20, 20, ())


def test_a_rebuild_names_table_key_and_column_of_every_difference(world: World) -> None:
    world.done(*range(6))
    keys = sorted(digest(["task", n]) for n in range(6))
    with world.database.write() as connection:
        connection.execute(task_result.update().where(task_result.c.key == keys[1]).values(cpu_ms=99))
        connection.execute(task_result.delete().where(task_result.c.key == keys[3]))
        extra = {"key": "zz", "results": "r", "access": "open", "cpu_ms": 1, "sequence": 1}
        connection.execute(task_result.insert(), [extra])
    found = rebuild.rebuild(world.store).differences
    assert [(d.table, d.key, d.column) for d in found] == [
        ("task_result", (keys[1],), "cpu_ms"),
        ("task_result", (keys[3],), None),
        ("task_result", ("zz",), None),
    ]
    assert (found[0].implied, found[0].found) == (5, 99)
    with world.store.database.write() as connection:
        assert rewrite(connection, world.store.registry) == 6
    assert rebuild.rebuild(world.store).differences == ()


def test_a_projector_that_writes_what_its_event_does_not_imply_is_named(world: World) -> None:
    calls = []

    def project(event: Any) -> list[Insert]:
        calls.append(event)
        row = {name: event.body[name] for name in ("results", "access")}
        return [Insert(task_result, {"key": event.subject, "sequence": event.sequence, "cpu_ms": len(calls), **row})]

    kind = world.registry["task.done"]
    impure = EventKind(kind.name, kind.action, kind.body, kind.subject, project=project, objects=kind.objects)
    world.store.registry = Registry([impure])
    world.done(1)
    (found,) = rebuild.rebuild(world.store).differences
    assert (found.table, found.column, found.implied, found.found) == ("task_result", "cpu_ms", 2, 1)
    assert str(found).startswith(f"task_result {digest(['task', 1])}: column cpu_ms holds 1, the ledger implies 2")


def test_every_kind_of_column_compares_equal_after_a_rebuild(world: World) -> None:
    """Booleans, empty cells and numbers come back from PostgreSQL as they do from the SQLite that is rebuilt."""
    name, held = "DS-000000000001", digest("plate")
    body = {"access": "open", "embargo_until": 2**40, "manifest": digest("m"), "owner": "system:hub"}
    wells = {"campaign": digest("c"), "owner": "system:hub", "rows": 3, "source": name, "wells": digest("w")}
    asked = (("dataset.deposit", name), ("plate.seal", held), ("plate.unseal", held))
    with world.store.change("system:hub", allow(*asked)) as change:
        more = {"part": None, "redistributable": True, "source": None}
        change.record("dataset.accessioned", name, {**body, **more})
        change.record("plate.sealed", held, wells)
        change.record("plate.unsealed", held, {"campaign": digest("c"), "orders_left": 0})
    assert rebuild.rebuild(world.store).differences == ()
    with world.database.read() as reader:
        assert reader.scalar(select(plate.c.state)) == "unsealed"


# ---- PostgreSQL goes away


def test_postgresql_restarted_in_mid_run_is_a_clear_error_and_the_next_change_works(
    postgres: Any, tmp_path: Path
) -> None:
    url, reader = postgres.new_database()
    world = World({"database": url, "reader": reader}, tmp_path)
    world.done(1)
    key = digest(["task", 2])
    with (  # noqa: PT012
        pytest.raises(Unavailable, match="does not answer"),
        world.store.change("system:compute", allow(("task.record", key))) as change,
    ):
        record_task(change, key)
        change.project()
        postgres.restart()
        change.project()
        record_task(change, digest("3"))
    world.done(2)
    assert world.ledger.size() == 2
    assert rebuild.rebuild(world.store).differences == ()
    world.close()


def test_a_server_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    database = Database(f"postgresql://dure@/hub?host={tmp_path}", f"postgresql://reader@/hub?host={tmp_path}")
    with pytest.raises(DureError, match="does not answer"), database.read() as reader:
        reader.scalar(select(func.count()).select_from(task_result))
