"""What the doors call: start, find, carry on and stop campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dure.analysis.perform import Answer
from dure.base.canonical import canonical
from dure.base.errors import NotFound
from dure.base.types import Resource
from dure.campaign import journal
from dure.campaign.answers import answers
from dure.campaign.closing import CLOSING
from dure.campaign.journal import Journal
from dure.campaign.laboratories import open_driver
from dure.campaign.problem import campaign_id
from dure.campaign.run import Parts, Run, Silent, Watcher, carry_on
from dure.campaign.setup import Setup
from dure.campaign.spec import Specification
from dure.campaign.state import State, Step, state_digest
from dure.campaign.steps import order, propose, read, verify
from dure.lab import orders, replay

PERFORMERS = {"propose": propose, "verify": verify, "order": order, "read": read, **CLOSING}


def start(parts: Parts, owner: str, spec: Specification, *, again: bool = False) -> str:
    """The campaign of a specification: a new one, the unfinished one, or the finished one; its id.

    Args:
        again: start the next one although the last is finished.
    """
    from dure.campaign.prepare import prepare  # brings polars, which a campaign that goes on does not need

    setup = prepare(parts, owner, spec)
    problem = setup.problem
    described = parts.objects.put(setup.to_bytes())
    stored = parts.objects.put(canonical(problem.describe()))
    act = parts.act(owner)
    with act.read() as reader:
        before = journal.ordinals(reader, stored)
    if before and not (again and before[-1].state != "running"):
        return str(before[-1].id)
    ordinal = before[-1].ordinal + 1 if before else 1
    identifier = campaign_id(problem, ordinal)
    act.require(
        "campaign.start", Resource("campaign", identifier, {"state": "new", "owner": owner}), cost=problem.budget.assays
    )
    body = {
        "field": problem.field,
        "name": problem.name,
        "ordinal": ordinal,
        "owner": owner,
        "problem": stored,
        "seed": problem.seed,
        "setup": described,
        "sources": list(setup.sources),
    }
    if setup.wells is not None:
        replay.require_seal(act, identifier, setup.wells, owner)
    with act.change() as change:
        change.record("campaign.started", identifier, body, expect=None)
        if setup.wells is not None:
            replay.seal(change, identifier, setup.wells, setup.size or 0, setup.sources[0], owner)
    return identifier


def open_run(parts: Parts, row: Any) -> Run:
    """A campaign in hand, its state read from the ledger."""
    setup = Setup.from_bytes(parts.objects.get(row.setup))
    run = Run(parts, row.id, row.owner, setup, Journal(parts.objects, parts.registry, row.id), None, row.ordinal)  # type: ignore[arg-type]
    run.driver = open_driver(run)
    run.load()
    return run


def go_on(run: Run, watcher: Watcher | None = None) -> State:
    """Carries a campaign on until it is finished, or `Waiting` is raised. Hold its name meanwhile."""
    return carry_on(run, PERFORMERS, watcher or Silent())


def stop(parts: Parts, run: Run, principal: str) -> None:
    """Ends a campaign before its budget is spent; its plate is opened, since nothing will be read from it any more."""
    act = parts.act(principal)
    act.require("campaign.stop", Resource("campaign", run.identifier))
    run.journal.append(act, Step("stop"), {"reason": "stopped by a person"})
    with act.read() as reader:
        plate = replay.plate_of(reader, run.identifier)
        left = orders.left(reader, run.identifier)
    if plate is not None and plate.state == "sealed":
        replay.unseal(act, plate.id, run.identifier, left)
    run.load()


@dataclass(frozen=True)
class Summary:
    """A campaign in a few values; `top1_found` is None until the plate is unsealed, `best` until something was read."""

    campaign: str
    name: str | None
    status: str
    rounds: int
    assays: int
    budget: int
    best: float | None
    best_qualifier: str | None
    best_candidate: str | None
    unit: str
    property: str
    top1_found: int | None
    top1_total: int | None
    top10_found: int | None
    top10_total: int | None
    state_digest: str
    model: str | None
    results: str | None


def summarise(run: Run) -> Summary:
    """The summary of a campaign as it stands."""
    state, problem = run.state, run.problem
    score: Mapping[str, Any] = state.closed.get("control", {})
    order_ = answers(run)
    best = state.newest[order_[0]] if order_ else None
    return Summary(
        campaign=run.identifier,
        name=problem.name,
        status=status_of(state),
        rounds=len(state.rounds),
        assays=state.ordered,
        budget=problem.budget.assays,
        best=best.value if best else None,
        best_qualifier=best.qualifier if best else None,
        best_candidate=best.candidate if best else None,
        unit=problem.objective.unit,
        property=problem.objective.property,
        top1_found=score.get("top1_found"),
        top1_total=score.get("top1_total"),
        top10_found=score.get("top10_found"),
        top10_total=score.get("top10_total"),
        state_digest=state_digest(problem, state),
        model=state.closed.get("register", {}).get("model"),
        results=state.closed.get("deposit", {}).get("accession"),
    )


def status_of(state: State) -> str:
    """`running`, `finished` or `stopped`."""
    if state.stopped is None:
        return "running"
    return "stopped" if "stop" in state.closed else "finished"


def answer_of(run: Run) -> Answer:
    """What a finished campaign answers with, for an analysis.

    Raises:
        NotFound: it is not finished, nothing was measured, or nothing passed the gate.
    """
    results = run.state.closed.get("deposit")
    if results is None:
        raise NotFound(
            "this campaign is not finished: its best designs were not examined",
            where=run.identifier,
            remedy="go on with it, or name another campaign",
        )
    found = answers(run)
    if not found:
        raise NotFound(
            "this campaign answers with nothing",
            where=run.identifier,
            remedy="its report says why; name another campaign, or leave --campaign out",
        )
    [design] = run.designs(found[:1])
    lab = dict(run.problem.lab)
    only = next(iter(run.field_.simulators)) if len(run.field_.simulators) == 1 else None
    return Answer(
        run.identifier,
        results["accession"],
        lab.get("simulator", only) if lab["driver"] == "simulated" else None,
        lab,
        canonical([design.kind, dict(design.content), dict(design.form)]),
    )
