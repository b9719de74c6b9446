"""Values that are only bounds, curves that are none, swapped controls, and laboratories that cannot work."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.e2e.conftest import MANUAL, compounds, in_laboratory, write_problem

from dure.lab.curves import fit_curve

DOSES = np.array([1e-9 * 10 ** (i / 2) for i in range(8)])


# ---- bounds


def test_an_inactive_with_a_generous_bound_is_neither_best_nor_found(dure, tmp_path) -> None:
    rows: list[tuple[Any, ...]] = [
        (name, smiles, ">0.01" if i < 3 else value) for i, (name, smiles, value) in enumerate(compounds())
    ]
    told = dure("run", write_problem(tmp_path, rows, first="20", batch="10", rounds="1"), "--json").json
    best = max(9 - math.log10(value) for _, _, value in rows[3:])
    assert told["best_qualifier"] == "="
    assert told["best"] <= best + 1e-9
    page = Path(told["report"]).read_text("utf-8")
    assert "&lt; 11" in page or "< 11" in page, "what is known of an inactive is shown as a bound"
    top = dure("report", told["campaign"], "--table", tmp_path / "t.csv", "--json")
    assert top.code == 0
    read = {row["name"]: row for row in csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig")))}
    assert all(read[name]["qualifier"] == "<" for name in ("cpd-0", "cpd-1", "cpd-2") if name in read)


def test_a_bound_from_the_good_side_is_printed_with_its_sign(dure, tmp_path) -> None:
    rows: list[tuple[Any, ...]] = [(name, smiles, value) for name, smiles, value in compounds()[:12]]
    rows[5] = (*rows[5][:2], "<0.1")
    path = write_problem(tmp_path, rows, first="10", batch="2", rounds="1")
    told = dure("run", path, "--json").json
    assert (told["best"], told["best_qualifier"]) == (pytest.approx(10.0), ">")
    assert "pIC50 > 10" in dure("run", path).out


# ---- curves


@pytest.mark.parametrize(
    "response",
    [
        100 / (1 + DOSES / 1e-7),
        np.array([0, 1, 2, 99, 1, 0, 2, 1.0]),
        np.array([2, 5, 20, 60, 95, 90, 40, 10.0]),
        np.array([90, 5, 80, 20, 95, 10, 70, 30.0]),
    ],
    ids=["falling", "spike", "hook", "noise"],
)
def test_points_that_follow_no_curve_give_no_potency(response) -> None:
    assert fit_curve(DOSES, response).is_scatter


@pytest.mark.parametrize(
    "response",
    [100 / (1 + 1e-7 / DOSES), np.full(8, 2.0), np.full(8, 97.0), 100 / (1 + 1e-7 / DOSES) + np.tile([9.0, -9.0], 4)],
    ids=["good", "inactive", "full", "scattered"],
)
def test_points_that_do_follow_one_are_kept(response) -> None:
    assert not fit_curve(DOSES, response).is_scatter


# ---- a raw file, as a laboratory of people sends it


def raw_results(worklist: Path, into: Path, swapped: bool = False) -> Path:
    """Readouts of every well: 1,000 without, 100 with full inhibition; each compound inhibits half at 1 umol/L."""
    rng = np.random.default_rng(1)
    rows = list(csv.DictReader(worklist.read_text("utf-8").splitlines()))
    with into.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["plate", "well", "readout"])
        for row in rows:
            share = {"negative": 0.0, "positive": 1.0}.get(row["role"])
            if share is not None and swapped:
                share = 1 - share
            if share is None:
                concentration = float(row["concentration"] or 0)
                share = concentration / (concentration + 1.0)
            writer.writerow([row["plate"], row["well"], round(1000 - 900 * share + rng.normal(0, 8), 2)])
    return into


def ordered(dure: Any, folder: Path, **lab: str) -> Path:
    """A campaign of people that waits; its worklist."""
    extra = "".join(f"{key} = {value}\n" for key, value in {"positive": "8", "negative": "8", **lab}.items())
    settings = MANUAL.replace("points = 6\n\n", f"points = 8\n{extra}\n")
    problem = in_laboratory(write_problem(folder, first="4", batch="2", rounds="1"), settings)
    assert dure("run", problem).code == 8
    (worklist,) = [Path(p) for p in dure("lab", "worklist", "--json").json if p.endswith("worklist.csv")]
    return worklist


@pytest.mark.parametrize("signal", [None, '"falling"'])
def test_swapped_controls_are_believed_by_nobody(dure, tmp_path, signal) -> None:
    worklist = ordered(dure, tmp_path, **({"signal": signal} if signal else {}))
    told = dure("lab", "import", raw_results(worklist, tmp_path / "r.csv", swapped=True), "--json").json
    assert (told["measured"], told["failed"]) == (0, 4)
    codes = {code for _, code, _ in told["failures"]}
    assert codes == ({"plate-refused"} if signal else {"no-curve"})


def test_controls_the_right_way_round_are(dure, tmp_path) -> None:
    worklist = ordered(dure, tmp_path, signal='"falling"')
    told = dure("lab", "import", raw_results(worklist, tmp_path / "r.csv"), "--json").json
    assert (told["measured"], told["failed"]) == (4, 0)


@pytest.mark.parametrize(
    ("lab", "objective", "where"),
    [
        ({"points": "3"}, "pIC50", "points"),
        ({"plate": "100"}, "pIC50", "[lab]"),
        ({"signal": '"sideways"'}, "pIC50", "signal"),
        ({}, "pKi", "[lab]"),
        ({"substrate": '[10.0, "umol/L"]', "km": '"4 uM"'}, "pKi", "km"),
        ({"substrate": '[10.0, "umol/L"]', "km": '[0, "umol/L"]'}, "pKi", "km"),
        ({"substrate": '[10.0, "umol/L"]', "km": '[4, "kg"]'}, "pKi", "[lab]"),
    ],
)
def test_a_laboratory_that_cannot_give_the_objective_is_refused_before_anything_is_ordered(
    dure, tmp_path, lab, objective, where
) -> None:
    extra = "".join(f"{key} = {value}\n" for key, value in {"points": "8", **lab}.items())
    path = in_laboratory(write_problem(tmp_path), MANUAL.replace("points = 6\n\n", f"{extra}\n"))
    path.write_text(path.read_text("utf-8").replace('property = "pIC50"', f'property = "{objective}"'), "utf-8")
    refused = dure("run", path)
    assert refused.code == 2, refused.all
    assert where in refused.err
    assert dure("campaigns", "--json").json == []
    assert dure("datasets", "--json").json == []


# ---- other things a file may hold


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("noise_sd = 0.3", "noise_sd = nan", "standard deviation"),
        ("seeds = 0", "seeds = -1", "number of seeds"),
        ('unit = "1"', 'unit = "kg"', "a logarithm has the unit 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(dure, tmp_path, before, after, said) -> None:
    path = write_problem(tmp_path)
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")
    refused = dure("run", path)
    assert (refused.code, said in refused.err) == (2, True), refused.all


def test_a_name_commands_neither_a_spreadsheet_nor_a_terminal(dure, tmp_path) -> None:
    rows = [(f"=cmd|calc\x1b[31m{i}", smiles, value) for i, (_, smiles, value) in enumerate(compounds()[:10])]
    path = write_problem(tmp_path, rows, first="6", batch="2", rounds="1")
    path.write_text(path.read_text("utf-8").replace('# name = "compound"', 'name = "compound"'), "utf-8")
    told = dure("run", path, "--json").json
    traced = dure("trace", told["best_candidate"])
    assert "=cmd" in traced.out
    assert "\x1b" not in traced.out
    dure("report", told["campaign"], "--table", tmp_path / "t.csv")
    names = [row["name"] for row in csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text("utf-8-sig")))]
    assert all(name.startswith("'=cmd") for name in names)


def test_a_salt_is_weighed_out_as_it_was_supplied(dure, tmp_path) -> None:
    rows = [(name, f"{smiles}.Cl" if i % 2 else smiles, value) for i, (name, smiles, value) in enumerate(compounds())]
    in_laboratory(write_problem(tmp_path, rows, first="8", batch="2", rounds="1"))
    assert dure("run", tmp_path / "problem.toml").code == 8
    (path,) = [Path(p) for p in dure("lab", "worklist", "--json").json if p.endswith("compounds.csv")]
    listed = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    salts = [row for row in listed if row["smiles_as_supplied"]]
    assert salts
    for row in salts:
        assert row["smiles_as_supplied"].endswith(".Cl") or row["smiles_as_supplied"].startswith("Cl.")
        assert "." not in row["smiles"]
    assert "smiles_as_supplied" in dure("trace", salts[0]["candidate"]).out


def test_a_report_says_when_its_controls_were_not_run(dure, finished) -> None:
    _, told = finished
    assert "seeds = 0" in Path(told["report"]).read_text("utf-8")


def test_the_code_is_named_by_what_it_is(dure, finished) -> None:
    hub, told = finished
    traced = dure("trace", told["campaign"], "--json", on=hub).json
    assert traced["what"] == "campaign"
    assert re.fullmatch(r"dure \S+\+[0-9a-f]{12}", traced["code"])
