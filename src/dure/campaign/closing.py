"""What follows the last round: finalists examined, plate unsealed, controls run and scored, model registered, results
deposited, report written.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.access.terms import Terms, inherit
from dure.base.canonical import canonical
from dure.base.errors import NotFound, Unavailable
from dure.base.types import Resource
from dure.campaign.answers import predicted_before, ranked, tested
from dure.campaign.climbing import climb_keeping, ladder_of
from dure.campaign.contrast import contrast
from dure.campaign.controls import control_campaigns, control_seed, read_orders
from dure.campaign.run import Run, seed_of
from dure.campaign.state import Step, worse_than
from dure.campaign.statistics import (
    Hits,
    against_random,
    against_ranking,
    against_seeds,
    noise_ceiling,
    recall_under_noise,
)
from dure.compute.record import Call
from dure.compute.runner import Resources
from dure.data import datasets, evidence
from dure.lab import orders, replay
from dure.models.process import ProcessModel
from dure.models.registry import Card, register
from dure.store.files import put_files, read_manifest
from dure.store.frames import get_frame, put_frame

CONTROL_RESOURCES = Resources(memory_mb=4096, seconds=3600.0)
TOP = 10


def examine(run: Run, step: Step) -> None:
    """A closer and dearer look at the best candidates."""
    finalists = _finalists(run)
    inputs, skipped = _source_files(run)
    if skipped is not None or not finalists:
        why = skipped or "nothing was measured"
        run.record(
            step,
            {
                "finalists": finalists,
                "verdicts": None,
                "skipped": [[str(run.problem.finalists.get("check")), why]],
                "inputs": {},
                "artefacts": {},
            },
        )
        return
    found, artefacts = climb_keeping(run, run.designs(finalists), "finalists", inputs)
    objects = run.parts.objects
    frames = evidence.put(objects, found.evidence)
    ladder, _ = ladder_of(run, "finalists", inputs)
    run.record(
        step,
        {
            "finalists": finalists,
            "gated": any(gate.action == "refuse" for rung in ladder.rungs for gate in rung.gates),
            "passed": [c for c in finalists if c not in found.refused],
            "verdicts": put_frame(objects, found.verdicts),
            "skipped": [[s.check, s.why] for s in found.skipped],
            "inputs": inputs,
            "artefacts": artefacts,
            "frames": [frame.digest for frame in frames],
        },
        frames,
    )


def _finalists(run: Run) -> list[str]:
    """The best designs; one that breaks a constraint is none, unless all do."""
    newest, order = run.state.newest, ranked(run)
    kept = [c for c in order if newest[c].violation == 0]
    return (kept or order)[: run.problem.finalists["n"]]


def _source_files(run: Run) -> tuple[dict[str, str], str | None]:
    """Objects of the source files that the finalists' ladder reads; or why it cannot be built."""
    files: dict[str, str] = {}

    def read(source: str, part: str, name: str) -> bytes:
        data = run.parts.read_source(source, part, name)
        files["/".join((source, part, name))] = run.parts.objects.put(data)
        return data

    if run.field_.finalists is None:
        return {}, f"the field {run.problem.field} has no such check"
    try:
        run.field_.finalists(run.problem.finalists, read)
    except NotFound as error:
        return {}, str(error).replace("\n  → ", "; ")
    return files, None


def unseal(run: Run, step: Step) -> None:
    """Opens the plate, now that every order is read: only from here on can the run be scored."""
    act = run.act("campaign")
    with act.read() as reader:
        plate = replay.plate_of(reader, run.identifier)
        left = orders.left(reader, run.identifier)
    assert plate is not None
    if plate.state == "sealed":
        replay.unseal(act, plate.id, run.identifier, left)
    run.record(step, {"plate": plate.id})


def truth(run: Run) -> dict[str, float]:
    """Every value of the pool, turned so that more is better; the plate must be unsealed.

    A value bounded from the better side counts as the lowest of all: it is no hit that anybody could have found.
    """
    act = run.act("campaign")
    with act.read() as reader:
        plate = replay.plate_of(reader, run.identifier)
    assert plate is not None
    act.require("plate.read", Resource("plate", plate.id), ordered=True)
    wells = get_frame(run.parts.objects, plate.wells)
    sign = run.problem.objective.sign
    values = sign * wells["value"].to_numpy(zero_copy_only=False)
    bounded = np.array(wells["qualifier"].to_pylist()) == worse_than(sign)
    values[bounded] = np.minimum(values[bounded], values[~bounded].min(initial=np.inf))
    return dict(zip(wells["candidate"].to_pylist(), values.tolist(), strict=True))


def control(run: Run, step: Step) -> None:
    """Runs the controls and scores the campaign beside them."""
    if not run.problem.scored:
        contrast(run, step)
        return
    values = truth(run)
    done = tested(run.state)
    top, ten = Hits.top_percent(values), Hits.best(values, TOP)
    seeds = int(run.problem.controls["seeds"])
    permuted = _runs(run, "permuted", run.problem.strategy["name"], seeds, permuted=True)
    simple = _runs(run, "simple", "forest-greedy", seeds, permuted=False)
    curves = {"permuted": [top.curve(o) for o in permuted], "simple": [top.curve(o) for o in simple]}
    verdicts = [against_random(top, done)]
    verdicts += [against_seeds(name, top.found(done), [c[-1] for c in each]) for name, each in curves.items() if each]
    ranking = _ranking(run, len(done))
    if ranking:
        verdicts.append(against_ranking("ranking", top, done, ranking))
    sd = float(run.problem.controls["noise_sd"])
    rng = np.random.default_rng(seed_of(run.problem, "noise"))
    steps = list(range(len(done) + 1))
    ceiling = noise_ceiling(values, top, steps, rng, sd=sd)
    again = recall_under_noise(values, done, top.k, rng, sd=sd)
    run.record(
        step,
        {
            "top1_found": top.found(done),
            "top1_total": top.k,
            "top10_found": ten.found(done),
            "top10_total": ten.k,
            "top1_threshold": top.threshold,
            "top1_ids": sorted(top.ids),
            "campaign": top.curve(done),
            "curves": curves,
            "ranking": top.curve(ranking) if ranking else None,
            "verdicts": [dict(v.__dict__) for v in verdicts],
            "ceiling": {**ceiling.__dict__, "curve": list(ceiling.curve)},
            "under_noise": list(again),
        },
    )


def _ranking(run: Run, n: int) -> list[str]:
    """The first n candidates by the field's simplest rule; ties by id."""
    from dure.design.pool import PoolSpace

    pool = run.space
    if run.field_.rank is None or not isinstance(pool, PoolSpace):
        return []
    candidates = pool.take(range(len(pool)))
    scores = run.field_.rank(candidates)
    order = sorted(zip((-s for s in scores), (c.id for c in candidates), strict=True))
    return [identifier for _, identifier in order[:n]]


def _runs(run: Run, name: str, strategy_name: str, seeds: int, *, permuted: bool) -> list[list[str]]:
    """What a control tested, for each seed; shared out over the workers."""
    setup, budget = run.setup, run.problem.budget
    with run.act("campaign").read() as reader:
        plate = replay.plate_of(reader, run.identifier)
    assert plate is not None
    assert setup.pool is not None
    inputs = {"pool": setup.pool, "wells": plate.wells}
    inputs |= {f"features-{i:05d}": piece for i, piece in enumerate(setup.features)}
    params = {
        "field": run.problem.field,
        "kind": run.problem.space["candidates"],
        "strategy": strategy_name,
        "first": budget.first,
        "batch": budget.batch,
        "rounds": budget.rounds,
        "sign": run.problem.objective.sign,
        "permuted": permuted,
    }
    workers = min(run.parts.tasks.workers, seeds)
    parts = [list(range(seeds))[i::workers] for i in range(workers)]
    seed = control_seed(run.problem.design_digest, name)
    calls = [
        Call(control_campaigns, inputs, {**params, "seeds": part}, setup.access, seed, CONTROL_RESOURCES)
        for part in parts
    ]
    found: dict[int, list[str]] = {}
    for part, result in zip(parts, run.parts.tasks.run(calls), strict=True):
        if result.failed is not None:
            raise Unavailable(
                f"the control {name} could not be run: {result.failed}",
                remedy="run the same command again; on a large pool, with fewer seeds: [controls], seeds",
            )
        found |= dict(zip(part, read_orders(run.parts.objects.get(result.outputs["orders"])), strict=True))
    return [found[i] for i in range(seeds)]


def register_model(run: Run, step: Step) -> None:
    """Keeps the final model with its card."""
    knowledge = run.knowledge()
    if run.strategy.predict(run.space, knowledge, knowledge.measured[:1]) is None:
        run.record(step, {"model": None})  # a strategy without a model leaves none behind
        return
    model = ProcessModel(run.strategy.name, knowledge.measured, knowledge.values, knowledge.qualifiers)
    objective = run.problem.objective
    foreseen = predicted_before(run)
    from dure.campaign.report.build import overall_quality

    card = Card(
        title={lang: f"{run.setup.title[lang]}: {objective.property}" for lang in ("en", "ko")},
        property=objective.property,
        unit=objective.unit,
        direction=objective.direction,
        method=f"exact Gaussian process of the strategy {run.strategy.name}; more is better in its predictions",
        trained_on=list(run.setup.sources),
        terms=_terms(run).as_json(),
        training={
            "values": len(knowledge.measured),
            "chosen": "by the campaign, towards better values: no random sample",
        },
        split="each batch was predicted before it was read",
        metrics=overall_quality(run, foreseen),
        calibration={"levels": [0.5, 0.8, 0.95]},
        domain="candidates like those of the campaign's pool; the further from all tested ones, the wider its interval",
        code=f"dure {run.setup.code}",
        packages=dict(run.setup.packages),
    )
    act = run.parts.act("system:campaign")
    register(act, run.parts.objects, model.digest, model.to_bytes(), card, run.identifier, run.owner)
    run.record(step, {"model": model.digest})


def _terms(run: Run) -> Terms:
    """What the campaign's results inherit from all that they were made from."""
    terms = []
    with run.act("campaign").read() as reader:
        for accession in run.setup.sources:
            terms.append(datasets.describe(run.parts.objects, datasets.find(reader, accession).manifest).terms)
    return inherit(*terms) if terms else datasets.OWN_TERMS


def deposit(run: Run, step: Step) -> None:
    """The campaign's measured evidence as a dataset of its own, with all that it came from."""
    import tempfile
    from pathlib import Path

    act = run.act("campaign")
    with act.read() as reader:
        frames = [row for row in evidence.frames_of(reader, run.identifier) if row.kind in ("measured", "simulated")]
    table = pa.concat_tables([get_frame(run.parts.objects, row.frame) for row in frames]) if frames else None
    if table is None:
        run.record(step, {"accession": None})
        return
    names = {identifier: dict(c.form) for identifier, c in run.known.items()}
    forms = pa.array([canonical(names.get(c, {})).decode() for c in table["candidate"].to_pylist()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.parquet"
        pq.write_table(table.append_column("form", forms), path)
        manifest = put_files(run.parts.objects, [path])[path]
    held = read_manifest(run.parts.objects, manifest)
    described = datasets.Dataset(
        title=f"Results of the campaign {run.setup.title['en']}",
        title_ko=f"캠페인 결과: {run.setup.title['ko']}",
        files=(datasets.DatasetFile("results.parquet", manifest, held.digest, held.size),),
        terms=_terms(run),
        provenance={
            "campaign": run.identifier,
            "problem": run.problem.digest,
            "derived_from": list(run.setup.sources),
            "evidence": [row.frame for row in frames],
            "code": f"dure {run.setup.code}",
            "packages": dict(run.setup.packages),
            "seed": run.problem.seed,
        },
        owner=run.owner,
    )
    accession = datasets.deposit(act, run.parts.objects, described, run.parts.zone)
    run.record(step, {"accession": accession})


def report(run: Run, step: Step) -> None:
    """Writes the report in both languages."""
    from dure.campaign.report.build import build
    from dure.campaign.report.data import as_json
    from dure.campaign.report.page import render

    data = build(run)
    objects = run.parts.objects
    pages = {lang: objects.put(render(data, lang).encode()) for lang in ("en", "ko")}
    run.record(step, {"pages": pages, "data": objects.put(json.dumps(as_json(data), ensure_ascii=False).encode())})


def finish(run: Run, step: Step) -> None:
    """The last event; a checkpoint is signed with it."""
    current = run.state.current
    spent = run.state.ordered >= run.problem.budget.assays
    reason = (
        "budget spent" if spent else "space exhausted" if current and current.exhausted else "nothing left to order"
    )
    run.record(step, {"reason": reason})


CLOSING = {
    "examine": examine,
    "unseal": unseal,
    "control": control,
    "register": register_model,
    "deposit": deposit,
    "report": report,
    "finish": finish,
}
