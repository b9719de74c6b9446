"""The report of whole small campaigns: every kind of laboratory and space, and the odd ones."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sixth_harness as sixth
from dure_sixth import FIELD
from report_cases import plates
from tests.filled_plates import filled

from dure.base.errors import BadInput
from dure.base.evidence import evidence_table
from dure.campaign import climbing
from dure.campaign.imports import import_results
from dure.campaign.laboratories import lab_folder
from dure.campaign.report.build import build
from dure.campaign.report.data import Absent, ReportData
from dure.campaign.report.figures import control_chart
from dure.campaign.report.page import render
from dure.campaign.report.plates import CODES, told
from dure.campaign.run import Run
from dure.campaign.service import go_on
from dure.campaign.spec import Specification, read_specification
from dure.data import evidence
from dure.lab import orders
from dure.lab.manual import WORKLIST
from dure.lab.outcome import FAILURES
from dure.verify.check import method
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[sixth.InlineHub]:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as made:
        yield made


def written(run: Run) -> ReportData:
    """The report's data; both pages must be made of it."""
    data = build(run)
    for lang in ("ko", "en"):
        assert "</html>" in render(data, lang)
    return data


def test_a_replayed_pool_fills_every_section(hub: sixth.InlineHub, tmp_path: Path) -> None:
    run = sixth.finish(hub, sixth.write_problem(tmp_path / "p"))
    data = written(run)
    assert data.status == "finished"
    assert data.stopped.en == "all assays of the budget were done"
    assert [a.number for a in data.assays] == list(range(1, 11))
    assert data.discovery.assays == tuple(range(11))
    assert {c.key for c in data.discovery.controls} == {"random", "permuted", "simple", "ranking"}
    assert len(data.verdicts) == 4
    assert data.quality.overall.model.n == 6
    assert len(data.space.candidates) == 40
    refused = sum(gate.refused for gate in data.ladder.gates)
    assert len(data.stopping.probability) == 40 - 10 - refused + 1
    assert refused == len(data.ladder.refusals) > 0
    assert data.answer.best.value == max(a.value.value for a in data.assays)
    assert data.finalists == Absent(data.finalists.why)
    assert data.plates.why.en == "this laboratory gives no plates"


def test_every_reading_carries_the_id_of_its_own_evidence(hub: sixth.InlineHub, tmp_path: Path) -> None:
    run = sixth.finish(hub, sixth.write_problem(tmp_path / "p"))
    data = written(run)
    for assay in data.assays:
        row = evidence.value_at(run.parts.objects, assay.value.trace)
        assert (row["candidate"], row["value"], row["kind"]) == (assay.candidate, assay.value.value, "measured")
    assert data.discovery.threshold.trace != data.campaign


def test_processor_time_is_told_by_step_and_adds_up(hub: sixth.InlineHub, tmp_path: Path) -> None:
    problem = sixth.write_problem(tmp_path / "p")
    begun = sixth.begin(hub, problem)

    class Stopping(Exception):
        pass

    class AtRead:
        def step(self, step: Any, state: Any) -> None:
            if step.name == "read":
                raise Stopping

        def done(self, step: Any, state: Any, outcome: Any) -> None:
            return

    with hub.hold(begun.identifier), pytest.raises(Stopping):
        go_on(begun, AtRead())
    data = written(sixth.resume(hub))
    names = [title.en for title, _ in data.cost.steps]
    assert names[:4] == ["proposing", "checking on the ladder", "ordering", "reading"]
    assert "controls" in names
    assert data.cost.cpu_seconds == pytest.approx(sum(seconds for _, seconds in data.cost.steps))
    assert dict(zip(names, (s for _, s in data.cost.steps), strict=True))["controls"] > 0


def test_one_score_is_printed_where_top_one_percent_and_top_ten_are_the_same(
    hub: sixth.InlineHub, tmp_path: Path
) -> None:
    few = sixth.flours(rows=8)
    data = written(
        sixth.finish(hub, sixth.write_problem(tmp_path / "p", few, seeds="0", first="2", batch="2", rounds="1"))
    )
    assert [(s.name.en, s.total) for s in data.answer.scores] == [("top 1 %", 1), ("top 10", 8)]
    one = [sixth.flours(rows=1)[0]]
    data = written(
        sixth.finish(
            hub, sixth.write_problem(tmp_path / "q", one, seeds="0", stickiest="9.0", first="1", batch="1", rounds="0")
        )
    )
    assert [(s.name.en, s.total) for s in data.answer.scores] == [("top 1 %", 1)]


def test_a_pool_whose_every_candidate_is_refused_has_no_answer(hub: sixth.InlineHub, tmp_path: Path) -> None:
    problem = sixth.write_problem(tmp_path / "p", sixth.flours(rows=10), seeds="0", stickiest="0.1", rounds="0")
    data = written(sixth.finish(hub, problem))
    assert isinstance(data.answer, Absent)
    assert data.assays == ()
    assert len(data.ladder.refusals) == 10


def test_the_first_batch_alone_leaves_no_model_to_judge(hub: sixth.InlineHub, tmp_path: Path) -> None:
    data = written(sixth.finish(hub, sixth.write_problem(tmp_path / "p", seeds="1", rounds="0")))
    assert isinstance(data.quality, Absent)
    assert len(data.assays) == 4
    assert data.asked.batches == (4,)


def test_what_is_to_be_small_is_ranked_from_below(hub: sixth.InlineHub, tmp_path: Path) -> None:
    data = written(sixth.finish(hub, sixth.write_problem(tmp_path / "p", seeds="0", direction='"minimise"')))
    values = [f.value.value for f in data.answer.findings]
    assert values == sorted(values)
    assert data.answer.best.value == min(a.value.value for a in data.assays)
    assert data.answer.mean_best.value == pytest.approx(sum(values) / len(values))
    assert data.asked.objective.better == "lower"
    table = {row["name"]: float(row["volume"]) for row in sixth.flours()}
    assert data.discovery.threshold.value == pytest.approx(min(table.values()))
    assert data.verdicts[0].control == "random"


def test_ties_and_a_whole_pool_are_no_trouble(hub: sixth.InlineHub, tmp_path: Path) -> None:
    rows = [{**row, "volume": "3500" if i else "3400"} for i, row in enumerate(sixth.flours(rows=6))]
    data = written(
        sixth.finish(
            hub, sixth.write_problem(tmp_path / "p", rows, seeds="0", stickiest="9.0", first="3", batch="3", rounds="1")
        )
    )
    assert data.discovery.k == 1
    assert data.discovery.eligible == 5
    assert {s.found for s in data.answer.scores} == {1, 6}
    assert isinstance(data.stopping, Absent)


def test_a_strategy_without_a_model_says_so(hub: sixth.InlineHub, tmp_path: Path) -> None:
    spec = read_specification(str(sixth.write_problem(tmp_path / "p", seeds="0")))
    data = written(sixth.finish(hub, replace(spec, strategy={"name": "random"})))
    assert isinstance(data.quality, Absent)
    assert data.stopping.why.en == "this strategy has no model"


def test_a_simulated_laboratory_in_a_space_without_a_list(hub: sixth.InlineHub) -> None:
    spec = read_specification("baking/bread")
    data = written(sixth.finish(hub, replace(spec, budget=replace(spec.budget, rounds=1))))
    assert {a.value.kind for a in data.assays} == {"simulated"}
    assert data.answer.best.kind == "simulated"
    assert data.asked.pool is None
    for part in (data.discovery, data.verdicts, data.answer.scores, data.space, data.early_reads):
        assert isinstance(part, Absent)
    assert "nothing was measured" in data.asked.laboratory.en
    assert ">측정<" not in re.sub(r'<ul class="kinds".*?</ul>', "", render(data, "ko"), flags=re.DOTALL)


def manual(folder: Path) -> Specification:
    """Flours whose potency nobody knows, and people who measure."""
    spec = read_specification(str(sixth.write_problem(folder)))
    lab = {"driver": "manual", "top": 10.0, "unit": "umol/L", "points": 8, "plate": 96, "reference": "rye"}
    objective = replace(spec.objective, property="pIC50", unit="1")
    return replace(spec, lab=lab, objective=objective, budget=replace(spec.budget, rounds=1))


def open_orders(run: Run) -> list[str]:
    """Keys of the orders that the laboratory works on."""
    with run.act("lab").read() as reader:
        return [row.key for row in orders.orders_of(reader, run.identifier) if row.state == "running"]


def test_people_who_measure_are_waited_for_and_their_results_are_reported(hub: sixth.InlineHub, tmp_path: Path) -> None:
    spec = manual(tmp_path / "p")
    data = written(sixth.finish(hub, spec))
    assert data.status == "waiting"
    assert data.ended is None
    assert isinstance(data.answer, Absent)
    assert data.plates.why.en == "no result file was imported yet"
    for turn in (1, 2):
        run = sixth.begin(hub, spec)
        path = tmp_path / f"results-{turn}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["order", "pIC50"])
            writer.writerows([key, 5 + i / 8] for i, key in enumerate(sorted(open_orders(run))))
        import_results(run, path, hub.me)
        run = sixth.finish(hub, spec)
        data = written(run)
    assert data.status == "finished"
    assert len(data.assays) == 7
    assert {a.value.kind for a in data.assays} == {"measured"}
    assert isinstance(data.discovery, Absent)
    assert "recall" in data.discovery.why.en
    assert data.stopping.probability[0] == 0
    assert not data.retrospective
    assert data.plates.why.en == "only fitted values were imported, and these carry no plates to judge"


def measured(hub: sixth.InlineHub, spec: Specification, file: Path, **how: Any) -> Run:
    """A campaign whose open batch people measure plate by plate, carried on as far as it goes."""
    run = sixth.begin(hub, spec)
    run.load()
    batch = lab_folder(run) / f"round-{len(run.state.rounds):02d}"
    import_results(run, filled(batch / WORKLIST, file, **how), hub.me)
    return sixth.finish(hub, spec)


def test_plates_their_flags_and_the_orders_of_a_refused_one_are_reported(hub: sixth.InlineHub, tmp_path: Path) -> None:
    spec = manual(tmp_path / "p")
    sixth.finish(hub, spec)
    measured(hub, spec, tmp_path / "1.csv")
    run = measured(hub, spec, tmp_path / "2.csv", void=("R02-01",))
    data = written(run)
    assert [(p.round, p.verdict) for p in data.plates.plates] == [(1, "flagged"), (2, "refused")]
    good, bad = data.plates.plates
    assert [text.en for text in good.why] == ["the reference compound is not judged yet (plates in its history: 0)"]
    assert bad.why[0].en.startswith("Z′ ")
    assert "미만" in bad.why[0].ko
    assert good.zprime.value > 0.7 > 0.4 > bad.zprime.value
    assert (good.zprime.kind, good.reference.kind, good.limits) == ("rule", "measured", None)
    assert good.reference.value == pytest.approx(6.0, abs=0.1)
    assert (data.plates.reference, data.plates.symbol, data.plates.msr) == ("rye", "pIC50", None)
    failed = run.state.rounds[1].results
    assert {f.candidate for f in data.plates.failed} == {m.candidate for m in failed}
    assert {(f.round, f.plate, f.why.en) for f in data.plates.failed} == {(2, bad.name, "its plate was refused")}
    assert all(f.name.startswith("flour ") and f.detail is None for f in data.plates.failed)
    for lang, words in (("en", "its plate was refused"), ("ko", "플레이트가 거절됨")):
        page = render(data, lang)
        section = page[page.index('id="plates"') : page.index('id="quality"')]
        assert section.count(words) == len(data.plates.failed) == 3
        assert section.count('class="point"') == 2, "its mark and its key"
        assert good.name in section
        assert f'data-trace="{good.reference.trace}"' in section


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_control_chart_shows_where_each_plate_stands(lang: str) -> None:
    chart = control_chart(plates(), lang)
    marks = {
        css: re.findall(rf'<path class="{css}"[^>]*data-value="([\d.]+)"', chart) for css in ("point", "aside", "out")
    }
    assert marks == {"point": ["7.02", "6.95", "7.06", "7.01", "7.1", "6.99"], "aside": ["6.93"], "out": ["6.38"]}
    assert [chart.count(f'class="line {css}"') for css in ("centre", "limit", "part")] == [6, 12, 1]
    assert chart.count("data-trace=") == 8, "the plate whose reference gave no value has no mark"


def test_a_candidate_proposed_again_is_counted_once_by_each_gate(hub: sixth.InlineHub, tmp_path: Path) -> None:
    spec = manual(tmp_path / "p")
    sixth.finish(hub, spec)
    measured(hub, spec, tmp_path / "1.csv", void=("R01-01",))
    run = measured(hub, spec, tmp_path / "2.csv")
    proposed = [c for turn in run.state.rounds for ids in turn.proposals for c in ids]
    assert len(set(proposed)) < len(proposed), "somebody was proposed again"
    (gate,) = written(run).ladder.gates
    assert gate.seen == len(set(proposed))


def test_plates_of_other_campaigns_in_the_same_assay_are_the_history(hub: sixth.InlineHub, tmp_path: Path) -> None:
    spec = manual(tmp_path / "p")
    spec = replace(spec, budget=replace(spec.budget, rounds=0))
    for n in range(9):
        sixth.finish(hub, replace(spec, seed=n))
        data = build(measured(hub, replace(spec, seed=n), tmp_path / f"{n}.csv", reference=6.0 + n % 2 / 20))
        assert [plate.history for plate in data.plates.plates] == [n]
    assert data.plates.plates[0].verdict != "refused"
    assert not any("not judged yet" in text.en for text in data.plates.plates[0].why)
    assert data.plates.plates[0].limits.centre == pytest.approx(6.025, abs=0.05)
    assert data.plates.msr.n == 9
    shifted = replace(spec, seed=9)
    sixth.finish(hub, shifted)
    data = written(measured(hub, shifted, tmp_path / "shifted.csv", reference=6.6))
    (plate,) = data.plates.plates
    assert (plate.verdict, plate.out_of_control, plate.history) == ("refused", True, 9)
    limits = f"limits {plate.limits.low:.2f} to {plate.limits.high:.2f} over 9 plates"
    assert plate.why[0].en.startswith("the reference compound is out of control (1-3s): 6.")
    assert plate.why[0].en.endswith(limits)
    for lang in ("ko", "en"):
        assert render(data, lang).count('<path class="out"') == 2, "its mark and its key"
    other = replace(spec, lab={**spec.lab, "version": "2"})
    sixth.finish(hub, other)
    data = written(measured(hub, other, tmp_path / "other.csv"))
    assert data.plates.plates[0].history == 0, "another assay has a chart of its own"


def test_a_file_that_is_imported_again_is_not_held_against_itself(
    hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = manual(tmp_path / "p")
    sixth.finish(hub, spec)

    class Killed(Exception):
        pass

    def killed(*given: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("dure.campaign.imports.take_in", killed)
        with pytest.raises(Killed):
            measured(hub, spec, tmp_path / "1.csv")
    data = written(measured(hub, spec, tmp_path / "1.csv"))
    assert [plate.history for plate in data.plates.plates] == [0]


def test_every_sentence_of_a_plate_and_of_a_failed_order_is_told_in_both_languages() -> None:
    words = {
        "only 2 positive and 8 negative control wells can be read": "2",
        "Z′ is -1.20, below 0.4": "-1.20",
        "the positive control reads higher, the wrong way round; were the controls swapped?": "양성",
        "the negative control reads higher, the wrong way round; were the controls swapped?": "음성",
        "the reference compound is out of control (2-2s): 6.91, limits 6.60 to 7.10 over 12 plates": "6.60–7.10",
        "the reference compound gave no value": "값이",
        "the signal window is 1.4, below 2": "1.4",
        "the high-signal control varies by 31 %, above 20 %": "31",
        "edge wells differ by -28 % of the signal span (p = 0.003)": "-28",
        "columns drift by +25 % of the signal span (p = 0.0001)": "열",
        "rows drift by +25 % of the signal span (p = 0.0001)": "행",
        "the reference compound is beyond two standard deviations (1-2s)": "1-2s",
        "only 3 plates in the reference compound's history; it is not judged yet": "3장",
        "its plate has Z′ 0.31, below 0.4": "0.31",
        "none of its wells could be read": "웰",
        "no curve could be fitted to 4 readable wells": "4개",
        "no curve could be fitted: the points scatter by 35 % about it": "35",
        "the points do not determine the curve (standard error of log IC50 1.7)": "1.7",
        "replicates differ by 0.80 log units (5.10 to 5.90)": "5.10–5.90",
        "one replicate says at least 6.0, another at most 5.0": "6.0",
        "exact and censored values cannot be averaged": "평균",
    }
    for sentence, part in words.items():
        text = told(sentence)
        assert text is not None, sentence
        assert part in text.ko, sentence
        assert re.search("[가-힣]", text.ko), sentence
        assert not re.search("[가-힣]", text.en), sentence
    assert told("the moon was full") is None
    assert FAILURES.keys() <= CODES.keys()


@dataclass(frozen=True)
class Oven:
    """A check that draws what it finds, and cannot bear one candidate."""

    bad: str = ""
    name: str = "oven"
    version: int = 1
    kind: str = "simulated"
    cost: float = 2.0

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"bad": self.bad}

    def missing(self) -> str | None:
        return None

    def run(self, candidates: Sequence[Any]) -> pa.Table:
        return self.run_with_artefacts(candidates)[0]

    def run_with_artefacts(self, candidates: Sequence[Any]) -> tuple[pa.Table, dict[str, dict[str, bytes]]]:
        if any(c.form["name"] == self.bad for c in candidates):
            raise BadInput("it burns")
        found = (("heat", -3.5, "kcal/mol"), ("plausible", 1.0, "1"), ("plausible/crust", 1.0, "1"))
        fixed = {"kind": "simulated", "method": method(self), "at": datetime.now(UTC)}
        rows = [
            {"candidate": c.id, "property": name, "value": value, "unit": unit, **fixed}
            for c in candidates
            for name, value, unit in found
        ]
        drawn = {
            c.id: {
                f"loaf.{lang}.svg": f"<svg viewBox='0 0 9 9'><text x='1' y='5'>{word}</text></svg>".encode()
                for lang, word in (("en", "a loaf"), ("ko", "빵 한 덩이"))
            }
            for c in candidates
        }
        return evidence_table(rows), drawn


def examined(
    hub: sixth.InlineHub, folder: Path, oven: Oven, monkeypatch: pytest.MonkeyPatch, *, again: bool = False
) -> Run:
    """A campaign whose field bakes its finalists."""
    gate = Gate("oven", "plausible", low=1, action="flag")
    field = replace(FIELD, finalists=lambda settings, read: Ladder.of([oven], [gate]))
    monkeypatch.setattr(climbing, "load_field", lambda name: field)
    spec = replace(read_specification(str(sixth.write_problem(folder, seeds="0"))), finalists={"n": 3, "check": "oven"})
    run = sixth.begin(hub, spec, again=again)
    run.__dict__["field_"] = field
    with hub.hold(run.identifier):
        go_on(run)
    return run


def test_what_a_finalists_check_drew_is_on_the_page_in_both_languages(
    hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = examined(hub, tmp_path / "p", Oven(), monkeypatch)
    outcome = run.state.closed["examine"]
    assert set(outcome["artefacts"]) == set(outcome["finalists"])
    data = written(run)
    assert len(data.finalists) == 3
    assert data.finalists[0].facts[0].value.value == -3.5
    assert [label.en for label, _ in data.finalists[0].checks] == ["crust"]
    assert "a loaf" in render(data, "en")
    assert "빵 한 덩이" in render(data, "ko")
    assert "빵 한 덩이" not in render(data, "en")


def test_a_candidate_that_a_check_cannot_bear_costs_the_others_no_drawing(
    hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = examined(hub, tmp_path / "p", Oven(), monkeypatch)
    names = {c: whole.known[c].form["name"] for c in whole.state.closed["examine"]["finalists"]}
    burnt = min(names)
    run = examined(hub, tmp_path / "p", Oven(bad=names[burnt]), monkeypatch, again=True)
    outcome = run.state.closed["examine"]
    assert set(outcome["finalists"]) == set(names)
    assert set(outcome["artefacts"]) == set(names) - {burnt}
    assert {f.candidate for f in written(run).finalists} == set(names) - {burnt}


def test_a_check_that_is_not_installed_is_named_in_both_languages(
    hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Oven, "missing", lambda self: "ovens is not installed: pip install 'dure[oven]'")
    data = written(examined(hub, tmp_path / "p", Oven(), monkeypatch))
    assert isinstance(data.finalists, Absent)
    [(_, why)] = data.ladder.skipped
    assert why.en == "ovens is not installed: pip install 'dure[oven]'"
    assert "설치되어 있지 않습니다" in why.ko
    assert "dure[oven]" in why.ko
