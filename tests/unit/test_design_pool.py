"""A finite pool forgets the order it was given in."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock
from dure.design.pool import SCHEMA, PoolSpace


def molecules(n):
    return [Candidate("molecule", {"inchikey": f"K{i}"}, {"smiles": "C" * (i + 1)}) for i in range(n)]


def counted(candidates):
    return (FeatureBlock("length", "counts", sparse.csr_matrix([[len(c.form["smiles"])] for c in candidates])),)


def test_order_of_rows_is_forgotten():
    given = molecules(20)
    forth, back = PoolSpace.of(given), PoolSpace.of(given[::-1])
    assert forth.ids == back.ids == sorted(c.id for c in given)
    assert forth.digest == back.digest
    assert forth.table.equals(back.table)


def test_blocks_follow_their_candidates():
    given = molecules(20)
    pool = PoolSpace.of(given, counted(given))
    lengths = pool.features([given[3], given[11]])[0].matrix.toarray().ravel()
    assert lengths.tolist() == [4, 12]
    assert pool.blocks[0].matrix.toarray().ravel().tolist() == [len(c.form["smiles"]) for c in pool.take(range(20))]


def test_a_callable_is_asked_once_for_the_whole_pool():
    asked = []

    def features(candidates):
        asked.append(len(candidates))
        return counted(candidates)

    pool = PoolSpace.of(molecules(9), features)
    assert pool.features(pool.take([2, 0]))[0].matrix.shape == (2, 1)
    assert pool.blocks[0].matrix.shape == (9, 1)
    assert asked == [9]


def test_candidates_come_back_whole():
    given = molecules(5)
    pool = PoolSpace.of(given)
    assert {c.id: dict(c.form) for c in pool.take(range(5))} == {c.id: dict(c.form) for c in given}


def test_sample_and_neighbours_stay_inside_and_differ():
    given = molecules(30)
    pool = PoolSpace.of(given, counted(given))
    rng = np.random.default_rng(0)
    drawn = pool.sample(40, rng)
    assert len({c.id for c in drawn}) == 30
    near = pool.neighbours([given[9]], 2, rng)
    assert {len(c.form["smiles"]) for c in near} == {9, 11} or {len(c.form["smiles"]) for c in near} == {11, 12}
    assert given[9] not in pool.neighbours(given[5:10], 30, rng)
    assert len(pool.neighbours(given[:10], 30, rng)) == 20


def test_a_pool_without_features_has_neighbours_at_random():
    pool = PoolSpace.of(molecules(10))
    near = pool.neighbours(pool.take([0]), 4, np.random.default_rng(1))
    assert len({c.id for c in near}) == 4
    assert pool[0] not in near


def test_contains():
    pool = PoolSpace.of(molecules(3))
    assert pool.contains(molecules(3)[1])
    assert not pool.contains(Candidate("molecule", {"inchikey": "other"}))
    with pytest.raises(BadInput, match="not in the pool"):
        pool.features([Candidate("molecule", {"inchikey": "other"})])


def test_an_empty_pool():
    pool = PoolSpace.of([])
    assert len(pool) == 0
    assert pool.sample(3, np.random.default_rng(0)) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: PoolSpace.of([*molecules(2), molecules(1)[0]]), "more than once"),
        (lambda: PoolSpace.of([*molecules(2), Candidate("recipe", {"a": 1})]), "one kind"),
        (lambda: PoolSpace.of(molecules(3), counted(molecules(2))), "has 2 rows, the pool 3"),
        (lambda: PoolSpace("molecule", pa.table({"id": ["b3:0"], "y": [1.0]})), "columns"),
    ],
)
def test_bad_pools_are_refused(make, says):
    with pytest.raises(BadInput, match=says):
        make()


def test_a_hundred_thousand_rows_are_quick():
    n = 100_000
    ids = pa.array([f"b3:{i:064x}" for i in reversed(range(n))])
    pool = PoolSpace(
        "molecule", pa.Table.from_arrays([ids, pa.array(["{}"] * n), pa.array(["{}"] * n)], schema=SCHEMA_)
    )
    assert pool.position([f"b3:{n - 1:064x}", "b3:none"]).tolist() == [n - 1, -1]
    assert len(pool.sample(5, np.random.default_rng(0))) == 5


SCHEMA_ = pa.schema([(name, pa.string()) for name in SCHEMA.names])
