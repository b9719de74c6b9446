"""Genomic prediction on simulated families, which prove nothing biological: equations, folds, filters, refusals."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cards import left_in_english

from dure.base.errors import BadInput
from dure.fields.agrifood import genomic, relationship, spectra


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def simulated(families=30, sibs=8, markers=300, heritability=0.6, seed=0):
    """Full-sib families of unrelated parents, markers in blocks of linkage; trait of 60 loci and an environment."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.1, 0.5, markers)
    parents = rng.random((families, 2, 2, markers)) < frequency
    block = np.arange(markers) // 10
    rows = []
    for family in range(families):
        for _ in range(sibs):
            picks = rng.integers(0, 2, size=(2, block.max() + 1))[:, block]
            rows.append(sum(np.where(picks[p], parents[family, p, 1], parents[family, p, 0]) for p in range(2)))
    dosage = np.array(rows, dtype=float)
    effects = np.where(rng.permutation(markers) < 60, rng.normal(size=markers), 0.0)
    genetic = dosage @ effects
    genetic = (genetic - genetic.mean()) / genetic.std()
    noise = rng.normal(scale=np.sqrt(1 / heritability - 1), size=len(genetic))
    environment = np.array(["A", "B"])[rng.integers(0, 2, len(genetic))]
    trait = genetic + noise + 3.0 * (environment == "B")
    family = np.array([f"fam-{i // sibs:02d}" for i in range(len(genetic))])
    return dosage, trait, family, environment


def table_of(dosage, trait, family, environment):
    sink = io.BytesIO()
    columns = {f"m{i}": dosage[:, i] for i in range(dosage.shape[1])}
    table = pa.table(
        {"row": np.arange(len(trait)), **columns, "trait": trait, "family": family, "environment": environment}
    )
    pq.write_table(table, sink)
    return sink.getvalue()


def test_gblup_solves_hendersons_equations():
    """Marker effects by ridge regression at the same ratio of variances are the same model."""
    dosage, trait, _, environment = simulated(families=15)
    found = relationship.filters(dosage)
    z = relationship.centred(dosage[:, found.kept], found.frequency[found.kept])
    fixed = np.column_stack([np.ones(len(trait)), environment == "B"])
    mixed = relationship.gblup(z, fixed, trait)
    level = np.trace(z @ z.T) / len(z)
    ratio = (1 - mixed.heritability) * level / mixed.heritability
    top = np.hstack([fixed.T @ fixed, fixed.T @ z])
    bottom = np.hstack([z.T @ fixed, z.T @ z + ratio * np.eye(z.shape[1])])
    solved = np.linalg.solve(np.vstack([top, bottom]), np.concatenate([fixed.T @ trait, z.T @ trait]))
    np.testing.assert_allclose(np.concatenate([mixed.effects, mixed.u]), solved, atol=1e-6)
    assert mixed.effects[1] == pytest.approx(3.0, abs=0.5)


@pytest.mark.parametrize("heritability", [0.2, 0.8])
def test_reml_finds_the_heritability_that_was_simulated(heritability):
    found = []
    for seed in range(4):
        dosage, trait, _, environment = simulated(families=50, heritability=heritability, seed=seed)
        kept = relationship.filters(dosage)
        z = relationship.centred(dosage[:, kept.kept], kept.frequency[kept.kept])
        found.append(
            relationship.gblup(z, np.column_stack([np.ones(len(trait)), environment == "B"]), trait).heritability
        )
    assert np.mean(found) == pytest.approx(heritability, abs=0.15)


def test_the_profile_interval_holds_the_heritability_and_no_accuracy_is_told_where_there_is_none():
    """Traits of pure noise: r/sqrt(h2) would be any number at all."""
    held = []
    for seed in range(12):
        dosage, trait, _, environment = simulated(families=30, heritability=0.5, seed=seed)
        kept = relationship.filters(dosage)
        z = relationship.centred(dosage[:, kept.kept], kept.frequency[kept.kept])
        fixed = np.column_stack([np.ones(len(trait)), environment == "B"])
        low, high = relationship.gblup(z, fixed, trait).interval
        held.append(low <= 0.5 <= high)
    assert sum(held) >= 10
    noise = relationship.gblup(z, fixed, np.random.default_rng(0).normal(size=len(z)))
    assert noise.interval[0] == 0.0
    told = genomic._heritable(noise, {"GBLUP": 0.1, "structure only": 0.0})
    assert [row["figure"]["en"] for row in told] == ["heritability h² (REML)"]
    assert "includes values about 0" in told[0]["note"]["en"]
    [row] = genomic._heritable(relationship.Mixed(np.zeros(1), np.zeros(1), 0.3, (0.1, 0.6)), {"GBLUP": 0.9})
    assert "not determined" in row["note"]["en"]


def test_bayesian_ridge_is_that_of_all_markers():
    from sklearn.linear_model import BayesianRidge

    dosage, trait, _, _ = simulated(families=15)
    found = relationship.filters(dosage)
    z = relationship.centred(dosage[:, found.kept], found.frequency[found.kept])
    ones = np.ones((len(trait), 1))
    whole = BayesianRidge(fit_intercept=False, tol=1e-8, max_iter=5000).fit(z, trait - trait.mean()).coef_
    weights = relationship.bayesian_ridge(z, ones, trait)[1]
    assert np.corrcoef(z @ weights, z @ whole)[0, 1] > 0.999
    np.testing.assert_allclose(z @ weights, z @ whole, atol=0.05 * np.std(z @ whole))


def test_an_environment_that_lies_in_one_fold_is_left_out_of_the_figures():
    dosage, trait, family, environment = simulated(families=30, sibs=5, markers=1000, heritability=0.8)
    found = relationship.filters(dosage)
    z = relationship.centred(dosage[:, found.kept], found.frequency[found.kept])
    sets = relationship.kin(family, z @ z.T)
    fold = spectra.group_folds(sets.astype(str), genomic.FOLDS, 1)
    environment = np.where(np.isin(sets, np.unique(sets[fold == 2])), "C", environment)
    out = genomic.train({"table": table_of(dosage, trait, family, environment)}, {}, 1, lambda share, what: None)
    card = json.loads(out["card"])
    assert left_in_english("agrifood", card) == []
    left = (environment == "C").sum()
    assert card["calibration"]["individuals"] == len(trait) - left
    assert 0.3 < card["metrics"][0]["value"] < 1


def test_an_environment_of_one_family_is_refused():
    dosage, trait, family, environment = simulated(families=30, sibs=5, markers=1000)
    alone = np.where(family == family[0], "C", environment)
    with pytest.raises(BadInput, match="environment C"):
        genomic.train({"table": table_of(dosage, trait, family, alone)}, {}, 1, lambda share, what: None)


def test_filters_take_rare_missing_and_unlikely_markers():
    rng = np.random.default_rng(0)
    dosage = rng.binomial(2, 0.3, size=(300, 6)).astype(float)
    dosage[:, 0] = 0.0
    dosage[:5, 0] = 1.0
    dosage[:60, 1] = np.nan
    dosage[:, 2] = np.where(rng.random(300) < 0.5, 1.0, dosage[:, 2])
    dosage[:, 3] = 1.0  # everybody heterozygous: no Hardy-Weinberg proportions
    found = relationship.filters(dosage)
    assert found.kept.tolist()[:2] == [False, False]
    assert not found.kept[3]
    assert (found.rare, found.lost) == (1, 1)
    assert found.kept[4:].all()


def test_hardy_weinberg_is_not_asked_of_inbred_lines():
    rng = np.random.default_rng(1)
    lines = 2.0 * rng.binomial(1, 0.4, size=(200, 50))
    found = relationship.filters(lines)
    assert found.inbreeding > 0.9
    assert found.unlikely == 0
    assert found.kept.all()


def test_relatives_are_never_in_two_folds_even_under_other_names():
    dosage, _, family, _ = simulated(families=12, sibs=6)
    hidden = np.array([f"only-{i}" for i in range(len(family))])
    found = relationship.filters(dosage)
    z = relationship.centred(dosage[:, found.kept], found.frequency[found.kept])
    g = z @ z.T
    sets = relationship.kin(hidden, g)
    close = (g >= relationship.CLOSE) & ~np.eye(len(g), dtype=bool)
    assert close.any()
    assert all(sets[i] == sets[j] for i, j in zip(*np.nonzero(close), strict=True))
    named = relationship.kin(family, g)
    assert all(len(set(named[family == name])) == 1 for name in set(family))


def test_a_table_trains_and_its_own_kind_is_predicted():
    # Of more markers fewer strangers look like kin.
    dosage, trait, family, environment = simulated(families=30, sibs=5, markers=1000, heritability=0.8)
    data = table_of(dosage, trait, family, environment)
    out = genomic.train({"table": data}, {}, 1, lambda share, what: None)
    card = json.loads(out["card"])
    ability = card["metrics"][0]
    assert ability["value"] <= card["metrics"][1]["value"] <= 1  # r / sqrt(h2) is the larger
    assert "level of the environment A" in card["domain"]["en"]
    assert set(ability["beside"]) == {"Bayesian ridge", "structure only"}
    assert 0.7 < card["calibration"]["coverage80"] < 0.9
    found = genomic.predict({"model": out["model"], "table": data}, {}, 1, lambda share, what: None)
    rows = pq.read_table(io.BytesIO(found["predictions"])).to_pylist()
    freed = trait - 3.0 * (environment == "B")
    assert np.corrcoef([r["value"] for r in rows], freed)[0, 1] > 0.7
    gone = dosage.copy()
    gone[0, : len(gone[0]) // 2] = -9
    found = genomic.predict({"model": out["model"], "table": table_of(gone, trait, family, environment)}, {}, 1, print)
    assert pq.read_table(io.BytesIO(found["predictions"])).to_pylist()[0]["why"] == "missing"


def test_too_few_individuals_or_families_are_refused():
    dosage, trait, family, environment = simulated(families=5, sibs=4)
    with pytest.raises(BadInput, match="too few"):
        genomic.own_herd(table_of(dosage, trait, family, environment))
    dosage, trait, family, environment = simulated(families=5, sibs=20)
    with pytest.raises(BadInput, match="sets of kin"):
        genomic.train({"table": table_of(dosage, trait, family, environment)}, {}, 1, print)


def test_a_marker_that_the_model_needs_must_be_there():
    dosage, trait, family, environment = simulated(families=40, sibs=3, markers=800)
    out = genomic.train({"table": table_of(dosage, trait, family, environment)}, {}, 1, lambda share, what: None)
    short = table_of(dosage[:, :10], trait, family, environment)
    with pytest.raises(BadInput, match="lacks the marker"):
        genomic.predict({"model": out["model"], "table": short}, {}, 1, print)
