"""The golden-batch alarm on simulated batches: how often it is wrong, what it finds, and which variable left first."""

from functools import cache

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, Parameter
from dure.fields.bioprocess import fedbatch, golden, twin

pytestmark = pytest.mark.slow

NORMAL = tuple(range(80000, 82500, 50))
FAULTY = tuple(range(90000, 90500, 50))


@cache
def envelope():
    return golden.envelope_of()


@cache
def normal():
    return golden.simulated(NORMAL)


@cache
def faulty(fault):
    return golden.simulated(FAULTY, fault)


def test_panels_of_the_alarm_are_apart():
    sets = [golden.LEARN, golden.CHECK, NORMAL, FAULTY]
    assert len({seed for one in sets for seed in one}) == sum(map(len, sets))


def test_at_most_one_percent_false_alarms_on_fifty_normal_batches():
    loud = envelope().alarms(normal()).any(axis=2)
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
    assert {name for _, name, _ in told} <= named
    assert min(hour for hour, _, _ in told) >= golden.ONSETS[fault][0] * twin.STEP - 1e-9


def test_a_batch_told_so_far_gives_the_alarms_of_the_whole_one():
    values = faulty(1)
    whole = envelope().alarms(values)
    np.testing.assert_array_equal(envelope().alarms(values[:, :600]), whole[:, :600])


@pytest.mark.parametrize("reading", [np.nan, np.inf])
def test_a_missing_reading_is_an_alarm_of_its_own_and_silences_nothing(reading):
    quiet = np.flatnonzero(~envelope().alarms(normal()).any(axis=(1, 2)))[:1]
    co2 = golden.VARIABLES.index("off-gas CO2")
    values = normal()[quiet].copy()
    values[0, 200, co2] = reading
    alarms = envelope().alarms(values)
    assert alarms.sum() == 1
    assert alarms[0, 200, co2]
    assert envelope().first(values) == [(pytest.approx(201 * twin.STEP), "off-gas CO2", "no reading")]
    # A fault that comes later is found in the variable that had the gap.
    late = faulty(1).copy()
    plain = envelope().alarms(late)
    late[:, 20, co2] = reading
    gapped = envelope().alarms(late)
    assert gapped[:, 20, co2].all()
    np.testing.assert_array_equal(gapped[:, 60:, co2], plain[:, 60:, co2])


def test_a_variable_that_is_never_read_alarms_all_the_time():
    values = normal()[:2].copy()
    values[:, :, 3] = np.nan
    assert envelope().alarms(values)[:, :, 3].all()


def test_an_envelope_holds_for_its_own_recipe_and_another_can_be_learnt():
    moved = {**dict.fromkeys(fedbatch.PHASES, 100.0), "discharge": 130.0, "water to 150 h": 50.0}
    space = BoxSpace([Parameter(name, **values) for name, values in fedbatch.PARAMETERS.items()])
    flows = fedbatch.flows_of(space.recipe(moved))
    others = golden.simulated(NORMAL[:10], flows=flows)
    assert envelope().alarms(others).any(axis=(1, 2)).all()
    own = golden.envelope_of(flows)
    assert own.alarms(others).any(axis=2).mean() <= 0.01
    assert own.alarms(others).any(axis=(1, 2)).sum() <= 1


def test_what_no_limit_can_be_read_from_or_held_to_is_refused():
    whole = np.zeros((50, 100, len(golden.VARIABLES)))
    with pytest.raises(BadInput, match="too few"):
        golden.learn(whole[:5], whole)
    with pytest.raises(BadInput, match="1 readings of the normal batches are missing"):
        golden.learn(whole, np.where(np.arange(whole.size).reshape(whole.shape) == 7, np.nan, whole))
    with pytest.raises(BadInput, match="not of batches, intervals and 9 variables"):
        golden.learn(whole[:, :, :4], whole)
    longer = np.concatenate([normal()[:1], normal()[:1, -1:]], axis=1)
    with pytest.raises(BadInput, match="the batch has 1151 intervals"):
        envelope().alarms(longer)
