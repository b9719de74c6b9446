"""The database schema: made by Alembic migrations, which a test holds equal to the tables the packages declare."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Column, Connection, MetaData, String, Table, exc, select, text

from dure.base.errors import BadInput, Unavailable
from dure.store.database import Database, translated

SCHEMA_VERSION = 3
"""How many migrations there are; kept in the hub's first event."""


_REVISION = select(Table("alembic_version", MetaData(), Column("version_num", String)).c.version_num)


def is_current(database: Database) -> bool:
    """Whether a hub's database has the present schema; False where an older Dure made it.

    Raises:
        Unavailable: a newer Dure made it.
    """
    with database.read() as reader:
        found = int(reader.scalar(_REVISION))
    if found > SCHEMA_VERSION:
        raise Unavailable(
            f"a newer Dure made this hub's database (schema {found}; this one knows up to {SCHEMA_VERSION})",
            where=database.url.render_as_string(hide_password=True),
            remedy="install that version or a later one",
        )
    return found == SCHEMA_VERSION


def create_schema(database: Database) -> None:
    """Brings an empty or older database to the present schema; on PostgreSQL, admits the reader's role too.

    Raises:
        BadInput: the reader's role could write, or could become one that can.
        Unavailable: there is no such role and this one may not make it.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("dure.store").joinpath("migrations")))
    with translated(database.url), database.writer_engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    if database.reader_name is not None:
        with translated(database.url), database.writer_engine.begin() as connection:
            _admit_reader(connection, database.reader_name)


def _admit_reader(connection: Connection, name: str) -> None:
    """Lets a role SELECT from every table, after making sure that it can do nothing else."""
    quoted = connection.dialect.identifier_preparer.quote_identifier(name)
    role = connection.execute(
        text("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = :name"), {"name": name}
    )
    powers = role.first()
    if powers is None:
        _make_role(connection, name, quoted)
    elif any(powers):
        raise _too_strong(name, "it is a superuser or makes roles")
    if connection.scalar(text("SELECT pg_has_role(:name, current_user, 'MEMBER')"), {"name": name}):
        raise _too_strong(name, "it is a member of the writer's role")
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {quoted}"))
    connection.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {quoted}"))
    if connection.scalar(text(_CAN_WRITE), {"name": name}):
        raise _too_strong(name, "it may write to a table or make new ones")


_CAN_WRITE = """
    SELECT has_schema_privilege(:name, 'public', 'CREATE') OR EXISTS (
        SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
        AND has_table_privilege(:name, oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
    )
"""


def _make_role(connection: Connection, name: str, quoted: str) -> None:
    try:
        with connection.begin_nested():
            connection.execute(text(f"CREATE ROLE {quoted} LOGIN"))
    except exc.ProgrammingError:
        raise Unavailable(
            f"the database has no role {name}, and this one may not make it",
            remedy=f"ask its administrator for: CREATE ROLE {quoted} LOGIN; then run the same command again",
        ) from None


def _too_strong(name: str, why: str) -> BadInput:
    return BadInput(
        f"the role {name} is not fit for reading: {why}",
        remedy="name a role of its own for reading, without any grant; it gets SELECT and nothing else",
    )
