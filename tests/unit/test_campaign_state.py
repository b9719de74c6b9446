"""Steps, keys and the tables of states of everything that lives."""

from __future__ import annotations

import pytest

from dure.base.canonical import digest
from dure.base.errors import BadInput, Conflict
from dure.base.lifecycle import Lifecycle
from dure.campaign import journal
from dure.campaign.problem import Budget, Objective, Problem, campaign_id
from dure.campaign.state import MAX_ATTEMPTS, MAX_REPLICATES, Measured, Round, State, Step, closing_steps, next_step
from dure.data import datasets
from dure.lab import orders

A, B, C = (digest(name) for name in "ABC")
LIVING = {life.name: life for life in (orders.LIFECYCLE, datasets.LIFECYCLE, journal.LIFECYCLE)}
PAIRS = [(name, *pair) for name, life in LIVING.items() for pair in life.pairs()]


def problem(driver: str = "replay", **more: object) -> Problem:
    given = {
        "field": "baking",
        "name": None,
        "space": {},
        "objective": Objective("volume", "mL"),
        "ladder": {},
        "lab": {"driver": driver},
        "budget": Budget(2, 1, 1),
        "strategy": {"name": "dure"},
        "finalists": {},
        "controls": {},
        "seed": 1,
    }
    return Problem(**{**given, **more})


@pytest.mark.parametrize(("name", "state", "event", "after"), PAIRS, ids=lambda value: str(value))
def test_every_pair_of_state_and_event(name: str, state: str, event: str, after: str | None) -> None:
    life = LIVING[name]
    assert life.allowed(state, event) is (after is not None)
    if after is None:
        with pytest.raises(Conflict, match=f"{event} cannot happen to the {name} while it is {state}"):
            life.after(state, event)
    else:
        assert life.after(state, event) == after


@pytest.mark.parametrize("life", LIVING.values(), ids=LIVING)
def test_the_event_alone_says_where_it_leads(life: Lifecycle) -> None:
    """A projector writes the state after an event without knowing the one before."""
    for event in life.events:
        assert len({life.after(before, event) for before in life.before(event)}) == 1


def test_what_was_handed_over_cannot_be_handed_over_again() -> None:
    for state in ("running", "read", "accepted", "failed", "uncertain"):
        assert not orders.LIFECYCLE.allowed(state, "order.submitted")


def test_finished_campaigns_stay_finished() -> None:
    assert {"finished", "stopped"} == journal.LIFECYCLE.final


def test_a_campaign_begins_with_a_proposal_of_the_first_batch() -> None:
    assert next_step(problem(), State()) == Step("propose", 1, 1, 2)


def test_a_round_asks_again_for_what_was_refused_only() -> None:
    current = Round(1, proposals=((A, B),), predictions=(None,), passed=(A,), refused=frozenset({B}), verdicts=("v",))
    assert next_step(problem(), State((current,))) == Step("propose", 1, 2, 1)


def test_a_round_gives_up_after_so_many_attempts_and_orders_what_it_has() -> None:
    tries = tuple((digest(i),) for i in range(MAX_ATTEMPTS))
    current = Round(1, proposals=tries, predictions=(None,) * MAX_ATTEMPTS, passed=(A,), verdicts=("v",) * MAX_ATTEMPTS)
    assert next_step(problem(), State((current,))) == Step("order", 1)


def test_an_exhausted_space_is_not_asked_again() -> None:
    done = Round(1, ((A,),), (None,), (A,), verdicts=("v",), ordered={A: 1}, results=(_read(A),), exhausted=True)
    assert next_step(problem(), State((done,))) == Step("unseal")


def test_a_stopped_campaign_has_no_next_step() -> None:
    assert next_step(problem(), State(stopped="stopped by a person")) is None


def test_a_round_without_survivors_is_read_and_left() -> None:
    empty = Round(1, ((A,),), (None,), (), frozenset({A}), ("v",), ordered={}, results=(), exhausted=False)
    assert next_step(problem(), State((empty,))) == Step("propose", 2, 1, 1)


def test_a_failed_assay_may_be_repeated_once() -> None:
    first = Round(1, ((A, B),), (None,), (A, B), verdicts=("v",), ordered={A: 1, B: 1}, results=(_failed(A), _read(B)))
    assert State((first,)).refused == frozenset()
    again = Round(2, ((A,),), (None,), (A,), verdicts=("v",), ordered={A: 2}, results=(_failed(A),))
    assert State((first, again)).refused == frozenset({A})
    assert State((first, again)).tries[A] == MAX_REPLICATES


def test_a_candidate_that_was_read_at_last_is_not_refused() -> None:
    first = Round(1, ((A,),), (None,), (A,), verdicts=("v",), ordered={A: 1}, results=(_failed(A),))
    again = Round(2, ((A,),), (None,), (A,), verdicts=("v",), ordered={A: 2}, results=(_read(A),))
    assert State((first, again)).refused == frozenset()


def test_closing_steps_follow_what_can_be_known() -> None:
    assert closing_steps(problem("manual")) == ("register", "deposit", "report")
    assert closing_steps(problem(finalists={"n": 3}))[:3] == ("examine", "unseal", "control")


def test_a_step_is_named_by_campaign_name_round_and_attempt() -> None:
    keys = {Step(name, r, a).key(c) for name in ("propose", "verify") for r in (1, 2) for a in (1, 2) for c in (A, B)}
    assert len(keys) == 16
    assert Step("propose", 1, 1, 5).key(A) == Step("propose", 1, 1, 7).key(A)


def test_a_campaign_is_named_by_problem_seed_and_ordinal() -> None:
    names = {campaign_id(problem(seed=seed), ordinal) for seed in (1, 2) for ordinal in (1, 2)}
    assert len(names) == 4
    assert campaign_id(problem(), 1) == campaign_id(problem(), 1)


def test_the_seed_of_design_does_not_depend_on_the_laboratory() -> None:
    assert problem("replay").design_digest == problem("manual").design_digest
    assert problem("replay").digest != problem("manual").digest


@pytest.mark.parametrize(("budget", "sizes"), [(Budget(5, 2, 2), [5, 2, 2, 0]), (Budget(1, 1, 0), [1, 0])])
def test_batches_of_a_budget(budget: Budget, sizes: list[int]) -> None:
    assert [budget.size_of(i + 1) for i in range(len(sizes))] == sizes
    assert budget.assays == sum(sizes)


@pytest.mark.parametrize("wrong", [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_a_budget_without_assays_is_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(BadInput, match=r"budget\."):
        Budget(*wrong)


def test_a_problem_comes_back_from_its_description() -> None:
    first = problem()
    assert Problem.from_description(first.describe()).digest == first.digest


def _read(candidate: str) -> Measured:
    return Measured(candidate, 1.0, None, "=")


def _failed(candidate: str) -> Measured:
    return Measured(candidate, None, None, "=", "sample-lost")
