"""One campaign being carried on: the parts it needs, and the loop `next_step` → perform → append."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dure.access.act import Act
from dure.base.canonical import canonical
from dure.base.clock import Clock
from dure.base.types import Resource
from dure.campaign.field import Field, load_field
from dure.campaign.journal import Journal
from dure.campaign.problem import Problem
from dure.campaign.setup import Setup
from dure.campaign.state import Measured, State, Step, apply, fold, next_step
from dure.compute.record import Tasks
from dure.data import evidence
from dure.data.sourcefiles import read_source
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Floats, Knowledge, Space, Strategy, stacked
from dure.design.strategies import strategy
from dure.lab.orders import Driver
from dure.lab.potency import flip
from dure.store.kinds import Registry
from dure.store.objects import Objects
from dure.verify.ladder import Ladder


@dataclass(frozen=True)
class Parts:
    """What the composition root gives a campaign.

    Attributes:
        objects, registry, clock, tasks: the hub's.
        act: makes an act of a principal.
        folder: where the laboratory's files and reports go.
        zone: the hub's time zone.
        origin: the ledger's name, for provenance.
    """

    objects: Objects
    registry: Registry
    clock: Clock
    tasks: Tasks
    act: Callable[[str], Act]
    folder: Path
    zone: tzinfo
    origin: str = ""

    def read_source(self, source: str, part: str, name: str) -> bytes:
        """The bytes of one file of a source, read by the hub's part for data."""
        return read_source(self.act("system:data"), self.objects, source, part, name)


class Watcher(Protocol):
    """Is told how a campaign goes on; the live display is one, silence another."""

    def step(self, step: Step, state: State) -> None:
        """A step begins."""
        ...

    def done(self, step: Step, state: State, outcome: Mapping[str, Any]) -> None:
        """A step's outcome is in the ledger."""
        ...


class Silent:
    """Says nothing."""

    def step(self, step: Step, state: State) -> None:
        return

    def done(self, step: Step, state: State, outcome: Mapping[str, Any]) -> None:
        return


@dataclass
class Run:
    """A campaign with its state in hand. One process at a time; the journal refuses a second one's steps.

    Attributes:
        parts: see `Parts`.
        identifier: the campaign's id.
        owner: who started it.
        setup: what it was set up from.
        journal: its steps in the ledger.
        state: the fold of them.
        driver: the way to the laboratory.
        ordinal: 1 for the first campaign of its problem; each draws its own random numbers.
        fresh: keys of the orders that this process placed itself.
        known: every candidate proposed so far, by id.
        counted: processor time of this process and of its tasks that steps have been charged with, in seconds.
    """

    parts: Parts
    identifier: str
    owner: str
    setup: Setup
    journal: Journal
    driver: Driver
    ordinal: int = 1
    state: State = field(default_factory=State)
    fresh: set[str] = field(default_factory=set)
    known: dict[str, Candidate] = field(default_factory=dict)
    counted: float = 0.0

    def __post_init__(self) -> None:
        self.counted = self._taken()

    def _taken(self) -> float:
        return time.process_time() + self.parts.tasks.cpu_seconds

    @property
    def uncounted(self) -> float:
        """Processor time since the last step was recorded, tasks included, in seconds."""
        return self._taken() - self.counted

    @property
    def problem(self) -> Problem:
        return self.setup.problem

    @cached_property
    def field_(self) -> Field:
        return load_field(self.problem.field)

    @cached_property
    def ladder(self) -> Ladder:
        return self.field_.ladder(self.problem.ladder["settings"])

    @cached_property
    def strategy(self) -> Strategy:
        return strategy(self.problem.strategy["name"])

    @cached_property
    def space(self) -> Space:
        return open_space(self.parts.objects, self.field_, self.setup)

    @property
    def assay(self) -> str:
        """Digest of the assay's description."""
        return str(self.problem.lab["assay"])

    def act(self, part: str) -> Act:
        """An act of one of the hub's parts."""
        return self.parts.act(f"system:{part}")

    def rng(self, *step: object) -> np.random.Generator:
        """Randomness of one step: seeded by the digest of the design's half of the problem, and the step."""
        return np.random.default_rng(seed_of(self.problem, self.ordinal, *step))

    def load(self) -> None:
        """Reads the state from the ledger, and the designs it speaks of."""
        with self.act("campaign").read() as reader:
            steps = self.journal.load(reader)
        self.state = fold(steps)
        for body, outcome in steps:
            if body["step"] == "propose":
                self.remember(outcome)

    def designs(self, ids: Sequence[str]) -> list[Candidate]:
        """The candidates of these ids, which this campaign has proposed."""
        return [self.known[identifier] for identifier in ids]

    def remember(self, outcome: Mapping[str, Any]) -> None:
        """Keeps the candidates of a proposal at hand."""
        for kind, content, form in json.loads(self.parts.objects.get(outcome["designs"])):
            candidate = Candidate(kind, content, form)
            self.known[candidate.id] = candidate

    def knowledge(self) -> Knowledge:
        """All that the strategy may know now; values are turned so that more is better."""
        return knowledge_of(self.problem, self.state, self.known, getattr(self.space, "__len__", lambda: None)())

    def put_designs(self, candidates: Sequence[Candidate]) -> str:
        """Stores candidates and returns the object's digest."""
        return self.parts.objects.put(canonical([[c.kind, dict(c.content), dict(c.form)] for c in candidates]))

    def record(
        self, step: Step, outcome: Mapping[str, Any], frames: Sequence[evidence.Frame] = (), **more: Any
    ) -> None:
        """Appends a step by `system:campaign` with its evidence and its processor time, and moves the state on."""
        act = self.act("campaign")
        act.require("campaign.step", Resource("campaign", self.identifier))
        for kind in sorted({frame.kind for frame in frames}):
            evidence.require(act, self.identifier, kind)
        placed = more.get("placed", ())
        if placed:
            left = self.problem.budget.assays - self.state.ordered
            order = Resource("order", self.identifier, {"state": "new", "owner": self.owner})
            act.require("order.place", order, cost=len(placed), budget_left=left)
        outcome = {**outcome, "cpu_ms": round(1000 * self.uncounted)}
        self.counted = self._taken()
        body = self.journal.append(act, step, outcome, frames, placed)
        self.state = apply(self.state, body, outcome)


def seed_of(problem: Problem, *step: object) -> list[int]:
    """The seed of a step's randomness, as 32-bit words."""
    from dure.base.canonical import digest

    name = digest([problem.design_digest, problem.seed, *step]).removeprefix("b3:")
    return [int(name[i : i + 8], 16) for i in range(0, 64, 8)]


def knowledge_of(problem: Problem, state: State, known: Mapping[str, Candidate], size: int | None) -> Knowledge:
    """What a strategy may know of a state."""
    sign = problem.objective.sign
    newest = state.newest
    qualifiers = [m.qualifier for m in newest.values()]
    pending = [c for r in state.rounds if r.results is None for c in (r.ordered or r.passed)]
    return Knowledge(
        measured=tuple(known[c] for c in newest),
        values=np.array([sign * (m.value or 0.0) for m in newest.values()]),
        sd=np.array([np.nan if m.sd is None else m.sd for m in newest.values()]),
        qualifiers=tuple(qualifiers if sign > 0 else flip(qualifiers).tolist()),
        pending=tuple(known[c] for c in pending),
        refused=state.refused,
        assays_left=problem.budget.assays - state.ordered,
        pool_size=size,
        slack=slack_of(problem, list(newest.values())),
    )


def slack_of(problem: Problem, results: Sequence[Measured]) -> Floats:
    """Slack of results as `Knowledge` holds it, shape (results, constraints)."""
    constraints = len(problem.objective.constraints)
    if not constraints:
        return np.empty((0, 0))
    return np.array([m.slack for m in results], dtype=float).reshape(len(results), constraints)


def open_space(objects: Objects, field_: Field, setup: Setup) -> Space:
    """The space of a set-up: its pool with its features, or the field's own space."""
    import io

    import pyarrow.parquet as pq

    from dure.design.pool import PoolSpace

    if setup.pool is None:
        return own_space(field_, setup.problem.space)
    table = pq.read_table(io.BytesIO(objects.get(setup.pool)))
    blocks = read_blocks(field_, [objects.get(digest) for digest in setup.features])
    return PoolSpace(setup.problem.space["candidates"], table.select(["id", "content", "form"]), blocks)


def own_space(field_: Field, table: Mapping[str, Any]) -> Space:
    """A space that needs no file: the field's own kind, or one that its description says all of."""
    from dure.design.described import described_space

    return field_.space(table) if field_.space else described_space(table)


def read_blocks(field_: Field, pieces: Sequence[bytes]) -> tuple[FeatureBlock, ...]:
    """The feature blocks of a pool from the results of its field's `features` task, in pool order."""
    if field_.read_features is None or not pieces:
        return ()
    return stacked([field_.read_features(piece) for piece in pieces])


def carry_on(run: Run, performers: Mapping[str, Callable[[Run, Step], None]], watcher: Watcher) -> State:
    """Steps until the campaign is finished; `Waiting` when a laboratory or a person has to act first."""
    run.load()
    while (step := next_step(run.problem, run.state)) is not None:
        watcher.step(step, run.state)
        performers[step.name](run, step)
        watcher.done(step, run.state, {})
    return run.state
