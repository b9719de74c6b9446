"""A recipe is whole numbers of steps, whatever unit it was written in."""

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, Parameter

BOX = BoxSpace([Parameter("temperature", 20, 60, 0.5, "Cel"), Parameter("feed", 0, 2, 0.1, "g/L")])


def test_equal_recipes_have_one_id():
    a = BOX.recipe({"temperature": 37.0, "feed": 0.3})
    b = BOX.recipe({"feed": 300.0001, "temperature": 37.1}, {"feed": "mg/L"})
    assert a.id == b.id
    assert BOX.values(b) == {"temperature": 37.0, "feed": 0.3}
    assert b.content == {"temperature": 34, "feed": 3}


def test_order_of_parameters_does_not_matter():
    other = BoxSpace(BOX.parameters[::-1])
    assert other.recipe({"feed": 1, "temperature": 30}).id == BOX.recipe({"temperature": 30, "feed": 1}).id


def test_the_step_beyond_the_upper_bound_is_no_step():
    assert Parameter("x", 0, 1, 0.3).steps == 3
    assert Parameter("x", 0, 1, 0.1).steps == 10
    assert Parameter("x", 1, 1, 0.1).steps == 0


def test_samples_spread_and_are_contained():
    drawn = BOX.sample(200, np.random.default_rng(0))
    assert len({c.id for c in drawn}) == 200
    assert all(map(BOX.contains, drawn))
    points = BOX.features(drawn)[0].matrix
    assert abs(points.mean() - 0.5) < 0.05
    assert points.min() >= 0
    assert points.max() <= 1


def test_a_small_space_is_given_whole():
    small = BoxSpace([Parameter("x", 0, 1, 0.5), Parameter("y", 0, 2, 1)])
    assert small.size == 9
    assert len({c.id for c in small.sample(50, np.random.default_rng(0))}) == 9


def test_neighbours_are_near_and_leave_the_parents_out():
    rng = np.random.default_rng(0)
    parent = BOX.recipe({"temperature": 40, "feed": 1})
    near = BOX.neighbours([parent], 100, rng)
    assert parent.id not in {c.id for c in near}
    assert all(map(BOX.contains, near))
    far = np.abs(BOX.features(near)[0].matrix - BOX.features([parent])[0].matrix).mean()
    assert far < 0.15
    assert BOX.neighbours([], 5, rng) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Parameter("x", 2, 1, 0.1), "no range"),
        (lambda: Parameter("x", 0, float("nan"), 0.1), "no range"),
        (lambda: Parameter("x", 0, 1, 0), "no range"),
        (lambda: Parameter("x", 0, 1, 0.1, "furlong/moon"), "not a unit"),
        (lambda: BoxSpace([]), "at least one"),
        (lambda: BoxSpace([Parameter("x", 0, 1, 1), Parameter("x", 0, 1, 1)]), "name of its own"),
        (lambda: BOX.recipe({"feed": 1}), "a recipe gives"),
        (lambda: BOX.recipe({"feed": 2.2, "temperature": 30}), "not between"),
    ],
)
def test_bad_boxes_are_refused(make, says):
    with pytest.raises(BadInput, match=says):
        make()


def test_foreign_candidates_are_not_contained():
    other = BoxSpace([Parameter("temperature", 20, 90, 0.5, "Cel"), Parameter("feed", 0, 2, 0.1, "g/L")])
    assert not BOX.contains(other.recipe({"temperature": 80, "feed": 1}))
