"""Where the candidates of a pool lie: two principal components of their features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, SpaceMap, Text
from dure.design.contract import FeatureBlock
from dure.design.pool import PoolSpace

Floats = NDArray[np.float64]

MAP_POINTS = 4000
"""Candidates on the map besides those tested and those there were to find; a larger pool is thinned evenly."""
BLOCK, ITERATIONS = 16, 10
"""Columns and rounds of the power iteration: enough for a picture, and the same for every run."""


def space_map(book: Book) -> SpaceMap | Absent:
    """The map of a pool; Absent for a space without a list."""
    pool = book.pool
    if pool is None:
        return Absent(Text("목록이 없는 공간이라 지도가 없습니다", "the space has no list, so there is no map"))
    hits = tuple(book.score["top1_ids"]) if book.score else ()
    shown = thinned(pool, [*book.measured, *hits])
    block = next((b for b in pool.blocks if b.kind == "counts"), pool.blocks[0])
    points = components(block, shown)
    return SpaceMap(
        method=Text("구조 특징의 주성분 분석 (PCA)", "PCA of the structural features")
        if block.kind == "counts"
        else Text("설계 변수의 주성분 분석 (PCA)", "PCA of the design's parameters"),
        candidates=tuple(pool.ids[i] for i in shown),
        x=tuple(points[:, 0].round(4).tolist()),
        y=tuple(points[:, 1].round(4).tolist()),
        hits=hits,
        shown_of=len(pool),
    )


def thinned(pool: PoolSpace, always: list[str]) -> NDArray[np.int64]:
    """Positions on the map, ascending: those always shown, and of all others every so many. Ids are in no order."""
    step = -(-len(pool) // MAP_POINTS)
    return np.unique(np.concatenate([pool.position(always), np.arange(0, len(pool), step)]))


def components(block: FeatureBlock, rows: NDArray[np.int64]) -> Floats:
    """Two principal components of these rows of a block, shape (rows, 2), with the sign of each made definite.

    Counts are taken as square roots, so that a feature that occurs often does not drown the others; columns of other
    blocks are brought to one scale. A matrix of counts is never made dense.
    """
    from scipy import sparse

    part: Any = block.matrix[rows]
    if sparse.issparse(part):
        part = sparse.csr_matrix(part).astype(float)
        part.data = np.sqrt(part.data)
        part = part[:, np.unique(part.indices)]
    else:
        part = _scaled(np.asarray(part, dtype=float))
    scores = _scores(part)
    # The sign of a component is arbitrary: fix it, so that the same run gives the same picture.
    largest = scores[np.abs(scores).argmax(axis=0), np.arange(2)]
    return np.asarray(scores * np.where(largest < 0, -1, 1))


def _scaled(real: Floats) -> Floats:
    known = np.nan_to_num(real, posinf=0, neginf=0)
    spread = known.std(axis=0)
    return np.asarray(known / np.where(spread > 0, spread, 1))


def _scores(matrix: Any) -> Floats:
    """U S of the two largest components of the centred matrix, shape (rows, 2).

    By block power iteration (Halko, Martinsson and Tropp 2011, SIAM Review 53:217, doi 10.1137/090771806): its time is
    known beforehand, where a solver to full precision may never end on features without structure. Centring is done in
    the products, (A - 1 m) X = A X - 1 (m X), so that a sparse matrix stays sparse.
    """
    rows, columns = matrix.shape
    middle = np.asarray(matrix.mean(axis=0)).ravel()
    size = min(BLOCK, rows, columns)
    basis = np.random.default_rng(0).normal(size=(columns, size))
    left = np.zeros((rows, size))
    for _ in range(ITERATIONS):
        left = np.linalg.qr(matrix @ basis - middle @ basis)[0]
        basis = np.linalg.qr(matrix.T @ left - np.outer(middle, left.sum(axis=0)))[0]
    turn, spread, _ = np.linalg.svd(matrix @ basis - middle @ basis, full_matrices=False)
    found = np.zeros((rows, 2))
    found[:, : min(2, size)] = turn[:, :2] * spread[:2]
    return found
