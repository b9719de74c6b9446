"""The answer: the best candidates with all that is known of them, and every reading in its order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dure.campaign.answers import tested
from dure.campaign.report.book import Book, no_truth, text
from dure.campaign.report.data import Absent, Answer, Assay, Fact, Finding, Score, Text, Value
from dure.campaign.report.gates import explained
from dure.campaign.state import worse_than
from dure.campaign.statistics import Hits, yield_of

LISTED = 50
DRAWN = 10
CARD_FACTS = 8
"""Findings of the closer look that a card shows; of more it shows what gates judge, and the finalists' section all."""
WIDTH, HEIGHT = 240, 180


def answer(book: Book) -> Answer | Absent:
    """The best of what was read; Absent before the first reading."""
    if not book.measured:
        if any(turn.results for turn in book.run.state.rounds):
            return Absent(
                Text(
                    "어떤 주문도 값을 얻지 못했습니다. 실패한 주문은 아래에 까닭과 함께 있습니다",
                    "no order gave a value; those that failed are listed below with their reasons",
                )
            )
        return Absent(Text("아직 읽은 값이 없습니다", "nothing was read yet"))
    if not book.order:
        return Absent(
            Text(
                "최종 후보 가운데 최종 검사를 통과한 것이 없습니다. 이 캠페인은 아무것도 권하지 않습니다",
                "no finalist passed the final gate: this campaign recommends nothing",
            )
        )
    first = book.order[0]
    hits = hits_of(book.score, book.run.setup.size) if book.score else None
    turned = {candidate: book.sign * value for candidate, value in book.measured.items()}
    newest = book.run.state.newest
    known = {c: value for c, value in turned.items() if not newest[c].bounded(book.sign)} or turned
    yields = yield_of(known, book.groups(list(known)), hits)
    best = book.read(first)
    return Answer(
        findings=tuple(_finding(book, c, drawn=i < DRAWN) for i, c in enumerate(book.order[:LISTED])),
        best=best,
        mean_best=_mean_best(book, yields.mean_best),
        best_at=tested(book.run.state).index(first) + 1,
        scores=_scores(book.score) if book.score else no_truth(book.run),
        variety=_variety(book, yields.scaffolds),
    )


def _mean_best(book: Book, mean: float) -> Value:
    """The mean of the best ten; at least that good where one of them is only known to be better than its value."""
    best = book.read(book.order[0])
    beyond = worse_than(-book.sign)  # what is worse where less is better is better here
    sign = beyond if any(book.read(c).qualifier == beyond for c in book.order[:10]) else "="
    return Value(book.sign * mean, best.unit, best.kind, best.trace, qualifier=sign, decimals=book.decimals)


def hits_of(score: Mapping[str, Any], pool: int | None) -> Hits:
    """What there was to find."""
    return Hits(score["top1_total"], score["top1_threshold"], frozenset(score["top1_ids"]), pool or 0)


def _scores(score: Mapping[str, Any]) -> tuple[Score, ...]:
    """Top 1 % and top 10; where both are the same candidates, once."""
    top = Score(Text("상위 1 %", "top 1 %"), score["top1_found"], score["top1_total"])
    ten = Score(Text("상위 10개", "top 10"), score["top10_found"], score["top10_total"])
    return (top,) if top.total == ten.total else (top, ten)


def _variety(book: Book, count: int | None) -> tuple[Text, int] | None:
    title = book.run.field_.group_title
    if count is None or not title or book.run.field_.group is None:
        return None
    return Text(f"적중 후보의 서로 다른 {title['ko']}", f"different {title['en']}s among the hits"), count


def _finding(book: Book, candidate: str, *, drawn: bool) -> Finding:
    value, known = book.read(candidate), book.run.known[candidate]
    return Finding(
        candidate=candidate,
        name=book.name(candidate),
        value=value,
        drawing=book.run.field_.draw(known, WIDTH, HEIGHT) if drawn else None,
        facts=tuple(_facts(book, candidate, value)),
        flags=tuple(explained(book, row) for row in book.flags.get(candidate, ())),
        round=book.rounds.get(candidate),
    )


def _facts(book: Book, candidate: str, value: Value) -> list[Fact]:
    """What was expected, what follows from the value, and what simulations say."""
    before = book.expected(candidate)
    facts = [Fact(Text("읽기 전 예측", "predicted before it was read"), before)] if before else []
    facts += _derived(book, candidate, value)
    told = book.simulated(candidate)
    # Yes and no, and counts of them, are told check by check in the section on finalists.
    checked = any("/" in name for name in told)
    shown = {name: each for name, each in told.items() if "/" not in name and not (checked and each.unit == "1")}
    looked = [name for name in book.examined(candidate) if name in shown]
    if len(looked) > CARD_FACTS:
        shown = {name: each for name, each in shown.items() if name not in looked or name in book.judged}
    return facts + [Fact(book.title(name), each) for name, each in shown.items()]


def _derived(book: Book, candidate: str, value: Value) -> list[Fact]:
    derive = book.run.field_.derive
    if derive is None or value.value is None:
        return []
    rows = derive(book.run.known[candidate], book.property, value.value)
    return [
        Fact(text(title), Value(number, unit, "rule", value.trace, qualifier=value.qualifier, decimals=decimals))
        for title, number, unit, decimals in rows
    ]


def assays(book: Book) -> tuple[Assay, ...]:
    """Every reading, in the order in which they were read."""
    seen: set[str] = set()
    found: list[Assay] = []
    for turn in book.run.state.rounds:
        batch = [m.candidate for m in (turn.results or ()) if m.failed is None]
        groups = book.groups(batch)
        for candidate in batch:
            mean, sd = book.foreseen.get(candidate, (None, None))
            novel = groups[candidate] not in seen if groups else None
            place = (len(found) + 1, turn.number, candidate, book.name(candidate))
            found.append(Assay(*place, book.read(candidate), mean, sd, novel))
        seen.update(groups.values())
    return tuple(found)
