"""Every strategy keeps the contract in every space; the default beats chance where there is something to learn."""

import numpy as np
import pytest
from scipy import sparse

from dure.base.errors import BadInput
from dure.design.box import BoxSpace, Parameter
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Knowledge
from dure.design.pool import PoolSpace
from dure.design.strategies import STRATEGIES, strategy

GRIDS = ("latin-hypercube", "trust-region", "cma-es")
"""Strategies that search recipes and schedules only; `test_design_grids.py` holds them to the same."""
POOLS = tuple(name for name in STRATEGIES if name not in GRIDS)
BOX = BoxSpace([Parameter("a", 0, 1, 0.01), Parameter("b", 0, 1, 0.01)])


def knowledge(measured=(), values=(), **more):
    n = len(measured)
    more = {"qualifiers": ("=",) * n, "assays_left": 40, **more}
    return Knowledge(tuple(measured), np.asarray(values, dtype=float), np.full(n, np.nan), **more)


def fragments(n, seed=0):
    """A pool whose value is a weighted count of a few fragments: (pool, value in pool order)."""
    counts = np.random.default_rng(seed).poisson(0.4, size=(n, 30)) + np.eye(n, 30, dtype=int)
    given = [Candidate("molecule", {"inchikey": f"K{i}"}) for i in range(n)]
    pool = PoolSpace.of(given, (FeatureBlock("f", "counts", sparse.csr_matrix(counts)),))
    return pool, pool.blocks[0].matrix.toarray() @ np.linspace(-1, 1, 30) ** 3


def hill(candidate):
    where = BOX.values(candidate)
    return -((where["a"] - 0.7) ** 2) - (where["b"] - 0.2) ** 2


@pytest.mark.parametrize("name", POOLS)
def test_a_batch_is_new_distinct_and_full(name):
    pool, values = fragments(60)
    seen = [3, 1, 4, 15, 9, 26, 5, 35]
    measured = pool.take(seen)
    state = knowledge(
        measured, values[seen], pending=tuple(pool.take([7, 8])), refused=frozenset(c.id for c in pool.take([10, 11]))
    )
    asked = strategy(name).ask(pool, state, 12, np.random.default_rng(0))
    assert len({c.id for c in asked}) == 12
    assert not {c.id for c in asked} & state.taken
    everything = strategy(name).ask(pool, state, 100, np.random.default_rng(0))
    assert len({c.id for c in everything}) == 60 - 12
    full = knowledge(pool.take(range(60)), values)
    assert strategy(name).ask(pool, full, 5, np.random.default_rng(0)) == []


@pytest.mark.parametrize("name", POOLS)
def test_equal_arguments_give_equal_batches_whatever_the_order_of_rows(name):
    pool, values = fragments(60)
    shuffled = np.random.default_rng(1).permutation(60)
    again = PoolSpace.of(pool.take(shuffled), (FeatureBlock("f", "counts", pool.blocks[0].matrix[shuffled]),))
    state = knowledge(pool.take(range(12)), values[:12])
    first = strategy(name).ask(pool, state, 8, np.random.default_rng(5))
    assert [c.id for c in first] == [c.id for c in strategy(name).ask(again, state, 8, np.random.default_rng(5))]
    assert [c.id for c in first] == [c.id for c in strategy(name).ask(pool, state, 8, np.random.default_rng(5))]


@pytest.mark.parametrize("name", POOLS)
def test_boxes_too(name):
    rng = np.random.default_rng(0)
    chosen = strategy(name)
    measured = chosen.ask(BOX, knowledge(), 10, rng)
    assert len({c.id for c in measured}) == 10
    for _ in range(2):
        state = knowledge(measured, [hill(c) for c in measured])
        batch = chosen.ask(BOX, state, 5, rng)
        assert len(batch) == 5
        assert all(map(BOX.contains, batch))
        assert not {c.id for c in batch} & state.taken
        measured = [*measured, *batch]


def test_the_default_climbs_a_hill():
    rng = np.random.default_rng(0)
    measured = strategy("dure").ask(BOX, knowledge(), 8, rng)
    for left in (20, 15, 10, 5):
        state = knowledge(measured, [hill(c) for c in measured], assays_left=left)
        measured = [*measured, *strategy("dure").ask(BOX, state, 5, rng)]
    assert max(hill(c) for c in measured) > -0.002


@pytest.mark.parametrize("name", ["dure", "gp-ei", "forest-greedy"])
def test_learning_beats_chance(name):
    found = []
    for seed in range(3):
        pool, values = fragments(400, seed)
        top = set(np.argsort(-values)[:10])
        rng, seen = np.random.default_rng(seed), []
        for left in (60, 40, 20):
            state = knowledge(pool.take(seen), values[seen], assays_left=left, pool_size=400)
            seen += pool.position([c.id for c in strategy(name).ask(pool, state, 20, rng)]).tolist()
        found.append(len(top & set(seen)))
    assert np.mean(found) > 4  # chance: 1.5


@pytest.mark.parametrize("name", POOLS)
def test_equal_values_and_limits_alone_are_no_error(name):
    pool, _ = fragments(40)
    for n, qualifier in ((1, "="), (6, "="), (6, "<"), (6, ">")):
        state = knowledge(pool.take(range(n)), [5.0] * n, qualifiers=(qualifier,) * n)
        assert len(strategy(name).ask(pool, state, 4, np.random.default_rng(0))) == 4


@pytest.mark.parametrize("name", ["dure", "gp-ei", "forest-greedy"])
def test_predictions_have_the_unit_of_the_values(name):
    pool, values = fragments(300)
    values = 6 + 2 * values
    state = knowledge(pool.take(range(150)), values[:150])
    rest = pool.take(range(150, 300))
    got = strategy(name).predict(pool, state, rest)
    assert np.corrcoef(got.mean, values[150:])[0, 1] > 0.5
    assert abs((got.mean - values[150:]).mean()) < 0.5
    inside = np.abs(got.mean - values[150:]) < 1.96 * got.sd
    assert inside.mean() > 0.85


def test_predictions_need_data_and_a_model():
    pool, values = fragments(30)
    assert strategy("dure").predict(pool, knowledge(), pool.take([0])) is None
    assert strategy("random").predict(pool, knowledge(pool.take([0]), values[:1]), pool.take([1])) is None
    box = BOX.sample(5, np.random.default_rng(0))
    got = strategy("dure").predict(BOX, knowledge(box[:4], [1, 2, 3, 4]), [box[4], box[0]])
    assert got.mean.shape == got.sd.shape == (2,)


def test_a_pool_without_features_is_drawn_from_or_refused():
    pool = PoolSpace.of([Candidate("molecule", {"inchikey": str(i)}) for i in range(9)])
    assert len(strategy("dure").ask(pool, knowledge(), 4, np.random.default_rng(0))) == 4
    with pytest.raises(BadInput, match="no features"):
        strategy("dure").ask(pool, knowledge(pool.take([0, 1]), [1, 2]), 4, np.random.default_rng(0))


def test_a_measured_stranger_is_refused():
    pool, _ = fragments(30)
    stranger = Candidate("molecule", {"inchikey": "none of ours"})
    with pytest.raises(BadInput, match="not in the pool"):
        strategy("dure").ask(pool, knowledge([stranger], [1.0]), 4, np.random.default_rng(0))


def test_unknown_names_are_refused():
    with pytest.raises(BadInput, match="no strategy"):
        strategy("magic")
