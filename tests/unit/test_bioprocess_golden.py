"""The golden-batch alarm on simulated batches: how often it is wrong, what it finds, and which variable left first."""

from functools import cache

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.fields.bioprocess import golden, twin

pytestmark = pytest.mark.slow

NORMAL = tuple(range(80000, 82500, 50))
FAULTY = tuple(range(90000, 90500, 50))


@cache
def envelope():
    return golden.default_envelope()


@cache
def faulty(fault):
    return golden.simulated(FAULTY, fault)


def test_panels_of_the_alarm_are_apart():
    sets = [golden.LEARN, golden.CHECK, NORMAL, FAULTY]
    assert len({seed for one in sets for seed in one}) == sum(map(len, sets))


def test_at_most_one_percent_false_alarms_on_fifty_normal_batches():
    loud = envelope().alarms(golden.simulated(NORMAL)).any(axis=2)
    assert loud.mean() <= 0.01
    assert loud.any(axis=1).sum() <= 1  # batches, of 50


def test_at_least_four_fifths_of_five_faults_are_found():
    found = {fault: golden.found(envelope(), faulty(fault), fault).mean() for fault in range(1, 6)}
    assert np.mean(list(found.values())) >= 0.8, found
    assert min(found.values()) >= 0.8, found


@pytest.mark.parametrize(
    ("fault", "named"),
    [(1, {"off-gas CO2", "off-gas oxygen", "dissolved oxygen"}), (4, {"base", "pH"}), (5, {"coolant", "temperature"})],
)
def test_the_variable_that_left_first_is_one_that_the_fault_touches(fault, named):
    told = [told for told in envelope().first(faulty(fault)) if told]
    assert len(told) >= 8
    assert {name for _, name in told} <= named
    assert min(hour for hour, _ in told) >= golden.ONSETS[fault][0] * twin.STEP - 1e-9


def test_a_batch_told_so_far_gives_the_alarms_of_the_whole_one():
    values = faulty(1)
    whole = envelope().alarms(values)
    np.testing.assert_array_equal(envelope().alarms(values[:, :600]), whole[:, :600])


def test_a_model_comes_back_from_its_bytes():
    again = golden.from_bytes(golden.to_bytes(envelope()))
    np.testing.assert_array_equal(again.limits, envelope().limits)
    np.testing.assert_array_equal(again.half, envelope().half)


def test_too_few_normal_batches_are_refused():
    with pytest.raises(BadInput, match="too few"):
        golden.learn(np.zeros((5, 100, 9)), np.zeros((50, 100, 9)))
