"""Every number has a source: any value of report, `--json` or export leads to a row whose digest verifies."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.conftest import compounds

from dure.base.canonical import digest_bytes
from dure.base.errors import BadInput, Corrupt, NotFound, Refused
from dure.campaign import journal
from dure.campaign.plan import look
from dure.campaign.trace import Link, trace
from dure.data import datasets, evidence
from dure.hub import Hub


def traces(value: Any) -> Iterator[str]:
    """The trace ids in a report's data."""
    if isinstance(value, dict):
        if isinstance(value.get("trace"), str):
            yield value["trace"]
        for inner in value.values():
            yield from traces(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from traces(inner)


@pytest.fixture(scope="module")
def hub(finished, tmp_path_factory) -> Iterator[Hub]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))
        with Hub.open(finished[0]) as opened:
            opened.me  # noqa: B018 - reads the token while the environment names it
            yield opened


@pytest.fixture(scope="module")
def names(hub: Hub, finished) -> list[str]:
    """Everything that report, JSON and export print and that can be asked about."""
    _, told = finished
    with hub.database.read() as reader:
        run = look(hub.parts(), journal.find(reader, told["campaign"]))
        results = datasets.find(reader, told["results"])
        frames = evidence.frames_of(reader, told["campaign"])
    report = list(traces(json.loads(hub.objects.get(run.state.closed["report"]["data"]))))
    assert len(report) > 20
    described = datasets.describe(hub.objects, results.manifest)
    import io

    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(datasets.read_member(hub.objects, described, "results.parquet")))
    export = [f"{told['results']}/results.parquet#{row + 2}" for row in range(table.num_rows)]
    export += table["candidate"].to_pylist() + table["source"].to_pylist()
    every = [f"{frame.frame}/{row}" for frame in frames for row in range(frame.rows)]
    said = [told["best_candidate"], told["model"], told["results"]]
    return sorted({*report, *export, *every, *said})


def check(chain: Link, file: Path) -> None:
    rows = {str(i): row for i, row in enumerate(csv.DictReader(file.read_text("utf-8").splitlines()), 2)}
    ends = [link for link in chain.walk() if link.what == "source-row" and link.facts["file"] == file.name]
    assert ends, "a chain ends in source rows"
    for link in ends:
        assert link.facts["verified"] is True
        assert link.facts["digest"] == digest_bytes(file.read_bytes())
        for number, cells in zip(link.facts["rows"], link.facts["cells"], strict=False):
            assert cells == rows[str(number)]
        (dataset,) = [below for below in link.below if below.what == "dataset"]
        assert dataset.facts["licence"] == "LicenseRef-own"
    for link in chain.walk():
        if link.what == "event":
            assert link.facts["proven"] is True


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_leads_to_a_row_that_verifies(hub, names, finished, data) -> None:
    name = data.draw(st.sampled_from(names))
    chain = trace(hub.parts(), hub.ledger, hub.me, name)
    if chain.what == "dataset":  # a dataset is not a value: its chain ends in package, licences and event
        assert any(link.what == "event" for link in chain.walk())
        return
    check(chain, finished[0].parent / "compounds.csv")


def test_a_measured_value_is_the_one_in_its_row(hub, finished) -> None:
    """The value in the chain is -log10 of what stands in the source row: no other row's."""
    import math

    _, told = finished
    chain = trace(hub.parts(), hub.ledger, hub.me, told["best_candidate"][3:13])
    (value,) = [link for link in chain.below if link.what == "value" and link.facts["kind"] == "measured"]
    (row,) = [link for link in value.walk() if link.what == "source-row"]
    cell = float(row.facts["cells"][0]["IC50 [nM]"])
    assert value.facts["value"] == pytest.approx(9 - math.log10(cell))
    assert {link.what for link in value.walk()} >= {"value", "order", "plate", "source-row", "dataset", "event"}
    assert cell in {potency for _, _, potency in compounds()}


def test_a_prediction_says_what_it_had_seen(hub, finished) -> None:
    _, told = finished
    chain = trace(hub.parts(), hub.ledger, hub.me, told["best_candidate"])
    predicted = [link for link in chain.below if link.what == "value" and link.facts["kind"] == "predicted"]
    for value in predicted:
        (prediction,) = [link for link in value.below if link.what == "prediction"]
        seen = [trace(hub.parts(), hub.ledger, hub.me, t["trace"]).facts for t in prediction.facts["training"]]
        assert len(seen) == prediction.facts["values"] > 0
        assert all(row["kind"] == "measured" for row in seen)
        assert told["best_candidate"] not in {row["candidate"] for row in seen}


def test_an_altered_source_is_found(hub, finished, monkeypatch) -> None:
    """Break the promise: other bytes under the dataset's name do not pass for the source."""
    _, told = finished
    monkeypatch.setattr(datasets, "read_member", lambda *_: b"compound,smiles,IC50 [nM]\na,C,1\n")
    with pytest.raises(Corrupt):
        trace(hub.parts(), hub.ledger, hub.me, told["best_candidate"])


def test_what_is_not_there_is_said(hub) -> None:
    for wrong in ("0123456789abcdef", "b3:" + "0" * 64, "DS-000000000000", "b3:" + "0" * 64 + "/1", "short"):
        with pytest.raises((NotFound, BadInput)):
            trace(hub.parts(), hub.ledger, hub.me, wrong)
    with pytest.raises(Refused):
        trace(hub.parts(), hub.ledger, "person-0000000000000000", "0123456789abcdef")
