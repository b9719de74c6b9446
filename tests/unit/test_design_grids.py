"""Strategies in recipes, schedules and under constraints: new, distinct, full, pure; and better than chance."""

from __future__ import annotations

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, Linear, Parameter, ScheduleSpace
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge
from dure.design.described import described_space
from dure.design.pool import PoolSpace
from dure.design.strategies import STRATEGIES, strategy
from dure.design.subset import SubsetSpace

NAMES = [name for name in STRATEGIES if name not in ("forest-greedy", "diverse")]
SPACES = {
    "recipe": BoxSpace([Parameter(name, 0, 1, 0.01) for name in "abc"], [Linear({"a": 1, "b": 1, "c": 1}, high=1.6)]),
    "schedule": ScheduleSpace([Parameter("feed", 0, 10, 0.5, "L/h")], 4, [Linear({"feed": 1.0}, low=8, high=24)]),
}


def told(space, candidates, value, slack=None, pending=()):
    points = space.lattice.unit(space.points(candidates))
    return Knowledge(
        tuple(candidates),
        value(points),
        np.full(len(points), np.nan),
        ("=",) * len(points),
        pending=tuple(pending),
        slack=slack(points) if slack else np.empty((0, 0)),
    )


def hill(points):
    return -((points - 0.3) ** 2).sum(axis=1)


@pytest.mark.parametrize("kind", SPACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_new_distinct_full_and_keeps_the_space(name, kind):
    space = SPACES[kind]
    drawn = space.sample(20, np.random.default_rng(1))
    state = told(space, drawn[:16], hill, pending=drawn[16:])
    for given in (state, Knowledge((), np.empty(0), np.empty(0), ())):
        asked = strategy(name).ask(space, given, 6, np.random.default_rng(3))
        assert len({c.id for c in asked}) == 6
        assert all(map(space.contains, asked))
        assert not {c.id for c in asked} & given.taken
        again = strategy(name).ask(space, given, 6, np.random.default_rng(3))
        assert [c.id for c in asked] == [c.id for c in again]


@pytest.mark.parametrize("name", ["dure", "gp-ei", "trust-region", "cma-es"])
def test_what_was_learnt_is_used(name):
    """After the same budget the best is nearer to the optimum than a Latin hypercube's, in the median of five seeds."""
    space = BoxSpace([Parameter(f"p{i}", 0, 1, 0.001) for i in range(4)])

    def best(chooser, seed):
        rng = np.random.default_rng(seed)
        known: list[Candidate] = []
        for _ in range(6):
            known += strategy(chooser).ask(space, told(space, known, hill), 8, rng)
        return told(space, known, hill).values.max()

    gain = [best(name, seed) - best("latin-hypercube", seed) for seed in range(5)]
    assert np.median(gain) > 0.003


@pytest.mark.parametrize("name", ["dure", "gp-ei", "trust-region", "cma-es"])
def test_constraints_that_only_a_reading_shows_are_learnt(name):
    """The best lies outside; what is asked for after some readings mostly keeps the constraint, close to its edge."""
    space = BoxSpace([Parameter(name, 0, 1, 0.002) for name in "ab"])

    def slack(points):
        return (0.8 - points.sum(axis=1))[:, None]

    rng = np.random.default_rng(2)
    known = space.sample(10, rng)
    for _ in range(6):
        state = told(space, known, lambda p: p.sum(axis=1), slack)
        known += strategy(name).ask(space, state, 6, rng)
    final = told(space, known, lambda p: p.sum(axis=1), slack)
    kept = final.violation == 0
    assert final.values[kept].max() > 0.74
    assert kept[-12:].sum() >= 3
    assert kept[final.order[0]]


def test_random_is_not_led_by_what_was_found():
    """Thousands of draws around a best design in a corner lie there no more often than anywhere else."""
    space = BoxSpace([Parameter(name, 0, 1, 0.001) for name in "ab"])
    corner = [space.recipe({"a": 0.01 * i, "b": 0.0}) for i in range(5)]
    state = told(space, corner, lambda p: -p.sum(axis=1))
    drawn = [c for seed in range(40) for c in strategy("random").ask(space, state, 25, np.random.default_rng(seed))]
    points = space.lattice.unit(space.points(drawn))
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.04
    assert (points < 0.1).all(axis=1).mean() < 0.02


def test_better_is_what_breaks_least():
    knowledge = Knowledge(
        (Candidate("x", {"n": 1}), Candidate("x", {"n": 2}), Candidate("x", {"n": 3})),
        np.array([9.0, 1.0, 2.0]),
        np.full(3, np.nan),
        ("=",) * 3,
        slack=np.array([[-0.1, 1.0], [0.0, 0.0], [0.5, 0.2]]),
    )
    assert knowledge.order.tolist() == [2, 1, 0]
    assert knowledge.violation.tolist() == pytest.approx([0.1, 0, 0])


def test_evolution_goes_on_where_it_stood():
    """What it asks next depends on all generations: told another first one, it asks for something else."""
    space = SPACES["recipe"]
    first, second = space.sample(8, np.random.default_rng(1)), space.sample(16, np.random.default_rng(2))[8:]
    one = strategy("cma-es").ask(space, told(space, first + second, hill), 8, np.random.default_rng(9))
    other = strategy("cma-es").ask(space, told(space, second + first, hill), 8, np.random.default_rng(9))
    assert [c.id for c in one] != [c.id for c in other]


@pytest.mark.parametrize("name", ["latin-hypercube", "trust-region", "cma-es"])
def test_a_pool_is_refused(name):
    pool = PoolSpace.of([Candidate("molecule", {"inchikey": "A"})])
    with pytest.raises(BadInput, match="searches recipes and schedules, no molecule"):
        strategy(name).ask(pool, Knowledge((), np.empty(0), np.empty(0), ()), 1, np.random.default_rng(0))


def test_a_tight_space_is_drawn_from_evenly():
    """Twelve shares that sum to one, near enough: hardly a draw within the bounds keeps that."""
    shares = [Parameter(f"s{i:02d}", 0, 1, 0.001) for i in range(12)]
    space = BoxSpace(shares, [Linear({p.name: 1.0 for p in shares}, low=0.97, high=1.03)])
    drawn = space.sample(300, np.random.default_rng(0))
    assert len({c.id for c in drawn}) == 300
    assert all(map(space.contains, drawn))
    points = space.lattice.unit(space.points(drawn))
    assert np.abs(points.mean(axis=0) - 1 / 12).max() < 0.025
    assert points.max() > 0.35


def test_an_impossible_space_names_the_constraints():
    knobs = [Parameter(name, 0, 1, 0.1) for name in "ab"]
    with pytest.raises(BadInput, match=r"space is empty.*3 <= 1 a \+ 1 b"):
        BoxSpace(knobs, [Linear({"a": 1, "b": 1}, low=3.0), Linear({"a": 1}, high=0.9)])
    with pytest.raises(BadInput, match=r"0\.41 <= 1 a <= 0\.49"):
        BoxSpace(knobs, [Linear({"a": 1}, low=0.41, high=0.49)])
    with pytest.raises(BadInput, match="field's own condition"):
        BoxSpace(knobs, allowed=lambda values: values["a"] > 2)
    with pytest.raises(BadInput, match="'c', which is no parameter"):
        BoxSpace(knobs, [Linear({"c": 1}, high=1)])


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"kind": "subset", "items": ["a", "b"], "most": 3}, "no subset of 2 items"),
        ({"kind": "subset", "items": ["a", "a"], "most": 1}, "twice"),
        ({"kind": "subset"}, "needs items"),
        ({"kind": "schedule", "phases": 0, "parameters": {"a": {"lower": 0, "upper": 1, "resolution": 1}}}, "0 phases"),
        ({"kind": "recipe", "parameters": {"a": {"lower": 0, "upper": 1}}}, "'a' is not understood"),
        ({"kind": "recipe", "parameters": {"a": {"lower": "0", "upper": 1, "resolution": 1}}}, "no number"),
        ({"kind": "spiral"}, "no kind of space"),
        (
            {"kind": "recipe", "linaer": [], "parameters": {"a": {"lower": 0, "upper": 1, "resolution": 1}}},
            "unknown key 'linaer'",
        ),
        (
            {
                "kind": "recipe",
                "parameters": {"a": {"lower": 0, "upper": 1, "resolution": 1}},
                "linear": [{"terms": {"a": 1}, "at_most": 2}],
            },
            "not understood",
        ),
    ],
)
def test_what_is_written_wrongly_is_named(table, what):
    with pytest.raises(BadInput, match=what):
        described_space(table)


def test_a_schedule_holds_sums_and_phases():
    feed = Parameter("feed", 0, 10, 1, "L/h")
    space = ScheduleSpace([feed], 3, [Linear({"feed": 1}, high=12), Linear({"feed@3": 1, "feed@1": -1}, low=0)])
    for candidate in space.sample(50, np.random.default_rng(0)):
        values = candidate.form["feed"]["values"]
        assert sum(values) <= 12
        assert values[2] >= values[0]


def test_subsets_are_near_their_parents():
    space = SubsetSpace([f"g{i}" for i in range(40)], 10)
    parent = space.subset([f"g{i}" for i in range(10)])
    near = space.neighbours([parent], 60, np.random.default_rng(0))
    shared = [len(set(c.content["items"]) & set(parent.content["items"])) for c in near]
    assert len(near) == 60
    assert np.median(shared) >= 8
    assert np.mean(shared) > 6.5
