"""Doing an analysis: its inputs by decisions, the task, and the findings as a dataset of their own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dure.access.terms import ACCESS, Terms, inherit
from dure.analysis.contract import Analysis
from dure.base.errors import BadInput
from dure.base.types import Resource
from dure.compute.record import Call
from dure.data import datasets
from dure.models import registry
from dure.models.inputs import Workshop, own_table, source_files, succeeded
from dure.models.training import TRAINING, newest
from dure.store.files import put_files, read_manifest
from dure.store.objects import Objects


@dataclass(frozen=True)
class Answer:
    """The answer of a campaign, as an analysis is given it.

    Attributes:
        campaign: its id; `results` the accession of its results, None before they were deposited.
        simulator: the field's simulator that it was simulated by; None: it was not simulated.
        lab: that table of its problem.
        candidate: canonical JSON of kind, content and form.
    """

    campaign: str
    results: str | None
    simulator: str | None
    lab: Mapping[str, Any]
    candidate: bytes


@dataclass(frozen=True)
class Finding:
    """What an analysis found.

    Attributes:
        accession: of the dataset that it was deposited as.
        name: `FIELD/ANALYSIS`.
        title, caveats: of the analysis.
        findings: as `Analysis.run` gives them.
        pictures: file name -> SVG.
        files: further outputs, file name -> bytes.
        provenance, terms: of the dataset.
    """

    accession: str
    name: str
    title: Mapping[str, str]
    caveats: Mapping[str, Any]
    findings: Mapping[str, Any]
    pictures: Mapping[str, str]
    files: Mapping[str, bytes]
    provenance: Mapping[str, Any]
    terms: Mapping[str, Any]


def analyse(
    shop: Workshop, owner: str, name: str, analysis: Analysis, path: Path | None = None, answer: Answer | None = None
) -> Finding:
    """Does an analysis and deposits what it found; the same inputs and code again are no work.

    Args:
        path: the user's own table.
        answer: the campaign's answer that it is about.

    Raises:
        NotFound: a source is not fetched, or the model was not trained; the error names the command.
        BadInput, RowErrors: the table is missing or cannot be used, or the analysis is about nothing of the kind.
        Unavailable: the task failed.
    """
    _asked(name, analysis, path, answer)
    act, objects = shop.act(owner), shop.objects
    lab = dict(answer.lab) if answer else {}
    inputs, held = source_files(shop, analysis.reads(lab))
    own: list[datasets.Dataset] = []
    if path is not None:
        table, own = own_table(shop, owner, path, analysis.columns, (f"Table for {name}", f"{name} 분석용 표"))
        inputs |= table
    derived: list[str] = [each.accession for each in (*held, *own)]
    terms = [each.terms for each in (*held, *own)]
    if answer is not None:
        inputs["candidate"] = objects.put(answer.candidate)
        if answer.results is not None:
            act.require("dataset.read", Resource("dataset", answer.results))
            with act.read() as reader:
                terms.append(datasets.describe(objects, datasets.find(reader, answer.results).manifest).terms)
            derived.append(answer.results)
    provenance: dict[str, Any] = {"analysis": name, "campaign": answer and answer.campaign}
    if analysis.model:
        row = newest(shop, owner, f"{name.partition('/')[0]}/{analysis.model}")
        inputs["model"] = row.parameters
        provenance["model"] = row.id
        terms.append(Terms.from_json(registry.card_of(objects, row.card)["terms"]))
    inherited = inherit(*terms) if terms else datasets.OWN_TERMS
    access = max((each.access for each in terms), key=ACCESS.index, default=inherited.access)
    call = Call(analysis.run, inputs, {"packages": dict(shop.packages), "lab": lab}, access, 1, TRAINING)
    [result] = shop.tasks.run([call])
    succeeded(result, "the analysis could not be done", path.name if path else name)
    outputs = {file: objects.get(kept) for file, kept in sorted(result.outputs.items())}
    for each in own:
        datasets.deposit(act, objects, each, shop.zone)
    provenance |= {
        "derived_from": derived,
        "task": result.key,
        "code": f"dure {shop.code}",
        "packages": dict(shop.packages),
    }
    described = datasets.Dataset(
        title=analysis.title["en"],
        title_ko=analysis.title["ko"],
        files=_files(objects, outputs),
        terms=inherited,
        provenance={key: value for key, value in provenance.items() if value is not None},
        owner=owner,
    )
    accession = datasets.deposit(act, objects, described, shop.zone)
    return Finding(
        accession,
        name,
        analysis.title,
        analysis.caveats,
        json.loads(outputs.pop("findings")),
        {file: data.decode() for file, data in outputs.items() if file.endswith(".svg")},
        {file: data for file, data in outputs.items() if not file.endswith(".svg")},
        described.provenance,
        described.terms.as_json(),
    )


def _asked(name: str, analysis: Analysis, path: Path | None, answer: Answer | None) -> None:
    """Refuses what the analysis cannot be about."""
    if path is not None and not analysis.columns:
        raise BadInput("this analysis takes no table", where=name, remedy=f"run it as: dure analyse {name}")
    if path is None and analysis.columns and analysis.table:
        raise BadInput(
            "this analysis needs your table",
            where=name,
            remedy=f"write one with: dure new FILE.csv --model {name}; then: dure analyse {name} FILE.csv",
        )
    if answer is not None and answer.simulator not in analysis.simulators:
        known = ", ".join(analysis.simulators) or "none"
        raise BadInput(
            "this analysis is not about a campaign of that kind",
            where="--campaign",
            remedy=f"simulators whose campaigns it can be about: {known}",
        )


def _files(objects: Objects, outputs: Mapping[str, bytes]) -> tuple[datasets.DatasetFile, ...]:
    """The task's outputs as files of a dataset."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in outputs.items():
            path = Path(folder) / (f"{name}.json" if name == "findings" else name)
            path.write_bytes(data)
            manifest = put_files(objects, [path])[path]
            held = read_manifest(objects, manifest)
            made.append(datasets.DatasetFile(path.name, manifest, held.digest, held.size))
    return tuple(made)
