"""Plate quality: published formulae, effects that are put in and found, and each verdict by what causes it."""

import numpy as np
import pytest
from scipy import stats

from dure.lab.plate import SHAPES, Item, Layout, dilution, place, plan_plates
from dure.lab.quality import (
    QualityLimits,
    control_chart,
    cv,
    drift,
    edge_effect,
    judge_plate,
    residuals,
    robust_zprime,
    signal_to_background,
    signal_window,
    zprime,
)

HISTORY = 7 + 0.1 * np.array([-1, 1, -1, 1, -1, 1, -1, 1]) * np.sqrt(7 / 8)  # mean 7, sd 0.1


def controls(wells=96, seed=0):
    layout = Layout(dilution(10, 3, 10), "umol/L", wells=wells)
    plan = plan_plates([Item("o", "c", "n")], layout, np.random.default_rng(seed))
    plan = [w for w in plan if w.role in ("positive", "negative")]
    return [w.role for w in plan], np.array([place(w.well) for w in plan])


def readouts(roles, sd=2.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.where(np.array(roles) == "positive", 10.0, 110.0) + rng.normal(0, sd, len(roles))


def judged(values=None, *, wells=96, **options):
    roles, cells = controls(wells)
    values = readouts(roles) if values is None else values
    return judge_plate("P-01", values, roles, cells, SHAPES[wells], **options)


def test_zprime_is_zhangs_formula():
    positive, negative = [8, 10, 12], [90, 100, 110]  # sd 2 and 10, means 90 apart
    assert zprime(positive, negative) == pytest.approx(1 - 3 * (2 + 10) / 90)
    assert zprime([1, 1], [1, 1]) == -np.inf
    assert np.isnan(zprime([1], [2, 3]))


def test_the_robust_one_ignores_a_single_bad_well():
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(10, 2, 16), rng.normal(110, 2, 16)
    assert robust_zprime(positive, negative) == pytest.approx(zprime(positive, negative), abs=0.05)
    negative[3] = 20
    assert zprime(positive, negative) < 0.3
    assert robust_zprime(positive, negative) > 0.8
    mad = stats.median_abs_deviation(negative, scale="normal") + stats.median_abs_deviation(positive, scale="normal")
    assert robust_zprime(positive, negative) == pytest.approx(1 - 3 * mad / (np.median(negative) - np.median(positive)))


def test_signal_window_background_and_variation():
    positive, negative = [8, 10, 12], [90, 100, 110]
    assert signal_window(positive, negative) == pytest.approx((90 - 36) / 10)
    assert signal_to_background(positive, negative) == signal_to_background(negative, positive) == 10
    assert np.isnan(signal_to_background([-1, 1], [5, 6]))
    assert cv(negative) == pytest.approx(10)
    assert np.isnan(cv([1]))


@pytest.mark.parametrize("wells", [96, 384])
def test_an_edge_effect_that_is_put_in_is_found(wells):
    roles, cells = controls(wells)
    rows, columns = SHAPES[wells]
    edge = (cells[:, 0] % (rows - 1) == 0) | (cells[:, 1] % (columns - 1) == 0)
    values = readouts(roles, 2.0)
    assert abs(edge_effect(residuals(values, roles), cells, SHAPES[wells]).size) < 5
    found = edge_effect(residuals(values + 25 * edge, roles), cells, SHAPES[wells])
    assert found.size == pytest.approx(25, abs=6)
    assert found.p < 0.001
    rest = residuals(values + 25 * edge, roles)
    assert found.p == pytest.approx(stats.ttest_ind(rest[edge], rest[~edge], equal_var=False).pvalue)


@pytest.mark.parametrize("wells", [96, 384])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_drift_that_is_put_in_is_found_along_its_own_axis(wells, axis):
    roles, cells = controls(wells)
    shape = SHAPES[wells]
    values = readouts(roles, 2.0) + 30 * cells[:, axis] / (shape[axis] - 1)
    columns, rows = drift(residuals(values, roles), cells, shape)
    along, across = (columns, rows) if axis == 1 else (rows, columns)
    assert along.size == pytest.approx(30, abs=6)
    assert along.p < 1e-4
    assert abs(across.size) < 8


def test_tests_of_effects_are_calibrated():
    roles, cells = controls()
    p = []
    for seed in range(400):
        rest = residuals(readouts(roles, 5, seed), roles)
        columns, rows = drift(rest, cells, SHAPES[96])
        p.append([edge_effect(rest, cells, SHAPES[96]).p, columns.p, rows.p])
    assert np.mean(np.array(p) < 0.05, axis=0) == pytest.approx(0.05, abs=0.03)


def test_effects_that_cannot_be_judged_are_not_judged():
    inside = np.array([(2, c) for c in range(2, 10)])
    rest = np.random.default_rng(0).normal(size=8)
    assert np.isnan(edge_effect(rest, inside, SHAPES[96]).size)
    assert np.isnan(drift(rest, inside, SHAPES[96])[0].size)


def test_the_control_chart_follows_westgard():
    rules = [p.rule for p in control_chart([7.0, 7.25, 7.25, 6.75, 7.35, np.nan], HISTORY)]
    assert rules == ["", "1-2s", "2-2s", "1-2s", "1-3s", "1-3s"]
    point = control_chart([7.0], HISTORY)[0]
    assert (point.centre, point.sd) == (pytest.approx(7), pytest.approx(0.1))
    assert point.limits == pytest.approx((6.7, 7.3))
    assert control_chart([7.25], [*HISTORY[:-1], 7.5])[0].rule in ("", "1-2s")
    assert [p.rule for p in control_chart([0.0], HISTORY[:7])] == ["no-history"]


def test_the_last_plate_of_the_history_counts_for_two_in_a_row():
    history = [*np.tile([6.9, 7.1], 20), 7.3]
    assert control_chart([7.25], history)[0].rule == "2-2s"


def spread(z):
    """Readouts whose Z′ is exactly z."""
    roles, _ = controls()
    unit = np.tile([-1.0, 1.0], 4) * np.sqrt(7 / 8)
    values = np.empty(len(roles))
    for role, mean in (("positive", 10.0), ("negative", 110.0)):
        values[np.array(roles) == role] = mean + unit * (1 - z) * 100 / 6
    return values


@pytest.mark.parametrize(
    ("z", "verdict"), [(0.39, "refused"), (0.41, "flagged"), (0.49, "flagged"), (0.51, "accepted"), (0.9, "accepted")]
)
def test_zprime_decides(z, verdict):
    found = judged(spread(z), limits=QualityLimits(flag_signal_window=0))
    assert found.zprime == pytest.approx(z)
    assert found.verdict == verdict


def test_limits_are_settings():
    assert judged(spread(0.6), limits=QualityLimits(refuse_zprime=0.7)).verdict == "refused"


def test_each_refusal_and_flag_by_its_cause():
    roles, cells = controls()
    good = readouts(roles)
    some = np.where(np.cumsum(np.array(roles) == "negative") > 3, np.nan, good)
    edge = (cells[:, 0] % 7 == 0) | (cells[:, 1] % 11 == 0)
    refused = {
        "Z′ is -inf": judged(np.full(16, 5.0)),
        "control wells can be read": judged(some),
        "swapped": judged(good, falling=False),
        "out of control (1-3s)": judged(good, reference=control_chart([6.0], HISTORY)[0]),
        "gave no value": judged(good, reference=control_chart([np.nan], [])[0]),
    }
    flagged = {
        "Z′ is 0.45": judged(spread(0.45)),
        "signal window": judged(spread(0.1), limits=QualityLimits(refuse_zprime=-9)),
        "edge wells differ": judged(good + 25 * edge, limits=QualityLimits(refuse_zprime=-9)),
        "columns drift": judged(good + 3 * cells[:, 1], limits=QualityLimits(refuse_zprime=-9)),
        "rows drift": judged(good + 4 * cells[:, 0], limits=QualityLimits(refuse_zprime=-9)),
        "varies by": judged(spread(-0.6), limits=QualityLimits(refuse_zprime=-9)),
        "(1-2s)": judged(good, reference=control_chart([7.25], HISTORY)[0]),
        "not judged yet": judged(good, reference=control_chart([7.0], [])[0]),
    }
    for text, found in refused.items():
        assert found.verdict == "refused", text
        assert any(text in reason for reason in found.reasons), (text, found.reasons)
    for text, found in flagged.items():
        assert found.verdict == "flagged", (text, found.reasons)
        assert any(text in flag for flag in found.flags), (text, found.flags)
    assert judged(good, falling=True, reference=control_chart([7.0], HISTORY)[0]).verdict == "accepted"


def test_a_plate_without_any_readable_control_is_refused_without_a_warning():
    assert judged(np.full(16, np.nan)).verdict == "refused"
