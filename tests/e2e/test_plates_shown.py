"""Whole plates of a laboratory of people: their quality, flags, samples and failures reach whoever asks."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.conftest import Answer, in_laboratory, write_problem
from tests.filled_plates import filled

from dure.campaign.trace import Link
from dure.cli.chains import lines
from dure.lab.manual import WORKLIST

LAB = (
    '[lab]\ndriver = "manual"\nassay = "test"\nversion = "1"\ntop = 10.0\nunit = "umol/L"\npoints = 6\n'
    'reference = "standard"\n\n'
)
Dure = Callable[..., Answer]


def batch(dure: Dure) -> Path:
    """The folder of the newest batch."""
    return max(Path(name).parent for name in dure("lab", "worklist", "--json").json)


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    return in_laboratory(write_problem(tmp_path, first="16", batch="4", rounds="1"), LAB)


def test_an_import_tells_how_each_plate_was_judged(dure: Dure, problem: Path, tmp_path: Path) -> None:
    assert dure("run", problem).code == 8
    file = filled(batch(dure) / WORKLIST, tmp_path / "results.csv", void=("-02",))
    taken = dure("lab", "import", file)
    assert taken.code == 0, taken.all
    good, bad = (line for line in taken.out.splitlines() if line.startswith("plate "))
    assert re.match(r"plate \S+-01: flagged, Z′ 0\.\d\d, reference [56]\.\d\d\. only 0 plates in the reference", good)
    assert re.match(r"plate \S+-02: refused, Z′ -?\d+\.\d\d.*\. Z′ is .*, below 0\.4", bad)
    assert "minimum significant ratio" not in taken.out, "one plate gives none"


def test_an_import_is_told_in_korean(dure: Dure, problem: Path, tmp_path: Path) -> None:
    assert dure("run", problem).code == 8
    taken = dure("--lang", "ko", "lab", "import", filled(batch(dure) / WORKLIST, tmp_path / "results.csv"))
    lines = [line for line in taken.out.splitlines() if line.startswith("플레이트 ")]
    assert len(lines) == 2
    assert all(re.search(r": 표시, Z′ 0\.\d\d, 기준 화합물 [56]\.\d\d\. ", line) for line in lines), lines
    assert all("아직 판정하지 않습니다" in line for line in lines)
    assert "최소 유의비: 1." in taken.out


def test_the_value_of_a_well_leads_to_its_plate_sample_curve_and_flags(
    dure: Dure, problem: Path, tmp_path: Path
) -> None:
    assert dure("run", problem).code == 8
    folder = batch(dure)
    file = filled(folder / WORKLIST, tmp_path / "results.csv", lot="L-17", salt="HCl", purity="85")
    assert dure("lab", "import", file).code == 0
    (order, *_) = (o for o in dure("lab", "list", "--json").json if o["state"] == "accepted")
    chain = dure("trace", order["candidate"], "--json").json
    found = next(link for link in chain["below"] if link["what"] == "value" and link["kind"] == "measured")
    told = found["laboratory"]
    wells = list(csv.DictReader((folder / WORKLIST).read_text("utf-8-sig").splitlines()))
    own = [well for well in wells if well["order"] == order["key"]]
    assert (told["plate"], told["wells"]) == (own[0]["plate"], ",".join(well["well"] for well in own))
    assert (told["lot"], told["salt"], told["purity"], told["verdict"]) == ("L-17", "HCl", 85, "flagged")
    assert "the sample is 85 % pure, below 90 %" in told["flags"]
    (curve,) = told["curves"]
    assert {"hill", "hill_se", "bottom", "bottom_se", "top", "top_se", "residual_sd", "r2"} <= curve.keys()
    text = dure("trace", order["candidate"]).out
    assert f"plate {told['plate']} (flagged), wells {told['wells']}; rows " in text
    assert "lot L-17, salt HCl, purity 85 %" in text
    assert re.search(r"curve 1: Hill slope \d\S* ± \d.*, plateaus .* ± .* %, .* ± .* %, residual .* %, R² 0\.\d", text)
    assert "flag: the sample is 85 % pure, below 90 %" in text
    korean = dure("--lang", "ko", "trace", order["candidate"]).out
    assert "표시: 시료의 순도 85 %: 90 % 미만입니다" in korean
    assert "로트 L-17, 염 HCl, 순도 85 %" in korean
    assert re.search(r"표시: 플레이트 \S+: 기준 화합물의 이력이 플레이트 0장뿐이어서", korean)


def test_a_result_file_and_a_failed_order_can_be_traced(dure: Dure, problem: Path, tmp_path: Path) -> None:
    assert dure("run", problem).code == 8
    assert dure("lab", "import", filled(batch(dure) / WORKLIST, tmp_path / "results.csv", void=("-02",))).code == 0
    orders = dure("lab", "list", "--json").json
    (failed, *_) = (o for o in orders if o["state"] == "failed")
    assert "failed (plate-refused)" in dure("trace", failed["key"]).out
    (accepted, *_) = (o for o in orders if o["state"] == "accepted")
    value = dure("trace", accepted["candidate"], "--json").json["below"][0]
    (file,) = (link["id"] for link in value["below"] if link["what"] == "result-file")
    told = dure("trace", file[3:15], "--json").json
    assert (told["what"], [plate["verdict"] for plate in told["plates"]]) == ("result-file", ["flagged", "refused"])
    assert {f["code"] for f in told["failed"]} == {"plate-refused"}
    assert any(link["what"] == "campaign" for link in told["below"])
    assert re.search(r"plate \S+: refused, Z′", dure("trace", file).out)


def test_of_a_censored_curve_its_bound_is_told_and_a_parameter_at_its_bound_has_no_error() -> None:
    curve = {"qualifier": ">", "log_ic50": -5.0, "residual_sd": 4.2, "r2": 0.31, "n": 6, "flags": ["no-response"]}
    held = {**curve, "qualifier": "=", "hill": 1.0, "hill_se": 0.1, "bottom": 25.0, "bottom_se": 0.0, "top": 99.0}
    value = {"property": "pIC50", "qualifier": "<", "value": 5.0, "unit": "1", "kind": "measured", "method": "m@1#0"}
    told = list(
        lines(Link("value", "b3:0/0", {**value, "laboratory": {"curves": [curve, held], "flags": ["no-response"]}}))
    )
    assert told[2:] == [
        "    curve 1: log IC50 > -5, residual 4.2 %, R² 0.310, 6 points",
        "    curve 2: Hill slope 1 ± 0.1, plateaus 25 (at its bound) %, 99 %, residual 4.2 %, R² 0.310, 6 points",
        "    flag: no concentration reaches half of the full response",
    ]
