"""One database behind the same code: SQLite in a file, or PostgreSQL.

The writer and the readers are different engines. A reader cannot be raised to a writer: SQLite files are opened with
`mode=ro`, PostgreSQL readers log in as a role that may only SELECT. The writer takes the hub's one writer lock before
its first read, so sequence numbers have no gaps and what was decided still holds when it is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Select, String, Text, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

from dure.base.errors import Conflict, DureError, NotFound, Unavailable

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
"""Every table of every package; migrations are held equal to it by a test."""



def chars(length: int | None = None) -> TypeEngine[str]:
    """A text column that sorts by code point on every database (SQLite does so by itself)."""
    kind = String(length) if length else Text()
    collated = String(length, collation="C") if length else Text(collation="C")
    return kind.with_variant(collated, "postgresql")


WRITER_LOCK = 0x64757265  # "dure": the key of the advisory lock on PostgreSQL
BUSY_MS = 60_000


class Reader:
    """Reads the projections; it can run SELECT statements and nothing else."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, statement: Select[Any]) -> Sequence[Any]:
        """All rows, as named tuples. Order them by a unique key."""
        return self._execute(statement).all()

    def first(self, statement: Select[Any]) -> Any | None:
        """The first row or None."""
        return self._execute(statement).first()

    def scalar(self, statement: Select[Any]) -> Any:
        """The first column of the first row, or None."""
        return self._execute(statement).scalar()

    def _execute(self, statement: Select[Any]) -> Any:
        if not getattr(statement, "is_select", False):
            raise TypeError("a reader runs SELECT statements only")
        return self._connection.execute(statement)


class Database:
    """The hub's database: one writer at a time, any number of readers.

    Args:
        url: `sqlite:///path` or `postgresql+psycopg://…`.
        reader_url: PostgreSQL only: the same database for a role that may only SELECT.
    """

    def __init__(self, url: str, reader_url: str | None = None) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self._writer, self._reader = _sqlite_engines(self.url)
        elif reader_url:
            self._writer, self._reader = _postgres_engines(self.url, make_url(reader_url))
        else:
            raise ValueError("PostgreSQL needs a reader URL")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction under the writer lock, committed at the end, rolled back on any error."""
        with _translated(self.url), self._writer.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
            yield connection

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """One consistent view of the database, read-only."""
        with _translated(self.url), self._reader.connect() as connection:
            yield Reader(connection)

    @contextmanager
    def stream(self) -> Iterator[Connection]:
        """A read-only connection for long ordered scans (export, rebuild) by the store itself."""
        with _translated(self.url), self._reader.connect() as connection:
            yield connection.execution_options(stream_results=True, max_row_buffer=5000)

    @property
    def writer_engine(self) -> Engine:
        """For migrations only."""
        return self._writer

    def close(self) -> None:
        """Closes every connection; on SQLite the write-ahead log is folded into the file."""
        self._reader.dispose()
        self._writer.dispose()


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return f"sqlite:///{path.absolute()}"


def _sqlite_engines(url: URL) -> tuple[Engine, Engine]:
    path = Path(url.database or "")
    writer = create_engine(url, connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False})

    @event.listens_for(writer, "connect")
    def _settings(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, so that it can be IMMEDIATE
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(writer, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def open_reader() -> sqlite3.Connection:
        # Without NullPool a reader kept open in a thread would hold the log back for ever.
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_MS / 1000, check_same_thread=False)
        connection.isolation_level = None
        connection.execute("PRAGMA query_only=ON")
        return connection

    reader = create_engine("sqlite://", creator=open_reader, poolclass=NullPool)

    @event.listens_for(reader, "begin")
    def _snapshot(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return writer, reader


def _postgres_engines(url: URL, reader_url: URL) -> tuple[Engine, Engine]:
    options = {"pool_pre_ping": True, "pool_size": 4}
    writer = create_engine(url, isolation_level="READ COMMITTED", **options)
    reader = create_engine(reader_url, isolation_level="REPEATABLE READ", **options)
    return writer, reader


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Turns what a driver raises into errors a user can act on."""
    where = url.render_as_string(hide_password=True)
    try:
        yield
    except DureError:
        raise
    except exc.DBAPIError as error:
        said = str(error.orig).strip().split("\n")[0]
        if "full" in said or "disk I/O" in said or "No space left" in said:
            raise Unavailable(f"the database cannot write: {said}", where=where, remedy="free some disk space; nothing was lost, run the same command again") from None
        if "readonly" in said or "read-only" in said:
            raise Unavailable(f"the database cannot be written: {said}", where=where, remedy="check the folder's permissions") from None
        if "unable to open" in said or "no such table" in said:
            raise NotFound(f"no hub database: {said}", where=where, remedy="make a hub with: dure init DIRECTORY") from None
        if "locked" in said:
            raise Conflict(f"another process holds the database for over {BUSY_MS // 1000} s", where=where, remedy="try again when it is done") from None
        if isinstance(error, exc.OperationalError):
            raise Unavailable(f"the database does not answer: {said}", where=where, remedy="start it, then run the same command again; nothing was lost") from None
        raise
