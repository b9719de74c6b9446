"""Values of exports lead to their source as those of reports do: the results' file, the ledger's bundle, and the files
that a laboratory of people is given and gives back.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sixth_harness as sixth
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from tests.e2e.conftest import in_laboratory, write_problem
from tests.e2e.test_cli_trace import check

from dure.base.canonical import digest_bytes
from dure.campaign.service import summarise
from dure.campaign.trace import Link, trace
from dure.cli.door import run
from dure.data import datasets, evidence
from dure.hub import Hub
from dure.store.bundle import verify_bundle
from dure.store.merkle import leaf_hash, verify_inclusion
from dure.store.notes import SignedCheckpoint

QUIET = settings(max_examples=30, deadline=None)
WITHOUT_ROWS = {"campaign", "dataset"}
"""They are no values: their chains end in events, licences and packages."""


def dure(hub: Path, *words: object, code: int = 0) -> Any:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert run(["--hub", str(hub), *map(str, words), "--json"]) == code
    return json.loads(said.getvalue())


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))
        patch.setenv("LC_ALL", "C.UTF-8")
        yield


@dataclass
class Exported:
    """A hub, its file of compounds, what was exported of it, and the opened hub to ask."""

    hub: Hub
    compounds: Path
    told: dict[str, Any]
    results: Path
    bundle: Path

    def trace(self, name: str) -> Link:
        return trace(self.hub.parts(), self.hub.ledger, self.hub.me, name)

    @property
    def table(self) -> list[dict[str, Any]]:
        return pq.read_table(self.results).to_pylist()

    @property
    def leaves(self) -> list[bytes]:
        return (self.bundle / "events.jsonl").read_bytes().splitlines()


@pytest.fixture(scope="module")
def exported(
    finished: tuple[Path, dict[str, Any]], config: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    hub, told = finished
    folder = tmp_path_factory.mktemp("exports")
    shutil.copytree(hub, folder / "hub")
    dure(folder / "hub", "ledger", "export", folder / "bundle")
    with Hub.open(folder / "hub") as opened:
        with opened.database.read() as reader:
            described = datasets.describe(opened.objects, datasets.find(reader, told["results"]).manifest)
        results = folder / "results.parquet"
        results.write_bytes(datasets.read_member(opened.objects, described, results.name))
        yield Exported(opened, hub.parent / "compounds.csv", told, results, folder / "bundle")


@QUIET
@given(data=st.data())
def test_any_value_of_the_results_leads_to_a_row_that_verifies(exported: Exported, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(exported.table) - 1), label="row")
    row = exported.table[number]
    name = f"{exported.told['results']}/results.parquet#{number + 2}"
    chain = exported.trace(data.draw(st.sampled_from([name, row["candidate"], row["source"]]), label="asked"))
    check(chain, exported.compounds)
    if chain.id == name:
        assert chain.facts["digest"] == digest_bytes(exported.results.read_bytes()), "the file that was exported"
        (cells,) = chain.facts["cells"]
        assert {k: v for k, v in cells.items() if k != "at"} == {k: v for k, v in row.items() if k != "at"}
    sources = [link for link in chain.walk() if link.what == "source-row" and link.id == row["source"]]
    potency = float(sources[0].facts["cells"][0]["IC50 [nM]"])
    assert row["value"] == pytest.approx(9 - math.log10(potency)), "and it is this row's value, no other's"


def names(events: list[dict[str, Any]], rows: dict[str, int]) -> list[str]:
    """What a bundle's events name and a user can ask about."""
    found: set[str] = set()
    for event in events:
        kind, subject, body = event["kind"], event["subject"], event["body"]
        if kind.startswith(("order.", "campaign.", "model.", "dataset.")):
            found.add(subject)
        if kind == "order.placed":
            found.add(body["candidate"])
        if kind == "evidence.recorded":
            found |= {f"{body['frame']}/{row}" for row in range(rows[body["frame"]])}
    return sorted(found)


@QUIET
@given(data=st.data())
def test_any_name_in_the_bundle_leads_to_a_row_that_verifies_and_to_the_bundles_own_events(
    exported: Exported, data: st.DataObject
) -> None:
    with exported.hub.database.read() as reader:
        frames = evidence.frames_of(reader, exported.told["campaign"])
    asked = names([json.loads(leaf) for leaf in exported.leaves], {f.frame: f.rows for f in frames})
    assert len(asked) > 60
    chain = exported.trace(data.draw(st.sampled_from(asked)))
    if chain.what not in WITHOUT_ROWS:
        check(chain, exported.compounds)
    check_events(chain, exported.leaves, (exported.bundle / "checkpoint").read_text("utf-8"))


def check_events(chain: Link, leaves: list[bytes], note: str) -> None:
    """Every event of the chain stands in the bundle, and the chain's proof holds against the bundle's signed root; all
    that happened to an order is below it.
    """
    head = SignedCheckpoint.parse(note).checkpoint
    for order in (link for link in chain.walk() if link.what == "order"):
        happened = {str(i) for i, leaf in enumerate(leaves) if json.loads(leaf)["subject"] == order.id}
        assert {link.id for link in order.below if link.what == "event"} == happened
    events = [link for link in chain.walk() if link.what == "event"]
    assert events
    for link in events:
        leaf = leaves[int(link.id)]
        said = json.loads(leaf)
        assert (link.facts["kind"], link.facts["time"], link.facts["actor"]) == (
            said["kind"],
            said["time"],
            said["actor"],
        )
        assert (link.facts["checkpoint"], link.facts["root"]) == (head.size, head.root.hex())
        proof = [bytes.fromhex(node) for node in link.facts["proof"]]
        assert verify_inclusion(leaf_hash(leaf), int(link.id), head.size, proof, head.root)


def test_the_bundle_is_whole_and_an_altered_one_fits_no_chain(exported: Exported) -> None:
    assert verify_bundle(exported.bundle, exported.hub.verifier, strict=True).trusted
    chain = exported.trace(exported.told["best_candidate"])
    note = (exported.bundle / "checkpoint").read_text("utf-8")
    check_events(chain, exported.leaves, note)
    altered = [leaf.replace(b'"actor":"system:lab"', b'"actor":"system:hub"') for leaf in exported.leaves]
    with pytest.raises(AssertionError):
        check_events(chain, altered, note)


@pytest.fixture(scope="module")
def people(config: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Exported, list[Path], Path]]:
    """A campaign whose first batch people have answered and whose second is in their hands; all files they have."""
    folder = tmp_path_factory.mktemp("people")
    problem = in_laboratory(write_problem(folder, first="4", batch="2", rounds="1"))
    hub = folder / "hub"
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(["init", str(hub)]) == 0
    campaign = dure(hub, "run", problem, code=8)["campaign"]
    given_ = [Path(name) for name in dure(hub, "lab", "worklist")]
    (listed,) = [path for path in given_ if path.name == "compounds.csv"]
    results = folder / "results.csv"
    lines = [f"{row['order']},{6 + i / 4}" for i, row in enumerate(read(listed))]
    results.write_text("\n".join(["order,pIC50", *lines]), "utf-8")
    dure(hub, "lab", "import", results)
    dure(hub, "resume", code=8)
    files = sorted(hub.glob("lab/*/round-*/*.csv"))
    assert len(files) == 6, "worklist, compounds and the form for results of two rounds"
    dure(hub, "ledger", "export", folder / "bundle")
    with Hub.open(hub) as opened:
        yield (
            Exported(opened, folder / "compounds.csv", {"campaign": campaign}, Path(), folder / "bundle"),
            files,
            results,
        )


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


@QUIET
@given(data=st.data())
def test_any_row_of_the_laboratorys_files_leads_to_a_row_that_verifies(
    people: tuple[Exported, list[Path], Path], data: st.DataObject
) -> None:
    hub, files, results = people
    path = data.draw(st.sampled_from([*files, results]), label="file")
    row = data.draw(st.sampled_from([row for row in read(path) if row["order"]]), label="row")
    chain = hub.trace(data.draw(st.sampled_from([row["order"], row.get("candidate") or row["order"]]), label="asked"))
    check(chain, hub.compounds)
    check_events(chain, hub.leaves, (hub.bundle / "checkpoint").read_text("utf-8"))
    (source,) = {link.id: link for link in chain.walk() if link.what == "source-row"}.values()
    if "smiles" in row:
        assert Chem.CanonSmiles(source.facts["cells"][0]["smiles"]) == row["smiles"]
    answered = [float(line["pIC50"]) for line in read(results) if line["order"] == row["order"]]
    values = [link for link in chain.walk() if link.what == "value" and link.facts["kind"] == "measured"]
    assert [link.facts["value"] for link in values] == answered
    files_behind = {link.id for link in chain.walk() if link.what == "result-file"}
    assert files_behind == ({digest_bytes(results.read_bytes())} if answered else set())


def test_a_simulated_value_leads_to_its_order_and_its_task(config: None, tmp_path: Path) -> None:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as hub:
        ran = sixth.finish(hub, "baking/bread")
        chain = trace(hub.parts(), hub.ledger, hub.me, f"{summarise(ran).results}/results.parquet#2")
        (row,) = chain.facts["cells"]
        candidate = trace(hub.parts(), hub.ledger, hub.me, row["candidate"])
        (value,) = [link for link in candidate.below if link.facts.get("kind") == "simulated"]
        assert {link.what for link in value.walk()} >= {"order", "event"}
        assert "task.done" in {link.facts["kind"] for link in value.walk() if link.what == "event"}
