"""The drug field's tasks: what runs in workers, objects in and objects out."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dure.base.canonical import canonical
from dure.compute.task import task


@task(version=2)
def prepare(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Structures as written -> molecules. See `dure.campaign.field.Field.prepare`."""
    from dure.fields.drug.standardise import candidate, standardise

    table = pq.read_table(io.BytesIO(inputs["table"]))
    names = table[params["name"]].to_pylist() if params["name"] else [None] * table.num_rows
    found = standardise(table[params["structure"]].to_pylist()).table.to_pylist()
    made = [None if row["problem"] else candidate(row, name) for row, name in zip(found, names, strict=True)]
    rows = pa.table(
        {
            "row": table["row"],
            "candidate": pa.array([c.id if c else None for c in made], pa.string()),
            "problem": pa.array([row["problem"] for row in found], pa.string()),
            "flags": pa.array([row["flags"] for row in found], pa.list_(pa.string())),
        }
    )
    pool = pa.table(
        {
            "id": pa.array([c.id for c in made if c], pa.string()),
            "content": pa.array([canonical(dict(c.content)).decode() for c in made if c], pa.string()),
            "form": pa.array([canonical(dict(c.form)).decode() for c in made if c], pa.string()),
            "kind": pa.array(["molecule" for c in made if c], pa.string()),
        }
    )
    return {"pool": _parquet(pool), "rows": _parquet(rows)}


@task(version=1)
def features(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Fingerprints and descriptors of a pool, in its order."""
    import json

    from dure.fields.drug.features import blocks, blocks_to_bytes

    pool = pq.read_table(io.BytesIO(inputs["pool"])).sort_by("id")
    smiles = [json.loads(form)["smiles"] for form in pool["form"].to_pylist()]
    return {"features": blocks_to_bytes(blocks(smiles))}


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
