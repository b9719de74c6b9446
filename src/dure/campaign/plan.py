"""What a campaign would do from here on, said before it costs anything: a dry run changes nothing.

The steps come from the same pure function that drives the campaign, fed with outcomes as if every candidate passed and
every assay gave a value; so the plan is the most that will happen. Nothing is prepared, ordered or recorded for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dure.base.canonical import canonical, digest_bytes
from dure.base.errors import NotFound
from dure.campaign import journal
from dure.campaign.field import Field, load_field, simulator_of
from dure.campaign.journal import Journal
from dure.campaign.problem import Problem
from dure.campaign.run import Parts, Run
from dure.campaign.setup import Setup
from dure.campaign.spec import Specification
from dure.campaign.state import State, Step, apply, next_step
from dure.data import datasets
from dure.data.sourcefiles import OWN
from dure.data.sources import find_source
from dure.verify.ladder import Ladder
from dure.verify.plan import PlannedRung


@dataclass(frozen=True)
class PlannedStep:
    """One step as it is foreseen.

    Attributes:
        name, round: as in `campaign.state.Step`.
        candidates: how many it is about, at most.
        assays: how many orders it places: what it costs.
        cpu_seconds: of its checks, roughly; 0 where it has none.
        checks: the rungs it would climb.
        orders: candidate ids, where they are known already.
    """

    name: str
    round: int
    candidates: int = 0
    assays: int = 0
    cpu_seconds: float = 0.0
    checks: tuple[PlannedRung, ...] = ()
    orders: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {**vars(self), "checks": [rung.as_json() for rung in self.checks], "orders": list(self.orders)}


@dataclass(frozen=True)
class Plan:
    """All that would follow.

    Attributes:
        campaign: the campaign that would go on; None when a new one would be started.
        status: `new`, `running`, `finished` or `stopped`.
        rows: rows of the user's file; None where no file is read.
        laboratory: the driver and the assay's settings.
        steps: in order.
        missing: what has to be done first.
    """

    campaign: str | None
    status: str
    rows: int | None
    laboratory: Mapping[str, Any]
    steps: tuple[PlannedStep, ...]
    missing: tuple[str, ...] = ()

    @property
    def assays(self) -> int:
        """All assays it would still order."""
        return sum(step.assays for step in self.steps)

    @property
    def cpu_seconds(self) -> float:
        """Of all checks, roughly; the design's and the controls' own come on top."""
        return sum(step.cpu_seconds for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            **vars(self),
            "laboratory": dict(self.laboratory),
            "steps": [step.as_json() for step in self.steps],
            "missing": list(self.missing),
            "assays": self.assays,
            "cpu_seconds": self.cpu_seconds,
        }


def plan(parts: Parts, spec: Specification, *, again: bool = False) -> Plan:
    """What `dure run` would do with this specification.

    Raises:
        BadInput: the specification or its file would be refused.
    """
    field = load_field(spec.field)
    ladder = field.ladder(spec.ladder)
    known = _campaign_of(parts, spec)
    if known is not None and again and known.state.stopped is not None:
        known = None
    problem = known.problem if known else _unprepared(spec, ladder)
    state = known.state if known else State()
    rows, missing = (None, ()) if known else _inputs(parts, spec)
    finalists, why = _finalists(parts, field, spec)
    foreseen = _Foreseen(problem, ladder, finalists, known.setup.size if known else rows)
    return Plan(
        campaign=known.identifier if known else None,
        status=_status(known),
        rows=rows,
        laboratory={name: value for name, value in spec.lab.items() if name != "column"},
        steps=tuple(foreseen.steps(state)),
        missing=tuple(dict.fromkeys([*missing, *([why] if why else [])])),
    )


def look(parts: Parts, row: Any) -> Run:
    """A campaign to look at, by its row: nothing is sealed, ordered or recorded, and no laboratory is reached."""
    setup = Setup.from_bytes(parts.objects.get(row.setup))
    steps = Journal(parts.objects, parts.registry, row.id)
    run = Run(parts, row.id, row.owner, setup, steps, None, row.ordinal)  # type: ignore[arg-type]
    run.load()
    return run


def _campaign_of(parts: Parts, spec: Specification) -> Run | None:
    """The newest campaign that was set up from exactly this specification."""
    wanted = digest_bytes(canonical(spec.written()))
    with parts.act("system:campaign").read() as reader:
        rows = journal.everything(reader)
    for row in reversed(rows):
        if row.field == spec.field and Setup.from_bytes(parts.objects.get(row.setup)).specification == wanted:
            return look(parts, row)
    return None


def _status(known: Run | None) -> str:
    if known is None:
        return "new"
    stopped = known.state.stopped is not None
    return "running" if not stopped else "stopped" if "stop" in known.state.closed else "finished"


def _unprepared(spec: Specification, ladder: Ladder) -> Problem:
    """The problem as far as the specification alone says it: its pool and its values have no digest yet."""
    return Problem(
        field=spec.field,
        name=spec.name,
        space=dict(spec.space),
        objective=spec.objective,
        ladder={"digest": ladder.digest, "settings": dict(spec.ladder)},
        lab=dict(spec.lab),
        budget=spec.budget,
        strategy=dict(spec.strategy),
        finalists=dict(spec.finalists),
        controls=dict(spec.controls),
        seed=spec.seed,
    )


def _inputs(parts: Parts, spec: Specification) -> tuple[int | None, tuple[str, ...]]:
    """How many rows the file has, and what is missing before a campaign could start."""
    wanted = [(spec.space["source"], str(spec.space.get("part")))] if "source" in spec.space else []
    if spec.lab["driver"] == "simulated":
        reads = simulator_of(load_field(spec.field), spec.lab).reads(spec.lab)
        wanted += [(source, part) for source, part, _ in reads if source != OWN]
    if wanted:
        with parts.act("system:data").read() as reader:
            missing = [s for s, part in wanted if datasets.find_part(reader, find_source(s).name, part) is None]
        return None, tuple(f"dure fetch {source}" for source in dict.fromkeys(missing))
    if "file" in spec.space and spec.folder is not None:
        from dure.data.tables import read_table

        return read_table(spec.folder / str(spec.space["file"])).table.num_rows, ()
    return None, ()


def _finalists(parts: Parts, field: Field, spec: Specification) -> tuple[Ladder | None, str | None]:
    """The ladder of the finalists; or why there will be none."""
    if not spec.finalists.get("n") or field.finalists is None:
        return None, None

    try:
        return field.finalists(spec.finalists, parts.read_source), None
    except NotFound as error:
        return None, (error.remedy or "").removeprefix("fetch it with: ")


@dataclass(frozen=True)
class _Foreseen:
    problem: Problem
    ladder: Ladder
    finalists: Ladder | None
    size: int | None

    def steps(self, state: State) -> Iterator[PlannedStep]:
        """Every step from this state on."""
        while (step := next_step(self.problem, state)) is not None:
            yield self._planned(step, state)
            state = apply(state, {"step": step.name, "round": step.round}, self._outcome(step, state))

    def _planned(self, step: Step, state: State) -> PlannedStep:
        current = state.current
        if step.name == "propose":
            return PlannedStep(step.name, step.round, candidates=self._proposable(step, state))
        if step.name == "verify" and current is not None:
            return self._climb(step, self.ladder, len(current.proposals[-1]))
        if step.name == "order" and current is not None:
            real = tuple(c for c in current.passed if c.startswith("b3:"))
            return PlannedStep(step.name, step.round, len(current.passed), len(current.passed), orders=real)
        if step.name == "read" and current is not None:
            return PlannedStep(step.name, step.round, candidates=len(current.ordered or ()))
        if step.name == "examine":
            n = min(int(self.problem.finalists["n"]), state.ordered)
            return self._climb(step, self.finalists, n) if self.finalists else PlannedStep(step.name, 0, n)
        return PlannedStep(step.name, step.round)

    def _climb(self, step: Step, ladder: Ladder, n: int) -> PlannedStep:
        rungs = ladder.plan(n)
        return PlannedStep(step.name, step.round, n, 0, sum(rung.cpu_seconds for rung in rungs), rungs)

    def _proposable(self, step: Step, state: State) -> int:
        proposed = sum(len(ids) for turn in state.rounds for ids in turn.proposals)
        return step.n if self.size is None else max(0, min(step.n, self.size - proposed))

    def _outcome(self, step: Step, state: State) -> dict[str, Any]:
        """As if every candidate passed and every assay gave a value."""
        current = state.current
        if step.name == "propose":
            count = sum(len(ids) for turn in state.rounds for ids in turn.proposals)
            ids = [f"foreseen-{count + i}" for i in range(self._proposable(step, state))]
            return {"candidates": ids, "predictions": None, "wanted": step.n}
        if current is None or step.round == 0:
            return {"reason": "foreseen"}
        if step.name == "verify":
            return {"passed": current.proposals[-1], "refused": [], "verdicts": "", "skipped": []}
        if step.name == "order":
            return {"orders": [[candidate, 1] for candidate in current.passed]}
        return {"results": [[candidate, 0.0, None, "=", None] for candidate in current.ordered or ()]}
