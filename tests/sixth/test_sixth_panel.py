"""Campaigns judged on a panel: constraints, failed simulations, controls at a simulator, and the held-out gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sixth_harness as sixth
from dure_sixth import FIELD
from dure_sixth.kitchens import KITCHENS, PANELS

from dure.base.errors import BadInput
from dure.campaign.answers import answers
from dure.campaign.report.build import build
from dure.campaign.report.data import Absent, Contrast
from dure.campaign.report.page import render
from dure.campaign.spec import read_specification, specification
from dure.campaign.state import state_digest
from dure.store.frames import get_frame


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sixth.InlineHub]:
    folder = tmp_path_factory.mktemp("panel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as made:
            yield made


def reopened(hub: sixth.InlineHub, identifier: str) -> Any:
    with hub.database.read() as reader:
        row = sixth.journal.find(reader, identifier)
    return sixth.open_run(hub.parts(), row)


def spec(**changes: dict[str, Any]) -> Any:
    """The shipped problem with some of its tables changed."""
    tables = {key: {**KITCHENS[key], **changes.get(key, {})} for key in KITCHENS if key not in ("title", "quick")}
    more = {key: table for key, table in changes.items() if key not in tables}
    return specification({"field": "baking", "title": KITCHENS["title"], **tables, **more}, "test")


@pytest.fixture(scope="module")
def run(hub: sixth.InlineHub) -> Any:
    return sixth.finish(hub, "baking/kitchens")


def test_the_answer_is_what_passed_in_kitchens_nobody_tuned_in(run: Any) -> None:
    outcome = run.state.closed["examine"]
    assert outcome["gated"]
    assert outcome["passed"]
    assert answers(run) == [c for c in run.state.ranked(1.0) if c in outcome["passed"]]
    found = {row["property"]: row["value"] for row in get_frame(run.parts.objects, outcome["frames"][0]).to_pylist()}
    assert found["gain-low"] > 0
    assert found["violations"] == 0


def test_the_real_optimum_of_an_unguarded_panel_is_refused(hub: sixth.InlineHub) -> None:
    """Tuned in two cool kitchens alone, without the constraint, the best of the run burns or shrinks elsewhere."""
    changes = {"lab": {"panel": "cool"}, "finalists": {"tuned": "cool"}, "objective": {"constraints": []}}
    run = sixth.finish(hub, spec(**changes))
    outcome = run.state.closed["examine"]
    assert outcome["finalists"]
    assert outcome["passed"] == []
    assert answers(run) == []
    data = build(run)
    assert isinstance(data.answer, Absent)
    assert "recommends nothing" in data.answer.why.en
    assert {f.verdict for f in data.finalists} == {"refused"}
    assert all(f.reasons for f in data.finalists)
    assert "recommends nothing" in render(data, "en")
    assert "권하지 않습니다" in render(data, "ko")


def test_constraints_reach_strategy_ranking_and_report(run: Any) -> None:
    newest = run.state.newest
    best = run.state.ranked(1.0)[0]
    assert all(len(m.slack) == 1 for m in newest.values())
    assert newest[best].violation == 0
    broken = [c for c in newest if newest[c].violation > 0]
    assert broken, "the constraint cuts off some of the first designs"
    assert run.state.ranked(1.0)[-len(broken) :] == sorted(broken, key=run.state.ranked(1.0).index)
    assert run.knowledge().slack.shape == (len(newest), 1)
    assert "hottest <= 262 Cel" in build(run).asked.constraints[0].en


def test_controls_spend_what_the_campaign_spent(run: Any) -> None:
    told = run.state.closed["control"]
    assert set(told["curves"]) == {"random", "latin-hypercube", "permuted"}
    assert {len(runs) for runs in told["curves"].values()} == {1}
    assert {len(runs[0]) for runs in told["curves"].values()} == {run.state.ordered} == {len(told["campaign"])}
    data = build(run)
    assert isinstance(data.discovery, Contrast)
    page = render(data, "en")
    assert "Latin hypercube" in page
    assert told["campaign"][-1] >= max(run[0][-1] or 0 for run in told["curves"].values()) - 1.0


def test_evidence_is_simulated_and_holds_every_value(run: Any) -> None:
    with run.act("campaign").read() as reader:
        read = [outcome for body, outcome in run.journal.read(reader) if body["step"] == "read"]
    frames = [frame for outcome in read for frame in outcome["frames"]]
    rows = [row for frame in frames for row in get_frame(run.parts.objects, frame).to_pylist()]
    assert {row["property"] for row in rows} == {"volume", "hottest"}
    assert {row["kind"] for row in rows} == {"simulated"}
    assert {row["n"] for row in rows if row["property"] == "volume"} == {len(PANELS["tune"])}


def test_a_design_without_a_value_fails_and_is_none(hub: sixth.InlineHub) -> None:
    space = {"kind": "recipe", "parameters": {**KITCHENS["space"]["parameters"]}}
    space["parameters"]["proof"] = {"lower": 5.0, "upper": 6.0, "resolution": 0.25, "unit": "h"}
    space["parameters"]["salt"] = {"lower": 0.0, "upper": 0.5, "resolution": 0.1, "unit": "%"}
    budget = {"first": 40, "batch": 4, "rounds": 1}
    more = {"finalists": {"n": 0}, "controls": {"seeds": 0}, "ladder": {"stickiest": 2.0}}
    run = sixth.finish(hub, spec(space=space, budget=budget, **more))
    failed = [m for turn in run.state.rounds for m in turn.results or () if m.failed]
    assert failed
    assert {m.failed for m in failed} == {"simulation-collapsed"}
    assert all(m.value is None for m in failed)
    assert {m.candidate for m in failed} <= run.state.refused | {m.candidate for m in run.state.measured}


def test_other_members_behind_a_panels_name_make_another_campaign(
    hub: sixth.InlineHub, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_specification("baking/kitchens")
    for name in ("tune", "held-out"):
        fewer = {**PANELS, name: PANELS[name][:-1]}
        kitchens = replace(FIELD.simulators["kitchens"], panels=fewer)
        changed = replace(FIELD, simulators={**FIELD.simulators, "kitchens": kitchens})
        monkeypatch.setattr("dure.campaign.prepare.load_field", lambda _, changed=changed: changed)
        assert sixth.begin(hub, whole).identifier != run.identifier
    monkeypatch.undo()
    assert sixth.begin(hub, whole).identifier == run.identifier


def seeded(**lab: str) -> Any:
    """A problem whose items the laboratory names."""
    return specification(
        {
            "field": "baking",
            "title": {"en": "Seeds on a loaf", "ko": "빵 위의 씨앗"},
            "space": {"kind": "subset", "items": "laboratory", "most": 2, "least": 1},
            "objective": {"property": "aroma", "unit": "1", "direction": "maximise"},
            "budget": {"first": 3, "batch": 2, "rounds": 1},
            "lab": {"driver": "simulated", **lab},
            "strategy": {"name": "random"},
            "controls": {"seeds": 0},
        },
        "test",
    )


def test_a_laboratory_can_name_what_subsets_are_made_of(hub: sixth.InlineHub) -> None:
    run = sixth.finish(hub, seeded(simulator="pantry", shelf="lower"))
    assert run.problem.space["items"] == ["anise", "fennel", "poppy"]
    assert {item for c in run.known.values() for item in c.content["items"]} <= {"anise", "fennel", "poppy"}
    with pytest.raises(BadInput, match="names no items"):
        sixth.begin(hub, seeded(simulator="oven"))


def test_a_campaign_whose_every_order_failed_ends_and_says_why(hub: sixth.InlineHub) -> None:
    space = {"kind": "recipe", "parameters": {**KITCHENS["space"]["parameters"]}}
    space["parameters"]["proof"] = {"lower": 5.75, "upper": 6.0, "resolution": 0.25, "unit": "h"}
    space["parameters"]["salt"] = {"lower": 0.0, "upper": 0.1, "resolution": 0.1, "unit": "%"}
    more = {"budget": {"first": 6, "batch": 4, "rounds": 1}, "ladder": {"stickiest": 2.0}}
    run = sixth.finish(hub, spec(space=space, **more))
    assert run.state.stopped
    assert not run.state.measured
    data = build(run)
    assert "no order gave a value" in data.answer.why.en
    assert len(data.plates.failed) == data.plates.orders == run.state.ordered
    for lang, words in (("en", "gave no value: collapsed"), ("ko", "값을 주지 않음: collapsed")):
        assert words in render(data, lang)


def test_killed_between_steps_it_ends_in_the_same_state(hub: sixth.InlineHub, run: Any) -> None:
    class Killed(Exception):
        pass

    class Killer:
        def __init__(self, after: int) -> None:
            self.left = after

        def step(self, step: Any, state: Any) -> None:
            self.left -= 1
            if self.left < 0:
                raise Killed

        def done(self, *_: Any) -> None:
            return

    again = sixth.begin(hub, "baking/kitchens", again=True)
    for after in (1, 2, 3, 5, 7):
        with pytest.raises(Killed), hub.hold(again.identifier):
            sixth.go_on(again, Killer(after))
        again = reopened(hub, again.identifier)
    with hub.hold(again.identifier):
        sixth.go_on(again)
    whole = sixth.finish(hub, "baking/kitchens", again=True)
    assert whole.state.ordered == again.state.ordered == 44
    assert again.state.closed["examine"]["gated"]
    assert state_digest(again.problem, reopened(hub, again.identifier).state) == state_digest(
        again.problem, again.state
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"lab": {"panel": ["c+0"]}, "finalists": {"panel": ["k-22"]}}, "a panel of 1 cannot show"),
        ({"finalists": {"panel": ["a-25", "k-22"]}}, "stand in both panels"),
        ({"finalists": {"panel": "nowhere"}}, "there is no panel 'nowhere'"),
        ({"finalists": {"panel": ["zz", "k-22"]}}, "no member 'zz'"),
        ({"lab": {"simulator": "microwave"}}, "no simulator 'microwave'"),
        ({"objective": {"constraints": [{"property": "hottest", "unit": "Cel"}]}}, "a constraint is not understood"),
        ({"space": {"kind": "recipe", "parameters": {}}}, "needs parameters"),
        ({"finalists": {"simulator": "oven"}}, "'simulator' is 'oven' for the finalists and 'kitchens' in the lab"),
    ],
)
def test_a_problem_that_cannot_be_is_refused_before_anything_is_ordered(
    hub: sixth.InlineHub, changes: dict[str, Any], what: str
) -> None:
    before = len(sixth.events(hub, "order.placed"))
    with pytest.raises(BadInput, match=what):
        sixth.begin(hub, spec(**changes))
    assert len(sixth.events(hub, "order.placed")) == before


def test_finalists_are_judged_in_what_was_simulated() -> None:
    told = spec(lab={"altitude": 1500}).finalists
    assert (told["tuned"], told["altitude"], told["simulator"]) == ("tune", 1500, "kitchens")
    assert "driver" not in told


def test_a_quick_look_is_another_campaign_and_says_so(hub: sixth.InlineHub, run: Any) -> None:
    quick = read_specification("baking/kitchens", quick=True)
    assert (quick.budget.first, quick.budget.rounds) == (6, 1)
    assert "quick look" in quick.title["en"]
    assert quick.name == "baking/kitchens-quick"
    assert sixth.begin(hub, quick).identifier != run.identifier
    with pytest.raises(BadInput, match="no quick look"):
        read_specification("baking/bread", quick=True)


def test_the_field_says_so_in_json(run: Any) -> None:
    data = json.loads(run.parts.objects.get(run.state.closed["report"]["data"]))
    assert data["gated"] is True
    assert data["finalists"][0]["verdict"] in ("passed", "refused")
    assert FIELD.simulators
