"""Pools and boxes against plain sets: what comes out is contained, distinct, and named by its content."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.design.box import BoxSpace, Parameter
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge
from dure.design.pool import PoolSpace
from dure.design.strategies import strategy
from dure.design.surrogates import kept, normal_scores

keys = st.lists(st.text(max_size=6), unique=True, max_size=30)
SETTINGS = settings(max_examples=60, deadline=None)


@SETTINGS
@given(keys, st.randoms(use_true_random=False), st.integers(0, 40), st.integers(0, 2**32))
def test_a_pool_is_a_set(names, shuffler, n, seed):
    given_ = [Candidate("sequence", {"text": name}) for name in names]
    unique = list({c.id: c for c in given_}.values())
    pool = PoolSpace.of(unique)
    shuffler.shuffle(unique)
    assert PoolSpace.of(unique).digest == pool.digest
    drawn = pool.sample(n, np.random.default_rng(seed))
    assert len({c.id for c in drawn}) == len(drawn) == min(n, len(unique))
    assert all(map(pool.contains, drawn))
    assert pool.position([c.id for c in drawn]).min(initial=0) >= 0


@st.composite
def boxes(draw):
    names = draw(st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=4))
    ranges = [(draw(st.floats(-1e3, 1e3)), draw(st.floats(0, 1e3)), draw(st.floats(1e-2, 1e2))) for _ in names]
    return BoxSpace([Parameter(n, low, low + width, step) for n, (low, width, step) in zip(names, ranges, strict=True)])


@SETTINGS
@given(boxes(), st.integers(0, 40), st.integers(0, 2**32))
def test_a_box_gives_recipes_of_its_own(box, n, seed):
    rng = np.random.default_rng(seed)
    drawn = box.sample(n, rng)
    assert len({c.id for c in drawn}) == len(drawn) == min(n, box.size)
    near = box.neighbours(drawn[:3], n, rng)
    assert len({c.id for c in near}) == len(near) <= n
    assert not {c.id for c in near} & {c.id for c in drawn[:3]}
    for recipe in [*drawn, *near]:
        assert box.contains(recipe)
        assert box.recipe(box.values(recipe)).id == recipe.id


@SETTINGS
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_normal_scores_keep_order(values):
    scores = normal_scores(np.array(values))
    for i, j in zip(range(len(values) - 1), range(1, len(values)), strict=True):
        assert np.sign(scores[i] - scores[j]) == np.sign(values[i] - values[j])


@SETTINGS
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80), st.integers(5, 60))
def test_kept_is_a_subset_of_the_right_size(values, most):
    use = kept(np.array(values), most)
    assert len(set(use)) == len(use) == min(most, len(values))


@settings(max_examples=25, deadline=None)
@given(boxes(), st.integers(1, 6), st.integers(0, 2**32), st.sampled_from(["=", "<", ">"]))
def test_any_values_can_be_learnt_from(box, n, seed, qualifier):
    rng = np.random.default_rng(seed)
    measured = box.sample(n, rng)
    values = rng.normal(size=len(measured)) * 10.0 ** rng.integers(-6, 7)
    signs = (qualifier, *"=" * (len(measured) - 1))
    state = Knowledge(tuple(measured), values, np.full(len(measured), np.nan), signs, assays_left=5)
    batch = strategy("dure").ask(box, state, 5, rng)
    assert not {c.id for c in batch} & state.taken
    assert len({c.id for c in batch}) == len(batch) == min(5, box.size - len(measured))
