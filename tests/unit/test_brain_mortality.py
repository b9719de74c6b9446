"""Survival analysis against lifelines, and the mortality recipe on NHANES."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.archives import inputs, read, silent
from tests.cards import left_in_english

from dure.base.errors import BadInput
from dure.fields.brain import mortality
from dure.fields.brain.survival import (
    auc,
    calibration,
    concordance,
    corrected_interval,
    cox,
    partial_likelihood,
    restricted_cubic,
)


def cohort(n=800, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    time = rng.exponential(1 / np.exp(x @ [0.8, -0.4, 0.0])) * 100 + 0.01
    end = rng.uniform(20, 300, n)
    return x, np.minimum(time, end), time <= end


def test_cox_agrees_with_lifelines():
    lifelines = pytest.importorskip("lifelines")
    x, time, dead = cohort()
    made = cox(x, time, dead)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "t": time, "d": dead})
    other = lifelines.CoxPHFitter().fit(frame, "t", "d")
    assert made.beta == pytest.approx(other.params_.to_numpy(), abs=1e-5)
    assert np.sqrt(np.diag(made.variance)) == pytest.approx(other.standard_errors_.to_numpy(), rel=1e-4)
    ours = made.risk(x[:5], 60.0)
    theirs = 1 - other.predict_survival_function(frame.iloc[:5], times=[60.0]).to_numpy()[0]
    assert ours == pytest.approx(theirs, abs=2e-3)


def test_penalty_shrinks_and_is_the_gradient_s_zero():
    x, time, dead = cohort()
    strong = cox(x, time, dead, 500.0)
    assert np.abs(strong.beta).sum() < np.abs(cox(x, time, dead).beta).sum()
    step = 1e-4
    for j in range(3):
        ends = []
        for sign in (-1, 1):
            beta = strong.beta + sign * step * np.eye(3)[j]
            ends.append(partial_likelihood(x @ beta, time, dead) - 250.0 * beta @ beta)
        assert abs(ends[1] - ends[0]) / (2 * step) < 1e-3


def test_a_feature_that_all_share_weighs_nothing():
    x, time, dead = cohort()
    x = np.insert(x, 1, 1.0, axis=1)
    made, other = cox(x, time, dead), cox(x[:, [0, 2, 3]], time, dead)
    assert made.beta[[0, 2, 3]] == pytest.approx(other.beta)
    assert made.beta[1] == 0
    assert made.risk(x, 60.0) == pytest.approx(other.risk(x[:, [0, 2, 3]], 60.0))


def test_concordance_agrees_with_lifelines_and_counts_within_strata():
    lifelines = pytest.importorskip("lifelines")
    x, time, dead = cohort(300)
    score = x[:, 0] + 0.3 * np.round(x[:, 1])
    assert concordance(score, time, dead) == pytest.approx(lifelines.utils.concordance_index(time, -score, dead))
    strata = (x[:, 2] > 0).astype(np.int64)
    both = [concordance(score[strata == k], time[strata == k], dead[strata == k]) for k in (0, 1)]
    assert min(both) <= concordance(score, time, dead, strata) <= max(both)


def test_auc_and_calibration_of_known_cases():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    risk = rng.uniform(0.02, 0.9, 40_000)
    event = rng.random(40_000) < risk
    assert auc(risk, event) == pytest.approx(roc_auc_score(event, risk))
    slope, intercept = calibration(risk, event)
    assert slope == pytest.approx(1, abs=0.03)
    assert intercept == pytest.approx(0, abs=0.03)
    assert calibration(risk**2, event)[0] < 0.75


def test_splines_are_straight_beyond_the_outer_knots():
    knots = np.array([1.0, 2.0, 4.0, 7.0])
    for edge in (np.linspace(-5, 1, 7), np.linspace(7, 20, 7)):
        basis = restricted_cubic(edge, knots)
        assert basis.shape == (7, 3)
        assert np.abs(np.diff(basis, n=2, axis=0)).max() < 1e-9


def test_corrected_interval_is_wider_than_the_naive_one():
    values = np.random.default_rng(0).normal(0.01, 0.02, 50)
    middle, low, high = corrected_interval(values, 5)
    assert middle == pytest.approx(values.mean())
    assert (high - low) > 3 * 2 * 1.96 * values.std(ddof=1) / np.sqrt(50)


def test_few_deaths_and_bad_rows_are_refused():
    x, time, dead = cohort(60)
    with pytest.raises(BadInput, match="too few"):
        cox(x, time, dead & (np.arange(60) < 5))
    rows = {name: [1.0] for name in ("age", *mortality.MARKERS)}
    with pytest.raises(BadInput, match="no sex"):
        mortality.predict({"model": _model(), "table": _parquet({"row": [1], "sex": ["x"], **rows})}, {}, None, silent)


def test_phenoage_ranks_as_published():
    people, months, dead = mortality.read_nhanes(read(*mortality.NHANES))
    assert (len(months), int(dead.sum())) == (4086, 1298)
    assert concordance(mortality.phenoage_score(people), months, dead) == pytest.approx(0.858, abs=0.0005)


def test_the_recipe_says_what_it_gains_and_where_it_may_be_used():
    made = mortality.train(inputs(mortality.MORTALITY.reads), {"quick": True}, 0, silent)
    card = json.loads(made["card"])
    assert left_in_english("brain", card) == []
    told = {row["figure"]: row for row in card["metrics"]}
    primary = told["C within ten years of age"]
    assert primary["value"] > primary["beside"]["age + sex"] + 0.03
    assert "no difference shown" in primary["note"]  # beside PhenoAge
    assert told["calibration slope at 10 years"]["value"] == pytest.approx(1, abs=0.1)
    people, _, _ = mortality.read_nhanes(read(*mortality.NHANES))
    rows = {name: people[name][:3].copy() for name in ("age", *mortality.MARKERS)}
    rows["crp"][1] = 590.0
    table = _parquet({"row": [1, 2, 3], "sex": ["male", "female", "male"], **rows})
    told = mortality.predict({"model": made["model"], "table": table}, {}, None, silent)
    found = pq.read_table(io.BytesIO(told["predictions"])).to_pydict()
    assert found["inside"] == [True, False, True]
    assert found["why"][1] == "range"
    ends = np.array([found[name] for name in ("low95", "low80", "value", "high80", "high95")])
    assert (np.diff(ends, axis=0) >= 0).all()
    assert (ends > 0).all()
    assert (ends < 1).all()


def test_folds_without_a_pair_are_left_out_and_counted():
    rng = np.random.default_rng(0)
    folds = {
        f"{f}/{m}": rng.normal(0.8, 0.01, 5) for f in mortality._TITLES for m in ("model", "PhenoAge", "age + sex")
    }
    folds["banded/PhenoAge"][2] = np.nan
    for model in ("model", "PhenoAge", "age + sex"):
        folds[f"banded men/{model}"] = np.full(5, np.nan)
        folds[f"banded women/{model}"][:3] = np.nan
    told = {row["figure"]: row for row in mortality._metrics(folds)}
    whole = told["C within ten years of age"]
    assert "less PhenoAge" in whole["note"].split("4 of 5 folds")[0]
    assert "nan" not in str(told)
    assert told["C within ten years of age, men"] == {
        "figure": "C within ten years of age, men",
        "value": None,
        "unit": "1",
        "beside": {},
        "note": "less PhenoAge: too few folds for an interval, 0 of 5 folds have a pair to count; "
        "less age + sex: too few folds for an interval, 0 of 5 folds have a pair to count",
    }
    women = told["C within ten years of age, women"]
    assert "interval +" not in women["note"]
    assert women["value"] == pytest.approx(0.8, abs=0.05)


def test_an_own_table_of_one_sex_is_trained_and_refuses_the_other():
    people, months, dead = mortality.read_nhanes(read(*mortality.NHANES))
    own = np.flatnonzero(people["male"] == 0)[:1200]
    rows = {name: people[name][own] for name in ("age", *mortality.MARKERS)}
    table = {"row": own, "sex": ["female"] * len(own), "months": months[own], "dead": dead[own].astype(float), **rows}
    table["person"] = [f"P{i}" for i in own]
    made = mortality.train({"table": _parquet(table)}, {"quick": True}, 0, silent)
    told = {row["figure"]: row for row in json.loads(made["card"])["metrics"]}
    assert told["C within ten years of age, men"]["value"] is None
    assert told["C within ten years of age, women"]["value"] > 0.6
    middle = {name: [float(np.median(values))] * 2 for name, values in rows.items()}
    asked = _parquet({"row": [1, 2], "sex": ["female", "male"], **middle})
    found = mortality.predict({"model": made["model"], "table": asked}, {}, None, silent)
    assert pq.read_table(io.BytesIO(found["predictions"]))["inside"].to_pylist() == [True, False]


def test_who_was_followed_for_too_short_is_refused_with_the_dead_of_that_time():
    rows = {name: [1.0, 1.0] for name in ("age", *mortality.MARKERS)}
    table = {
        "row": [1, 2],
        "sex": ["male"] * 2,
        "months": [60.0, 50.0],
        "dead": [0.0, 1.0],
        "person": ["a", "b"],
        **rows,
    }
    with pytest.raises(BadInput, match="less than ten years") as told:
        mortality.train({"table": _parquet(table)}, {}, 0, silent)
    assert "the dead among them too" in told.value.remedy


def _model() -> bytes:
    sink = io.BytesIO()
    np.savez(sink, nothing=np.zeros(1))
    return sink.getvalue()


def _parquet(columns) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()
