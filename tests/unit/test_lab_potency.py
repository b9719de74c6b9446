"""Potencies: conversion, Cheng-Prusoff, replicates and the minimum significant ratio."""

import time

import numpy as np
import pytest
from scipy import stats

from dure.base.errors import BadInput
from dure.lab.potency import (
    Concentration,
    cheng_prusoff,
    combine,
    combine_groups,
    flip,
    msr_control,
    msr_paired,
    to_concentration,
    to_p,
)

ONE = Concentration(1, "umol/L")


def test_logarithms_turn_the_censoring_round():
    p, qualifier = to_p([10_000, 1, 50], [">", "<", "="], "nmol/L")
    assert p == pytest.approx([5, 9, 7.30103], abs=1e-6)
    assert qualifier.tolist() == ["<", ">", "="]
    assert flip(flip(["<", "=", ">"])).tolist() == ["<", "=", ">"]


def test_units_of_concentration():
    assert to_p([10.0], ["="], "umol/L")[0][0] == 5.0
    assert to_concentration([5.0], "umol/L") == pytest.approx([10.0])
    with pytest.raises(BadInput, match="cannot be converted"):
        to_p([1.0], ["="], "mg/mL")


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_no_logarithm_of_nothing(value):
    with pytest.raises(BadInput, match="no logarithm"):
        to_p([1.0, value], ["=", "="], "nmol/L")


def test_cheng_prusoff_halves_ki_at_km():
    at_km = cheng_prusoff([7.0], substrate=Concentration(10, "umol/L"), km=Concentration(10_000, "nmol/L"))
    assert at_km == pytest.approx([7 + np.log10(2)])


@pytest.mark.parametrize(
    ("substrate", "km"), [(None, None), (Concentration(1, "umol/L"), None), (None, Concentration(1, "umol/L"))]
)
def test_no_ki_without_the_assays_conditions(substrate, km):
    with pytest.raises(BadInput, match="without"):
        cheng_prusoff([7.0], substrate=substrate, km=km)


def test_no_ki_with_impossible_conditions():
    with pytest.raises(BadInput, match="Km must be above"):
        cheng_prusoff([7.0], substrate=Concentration(1, "umol/L"), km=Concentration(0, "umol/L"))


def test_exact_replicates_give_the_geometric_mean_and_students_interval():
    p = [6.9, 7.0, 7.2]
    found = combine(p)
    low, high = stats.t.interval(0.95, 2, np.mean(p), stats.sem(p))
    assert (found.value, found.sd, found.n, found.censored) == (
        pytest.approx(np.mean(p)),
        pytest.approx(np.std(p, ddof=1)),
        3,
        0,
    )
    assert (found.lower, found.upper) == (pytest.approx(low), pytest.approx(high))
    assert 10**-found.value == pytest.approx(stats.gmean(10 ** -np.array(p)))


def test_one_replicate_has_no_spread():
    found = combine([7.0])
    assert (found.value, found.qualifier, found.n) == (7.0, "=", 1)
    assert np.isnan([found.sd, found.se, found.lower]).all()


@pytest.mark.parametrize(("signs", "value", "qualifier"), [("<<", 5.0, "<"), (">>", 5.3, ">")])
def test_censored_replicates_keep_the_tightest_bound(signs, value, qualifier):
    found = combine([5.0, 5.3], list(signs))
    assert (found.value, found.qualifier, found.censored) == (value, qualifier, 2)


def test_mixed_replicates_follow_the_likelihood():
    p, signs, sd = np.array([5.1, 5.2, 5.0]), ["=", "=", "<"], 0.2
    grid = np.linspace(4, 6, 200_001)
    likelihood = stats.norm.logpdf(5.1, grid, sd) + stats.norm.logpdf(5.2, grid, sd) + stats.norm.logcdf(5.0, grid, sd)
    found = combine(p, signs, assay_sd=sd)
    assert found.value == pytest.approx(grid[np.argmax(likelihood)], abs=1e-4)
    assert found.value < 5.15
    curvature = np.gradient(np.gradient(likelihood, grid), grid)[np.argmax(likelihood)]
    assert found.se == pytest.approx(1 / np.sqrt(-curvature), rel=1e-3)
    assert (found.qualifier, found.n, found.censored) == ("=", 3, 1)


@pytest.mark.parametrize(
    ("p", "signs", "discordant"),
    [
        ([6.0, 6.5], "==", False),
        ([6.0, 6.51], "==", True),
        ([6.0, 5.0], "=<", True),
        ([5.4, 5.0], "=<", False),
        ([6.0, 7.0], "=>", True),
        ([6.0, 5.0], "><", True),
        ([5.0, 6.0], "><", False),
        ([4.0, 6.0], "<<", False),
    ],
)
def test_contradicting_replicates_are_told(p, signs, discordant):
    assert bool(combine(p, list(signs)).discordant) is discordant


def test_groups_are_the_same_as_one_by_one_and_order_free():
    rng = np.random.default_rng(0)
    keys, p = rng.integers(0, 40, 200).tolist(), rng.normal(6, 0.2, 200)
    signs = rng.choice(["=", "=", "<", ">"], 200)
    grouped = combine_groups(keys, p, signs)
    order = rng.permutation(200)
    shuffled = combine_groups([keys[i] for i in order], p[order], signs[order])
    for key in set(keys):
        at = [i for i, k in enumerate(keys) if k == key]
        assert repr(grouped[key]) == repr(combine(p[at], signs[at]))
        assert shuffled[key].value == pytest.approx(grouped[key].value)


def test_a_hundred_thousand_values_are_grouped_quickly():
    p = np.random.default_rng(0).normal(6, 1, 100_000)
    keys = [f"key {i // 2 if i < 4000 else i}" for i in range(100_000)]
    start = time.process_time()
    assert len(combine_groups(keys, p, np.full(100_000, "="))) == 98_000
    assert time.process_time() - start < 3


def test_minimum_significant_ratio_of_a_reference_compound():
    # Eastwood et al. 2006: an sd of 0.17 log units means that ratios below about 3 are noise
    p = 7 + 0.17 * np.array([-1, 1]) / np.sqrt(2)
    assert msr_control(p) == pytest.approx(10 ** (2 * np.sqrt(2) * 0.17))
    assert msr_control(p) == pytest.approx(3.026, abs=0.01)
    assert np.isnan(msr_control([7.0]))


def test_minimum_significant_ratio_of_two_runs():
    rng = np.random.default_rng(4)
    truth = rng.uniform(5, 9, 20_000)
    first, second = (truth + rng.normal(0, 0.15, truth.shape) for _ in range(2))
    msr, ratio = msr_paired(first, second + 0.1)
    assert msr == pytest.approx(10 ** (2 * np.sqrt(2) * 0.15), rel=0.03)
    assert ratio == pytest.approx(10**-0.1, rel=0.02)
    assert np.isnan(msr_paired([1.0], [1.0])[0])
    with pytest.raises(ValueError, match="first run"):
        msr_paired([1.0], [1.0, 2.0])
