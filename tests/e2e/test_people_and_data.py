"""People beside the founder, datasets that leave the hub or are withdrawn, and the hub's repair, as commands."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.e2e.conftest import compounds, in_laboratory, write_problem

from dure.hub import Hub


def newest(hub: Path, kind: str) -> dict[str, Any]:
    """The newest event of a kind."""
    with Hub.open(hub) as opened:
        leaves = [json.loads(leaf) for _, leaf in opened.ledger.leaves()]
    return next(leaf for leaf in reversed(leaves) if leaf["kind"] == kind)


def person(dure: Any, token: Path, *roles: str) -> str:
    words = [word for role in roles for word in ("--role", role)]
    return dure("principals", "add", "Kim Yuna", *words, "--token", token, "--json").json["id"]


def test_a_person_who_was_added_acts_in_their_own_name_and_within_their_roles(dure, tmp_path, monkeypatch) -> None:
    hub, token = tmp_path / "hub", tmp_path / "yuna.token"
    yuna = person(dure, token, "researcher")
    assert token.stat().st_mode & 0o777 == 0o600
    problem = write_problem(tmp_path, first="4", batch="2", rounds="1")
    listed = {row["id"]: row for row in dure("principals", "list", "--json").json}
    assert listed[yuna]["name"] == "Kim Yuna"
    assert listed[yuna]["roles"] == ["researcher"]
    assert not listed[yuna]["you"]
    assert b"Yuna" not in b"".join(path.read_bytes() for path in hub.rglob("*") if path.is_file())

    monkeypatch.setenv("DURE_TOKEN_FILE", str(token))
    refused = dure("run", problem, "--json")
    assert refused.code == 3, "a researcher may not deposit, and an own file is deposited"
    assert "role" in refused.json["codes"]
    assert dure("principals", "add", "Eve", "--token", tmp_path / "eve").code == 3
    assert dure("principals", "list").code == 3

    monkeypatch.delenv("DURE_TOKEN_FILE")
    assert dure("principals", "roles", yuna, "--role", "researcher", "--role", "depositor").code == 0
    monkeypatch.setenv("DURE_TOKEN_FILE", str(token))
    assert dure("run", problem, "--json").json["status"] == "finished"
    assert newest(hub, "campaign.started")["actor"] == yuna

    monkeypatch.delenv("DURE_TOKEN_FILE")
    assert dure("principals", "roles", yuna).code == 0
    monkeypatch.setenv("DURE_TOKEN_FILE", str(token))
    assert dure("campaigns", "--json").json == []
    assert dure("run", problem, "--again").code == 3


def test_a_token_is_written_once_and_the_hub_keeps_its_digest_alone(dure, tmp_path) -> None:
    token, more = tmp_path / "a.token", tmp_path / "b.token"
    yuna = person(dure, token, "auditor")
    again = dure("principals", "add", "Somebody", "--token", token)
    assert again.code == 2
    assert "there already" in again.err
    assert dure("principals", "token", yuna, "--token", more).code == 0
    files = [path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file()]
    for path in (token, more):
        assert not any(path.read_bytes() in data for data in files)
    assert token.read_bytes() != more.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add", "A", "--role", "agent", "--token", "t"), 2, "no role agent"),
        (("add", "A", "--role", "king", "--token", "t"), 2, "no role king"),
        (("add", " ", "--token", "t"), 2, "empty"),
        (("roles", "person-0123456789ABCDEF", "--role", "steward"), 5, "knows no person"),
        (("token", "person-0123456789ABCDEF", "--token", "t"), 5, "knows no person"),
    ],
)
def test_what_cannot_be_done_to_people_says_why(dure, tmp_path, monkeypatch, words, code, said) -> None:
    monkeypatch.chdir(tmp_path)
    answer = dure("principals", *words)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert not (tmp_path / "t").exists()


def test_the_last_operator_stays_one(dure, tmp_path) -> None:
    (founder,) = [row["id"] for row in dure("principals", "list", "--json").json]
    refused = dure("principals", "roles", founder, "--role", "steward", "--json")
    assert refused.code == 3
    assert refused.json["codes"] == ["last-operator"]
    person(dure, tmp_path / "t", "operator")
    assert dure("principals", "roles", founder, "--role", "steward").code == 0
    assert dure("principals", "roles", founder, "--role", "operator").code == 3, "it was laid down"


def test_a_dataset_leaves_the_hub_whole_with_its_terms_and_the_ledger_says_so(dure, tmp_path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("a,b\n1,2\n", "utf-8")
    said = ("--title", "T", "--licence", "CC-BY-4.0", "--access", "open", "--json")
    accession = dure("deposit", mine, *said).json["accession"]
    folder = tmp_path / "copy"
    assert dure("datasets", "export", accession, folder).code == 0
    assert (folder / "mine.csv").read_bytes() == mine.read_bytes()
    about = json.loads((folder / "dataset.json").read_text("utf-8"))
    assert (about["accession"], about["terms"]["licence"]) == (accession, "CC-BY-4.0")
    assert newest(tmp_path / "hub", "dataset.exported")["subject"] == accession
    assert dure("datasets", "export", accession, folder).code == 2, "a folder that is there stays as it is"


def test_a_withdrawn_dataset_is_out_of_all_use(dure, tmp_path) -> None:
    problem = write_problem(tmp_path, first="4", batch="2", rounds="1")
    assert dure("run", problem).code == 0
    accession = dure("datasets", "--json").json[0]["accession"]
    assert dure("datasets", "withdraw", accession, "--reason", "boredom").code == 2
    assert dure("datasets", "withdraw", accession, "--reason", "consent").code == 0
    assert dure("datasets", "withdraw", accession, "--reason", "consent").code == 3
    assert "(withdrawn)" in dure("datasets").out
    assert dure("run", problem, "--again").code == 3
    deposit = ("deposit", tmp_path / "own.csv", "--title", "T", "--licence", "CC0-1.0", "--json")
    (tmp_path / "own.csv").write_text("a\n1\n", "utf-8")
    own = dure(*deposit).json["accession"]
    assert dure("datasets", "withdraw", own, "--reason", "error").code == 0
    assert dure("datasets", "export", own, tmp_path / "copy").code == 3
    assert not (tmp_path / "copy").exists()
    assert dure(*deposit).code == 4


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"rows": [*compounds()[:10], ("bad", "C1CC", 5.0)]}, 2),
        ({"rows": [(name, smiles, "5") for name, smiles, _ in compounds()]}, 2),
        ({"first": "400"}, 2),
    ],
    ids=["structure", "values", "budget"],
)
def test_a_file_that_is_refused_leaves_no_dataset_behind(dure, tmp_path, change, code) -> None:
    problem = write_problem(tmp_path, **change)
    assert dure("run", problem).code == code
    assert dure("datasets", "--json").json == []


def test_a_campaign_that_waits_for_a_later_batch_is_reported_with_what_was_read(dure, tmp_path) -> None:
    problem = in_laboratory(write_problem(tmp_path, first="4", batch="2", rounds="1"))
    waiting = dure("run", problem, "--json").json
    assert dure("report", waiting["campaign"]).code == 5
    (worklist,) = [Path(p) for p in dure("lab", "worklist", "--json").json if p.endswith("compounds.csv")]
    results = tmp_path / "results.csv"
    ordered = list(csv.DictReader(worklist.read_text("utf-8").splitlines()))
    results.write_text("order,pIC50\n" + "".join(f"{row['order']},{6 + i / 10}\n" for i, row in enumerate(ordered)))
    assert dure("lab", "import", results).code == 0
    assert dure("resume").code == 8
    table = tmp_path / "readings.csv"
    told = dure("report", waiting["campaign"], "--table", table, "--json").json
    assert all(Path(page).is_file() for page in told["reports"].values())
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert sorted(float(row["value"]) for row in rows) == [6.0, 6.1, 6.2, 6.3]
    assert {row["kind"] for row in rows} == {"measured"}


def test_the_table_of_readings_is_what_was_deposited(dure, finished, tmp_path) -> None:
    hub, told = finished
    table = tmp_path / "readings.csv"
    dure("report", told["campaign"], "--output", tmp_path / "r.html", "--table", table, on=hub)
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8-sig"))))
    assert len(rows) == told["assays"]
    with Hub.open(hub) as opened, opened.database.read() as reader:
        from dure.data import datasets

        described = datasets.describe(opened.objects, datasets.find(reader, told["results"]).manifest)
        deposited = pq.read_table(io.BytesIO(datasets.read_member(opened.objects, described, "results.parquet")))
    values = dict(zip(deposited["candidate"].to_pylist(), deposited["value"].to_pylist(), strict=True))
    assert {row["candidate"]: float(row["value"]) for row in rows} == pytest.approx(values)
    assert all(row["smiles"] for row in rows)
    traced = dure("trace", rows[3]["evidence"], "--json", on=hub).json
    assert traced["id"] == rows[3]["evidence"]


def test_mending_is_recorded_and_leaves_the_tables_as_they_were(dure, finished) -> None:
    hub, _ = finished
    before = dure("campaigns", "--json", on=hub).json
    mended = dure("doctor", "--mend", "--json", on=hub).json
    assert mended["healthy"]
    assert newest(hub, "projections.rewritten")["body"] == {"events": mended["replayed"]}
    assert dure("campaigns", "--json", on=hub).json == before


def test_an_older_hub_is_brought_to_the_present_schema_and_a_newer_one_is_left_alone(dure, tmp_path) -> None:
    import sqlite3

    dure("campaigns")
    path = tmp_path / "hub" / "hub.db"

    def run(*statements: str) -> list[Any]:
        with sqlite3.connect(path) as database:
            return [database.execute(statement).fetchall() for statement in statements]

    run(
        "DROP TABLE trained_model",
        "DROP INDEX ix_lab_order_campaign",
        "CREATE INDEX ix_lab_order_campaign ON lab_order (campaign, round, candidate)",
        "UPDATE alembic_version SET version_num = '0001'",
    )
    assert dure("campaigns").code == 0
    indexed, version = run("PRAGMA index_info(ix_lab_order_campaign)", "SELECT version_num FROM alembic_version")
    assert [column for _, _, column in indexed] == ["campaign", "round"]
    assert version == [("0003",)]
    assert dure("models").code == 0
    run("UPDATE alembic_version SET version_num = '0099'")
    refused = dure("campaigns")
    assert refused.code == 7
    assert "newer Dure" in refused.err
