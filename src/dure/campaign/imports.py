"""`dure lab import`: a laboratory's result file becomes evidence, and its orders are accepted or failed."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from dure.base.canonical import canonical, digest_bytes
from dure.base.errors import BadInput
from dure.base.evidence import EVIDENCE, evidence_table
from dure.base.types import Resource
from dure.campaign.run import Run
from dure.campaign.steps import take_in
from dure.lab import orders
from dure.lab.manual import ManualDriver
from dure.lab.orders import Reading
from dure.lab.outcome import Protocol
from dure.lab.potency import Concentration
from dure.lab.results import Results, evidence_columns, read_results
from dure.store.ledger import ledger_event


@dataclass(frozen=True)
class Imported:
    """What became of a result file.

    Attributes:
        campaign: whose orders it answers.
        measured, failed, waiting: numbers of orders.
        failures: order key, code and reason of each order that failed.
        plates: name, verdict and reasons of each plate.
        msr: minimum significant ratio of the reference compound; None without.
        warnings: sentences for the reader.
    """

    campaign: str
    measured: int
    failed: int
    waiting: int
    failures: tuple[tuple[str, str, str], ...]
    plates: tuple[Mapping[str, Any], ...]
    msr: float | None
    warnings: tuple[str, ...]


def protocol_of(run: Run) -> Protocol:
    """How the problem's laboratory measures."""
    objective, lab = run.problem.objective, run.problem.lab
    known = {key: Concentration(*lab[key]) for key in ("substrate", "km") if key in lab}
    return Protocol(
        measures=objective.property,
        unit=objective.unit,
        wells=int(lab.get("plate", 96)),
        substrate=known.get("substrate"),
        km=known.get("km"),
    )


def import_results(run: Run, path: Path, principal: str) -> Imported:
    """Takes a result file in, whole or not at all. The campaign goes on with `dure resume`.

    Raises:
        BadInput: the campaign has no manual laboratory, or no open orders, or the file is no result file.
        RowErrors: rows that do not match the orders.
    """
    driver = run.driver
    if not isinstance(driver, ManualDriver):
        raise BadInput(f"its laboratory is {driver.name}: there is nothing to import", where=run.identifier)
    with run.act("lab").read() as reader:
        open_ = [row for row in orders.orders_of(reader, run.identifier) if row.state == "running"]
        history = _history(run, reader, digest_bytes(path.read_bytes()) if path.is_file() else "")
    if not open_:
        raise BadInput("no order of this campaign is open", where=run.identifier, remedy="go on with: dure resume")
    keys = {row.key for row in open_}
    rounds = sorted({row.round for row in open_})
    wells = [well for number in rounds for well in driver.worklist(number) if not well.order or well.order in keys]
    results = read_results(path, wells, protocol_of(run), history=history)
    _record(run, path, results, principal)
    found = {m.order for m in results.measured} | {f.order for f in results.failed}
    take_in(run, [row for row in open_ if row.key in found], _reading(run, results))
    return Imported(
        campaign=run.identifier,
        measured=len(results.measured),
        failed=len(results.failed),
        waiting=len(results.waiting),
        failures=tuple((f.order, f.code, f.reason) for f in results.failed),
        plates=tuple(_plain(plate) for plate in results.plates),
        msr=None if math.isnan(results.msr) else results.msr,
        warnings=results.warnings,
    )


def _reading(run: Run, results: Results) -> Reading:
    columns = {**evidence_columns(results), "kind": "measured", "assay": run.assay, "at": run.parts.clock()}
    table = evidence_table(columns) if results.measured else EVIDENCE.empty_table()
    return Reading(table, {failed.order: failed.code for failed in results.failed})


def _record(run: Run, path: Path, results: Results, principal: str) -> None:
    """Keeps the file as it came and what was made of it: plates, curves, flags, reference compound."""
    file = run.parts.objects.put(path.read_bytes())
    record = run.parts.objects.put(canonical({"kind": "dure.import", "v": 1, **_plain(results)}))
    act = run.parts.act(principal)
    act.require("result.import", Resource("result", run.identifier, {"state": "running"}))
    body = {
        "campaign": run.identifier,
        "failed": len(results.failed),
        "file": file,
        "measured": len(results.measured),
        "record": record,
    }
    with act.change() as change:
        change.record("result.imported", file, body)


def _history(run: Run, reader: Any, but: str) -> list[float]:
    """The reference compound on the plates accepted before, oldest first.

    Args:
        run: the campaign.
        reader: of the ledger.
        but: digest of the file that is imported now: killed between its record and its orders, it is imported again and
            must not be held against itself.
    """
    table = ledger_event.c
    rows = reader.all(select(table.leaf).where(table.kind == "result.imported").order_by(table.sequence))
    events = [run.parts.registry.read(json.loads(bytes(row.leaf))) for row in rows]
    mine = {event.subject: event for event in events if event.body["campaign"] == run.identifier}
    mine.pop(but, None)
    return [v for event in mine.values() for v in json.loads(run.parts.objects.get(event.body["record"]))["reference"]]


def _plain(value: Any) -> Any:
    """Dataclasses, arrays and NaN as canonical values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
