"""From a campaign's journal to the plain values that its report shows."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from dure.campaign.climbing import ladder_of
from dure.campaign.closing import predicted_before, ranked, tested
from dure.campaign.report import data as report
from dure.campaign.report.data import Absent, Text
from dure.campaign.run import Run
from dure.campaign.statistics import (
    Hits,
    NoiseCeiling,
    Quality,
    Verdict,
    nearest_neighbour,
    quality,
    random_expectation,
    seed_band,
    stopping_curve,
    yield_of,
)
from dure.data import datasets, evidence
from dure.store.frames import get_frame
from dure.store.ledger import ledger_event
from dure.verify.ladder import Ladder

MAP_POINTS = 4000
LISTED = 50
DRAWN = 10


class Book:
    """Everything of a campaign's evidence at hand: the newest value of each candidate and property, with its trace id."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.sign = run.problem.objective.sign
        self.property = run.problem.objective.property
        self.known = run.known
        with run.act("campaign").read() as reader:
            frames = evidence.frames_of(reader, run.identifier)
        self.values: dict[tuple[str, str, str], tuple[dict[str, Any], str]] = {}
        for frame in frames:
            for i, row in enumerate(get_frame(run.parts.objects, frame.frame).to_pylist()):
                self.values[row["candidate"], row["property"], row["kind"]] = (row, f"{frame.frame}/{i}")
        self.rounds = {m.candidate: r.number for r in run.state.rounds for m in (r.results or ()) if m.failed is None}
        self.foreseen = predicted_before(run)
        self.measured = {m.candidate: float(m.value or 0.0) for m in run.state.measured}

    def value(self, candidate: str, property_: str | None = None, kind: str | None = None) -> report.Value | None:
        """A piece of evidence about a candidate."""
        kinds = [kind] if kind else ["measured", "simulated", "predicted", "rule"]
        for each in kinds:
            found = self.values.get((candidate, property_ or self.property, each))
            if found:
                return as_value(*found)
        return None

    def name(self, candidate: str) -> str:
        return self.run.field_.label(self.known[candidate])


def as_value(row: Mapping[str, Any], trace: str) -> report.Value:
    """A row of evidence as the report shows it; the interval is the row's own, or two standard deviations."""
    lower, upper = row["lower"], row["upper"]
    if lower is None and row["value"] is not None and row["sd"] is not None:
        lower, upper = row["value"] - 1.96 * row["sd"], row["value"] + 1.96 * row["sd"]
    return report.Value(row["value"], row["unit"], row["kind"], trace, lower, upper, row["qualifier"], row["n"])


def build(run: Run) -> report.ReportData:
    """The report of a campaign as it stands."""
    book = Book(run)
    score = run.state.closed.get("control")
    problem, setup = run.problem, run.setup
    first, last = _times(run)
    finished = bool(score) or "deposit" in run.state.closed
    return report.ReportData(
        title=_text(setup.title),
        campaign=run.identifier,
        status="finished" if finished else "running",
        started=first,
        ended=last if finished else None,
        stopped=_stopped(run),
        asked=_asked(run),
        answer=_answer(book, score),
        assays=_assays(book),
        discovery=_discovery(book, score) if score else _no_truth(run),
        verdicts=tuple(Verdict(**v) for v in score["verdicts"]) if score else _no_truth(run),
        ladder=_ladder(book),
        quality=_quality(book),
        space=_space(book, score),
        poses=_poses(book),
        cost=_cost(run, first, last),
        stopping=_stopping(book),
        early_reads=_early(run),
        provenance=_provenance(run),
        retrospective=problem.scored,
        limits=tuple(_pairs(run.field_.caveats)),
        resolution=Text(
            "서로 다른 실험의 Ki는 흔히 0.3 log 넘게 다릅니다. 그보다 가까운 값은 구별되지 않습니다.",
            "Ki values of different assays often differ by more than 0.3 log: closer values cannot be told apart.",
        )
        if problem.objective.property.startswith("p")
        else None,
    )


def _text(value: Mapping[str, str]) -> Text:
    return Text(value["ko"], value["en"])


def _pairs(both: Mapping[str, Sequence[str]]) -> list[Text]:
    return [Text(ko, en) for ko, en in zip(both.get("ko", ()), both.get("en", ()), strict=True)]


def _times(run: Run) -> tuple[str, str]:
    from sqlalchemy import select

    table = ledger_event.c
    query = select(table.time).where(table.subject == run.identifier)
    with run.act("campaign").read() as reader:
        times = [row.time for row in reader.all(query.order_by(table.sequence))]
    return times[0], times[-1]


def _stopped(run: Run) -> Text:
    state = run.state
    if state.ordered >= run.problem.budget.assays:
        return Text("예산으로 정한 실험을 모두 마쳤습니다", "all assays of the budget were done")
    if state.current and state.current.exhausted:
        return Text("더 제안할 후보가 없습니다", "no candidate was left to propose")
    return Text("진행 중입니다", "it is going on")


_LABS = {
    "replay": Text(
        "공개된 측정값을 봉인해 두고 주문한 것만 읽는 재현 실험실",
        "a replay of published values, sealed and read well by ordered well",
    ),
    "manual": Text("사람이 수행하는 실험실", "a laboratory where people do the assays"),
    "simulated": Text("모의 실험 (측정이 아님)", "a simulator (nothing was measured)"),
}


def _asked(run: Run) -> report.Asked:
    problem, field = run.problem, run.field_
    title = field.property_titles.get(problem.objective.property)
    objective = report.Objective(
        title=_text(title) if title else Text(problem.objective.property, problem.objective.property),
        symbol=problem.objective.property,
        unit=problem.objective.unit,
        better="higher" if problem.objective.sign > 0 else "lower",
    )
    budget, size = problem.budget, run.setup.size
    batches = (budget.first, *([budget.batch] * budget.rounds))
    pool_en = f"{size:,} candidates" if size else "a space without a list"
    pool_ko = f"후보 {size:,}개" if size else "목록이 없는 공간"
    return report.Asked(
        question=Text(
            f"{pool_ko} 가운데 {problem.objective.property} 값이 가장 좋은 것을 실험 {budget.assays}번 안에 찾기",
            f"Which of {pool_en} have the best {problem.objective.property}, found with {budget.assays} assays?",
        ),
        objective=objective,
        pool=size,
        space=_space_text(run),
        batches=batches,
        strategy=_strategy_text(problem.strategy["name"]),
        laboratory=_LABS[problem.lab["driver"]],
    )


def _space_text(run: Run) -> Text:
    left = sum(run.setup.left_out.values())
    if run.setup.dataset is None:
        return Text("매개변수로 정한 공간", "a space given by its parameters")
    why = ", ".join(f"{n} {reason}" for reason, n in run.setup.left_out.items())
    extra_en = f"; {left} rows left out ({why})" if left else "; no row was left out"
    extra_ko = f", 제외한 행 {left}개 ({why})" if left else ", 제외한 행 없음"
    return Text(f"데이터세트 {run.setup.dataset}{extra_ko}", f"dataset {run.setup.dataset}{extra_en}")


def _strategy_text(name: str) -> Text:
    texts = {
        "dure": Text(
            "dure: 정확한 가우시안 과정으로 배우고, 남은 예산에 맞추어 탐색하며 서로 다른 후보를 한 번에 고릅니다",
            "dure: learns with an exact Gaussian process and picks batches that explore as the remaining budget allows",
        ),
        "random": Text("random: 무작위로 고릅니다", "random: draws at random"),
    }
    return texts.get(name, Text(name, name))


def _answer(book: Book, score: Mapping[str, Any] | None) -> report.Answer | Absent:
    order = ranked(book.run)
    if not order:
        return Absent(Text("아직 읽은 값이 없습니다", "nothing was read yet"))
    hits = _hits(score)
    yields = yield_of({c: book.sign * v for c, v in book.measured.items()}, _groups(book, list(book.measured)), hits)
    best = book.value(order[0])
    assert best is not None
    mean = report.Value(book.sign * yields.mean_best, best.unit, best.kind, best.trace)
    names = (
        (Text("상위 1 %", "top 1 %"), "top1"),
        (Text("상위 10개", "top 10"), "top10"),
    )
    scores: Any = (
        tuple(report.Score(name, score[f"{key}_found"], score[f"{key}_total"]) for name, key in names)
        if score
        else _no_truth(book.run)
    )
    return report.Answer(
        findings=tuple(_finding(book, c, drawn=i < DRAWN) for i, c in enumerate(order[:LISTED])),
        best=best,
        mean_best=mean,
        best_at=tested(book.run.state).index(order[0]) + 1,
        scores=scores,
        variety=_variety(book, yields.scaffolds),
    )


def _variety(book: Book, count: int | None) -> tuple[Text, int] | None:
    field = book.run.field_
    if count is None or field.group is None:
        return None
    title = field.group_title
    return Text(f"적중 후보의 서로 다른 {title['ko']}", f"different {title['en']}s among the hits"), count


def _hits(score: Mapping[str, Any] | None) -> Hits | None:
    if not score:
        return None
    return Hits(score["top1_total"], score["top1_threshold"], frozenset(score["top1_ids"]), 0)


def _groups(book: Book, candidates: Sequence[str]) -> dict[str, str]:
    group = book.run.field_.group
    return {c: group(book.known[c]) for c in candidates} if group else {}


def _finding(book: Book, candidate: str, *, drawn: bool) -> report.Finding:
    value = book.value(candidate)
    assert value is not None
    facts = []
    before = book.value(candidate, kind="predicted")
    if before is not None:
        facts.append(report.Fact(Text("읽기 전 예측", "predicted before it was read"), before))
    for (owner, name, kind), found in book.values.items():
        if owner == candidate and kind == "simulated" and "/" not in name and name != book.property:
            facts.append(report.Fact(Text(name, name), as_value(*found)))
    return report.Finding(
        candidate=candidate,
        name=book.name(candidate),
        value=value,
        drawing=book.run.field_.draw(book.known[candidate], 240, 180) if drawn else None,
        facts=tuple(facts),
        flags=tuple(_flags(book, candidate)),
        round=book.rounds.get(candidate),
    )


def _flags(book: Book, candidate: str) -> list[Text]:
    ladder = book.run.ladder
    rows = [row for row in _verdict_rows(book) if row["candidate"] == candidate and row["verdict"] == "flag"]
    return [Text(ladder.explain(row, "ko"), ladder.explain(row, "en")) for row in rows]


def _verdict_rows(book: Book) -> list[dict[str, Any]]:
    """All verdicts of the rounds' ladder, with what was found."""
    cached: list[dict[str, Any]] | None = getattr(book, "_verdicts", None)
    if cached is None:
        tables = [get_frame(book.run.parts.objects, o["table"]) for o in _outcomes(book.run, "verify")]
        cached = pa.concat_tables(tables).to_pylist() if tables else []
        book._verdicts = cached  # type: ignore[attr-defined]
    return cached


def _outcomes(run: Run, step: str) -> list[Mapping[str, Any]]:
    with run.act("campaign").read() as reader:
        return [outcome for body, outcome in run.journal.read(reader) if body["step"] == step]


def _assays(book: Book) -> tuple[report.Assay, ...]:
    seen: set[str] = set()
    assays = []
    for turn in book.run.state.rounds:
        results = [m for m in (turn.results or ()) if m.failed is None]
        groups = _groups(book, [m.candidate for m in results])
        for m in results:
            value = book.value(m.candidate)
            assert value is not None
            mean, sd = book.foreseen.get(m.candidate, (None, None))
            novel = groups[m.candidate] not in seen if groups else None
            assays.append(
                report.Assay(len(assays) + 1, turn.number, m.candidate, book.name(m.candidate), value, mean, sd, novel)
            )
        seen.update(groups.values())
    return tuple(assays)


def _no_truth(run: Run) -> Absent:
    if run.problem.scored:
        return Absent(Text("봉인이 풀리기 전입니다", "the plate is still sealed"))
    return Absent(
        Text(
            "측정하지 않은 후보의 참값을 알 수 없어 회수율을 말할 수 없습니다",
            "the true values of untested candidates are not known, so there is no recall to report",
        )
    )


def _discovery(book: Book, score: Mapping[str, Any]) -> report.Discovery:
    hits = Hits(score["top1_total"], score["top1_threshold"], frozenset(score["top1_ids"]), book.run.setup.size or 0)
    steps = tuple(range(len(score["campaign"])))
    curves = [report.ControlCurve("random", Text("무작위", "random"), random_expectation(hits, steps))]
    names = {
        "permuted": Text("뒤섞은 되먹임", "permuted feedback"),
        "simple": Text("단순 모델 (랜덤 포레스트)", "simple model (random forest)"),
    }
    for key, each in score["curves"].items():
        if each:
            curves.append(report.ControlCurve(key, names[key], seed_band([_padded(c, len(steps)) for c in each])))
    if score["ranking"]:
        flat = tuple(float(v) for v in _padded(score["ranking"], len(steps)))
        from dure.campaign.statistics import Band

        curves.append(report.ControlCurve("ranking", _text(book.run.field_.rank_title), Band(flat, flat, flat)))
    ceiling = {**score["ceiling"], "curve": tuple(score["ceiling"]["curve"])}
    objective = book.run.problem.objective
    plate = book.run.state.closed["unseal"]["plate"]
    return report.Discovery(
        k=score["top1_total"],
        eligible=len(score["top1_ids"]),
        threshold=report.Value(book.sign * score["top1_threshold"], objective.unit, "measured", f"plate {plate}"),
        assays=steps,
        campaign=tuple(score["campaign"]),
        controls=tuple(curves),
        ceiling=NoiseCeiling(**ceiling),
        under_noise=tuple(score["under_noise"]),
    )


def _padded(curve: Sequence[int], points: int) -> list[int]:
    return [*curve[:points], *([curve[-1]] * (points - len(curve)))]


def _ladder(book: Book) -> report.Ladder | Absent:
    rows = _verdict_rows(book)
    if not rows:
        return Absent(Text("제안된 후보가 없습니다", "nothing was proposed"))
    ladder = book.run.ladder
    gates = tuple(_gate(ladder, rung.check.kind, gate.check, gate.property, _text({"ko": gate.name("ko"), "en": gate.name("en")}), rows)
                  for rung in ladder.rungs for gate in rung.gates if any(r["rung"] == gate.check for r in rows))  # fmt: skip
    skipped = {pair for turn in book.run.state.rounds for pair in turn.skipped}
    skipped |= {tuple(pair) for pair in book.run.state.closed.get("examine", {}).get("skipped", ())}
    refused = [row for row in rows if row["verdict"] == "refuse"]
    refusals = tuple(
        report.Refusal(
            r["candidate"],
            book.name(r["candidate"]),
            Text(r["rung"], r["rung"]),
            Text(ladder.explain(r, "ko"), ladder.explain(r, "en")),
        )
        for r in refused[:20]
    )
    return report.Ladder(gates, tuple((Text(name, name), Text(why, why)) for name, why in sorted(skipped)), refusals)


def _gate(
    ladder: Ladder, kind: Any, check: str, property_: str, title: Text, rows: Sequence[dict[str, Any]]
) -> report.GateCount:
    mine = [row for row in rows if (row["rung"], row["property"]) == (check, property_)]
    bad = [row for row in mine if row["verdict"] != "pass"]
    by_code: dict[str, list[dict[str, Any]]] = {}
    for row in bad:
        by_code.setdefault(row["code"], []).append(row)
    reasons = []
    for group in sorted(by_code.values(), key=len, reverse=True):
        names = Counter(name for row in group for name in row["details"])
        shown = ", ".join(f"{name} ({n})" for name, n in names.most_common(5))
        ko, en = _summary(ladder, group[0])
        refused = sum(row["verdict"] == "refuse" for row in group)
        text = Text(f"{ko}: {shown}" if shown else ko, f"{en}: {shown}" if shown else en)
        reasons.append(report.Reason(text, refused, len(group) - refused))
    refused = sum(row["verdict"] == "refuse" for row in bad)
    return report.GateCount(title, kind, len(mine), refused, len(bad) - refused, tuple(reasons))


def _summary(ladder: Ladder, row: Mapping[str, Any]) -> tuple[str, str]:
    """One sentence for all candidates that a gate objected to for the same reason: the bound, not a value."""
    bound = f"{row['limit']:g}" + ("" if row["unit"] == "1" else f" {row['unit']}") if row["limit"] is not None else ""
    if row["code"] == "above":
        return f"{bound} 초과", f"above {bound}"
    if row["code"] == "below":
        return f"{bound} 미만", f"below {bound}"
    plain = {**row, "details": []}
    return ladder.explain(plain, "ko"), ladder.explain(plain, "en")


def overall_quality(run: Run, foreseen: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Metrics of all predictions made before reading, for a model's card."""
    values = {m.candidate: float(m.value or 0.0) for m in run.state.measured if m.candidate in foreseen}
    ids = sorted(values)
    found = quality([foreseen[i][0] for i in ids], [values[i] for i in ids], [foreseen[i][1] for i in ids])
    constant = quality([float(np.mean([values[i] for i in ids]))] * len(ids), [values[i] for i in ids]) if ids else None
    return {"model": _plain(found), "constant": _plain(constant) if constant else None}


def _plain(q: Quality) -> dict[str, Any]:
    return {
        name: ([list(c) for c in q.coverage] if name == "coverage" else getattr(q, name))
        for name in q.__dataclass_fields__
    }


def _quality(book: Book) -> report.ModelQuality | Absent:
    turns = [t for t in book.run.state.rounds if t.results]
    rows: list[dict[str, Any]] = []
    known: list[str] = []
    seen: set[str] = set()
    for turn in turns:
        batch = [m.candidate for m in turn.results or () if m.failed is None]
        groups = _groups(book, batch)
        if known and all(c in book.foreseen for c in batch) and batch:
            near = _nearest(book, batch, known)
            mean = float(np.mean([book.measured[k] for k in known]))
            for i, c in enumerate(batch):
                rows.append(
                    {
                        "round": turn.number,
                        "id": c,
                        "near": near[i] if near is not None else None,
                        "mean": mean,
                        "new": groups.get(c) not in seen,
                    }
                )
        known += batch
        seen.update(groups.values())
    if not rows:
        return Absent(
            Text("예측을 남긴 뒤 읽은 값이 아직 없습니다", "no value was read yet after a prediction was written down")
        )
    rounds = [r for r in sorted({row["round"] for row in rows})]
    each = tuple(_round_quality(book, Text(str(n), str(n)), [row for row in rows if row["round"] == n]) for n in rounds)
    group = book.run.field_.group_title
    titles = (
        {
            True: Text(f"새 {group['ko']}", f"new {group['en']}"),
            False: Text(f"이미 시험한 {group['ko']}", f"{group['en']} tested before"),
        }
        if group
        else {}
    )
    groups_ = (
        tuple(
            _round_quality(book, titles[new], [r for r in rows if r["new"] is new])
            for new in (False, True)
            if any(r["new"] is new for r in rows)
        )
        if titles
        else ()
    )
    overall = _round_quality(book, Text("전체", "all"), rows)
    words = (titles[False], titles[True]) if titles else (None, None)
    return report.ModelQuality(book.run.strategy.name, each, overall, groups_, *words)


def _round_quality(book: Book, title: Text, rows: Sequence[dict[str, Any]]) -> report.RoundQuality:
    truth = [book.measured[row["id"]] for row in rows]
    mean, sd = zip(*(book.foreseen[row["id"]] for row in rows), strict=True)
    near = [row["near"] for row in rows]
    return report.RoundQuality(
        title,
        quality(mean, truth, sd),
        quality(near, truth) if all(v is not None for v in near) else None,
        quality([row["mean"] for row in rows], truth),
    )


def _nearest(book: Book, batch: Sequence[str], known: Sequence[str]) -> Any:
    """What the most similar compound measured before would have foretold, shape (batch,)."""
    from dure.design.kernels import pool_kernels
    from dure.design.pool import PoolSpace

    space = book.run.space
    if not isinstance(space, PoolSpace) or not space.blocks:
        return None
    at, before = space.position(list(batch)), space.position(list(known))
    similarity = pool_kernels(space)[0].rows(at)[:, before]
    return nearest_neighbour(similarity, [book.measured[k] for k in known])


def _space(book: Book, score: Mapping[str, Any] | None) -> report.SpaceMap | Absent:
    from dure.design.pool import PoolSpace

    space = book.run.space
    if not isinstance(space, PoolSpace) or not space.blocks:
        return Absent(Text("목록이 없는 공간이라 지도가 없습니다", "the space has no list, so there is no map"))
    points, ids = _coordinates(space, list(book.measured), list(score["top1_ids"]) if score else [])
    return report.SpaceMap(
        method=Text("구조 특징의 주성분 분석 (PCA)", "PCA of the structural features"),
        candidates=tuple(ids),
        x=tuple(points[:, 0].round(4).tolist()),
        y=tuple(points[:, 1].round(4).tolist()),
        hits=tuple(score["top1_ids"]) if score else (),
        shown_of=len(space),
    )


def _coordinates(space: Any, measured: list[str], hits: list[str]) -> tuple[Any, list[str]]:
    """Two principal components of the first counts block (its square roots), or of the first real one."""
    from scipy import sparse
    from scipy.sparse.linalg import svds

    block = next((b for b in space.blocks if b.kind == "counts"), space.blocks[0])
    keep = sorted({*space.position(measured + hits).tolist(), *range(0, len(space), max(1, len(space) // MAP_POINTS))})
    matrix = sparse.csr_matrix(block.matrix)[keep].astype(float)
    matrix.data = np.sqrt(np.abs(matrix.data))
    used = np.asarray(matrix.sum(axis=0)).ravel() > 0
    dense = matrix[:, used].toarray() if used.sum() * len(keep) < 4e7 else matrix[:, used]
    if isinstance(dense, np.ndarray):
        dense = dense - dense.mean(axis=0)
    u, s, _ = svds(dense, k=2, random_state=0) if min(dense.shape) > 2 else (np.zeros((len(keep), 2)), np.ones(2), None)
    order = np.argsort(-s)
    u = u[:, order] * s[order]
    # The sign of a component is arbitrary: fix it, so that the same run gives the same picture.
    u *= np.where(u[np.abs(u).argmax(axis=0), [0, 1]] < 0, -1, 1)
    ids = space.ids
    return u, [ids[i] for i in keep]


def _poses(book: Book) -> tuple[report.Pose, ...] | Absent:
    outcome = book.run.state.closed.get("examine")
    if not outcome:
        return Absent(Text("최종 후보 검사를 하지 않았습니다", "the finalists were not examined"))
    if outcome["skipped"]:
        why = "; ".join(f"{name}: {reason}" for name, reason in outcome["skipped"])
        return Absent(Text(f"건너뛰었습니다. {why}", f"skipped. {why}"))
    ladder, _ = ladder_of(book.run, "finalists", outcome["files"])
    poses = []
    for candidate in outcome["finalists"]:
        found = {
            p: v for (c, p, k), v in book.values.items() if c == candidate and k == "simulated" and p != book.property
        }
        scores = [(p, v) for p, v in found.items() if v[0]["unit"] == "kcal/mol"]
        if not scores:
            continue
        checks = tuple(
            (Text(p, p), bool(v[0]["value"]))
            for p, v in sorted(found.items())
            if "/" in p and v[0]["value"] is not None
        )
        poses.append(report.Pose(candidate, book.name(candidate), as_value(*scores[0][1]), checks, None))
    return tuple(poses) or Absent(Text("자세를 얻지 못했습니다", "no pose was found"))


def _cost(run: Run, first: str, last: str) -> report.Cost:
    from dure.base.canonical import parse_timestamp

    wall = (parse_timestamp(last) - parse_timestamp(first)).total_seconds()
    import time

    cpu = time.process_time() + run.parts.tasks.cpu_seconds
    return report.Cost(run.state.ordered, run.problem.budget.assays, cpu, wall)


def _stopping(book: Book) -> Any:
    from dure.design.pool import PoolSpace

    run = book.run
    if not isinstance(run.space, PoolSpace) or not book.measured:
        return Absent(Text("후보 목록이 없어 계산하지 않았습니다", "not computed: the space has no list"))
    knowledge = run.knowledge()
    rest = [i for i, c in enumerate(run.space.ids) if c not in knowledge.taken]
    if not rest:
        return Absent(Text("남은 후보가 없습니다", "no candidate is left"))
    expected = run.strategy.predict(run.space, knowledge, run.space.take(rest))
    if expected is None:
        return Absent(Text("이 전략에는 모델이 없습니다", "this strategy has no model"))
    return stopping_curve(expected.mean, expected.sd, float(np.max(knowledge.values)))


def _early(run: Run) -> Any:
    from sqlalchemy import select

    if not run.problem.scored:
        return Absent(Text("봉인된 플레이트가 없습니다", "there was no sealed plate"))
    table = ledger_event.c
    with run.act("campaign").read() as reader:
        rows = reader.all(select(table.leaf).where(table.kind == "plate.unsealed").order_by(table.sequence))
    events = [run.parts.registry.read(json.loads(bytes(row.leaf))) for row in rows]
    early = [e for e in events if e.body["campaign"] == run.identifier and not e.actor.startswith("system:")]
    return tuple(report.EarlyRead(e.time, e.actor, e.kind, run.setup.size or 0) for e in early)


def _provenance(run: Run) -> report.Provenance:
    setup = run.setup
    sources = []
    with run.act("campaign").read() as reader:
        for accession in setup.sources:
            row = datasets.find(reader, accession)
            sources.append(_source(accession, datasets.describe(run.parts.objects, row.manifest)))
    digests = [
        (Text("문제", "problem"), run.problem.digest),
        (Text("사다리", "ladder"), str(run.problem.ladder["digest"])),
    ]
    closed = run.state.closed
    if "register" in closed:
        digests.append((Text("모델", "model"), closed["register"]["model"]))
    if closed.get("deposit", {}).get("accession"):
        digests.append((Text("결과 데이터세트", "result dataset"), closed["deposit"]["accession"]))
    return report.Provenance(
        sources=tuple(sources),
        code=f"dure {setup.code}",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        seeds=((Text("문제의 시드", "seed of the problem"), str(run.problem.seed)),),
        packages=tuple(sorted({**setup.packages, **_versions()}.items())),
        checkpoint=_checkpoint(run),
        digests=tuple(digests),
    )


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "pyarrow", "polars")}


def _source(accession: str, described: datasets.Dataset) -> report.Source:
    terms, made = described.terms, described.provenance
    package = f"{made['package']} {made['version']}" if "package" in made else "—"
    return report.Source(
        Text(described.title_ko, described.title),
        accession,
        package,
        terms.licence_package or "—",
        terms.licence,
        "; ".join(terms.citation) or "—",
        described.files[0].digest,
        Text(", ".join(sorted(terms.obligations)), ", ".join(sorted(terms.obligations))) if terms.obligations else None,
    )


def _checkpoint(run: Run) -> report.Checkpoint | None:
    from sqlalchemy import select

    from dure.store.ledger import ledger_checkpoint
    from dure.store.notes import SignedCheckpoint

    with run.act("campaign").read() as reader:
        row = reader.first(select(ledger_checkpoint.c.note).order_by(ledger_checkpoint.c.size.desc()).limit(1))
    if row is None:
        return None
    note = SignedCheckpoint.parse(row.note)
    return report.Checkpoint(note.checkpoint.size, note.checkpoint.root.hex(), note.signatures[0][0])
