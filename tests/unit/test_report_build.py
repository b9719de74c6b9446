"""Parts that fill the report: maps, reasons, digits; no campaign behind them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from dure.campaign.report.gates import _against_bound, why_skipped
from dure.campaign.report.spacemap import MAP_POINTS, components, thinned
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock
from dure.design.pool import PoolSpace


def exact(matrix: np.ndarray) -> np.ndarray:
    """Two principal components the plain way."""
    left, size, _ = np.linalg.svd(matrix - matrix.mean(axis=0), full_matrices=False)
    return left[:, :2] * size[:2]


def test_components_of_counts_are_those_of_the_centred_square_roots():
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.1, size=(900, 400)).astype(float)
    counts[:450, :40] += 9
    counts[::3, 100:160] += 4
    rows = np.arange(0, 900, 2)
    found = components(FeatureBlock("ecfp", "counts", sparse.csr_matrix(counts)), rows)
    assert np.allclose(np.abs(found), np.abs(exact(np.sqrt(counts[rows]))), atol=1e-6)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()


def test_columns_of_a_recipe_are_brought_to_one_scale():
    rng = np.random.default_rng(2)
    small, large = rng.normal(size=(50, 3)), rng.normal(size=(50, 1))
    apart = components(FeatureBlock("p", "real", np.hstack([small, large])), np.arange(50))
    scaled = components(FeatureBlock("p", "real", np.hstack([small, 1e6 * large])), np.arange(50))
    assert np.allclose(apart, scaled)


@pytest.mark.parametrize("matrix", [np.ones((1, 1)), np.ones((5, 3)), np.arange(4.0).reshape(4, 1), np.ones((2, 9))])
def test_few_or_equal_candidates_still_have_a_place(matrix):
    assert components(FeatureBlock("p", "real", matrix), np.arange(len(matrix))).shape == (len(matrix), 2)
    assert np.isfinite(components(FeatureBlock("p", "counts", sparse.csr_matrix(matrix)), np.arange(len(matrix)))).all()


def test_a_large_pool_is_thinned_and_keeps_what_was_tested():
    pool = PoolSpace.of([Candidate("recipe", {"n": i}) for i in range(2 * MAP_POINTS + 7)])
    always = [pool.ids[1], pool.ids[-1], pool.ids[5]]
    shown = thinned(pool, always)
    assert {pool.ids[i] for i in shown} >= set(always)
    assert MAP_POINTS / 2 < len(shown) <= MAP_POINTS + len(always)
    assert list(shown) == sorted(set(shown))
    small = PoolSpace.of([Candidate("recipe", {"n": i}) for i in range(30)])
    assert list(thinned(small, [])) == list(range(30))


def test_a_wide_sparse_pool_is_never_made_dense():
    pool = PoolSpace.of([Candidate("recipe", {"n": i}) for i in range(20_000)])
    counts = sparse.random(20_000, 65_536, density=40 / 65_536, format="csr", rng=np.random.default_rng(3))
    shown = thinned(pool, [])
    tracemalloc.start()
    found = components(FeatureBlock("ecfp", "counts", counts), shown)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (len(shown), 2)
    assert most < 4 * len(shown) * 65_536


def test_why_a_check_was_skipped_is_said_in_korean():
    known = why_skipped("the source dockstring is not in this hub; fetch it with: dure fetch dockstring")
    assert known.ko == "이 허브에 dockstring 자료가 없습니다. 받는 명령: dure fetch dockstring"
    assert known.en.startswith("the source dockstring")
    strange = why_skipped("the moon was full")
    assert strange.en == "the moon was full"
    assert strange.ko == "실행할 수 없었습니다. the moon was full"


@pytest.mark.parametrize(
    ("code", "limit", "unit", "ko", "en"),
    [
        ("above", 500.0, "g/mol", "500 g/mol 초과", "above 500 g/mol"),
        ("below", 0.34, "1", "0.34 미만", "below 0.34"),
        ("above", 140.0, "Ao2", "140 Å² 초과", "above 140 Å²"),
        ("above", 0.0, "1", "있음", "present"),
        ("above", 0.0, "Cel", "0 °C 초과", "above 0 °C"),
        ("below", 1.0, "1", "충족하지 않음", "not met"),
    ],
)
def test_a_bound_is_said_as_a_person_wrote_it(code, limit, unit, ko, en):
    row = {"code": code, "limit": limit, "unit": unit}
    assert (_against_bound(row, "ko"), _against_bound(row, "en")) == (ko, en)


def test_other_reasons_have_no_bound():
    assert _against_bound({"code": "check-failed", "limit": None, "unit": "1"}, "en") is None
