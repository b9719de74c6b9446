"""The ladder run through `compute`: each rung as tasks, so that no check is run twice and all cores are used."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dure.campaign.field import Field, ReadSource, load_field
from dure.campaign.run import Run
from dure.compute.record import Call
from dure.compute.runner import DEFAULT
from dure.compute.task import task
from dure.design.candidate import Candidate
from dure.verify.check import Check, Illustrating, Parallel, method
from dure.verify.ladder import Ladder, Outcome

_MACHINE = ("died", "time", "memory", "cancelled")
WORTH_SPLITTING = 0.5
"""CPU seconds of a rung above which its candidates are shared out over the workers."""


@task(version=3)
def run_check(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One check on some candidates: `candidates` and source files in, `evidence` (Parquet) out.

    What the check made to look at comes beside it, as `CANDIDATE/NAME`.
    """
    field = load_field(params["field"])
    candidates = [Candidate(*row) for row in json.loads(inputs["candidates"])]
    ladder = _ladder_of(field, params["which"], params["settings"], lambda *name: inputs["/".join(name)])
    check = next(rung.check for rung in ladder.rungs if method(rung.check) == params["method"])
    if not isinstance(check, Illustrating):
        return {"evidence": _parquet(check.run(candidates))}
    found, made = check.run_with_artefacts(candidates)
    files = {f"{candidate}/{name}": data for candidate, each in made.items() for name, data in each.items()}
    return {"evidence": _parquet(found), **files}


def _ladder_of(field: Field, which: str, settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    if which == "ladder":
        return field.ladder(settings)
    assert field.finalists is not None
    return field.finalists(settings, read)


def climb(run: Run, candidates: Sequence[Candidate], which: str, files: Mapping[str, str] | None = None) -> Outcome:
    """Runs a ladder of the campaign's field on candidates.

    Args:
        which: `ladder` (every proposal) or `finalists`.
        files: objects of source files that the ladder was built from, by `source/part/name`.
    """
    return climb_keeping(run, candidates, which, files or {})[0]


def climb_keeping(
    run: Run, candidates: Sequence[Candidate], which: str, files: Mapping[str, str]
) -> tuple[Outcome, dict[str, dict[str, str]]]:
    """The same, with what its checks made to look at: candidate id -> name -> object."""
    ladder, settings = ladder_of(run, which, files)
    kept: dict[str, dict[str, str]] = {}

    def perform(check: Check, shown: Sequence[Candidate]) -> pa.Table:
        found = _perform(run, check, shown, which, settings, files)
        for outputs in found:
            _keep(kept, outputs)
        tables = [pq.read_table(io.BytesIO(run.parts.objects.get(outputs["evidence"]))) for outputs in found]
        return pa.concat_tables(tables)

    return ladder.run(candidates, perform), kept


def _keep(kept: dict[str, dict[str, str]], outputs: Mapping[str, str]) -> None:
    for path, made in outputs.items():
        candidate, slash, name = path.partition("/")
        if slash:
            kept.setdefault(candidate, {})[name] = made


def ladder_of(run: Run, which: str, files: Mapping[str, str]) -> tuple[Ladder, Mapping[str, Any]]:
    """One of the field's ladders and the settings it is made from."""
    settings = run.problem.ladder["settings"] if which == "ladder" else run.problem.finalists
    objects = run.parts.objects
    return _ladder_of(run.field_, which, settings, lambda *name: objects.get(files["/".join(name)])), settings


def _perform(
    run: Run,
    check: Check,
    shown: Sequence[Candidate],
    which: str,
    settings: Mapping[str, Any],
    files: Mapping[str, str],
) -> list[Mapping[str, str]]:
    """One check as tasks; what each gave, objects by name."""
    params = {
        "field": run.problem.field,
        "method": method(check),
        "packages": package_versions(run.field_),
        "settings": dict(settings),
        "which": which,
    }
    cpus = min(check.cpus, run.parts.tasks.workers) if isinstance(check, Parallel) else 1
    resources = replace(DEFAULT, cpus=cpus)
    calls = [
        Call(run_check, {"candidates": run.put_designs(part), **files}, params, run.setup.access, resources=resources)
        for part in _parts(run, check, shown)
    ]
    done = run.parts.tasks.run(calls)
    # What a loaded or failing machine may have done to a task is tried once more before a candidate is blamed for it.
    again = [i for i, result in enumerate(done) if result.reason in _MACHINE]
    for i, result in zip(again, run.parts.tasks.run([calls[i] for i in again]), strict=True):
        done[i] = result
    for result in done:
        if result.failed is not None:
            # `verify.attempt` halves the candidates until the one that is to blame stands alone.
            raise RuntimeError(f"{check.name}: {result.failed}")
    return [result.outputs for result in done]


def _parts(run: Run, check: Check, shown: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    if len(shown) * check.cost < WORTH_SPLITTING:
        return [shown]
    # A dear check gets a task for each candidate, so that one that dies or overruns fails alone.
    size = 1 if check.cost >= 1 else -(-len(shown) // run.parts.tasks.workers)
    return [shown[i : i + size] for i in range(0, len(shown), size)]


def package_versions(field: Field) -> dict[str, str]:
    """Versions of the distributions that a field's results depend on; `none` for one that is not installed."""
    return {name: _version(name) for name in field.distributions}


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
