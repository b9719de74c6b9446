"""The Gaussian process against its textbook form, and what it makes of limits."""

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import norm

from dure.design.batch import Belief, best, one_by_one, rounded
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock
from dure.design.kernels import Gaussian, MinMax, pool_kernels, ranks
from dure.design.pool import PoolSpace
from dure.design.surrogates import fit, kept, normal_scores, standard


def line(n):
    """Candidates on a line, in the pool's order, and their places on it."""
    rng = np.random.default_rng(0)
    given = [Candidate("recipe", {"x": i}) for i in range(n)]
    pool = PoolSpace.of(given, (FeatureBlock("x", "unit", rng.random((n, 1))),))
    return pool, pool.blocks[0].matrix[:, 0]


def test_minmax_is_minima_over_maxima():
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.7, size=(12, 40))
    counts[3] = 0
    got = MinMax.of(sparse.csr_matrix(counts)).rows(range(12))
    low = np.minimum(counts[:, None], counts[None]).sum(axis=2)
    high = np.maximum(counts[:, None], counts[None]).sum(axis=2)
    wanted = np.where(high > 0, low / np.maximum(high, 1), 1.0)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_minmax_of_a_part():
    counts = sparse.csr_matrix(np.random.default_rng(2).poisson(0.7, size=(12, 40)))
    part = [7, 2, 9]
    np.testing.assert_allclose(MinMax.of(counts).among(part).rows([1]), MinMax.of(counts).rows([2])[:, part])


def test_gaussian_has_ones_and_falls_with_distance():
    kernel = Gaussian.of(np.array([[0.0], [0.1], [1.0]]), scale=0.5)
    row = kernel.rows([0])[0]
    assert row[0] == pytest.approx(1)
    assert row[1] == pytest.approx(np.exp(-0.02))
    assert row[2] == pytest.approx(np.exp(-2))


def test_ranks_ignore_scale_and_constant_columns():
    real = np.array([[1.0, 5.0, np.nan], [10.0, 5.0, 1.0], [1e9, 5.0, 2.0]])
    np.testing.assert_allclose(ranks(real), [[-2 / 3, 0], [0, -0.5], [2 / 3, 0.5]])


def test_posterior_is_the_textbook_one():
    pool, x = line(30)
    at = np.arange(0, 30, 3)
    y = np.sin(6 * x[at])
    got = fit(pool_kernels(pool), at, y, ["="] * len(at))
    mean, variance, _ = got.posterior()
    gram = got.kernel.rows(range(30))
    inverse = np.linalg.inv(gram[np.ix_(at, at)] + got.noise / got.signal * np.eye(len(at)))
    centre = inverse.sum(axis=0) @ y / inverse.sum()
    np.testing.assert_allclose(mean, centre + gram[:, at] @ inverse @ (y - centre), atol=1e-5)
    wanted = got.signal * (1 - np.einsum("ij,jk,ik->i", gram[:, at], inverse, gram[:, at]))
    np.testing.assert_allclose(variance, np.maximum(wanted, 1e-9 * got.signal), atol=1e-5)


def test_noise_is_found():
    pool, x = line(300)
    rng = np.random.default_rng(3)
    at = np.arange(300)
    for sd in (0.05, 0.5):
        got = fit(pool_kernels(pool), at, np.sin(6 * x) + sd * rng.normal(size=300), ["="] * 300)
        assert np.sqrt(got.noise) == pytest.approx(sd, rel=0.3)


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0, 2.0], [1.0, 2.0]])
def test_few_or_equal_values_are_no_error(values):
    pool, _ = line(10)
    mean, variance, _ = fit(
        pool_kernels(pool), np.arange(len(values)), np.array(values), ["="] * len(values)
    ).posterior()
    assert np.isfinite(mean).all()
    assert (variance > 0).all()


def test_a_limit_is_not_a_value():
    """All that lies above 0.5 was reported as `> 0.5`: the process must believe more than that."""
    pool, x = line(80)
    truth = 2 * x
    qualifiers = [">" if t > 1 else "=" for t in truth]
    values = np.minimum(truth, 1)
    at = np.arange(80)
    high = x > 0.75
    naive = fit(pool_kernels(pool), at, values, ["="] * 80).posterior()[0][high].mean()
    told = fit(pool_kernels(pool), at, values, qualifiers).posterior()[0][high].mean()
    assert naive < 1.05
    assert told > 1.06
    mirrored = fit(pool_kernels(pool), at, -values, [{">": "<", "=": "="}[q] for q in qualifiers]).posterior()[0]
    assert mirrored[high].mean() == pytest.approx(-told, abs=1e-6)


def test_a_limit_gives_the_moments_of_a_truncated_normal():
    """Against the closed form: what the others say of one candidate, cut off at its limit (noise included)."""
    pool, x = line(60)
    order = np.argsort(x)
    at = np.concatenate([order[:25], order[28:29]])
    y = np.sin(6 * x[at])
    y[-1] = 0.3
    got = fit(pool_kernels(pool), at, y, ["="] * 25 + [">"])
    gram = got.kernel.rows(at)[:, at]
    own, rest = gram[25, :25], np.linalg.inv(gram[:25, :25] + got.noise / got.signal * np.eye(25))
    mean = got.centre + own @ rest @ (y[:25] - got.centre)
    var = got.signal * (1 - own @ rest @ own)
    total = np.sqrt(var + got.noise)
    z = (mean - 0.3) / total
    hazard = norm.pdf(z) / norm.cdf(z)
    where = at[-1]
    assert got.posterior()[0][where] == pytest.approx(mean + var / total * hazard, abs=1e-3)
    assert got.posterior()[1][where] == pytest.approx(var - (var / total) ** 2 * hazard * (z + hazard), rel=1e-2)


def test_normal_scores_keep_order_and_ties():
    scores = normal_scores(np.array([5.0, 1.0, 5.0, 9.0]))
    assert scores[0] == scores[2]
    assert scores[1] < scores[0] < scores[3]
    assert abs(scores.mean()) < 1e-12


def test_standard_of_equal_values():
    values, centre, scale = standard(np.array([3.0, 3.0]))
    assert (values == 0).all()
    assert (centre, scale) == (3.0, 1.0)


def test_kept_has_the_best_and_the_newest():
    values = np.random.default_rng(0).normal(size=5000)
    use = kept(values, 1000)
    assert len(use) == 1000
    assert (np.diff(use) > 0).all()
    assert set(np.argsort(-values)[:600]) <= set(use)
    assert set(range(4800, 5000)) <= set(use)
    assert kept(values[:7]).tolist() == list(range(7))


def test_the_last_bits_of_a_sum_do_not_decide():
    scores = np.array([1.0, 1.0 + 1e-13, 1.0 - 1e-13, 0.5, -np.inf])
    free = np.ones(5, dtype=bool)
    assert best(scores, free, 3).tolist() == [0, 1, 2]
    assert rounded(np.array([123456789012.0, 1e-300, 0.0, -np.inf])).tolist() == [123456789000.0, 1e-300, 0.0, -np.inf]


def test_measuring_one_is_like_fitting_with_it():
    pool, x = line(40)
    at = np.arange(10)
    y = np.sin(6 * x[at])
    belief = Belief.of(fit(pool_kernels(pool), at, y, ["="] * 10))
    part = belief.among(np.array([30, 12, 20]))
    belief.measure(20)
    part.measure(2)
    np.testing.assert_allclose(part.variance, belief.variance[[30, 12, 20]], rtol=1e-5)
    gram = belief.kernel.rows(range(40))
    seen = [*at, 20]
    inverse = np.linalg.inv(gram[np.ix_(seen, seen)] + belief.noise / belief.signal * np.eye(11))
    wanted = belief.signal * (1 - np.einsum("ij,jk,ik->i", gram[:, seen], inverse, gram[:, seen]))
    np.testing.assert_allclose(belief.variance, wanted, atol=1e-4)


def test_a_batch_spreads():
    pool, x = line(200)
    free = (x < 0.3) | (x > 0.6)
    at = np.flatnonzero(~free)
    belief = Belief.of(fit(pool_kernels(pool), at, np.sin(9 * x[at]), ["="] * len(at)))
    greedy = best(belief.sd, free, 8)
    spread = one_by_one(belief, free, 8, lambda part, chosen: part.sd)
    assert len(set(spread)) == 8
    assert free[spread].all()
    assert x[spread].std() > x[greedy].std()
