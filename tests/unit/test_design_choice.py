"""First batches stand for the pool; later ones aim at a level that the pool's size and the beliefs set."""

import numpy as np
import pytest
from scipy.special import ndtr

from dure.design.acquisition import UpperBound, expected_improvement, passed_by, reach
from dure.design.batch import Belief
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Knowledge
from dure.design.diversity import Uncertain, diverse
from dure.design.kernels import pool_kernels
from dure.design.pool import PoolSpace
from dure.design.surrogates import fit

NOTHING = Knowledge((), np.empty(0), np.empty(0), ())
NOBODY = np.empty(0, dtype=np.int64)


def plane(points):
    given = [Candidate("recipe", {"x": i}) for i in range(len(points))]
    pool = PoolSpace.of(given, (FeatureBlock("x", "unit", np.asarray(points, dtype=float)),))
    return pool, pool.blocks[0].matrix


def wave(n=120, measured=25):
    pool, x = plane(np.random.default_rng(0).random((n, 1)))
    at = np.arange(measured)
    return Belief.of(fit(pool_kernels(pool), at, np.sin(6 * x[at, 0]), ["="] * measured)), np.arange(n) >= measured


def test_crowds_are_sampled_before_outliers():
    """Three crowds of forty and three outliers: the first three picks are one of each crowd."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.1, 0.1], [0.5, 0.9], [0.9, 0.1]])
    crowds = np.repeat(centres, 40, axis=0) + 0.01 * rng.normal(size=(120, 2))
    pool, x = plane(np.vstack([crowds, [[0.0, 0.9], [0.5, 0.4], [1.0, 0.9]]]))
    chosen = diverse(pool, np.ones(123, dtype=bool), NOBODY, 3, rng)
    nearest = np.linalg.norm(x[chosen][:, None] - centres[None], axis=2)
    assert sorted(nearest.argmin(axis=1)) == [0, 1, 2]
    assert nearest.min(axis=1).max() < 0.05


def test_what_is_known_is_not_covered_again():
    pool, x = plane(np.random.default_rng(0).random((100, 1)))
    known = np.flatnonzero(x[:, 0] < 0.5)
    chosen = diverse(pool, np.ones(100, dtype=bool), known, 4, np.random.default_rng(0))
    assert x[chosen].min() > 0.45


def test_the_gain_is_the_variance_taken_away():
    pool, _ = plane(np.random.default_rng(0).random((50, 2)))
    judges = np.arange(0, 50, 2)
    uncertain = Uncertain(pool_kernels(pool)[0], judges, 50)
    uncertain.measure(7)
    gain, before = uncertain.gain(), uncertain.variance[judges].sum()
    uncertain.measure(20)
    assert before - uncertain.variance[judges].sum() == pytest.approx(gain[20], rel=1e-4)


def test_the_level_is_passed_by_as_many_as_it_says():
    belief, _ = wave()
    for count in (3, 10, 60):
        sd = np.sqrt(belief.variance + np.where(belief.known, 0, belief.noise))
        assert ndtr((belief.mean - passed_by(belief, count)) / sd).sum() == pytest.approx(count, rel=1e-3)


def test_a_higher_level_explores_more():
    belief, free = wave()
    sd = np.sqrt(belief.variance)
    low, high = (np.argmax(np.where(free, (belief.mean - level) / sd, -np.inf)) for level in (1.1, 30.0))
    assert sd[high] >= sd[low]
    assert sd[high] == sd[free].max()


@pytest.mark.parametrize("choice", [reach, UpperBound(2.0), expected_improvement])
def test_batches_are_free_and_distinct(choice):
    belief, free = wave()
    chosen = choice(belief, free, NOTHING, 30, np.random.default_rng(0))
    assert len(set(chosen)) == 30
    assert free[chosen].all()
    assert len(choice(belief, free, NOTHING, 500, np.random.default_rng(0))) == free.sum()
