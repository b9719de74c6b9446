"""Prints the Alembic operations that bring the migrated schema to the tables that the packages declare now.

    python tests/draft_migration.py          what the next file in src/dure/store/migrations/versions/ has to do
    python tests/draft_migration.py          what the next file in migrations/versions has to do

`tests/contract/test_databases.py` fails as long as anything is printed. A released migration is never edited: add the
next one, and raise `SCHEMA_VERSION` in `dure.store.schema`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext

import dure.hub  # noqa: F401  (declares every table)
from dure.store.database import Database, metadata, sqlite_url
from dure.store.schema import create_schema


def main(everything: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(sqlite_url(Path(folder) / "draft.db"))
        if not everything:
            create_schema(database)
        with database.writer_engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"target_metadata": metadata, "compare_type": True})
            print(render_python_code(produce_migrations(context, metadata).upgrade_ops))
        database.close()


if __name__ == "__main__":
    main("--all" in sys.argv)
