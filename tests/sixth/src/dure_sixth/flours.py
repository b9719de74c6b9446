"""Pools of flours: from rows of a user's table to candidates, and their features."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.base.canonical import canonical
from dure.compute.task import task
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock


@task(version=1)
def prepare(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Rows as written -> flours, identified by their properties in hundredths. See `Field.prepare`."""
    table = pq.read_table(io.BytesIO(inputs["table"]))
    names = table[params["name"]].to_pylist() if params["name"] else [None] * table.num_rows
    made = [_flour(row, params["structure"], name) for row, name in zip(table.to_pylist(), names, strict=True)]
    rows = pa.table(
        {
            "row": table["row"],
            "candidate": pa.array([c.id if c else None for c in made], pa.string()),
            "problem": pa.array([None if c else "not-a-number" for c in made], pa.string()),
        }
    )
    flours = [c for c in made if c]
    pool = pa.table(
        {
            "id": pa.array([c.id for c in flours], pa.string()),
            "content": pa.array([canonical(dict(c.content)).decode() for c in flours], pa.string()),
            "form": pa.array([canonical(dict(c.form)).decode() for c in flours], pa.string()),
            "kind": pa.array(["flour"] * len(flours), pa.string()),
        }
    )
    return {"pool": _parquet(pool), "rows": _parquet(rows)}


def _flour(row: Mapping[str, Any], columns: Sequence[str], name: str | None) -> Candidate | None:
    try:
        content = {column: round(100 * float(row[column])) for column in columns}
    except (TypeError, ValueError):
        return None
    return Candidate("flour", content, {"name": name} if name else {})


@task(version=1)
def features(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The properties of the flours of a pool, in its order."""
    pool = pq.read_table(io.BytesIO(inputs["pool"]))
    contents = [json.loads(text) for text in pool["content"].to_pylist()]
    matrix = [[content[name] / 100 for name in sorted(content)] for content in contents]
    return {"features": canonical(matrix)}


def read_features(data: bytes) -> tuple[FeatureBlock, ...]:
    """The block in the bytes of `features`."""
    return (FeatureBlock("properties", "real", np.array(json.loads(data), dtype=float)),)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
