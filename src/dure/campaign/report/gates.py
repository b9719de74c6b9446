"""What each gate of the ladder refused or flagged, and why, in the reader's own language."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, GateCount, Kind, Ladder, Language, Reason, Refusal, Text
from dure.campaign.report.values import quantity
from dure.verify.gate import FLAG, PASS, REFUSE, Gate
from dure.verify.reasons import REASONS

EXAMPLES = 20
MOST_NAMES = 5
Rows = Sequence[Mapping[str, Any]]

_KOREAN = (
    (r"(\S+) is not installed: (.+)", r"\1 패키지가 설치되어 있지 않습니다. 설치 명령: \2"),
    (r"the source (\S+) is not in this hub; fetch it with: (.+)", r"이 허브에 \1 자료가 없습니다. 받는 명령: \2"),
    (r"nothing was measured", "측정된 후보가 없습니다"),
    (r"the field (\S+) has no such check", r"\1 분야에는 이런 검사가 없습니다"),
)
_WHETHER: dict[tuple[str, float, str], dict[Language, str]] = {
    ("above", 0.0, "1"): {"ko": "있음", "en": "present"},
    ("below", 1.0, "1"): {"ko": "충족하지 않음", "en": "not met"},
}
"""A count that must be 0 and a yes that must be 1 are said in words."""


def ladder(book: Book) -> Ladder | Absent:
    """All gates in the order in which they were climbed."""
    if not any(rung.gates for rung in book.run.ladder.rungs):
        return Absent(Text("이 캠페인에는 제안을 거르는 관문이 없습니다", "this campaign has no gates for proposals"))
    if not book.verdicts:
        return Absent(Text("제안된 후보가 없습니다", "nothing was proposed"))
    judged: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in book.verdicts:
        judged[row["rung"], row["property"]].append(row)
    gates = [
        _count(book, gate, rung.check.kind, judged[gate.check, gate.property])
        for rung in book.run.ladder.rungs
        for gate in rung.gates
        if (gate.check, gate.property) in judged
    ]
    refused = [row for row in book.verdicts if row["verdict"] == REFUSE]
    return Ladder(tuple(gates), _skipped(book), tuple(_refusal(book, row) for row in refused[:EXAMPLES]))


def explained(book: Book, row: Mapping[str, Any]) -> Text:
    """A verdict on one candidate as a sentence."""
    return Text(_sentence(book, row, "ko"), _sentence(book, row, "en"))


def why_skipped(why: str) -> Text:
    """Why a check did not run: the machine's English words, and the same in Korean where their form is known."""
    for pattern, korean in _KOREAN:
        found = re.fullmatch(pattern, why)
        if found:
            return Text(found.expand(korean), why)
    return Text(f"실행할 수 없었습니다. {why}", why)


def _count(book: Book, gate: Gate, kind: str, rows: Rows) -> GateCount:
    objections = [row for row in rows if row["verdict"] != PASS]
    by_code: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in objections:
        by_code[row["code"]].append(row)
    groups = sorted(by_code.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    named: Kind = kind  # type: ignore[assignment]  # a ladder takes no other
    return GateCount(
        Text(gate.name("ko"), gate.name("en")),
        named,
        len(rows),
        *_acts(objections),
        tuple(Reason(_reason(book, group), *_acts(group)) for _, group in groups),
    )


def _acts(rows: Rows) -> tuple[int, int]:
    """How many of these were refused, and how many flagged."""
    acts = Counter(row["verdict"] for row in rows)
    return acts[REFUSE], acts[FLAG]


def _reason(book: Book, rows: Rows) -> Text:
    """One sentence for all candidates that a gate objected to for the same reason: the bound, not a value."""
    names = Counter(name for row in rows for name in row["details"]).most_common(MOST_NAMES)
    return Text(_grouped(book, rows[0], names, "ko"), _grouped(book, rows[0], names, "en"))


def _grouped(book: Book, row: Mapping[str, Any], names: Sequence[tuple[str, int]], lang: Language) -> str:
    said = _against_bound(row, lang) or _sentence(book, {**row, "details": []}, lang)
    shown = ", ".join(f"{_detail(book, row, name, lang)} ({n})" for name, n in names)
    return f"{said}: {shown}" if shown else said


def _against_bound(row: Mapping[str, Any], lang: Language) -> str | None:
    """How a value stands to the bound that it crossed; None where there is no such bound."""
    if row["code"] not in ("above", "below"):
        return None
    if (row["code"], row["limit"], row["unit"]) in _WHETHER:
        return _WHETHER[row["code"], row["limit"], row["unit"]][lang]
    bound = _bound(row)
    words = {
        "above": {"ko": f"{bound} 초과", "en": f"above {bound}"},
        "below": {"ko": f"{bound} 미만", "en": f"below {bound}"},
    }
    return words[row["code"]][lang]


def _bound(row: Mapping[str, Any]) -> str:
    """A limit with as many digits as a person wrote."""
    return quantity(row["limit"], row["unit"], len(f"{row['limit']:g}".partition(".")[2]))


def _sentence(book: Book, row: Mapping[str, Any], lang: Language) -> str:
    title = _gate_title(book, row, lang)
    details = ", ".join(_detail(book, row, name, lang) for name in row["details"])
    if (row["code"], row["limit"], row["unit"]) in _WHETHER:
        said = f"{title}: {_against_bound(row, lang)}"
    else:
        limit = _bound(row) if row["limit"] is not None else ""
        said = REASONS[row["code"]][lang].format(title=title, value=quantity(row["value"], row["unit"]), limit=limit)
    return f"{said} ({details})" if details else said


def _gate_title(book: Book, row: Mapping[str, Any], lang: Language) -> str:
    rungs = (*book.run.ladder.rungs, *(book.final_ladder.rungs if book.final_ladder else ()))
    gates = (gate for rung in rungs for gate in rung.gates)
    found = next((g for g in gates if (g.check, g.property) == (row["rung"], row["property"])), None)
    return found.name(lang) if found else getattr(book.title(row["property"]), lang)


def _detail(book: Book, row: Mapping[str, Any], name: str, lang: Language) -> str:
    titles: Mapping[str, str] = book.run.field_.property_titles.get(f"{row['property']}/{name}", {})
    return titles.get(lang, name)


def _skipped(book: Book) -> tuple[tuple[Text, Text], ...]:
    pairs = {pair for turn in book.run.state.rounds for pair in turn.skipped}
    pairs |= {(name, why) for name, why in book.run.state.closed.get("examine", {}).get("skipped", ())}
    return tuple((book.title(name), why_skipped(why)) for name, why in sorted(pairs))


def _refusal(book: Book, row: Mapping[str, Any]) -> Refusal:
    return Refusal(row["candidate"], book.name(row["candidate"]), book.title(row["rung"]), explained(book, row))
