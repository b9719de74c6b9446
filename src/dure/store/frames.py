"""Frames: Arrow tables kept as Parquet objects."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dure.store.objects import Objects

if TYPE_CHECKING:
    import pyarrow as pa


def put_frame(objects: Objects, table: pa.Table) -> str:
    """Stores a table and returns the digest of its Parquet bytes."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", use_dictionary=True, write_statistics=True)
    return objects.put(sink.getvalue())


def get_frame(objects: Objects, digest: str, columns: list[str] | None = None) -> pa.Table:
    """Reads a table back, only these columns of it when they are given."""
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(objects.get(digest)), columns=columns)
