"""What holds of every ladder, whatever its gates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import hypothesis.strategies as st
from hypothesis import given

from dure.base.evidence import evidence_table
from dure.design.candidate import Candidate
from dure.verify.check import method
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder

AT = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Reads:
    """Tells one number of the candidate; a candidate without it makes it raise."""

    name: str
    cost: float
    version: int = 1
    kind: str = "rule"

    @property
    def settings(self):
        return {}

    def missing(self):
        return None

    def run(self, candidates):
        fixed = {"property": self.name, "unit": "1", "kind": self.kind, "method": method(self), "at": AT}
        return evidence_table([{**fixed, "candidate": c.id, "value": float(c.content[self.name])} for c in candidates])


numbers = st.one_of(st.integers(-5, 5), st.none())
candidates = st.builds(lambda values: Candidate("n", values), st.fixed_dictionaries(dict.fromkeys(NAMES, numbers)))
pools = st.lists(candidates, max_size=8)
gates = st.builds(
    lambda name, low, width, action: Gate(name, name, low=low, high=low + width, action=action),
    st.sampled_from(NAMES),
    st.integers(-5, 5),
    st.integers(0, 6),
    st.sampled_from(["refuse", "flag"]),
)
CHECKS = [Reads("b", 2.0), Reads("a", 1.0), Reads("c", 2.0)]


def reference(candidate: Candidate, gate: Gate) -> str:
    """What a gate says, judged alone and by hand."""
    value = candidate.content[gate.property]
    return "pass" if value is not None and gate.low <= value <= gate.high else gate.action


@given(pools, st.lists(gates, max_size=5))
def test_a_candidate_passes_when_no_gate_alone_would_refuse_it(pool, gates):
    outcome = Ladder.of(CHECKS, gates).run(pool)
    expected = {c.id for c in pool if all(reference(c, gate) != "refuse" for gate in gates)}
    assert set(outcome.passed) == expected
    assert set(outcome.passed) | outcome.refused == {c.id for c in pool}


@given(pools, st.lists(gates, max_size=4), gates)
def test_one_more_gate_never_adds_a_pass(pool, gates, more):
    few, many = (Ladder.of(CHECKS, chosen).run(pool) for chosen in (gates, [*gates, more]))
    assert set(many.passed) <= set(few.passed)


@given(st.data(), st.lists(gates, max_size=4))
def test_neither_the_order_of_candidates_nor_of_gates_matters(data, gates):
    pool = data.draw(pools)
    first = Ladder.of(CHECKS, gates)
    second = Ladder.of(list(reversed(CHECKS)), data.draw(st.permutations(gates)))
    assert first.digest == second.digest
    one, two = first.run(pool), second.run(data.draw(st.permutations(pool)))
    assert one.decisions() == two.decisions()
    assert (one.refused, one.flagged) == (two.refused, two.flagged)


@given(pools, st.lists(gates, max_size=4))
def test_a_refused_candidate_is_never_seen_higher_up(pool, gates):
    outcome = Ladder.of(CHECKS, gates).run(pool)
    order = [rung.check.name for rung in Ladder.of(CHECKS, gates).rungs]
    for row in outcome.objections():
        if row["verdict"] == "refuse":
            above = order[order.index(row["rung"]) + 1 :]
            told = {r["property"] for r in outcome.evidence.to_pylist() if r["candidate"] == row["candidate"]}
            assert not told.intersection(above)
