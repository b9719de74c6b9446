"""`dure lab import`: a laboratory's result file becomes evidence, and its orders are accepted or failed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.base.evidence import EVIDENCE, evidence_table
from dure.base.types import Resource
from dure.campaign import journal
from dure.campaign.imported import Record, import_events, record_of
from dure.campaign.protocol import protocol_of
from dure.campaign.run import Parts, Run
from dure.campaign.setup import Setup
from dure.campaign.steps import take_in
from dure.lab import orders
from dure.lab.manual import ManualDriver
from dure.lab.orders import Reading
from dure.lab.quality import REFUSED
from dure.lab.results import Results, evidence_columns, read_results
from dure.store.database import Reader


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
    if not open_:
        raise BadInput("no order of this campaign is open", where=run.identifier, remedy="go on with: dure resume")
    keys = {row.key for row in open_}
    rounds = sorted({row.round for row in open_})
    wells = [well for number in rounds for well in driver.worklist(number) if not well.order or well.order in keys]
    with run.act("lab").read() as reader:
        history = _history(run, reader, {well.plate for well in wells if well.order})
    results = read_results(path, wells, protocol_of(run.problem.objective, run.problem.lab), history=history)
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


def _history(run: Run, reader: Reader, now: Set[str]) -> list[float]:
    """The reference compound on all plates of this hub accepted before in the same assay, oldest first.

    The assay's digest covers the reference compound, its concentrations and what is measured, so the plates of every
    campaign that names the same assay belong on one control chart.

    Args:
        run: the campaign.
        reader: of the ledger.
        now: the plates that may be imported now: killed between its record and its orders, a file is imported again
            and must not be held against itself.
    """
    setups = {row.id: row.setup for row in journal.everything(reader)}
    events = import_events(run.parts, reader)
    alike = {c for c in {e.body["campaign"] for e in events} if _assay(run.parts, setups[c]) == run.assay}
    values: dict[tuple[str, str], float | None] = {}
    for event in events:
        campaign = event.body["campaign"]
        if campaign in alike:
            values |= {(campaign, name): v for name, v in _references(record_of(run.parts, event)).items()}
    own = {(run.identifier, name) for name in now}
    return [value for plate, value in values.items() if value is not None and plate not in own]


def _assay(parts: Parts, setup: str) -> Any:
    return Setup.from_bytes(parts.objects.get(setup)).problem.lab.get("assay")


def _references(record: Record) -> dict[str, float | None]:
    """Plate -> value of its reference compound; None where the plate was refused or has none."""
    return {
        plate["plate"]: plate["reference"]["value"] if plate["reference"] and plate["verdict"] != REFUSED else None
        for plate in record["plates"]
    }


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
