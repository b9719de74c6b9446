"""The ladder runs checks cheap to dear; what a gate refuses is not shown to the rungs above.

A ladder is data: `describe()` says all that its verdicts depend on and `digest` names it, so that a campaign's problem
can hold it; `plan(n)` says what it would do and cost, and touches no candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dure.base.canonical import digest
from dure.base.errors import BadInput
from dure.base.evidence import EVIDENCE
from dure.design.candidate import Candidate
from dure.verify.attempt import Perform, attempt, perform_here
from dure.verify.check import Check, method
from dure.verify.gate import FLAG, PASS, REFUSE, VERDICTS, Gate
from dure.verify.plan import PlannedRung, foresee
from dure.verify.reasons import sentence


@dataclass(frozen=True)
class Rung:
    """A check and the gates that judge its evidence; without gates the evidence is only kept."""

    check: Check
    gates: tuple[Gate, ...] = ()

    def describe(self) -> dict[str, Any]:
        """All that its verdicts depend on, as canonical values."""
        gates = sorted((gate.describe() for gate in self.gates), key=lambda gate: (gate["property"], digest(gate)))
        return {"gates": gates, "kind": self.check.kind, "method": method(self.check)}

    @property
    def units(self) -> dict[str, str]:
        """The unit of each property that a gate looks at."""
        return {gate.property: gate.unit for gate in self.gates}


@dataclass(frozen=True)
class Skipped:
    """A check that could not run here, and why."""

    check: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What a ladder found about some candidates.

    Attributes:
        candidates: ids in the order given, each once.
        evidence: all evidence (schema `EVIDENCE`), rung after rung.
        verdicts: one row a candidate and gate reached (schema `VERDICTS`), and one for a check that failed ungated.
        skipped: the checks that could not run here.
    """

    candidates: tuple[str, ...]
    evidence: pa.Table
    verdicts: pa.Table
    skipped: tuple[Skipped, ...] = ()

    @cached_property
    def refused(self) -> frozenset[str]:
        """Ids with at least one refusal."""
        return self._with(REFUSE)

    @cached_property
    def flagged(self) -> frozenset[str]:
        """Ids that were flagged and not refused."""
        return self._with(FLAG) - self.refused

    @cached_property
    def passed(self) -> tuple[str, ...]:
        """Ids that nothing refused, flagged ones among them, in the order given."""
        return tuple(candidate for candidate in self.candidates if candidate not in self.refused)

    def decisions(self) -> list[list[str]]:
        """Candidate, rung, property, verdict and code of every verdict, sorted: what a state digest covers."""
        columns = ("candidate", "rung", "property", "verdict", "code")
        return sorted(map(list, zip(*(self.verdicts[name].to_pylist() for name in columns), strict=True)))

    def objections(self, candidate: str | None = None) -> Iterator[dict[str, Any]]:
        """The verdicts that are not `pass`, as rows; of one candidate where it is given."""
        rows = self.verdicts.filter(pc.not_equal(self.verdicts["verdict"], PASS))
        if candidate is not None:
            rows = rows.filter(pc.equal(rows["candidate"], candidate))
        yield from rows.to_pylist()

    def _with(self, verdict: str) -> frozenset[str]:
        return frozenset(self.verdicts.filter(pc.equal(self.verdicts["verdict"], verdict))["candidate"].to_pylist())


@dataclass(frozen=True)
class Ladder:
    """Rungs in the order they are climbed: by the cost of their checks, then by name.

    Raises:
        BadInput: two rungs with one name, or a gate that judges the evidence of another check.
    """

    rungs: tuple[Rung, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.rungs, key=lambda rung: (rung.check.cost, rung.check.name)))
        object.__setattr__(self, "rungs", ordered)
        names = [rung.check.name for rung in ordered]
        if len(set(names)) < len(names):
            raise BadInput(f"two rungs have one name: {names}", where="ladder", remedy="name each check once")
        for rung in ordered:
            for gate in rung.gates:
                if gate.check != rung.check.name:
                    raise BadInput(
                        f"a gate on {gate.check}.{gate.property} hangs on rung {rung.check.name}",
                        where="ladder",
                        remedy="hang it on the rung of its own check",
                    )

    @classmethod
    def of(cls, checks: Sequence[Check], gates: Sequence[Gate]) -> Ladder:
        """A ladder from checks and gates in any order.

        Raises:
            BadInput: a gate on a check that is not among the checks.
        """
        names = {check.name for check in checks}
        for gate in gates:
            if gate.check not in names:
                raise BadInput(
                    f"gate on {gate.check}.{gate.property}, but the ladder has the checks {sorted(names)}",
                    where="ladder",
                    remedy="add the check or leave the gate out",
                )
        return cls(tuple(Rung(check, tuple(g for g in gates if g.check == check.name)) for check in checks))

    def describe(self) -> dict[str, Any]:
        """All that its verdicts depend on, as canonical values."""
        return {"kind": "dure.ladder", "rungs": [rung.describe() for rung in self.rungs], "version": 1}

    @cached_property
    def digest(self) -> str:
        """The name of this ladder: `b3:` digest of its description."""
        return digest(self.describe())

    def plan(self, candidates: int) -> tuple[PlannedRung, ...]:
        """What `run` would do with so many candidates, none refused on the way; runs nothing."""
        return tuple(foresee(rung.check, rung.gates, candidates) for rung in self.rungs)

    def run(self, candidates: Sequence[Candidate], perform: Perform = perform_here) -> Outcome:
        """Climbs the ladder with these candidates, each once.

        Args:
            candidates: of any kind the checks understand.
            perform: how a check is run; a campaign passes its task runner.

        Raises:
            DureError: the machine, not a candidate, kept a check from running.
            TypeError: a check broke its contract.
        """
        unique = {candidate.id: candidate for candidate in candidates}
        alive, evidence, verdicts, skipped = unique, [EVIDENCE.empty_table()], [VERDICTS.empty_table()], []
        for rung in self.rungs:
            why = rung.check.missing()
            if why is not None:
                skipped.append(Skipped(rung.check.name, why))
                continue
            found, judged = _climb(rung, list(alive.values()), perform)
            evidence.append(found)
            verdicts.append(judged)
            refused = set(judged.filter(pc.equal(judged["verdict"], REFUSE))["candidate"].to_pylist())
            alive = {id_: candidate for id_, candidate in alive.items() if id_ not in refused}
        return Outcome(tuple(unique), pa.concat_tables(evidence), pa.concat_tables(verdicts), tuple(skipped))

    def explain(self, verdict: dict[str, Any], lang: str) -> str:
        """A row of an outcome's verdicts as a sentence in `ko` or `en`, under the title its gate gives the property."""
        for rung in self.rungs:
            for gate in rung.gates:
                if (gate.check, gate.property) == (verdict["rung"], verdict["property"]):
                    return sentence(verdict, lang, gate.name(lang))
        return sentence(verdict, lang)


def _climb(rung: Rung, candidates: list[Candidate], perform: Perform) -> tuple[pa.Table, pa.Table]:
    """Evidence and verdicts of one rung."""
    found, failures = attempt(rung.check, candidates, rung.units, perform)
    ids = [candidate.id for candidate in candidates]
    if rung.gates:
        return found, pa.concat_tables([gate.judge(ids, found, failures) for gate in rung.gates])
    return found, _ungated(rung.check, failures)


def _ungated(check: Check, failures: dict[str, str]) -> pa.Table:
    """A check without gates cannot refuse; that it failed on a candidate is flagged all the same."""
    fixed = {"rung": check.name, "property": check.name, "verdict": FLAG, "code": "check-failed", "unit": "1"}
    rows = [{**fixed, "candidate": candidate, "details": [why]} for candidate, why in failures.items()]
    return pa.Table.from_pylist(rows, schema=VERDICTS)
