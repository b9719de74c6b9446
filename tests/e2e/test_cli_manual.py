"""A campaign whose assays people do: it waits with exit code 8, takes their file, and goes on in another process."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from tests.e2e.conftest import compounds, in_laboratory, write_problem


def results(folder: Path, ordered: list[dict[str, str]]) -> Path:
    """Fitted values of these orders, as a laboratory gives them."""
    potency = {smiles: nanomolar for _, smiles, nanomolar in compounds()}
    path = folder / "results.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "pIC50"])
        for row in ordered:
            writer.writerow([row["order"], round(9 - math.log10(potency.get(row["smiles"], 100.0)), 3)])
    return path


def test_a_campaign_waits_for_people_and_goes_on(dure, tmp_path) -> None:
    problem = in_laboratory(write_problem(tmp_path, first="4", batch="2", rounds="1"))
    waiting = dure("run", problem, "--json")
    assert waiting.code == 8, waiting.all
    assert waiting.json["status"] == "waiting"
    assert "dure lab import" in waiting.json["waiting"]["what"]
    assert dure("resume").code == 8
    for _ in range(2):
        files = [Path(name) for name in dure("lab", "worklist", "--json").json]
        newest = max(file for file in files if file.name == "compounds.csv")
        ordered = list(csv.DictReader(newest.read_text("utf-8").splitlines()))
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("order,pIC50\nb3:" + "0" * 64 + ",7\n", "utf-8")
        refused = dure("lab", "import", wrong)
        assert refused.code == 2
        assert "row 2" in refused.err
        taken = dure("lab", "import", results(tmp_path, ordered), "--json")
        assert taken.code == 0, taken.all
        assert taken.json["measured"] == len(ordered)
        last = dure("resume", "--json")
    assert last.code == 0, last.all
    assert (last.json["status"], last.json["assays"], last.json["top1_found"]) == ("finished", 6, None)
    best = dure("trace", last.json["best_candidate"], "--json").json
    (file,) = [link for link in best["below"][0]["below"] if link["what"] == "result-file"]
    assert file["verified"]
    assert "row" in file["where"] or "#" in file["where"]
    assert any(link["what"] == "order" and link["state"] == "accepted" for link in best["below"][0]["below"])
