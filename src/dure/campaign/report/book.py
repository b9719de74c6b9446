"""A campaign's journal and evidence at hand: what every section of its report is filled from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dure.campaign.answers import answers, predicted_before
from dure.campaign.climbing import ladder_of
from dure.campaign.report.data import Absent, Kind, Text, Value
from dure.campaign.run import Run
from dure.data import evidence
from dure.design.pool import PoolSpace
from dure.lab.potency import student
from dure.store.frames import get_frame
from dure.verify.gate import FLAG
from dure.verify.ladder import Ladder
from dure.verify.panel import TITLES as PANEL_TITLES

Row = Mapping[str, Any]
Found = tuple[Row, str]
"""A row of evidence and its trace id."""

MOST_DECIMALS = 6


class Book:
    """Everything that a report needs of one campaign, each part read once.

    Attributes:
        run: the campaign.
        property: of the objective; `sign` is 1 where more of it is better, -1 where less is.
        steps: (event body, outcome) of every step so far.
        score: what the control step found of a replay; None while nothing is scored.
        contrast: what the controls at a simulator reached; None where there are none.
        foreseen: mean and sd written down before the reading, by candidate.
        measured: newest value, by candidate.
        rounds: round of the newest value, by candidate.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.property = run.problem.objective.property
        self.sign = run.problem.objective.sign
        with run.act("campaign").read() as reader:
            self.steps = run.journal.read(reader)
        told: Mapping[str, Any] | None = run.state.closed.get("control")
        self.score = told if run.problem.scored else None
        self.contrast = None if run.problem.scored else told
        self.foreseen = predicted_before(run)
        self.measured = {m.candidate: float(m.value or 0.0) for m in run.state.measured}
        self.rounds = {m.candidate: r.number for r in run.state.rounds for m in (r.results or ()) if m.failed is None}

    def outcomes(self, step: str) -> list[Mapping[str, Any]]:
        """The outcomes of all steps of this name, oldest first."""
        return [outcome for body, outcome in self.steps if body["step"] == step]

    def read(self, candidate: str) -> Value:
        """The newest value that a laboratory gave for a candidate."""
        kinds = self._objective[candidate]
        return self._value(*(kinds.get("measured") or kinds["simulated"]))

    def lot(self, candidate: str) -> str:
        """The lot of which the newest value was measured; empty where none was named."""
        measured = self._objective[candidate].get("measured")
        return str(measured[0]["sample"] or "") if measured else ""

    def expected(self, candidate: str) -> Value | None:
        """What was predicted for a candidate before it was read."""
        found = self._objective.get(candidate, {}).get("predicted")
        return self._value(*found) if found else None

    def simulated(self, candidate: str) -> dict[str, Value]:
        """What simulations found of a candidate besides the objective, by property."""
        return {name: as_value(*found) for name, found in self._simulated.get(candidate, {}).items()}

    def examined(self, candidate: str) -> dict[str, Value]:
        """What the closer look at the finalists found of a candidate, by property."""
        return {name: as_value(*found) for name, found in self._examined.get(candidate, {}).items()}

    def name(self, candidate: str) -> str:
        """What people call a candidate."""
        return self.run.field_.label(self.run.known[candidate])

    def groups(self, candidates: Sequence[str]) -> dict[str, str]:
        """The group (scaffold) of each candidate; empty where the field has no groups."""
        group = self.run.field_.group
        return {c: group(self.run.known[c]) for c in candidates} if group else {}

    def title(self, name: str) -> Text:
        """What the field calls a property or a check; its bare name where the field does not say."""
        both = self.run.field_.property_titles.get(name) or PANEL_TITLES.get(name)
        if both is None and name.startswith("mean "):
            mean = self.title(name.removeprefix("mean "))
            return Text(f"평균: {mean.ko}", f"mean: {mean.en}")
        return text(both) if both else Text(name.rpartition("/")[2], name.rpartition("/")[2])

    @property
    def pool(self) -> PoolSpace | None:
        """The space where it is a list with features; None otherwise."""
        space = self.run.space
        return space if isinstance(space, PoolSpace) and space.blocks else None

    @cached_property
    def order(self) -> list[str]:
        """The campaign's answers, best first."""
        return answers(self.run)

    @cached_property
    def decimals(self) -> int:
        """Digits after the point that tell the measured values apart: about three of their range."""
        spread = max(self.measured.values(), default=0.0) - min(self.measured.values(), default=0.0)
        return min(MOST_DECIMALS, max(0, 2 - math.floor(math.log10(spread)))) if spread > 0 else 2

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        """The verdicts of the rounds' ladder, as rows; of a candidate proposed again, each gate's newest word."""
        newest: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for outcome in self.outcomes("verify"):
            fresh: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
            for row in get_frame(self.run.parts.objects, outcome["table"]).to_pylist():
                fresh.setdefault((row["candidate"], row["rung"], row["property"]), []).append(row)
            newest |= fresh
        return [row for rows in newest.values() for row in rows]

    @cached_property
    def flags(self) -> dict[str, list[dict[str, Any]]]:
        """The verdicts that flagged a candidate, by candidate."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.verdicts:
            if row["verdict"] == FLAG:
                found.setdefault(row["candidate"], []).append(row)
        return found

    def _value(self, row: Row, trace: str) -> Value:
        return as_value(row, trace, self.decimals)

    @cached_property
    def _frames(self) -> list[tuple[str, str, pa.Table]]:
        """Kind, digest and rows of each frame; rules are told by verdicts alone."""
        with self.run.act("campaign").read() as reader:
            frames = evidence.frames_of(reader, self.run.identifier)
        objects = self.run.parts.objects
        return [(f.kind, f.frame, get_frame(objects, f.frame)) for f in frames if f.kind != "rule"]

    @cached_property
    def _objective(self) -> dict[str, dict[str, Found]]:
        """Candidate -> kind -> newest evidence of the objective's property."""
        found: dict[str, dict[str, Found]] = {}
        for kind, frame, table in self._frames:
            for row, trace in _rows(table, frame, pc.equal(table["property"], self.property)):
                found.setdefault(row["candidate"], {})[kind] = row, trace
        return found

    @cached_property
    def final_ladder(self) -> Ladder | None:
        """The ladder that the finalists climbed; None where they climbed none."""
        outcome = self.run.state.closed.get("examine")
        if not outcome or outcome["skipped"] or self.run.field_.finalists is None:
            return None
        return ladder_of(self.run, "finalists", outcome["inputs"])[0]

    @cached_property
    def judged(self) -> frozenset[str]:
        """The properties that the gates of the finalists judge."""
        rungs = self.final_ladder.rungs if self.final_ladder else ()
        return frozenset(gate.property for rung in rungs for gate in rung.gates)

    @cached_property
    def _examined(self) -> dict[str, dict[str, Found]]:
        """Candidate -> property -> evidence of the closer look."""
        found: dict[str, dict[str, Found]] = {}
        for frame in self.run.state.closed.get("examine", {}).get("frames", ()):
            table = get_frame(self.run.parts.objects, frame)
            for row, trace in _rows(table, frame, pc.is_valid(table["candidate"])):
                found.setdefault(row["candidate"], {})[row["property"]] = row, trace
        return found

    @cached_property
    def _simulated(self) -> dict[str, dict[str, Found]]:
        """Candidate -> property -> newest simulated evidence of any other property."""
        found: dict[str, dict[str, Found]] = {}
        for kind, frame, table in self._frames:
            if kind == "simulated":
                for row, trace in _rows(table, frame, pc.not_equal(table["property"], self.property)):
                    found.setdefault(row["candidate"], {})[row["property"]] = row, trace
        return found


def as_value(row: Row, trace: str, decimals: int | None = None) -> Value:
    """A row of evidence as the report shows it; the interval is the row's own, or 95 % by its sd and n (Student)."""
    lower, upper = row["lower"], row["upper"]
    if lower is None and row["value"] is not None and row["sd"] is not None:
        reach = (student(row["n"] - 1) if (row["n"] or 0) > 1 else 1.96) * row["sd"]
        lower, upper = row["value"] - reach, row["value"] + reach
    kind: Kind = row["kind"]
    return Value(row["value"], row["unit"], kind, trace, lower, upper, row["qualifier"], row["n"], decimals)


def text(both: Mapping[str, str]) -> Text:
    """A field's words."""
    return Text(both["ko"], both["en"])


def no_truth(run: Run) -> Absent:
    """Why there is nothing to score by."""
    if run.problem.scored:
        return Absent(Text("봉인이 풀리기 전입니다", "the plate is still sealed"))
    return Absent(
        Text(
            "측정하지 않은 후보의 참값을 알 수 없어 회수율을 말할 수 없습니다",
            "the true values of untested candidates are not known, so there is no recall to report",
        )
    )


def _rows(table: pa.Table, frame: str, wanted: pa.ChunkedArray) -> list[Found]:
    at = pc.indices_nonzero(wanted)
    return [(row, f"{frame}/{i}") for i, row in zip(at.to_pylist(), table.take(at).to_pylist(), strict=True)]
