"""The four steps of a round: propose, verify, order, read. Each is done once by its key wherever the hub was killed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from dure.base.canonical import canonical
from dure.base.errors import Waiting
from dure.base.evidence import evidence_table
from dure.base.ids import short
from dure.campaign.climbing import climb
from dure.campaign.run import Run
from dure.campaign.state import MAX_REPLICATES, Step
from dure.data import evidence
from dure.design.candidate import Candidate
from dure.design.contract import Prediction
from dure.lab import orders
from dure.store.frames import get_frame, put_frame


def propose(run: Run, step: Step) -> None:
    """Asks the strategy for candidates, and its model for what it expects of them before anything is read."""
    knowledge = run.knowledge()
    candidates = run.strategy.ask(run.space, knowledge, step.n, run.rng("propose", step.round, step.attempt))
    expected = run.strategy.predict(run.space, knowledge, candidates) if candidates else None
    frames = evidence.put(run.parts.objects, _expectations(run, candidates, expected)) if expected else []
    outcome = {
        "candidates": [candidate.id for candidate in candidates],
        "designs": run.put_designs(candidates),
        "predictions": frames[0].digest if frames else None,
        "wanted": step.n,
    }
    run.remember(outcome)
    run.record(step, outcome, frames)


def _expectations(run: Run, candidates: list[Candidate], expected: Prediction) -> pa.Table:
    objective = run.problem.objective
    return evidence_table(
        {
            "candidate": [candidate.id for candidate in candidates],
            "property": objective.property,
            "value": np.asarray(expected.mean) * objective.sign,
            "unit": objective.unit,
            "sd": np.asarray(expected.sd),
            "kind": "predicted",
            "method": f"{run.strategy.name}@1#{run.problem.design_digest[3:15]}",
            "source": run.identifier,
            "at": run.parts.clock(),
        }
    )


def verify(run: Run, step: Step) -> None:
    """Runs the ladder on the newest proposals."""
    current = run.state.current
    assert current is not None
    outcome = climb(run, run.designs(current.proposals[-1]), "ladder")
    objects = run.parts.objects
    run.record(
        step,
        {
            "passed": list(outcome.passed),
            "refused": sorted(outcome.refused),
            "flagged": sorted(outcome.flagged),
            "verdicts": objects.put(canonical(outcome.decisions())),
            "table": put_frame(objects, outcome.verdicts),
            "skipped": [[skipped.check, skipped.why] for skipped in outcome.skipped],
        },
        evidence.put(objects, outcome.evidence),
    )


def order(run: Run, step: Step) -> None:
    """Commits the intent to test what passed, in one Change with the budget it spends."""
    current = run.state.current
    assert current is not None
    tries = run.state.tries
    left = run.problem.budget.assays - run.state.ordered
    wanted = [(candidate, tries.get(candidate, 0) + 1) for candidate in current.passed[:left]]
    placed = [orders.Order(run.identifier, c, run.assay, n, step.round) for c, n in wanted if n <= MAX_REPLICATES]
    run.fresh.update(o.key for o in placed)
    run.record(step, {"orders": [[o.candidate, o.replicate] for o in placed]}, placed=placed)


def read(run: Run, step: Step) -> None:
    """Hands orders over, once each, and takes in what the laboratory has read; `Waiting` while it works on them."""
    current = run.state.current
    assert current is not None
    rows = _rows(run, step)
    if any(row.state in ("placed", "planned") for row in rows):
        known = {candidate.id: candidate for candidate in run.designs(list(current.ordered or ()))}
        fresh = all(row.key in run.fresh for row in rows)
        orders.hand_over(run.act("lab"), run.driver, rows, known, run.owner, fresh=fresh)
        rows = _rows(run, step)
    uncertain = [row for row in rows if row.state == "uncertain"]
    if uncertain:
        raise Waiting(
            f"{len(uncertain)} orders are uncertain: the laboratory cannot say whether it has them",
            remedy="ask it, then: dure lab decide KEY --found or --lost; first key " + uncertain[0].key,
        )
    if any(row.state in ("running", "read") for row in rows):
        _collect(run, [row for row in rows if row.state in ("running", "read")])
        rows = _rows(run, step)
    _conclude(run, step, rows)


def _rows(run: Run, step: Step) -> list[Any]:
    with run.act("lab").read() as reader:
        return list(orders.orders_of(reader, run.identifier, step.round))


def _collect(run: Run, rows: list[Any]) -> None:
    """The laboratory's side of reading: results become evidence, and each order is accepted or failed."""
    asked = [orders.as_order(row) for row in rows]
    reading = run.driver.collect(asked)
    if reading is None:
        raise Waiting(
            f"waiting for order {short(rows[0].key)} and {len(rows) - 1} more of round {rows[0].round}: "
            f"{run.driver.waiting_for(asked)}",
            where=run.identifier,
            remedy=f"then: dure resume {run.identifier[3:13]}",
        )
    take_in(run, rows, reading)


def take_in(run: Run, rows: list[Any], reading: orders.Reading) -> None:
    """Records a laboratory's results: one Change by `system:lab`."""
    measured = run.driver.evidence_kind == "measured"
    frames = evidence.put(run.parts.objects, reading.evidence)
    act = run.act("lab")
    for state in ("running", "read"):
        orders.require(act, "order.record", run.identifier, run.owner, state)
    if measured and frames:
        evidence.require(act, run.identifier, "measured")
    good = [row for row in rows if row.key not in reading.failed]
    bad = [row for row in rows if row.key in reading.failed]
    with act.change() as change:
        if good:
            running = [row for row in good if row.state == "running"]
            orders.move(change, running, "order.read", {row.key: {"frame": frames[0].digest} for row in running})
            orders.move(change, good, "order.accepted")
        orders.move(change, bad, "order.failed", {row.key: {"reason": reading.failed[row.key]} for row in bad})
        if measured:
            evidence.record(change, run.identifier, frames)


def _conclude(run: Run, step: Step, rows: list[Any]) -> None:
    """The campaign's side: the round's results, by candidate id."""
    results: list[list[Any]] = []
    digests = sorted({row.frame for row in rows if row.frame})
    objective = run.problem.objective
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for digest in digests:
        for row in get_frame(run.parts.objects, digest).to_pylist():
            found.setdefault(row["candidate"], {})[row["property"]] = row
    for row in rows:
        if row.state == "failed" or found[row.candidate][objective.property]["value"] is None:
            results.append([row.candidate, None, None, "=", row.reason or "no-value"])
        else:
            read = found[row.candidate]
            value, slack = (
                read[objective.property],
                objective.slack({name: each["value"] for name, each in read.items()}),
            )
            told = [row.candidate, value["value"], value["sd"], value["qualifier"], None]
            results.append([*told, list(slack)] if slack else told)
    simulated = run.driver.evidence_kind == "simulated"
    frames = (
        [evidence.Frame(d, "simulated", get_frame(run.parts.objects, d).num_rows) for d in digests] if simulated else []
    )
    run.record(step, {"results": results, "frames": digests}, frames)
