"""Recipes and schedules: named parameters with units, bounds, a resolution and constraints.

Both are stored as whole numbers of steps from each lower bound, so that equal designs have one id whatever unit or last
decimal they were written in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Floats
from dure.design.lattice import Allowed, Lattice, Linear, Parameter, Steps

__all__ = ["BoxSpace", "GridSpace", "Linear", "Parameter", "ScheduleSpace", "values_of"]


class GridSpace(ABC):
    """A lattice whose points are candidates; what a point is called is a recipe's or a schedule's affair."""

    kind: str
    lattice: Lattice

    @abstractmethod
    def candidate(self, steps: Sequence[int]) -> Candidate:
        """The candidate of a point."""

    @abstractmethod
    def steps(self, candidate: Candidate) -> list[int] | None:
        """The point of a candidate; None when it is none of these parameters."""

    @property
    def size(self) -> int:
        """How many designs there are within the bounds, constraints aside."""
        return self.lattice.size

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different designs: a Latin hypercube, and uniform draws in place of doubles."""
        return self._all(self.lattice.draw(n, rng))

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        """At most n different designs near the parents: each a parent with one to all parameters moved a little."""
        if not parents:
            return []
        return self._all(self.lattice.near(self.points(parents), n, rng))

    def contains(self, candidate: Candidate) -> bool:
        """Whether it is a design of these parameters within their bounds that keeps the constraints."""
        steps = self.steps(candidate) if candidate.kind == self.kind else None
        return steps is not None and bool(self.lattice.keeps(np.array([steps], dtype=np.int64))[0])

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        """One unit block, shape (candidates, parameters), each column from 0 (lower) to 1 (upper)."""
        return (FeatureBlock(self.kind, "unit", self.lattice.unit(self.points(candidates))),)

    def points(self, candidates: Sequence[Candidate]) -> Steps:
        """The points of candidates of this space, shape (candidates, parameters)."""
        return np.array([self.steps(c) for c in candidates], dtype=np.int64).reshape(-1, len(self.lattice.top))

    def at(self, unit: Floats) -> list[Candidate]:
        """The different candidates nearest to points between 0 and 1, those that break a constraint left out.

        Args:
            unit: shape (points, parameters); what lies outside is moved to the bound.
        """
        steps = np.rint(np.clip(unit, 0, 1) * self.lattice.top).astype(np.int64)
        return self._all(
            self.lattice.distinct(
                steps[self.lattice.keeps(steps)], np.empty((0, len(self.lattice.top)), dtype=np.int64)
            )
        )

    def _all(self, steps: Steps) -> list[Candidate]:
        return [self.candidate(row) for row in steps.tolist()]


class BoxSpace(GridSpace):
    """All recipes within the bounds of their parameters.

    Args:
        parameters: in any order.
        linear: constraints on their values.
        allowed: a further condition that a field puts on their values.

    Raises:
        BadInput: no parameter, a name twice, or constraints that nothing keeps.
    """

    kind = "recipe"

    def __init__(
        self, parameters: Sequence[Parameter], linear: Sequence[Linear] = (), allowed: Allowed | None = None
    ) -> None:
        self.parameters = _named(parameters)
        self.lattice = Lattice(self.parameters, linear, allowed)

    def recipe(self, values: Mapping[str, float], units: Mapping[str, str] | None = None) -> Candidate:
        """The candidate of these values, in the parameters' own units unless `units` says otherwise.

        Raises:
            BadInput: a parameter too many or too few, or a value outside its bounds.
        """
        if set(values) != {p.name for p in self.parameters}:
            raise BadInput(f"a recipe gives {[p.name for p in self.parameters]}, not {sorted(values)}")
        return self.candidate([p.snap(values[p.name], (units or {}).get(p.name)) for p in self.parameters])

    def values(self, candidate: Candidate) -> dict[str, float]:
        """The values of a recipe, each in its parameter's unit."""
        return {p.name: p.value(int(candidate.content[p.name])) for p in self.parameters}

    def candidate(self, steps: Sequence[int]) -> Candidate:
        content = {p.name: int(s) for p, s in zip(self.parameters, steps, strict=True)}
        form = {p.name: {"unit": p.unit, "value": p.value(content[p.name])} for p in self.parameters}
        return Candidate(self.kind, content, form)

    def steps(self, candidate: Candidate) -> list[int] | None:
        if set(candidate.content) != {p.name for p in self.parameters}:
            return None
        found = [candidate.content[p.name] for p in self.parameters]
        return found if all(map(_is_step, found)) else None


class ScheduleSpace(GridSpace):
    """All schedules: a value of each parameter for each phase (an hour, a day, a stage of a batch).

    Args:
        parameters: in any order.
        phases: how many.
        linear: constraints; a parameter's own name stands for the sum over its phases, `name@2` for its second phase.

    Raises:
        BadInput: no parameter or no phase, a name twice, or constraints that nothing keeps.
    """

    kind = "schedule"

    def __init__(self, parameters: Sequence[Parameter], phases: int, linear: Sequence[Linear] = ()) -> None:
        self.parameters, self.phases = _named(parameters), phases
        if phases < 1:
            raise BadInput(f"a schedule of {phases} phases", where="[space], phases", remedy="write 1 or more")
        flat = [
            Parameter(_phase(p.name, i), p.lower, p.upper, p.resolution, p.unit)
            for p in self.parameters
            for i in range(phases)
        ]
        self.lattice = Lattice(flat, [self._spread(constraint) for constraint in linear])

    def _spread(self, constraint: Linear) -> Linear:
        """The constraint with each parameter that is meant as a sum written out phase by phase."""
        terms: dict[str, float] = {}
        names = {p.name for p in self.parameters}
        for name, weight in constraint.terms.items():
            for phase in [_phase(name, i) for i in range(self.phases)] if name in names else [name]:
                terms[phase] = terms.get(phase, 0.0) + weight
        return Linear(terms, constraint.low, constraint.high)

    def candidate(self, steps: Sequence[int]) -> Candidate:
        rows = np.asarray(steps, dtype=np.int64).reshape(len(self.parameters), self.phases).tolist()
        content = {p.name: row for p, row in zip(self.parameters, rows, strict=True)}
        form = {p.name: {"unit": p.unit, "values": [p.value(s) for s in content[p.name]]} for p in self.parameters}
        return Candidate(self.kind, content, form)

    def steps(self, candidate: Candidate) -> list[int] | None:
        if set(candidate.content) != {p.name for p in self.parameters}:
            return None
        rows = [candidate.content[p.name] for p in self.parameters]
        if not all(isinstance(row, list | tuple) and len(row) == self.phases for row in rows):
            return None
        found = [step for row in rows for step in row]
        return found if all(map(_is_step, found)) else None


def values_of(candidate: Candidate) -> dict[str, Any]:
    """The values of a recipe (a number each) or of a schedule (a list of one a phase), in the units of its form."""
    return {name: given.get("value", given.get("values")) for name, given in candidate.form.items()}


def _phase(name: str, index: int) -> str:
    return f"{name}@{index + 1}"


def _is_step(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _named(parameters: Sequence[Parameter]) -> tuple[Parameter, ...]:
    ordered = tuple(sorted(parameters, key=lambda p: p.name))
    if not ordered or len({p.name for p in ordered}) < len(ordered):
        raise BadInput("a recipe needs at least one parameter, each with a name of its own")
    return ordered
