"""A campaign's state, a fold over its ledger events and nothing else; and the pure function that says what is next.

Nothing here reads a clock, a file or a database. `fold` takes the campaign's steps as the journal holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dure.base.canonical import digest
from dure.campaign.problem import Problem

MAX_ATTEMPTS = 8
"""How often a round proposes again for candidates that gates refused, before it goes on with what it has."""
VALUELESS = "simulation-"
"""How the reason begins of a design that has no value in the simulator, however often it is asked."""
MAX_REPLICATES = 2
"""How often a candidate whose assay failed is ordered again, the first time included."""


def worse_than(sign: float) -> str:
    """The qualifier of a value that says only how bad it is at least: `<` where more is better, `>` where less is."""
    return "<" if sign > 0 else ">"


@dataclass(frozen=True, slots=True)
class Measured:
    """One result: value and sd in the objective's unit; `failed` says why there is none.

    `slack` is how far inside each of the objective's constraints it lies, as a share of the bound; negative: broken.
    """

    candidate: str
    value: float | None
    sd: float | None
    qualifier: str
    failed: str | None = None
    slack: tuple[float, ...] = ()

    @classmethod
    def of(cls, row: Sequence[Any]) -> Measured:
        """A result as a step's outcome holds it."""
        return cls(*row[:5], *(tuple(slack) for slack in row[5:]))

    @property
    def violation(self) -> float:
        """By how much it breaks its constraints, all together; 0: not at all."""
        return sum(-slack for slack in self.slack if slack < 0)

    def bounded(self, sign: float) -> bool:
        """Whether it says only how bad it is at least."""
        return self.qualifier == worse_than(sign)


@dataclass(frozen=True)
class Round:
    """One turn of the wheel.

    Attributes:
        number: 1 for the first.
        proposals: candidate ids of each attempt.
        predictions: digest of what the strategy's model expected of them before they were read; None without a model.
        passed: ids that the ladder let through, in the order proposed.
        refused: ids that it did not.
        verdicts: digests of the verdict tables, one an attempt.
        skipped: checks that could not run, with why.
        ordered: candidate id -> replicate; None before the order.
        results: what was read; None before.
    """

    number: int
    proposals: tuple[tuple[str, ...], ...] = ()
    predictions: tuple[str | None, ...] = ()
    passed: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()
    verdicts: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    ordered: Mapping[str, int] | None = None
    results: tuple[Measured, ...] | None = None
    exhausted: bool = False

    @property
    def unverified(self) -> bool:
        return len(self.proposals) > len(self.verdicts)


@dataclass(frozen=True)
class State:
    """All rounds, and the outcomes of the closing steps by name."""

    rounds: tuple[Round, ...] = ()
    closed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def current(self) -> Round | None:
        return self.rounds[-1] if self.rounds else None

    @property
    def measured(self) -> list[Measured]:
        """All results with a value, in the order in which they were read."""
        return [m for r in self.rounds for m in (r.results or ()) if m.failed is None]

    @property
    def newest(self) -> dict[str, Measured]:
        """The result of each measured candidate; of one measured twice (its first assay failed, say) the newest."""
        return {m.candidate: m for m in self.measured}

    def ranked(self, sign: float) -> list[str]:
        """Measured candidates by their newest value, best first; ties by id.

        One that keeps all constraints stands before one that breaks any. A value that is only bounded from the better
        side (an inactive, `pIC50 < 5`) says nothing of how good it is, so it stands behind all others, however generous
        the bound.
        """
        order = {c: (m.violation, m.bounded(sign), -sign * (m.value or 0.0), c) for c, m in self.newest.items()}
        return sorted(order, key=order.__getitem__)

    @property
    def ordered(self) -> int:
        """How many assays were ordered."""
        return sum(len(r.ordered or ()) for r in self.rounds)

    @property
    def refused(self) -> frozenset[str]:
        """Ids that a gate refused, those whose simulation has no value, and those whose assay failed too often."""
        tries = self.tries
        failed = {m.candidate: m.failed for r in self.rounds for m in (r.results or ()) if m.failed is not None}
        for m in self.measured:
            failed.pop(m.candidate, None)
        spent = {c for c, why in failed.items() if tries[c] >= MAX_REPLICATES or why.startswith(VALUELESS)}
        return frozenset(spent).union(*(r.refused for r in self.rounds))

    @property
    def tries(self) -> dict[str, int]:
        """How often each candidate was ordered."""
        tries: dict[str, int] = {}
        for r in self.rounds:
            for candidate in r.ordered or ():
                tries[candidate] = tries.get(candidate, 0) + 1
        return tries


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next.

    Attributes:
        name: `propose`, `verify`, `order`, `read`, or a closing step.
        round: 0 for closing steps.
        attempt: of the round's proposals.
        n: how many candidates to propose.
    """

    name: str
    round: int = 0
    attempt: int = 0
    n: int = 0

    def key(self, campaign: str) -> str:
        """The step's name: done once, it is never done again."""
        return digest([campaign, self.name, self.round, self.attempt])


def closing_steps(problem: Problem) -> tuple[str, ...]:
    """What follows the last round, in order."""
    names = ["examine"] if problem.finalists.get("n") else []
    if problem.scored:
        names += ["unseal", "control"]
    elif problem.lab["driver"] == "simulated" and problem.controls.get("seeds"):
        names += ["control"]
    return (*names, "register", "deposit", "report")


def next_step(problem: Problem, state: State) -> Step | None:
    """The next step of a campaign in this state; None when it is finished."""
    if state.stopped:
        return None
    current = state.current
    if current is None:
        return Step("propose", 1, 1, problem.budget.size_of(1))
    if current.results is None:
        return _within(problem, state, current)
    left = problem.budget.assays - state.ordered
    n = min(problem.budget.size_of(current.number + 1), left)
    if n > 0 and not current.exhausted:
        return Step("propose", current.number + 1, 1, n)
    for name in closing_steps(problem):
        if name not in state.closed:
            return Step(name)
    return Step("finish")


def _within(problem: Problem, state: State, current: Round) -> Step:
    attempt = len(current.proposals)
    if current.unverified:
        return Step("verify", current.number, attempt)
    if current.ordered is not None:
        return Step("read", current.number)
    wanted = min(problem.budget.size_of(current.number), problem.budget.assays - state.ordered)
    missing = wanted - len(current.passed)
    if missing > 0 and not current.exhausted and attempt < MAX_ATTEMPTS:
        return Step("propose", current.number, attempt + 1, missing)
    return Step("order", current.number)


def fold(steps: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> State:
    """The state after these steps, each (event body, outcome)."""
    state = State()
    for body, outcome in steps:
        state = apply(state, body, outcome)
    return state


def apply(state: State, body: Mapping[str, Any], outcome: Mapping[str, Any]) -> State:
    """The state after one more step."""
    name = body["step"]
    if name == "propose":
        return _proposed(state, body["round"], outcome)
    if name == "verify":
        return _change(state, _verified, outcome)
    if name == "order":
        return _change(state, lambda r, o: replace(r, ordered=dict(o["orders"])), outcome)
    if name == "read":
        return _change(state, lambda r, o: replace(r, results=tuple(map(Measured.of, o["results"]))), outcome)
    if name in ("finish", "stop"):
        return replace(state, stopped=outcome["reason"], closed={**state.closed, name: outcome})
    return replace(state, closed={**state.closed, name: outcome})


def _proposed(state: State, number: int, outcome: Mapping[str, Any]) -> State:
    if not state.rounds or state.rounds[-1].number < number:
        state = replace(state, rounds=(*state.rounds, Round(number)))

    def change(r: Round, o: Mapping[str, Any]) -> Round:
        return replace(
            r,
            proposals=(*r.proposals, tuple(o["candidates"])),
            predictions=(*r.predictions, o["predictions"]),
            exhausted=len(o["candidates"]) < o["wanted"],
        )

    return _change(state, change, outcome)


def _verified(r: Round, outcome: Mapping[str, Any]) -> Round:
    return replace(
        r,
        passed=(*r.passed, *outcome["passed"]),
        refused=r.refused.union(outcome["refused"]),
        verdicts=(*r.verdicts, outcome["verdicts"]),
        skipped=tuple(sorted({*r.skipped, *(tuple(s) for s in outcome["skipped"])})),
    )


def _change(state: State, how: Any, outcome: Mapping[str, Any]) -> State:
    return replace(state, rounds=(*state.rounds[:-1], how(state.rounds[-1], outcome)))


def state_digest(problem: Problem, state: State) -> str:
    """The digest of all that two runs of one campaign must agree in.

    It covers problem, rounds, candidates, orders, measured evidence, gate verdicts and stop reason; it leaves out
    sequence, time, decisions, attempts, durations, host and predicted floats.
    """
    rounds = [
        {
            "number": r.number,
            "proposed": [list(ids) for ids in r.proposals],
            "passed": list(r.passed),
            "refused": sorted(r.refused),
            "verdicts": list(r.verdicts),
            "ordered": sorted((r.ordered or {}).items()),
            "results": [
                [m.candidate, m.value, m.sd, m.qualifier, m.failed, *([list(m.slack)] if m.slack else [])]
                for m in (r.results or ())
            ],
        }
        for r in state.rounds
    ]
    return digest({"problem": problem.digest, "rounds": rounds, "stopped": state.stopped})
