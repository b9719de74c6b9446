"""A recipe space: named parameters with units, bounds and a resolution.

A recipe is stored as a whole number of steps from each lower bound, so that equal recipes have one id whatever unit or
last decimal they were written in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.units import check_unit, convert
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock

Steps = NDArray[np.int64]


@dataclass(frozen=True)
class Parameter:
    """One knob of a recipe.

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


class BoxSpace:
    """All recipes within the bounds of their parameters.

    Raises:
        BadInput: no parameter, or a name twice.
    """

    kind = "recipe"

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(sorted(parameters, key=lambda p: p.name))
        if not self.parameters or len({p.name for p in self.parameters}) < len(self.parameters):
            raise BadInput("a recipe needs at least one parameter, each with a name of its own")
        self._top = np.array([p.steps for p in self.parameters], dtype=np.int64)

    @property
    def size(self) -> int:
        """How many recipes there are."""
        return int(np.prod(self._top.astype(object) + 1))

    def recipe(self, values: Mapping[str, float], units: Mapping[str, str] | None = None) -> Candidate:
        """The candidate of these values, in the parameters' own units unless `units` says otherwise.

        Raises:
            BadInput: a parameter too many or too few, or a value outside its bounds.
        """
        if set(values) != {p.name for p in self.parameters}:
            raise BadInput(f"a recipe gives {[p.name for p in self.parameters]}, not {sorted(values)}")
        return self._candidate([p.snap(values[p.name], (units or {}).get(p.name)) for p in self.parameters])

    def values(self, candidate: Candidate) -> dict[str, float]:
        """The values of a recipe, each in its parameter's unit."""
        return {p.name: p.value(int(candidate.content[p.name])) for p in self.parameters}

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different recipes: a Latin hypercube, and uniform draws in place of doubles."""
        strata = np.stack([rng.permutation(max(n, 1)) for _ in self.parameters], axis=1)
        spread = (strata + rng.random(strata.shape)) / max(n, 1)
        return self._fill(n, np.floor(spread * (self._top + 1)).astype(np.int64), rng)

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different recipes near the parents: each a parent with one to all parameters moved a little.

        Moves are normal with a width drawn between one step and a fifth of the range.
        """
        if not parents:
            return []
        own = np.array([self._steps(p) for p in parents], dtype=np.int64)
        start = own[rng.integers(len(own), size=4 * n)]
        width = np.exp(rng.uniform(np.log(0.6), np.log(np.maximum(self._top / 5, 1.0)), size=start.shape))
        moved = rng.random(start.shape) < rng.uniform(1 / len(self._top), 1, size=(len(start), 1))
        near = start + np.rint(rng.normal(size=start.shape) * width).astype(np.int64) * moved
        near = np.clip(near, 0, self._top)
        taken = {p.id for p in parents}
        return [c for c in self._distinct(near) if c.id not in taken][:n]

    def contains(self, candidate: Candidate) -> bool:
        """Whether it is a recipe of these parameters within their bounds."""
        if candidate.kind != self.kind or set(candidate.content) != {p.name for p in self.parameters}:
            return False
        steps = [candidate.content[p.name] for p in self.parameters]
        return all(type(s) is int and 0 <= s <= top for s, top in zip(steps, self._top, strict=True))

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        """One unit block, shape (candidates, parameters), each column from 0 (lower) to 1 (upper)."""
        steps = np.array([self._steps(c) for c in candidates], dtype=float).reshape(len(candidates), len(self._top))
        return (FeatureBlock("recipe", "unit", steps / np.maximum(self._top, 1)),)

    def _steps(self, candidate: Candidate) -> list[int]:
        return [candidate.content[p.name] for p in self.parameters]

    def _candidate(self, steps: Sequence[int]) -> Candidate:
        content = {p.name: int(s) for p, s in zip(self.parameters, steps, strict=True)}
        form = {p.name: {"unit": p.unit, "value": p.value(content[p.name])} for p in self.parameters}
        return Candidate(self.kind, content, form)

    def _distinct(self, steps: Steps) -> list[Candidate]:
        return [self._candidate(row) for row in dict.fromkeys(map(tuple, steps.tolist()))]

    def _fill(self, n: int, steps: Steps, rng: np.random.Generator) -> list[Candidate]:
        """The first n distinct rows, completed by uniform draws; all recipes in random order where n covers them."""
        if n >= self.size:
            every = np.stack(np.unravel_index(rng.permutation(self.size), self._top + 1), axis=1)
            return self._distinct(every)
        rows = dict.fromkeys(map(tuple, steps.tolist()))
        while len(rows) < n:
            rows.update(dict.fromkeys(map(tuple, rng.integers(0, self._top + 1, size=(n, len(self._top))).tolist())))
        return [self._candidate(row) for row in list(rows)[:n]]
