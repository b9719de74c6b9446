"""The methylation clock: age transform, donors, folds, ridge, intervals, domain, and the recipe on the archive."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.archives import inputs, silent
from tests.cards import left_in_english

from dure.base.errors import BadInput
from dure.fields.brain import clock
from dure.fields.brain.methylation import (
    BANDS,
    band_errors,
    donors,
    folds_of,
    read_arrays,
    transformed,
    years,
)
from dure.fields.brain.ridge import choose, domain, fit, intervals, margins


def people(n=160, cpgs=300, seed=0):
    """Arrays with a donor's own pattern, age in a third of the CpGs, and a twin array for every fourth donor."""
    rng = np.random.default_rng(seed)
    age = np.round(np.concatenate([rng.uniform(-0.4, 0, n // 10), rng.uniform(0, 90, n - n // 10)]), 3)
    own = rng.normal(0, 0.03, (n, cpgs))
    slope = np.where(np.arange(cpgs) < cpgs // 3, rng.normal(0, 0.06, cpgs), 0.0)
    donor = np.concatenate([np.arange(n), np.arange(0, n, 4)])
    beta = 0.5 + transformed(age)[donor, None] * slope + own[donor] + rng.normal(0, 0.015, (len(donor), cpgs))
    return np.clip(beta, 0.01, 0.99), age[donor], donor


def test_transform_is_continuous_and_inverted():
    ages = np.array([-0.5, 0.0, 5.0, 19.999, 20.0, 20.001, 97.0])
    assert years(transformed(ages)) == pytest.approx(ages, abs=1e-9)
    assert transformed(np.array([20.0]))[0] == 0
    assert transformed(np.array([0.0]))[0] == pytest.approx(-np.log(21))
    assert transformed(np.array([41.0]))[0] == 1.0


def test_arrays_of_one_donor_are_found_and_no_others():
    beta, age, donor = people()
    found = donors(beta, age, threshold=0.3)
    same = found[:, None] == found[None, :]
    assert (same == (donor[:, None] == donor[None, :])).all()


def test_donors_need_equal_age():
    beta, age, _ = people()
    age = age + np.arange(len(age)) * 1e-3
    assert len(np.unique(donors(beta, age, threshold=0.3))) == len(age)


def test_folds_keep_groups_whole():
    _, _, donor = people()
    fold = folds_of(donor, 5, 3)
    assert all(len(set(fold[donor == one])) == 1 for one in np.unique(donor))
    assert set(fold) == set(range(5))


def test_band_errors_cover_everybody_once():
    _, age, _ = people()
    told = band_errors(age + 1, age)
    assert sum(told[name][1] for name in BANDS if name in told) == len(age)
    assert [value for value, _ in told.values()] == pytest.approx([1.0] * len(told))


def test_plain_ridge_is_the_textbook_one():
    from sklearn.linear_model import Ridge

    beta, age, _ = people()
    made = fit(beta, age, None, 0.01)
    x = (beta - beta.mean(axis=0)) / beta.std(axis=0) / np.sqrt(beta.shape[1])
    other = Ridge(alpha=0.01).fit(x, transformed(age))
    assert made.transformed(beta) == pytest.approx(other.predict(x), abs=1e-8)


def test_choice_never_sees_a_donor_that_it_predicts():
    """A CpG that names the donor and nothing else is worthless to folds that keep donors whole."""
    _, age, donor = people(seed=1)
    rng = np.random.default_rng(2)
    noise = np.clip(0.5 + 0.1 * rng.normal(size=(donor.max() + 1, 200))[donor], 0.01, 0.99)
    apart = choose(noise, age, donor, powers=(None,))
    leaking = choose(noise, age, np.arange(len(age)), powers=(None,))
    twins = np.isin(donor, donor[len(np.unique(donor)) :])
    error = [np.abs(years(c.held_out) - age)[twins].mean() for c in (apart, leaking)]
    assert error[0] > 1.5 * error[1]


def test_choose_refuses_few_arrays():
    beta, age, donor = people()
    with pytest.raises(BadInput, match="too few"):
        choose(beta[:20], age[:20], donor[:20])


def test_intervals_cover_what_they_say():
    rng = np.random.default_rng(0)
    truth = rng.uniform(-2, 3, 6000)
    guess = truth + rng.normal(0, 0.2, 6000)
    margin = margins(guess[:2000], years(truth[:2000]))
    bound = intervals(guess[2000:], margin)
    age = years(truth[2000:])[:, None]
    covered = ((bound[..., 0] <= age) & (age <= bound[..., 1])).mean(axis=0)
    assert covered == pytest.approx([0.8, 0.95], abs=0.03)


def test_domain_refuses_what_is_no_such_array():
    beta, _, donor = people()
    limits = domain(beta, donor)
    assert (limits.distance(beta) <= limits.limit).mean() > 0.95
    shuffled = beta[:, np.random.default_rng(0).permutation(beta.shape[1])]
    assert (limits.distance(np.clip(1 - shuffled * 1.4, 0, 1)) > limits.limit).all()


def test_a_broken_table_is_refused():
    with pytest.raises(BadInput, match="no table of methylation"):
        read_arrays(b"not gzip", "arrays")


def test_missing_cpgs_put_a_row_outside():
    beta, age, donor = people()
    names = [f"cg{i:08d}" for i in range(beta.shape[1])]
    table = pa.table(
        {"row": list(range(len(age))), "age": age, "donor": [f"D{d}" for d in donor]}
        | {name: beta[:, j] for j, name in enumerate(names)}
    )
    made = clock.train({"table": _parquet(table)}, {"quick": True}, 0, silent)
    rows = list(range(40))
    few = pa.table({"row": rows} | {name: beta[:40, j] for j, name in enumerate(names[: len(names) // 2])})
    whole = pa.table({"row": rows} | {name: beta[:40, j] for j, name in enumerate(names)})
    told = _predicted(made["model"], few)
    assert set(told["why"]) == {"missing-cpgs"}
    assert not any(told["inside"])
    told = _predicted(made["model"], whole)
    assert np.mean(told["inside"]) > 0.8
    assert all(inside == (why == "") for inside, why in zip(told["inside"], told["why"], strict=True))
    ends = np.array([told[name] for name in ("low95", "low80", "value", "high80", "high95")])
    assert (np.diff(ends, axis=0) >= 0).all()


def test_a_table_of_minors_alone_tells_nothing_of_adults():
    beta, age, donor = people()
    young = age < 18
    table = pa.table(
        {"row": np.arange(young.sum()), "age": age[young], "donor": [f"D{d}" for d in donor[young]]}
        | {f"cg{j:08d}": beta[young, j] for j in range(beta.shape[1])}
    )
    card = json.loads(clock.train({"table": _parquet(table)}, {"quick": True}, 0, silent)["card"])
    assert "coverage95" in card["calibration"]
    assert "adults" not in str(card["metrics"]) + str(card["calibration"])


def test_own_rows_with_a_hole_are_refused():
    table = pa.table({"row": [1], "age": [30.0], "donor": ["a"], "cg00000001": pa.array([None], pa.float64())})
    with pytest.raises(BadInput, match="lack a CpG"):
        clock.own_arrays(_parquet(table))


@pytest.mark.slow
def test_the_recipe_beats_its_baseline_on_held_out_donors():
    card = json.loads(clock.train(inputs(clock.CLOCK.reads), {}, 0, silent)["card"])
    assert left_in_english("brain", card) == []
    assert card["training"]["donors"] == 348
    assert "203 arrays of 191 inferred donors" in card["split"]
    told = {row["figure"]: row for row in card["metrics"]}
    for name, most, plain in (("MAE, all", 2.00, 2.04), ("MAE, adults", 2.51, 2.57)):
        assert told[name]["value"] < most
        assert told[name]["beside"]["ridge"] == pytest.approx(plain, abs=0.02)
        assert told[f"gain over ridge, {name[5:]}"]["value"] > 0
    # The known figures of ridge regression on the archive's own split, and on the one of likeness above .36.
    leaks = told["MAE, adults, split as shipped (leaks)"]["beside"]["ridge"]
    assert leaks == pytest.approx(2.43, abs=0.01)
    less = told["MAE, adults, split likeness above .36 (leaks less)"]
    assert less["beside"]["ridge"] == pytest.approx(2.51, abs=0.01)
    assert less["value"] < 2.51
    assert "28 test arrays" in less["note"]
    assert card["calibration"]["coverage80"] == pytest.approx(0.80, abs=0.03)
    assert card["calibration"]["coverage95"] == pytest.approx(0.95, abs=0.03)


def _predicted(model: bytes, table: pa.Table) -> dict[str, list]:
    told = clock.predict({"model": model, "table": _parquet(table)}, {}, None, silent)
    return pq.read_table(io.BytesIO(told["predictions"])).to_pydict()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
