"""The one schema of evidence, the currency of all fields.

A row says: this candidate has this value of this property, in this unit, so certain, by this kind of knowing, from
this source. `measured`, `simulated`, `predicted` and `rule` are never mixed up.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("rule", "predicted", "simulated", "measured")
QUALIFIERS = ("=", "<", ">")

EVIDENCE: pa.Schema
"""The schema; made when it is first asked for, since most commands never touch a table."""


def __getattr__(name: str) -> Any:
    if name == "EVIDENCE":
        return _schema()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("candidate", pa.string(), nullable=False, metadata={"doc": "candidate id"}),
            pa.field("property", pa.string(), nullable=False, metadata={"doc": "what was found, e.g. pKi"}),
            pa.field("value", pa.float64(), metadata={"doc": "null: the check or assay failed; the method says how"}),
            pa.field("unit", pa.string(), nullable=False, metadata={"doc": "UCUM; 1 for logarithms"}),
            pa.field("sd", pa.float64(), metadata={"doc": "standard deviation of the value; null: not known"}),
            pa.field("qualifier", pa.string(), nullable=False, metadata={"doc": "= < >; < and > are censored values"}),
            pa.field("lower", pa.float64(), metadata={"doc": "95 % interval"}),
            pa.field("upper", pa.float64(), metadata={"doc": "95 % interval"}),
            pa.field("n", pa.int32(), metadata={"doc": "independent replicates behind the value"}),
            pa.field("kind", pa.string(), nullable=False, metadata={"doc": "rule, predicted, simulated or measured"}),
            pa.field("method", pa.string(), nullable=False, metadata={"doc": "name@version#settings digest"}),
            pa.field("assay", pa.string(), metadata={"doc": "accession of protocol and conditions"}),
            pa.field("sample", pa.string(), metadata={"doc": "lot"}),
            pa.field("source", pa.string(), metadata={"doc": "task, well or dataset row it came from"}),
            pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False, metadata={"doc": "when it was found"}),
        ],
        metadata={"kind": "dure.evidence", "version": "1"},
    )


def evidence_table(rows: list[dict[str, object]] | dict[str, object]) -> pa.Table:
    """An evidence table from rows (a list) or columns (a dict); qualifier defaults to `=`, what is absent to null.

    Raises:
        pyarrow.ArrowInvalid: a required column is missing or of the wrong type, or `kind` or `qualifier` is unknown.
    """
    import pyarrow as pa

    if isinstance(rows, list):
        rows = {name: [row.get(name) for row in rows] for name in _schema().names}
    length = max(
        (len(column) for column in rows.values() if hasattr(column, "__len__") and not isinstance(column, str)),
        default=0,
    )
    columns = []
    for field in _schema():
        given: Any = rows.get(field.name, "=" if field.name == "qualifier" else None)
        if given is None or isinstance(given, (str, int, float)) or not hasattr(given, "__len__"):
            given = [given] * length
        if field.name == "qualifier":
            given = [q or "=" for q in given]
        columns.append(pa.array(given, type=field.type))
    return check_evidence(pa.Table.from_arrays(columns, schema=_schema()))


def check_evidence(table: pa.Table) -> pa.Table:
    """The table itself when it keeps the schema's rules; `pyarrow.ArrowInvalid` names the column that does not."""
    import pyarrow as pa

    if not table.schema.equals(_schema()):
        raise pa.ArrowInvalid(f"evidence has columns {table.schema.names}, not {_schema().names}")
    for field in _schema():
        if not field.nullable and table.column(field.name).null_count:
            raise pa.ArrowInvalid(f"evidence column {field.name!r} has empty cells")
    for name, allowed in (("kind", KINDS), ("qualifier", QUALIFIERS)):
        unknown = set(table.column(name).unique().to_pylist()) - set(allowed)
        if unknown:
            raise pa.ArrowInvalid(f"evidence column {name!r} holds {sorted(unknown)}, not one of {allowed}")
    return table
