"""The numbers against independent sources: scipy's distributions, simulation, and cases counted by hand."""

import math

import numpy as np
import pytest
import scipy.stats

from dure.campaign.statistics import (
    Hits,
    against_random,
    against_ranking,
    against_seeds,
    by_group,
    nearest_neighbour,
    noise_ceiling,
    quality,
    random_expectation,
    recall_under_noise,
    seed_band,
    stopping_curve,
    yield_of,
)


def pool(n: int, seed: int = 0, decimals: int | None = None) -> dict[str, float]:
    values = np.random.default_rng(seed).normal(8, 1, n)
    return {f"c{i:04}": float(v) for i, v in enumerate(values if decimals is None else values.round(decimals))}


@pytest.mark.parametrize(("size", "k"), [(976, 10), (2754, 28), (1000, 10), (50, 1), (1, 1)])
def test_the_top_percent_is_rounded_up(size, k):
    assert Hits.top_percent(pool(size)).k == k


def test_ties_at_the_threshold_are_all_eligible_and_the_count_is_capped():
    hits = Hits.best({"a": 9.0, "b": 8.0, "c": 8.0, "d": 8.0, "e": 7.0}, 2)
    assert (hits.threshold, hits.ids) == (8.0, {"a", "b", "c", "d"})
    assert [hits.found(m) for m in (["e"], ["b"], ["b", "d"], ["a", "b", "c", "d"])] == [0, 1, 2, 2]


def test_the_order_of_the_pool_does_not_matter():
    values = pool(200, decimals=1)
    assert Hits.best(values, 7) == Hits.best(dict(reversed(values.items())), 7)


def test_the_curve_counts_each_id_once():
    hits = Hits.best({"a": 3.0, "b": 2.0, "c": 1.0}, 2)
    assert hits.curve(["a", "a", "c", "b"]) == [0, 1, 1, 1, 2]


@pytest.mark.parametrize("values", [{}, {"a": math.nan}, {"a": math.inf}])
def test_hits_of_nothing_or_of_what_is_no_number_are_refused(values):
    with pytest.raises(ValueError, match="finite"):
        Hits.best(values, 1)


def test_random_expectation_is_the_hypergeometric_one():
    hits, assays = Hits.top_percent(pool(976)), [0, 50, 242, 976]
    band = random_expectation(hits, assays)
    law = [scipy.stats.hypergeom(976, 10, n) for n in assays]
    assert band.mean == pytest.approx([10 * n / 976 for n in assays], abs=1e-9)
    assert band.lower == tuple(d.ppf(0.025) for d in law)
    assert band.upper == tuple(d.ppf(0.975) for d in law)


def test_random_expectation_with_ties_agrees_with_simulation():
    values = pool(120, decimals=0)
    hits = Hits.best(values, 5)
    assert len(hits.ids) > 5
    rng, ids = np.random.default_rng(1), np.array(list(values))
    drawn = [hits.found(rng.choice(ids, 30, replace=False)) for _ in range(4000)]
    band = random_expectation(hits, [30])
    assert band.mean[0] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / math.sqrt(4000))


def test_seed_band_holds_percentiles_and_students_interval():
    curves = np.column_stack([np.zeros(20), np.arange(20.0)])
    band = seed_band(curves)
    low, high = scipy.stats.t.interval(0.95, 19, 9.5, scipy.stats.sem(np.arange(20.0)))
    assert (band.seeds, band.mean) == (20, (0.0, 9.5))
    assert (band.mean_lower, band.mean_upper) == pytest.approx((low, high))
    assert (band.lower[1], band.upper[1]) == pytest.approx(tuple(np.percentile(np.arange(20.0), [2.5, 97.5])))


def test_one_seed_has_no_interval():
    band = seed_band([[0, 3]])
    assert (band.seeds, band.mean_lower, band.mean_upper) == (1, 3.0, 3.0)


def test_a_good_campaign_beats_random_and_its_p_is_exact():
    values = pool(976)
    hits = Hits.top_percent(values)
    best = sorted(values, key=values.__getitem__)[-242:]
    verdict = against_random(hits, best)
    assert (verdict.outcome, verdict.campaign) == ("beats", 10)
    assert verdict.p == pytest.approx(scipy.stats.hypergeom.sf(9, 976, 10, 242))


def test_a_campaign_that_avoids_the_hits_loses_against_random():
    values = pool(976)
    worst = sorted(values, key=values.__getitem__)[:600]
    assert against_random(Hits.top_percent(values), worst).outcome == "loses"


def test_on_pure_noise_a_campaign_seldom_beats_random_or_a_ranking():
    """Labels that nothing explains: any choice is a random one, and the verdicts must say so 19 times in 20."""
    rng, ids = np.random.default_rng(7), [f"c{i}" for i in range(400)]
    beaten = {"random": 0, "ranking": 0}
    for _ in range(400):
        hits = Hits.best(dict(zip(ids, rng.normal(size=400).tolist(), strict=True)), 10)
        chosen, ranked = rng.choice(ids, 100, replace=False), ids[:100]
        beaten["random"] += against_random(hits, chosen).outcome == "beats"
        beaten["ranking"] += against_ranking("ranking", hits, chosen, ranked).outcome == "beats"
    assert all(count <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95) for count in beaten.values())


def test_a_few_more_hits_than_a_ranking_are_not_yet_a_difference():
    hits = Hits.best({str(i): float(i) for i in range(100)}, 10)
    mine, theirs = [str(i) for i in range(90, 100)], [str(i) for i in range(93, 100)]
    assert against_ranking("ranking", hits, mine, theirs).p == 1 / 8
    assert against_ranking("ranking", hits, mine, theirs).outcome == "level"
    assert against_ranking("ranking", hits, mine, theirs[3:]).outcome == "beats"
    assert against_ranking("ranking", hits, theirs[3:], mine).outcome == "loses"


def test_seeds_are_compared_by_rank():
    assert against_seeds("simple", 9, [3] * 20).outcome == "beats"
    assert against_seeds("simple", 9, [3] * 20).p == pytest.approx(1 / 21)
    assert against_seeds("simple", 9, [3] * 19 + [9]).outcome == "level"
    assert against_seeds("simple", 2, [3] * 20).outcome == "loses"
    assert against_seeds("simple", 9, [3] * 5).outcome == "level"


def test_without_noise_the_ceiling_is_perfect_and_with_much_it_is_random():
    values = pool(300)
    hits = Hits.best(values, 10)
    exact = noise_ceiling(values, hits, [0, 5, 10, 300], np.random.default_rng(0), sd=0.0, draws=2)
    assert exact.curve == (0.0, 5.0, 10.0, 10.0)
    assert exact.overlap == 10.0
    lost = noise_ceiling(values, hits, [30], np.random.default_rng(0), sd=1e6, draws=2000)
    assert lost.curve[0] == pytest.approx(1.0, abs=0.1)


def test_the_ceiling_lies_between_and_is_seeded_and_free_of_order():
    values = pool(976)
    hits = Hits.top_percent(values)
    one = noise_ceiling(values, hits, [10, 242], np.random.default_rng(3), draws=100)
    two = noise_ceiling(dict(reversed(values.items())), hits, [10, 242], np.random.default_rng(3), draws=100)
    assert one == two
    assert 4 < one.overlap < 9.5
    assert one.lower <= one.overlap <= one.upper
    assert one.curve[0] == pytest.approx(one.overlap)


def test_recall_under_noise_of_the_whole_pool_is_full_and_of_the_worst_is_nothing():
    values = pool(300)
    ordered = sorted(values, key=values.__getitem__)
    assert recall_under_noise(values, ordered, 10, np.random.default_rng(0), draws=20) == (10.0, 10.0, 10.0)
    assert recall_under_noise(values, ordered[:50], 10, np.random.default_rng(0), draws=20)[0] == 0.0


def test_quality_agrees_with_scipy_and_hand():
    predicted, measured = [1.0, 2.0, 2.0, 5.0], [1.0, 3.0, 2.0, 4.0]
    result = quality(predicted, measured, [0.1, 10.0, 1.0, 10.0])
    assert (result.n, result.rmse, result.mae) == (4, pytest.approx(math.sqrt(0.5)), 0.5)
    assert result.r2 == pytest.approx(1 - 2 / 5)
    assert result.spearman == pytest.approx(scipy.stats.spearmanr(predicted, measured).statistic)
    assert [share for share, _, _ in result.coverage] == [1.0, 1.0, 1.0]


def test_coverage_of_an_honest_model_is_as_stated_and_of_a_bold_one_too_low():
    truth = np.random.default_rng(0).normal(size=4000)
    honest, bold = (quality(np.zeros(4000), truth, np.full(4000, sd)) for sd in (1.0, 0.5))
    for (share, low, high), stated in zip(honest.coverage, (0.5, 0.8, 0.95), strict=True):
        assert low <= stated <= high
        assert low < share < high
    assert bold.coverage[2][2] < 0.8


@pytest.mark.parametrize(("predicted", "measured"), [([], []), ([1.0], [2.0]), ([1.0, 2.0], [3.0, 3.0])])
def test_quality_says_none_instead_of_not_a_number(predicted, measured):
    result = quality(predicted, measured)
    assert result.r2 is None
    assert result.spearman is None
    assert result.coverage == ()


def test_groups_are_judged_apart():
    groups = by_group(["seen", "new", "seen"], [1.0, 2.0, 3.0], [1.0, 4.0, 3.0])
    assert (groups["seen"].rmse, groups["new"].rmse) == (0.0, 2.0)


def test_equally_near_neighbours_are_averaged():
    assert nearest_neighbour([[0.5, 0.9, 0.9], [1.0, 0.0, 0.0]], [1.0, 2.0, 4.0]).tolist() == [3.0, 1.0]


def test_the_stopping_curve_agrees_with_simulation():
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(6, 1, 40), rng.uniform(0.3, 1.0, 40)
    curve = stopping_curve(mean, sd, 8.5)
    order = np.argsort(-scipy.stats.norm.sf(8.5, mean, sd))
    drawn = rng.normal(mean[order], sd[order], (20000, 40)) > 8.5
    for m in (1, 5, 40):
        assert curve.probability[m] == pytest.approx(drawn[:, :m].any(axis=1).mean(), abs=0.015)


def test_the_stopping_marks():
    assert stopping_curve([8.0] * 5, [0.3] * 5, 8.0).marks == (1, 3, 4)
    assert stopping_curve([1.0], [0.1], 8.0).marks == (None, None, None)
    assert stopping_curve([9.0, 7.0], [0.0, 0.0], 8.0).probability == (0.0, 1.0, 1.0)
    assert stopping_curve([], [], 8.0).probability == (0.0,)
    assert stopping_curve([8.2], [0.0], 8.0, margin=0.3).probability == (0.0, 0.0)


def test_the_yield_needs_no_truth():
    values = {str(i): float(i) for i in range(12)}
    known = yield_of(values, {"11": "s", "10": "s"}, Hits.best(values, 3))
    assert (known.best, known.mean_best, known.scaffolds) == (11.0, 6.5, 2)
    assert yield_of({"a": 5.0}, {}, None).scaffolds is None
