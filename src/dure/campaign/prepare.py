"""From a specification to a set-up campaign: compounds become a pool, measured values a sealed plate.

Structures and values part here. The pool is prepared from structures alone, by tasks that are never shown a value, and
is kept in the order of candidate ids. Values are read by the laboratory's part of the hub, joined by candidate, and
go into the wells of a plate.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dure.access.terms import ACCESS
from dure.base.canonical import canonical, digest
from dure.base.errors import BadInput, NotFound, Unavailable
from dure.base.types import Resource
from dure.campaign.climbing import package_versions
from dure.campaign.field import Field, load_field, simulator_of
from dure.campaign.problem import Problem
from dure.campaign.run import Parts, own_space
from dure.campaign.setup import Setup
from dure.campaign.spec import Specification
from dure.compute.record import Call, Result
from dure.compute.runner import Resources
from dure.compute.sources import code_version
from dure.data import datasets
from dure.data.sourcefiles import source_row
from dure.data.sources import find_source
from dure.data.tables import read_table
from dure.data.usertable import UserTable
from dure.models.inputs import succeeded
from dure.store.frames import get_frame, put_frame

if TYPE_CHECKING:
    from dure.data.values import Values
    from dure.lab.wells import Wells

CHUNK_ROWS = 500
"""Rows a task prepares or describes: pools are shared out over the workers."""
AGREEMENT = 0.5
"""Values of one compound that lie further apart, in the objective's unit, are no replicates."""
NAMED_BY_LABORATORY = "laboratory"
"""What `[space] items` says where the simulator finds them in its files."""
PREPARING = Resources(memory_mb=4096, seconds=3600.0)


@dataclass(frozen=True)
class Compounds:
    """A dataset file that holds a pool.

    Attributes:
        accession, access: of the dataset.
        file, read: its name and its rows.
        own: the dataset of a user's file, which is deposited when everything in it was taken; None where it was before.
    """

    accession: str
    file: str
    access: str
    read: UserTable
    own: datasets.Dataset | None = None


def prepare(parts: Parts, owner: str, spec: Specification) -> Setup:
    """Everything a campaign needs, prepared once: the same specification and data again is no work.

    Raises:
        NotFound: a source is not fetched; the error names the command.
        RowErrors: rows that cannot be taken.
    """
    field = load_field(spec.field)
    ladder = field.ladder(spec.ladder)
    problem = Problem(
        field=spec.field,
        name=spec.name,
        space={},
        objective=spec.objective,
        ladder={"digest": ladder.digest, "settings": dict(spec.ladder)},
        lab=_laboratory(spec, field),
        budget=spec.budget,
        strategy=dict(spec.strategy),
        finalists=dict(spec.finalists),
        controls=dict(spec.controls),
        seed=spec.seed,
    )
    setup = Setup(
        problem,
        title=dict(spec.title),
        specification=parts.objects.put(canonical(spec.written())),
        code=code_version(),
        packages=package_versions(field),
    )
    examined = _examined(parts, field, spec)
    if spec.space.get("kind", "pool") == "pool":
        return _with_pool(parts, owner, spec, field, setup)
    setup = _with_sources(parts, field, setup, examined)
    space = _with_items(parts, field, spec, setup.access)
    own_space(field, space)  # refuses a description it cannot take
    return replace(setup, problem=replace(problem, space=space))


def _examined(parts: Parts, field: Field, spec: Specification) -> list[Any]:
    """The datasets that the finalists' checks read; refuses settings that they cannot take, before anything is done."""
    rows: list[Any] = []

    def read(source: str, part: str, name: str) -> bytes:
        rows.append(source_row(parts.act("system:data"), source, part))
        return parts.read_source(source, part, name)

    if field.finalists is not None and spec.finalists.get("n"):
        with suppress(NotFound):  # a source that is not fetched leaves the check out, and the report says so
            field.finalists(spec.finalists, read)
    return rows


def _with_sources(parts: Parts, field: Field, setup: Setup, examined: Sequence[Any]) -> Setup:
    """The set-up with the datasets that its simulator and its finalists' checks read."""
    lab = setup.problem.lab
    reads = simulator_of(field, lab).reads(lab) if lab["driver"] == "simulated" else ()
    rows = [*(source_row(parts.act("system:data"), source, part) for source, part, _ in reads), *examined]
    access = max([setup.access, *(row.access for row in rows)], key=ACCESS.index)
    return replace(setup, sources=tuple(dict.fromkeys(row.accession for row in rows)), access=access)


def _with_items(parts: Parts, field: Field, spec: Specification, access: str) -> dict[str, Any]:
    """The `space` table; where its items are for the laboratory to name, with those that its files hold."""
    table = dict(spec.space)
    if table.get("items") != NAMED_BY_LABORATORY:
        return table
    simulator = simulator_of(field, spec.lab) if spec.lab["driver"] == "simulated" else None
    if simulator is None or simulator.items is None:
        raise BadInput(
            "this laboratory names no items", where="[space], items", remedy='write them out: items = ["…", …]'
        )
    files = {"/".join(name): parts.objects.put(parts.read_source(*name)) for name in simulator.reads(spec.lab)}
    params = {"lab": dict(spec.lab), "packages": package_versions(field)}
    [result] = parts.tasks.run([Call(simulator.items, files, params, access, 1, PREPARING)])
    succeeded(result, "the items could not be found", "[space], items")
    return {**table, "items": json.loads(parts.objects.get(result.outputs["items"]))}


def _laboratory(spec: Specification, field: Field) -> dict[str, Any]:
    """The laboratory as the problem names it; the assay is the digest of all that describes it.

    So it is of the members behind the names of panels: a campaign on others must not answer for this one.
    """
    described = {name: value for name, value in spec.lab.items() if name != "column"}
    panels = simulator_of(field, spec.lab).panels if spec.lab["driver"] == "simulated" else {}
    whole = {**described, "panels": {name: list(members) for name, members in panels.items()}} if panels else described
    return {**described, "assay": digest(["assay", whole, spec.objective.describe()])}


def _with_pool(parts: Parts, owner: str, spec: Specification, field: Field, setup: Setup) -> Setup:
    if field.prepare is None:
        raise BadInput(f"the field {spec.field} has no pools", where="[space]", remedy="see the field's template")
    compounds = find_compounds(parts, owner, spec)
    structures = _structures(compounds, spec)
    pool, rows, notes = _prepare_pool(parts, field, compounds, structures, spec)
    if "file" in spec.space:
        _refuse_structures(compounds, rows, spec)
    wells: pa.Table | None = None
    refused: dict[str, int] = {}
    notices = list(compounds.read.warnings)
    if spec.lab["driver"] == "replay":
        wells, refused, said = _read_values(compounds, rows, spec)
        notices += said
        pool = pool.filter(pc.is_in(pool["id"], wells["candidate"].combine_chunks()))
    if pool.num_rows == 0:
        raise BadInput(
            "no candidate is left in the pool",
            where=compounds.file,
            remedy="; ".join(f"{n} rows: {why}" for why, n in notes.items()) or None,
        )
    _check_budget(spec, pool.num_rows)
    pool_object = put_frame(parts.objects, pool)
    features: tuple[str, ...] = ()
    if field.features is not None:
        params = {"packages": package_versions(field)}
        parts_of = [pool.slice(start, CHUNK_ROWS) for start in range(0, pool.num_rows, CHUNK_ROWS)]
        calls = [
            Call(
                field.features, {"pool": put_frame(parts.objects, part)}, params, compounds.access, resources=PREPARING
            )
            for part in parts_of
        ]
        features = tuple(done.outputs["features"] for done in _succeed(parts, calls))
    if compounds.own is not None:
        datasets.deposit(parts.act(owner), parts.objects, compounds.own, parts.zone)
    space = {"kind": "pool", "candidates": pool["kind"][0].as_py(), "digest": digest(pool["id"].to_pylist())}
    lab = dict(setup.problem.lab)
    if wells is not None:
        lab["wells"] = digest([wells[name].to_pylist() for name in ("candidate", "value", "sd", "qualifier", "n")])
    return replace(
        setup,
        problem=replace(setup.problem, space=space, lab=lab),
        pool=pool_object,
        rows=put_frame(parts.objects, rows),
        features=features,
        wells=put_frame(parts.objects, wells) if wells is not None else None,
        dataset=compounds.accession,
        access=compounds.access,
        file=compounds.file,
        size=pool.num_rows,
        sources=(compounds.accession,),
        left_out={**notes, **refused},
        notices=tuple(notices),
    )


def find_compounds(parts: Parts, owner: str, spec: Specification) -> Compounds:
    """The rows of the specification's file, fetched part or dataset; a user's file is deposited first."""
    space = spec.space
    if "source" in space:
        source = find_source(space["source"])
        act = parts.act("system:data")
        with act.read() as reader:
            row = datasets.find_part(reader, source.name, space["part"])
        if row is None:
            raise NotFound(
                f"the source {source.name} is not in this hub yet",
                where=spec.name or "[space], source",
                remedy=f"fetch it with: dure fetch {source.name}",
            )
        accession = row.accession
    elif "dataset" in space:
        accession = space["dataset"]
    elif "file" in space:
        own = _own_file(parts, owner, spec)
        with parts.act(owner).read() as reader:
            held = datasets.load(reader, own.accession)
        if held is None:
            return replace(_rows_of(parts, own.accession, own, own.terms.access), own=own)
        accession = own.accession
    else:
        raise BadInput(
            "a pool needs a file, a source or a dataset", where="[space]", remedy='for example: file = "compounds.csv"'
        )
    return _read_compounds(parts, owner, accession)


def _own_file(parts: Parts, owner: str, spec: Specification) -> datasets.Dataset:
    """The dataset that a user's file makes, its bytes stored; nothing names it yet."""
    path = (spec.folder or Path()) / str(spec.space["file"])
    read_table(path)  # refused whole before anything of it is kept
    titles = f"Compounds of {spec.title['en']}", f"{spec.title['ko']}의 화합물"
    return datasets.own_files(parts.objects, [path], owner, *titles)


def _read_compounds(parts: Parts, owner: str, accession: str) -> Compounds:
    """The rows, read by the laboratory's part of the hub, for somebody who may see the dataset.

    The person is asked about the listing only: values that lie on a sealed plate are hidden from everybody but the
    laboratory, and a second campaign on the same data must still be possible.
    """
    parts.act(owner).require("dataset.list", Resource("dataset", accession))
    act = parts.act("system:lab")
    with act.read() as reader:
        row = datasets.find(reader, accession)
    act.require("dataset.read", Resource("dataset", accession))
    return _rows_of(parts, accession, datasets.describe(parts.objects, row.manifest), row.access)


def _rows_of(parts: Parts, accession: str, described: datasets.Dataset, access: str) -> Compounds:
    if len(described.files) != 1:
        raise BadInput(f"it holds {len(described.files)} files, a pool needs one", where=accession)
    file = described.files[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file.name
        path.write_bytes(datasets.read_member(parts.objects, described, file.name))
        return Compounds(accession, file.name, access, read_table(path))


def _structures(compounds: Compounds, spec: Specification) -> pa.Table:
    """The view that design and verification are made from: row numbers and structure columns, nothing else."""
    wanted = [*_structure_columns(spec), *([spec.space["name"]] if "name" in spec.space else [])]
    columns = {name: compounds.read.column(name) for name in wanted}
    return pa.table({**columns, "row": pa.array(compounds.read.rows, pa.int64())})


def _structure_columns(spec: Specification) -> list[str]:
    """One column for a molecule or a sequence; several where a design is a row of settings."""
    named = spec.space.get("structure", "smiles")
    return [named] if isinstance(named, str) else list(named)


def _prepare_pool(
    parts: Parts, field: Field, compounds: Compounds, structures: pa.Table, spec: Specification
) -> tuple[pa.Table, pa.Table, dict[str, int]]:
    """Pool (id, content, form, kind), rows (row, candidate, problem) and how many rows were left out, by reason."""
    assert field.prepare is not None
    params = {
        "packages": package_versions(field),
        "structure": spec.space.get("structure", "smiles"),
        "name": spec.space.get("name"),
    }
    count = max(1, structures.num_rows)
    chunks = [structures.slice(start, CHUNK_ROWS) for start in range(0, count, CHUNK_ROWS)]
    calls = [
        Call(field.prepare, {"table": put_frame(parts.objects, chunk)}, params, compounds.access, resources=PREPARING)
        for chunk in chunks
    ]
    done = _succeed(parts, calls)
    rows = pa.concat_tables(get_frame(parts.objects, result.outputs["rows"]) for result in done)
    pool = pa.concat_tables(get_frame(parts.objects, result.outputs["pool"]) for result in done)
    problems = rows.filter(pc.is_valid(rows["problem"]))
    notes = dict(zip(*(part.to_pylist() for part in pc.value_counts(problems["problem"]).flatten()), strict=True))
    # Of equal designs the one with the lowest form text stands for all: the order of the file must not choose.
    pool = pool.sort_by([("id", "ascending"), ("form", "ascending")])
    first = pc.not_equal(
        pool["id"].combine_chunks().slice(1), pool["id"].combine_chunks().slice(0, max(0, pool.num_rows - 1))
    )
    keep = pa.chunked_array([pa.array([True] if pool.num_rows else [], pa.bool_()), first])
    return pool.filter(keep.combine_chunks()), rows, notes


def _check_budget(spec: Specification, size: int) -> None:
    if spec.budget.assays > size:
        raise BadInput(
            f"the budget of {spec.budget.assays} assays is larger than the pool of {size}",
            where="[budget]",
            remedy=f"take at most {size}: fewer rounds or smaller batches",
        )


def _refuse_structures(compounds: Compounds, rows: pa.Table, spec: Specification) -> None:
    """A user's own file is taken whole or not at all; of a published one, what cannot be read is left out, counted."""
    bad = rows.filter(pc.is_valid(rows["problem"]))
    if not bad.num_rows:
        return
    cells = compounds.read.column(_structure_columns(spec)[0])
    place = {int(number): i for i, number in enumerate(compounds.read.rows)}
    pairs = zip(bad["row"].to_pylist(), bad["problem"].to_pylist(), strict=True)
    problems = [(row, f"{str(cells[place[row]].as_py())[:60]!r} is not taken: {code}") for row, code in pairs]
    compounds.read.refuse(problems, remedy="mend these structures in the original table, or take the rows out")


def _read_values(
    compounds: Compounds, rows: pa.Table, spec: Specification
) -> tuple[pa.Table, dict[str, int], list[str]]:
    """The wells of the plate: each candidate's value in the objective's unit, from all its rows.

    Beside them, how many rows gave none and why, and what the owner should know.
    """
    from dure.data.values import parse_values  # polars: not needed by a campaign that goes on
    from dure.lab.replay import WELLS
    from dure.lab.wells import join_values, to_scale

    column = spec.lab.get("column")
    if column is None:
        raise BadInput("a replay needs the column of the measured values", where="[lab]", remedy='add column = "…"')
    scale = spec.lab.get("scale", "linear")
    values = parse_values(
        compounds.read.column(column),
        name=column,
        unit=spec.lab.get("unit"),
        to="mol/L" if scale == "p" else spec.objective.unit,
        rows=compounds.read.rows,
    ).required(compounds.file, complete=False)
    if scale == "p":
        _refuse_nonpositive(compounds, values)
    _refuse_constant(compounds, values)
    value, qualifier = to_scale(values.value, values.qualifier, scale)
    by_row = dict(zip(rows["row"].to_pylist(), rows["candidate"].to_pylist(), strict=True))
    numbers = compounds.read.rows.tolist()
    agreement = float(spec.lab.get("agreement", AGREEMENT))
    wells = join_values([by_row[row] for row in numbers], value, qualifier, numbers, agreement)
    table = pa.table(
        {
            "candidate": wells.candidate,
            "value": wells.value,
            "sd": wells.sd,
            "qualifier": wells.qualifier,
            "n": wells.n,
            "source": [f"{compounds.accession}/{compounds.file}#{text}" for text in wells.rows],
        },
        schema=WELLS,
    )
    refused = {"values that do not agree": len(wells.refused), "no value": len(values.missing)}
    return table.sort_by("candidate"), {why: n for why, n in refused.items() if n}, _notices(values, wells, agreement)


def _refuse_nonpositive(compounds: Compounds, values: Values) -> None:
    at = np.flatnonzero(values.value <= 0)
    problems = [(int(compounds.read.rows[i]), f"{values.value[i]:g} {values.unit} has no logarithm") for i in at]
    compounds.read.refuse(problems, remedy='write what was measured, for example "<0.1", or take the rows out')


def _refuse_constant(compounds: Compounds, values: Values) -> None:
    at = np.flatnonzero(np.isfinite(values.value))
    if len(at) > 1 and np.all(values.value[at] == values.value[at[0]]):
        first, last = int(compounds.read.rows[at[0]]), int(compounds.read.rows[at[-1]])
        raise BadInput(
            f"all {len(at)} values of column {values.name!r} are the same (rows {first} to {last}): "
            "there is nothing to find",
            where=compounds.file,
            remedy="name the column with the measured values: [lab], column",
        )


def _notices(values: Values, wells: Wells, agreement: float) -> list[str]:
    said = list(values.warnings)
    if values.missing:
        said.append(f"column {values.name!r} has no value in row {_listed(values.missing)}: left out")
    for _, text, apart in wells.refused:
        far = "contradict each other" if apart == float("inf") else f"lie {apart:.2g} apart, more than {agreement:g}"
        shown = text.replace(",", ", ")
        said.append(f"rows {shown}: values of one compound {far}: left out; mend them, or raise agreement")
    return said


def _listed(rows: Sequence[int]) -> str:
    return ", ".join(map(str, rows[:12])) + (f" and {len(rows) - 12} more" if len(rows) > 12 else "")


def _succeed(parts: Parts, calls: Sequence[Call]) -> list[Result]:
    done = parts.tasks.run(calls)
    for result in done:
        if result.failed is not None:
            raise Unavailable(f"the pool could not be prepared: {result.failed}", remedy="run the same command again")
    return done
