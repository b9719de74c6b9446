"""Dose-response curves against independent references: published values, another optimiser, and simulated truth."""

import time

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dure.lab.curves import FLAGS, CurveSettings, fit_curve

DOSES = 1e-5 / 10 ** (0.5 * np.arange(10))

# Inderjit, Streibig & Olofsdotter (2002): root length of perennial ryegrass (cm) against ferulic acid (mM), as shipped
# with the R package drc (data set `ryegrass`). Ritz et al., PLoS ONE 10, e0146021 (2015) fit LL.4() to it:
# b 2.98222, c 0.48141, d 7.79296, e 3.05795, standard errors 0.46506, 0.21219, 0.18857, 0.18573.
RYEGRASS_DOSE = np.repeat([0, 0.94, 1.88, 3.75, 7.5, 15, 30], [6, 3, 3, 3, 3, 3, 3])
RYEGRASS_LENGTH = np.array([
    7.58, 8.0, 8.3285714, 7.25, 7.375, 7.9625, 8.3555556, 6.9142857, 7.75, 6.8714286, 6.45, 5.9222222, 1.925, 2.8857143,
    4.2333333, 1.1875, 0.8571429, 1.0571429, 0.6875, 0.525, 0.825, 0.25, 0.22, 0.44,
])  # fmt: skip


def logistic(c, log_ic50, hill, bottom, top):
    return bottom + (top - bottom) / (1 + (10**log_ic50 / c) ** hill)


def simulated(rng, *, sd=5.0, log_ic50=None):
    truth = (log_ic50 or rng.uniform(-8.5, -6.5), rng.uniform(0.8, 1.6), rng.uniform(-5, 5), rng.uniform(92, 105))
    return truth, logistic(DOSES, *truth) + rng.normal(0, sd, len(DOSES))


def test_ryegrass_agrees_with_the_r_package_drc():
    # Lengths fall with the dose; turned round they rise. drc takes the observed Hessian, hence 2 % on the errors.
    settings = CurveSettings(bottom=(-20, -5), top=(-3, 3), hill=(0.3, 10), half=-4)
    curve = fit_curve(RYEGRASS_DOSE, -RYEGRASS_LENGTH, settings)
    e = 10**curve.log_ic50
    assert [curve.hill, -curve.top, -curve.bottom, e] == pytest.approx([2.98222, 0.48141, 7.79296, 3.05795], abs=2e-5)
    errors = [curve.hill_se, curve.top_se, curve.bottom_se, curve.se * np.log(10) * e]
    assert errors == pytest.approx([0.46506, 0.21219, 0.18857, 0.18573], rel=0.02)


def test_parameters_and_errors_agree_with_another_optimiser():
    rng = np.random.default_rng(7)
    for _ in range(50):
        truth, y = simulated(rng)
        curve = fit_curve(DOSES, y)
        found, covariance = curve_fit(logistic, DOSES, y, p0=truth, maxfev=20_000)
        if curve.flags:
            continue
        assert [curve.log_ic50, curve.hill, curve.bottom, curve.top] == pytest.approx(found, rel=1e-3, abs=1e-3)
        errors = [curve.se, curve.hill_se, curve.bottom_se, curve.top_se]
        assert errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=0.01)


def test_estimates_are_unbiased_and_their_intervals_cover_as_stated():
    rng = np.random.default_rng(1)
    errors, covered = [], []
    for _ in range(1000):
        truth, y = simulated(rng)
        curve = fit_curve(DOSES, y)
        assert curve.qualifier == "="
        errors.append(curve.log_ic50 - truth[0])
        covered.append(curve.lower <= truth[0] <= curve.upper)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))
    assert np.std(errors) < 0.12
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(("log_ic50", "qualifier", "bound"), [(-3.9, ">", -5.0), (-10.6, "<", -9.5)])
def test_an_ic50_outside_the_tested_range_is_censored_and_never_extrapolated(log_ic50, qualifier, bound):
    rng = np.random.default_rng(2)
    for _ in range(20):
        curve = fit_curve(DOSES, simulated(rng, log_ic50=log_ic50)[1])
        assert (curve.qualifier, curve.log_ic50) == (qualifier, pytest.approx(bound))
        assert np.isnan([curve.se, curve.lower, curve.upper, curve.hill]).all()


def test_no_response_is_above_the_highest_concentration():
    curve = fit_curve(DOSES, np.random.default_rng(0).normal(0, 4, len(DOSES)))
    assert (curve.qualifier, curve.log_ic50, curve.flags) == (">", pytest.approx(-5), ("no-response",))


def flags(y, **settings):
    return fit_curve(DOSES, np.asarray(y), CurveSettings(**settings)).flags


def test_each_flag_is_raised_by_what_it_names():
    clean = logistic(DOSES, -7, 1, 0, 100)
    rng = np.random.default_rng(3)
    raised = {
        "few-points": fit_curve(DOSES[:4], clean[:4]).flags,
        "no-response": flags(np.zeros(10)),
        "always-full": flags(np.full(10, 100.0)),
        "hill-at-bound": flags(logistic(DOSES, -7, 8, 0, 100)),
        "top-at-bound": flags(logistic(DOSES, -7, 1, 0, 160)),
        "bottom-at-bound": flags(logistic(DOSES, -7, 1, -60, 100)),
        "incomplete": flags(logistic(DOSES, -5.2, 1, 0, 100)),
        "bad-fit": flags(clean + rng.normal(0, 45, 10)),
        "wide-scatter": flags(np.array([2, 5, 20, 60, 95, 98, 90, 70, 40, 10.0])),
    }
    assert "wide-scatter" in raised["wide-scatter"]
    assert raised.keys() == FLAGS.keys()
    for flag, found in raised.items():
        assert flag in found
    assert flags(clean) == ()


def test_a_vehicle_well_counts_as_zero_concentration():
    y = logistic(DOSES, -7, 1.2, 3, 98)
    curve = fit_curve([*DOSES, 0.0], [*y, 3.0])
    assert [curve.log_ic50, curve.hill, curve.bottom, curve.top] == pytest.approx([-7, 1.2, 3, 98], abs=1e-4)


def test_order_and_missing_points_do_not_matter():
    rng = np.random.default_rng(5)
    y = simulated(rng)[1]
    order = rng.permutation(10)
    a, b = fit_curve(DOSES, y), fit_curve([*DOSES[order], 1e-6], [*y[order], np.nan])
    assert a.log_ic50 == pytest.approx(b.log_ic50, abs=1e-6)
    assert b.n == 10


@pytest.mark.parametrize(("c", "y"), [([1, 2], [1]), ([-1.0], [0.0]), ([np.inf], [0.0])])
def test_misuse_is_a_value_error(c, y):
    with pytest.raises(ValueError, match="concentrations"):
        fit_curve(c, y)


def test_a_plate_of_curves_takes_under_two_cpu_seconds():
    rng = np.random.default_rng(6)
    curves = [simulated(rng)[1] for _ in range(38)]  # 384 wells, ten concentrations
    start = time.process_time()
    for y in curves:
        fit_curve(DOSES, y)
    assert time.process_time() - start < 2
