"""The evidence file: written from runs, refused with an empty cell; the change plan accepts one and refuses one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_device_twin import archive, files  # noqa: F401  (fixtures)

from dure.base.errors import BadInput, Refused
from dure.design.candidate import Candidate
from dure.fields.device import dossier, verification
from dure.fields.device.settings import design, reference

SHIPPED = dossier.tuning(dossier.shipped())
HAZARD = {"id": "H1", "severity": 5, "before": 3, "measured": ["below 54"], "run": "greedy", "control": ["R1"],
          "sequence": {"en": "so", "ko": "그렇게"}, "harm": {"en": "so", "ko": "그렇게"}}  # fmt: skip


def test_every_cell_of_what_is_written_before_a_run_is_filled():
    told = dossier.content()
    for requirement in told["requirement"]:
        assert requirement["test"] in verification.TESTS
        assert all(requirement["text"][lang] for lang in ("en", "ko"))
    known = {requirement["id"] for requirement in told["requirement"]}
    for hazard in told["hazard"]:
        assert hazard["control"] or hazard["disclosed"]
        assert {*hazard["control"], *hazard.get("disclosed", ())} <= known
        assert all(hazard[key][lang] for key in ("sequence", "harm") for lang in ("en", "ko"))
        assert set(hazard["measured"]) <= set(dossier._RANKS)
        assert bool(hazard["measured"]) == bool(hazard["run"])
    assert {test for one in told["requirement"] for test in [one["test"]]} == set(verification.TESTS)


def test_an_empty_cell_refuses_the_file():
    found = {"rate": verification.Finding(1.0, "1", "<= 1", True, 10)}
    text = {"en": "so", "ko": "그렇게"}
    rows = [{"id": "R1", "text": text, "test": "rate"}]
    assert dossier.matrix(rows, found)[0]["passed"]
    with pytest.raises(Refused, match="no result"):
        dossier.matrix([*rows, {"id": "R2", "text": text, "test": "board"}], found)
    with pytest.raises(Refused, match="no test"):
        dossier.matrix([*rows, {"id": "R3", "text": text}], found)
    with pytest.raises(Refused, match="R4 has no text"):
        dossier.matrix([*rows, {"id": "R4", "text": {"en": "so", "ko": ""}, "test": "rate"}], found)
    hazard = {**HAZARD, "run": "", "measured": []}
    with pytest.raises(Refused, match="no control"):
        dossier.residual([{**hazard, "control": []}], {"worst": {}})
    with pytest.raises(Refused, match="no harm"):
        dossier.residual([{**hazard, "harm": {}}], {"worst": {}})


def test_residual_risk_follows_what_was_seen():
    seen = [{"worst": {"greedy": {"below 54": v}, "ordinary": {"below 54": 0.0}}} for v in (0.0, 0.05, 0.5, 1.5, 9.0)]
    assert [dossier.residual([HAZARD], one)[0]["after"] for one in seen] == [1, 2, 3, 4, 5]
    both = {**HAZARD, "measured": ["below 54", "above 250"]}
    assert dossier.residual([both], {"worst": {"greedy": {"below 54": 0.0, "above 250": 9.0}}})[0]["after"] == 4
    assert dossier.residual([both], seen[0])[0]["after"] is None
    # A hazard whose own sequence was not injected has no lower number from another run.
    unseen = dossier.residual([{**HAZARD, "run": "high"}], seen[0])[0]
    assert unseen["after"] is None
    assert unseen["risk_after"] is None
    assert unseen["open"]


def test_a_bolus_without_a_reading_is_for_announced_carbohydrate_alone(files, monkeypatch):  # noqa: F811
    """The smallest pulse beyond the meal's, when there is no reading, breaks R4; the meal's own does not."""
    ran = verification.run
    assert verification.verified(files, dossier.shipped(), 2, ["stale"])["stale"].passed

    def broken(patients, made, settings, automatic=False):
        traces = ran(patients, made, settings, automatic)
        gap = np.isnan(traces.shown)
        for lag in range(1, 6):
            gap[:, lag:] &= np.isnan(traces.shown[:, :-lag])
        traces.bolus[gap] += 0.05
        return traces

    monkeypatch.setattr(verification, "run", broken)
    assert not verification.verified(files, dossier.shipped(), 2, ["stale"])["stale"].passed


def test_the_plan_reads_units_and_refuses_another_kind_of_design(files):  # noqa: F811
    good = dossier.shipped()
    in_hours = {
        **good.form,
        "lead": {"value": SHIPPED["lead"] / 60, "unit": "h"},
        "gain": {"value": 0.01, "unit": "/min"},
    }
    assert dossier.tuning(Candidate("recipe", {}, in_hours)) == pytest.approx({**SHIPPED, "gain": 0.6})
    said = dossier.decide(files, Candidate("recipe", {}, in_hours), 1).reasons
    assert any("gain = 0.6 ∉" in reason for reason in said)
    with pytest.raises(BadInput, match="no design of the simulator controller"):
        dossier.decide(files, reference("therapy"), 1)


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
    found = verification.verified(files, dossier.shipped(), 1, ["rate", "board", "suspend", "stale"])
    assert [name for name, one in found.items() if one.passed] == []


def test_an_automatic_bolus_beyond_its_limit_is_found(files, monkeypatch):  # noqa: F811
    """Meals' boluses pass 12 % of a day's insulin; were they the law's own, R2 would be broken."""
    ran = verification.run
    assert verification.verified(files, dossier.shipped(), 2, ["board"])["board"].passed

    def broken(patients, made, settings, automatic=False):
        traces = ran(patients, made, settings, automatic)
        return replace(traces, own=traces.bolus)

    monkeypatch.setattr(verification, "run", broken)
    assert not verification.verified(files, dossier.shipped(), 2, ["board"])["board"].passed


def test_the_plan_accepts_what_keeps_bounds_and_every_requirement(files, monkeypatch):  # noqa: F811
    """What the verifications find is put in, so that the bounds alone decide; the next test but one runs them."""
    kept = verification.Finding(0.0, "1", "<= 1", True, 1)
    monkeypatch.setattr(dossier, "verified", lambda files, one, days, names: dict.fromkeys(names, kept))
    assert dossier.decide(files, dossier.shipped()).accepted
    assert not dossier.decide(files, design({**SHIPPED, "gain": 0.5}, "controller")).accepted
    broken = {"gate": replace(kept, passed=False)}
    monkeypatch.setattr(dossier, "verified", lambda files, one, days, names: {**dict.fromkeys(names, kept), **broken})
    assert dossier.decide(files, dossier.shipped()).reasons[0].startswith("R6")


@pytest.mark.slow
def test_the_plan_is_executed_once_and_refused_once(files):  # noqa: F811
    """The shipped proposals, each decided by every verification and the gate over fourteen days."""
    whole, beyond = (design({**SHIPPED, **change}, "controller") for change in dossier.content()["proposal"])
    assert dossier.decide(files, whole).reasons == ()
    refused = dossier.decide(files, beyond)
    assert not refused.accepted
    # Within the plan's bounds: it is the patients who refuse it.
    assert all(reason.startswith("R6") for reason in refused.reasons)


def test_the_file_and_the_plan(files):  # noqa: F811
    good = dossier.shipped()
    bad = design({"basal": 1.3, "correction": 0.5, "target": 100, "gain": 0.6}, "controller")
    origin = {"en": "tuned on the other half", "ko": "나머지 절반에서 조율"}
    out = dossier.compiled(files, good, origin, [good, bad], days=4)
    body = json.loads(out["evidence.json"])
    assert all(row["passed"] for row in body["matrix"] if row["id"] not in ("R6", "R7"))
    assert body["decisions"][0]["accepted"] == all(row["passed"] for row in body["matrix"])
    assert not body["decisions"][1]["accepted"]
    unmeasured = [one["id"] for one in body["hazards"] if one["risk_after"] is None]
    assert unmeasured == ["H8"]
    assert all(one["open"] for one in body["hazards"] if one["id"] in unmeasured)
    assert {one["name"] for one in body["soup"]} >= {"CPython", "numpy"}
    assert all(one["maker"] for one in body["soup"])
    with pytest.raises(Refused, match="no origin"):
        dossier.compiled(files, good, {"en": "", "ko": ""}, [])
    assert any("gain = 0.6" in reason for reason in body["decisions"][1]["reasons"])
    assert np.isfinite([row["value"] for row in body["matrix"]]).all()
    for lang, word in (("en", "not a submission"), ("ko", "제출 자료가 아니고")):
        text = out[f"evidence.{lang}.md"].decode()
        assert word in text
        assert origin[lang] in text
        assert all(f"| {row['id']} |" in text for row in (*body["matrix"], *body["hazards"]))
        assert "numba" in text
