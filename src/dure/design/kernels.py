"""How alike two candidates are: a kernel over the feature blocks of a pool.

Counts are compared by MinMax (Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009),
sum of minima over sum of maxima; real blocks by a Gaussian of the distance between rank-transformed columns. Only the
rows of tested candidates against the pool are ever computed, never pool against pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh

from dure.base.errors import BadInput
from dure.design.contract import Floats
from dure.design.pool import PoolSpace
from dure.design.ranks import average_ranks

Rows = NDArray[np.float32]
Positions = Sequence[int] | NDArray[np.int64]

REAL_SHARE = 1 / 3
"""Weight of the real blocks together, where there are counts as well."""
REAL_SCALE = 0.5
"""Length scale of the real blocks beside counts, in units of the ranks' half range."""
SCALES = (0.1, 0.2, 0.4, 0.8)
"""Length scales to choose from where there are no counts."""
CHUNK = 64
"""Rows of the kernel computed at once: bounds the dense right-hand side."""


class Kernel(Protocol):
    """A kernel with ones on its diagonal."""

    def rows(self, positions: Positions) -> Rows:
        """Shape (positions, pool)."""
        ...

    def among(self, positions: Positions) -> Kernel:
        """The same kernel on a part of the pool, in this order."""
        ...


class MinMax:
    """MinMax kernel on counts.

    A count c is written in unary, as c columns of ones, so that a sum of minima becomes one sparse product.
    """

    def __init__(self, planes: sparse.csr_matrix, total: Rows) -> None:
        self.planes, self.total = planes, total

    @classmethod
    def of(cls, counts: Any, ones: Rows | None = None) -> MinMax:
        """The kernel of counts, shape (pool, features); `ones`, one a count, may be shared."""
        matrix = sparse.csr_matrix(counts)
        total = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
        ones = np.ones(_size(matrix), dtype=np.float32) if ones is None else ones
        return cls(_unary(matrix, ones[: _size(matrix)]), total)

    def among(self, positions: Positions) -> MinMax:
        return MinMax(self.planes[positions], self.total[positions])

    def rows(self, positions: Positions) -> Rows:
        both = np.asarray(self.planes @ self.planes[positions].toarray().T, dtype=np.float32).T
        either = self.total[positions][:, None] + self.total[None, :] - both
        # Two candidates without any feature are alike.
        alike: Rows = np.divide(both, either, out=np.ones_like(both), where=either > 0)
        return alike


class Gaussian:
    """exp(-|x - y|²)."""

    def __init__(self, points: Rows) -> None:
        self.points = points
        self.norm = np.einsum("ij,ij->i", points, points)

    @classmethod
    def of(cls, points: Floats, scale: float) -> Gaussian:
        """exp(-|x - y|² / (2 scale² columns)) of points, shape (pool, columns)."""
        return cls((points / (scale * np.sqrt(2 * max(1, points.shape[1])))).astype(np.float32))

    def among(self, positions: Positions) -> Gaussian:
        return Gaussian(self.points[positions])

    def rows(self, positions: Positions) -> Rows:
        own = self.points[positions]
        square = self.norm[positions][:, None] + self.norm[None, :] - 2 * own @ self.points.T
        return np.asarray(np.exp(-np.maximum(square, 0)), dtype=np.float32)


class PoolKernel:
    """A weighted sum of kernels that remembers the rows it has given.

    Rows are functions of the pool's content alone, so that remembering them keeps every caller pure.
    """

    def __init__(self, parts: Sequence[tuple[float, Kernel]]) -> None:
        self.parts = parts
        self._rows: dict[int, Rows] = {}
        self._spectrum: tuple[bytes, tuple[Floats, Floats, Floats]] | None = None

    def rows(self, positions: Positions, columns: Positions | slice = slice(None)) -> Floats:
        """Shape (positions, columns); the whole pool where no columns are named."""
        wanted = [int(p) for p in positions]
        new = [p for p in dict.fromkeys(wanted) if p not in self._rows]
        for start in range(0, len(new), CHUNK):
            chunk = new[start : start + CHUNK]
            block = sum(weight * part.rows(chunk) for weight, part in self.parts)
            self._rows.update(zip(chunk, np.asarray(block, dtype=np.float32), strict=True))
        return np.array([self._rows[p][columns] for p in wanted], dtype=np.float64)

    def spectrum(self, positions: Positions) -> tuple[Floats, Floats, Floats]:
        """The kernel among these candidates, shape (n, n), and eigenvalues and eigenvectors of it centred both ways.

        The newest answer is remembered: what a strategy asks for and what it expects of it rest on the same candidates.
        """
        name = np.asarray(positions, dtype=np.int64).tobytes()
        if self._spectrum is None or self._spectrum[0] != name:
            gram = self.rows(positions, positions)
            centred = gram - gram.mean(axis=0) - gram.mean(axis=1)[:, None] + gram.mean()
            self._spectrum = name, (gram, *eigh(centred, check_finite=False))
        return self._spectrum[1]

    def among(self, positions: Positions) -> PoolKernel:
        """The same kernel on a part of the pool, in this order."""
        return PoolKernel([(weight, part.among(positions)) for weight, part in self.parts])


def pool_kernels(pool: PoolSpace) -> tuple[PoolKernel, ...]:
    """The kernels that may fit a pool, for the likelihood to choose from.

    With counts there is one: equal weights among counts, a third among the others. Without, one for each length scale:
    how fast a response to a few real columns changes cannot be known beforehand.

    Raises:
        BadInput: the pool has no features.
    """
    return pool.derived("kernels", _kernels)


def _kernels(pool: PoolSpace) -> tuple[PoolKernel, ...]:
    if not pool.blocks:
        raise BadInput("the space has no features to learn from", remedy="give features, or use the strategy `random`")
    given = [b.matrix for b in pool.blocks if b.kind == "counts"]
    ones = np.ones(max(map(_size, given), default=0), dtype=np.float32)
    counts = [MinMax.of(matrix, ones) for matrix in given]
    points = [b.matrix if b.kind == "unit" else ranks(b.matrix) for b in pool.blocks if b.kind != "counts"]
    if not counts:
        return tuple(PoolKernel([(1 / len(points), Gaussian.of(p, scale)) for p in points]) for scale in SCALES)
    share = REAL_SHARE if points else 0.0
    parts: list[tuple[float, Kernel]] = [((1 - share) / len(counts), kernel) for kernel in counts]
    return (PoolKernel(parts + [(share / len(points), Gaussian.of(p, REAL_SCALE)) for p in points]),)


def _size(counts: Any) -> int:
    return int(counts.sum(dtype=np.int64))


def _unary(matrix: sparse.csr_matrix, ones: Rows) -> sparse.csr_matrix:
    """Ones in as many columns as each count says; columns that no row has are never made."""
    counts = matrix.data.astype(np.int32)
    highest = np.zeros(matrix.shape[1], dtype=np.int32)
    np.maximum.at(highest, matrix.indices, counts)
    first = np.cumsum(highest, dtype=np.int64) - highest
    ends = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    # In place: in a pool of 100,000 each of these arrays takes some 200 MB.
    columns = np.arange(ends[-1], dtype=np.int32)
    columns -= np.repeat(ends[:-1].astype(np.int32), counts)
    columns += np.repeat(first[matrix.indices].astype(np.int32), counts)
    shape = (matrix.shape[0], int(highest.sum()))
    return sparse.csr_matrix((ones, columns, ends[matrix.indptr]), shape=shape)


def ranks(real: Floats) -> Floats:
    """Each column that varies as mid-ranks between -1 and 1; what is not a number becomes 0."""
    real = np.asarray(real, dtype=float)
    varying = [column for column in real.T if len(np.unique(column[np.isfinite(column)])) > 1]
    result = np.zeros((len(real), len(varying)))
    for j, column in enumerate(varying):
        known = np.isfinite(column)
        result[known, j] = 2 * (average_ranks(column[known]) - 0.5) / known.sum() - 1
    return result
