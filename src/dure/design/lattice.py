"""Points on a lattice: whole numbers of steps of each parameter, within bounds and linear constraints.

Recipes and schedules are such points with names; what is drawn, moved and refused is decided here once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.units import check_unit, convert
from dure.design.contract import Floats

Steps = NDArray[np.int64]
Allowed = Callable[[Mapping[str, Floats]], NDArray[np.bool_]]
"""From the values of each parameter, shape (points,) each, to which points are allowed."""

COUNTED = 200_000
"""A lattice of at most so many points is looked through point by point."""
SETTLE = 20
"""Points of a walk that are thrown away, until it has forgotten where it began."""
THIN = 0.3
"""Room between the two sides of a constraint, as a share of the range, below which a walk follows it."""
TRIES = 200
"""Rounds of drawing after which a lattice counts as empty, or as drawn out."""


@dataclass(frozen=True)
class Parameter:
    """One knob.

    Attributes:
        name: for example `temperature`.
        lower, upper: bounds, both allowed, in `unit`.
        resolution: the smallest difference that matters or can be set, in `unit`.
        unit: UCUM.

    Raises:
        BadInput: an unknown unit, a resolution that is not above zero, or an upper bound below the lower.
    """

    name: str
    lower: float
    upper: float
    resolution: float
    unit: str = "1"

    def __post_init__(self) -> None:
        check_unit(self.unit)
        if not (np.isfinite([self.lower, self.upper]).all() and self.lower <= self.upper and self.resolution > 0):
            raise BadInput(
                f"bounds {self.lower} to {self.upper} in steps of {self.resolution} are no range",
                where=self.name,
                remedy="give finite bounds, the lower first, and a resolution above zero",
            )

    @property
    def steps(self) -> int:
        """The highest whole number of steps that stays within the upper bound."""
        return int(np.floor((self.upper - self.lower) / self.resolution + 1e-9))

    def snap(self, value: float, unit: str | None = None) -> int:
        """The nearest whole number of steps of a value; `BadInput` when it lies outside the bounds."""
        own = convert(value, unit or self.unit, self.unit)
        step = round((own - self.lower) / self.resolution)
        if not 0 <= step <= self.steps:
            raise BadInput(f"{own} {self.unit} is not between {self.lower} and {self.upper}", where=self.name)
        return step

    def value(self, step: int) -> float:
        """The value of a whole number of steps, freed of binary dust."""
        return float(np.format_float_positional(self.lower + step * self.resolution, precision=12, fractional=False))


@dataclass(frozen=True)
class Linear:
    """A linear constraint: low <= sum of weight times value <= high, each value in its parameter's unit.

    Attributes:
        terms: weight of each parameter.
        low, high: None: open on that side.

    Raises:
        BadInput: no bound, or no term.
    """

    terms: Mapping[str, float]
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.terms or (self.low is None and self.high is None):
            raise BadInput(
                f"the constraint {self} bounds nothing", where="[[space.linear]]", remedy="give terms, and low or high"
            )

    def __str__(self) -> str:
        low = f"{self.low:g} <= " if self.low is not None else ""
        high = f" <= {self.high:g}" if self.high is not None else ""
        return low + " + ".join(f"{weight:g} {name}" for name, weight in self.terms.items()) + high


class Lattice:
    """All points of these parameters that keep these constraints.

    Args:
        parameters: in the order of the columns of every array of steps.
        linear: constraints on values.
        allowed: a further condition on values.

    Raises:
        BadInput: a constraint on no parameter of ours, or constraints that no point keeps; it names them.
    """

    def __init__(
        self, parameters: Sequence[Parameter], linear: Sequence[Linear] = (), allowed: Allowed | None = None
    ) -> None:
        self.parameters, self.linear, self._allowed = tuple(parameters), tuple(linear), allowed
        self.top = np.array([p.steps for p in self.parameters], dtype=np.int64)
        self._lower = np.array([p.lower for p in self.parameters])
        self._resolution = np.array([p.resolution for p in self.parameters])
        names = [p.name for p in self.parameters]
        for constraint in self.linear:
            strange = sorted(set(constraint.terms) - set(names))
            if strange:
                raise BadInput(
                    f"the constraint {constraint} is on {strange[0]!r}, which is no parameter",
                    where="[[space.linear]]",
                    remedy=f"parameters are {', '.join(names)}",
                )
        self._weights = np.array([[c.terms.get(name, 0.0) for name in names] for c in self.linear]).reshape(
            -1, len(names)
        )
        self._low = np.array([-np.inf if c.low is None else c.low for c in self.linear])
        self._high = np.array([np.inf if c.high is None else c.high for c in self.linear])
        self._every: Steps | None = None
        if self.linear or allowed:
            self._inside = self._interior()
            if not len(self.draw(1, np.random.default_rng(0))):
                raise self._empty()

    @property
    def free(self) -> bool:
        """Whether the bounds are the only constraints."""
        return not self.linear and self._allowed is None

    @property
    def size(self) -> int:
        """How many points there are within the bounds, constraints aside."""
        return int(np.prod(self.top.astype(object) + 1))

    def values(self, steps: Steps) -> Floats:
        """Values of points, in units, shape (points, parameters)."""
        values: Floats = self._lower + steps * self._resolution
        return values

    def keeps(self, steps: Steps) -> NDArray[np.bool_]:
        """Which points lie within the bounds and keep every constraint, shape (points,)."""
        kept: NDArray[np.bool_] = np.all((steps >= 0) & (steps <= self.top), axis=1)
        if self.free or not kept.any():
            return kept
        values = self.values(steps)
        sums = values @ self._weights.T
        dust = 1e-9 * (1 + np.abs(sums))
        kept &= np.all((sums >= self._low - dust) & (sums <= self._high + dust), axis=1)
        if self._allowed is not None and kept.any():
            columns = {p.name: values[kept, j] for j, p in enumerate(self.parameters)}
            kept[kept] = np.asarray(self._allowed(columns), dtype=bool)
        return kept

    def draw(self, n: int, rng: np.random.Generator) -> Steps:
        """At most n different points: a Latin hypercube of those allowed, completed by uniform draws.

        All points in random order where n covers them.
        """
        if self._count_all():
            assert self._every is not None
            if n >= len(self._every):
                return self._every[rng.permutation(len(self._every))]
        elif n >= self.size:
            return self._all()[rng.permutation(self.size)]
        strata = np.stack([rng.permutation(max(n, 1)) for _ in self.parameters], axis=1)
        spread = (strata + rng.random(strata.shape)) / max(n, 1)
        first = np.floor(spread * (self.top + 1)).astype(np.int64)
        rows = dict.fromkeys(map(tuple, first[self.keeps(first)].tolist()))
        tries = 0
        while len(rows) < n and (self.free or tries < TRIES):
            rows.update(dict.fromkeys(map(tuple, self._more(n, rng).tolist())))
            tries += 1
        return np.array(list(rows)[:n], dtype=np.int64).reshape(-1, len(self.top))

    def near(self, parents: Steps, n: int, rng: np.random.Generator) -> Steps:
        """At most n different points near the parents: each a parent with one to all parameters moved a little.

        Moves are normal with a width drawn between one step and a fifth of the range.
        """
        start = parents[rng.integers(len(parents), size=4 * n)]
        width = np.exp(rng.uniform(np.log(0.6), np.log(np.maximum(self.top / 5, 1.0)), size=start.shape))
        moved = rng.random(start.shape) < rng.uniform(1 / len(self.top), 1, size=(len(start), 1))
        near = np.clip(start + np.rint(rng.normal(size=start.shape) * width).astype(np.int64) * moved, 0, self.top)
        return self.distinct(near[self.keeps(near)], parents)[:n]

    def distinct(self, steps: Steps, without: Steps) -> Steps:
        """Different points in this order, those of `without` left out."""
        left = dict.fromkeys(map(tuple, steps.tolist()))
        for row in map(tuple, without.tolist()):
            left.pop(row, None)
        return np.array(list(left), dtype=np.int64).reshape(-1, len(self.top))

    def unit(self, steps: Steps) -> Floats:
        """Points with each parameter from 0 (lower) to 1 (upper)."""
        return steps / np.maximum(self.top, 1)

    def _count_all(self) -> bool:
        """Whether the lattice is constrained and small enough to be looked through; then `_every` holds it."""
        if self.free or self.size > COUNTED:
            return False
        if self._every is None:
            every = self._all()
            self._every = every[self.keeps(every)]
        return True

    def _all(self) -> Steps:
        return np.stack(np.unravel_index(np.arange(self.size), self.top + 1), axis=1)

    def _more(self, n: int, rng: np.random.Generator) -> Steps:
        """Uniform draws that keep the constraints; where few do, points of a random walk inside them."""
        if self._every is not None:
            return self._every[rng.integers(len(self._every), size=n)]
        drawn = rng.integers(0, self.top + 1, size=(max(n, 64), len(self.top)))
        kept = drawn[self.keeps(drawn)]
        if self.free or len(kept) > len(drawn) // 50:
            return kept
        walked = self._walk(max(n, 64), rng)
        return np.concatenate([kept, walked[self.keeps(walked)]])

    def _walk(self, n: int, rng: np.random.Generator) -> Steps:
        """Hit-and-run (Smith 1984, Operations Research 32:1296) over the linear constraints, rounded to steps.

        Uniform over the polytope in the limit; rounding moves a point by half a step at most. Every other move changes
        a few parameters along the constraints that leave little room (shares that sum to one), where a free one would
        hardly move.
        """
        from scipy.linalg import null_space

        weights, low, high = self._in_unit()
        size = np.linalg.norm(weights, axis=1)
        narrow = weights[(size > 0) & (high - low < THIN * size)]
        columns = len(self.top)
        few = min(columns, len(narrow) + 1)
        point, points = self._inside.copy(), np.empty((n, columns))
        for i in range(-SETTLE, n):
            for turn in range(2 * columns):
                line = rng.normal(size=columns)
                if turn % 2:
                    chosen = rng.choice(columns, size=few, replace=False)
                    basis = null_space(narrow[:, chosen]) if len(narrow) else np.eye(few)
                    if basis.shape[1]:
                        line = np.zeros(columns)
                        line[chosen] = basis @ rng.normal(size=basis.shape[1])
                line /= np.linalg.norm(line)
                slope, at = weights @ line, weights @ point
                with np.errstate(divide="ignore", invalid="ignore"):
                    ends = np.stack([(low - at) / slope, (high - at) / slope])
                ends = np.sort(ends[:, np.abs(slope) > 1e-12], axis=0)
                start, stop = float(ends[0].max()), float(ends[1].min())
                if stop > start:
                    point = point + line * rng.uniform(start, stop)
            if i >= 0:
                points[i] = point
        return np.rint(np.clip(points, 0, 1) * self.top).astype(np.int64)

    def _in_unit(self) -> tuple[Floats, Floats, Floats]:
        """Bounds and linear constraints on parameters between 0 and 1: weights, low and high."""
        span = self.top * self._resolution
        base = self._weights @ self._lower
        own = np.eye(len(self.top))
        return (
            np.concatenate([own, self._weights * span]),
            np.concatenate([np.zeros(len(own)), self._low - base]),
            np.concatenate([np.ones(len(own)), self._high - base]),
        )

    def _interior(self) -> Floats:
        """A point far inside bounds and linear constraints (the Chebyshev centre), parameters between 0 and 1."""
        found = self._centre(range(len(self.linear)))
        if found is None:
            raise self._empty()
        return found

    def _centre(self, used: Sequence[int]) -> Floats | None:
        from scipy.optimize import linprog

        weights, low, high = self._in_unit()
        rows = [*range(len(self.top)), *(len(self.top) + i for i in used)]
        both = np.concatenate([weights[rows], -weights[rows]])
        bound = np.concatenate([high[rows], -low[rows]])
        both, bound = both[np.isfinite(bound)], bound[np.isfinite(bound)]
        sides = np.column_stack([both, np.linalg.norm(both, axis=1)])
        goal = np.zeros(sides.shape[1])
        goal[-1] = -1.0
        found = linprog(goal, A_ub=sides, b_ub=bound + 1e-9, bounds=[(None, None)] * len(self.top) + [(0, None)])
        return np.asarray(found.x[:-1]) if found.success else None

    def _empty(self) -> BadInput:
        """Which constraints leave nothing: each without which something would be left, or all of them."""
        every = range(len(self.linear))
        blamed = [str(self.linear[i]) for i in every if self._centre([j for j in every if j != i]) is not None]
        shown = "; ".join(blamed or map(str, self.linear)) or "the field's own condition"
        return BadInput(
            f"the space is empty: no point within the bounds keeps {shown}",
            where="[[space.linear]]",
            remedy="widen the bounds or loosen the constraint",
        )


def parameters_of(table: Any, where: str = "[space.parameters]") -> list[Parameter]:
    """Parameters as a specification writes them: name -> {lower, upper, resolution, unit}.

    Raises:
        BadInput: names the parameter and the key.
    """
    if not isinstance(table, Mapping) or not table:
        raise BadInput("a space needs parameters", where=where, remedy="give each a lower, upper, resolution and unit")
    made = []
    for name, values in table.items():
        keys = set(values) if isinstance(values, Mapping) else set()
        if not {"lower", "upper", "resolution"} <= keys <= {"lower", "upper", "resolution", "unit"}:
            raise BadInput(
                f"the parameter {name!r} is not understood",
                where=where,
                remedy="give each a lower, upper, resolution and unit",
            )
        numbers = (values["lower"], values["upper"], values["resolution"])
        if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in numbers):
            raise BadInput(
                f"a bound of {name!r} is no number", where=where, remedy="write numbers without quotes, as in 24 or 0.5"
            )
        lower, upper, resolution = map(float, numbers)
        made.append(Parameter(str(name), lower, upper, resolution, str(values.get("unit", "1"))))
    return made


def linear_of(rows: Any, where: str = "[[space.linear]]") -> list[Linear]:
    """Linear constraints as a specification writes them: {terms = {name = weight}, low = …, high = …}."""
    made = []
    for row in rows or ():
        keys = set(row) if isinstance(row, Mapping) else set()
        if "terms" not in keys or not keys <= {"terms", "low", "high"} or not isinstance(row["terms"], Mapping):
            raise BadInput(
                "a linear constraint is not understood",
                where=where,
                remedy="write terms = { name = weight, … } and low = … or high = …",
            )
        made.append(Linear({str(k): float(v) for k, v in row["terms"].items()}, row.get("low"), row.get("high")))
    return made
