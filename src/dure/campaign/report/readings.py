"""Every reading of a campaign as a table, for whoever goes on with it in a spreadsheet or a program."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from dure.campaign.report.answer import assays
from dure.campaign.report.book import Book
from dure.campaign.run import Run
from dure.lab.plate import safe

BOM = b"\xef\xbb\xbf"


def readings(run: Run) -> pa.Table:
    """One row a reading, in the order in which they were read.

    Columns: number, round, candidate, name; the design's form (`smiles` of a molecule); property, qualifier, value, sd,
    unit, n, lot, kind; predicted and predicted_sd (written down before the reading); evidence, for `dure trace`.
    """
    book = Book(run)
    rows = assays(book)
    forms = {row.candidate: {k: v for k, v in run.known[row.candidate].form.items() if k != "name"} for row in rows}
    sds = {(m.candidate, turn.number): m.sd for turn in run.state.rounds for m in turn.results or ()}
    columns = {
        "number": pa.array([row.number for row in rows], pa.int64()),
        "round": pa.array([row.round for row in rows], pa.int64()),
        "candidate": pa.array([row.candidate for row in rows], pa.string()),
        "name": pa.array([safe(row.name) for row in rows], pa.string()),
    }
    for name in sorted({name for form in forms.values() for name in form} - columns.keys()):
        columns[name] = pa.array([safe(str(forms[row.candidate].get(name, ""))) for row in rows], pa.string())
    columns |= {
        "property": pa.array([book.property] * len(rows), pa.string()),
        "qualifier": pa.array([row.value.qualifier for row in rows], pa.string()),
        "value": pa.array([row.value.value for row in rows], pa.float64()),
        "sd": pa.array([sds[row.candidate, row.round] for row in rows], pa.float64()),
        "unit": pa.array([row.value.unit for row in rows], pa.string()),
        "n": pa.array([row.value.n for row in rows], pa.int64()),
        "lot": pa.array([safe(book.lot(row.candidate)) for row in rows], pa.string()),
        "kind": pa.array([row.value.kind for row in rows], pa.string()),
        "predicted": pa.array([row.predicted for row in rows], pa.float64()),
        "predicted_sd": pa.array([row.predicted_sd for row in rows], pa.float64()),
        "evidence": pa.array([row.value.trace for row in rows], pa.string()),
    }
    return pa.table(columns)


def write_readings(run: Run, path: Path) -> None:
    """The same as a CSV file in UTF-8 with a byte order mark, without which Excel takes Korean for another encoding."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sink:
        sink.write(BOM)
        pa.csv.write_csv(readings(run), sink)
