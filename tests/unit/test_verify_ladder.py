"""Gates and the ladder, with checks that know nothing but numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Unavailable
from dure.base.evidence import evidence_table
from dure.design.candidate import Candidate
from dure.verify.check import method
from dure.verify.conformance import check_conforms
from dure.verify.gate import VERDICTS, Gate
from dure.verify.ladder import Ladder, Rung
from dure.verify.reasons import REASONS, sentence

AT = datetime(2026, 1, 1, tzinfo=UTC)


def number(value: float) -> Candidate:
    return Candidate("number", {"value": value})


@dataclass
class Size:
    """Says how large a number is; raises what it is told to raise."""

    name: str = "size"
    version: int = 1
    kind: str = "rule"
    cost: float = 0.001
    unit: str = "1"
    absent: str | None = None
    tell: Callable[[float], float | None] = abs
    shown: list[str] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, object]:
        return {"unit": self.unit}

    def missing(self) -> str | None:
        return self.absent

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        self.shown += [c.id for c in candidates]
        fixed = {"unit": self.unit, "kind": self.kind, "method": method(self), "at": AT}
        return evidence_table(
            [
                {**fixed, "candidate": c.id, "property": self.name, "value": self.tell(c.content["value"])}
                for c in candidates
            ]
        )


def evidence(rows: list[dict[str, object]]) -> pa.Table:
    fixed = {"unit": "1", "kind": "rule", "method": "m", "at": AT, "property": "p"}
    return evidence_table([{**fixed, **row} for row in rows])


@pytest.mark.parametrize(
    ("row", "code", "limit"),
    [
        ({"value": 1.0}, "within", None),
        ({"value": 3.0}, "within", None),
        ({"value": 0.9}, "below", 1.0),
        ({"value": 3.1}, "above", 3.0),
        ({"value": 2.0}, "forbidden", None),
        ({"value": None}, "check-failed", None),
        ({"value": 1.0, "qualifier": "<"}, "below", 1.0),
        ({"value": 3.0, "qualifier": ">"}, "above", 3.0),
        ({"value": 2.5, "qualifier": "<"}, "undecided", None),
        ({"value": 2.5, "qualifier": ">"}, "undecided", None),
        ({"property": "other", "value": 2.5}, "no-evidence", None),
    ],
)
def test_a_gate_judges(row, code, limit):
    gate = Gate("c", "p", low=1, high=3, forbidden=(2,))
    [verdict] = gate.judge(["x"], evidence([{"candidate": "x", **row}])).to_pylist()
    expected = {"within": "pass", "undecided": "flag"}.get(code, "refuse")
    assert (verdict["verdict"], verdict["code"], verdict["limit"]) == (expected, code, limit)


def test_an_open_side_takes_every_value_a_qualifier_stands_for():
    table = evidence([{"candidate": "x", "value": 3.0, "qualifier": "<"}])
    assert Gate("c", "p", high=3).judge(["x"], table)["code"].to_pylist() == ["within"]


def test_a_flagging_gate_never_refuses():
    table = evidence([{"candidate": "x", "value": 9.0}, {"candidate": "y", "value": None}])
    verdicts = Gate("c", "p", high=3, action="flag").judge(["x", "y", "z"], table)
    assert verdicts["verdict"].to_pylist() == ["flag", "flag", "flag"]


@pytest.mark.parametrize(
    ("value", "bounds", "names"),
    [
        (2.0, {"high": 0}, ["azo", "quinone"]),
        (2.0, {"low": 3}, ["nitro"]),
        (2.0, {"high": 2}, []),
        (None, {"high": 2}, ["boron"]),
    ],
)
def test_details_name_what_is_behind_a_value(value, bounds, names):
    rows = [("p", value), ("p/quinone", 1.0), ("p/azo", 1.0), ("p/nitro", 0.0), ("p/boron", None), ("pp/other", 1.0)]
    table = evidence([{"candidate": "x", "property": name, "value": value} for name, value in rows])
    assert Gate("c", "p", **bounds).judge(["x"], table)["details"].to_pylist() == [names]


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({}, "no bound"),
        ({"low": 2, "high": 1}, "above high"),
        ({"low": float("nan")}, "finite"),
        ({"low": 1, "action": "shout"}, "unknown"),
    ],
)
def test_a_gate_without_meaning_is_refused(bounds, words):
    with pytest.raises(BadInput, match=words):
        Gate("c", "p", **bounds)


def test_a_gate_in_another_unit_than_its_evidence_is_refused():
    ladder = Ladder.of([Size(unit="g/mol")], [Gate("size", "size", high=3)])
    with pytest.raises(BadInput, match="evidence is in g/mol"):
        ladder.run([number(1)])


def test_cheap_rungs_come_first_and_hide_what_they_refuse_from_dear_ones():
    cheap, dear = Size("cheap", cost=0.1), Size("dear", cost=10.0)
    ladder = Ladder.of([dear, cheap], [Gate("cheap", "cheap", high=3), Gate("dear", "dear", high=2, action="flag")])
    candidates = [number(value) for value in (1, 5, -3)]
    outcome = ladder.run(candidates)
    small, large, middle = (candidate.id for candidate in candidates)
    assert cheap.shown == [small, large, middle]
    assert dear.shown == [small, middle]
    assert outcome.passed == (small, middle)
    assert (outcome.refused, outcome.flagged) == ({large}, {middle})
    assert [row["candidate"] for row in outcome.objections()] == [large, middle]
    assert [row["rung"] for row in outcome.objections(middle)] == ["dear"]
    assert outcome.evidence.num_rows == 5


def test_a_rung_is_not_run_when_nobody_is_left():
    dear = Size("dear", cost=10.0)
    Ladder.of([dear, Size("cheap")], [Gate("cheap", "cheap", high=0)]).run([number(1)])
    assert dear.shown == []


def test_a_candidate_given_twice_is_judged_once():
    outcome = Ladder.of([Size()], [Gate("size", "size", high=3)]).run([number(1), number(1)])
    assert (len(outcome.candidates), outcome.verdicts.num_rows) == (1, 1)


def test_what_is_not_installed_is_skipped_with_its_reason():
    check = Size(absent="install dure[size]")
    outcome = Ladder.of([check], [Gate("size", "size", high=0)]).run([number(9)])
    assert [(s.check, s.why) for s in outcome.skipped] == [("size", "install dure[size]")]
    assert (outcome.passed, check.shown) == ((number(9).id,), [])


def fails_on(*bad: float, error: Exception) -> Callable[[float], float]:
    def tell(value: float) -> float:
        if value in bad:
            raise error
        return value

    return tell


@pytest.mark.parametrize("action", ["refuse", "flag"])
@pytest.mark.parametrize("error", [ValueError("odd\nsecond line"), TimeoutError("odd"), BadInput("odd")])
def test_a_check_that_raises_fails_that_candidate_alone(action, error):
    check = Size(tell=fails_on(3, 7, error=error), unit="g/mol")
    ladder = Ladder.of([check], [Gate("size", "size", high=100, unit="g/mol", action=action)])
    outcome = ladder.run([number(value) for value in range(9)])
    rows = {row["candidate"]: row for row in outcome.evidence.to_pylist()}
    assert [rows[number(value).id]["value"] for value in range(9)] == [0, 1, 2, None, 4, 5, 6, None, 8]
    failed = list(outcome.objections())
    assert {row["candidate"] for row in failed} == {number(3).id, number(7).id}
    assert {(row["verdict"], row["code"], *row["details"]) for row in failed} == {
        (action, "check-failed", f"{type(error).__name__}: odd")
    }


def test_a_failure_of_an_ungated_check_is_flagged():
    outcome = Ladder((Rung(Size(tell=fails_on(1, error=KeyError("x")))),)).run([number(1), number(2)])
    assert (outcome.flagged, outcome.verdicts.num_rows) == ({number(1).id}, 1)


@pytest.mark.parametrize("error", [BrokenProcessPool("gone"), OSError("disk full"), MemoryError(), Unavailable("gone")])
def test_a_dead_process_is_no_candidates_fault(error):
    with pytest.raises(Unavailable):
        Ladder((Rung(Size(tell=fails_on(1, error=error))),)).run([number(1), number(2)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"candidate": ["stranger"]}, "candidate 'stranger'"),
        ({"kind": ["predicted"]}, "kind 'predicted'"),
        ({"method": ["other@1"]}, "method 'other@1'"),
    ],
)
def test_a_check_says_only_what_is_its_own(change, words):
    class Liar(Size):
        def run(self, candidates):
            table = super().run(candidates)
            [(name, values)] = change.items()
            return table.set_column(table.schema.names.index(name), table.schema.field(name), [values])

    with pytest.raises(TypeError, match=words):
        Ladder((Rung(Liar()),)).run([number(1)])


def test_a_property_is_told_once():
    class Twice(Size):
        def run(self, candidates):
            return super().run([*candidates, *candidates])

    with pytest.raises(TypeError, match="more than once"):
        Ladder((Rung(Twice()),)).run([number(1)])


def test_a_ladder_is_named_by_all_that_its_verdicts_depend_on():
    def name(check: Size, **gate: object) -> str:
        return Ladder.of([check], [Gate("size", "size", **{"high": 3, **gate})]).digest

    same = name(Size())
    assert same == name(Size(absent="not here", cost=5.0), title={"en": "size", "ko": "크기"})
    others = [
        name(Size(version=2)),
        name(Size(unit="m"), unit="m"),
        name(Size(kind="predicted")),
        name(Size(), high=4),
        name(Size(), low=3, high=None),
        name(Size(), action="flag"),
        name(Size(), forbidden=(1,)),
    ]
    assert len({same, *others}) == 1 + len(others)


def test_a_ladder_is_described_in_canonical_values():
    ladder = Ladder.of([Size()], [Gate("size", "size", high=3, low=0.5)])
    assert b'"kind":"dure.ladder"' in canonical(ladder.describe())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: Ladder.of([Size(), Size()], []), "two rungs"),
        (lambda: Ladder.of([Size()], [Gate("weight", "w", high=1)]), "weight.w"),
        (lambda: Ladder((Rung(Size(), (Gate("weight", "w", high=1),)),)), "weight.w"),
    ],
)
def test_a_ladder_that_does_not_hold_together_is_refused(build, words):
    with pytest.raises(BadInput, match=words):
        build()


def test_a_plan_is_printed_before_anything_runs():
    check = Size(cost=0.5)
    gates = [Gate("size", "size", low=1, high=3, title={"en": "the size", "ko": "크기"})]
    absent = Size("far", cost=9.0, absent="install dure[far]")
    plan = Ladder.of([absent, check], gates).plan(24)
    assert [(rung.check, rung.candidates, rung.cpu_seconds) for rung in plan] == [("size", 24, 12.0), ("far", 0, 0.0)]
    assert [line for rung in plan for line in rung.lines("en")] == [
        "size (rule): at most 24 candidates, about 12 CPU seconds",
        "  1 ≤ the size ≤ 3: refuses otherwise",
        "far (rule): skipped. install dure[far]",
    ]
    assert plan[0].lines("ko")[1] == "  1 ≤ 크기 ≤ 3: 벗어나면 제외"
    assert plan[1].as_json()["missing"] == "install dure[far]"
    assert check.shown == []


def test_every_code_has_a_sentence_in_both_languages():
    row = {"property": "p", "value": None, "limit": None, "unit": "1", "details": ["azo"]}
    for code in REASONS:
        for lang in ("ko", "en"):
            assert "azo" in sentence({**row, "code": code}, lang)


def test_a_verdict_is_explained_under_the_title_of_its_gate():
    gate = Gate("size", "size", high=3, unit="g/mol", title={"en": "molar mass", "ko": "몰질량"})
    ladder = Ladder.of([Size(unit="g/mol")], [gate])
    [row] = ladder.run([number(4)]).objections()
    assert ladder.explain(row, "en") == "molar mass is 4 g/mol, above the limit of 3 g/mol"
    assert ladder.explain(row, "ko") == "몰질량: 4 g/mol, 상한 3 g/mol보다 큼"


def test_an_empty_ladder_and_no_candidates_are_fine():
    assert Ladder(()).run([number(1)]).passed == (number(1).id,)
    outcome = Ladder.of([Size()], [Gate("size", "size", high=3)]).run([])
    assert (outcome.passed, outcome.verdicts.schema) == ((), VERDICTS)


def test_a_sound_check_conforms():
    check_conforms(Size(), [number(1), number(2), number(-3)])


class Neighbourly(Size):
    def run(self, candidates):
        self.tell = lambda value: value + len(candidates)
        return super().run(candidates)


class Orderly(Size):
    def run(self, candidates):
        count = iter(range(len(candidates)))
        self.tell = lambda value: next(count)
        return super().run(candidates)


class Shy(Size):
    def run(self, candidates):
        return super().run(candidates[1:])


class Meddler(Size):
    def run(self, candidates):
        for candidate in candidates:
            candidate.form["seen"] = True
        return super().run(candidates)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Size(kind="measured"), "only a laboratory"),
        (Size(version=0), "version"),
        (Size(cost=0), "cost"),
        (Size(name="a/b"), "slash"),
        (Size(absent="install it"), "cannot run here"),
        (Neighbourly(), "company"),
        (Orderly(), "order of candidates"),
        (Shy(), "says nothing about"),
        (Meddler(), "changes the candidates"),
    ],
)
def test_a_check_that_breaks_the_contract_does_not_conform(check, words):
    with pytest.raises(AssertionError, match=words):
        check_conforms(check, [number(1), number(2)])
