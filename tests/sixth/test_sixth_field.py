"""A sixth field from its own wheel: one folder and one entry point, and nothing in Dure knows about it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth
from dure_sixth import FIELD
from dure_sixth.field import Dough
from dure_sixth.recipes import BREAD, stickiness, values_of, volume

from dure.base.errors import BadInput, NotFound
from dure.campaign.field import installed_fields, load_field
from dure.campaign.report.readings import write_readings
from dure.campaign.spec import read_specification
from dure.data import evidence
from dure.design.described import described_space
from dure.store.frames import get_frame
from dure.verify.conformance import check_conforms

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the field's wheel is installed, by itself."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    build = [sys.executable, "-m", "pip", "wheel", *options, "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(HERE)], check=True, capture_output=True, timeout=300)
    (built,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder / "site"), str(built)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    return folder / "site"


def dure(site: Path, folder: Path, *words: str) -> Any:
    """A command of `dure` in a process that knows the field only by its installed wheel; its JSON answer."""
    paths = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "DURE_CONFIG": str(folder / "config")}
    program = "import sys; from dure.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", program, *words, "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_a_campaign_in_it_by_the_command_line(wheel: Path, tmp_path: Path) -> None:
    dure(wheel, tmp_path, "init", "hub")
    told = dure(wheel, tmp_path, "--hub", "hub", "run", "baking/bread")
    assert (told["status"], told["assays"], told["name"]) == ("finished", 16, "baking/bread")
    assert told["top1_found"] is None, "nobody knows the best of all recipes"
    page = (tmp_path / told["reports"]["ko"]).read_text("utf-8")
    assert "가장 크게 부푸는 빵" in page
    assert "<ellipse" in page, "its own drawing"
    chain = dure(wheel, tmp_path, "--hub", "hub", "trace", told["best_candidate"])
    values = [link for link in chain["below"] if link["what"] == "value"]
    assert {link["kind"] for link in values} == {"rule", "predicted", "simulated"} - _missing(values)
    again = dure(wheel, tmp_path, "--hub", "hub", "run", "baking/bread")
    assert again["state_digest"] == told["state_digest"]


def _missing(values: list[dict[str, Any]]) -> set[str]:
    """A recipe of the first batch was foretold by no model."""
    return set() if any(value["kind"] == "predicted" for value in values) else {"predicted"}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("bread")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
            yield hub, sixth.finish(hub, "baking/bread")


def test_it_is_found_by_its_entry_point() -> None:
    assert {"baking", "drug"} <= set(installed_fields())
    assert load_field("baking") is FIELD


def test_what_an_oven_in_a_program_says_is_labelled_simulated(ended: Any, tmp_path: Path) -> None:
    hub, run = ended
    with hub.database.read() as reader:
        frames = evidence.frames_of(reader, run.identifier)
    assert {frame.kind for frame in frames} == {"rule", "predicted", "simulated"}
    rows = [r for f in frames if f.kind == "simulated" for r in get_frame(hub.objects, f.frame).to_pylist()]
    assert len(rows) == 16
    assert {row["method"].partition("@")[0] for row in rows} == {"dure_sixth.recipes.bake"}
    report = json.loads(hub.objects.get(run.state.closed["report"]["data"]))
    assert {assay["value"]["kind"] for assay in report["assays"]} == {"simulated"}
    assert "why" in report["verdicts"], "no truth is known, and the report says so"
    write_readings(run, tmp_path / "readings.csv")
    table = list(csv.DictReader((tmp_path / "readings.csv").read_text("utf-8-sig").splitlines()))
    assert [row["kind"] for row in table] == ["simulated"] * 16, "and in no table it is taken for measured"


def test_the_oven_is_noisy_and_its_noise_is_the_orders(ended: Any, tmp_path: Path) -> None:
    """Two campaigns differ in their noise; one campaign run again anywhere does not."""
    hub, run = ended
    for measured in run.state.measured:
        true = volume(values_of(run.known[measured.candidate]))
        assert measured.value != pytest.approx(true, abs=1e-6)
        assert abs(measured.value - true) < 200
    with sixth.InlineHub.create(tmp_path / "other", clock=sixth.noon) as other:
        assert sixth.finish(other, "baking/bread").state.rounds == run.state.rounds
    again = sixth.begin(hub, "baking/bread", again=True)
    assert again.identifier != run.identifier


def test_recipes_are_refused_by_its_gate(ended: Any) -> None:
    hub, run = ended
    stickiest = FIELD.problems["bread"]["ladder"]["stickiest"]
    refused = frozenset().union(*(turn.refused for turn in run.state.rounds))
    assert all(stickiness(values_of(run.known[m.candidate])) <= stickiest for m in run.state.measured)
    assert all(stickiness(values_of(run.known[c])) > stickiest for c in refused)
    reasons = json.loads(hub.objects.get(run.state.closed["report"]["data"]))["ladder"]["gates"]
    assert [(gate["kind"], gate["refused"]) for gate in reasons] == [("rule", len(refused))]


def test_its_check_conforms() -> None:
    import numpy as np

    recipes = described_space({"kind": "recipe", "parameters": BREAD})
    check_conforms(Dough(), recipes.sample(5, np.random.default_rng(0)))


def test_its_template_is_a_problem(tmp_path: Path) -> None:
    spec = read_specification(str(sixth.write_problem(tmp_path)))
    assert (spec.field, spec.lab["driver"]) == ("baking", "replay")


def test_a_problem_that_it_does_not_have_is_named() -> None:
    with pytest.raises(NotFound, match="no problem 'cake'"):
        read_specification("baking/cake")


def test_a_space_without_parameters_is_refused() -> None:
    with pytest.raises(BadInput, match="needs parameters"):
        described_space({"kind": "recipe"})
