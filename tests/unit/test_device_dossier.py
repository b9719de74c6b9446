"""The evidence file: written from runs, refused with an empty cell; the change plan accepts one and refuses one."""

import json

import numpy as np
import pytest
from test_device_twin import archive, files  # noqa: F401  (fixtures)

from dure.base.errors import Refused
from dure.fields.device import dossier, verification
from dure.fields.device.settings import design

TUNED = {
    "basal": 0.9,
    "carbohydrate ratio": 0.7,
    "correction": 2.0,
    "target": 120,
    "lead": 5,
    "gain": 0.1,
    "integral time": 250,
    "derivative time": 120,
    "insulin feedback": 1.1,
}


def test_every_cell_of_what_is_written_before_a_run_is_filled():
    told = dossier.content()
    for requirement in told["requirement"]:
        assert requirement["test"] in verification.TESTS
        assert all(requirement["text"][lang] for lang in ("en", "ko"))
    known = {requirement["id"] for requirement in told["requirement"]}
    for hazard in told["hazard"]:
        assert hazard["control"]
        assert set(hazard["control"]) <= known
        assert all(hazard[key][lang] for key in ("sequence", "harm") for lang in ("en", "ko"))
        assert hazard["measured"] == "" or hazard["measured"] in dossier._RANKS
    assert {test for one in told["requirement"] for test in [one["test"]]} == set(verification.TESTS)


def test_an_empty_cell_refuses_the_file():
    found = {"rate": verification.Finding(1.0, "1", "<= 1", True, 10)}
    rows = [{"id": "R1", "text": {}, "test": "rate"}]
    assert dossier.matrix(rows, found)[0]["passed"]
    with pytest.raises(Refused, match="no result"):
        dossier.matrix([*rows, {"id": "R2", "text": {}, "test": "board"}], found)
    with pytest.raises(Refused, match="no test"):
        dossier.matrix([*rows, {"id": "R3", "text": {}}], found)


def test_residual_risk_follows_what_was_seen():
    hazard = {"severity": 5, "before": 3, "measured": "below 54"}
    ranks = [dossier.residual([hazard], {"means": {"below 54": v}})[0]["after"] for v in (0.0, 0.05, 0.5, 1.5, 9.0)]
    assert ranks == [1, 2, 3, 4, 5]
    unseen = dossier.residual([{**hazard, "measured": ""}], {"means": {}})[0]
    assert unseen["after"] == 3
    assert unseen["open"]


def test_a_limit_that_does_not_hold_is_found(files, monkeypatch):  # noqa: F811
    """The verifications can fail: with a layer that lets four times the rate through and never suspends, they do."""
    from dure.fields.device import therapy

    ran = therapy.run

    def broken(patients, made, settings, automatic=False):
        traces = ran(patients, made, settings, automatic)
        traces.rate[:] *= 4
        traces.rate[:] += 0.001
        traces.bolus[:] *= 2
        traces.bolus[traces.bolus > 0] += 40
        return traces

    monkeypatch.setattr(verification, "run", broken)
    found = verification.verified(files, design(TUNED, "controller"), 1, ["rate", "board", "suspend", "stale"])
    assert [name for name, one in found.items() if one.passed] == []


def test_the_file_and_the_plan(files):  # noqa: F811
    good = design(TUNED, "controller")
    bad = design({"basal": 1.3, "correction": 0.5, "target": 100, "gain": 0.6}, "controller")
    out = dossier.compiled(files, good, [good, bad], days=4)
    body = json.loads(out["evidence.json"])
    assert all(row["passed"] for row in body["matrix"])
    assert [one["accepted"] for one in body["decisions"]] == [True, False]
    assert any("gain = 0.6" in reason for reason in body["decisions"][1]["reasons"])
    assert np.isfinite([row["value"] for row in body["matrix"]]).all()
    for lang, word in (("en", "not a submission"), ("ko", "제출 자료가 아니고")):
        text = out[f"evidence.{lang}.md"].decode()
        assert word in text
        assert all(f"| {row['id']} |" in text for row in (*body["matrix"], *body["hazards"]))
        assert "numba" in text
