"""One database behind the same code: SQLite in a file, or PostgreSQL.

The writer and the readers are different engines. A reader cannot be raised to a writer: SQLite files are opened with
`mode=ro`, PostgreSQL readers log in as a role that may only SELECT. The writer takes the hub's one writer lock before
its first read, so sequence numbers have no gaps and what was decided still holds when it is written.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, MetaData, Select, String, Table, Text, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.types import TypeEngine

from dure.base.errors import BadInput, Conflict, Corrupt, DureError, NotFound, Unavailable

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Every table of every package; migrations are held equal to it by a test."""


def chars(length: int | None = None) -> TypeEngine[str]:
    """A text column that sorts by code point on every database (SQLite does so by itself)."""
    kind = String(length) if length else Text()
    collated = String(length, collation="C") if length else Text(collation="C")
    return kind.with_variant(collated, "postgresql")


WRITER_LOCK = 0x64757265  # "dure": the key of the advisory lock on PostgreSQL
BUSY_MS = 60_000
COPIED = 64
"""Rows from which PostgreSQL takes them by COPY."""
# The indexes of a million events do not fit SQLite's own 2 MiB of cache: up to 256 MiB are taken where they are needed.
# A bulk Change touches thousands of pages, often the same as the one before: folding the log into the file only after
# 128 MiB writes each of them once instead of once a Change. What is committed is in the log, and on the disk, before.
_SQLITE = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-262144", "wal_autocheckpoint=32768")


class Reader:
    """Reads the projections; it can run SELECT statements and nothing else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # On PostgreSQL a SELECT may hide a statement that writes; the writer's connection would let it.
        self._looks_inside = connection.dialect.name == "postgresql"

    def all(self, statement: Select[Any]) -> Sequence[Any]:
        """All rows, as named tuples. Order them by a unique key."""
        rows: Sequence[Any] = self._execute(statement).all()
        return rows

    def first(self, statement: Select[Any]) -> Any | None:
        """The first row or None."""
        return self._execute(statement).first()

    def scalar(self, statement: Select[Any]) -> Any:
        """The first column of the first row, or None."""
        return self._execute(statement).scalar()

    def _execute(self, statement: Select[Any]) -> Any:
        if not isinstance(statement, Select) or (self._looks_inside and _writes(statement)):
            raise TypeError("a reader runs SELECT statements only")
        return self._connection.execute(statement)


def _writes(statement: Select[Any]) -> bool:
    """Whether a statement has one inside that writes: `WITH … AS (INSERT …) SELECT …`."""
    return any(getattr(part, "is_dml", False) for part in iterate(statement))


class Database:
    """The hub's database: one writer at a time, any number of readers.

    Args:
        url: `sqlite:///path` or `postgresql://USER@HOST/NAME`; passwords come from PGPASSFILE or are not needed.
        reader_url: PostgreSQL only: the same database for a role that may only SELECT.
    """

    def __init__(self, url: str, reader_url: str | None = None) -> None:
        self.url = _parsed(url)
        self.dialect = self.url.get_backend_name()
        self.reader_name: str | None = None
        self._held: list[Connection] = []
        if self.dialect == "sqlite":
            self._writer, self._reader = _sqlite_engines(self.url)
        elif reader_url:
            reader = _parsed(reader_url)
            self.reader_name = reader.username
            self._writer, self._reader = _postgres_engines(self.url, reader)
        else:
            raise BadInput(
                "PostgreSQL needs a second URL, of a role that may only SELECT",
                where=str(self.url),
                remedy="give it, for example postgresql://hub_reader@localhost/hub; the role is made if you may do so",
            )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction under the writer lock, committed at the end, rolled back on any error."""
        for held in self._held:
            # A server that was restarted has forgotten who holds what: better to stop than to go on unheld.
            with translated(self.url):
                held.scalar(text("SELECT 1"))
        with translated(self.url), self._writer.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
            yield connection

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One consistent view of the database, read-only."""
        with translated(self.url), self._reader.connect() as connection:
            yield Reader(connection)

    @contextmanager
    def stream(self) -> Iterator[Connection]:
        """A read-only connection for long ordered scans (export, rebuild) by the store itself."""
        with translated(self.url), self._reader.connect() as connection:
            yield connection.execution_options(stream_results=True, max_row_buffer=5000)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Holds a name for this process by a session's advisory lock (PostgreSQL); `Conflict` says who holds it."""
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with translated(self.url):
            connection = self._writer.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            with translated(self.url):
                if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
                    holder = connection.scalar(text(_HOLDER), {"key": key}) or "another process"
                    remedy = "wait until that is done, or stop it"
                    raise Conflict(f"it is held by {holder}", where=name, remedy=remedy)
            self._held.append(connection)
            yield
        finally:
            if connection in self._held:
                self._held.remove(connection)
            # Ends the session, and with it the lock, also where the server went away meanwhile.
            connection.invalidate()
            connection.close()

    @property
    def writer_engine(self) -> Engine:
        """For migrations only."""
        return self._writer

    def close(self) -> None:
        """Closes every connection; on SQLite the write-ahead log is folded into the file."""
        self._reader.dispose()
        self._writer.dispose()


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows with equal names, of values that every driver takes as they are: text, whole numbers, bytes, None.

    A bulk Change spends most of its time here, so the rows go to the driver in its fastest way: one prepared statement
    on SQLite, COPY on PostgreSQL (a few rows are not worth its round trips).
    """
    names = list(rows[0])
    quote_name = connection.dialect.identifier_preparer.quote
    into = f"{quote_name(table.name)} ({', '.join(map(quote_name, names))})"
    values = map(itemgetter(*names), rows) if len(names) > 1 else ((row[names[0]],) for row in rows)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({marks})", list(values))  # noqa: S608
    elif len(rows) < COPIED:
        connection.execute(table.insert(), [dict(row) for row in rows])
    else:
        _copy(connection, f"COPY {into} FROM STDIN", values)


def _copy(connection: Connection, statement: str, values: Iterable[tuple[Any, ...]]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for value in values:
                copy.write_row(value)
    except connection.dialect.loaded_dbapi.Error as error:
        # As SQLAlchemy would tell it: what is raised here is translated like every other fault of a database.
        raise exc.DBAPIError.instance(
            statement, None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect
        ) from error


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return URL.create("sqlite", database=str(path.absolute())).render_as_string()


def _sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    path = Path(url.database or "")
    writer = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(writer, "connect")
    def _settings(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that it can be IMMEDIATE
        for pragma in (*_SQLITE, f"busy_timeout={BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(writer, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def open_reader() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_MS / 1000, check_same_thread=False
        )
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")
        # A file attached to a read-only connection is writable once query_only is off: so nothing can be attached.
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        return connection

    reader = create_engine("sqlite://", creator=open_reader, poolclass=QueuePool)

    @event.listens_for(reader, "begin")
    def _snapshot(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return writer, reader


def _postgres_engines(url: URL, reader_url: URL) -> tuple[Engine, Engine]:
    me = f"dure, process {os.getpid()} on {socket.gethostname()}"[:63]
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 4}
    try:
        writer = create_engine(url, isolation_level="READ COMMITTED", connect_args={"application_name": me}, **options)
        # What a reader may do is the role's to say; that its transactions are read-only is a second fence.
        read_only = {"application_name": me, "options": "-c default_transaction_read_only=on"}
        reader = create_engine(reader_url, isolation_level="REPEATABLE READ", connect_args=read_only, **options)
    except ModuleNotFoundError:
        raise Unavailable("PostgreSQL's driver is not installed", remedy="pip install 'dure[postgres]'") from None
    return writer, reader


def _parsed(text: str) -> URL:
    try:
        url = make_url(text)
    except exc.ArgumentError:
        raise BadInput(f"{text!r} is no database URL", remedy="for example postgresql://hub@localhost/hub") from None
    if url.password is not None:
        raise BadInput(
            "a database URL with a password in it",
            where=url.render_as_string(hide_password=True),
            remedy="leave it out; put it into the file that PGPASSFILE names, or use a certificate or peer login",
        )
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise BadInput(f"{url.get_backend_name()} is no database of Dure", remedy="there are SQLite and PostgreSQL")
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


_HOLDER = """
    SELECT activity.application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32) | objid::bigint = :key LIMIT 1
"""

_SAID = (
    (
        ("No space left", "disk is full", "disk I/O"),
        Unavailable,
        "the database cannot write",
        "free some disk space, then run the same command again; nothing was lost",
    ),
    (
        ("readonly", "read-only", "permission denied", "attempt to write"),
        Unavailable,
        "the database cannot be written",
        "check the permissions of its folder or role",
    ),
    (
        ("malformed", "not a database", "invalid page", "checksum"),
        Corrupt,
        "the database is damaged",
        "restore it from a backup; `dure ledger verify` tells whether an exported bundle of it is whole",
    ),
    (
        ("locked",),
        Conflict,
        f"another process held the database for over {BUSY_MS // 1000} s",
        "try again when it is done",
    ),
    (
        ("no such table", 'relation "ledger', 'relation "alembic'),
        NotFound,
        "no hub database",
        "make a hub with: dure init DIRECTORY",
    ),
)
"""What a driver says, and what a user is told: words, class, sentence, remedy."""


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turns what a driver raises into errors a user can act on."""
    try:
        yield
    except exc.DBAPIError as error:
        told = _told(error, url)
        if told is None:
            raise
        raise told from None


def _told(error: exc.DBAPIError, url: URL) -> DureError | None:
    said = str(error.orig).strip().split("\n")[0]
    where = url.render_as_string(hide_password=True)
    if "unable to open" in said:
        path = Path(url.database or "")
        if path.exists():
            return Unavailable(f"the database cannot be opened: {said}", where=where, remedy="check its permissions")
        return NotFound(f"no hub database: {said}", where=where, remedy="make a hub with: dure init DIRECTORY")
    for words, kind, sentence, remedy in _SAID:
        if any(word in said for word in words):
            return kind(f"{sentence}: {said}", where=where, remedy=remedy)
    if isinstance(error, exc.OperationalError) and url.get_backend_name() == "postgresql":
        remedy = "start it, then run the same command again; nothing was lost"
        return Unavailable(f"the database does not answer: {said}", where=where, remedy=remedy)
    return None
