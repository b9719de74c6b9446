"""A problem: what is searched, what for, through which gates, at which laboratory, with how many assays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from dure.base.canonical import digest
from dure.base.errors import BadInput


@dataclass(frozen=True)
class Constraint:
    """A bound on another property of the same order.

    Attributes:
        property, unit: its name and UCUM unit.
        low, high: both allowed; None: open on that side.
    """

    property: str
    unit: str
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise BadInput(
                f"the constraint on {self.property!r} has no bound",
                where="objective.constraints",
                remedy="give low, high or both",
            )

    def slack(self, value: float) -> float:
        """How far inside a value lies, as a share of the bound (of 1 where it is 0); negative: broken by so much."""
        sides = [] if self.low is None else [(value - self.low) / (abs(self.low) or 1.0)]
        sides += [] if self.high is None else [(self.high - value) / (abs(self.high) or 1.0)]
        return min(sides)

    def __str__(self) -> str:
        low = f"{self.low:g} <= " if self.low is not None else ""
        high = f" <= {self.high:g}" if self.high is not None else ""
        return f"{low}{self.property}{high}" + (f" {self.unit}" if self.unit != "1" else "")


@dataclass(frozen=True)
class Objective:
    """The property to be made as good as possible.

    Attributes:
        property: its name, for example `pKi`.
        unit: UCUM; `1` for logarithms.
        direction: `maximise` or `minimise`.
        reference: what a logarithm refers to, for readers: `mol/L`.
        constraints: what a design must keep besides; a better design that breaks one is no better.
    """

    property: str
    unit: str
    direction: str = "maximise"
    reference: str = ""
    constraints: tuple[Constraint, ...] = ()

    def __post_init__(self) -> None:
        if self.direction not in ("maximise", "minimise"):
            raise BadInput(
                f"{self.direction!r} is no direction", where="objective.direction", remedy="write maximise or minimise"
            )

    def slack(self, values: Mapping[str, float]) -> tuple[float, ...]:
        """How far inside each constraint these values of its properties lie (see `Constraint.slack`)."""
        return tuple(constraint.slack(values[constraint.property]) for constraint in self.constraints)

    def describe(self) -> dict[str, Any]:
        """Canonical values."""
        values = asdict(self)
        # Problems without constraints keep the digest that they had before there were any.
        constraints = values.pop("constraints")
        return {**values, **({"constraints": constraints} if constraints else {})}

    @classmethod
    def from_description(cls, value: Mapping[str, Any]) -> Objective:
        """The inverse of `describe`."""
        return cls(**{**value, "constraints": tuple(Constraint(**c) for c in value.get("constraints", ()))})

    @cached_property
    def sign(self) -> float:
        """1 when more is better, -1 when less is."""
        return 1.0 if self.direction == "maximise" else -1.0


@dataclass(frozen=True)
class Budget:
    """How many assays, and in which batches: `first` once, then `rounds` times `batch`."""

    first: int
    batch: int
    rounds: int

    def __post_init__(self) -> None:
        for name in ("first", "batch"):
            if getattr(self, name) < 1:
                raise BadInput(
                    f"{getattr(self, name)} is less than one assay",
                    where=f"budget.{name}",
                    remedy="write 1 or more; rounds = 0 means the first batch alone",
                )
        if self.rounds < 0:
            raise BadInput(f"{self.rounds} rounds", where="budget.rounds", remedy="0 means the first batch alone")

    @property
    def assays(self) -> int:
        """All assays together."""
        return self.first + self.rounds * self.batch

    def size_of(self, round_: int) -> int:
        """The batch size of a round (1 is the first); 0 after the last."""
        return self.first if round_ == 1 else self.batch if round_ <= self.rounds + 1 else 0


@dataclass(frozen=True)
class Problem:
    """A problem with everything it refers to named by digest; its own digest names the campaign.

    Attributes:
        field: which plug-in's.
        name: its code when a field ships it (`drug/jak2`), otherwise None.
        space: `{"kind": "pool", "digest": …}` or the parameters of a space without a file.
        objective: what for.
        ladder: digest of the ladder's description, and the settings it was made from.
        lab: `driver`, `assay` (digest of protocol and conditions) and, for a replay, `wells` (digest of all values).
        budget: how many assays.
        strategy: name and settings.
        finalists: how many of the best are looked at more closely, and the settings of their checks.
        controls: how many seeds the controls run with; 0 where no truth is known.
        seed: of all randomness.
    """

    field: str
    name: str | None
    space: Mapping[str, Any]
    objective: Objective
    ladder: Mapping[str, Any]
    lab: Mapping[str, Any]
    budget: Budget
    strategy: Mapping[str, Any]
    finalists: Mapping[str, Any]
    controls: Mapping[str, Any]
    seed: int

    def describe(self) -> dict[str, Any]:
        """Canonical values."""
        return {
            "kind": "dure.problem",
            "v": 1,
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "objective": self.objective.describe(),
            "budget": asdict(self.budget),
        }

    @classmethod
    def from_description(cls, value: Mapping[str, Any]) -> Problem:
        """The inverse of `describe`."""
        given = {name: value[name] for name in cls.__dataclass_fields__}
        objective = Objective.from_description(value["objective"])
        return cls(**{**given, "objective": objective, "budget": Budget(**value["budget"])})

    @cached_property
    def digest(self) -> str:
        """Names the problem."""
        return digest(self.describe())

    @cached_property
    def design_digest(self) -> str:
        """Seeds all randomness of the design: everything but the laboratory, lest hidden values reach a seed."""
        described = self.describe()
        described.pop("lab")
        return digest(described)

    @property
    def scored(self) -> bool:
        """Whether the truth can be known at the end: a replay of published measurements."""
        return bool(self.lab["driver"] == "replay")


def campaign_id(problem: Problem, ordinal: int) -> str:
    """The campaign's name: the same problem and seed again is the same campaign, unless it is asked for `--again`."""
    return digest(["campaign", problem.digest, problem.seed, ordinal])
