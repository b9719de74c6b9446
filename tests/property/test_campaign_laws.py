"""The fold and `next_step` against a plain reference, over random campaigns: what a laboratory and gates may answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dure.base.canonical import digest
from dure.campaign.problem import Budget, Objective, Problem
from dure.campaign.state import (
    MAX_ATTEMPTS,
    MAX_REPLICATES,
    State,
    Step,
    apply,
    closing_steps,
    fold,
    next_step,
    state_digest,
)

Steps = list[tuple[Mapping[str, Any], Mapping[str, Any]]]


def problem(budget: Budget, driver: str, finalists: int) -> Problem:
    return Problem(
        field="baking",
        name=None,
        space={},
        objective=Objective("volume", "mL"),
        ladder={"digest": "b3:" + "0" * 64, "settings": {}},
        lab={"driver": driver, "assay": "b3:" + "1" * 64},
        budget=budget,
        strategy={"name": "random"},
        finalists={"n": finalists} if finalists else {},
        controls={},
        seed=1,
    )


class Reference:
    """A campaign kept by hand: what was proposed, refused, ordered and read, as plain sets and lists."""

    def __init__(self, task: Problem, size: int) -> None:
        self.problem, self.pool = task, [digest(i) for i in range(size)]
        self.refused: set[str] = set()
        self.measured: dict[str, float] = {}
        self.tries: dict[str, int] = {}
        self.waiting: list[str] = []
        self.passed: list[str] = []
        self.ordered = 0
        self.done: list[str] = []

    def free(self) -> list[str]:
        spent = {c for c, n in self.tries.items() if n >= MAX_REPLICATES and c not in self.measured}
        return [c for c in self.pool if c not in self.refused | spent | self.measured.keys() | {*self.passed}]

    def answer(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        """What a world that is drawn at random answers to a step."""
        return getattr(self, f"_{step.name}", self._closing)(step, state, draw)

    def _propose(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        if step.attempt == 1:
            self.passed = []
        free = self.free()
        assert step.n >= 1
        self.waiting = draw(st.permutations(free))[: step.n] if free else []
        return {"candidates": self.waiting, "designs": "b3:", "predictions": None, "wanted": step.n}

    def _verify(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        good = [c for c in self.waiting if draw(st.integers(0, 3))]
        bad = sorted({*self.waiting} - {*good})
        self.passed += good
        self.refused |= {*bad}
        return {"passed": good, "refused": bad, "verdicts": digest([step.round, step.attempt]), "skipped": [["a", "b"]]}

    def _order(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        left = self.problem.budget.assays - self.ordered
        placed = [[c, self.tries.get(c, 0) + 1] for c in self.passed[:left]]
        for candidate, replicate in placed:
            assert candidate not in self.refused
            assert candidate not in self.measured
            assert replicate <= MAX_REPLICATES
            self.tries[candidate] = replicate
        self.ordered += len(placed)
        return {"orders": placed}

    def _read(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        results = []
        for candidate in state.current.ordered or {}:
            if draw(st.integers(0, 4)):
                self.measured[candidate] = value = draw(st.floats(0, 9, width=16))
                results.append([candidate, value, None, "=", None])
            else:
                results.append([candidate, None, None, "=", "sample-lost"])
        self.passed = []
        return {"results": results, "frames": []}

    def _closing(self, step: Step, state: State, draw: Any) -> dict[str, Any]:
        return {"reason": "budget spent"} if step.name == "finish" else {"n": len(self.done)}


def campaign(task: Problem, size: int, draw: Any) -> Iterator[tuple[Step, Steps, State, Reference]]:
    """Steps until there is none, each with all so far; fails when it does not end."""
    world, steps, state = Reference(task, size), [], State()
    most = 4 + sum(2 * MAX_ATTEMPTS + 2 for _ in range(task.budget.rounds + 1)) + len(closing_steps(task))
    while (step := next_step(task, state)) is not None:
        outcome = world.answer(step, state, draw)
        body = {"step": step.name, "round": step.round, "attempt": step.attempt, "key": step.key("c")}
        steps.append((body, outcome))
        world.done.append(body["key"])
        state = apply(state, body, outcome)
        yield step, steps, state, world
        assert len(steps) <= most, "it does not come to an end"


PROBLEMS = st.builds(
    problem,
    st.builds(Budget, st.integers(1, 5), st.integers(1, 4), st.integers(0, 4)),
    st.sampled_from(["replay", "manual", "simulated"]),
    st.sampled_from([0, 3]),
)


@settings(max_examples=100, deadline=None)
@given(PROBLEMS, st.integers(1, 25), st.data())
def test_every_campaign_keeps_its_promises(task: Problem, size: int, data: st.DataObject) -> None:
    """It ends; no step comes twice; the budget holds; what the fold says is what the reference says."""
    names = []
    for step, _, state, world in campaign(task, size, data.draw):
        names.append(step.name)
        assert len(set(world.done)) == len(world.done), f"{step} was done before"
        assert state.ordered == world.ordered <= task.budget.assays
        assert {m.candidate: m.value for m in state.measured} == world.measured
        assert state.tries == world.tries
        assert world.refused <= state.refused
        assert not state.refused & world.measured.keys()
        if step.name == "propose":
            assert not {*world.waiting} & {*state.refused, *world.measured}
    assert state.stopped == "budget spent"
    assert names[-len(closing_steps(task)) - 1 :] == [*closing_steps(task), "finish"]
    assert next_step(task, state) is None


@settings(max_examples=40, deadline=None)
@given(PROBLEMS, st.integers(1, 25), st.data())
def test_any_prefix_folds_to_the_state_it_had(task: Problem, size: int, data: st.DataObject) -> None:
    """fold(prefix), then the rest one by one, is fold(all): a process that resumes sees what the first one saw."""
    *_, last = campaign(task, size, data.draw)
    steps, whole = last[1], last[2]
    cut = data.draw(st.integers(0, len(steps)))
    resumed = fold(steps[:cut])
    for body, outcome in steps[cut:]:
        assert next_step(task, resumed).name == body["step"]
        resumed = apply(resumed, body, outcome)
    assert resumed == whole == fold(steps)
    assert state_digest(task, resumed) == state_digest(task, whole)


@settings(max_examples=40, deadline=None)
@given(PROBLEMS, st.integers(1, 25), st.data())
def test_the_digest_sees_what_counts_and_nothing_else(task: Problem, size: int, data: st.DataObject) -> None:
    """A changed result, verdict or order changes it; predictions and keys do not."""
    *_, last = campaign(task, size, data.draw)
    steps, whole = last[1], last[2]
    named = state_digest(task, whole)
    foretold = [
        (body, {**outcome, "predictions": "b3:other"} if body["step"] == "propose" else outcome)
        for body, outcome in steps
    ]
    assert state_digest(task, fold(foretold)) == named
    at = data.draw(st.sampled_from([i for i, (body, _) in enumerate(steps) if body["step"] in _CHANGED]))
    body, outcome = steps[at]
    changed = [*steps[:at], (body, _CHANGED[body["step"]](outcome)), *steps[at + 1 :]]
    if changed[at][1] != outcome:
        assert state_digest(task, fold(changed)) != named
    assert state_digest(replace(task, seed=2), whole) != named


_CHANGED = {
    "verify": lambda o: {**o, "verdicts": "b3:other"},
    "read": lambda o: {**o, "results": [[r[0], 99.0, None, "=", None] for r in o["results"]]},
    "finish": lambda o: {**o, "reason": "stopped"},
}
