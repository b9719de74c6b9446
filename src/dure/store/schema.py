"""The database schema: made by Alembic migrations, which a test holds equal to the tables the packages declare."""

from __future__ import annotations

from importlib.resources import files

from dure.store.database import Database

SCHEMA_VERSION = 1
"""How many migrations there are; kept in the hub's first event."""


def create_schema(database: Database) -> None:
    """Brings an empty or older database to the present schema."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("dure.store").joinpath("migrations")))
    with database.writer_engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
