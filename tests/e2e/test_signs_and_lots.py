"""What a laboratory says beside a value goes with it everywhere: the sign of a censored value, and the lot it measured.

Seen to fail: `report.book.as_value` that says `=` of every value; `lab.results.evidence_columns` without the lot.
"""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.e2e.conftest import in_laboratory, write_problem

from dure.campaign import journal
from dure.campaign.plan import look
from dure.cli.door import run
from dure.data import datasets, evidence
from dure.hub import Hub
from dure.store.frames import get_frame

Said = dict[str, tuple[str, float, str | None]]
"""Candidate -> sign, value and lot."""
GIVEN = ((">8.25", ">", 8.25, "L-17"), ("<5.5", "<", 5.5, "L-18"), ("7.75", "=", 7.75, "로트 3"), ("6.5", "=", 6.5, ""))


@dataclass
class Answered:
    """A finished campaign whose four values people gave."""

    hub: Path
    given: Said
    told: dict[str, Any]

    def dure(self, *words: object, code: int = 0) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert run(["--hub", str(self.hub), *map(str, words)]) == code
        return said.getvalue()


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answered]:
    folder = tmp_path_factory.mktemp("answered")
    problem = in_laboratory(write_problem(folder, first="4", batch="2", rounds="0"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))
        patch.setenv("LC_ALL", "C.UTF-8")
        made = Answered(folder / "hub", {}, {})
        with contextlib.redirect_stdout(io.StringIO()):
            assert run(["init", str(made.hub)]) == 0
        made.dure("run", problem, "--json", code=8)
        (listed,) = [Path(p) for p in json.loads(made.dure("lab", "worklist", "--json")) if p.endswith("compounds.csv")]
        lines = ["order,pIC50,lot"]
        ordered = csv.DictReader(listed.read_text("utf-8").splitlines())
        for row, (cell, sign, value, lot) in zip(ordered, GIVEN, strict=True):
            lines.append(f"{row['order']},{cell},{lot}")
            made.given[row["candidate"]] = sign, value, lot or None
        (folder / "results.csv").write_text("\n".join(lines), "utf-8")
        made.dure("lab", "import", folder / "results.csv")
        made.told = json.loads(made.dure("resume", "--json"))
        yield made


@pytest.fixture(scope="module")
def hub(answered: Answered) -> Iterator[Hub]:
    with Hub.open(answered.hub) as opened:
        yield opened


def found(rows: list[dict[str, Any]]) -> Said:
    assert len(rows) == len(GIVEN)
    return {row["candidate"]: (row["qualifier"], row["value"], row["sample"]) for row in rows}


def test_in_the_evidence_and_in_the_deposited_results(answered: Answered, hub: Hub) -> None:
    with hub.database.read() as reader:
        frames = evidence.frames_of(reader, answered.told["campaign"])
        described = datasets.describe(hub.objects, datasets.find(reader, answered.told["results"]).manifest)
    measured = [get_frame(hub.objects, frame.frame).to_pylist() for frame in frames if frame.kind == "measured"]
    assert found([row for rows in measured for row in rows]) == answered.given
    data = datasets.read_member(hub.objects, described, "results.parquet")
    assert found(pq.read_table(io.BytesIO(data)).to_pylist()) == answered.given


def test_in_the_trace(answered: Answered) -> None:
    for candidate, (sign, value, lot) in answered.given.items():
        chain = json.loads(answered.dure("trace", candidate, "--json"))
        (row,) = [link for link in chain["below"] if link["what"] == "value" and link["kind"] == "measured"]
        assert (row["qualifier"], row["value"], row.get("sample")) == (sign, value, lot)
        shown = "" if sign == "=" else f"{sign} "
        assert f"pIC50 {shown}{value:.4g}" in answered.dure("trace", candidate)


def test_in_the_summary(answered: Answered) -> None:
    told = answered.told
    sign, value, _ = answered.given[told["best_candidate"]]
    assert (told["best_qualifier"], told["best"]) == (sign, value) == (">", 8.25)
    assert "pIC50 > 8.25" in answered.dure("show", told["campaign"])


def test_in_the_table_of_readings(answered: Answered, tmp_path: Path) -> None:
    answered.dure("report", answered.told["campaign"], "--output", tmp_path / "r.html", "--table", tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text("utf-8-sig").splitlines()))
    assert {row["candidate"]: (row["qualifier"], float(row["value"])) for row in rows} == {
        candidate: (sign, value) for candidate, (sign, value, _) in answered.given.items()
    }


def test_in_the_report_and_its_data(answered: Answered, hub: Hub) -> None:
    with hub.database.read() as reader:
        campaign = look(hub.parts(), journal.find(reader, answered.told["campaign"]))
    data = json.loads(hub.objects.get(campaign.state.closed["report"]["data"]))
    signs = {assay["value"]["trace"]: answered.given[assay["candidate"]][0] for assay in data["assays"]}
    for row in (*data["assays"], *data["answer"]["findings"]):
        assert (row["value"]["qualifier"], row["value"]["value"]) == answered.given[row["candidate"]][:2]
    for finding in data["answer"]["findings"]:
        derived = [fact["value"] for fact in finding["facts"] if fact["value"]["trace"] in signs]
        assert derived, "ligand efficiency follows from the value"
        assert {value["qualifier"] for value in derived} == {finding["value"]["qualifier"]}
    for page in answered.told["reports"].values():
        text = Path(page).read_text("utf-8")
        shown = re.findall(r'<data class="num" value="([\d.]+)"[^>]*data-trace="([^"]+)">([^<]+)</data>', text)
        points = re.findall(r'data-trace="([^"]+)" data-value="([\d.]+)"><title>[^<]*: ([^:<]+)</title>', text)
        shown += [(number, name, words) for name, number, words in points]
        for sign, value, _ in answered.given.values():
            (trace,) = [a["value"]["trace"] for a in data["assays"] if a["value"]["value"] == value]
            own = {html.unescape(words) for number, name, words in shown if (float(number), name) == (value, trace)}
            assert own == {f"{'' if sign == '=' else f'{sign} '}{value:.2f}"}
