"""The closer look at the best candidates: what each was found to be, its verdict, and its drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, Fact, Finalist, Text, Value
from dure.campaign.report.gates import explained, why_skipped
from dure.store.frames import get_frame
from dure.verify.gate import FLAG, PASS, REFUSE

LISTED = 40
"""Facts shown of one finalist at most."""


def finalists(book: Book) -> tuple[Finalist, ...] | Absent:
    """What the closer look found of each finalist; Absent where there was none."""
    outcome = book.run.state.closed.get("examine")
    if not outcome:
        return Absent(Text("최종 후보 검사를 하지 않았습니다", "the finalists were not examined"))
    if outcome["skipped"]:
        reasons = [(book.title(name), why_skipped(why)) for name, why in outcome["skipped"]]
        return Absent(
            Text("; ".join(f"{n.ko}: {w.ko}" for n, w in reasons), "; ".join(f"{n.en}: {w.en}" for n, w in reasons))
        )
    rows = get_frame(book.run.parts.objects, outcome["verdicts"]).to_pylist()
    found = [
        _finalist(book, c, [row for row in rows if row["candidate"] == c], outcome["artefacts"].get(c, {}))
        for c in outcome["finalists"]
    ]
    return tuple(f for f in found if f) or Absent(
        Text("최종 후보의 값을 얻지 못했습니다", "no finalist could be examined")
    )


def _finalist(book: Book, candidate: str, rows: Sequence[Any], artefacts: Mapping[str, str]) -> Finalist | None:
    """What is shown of one; None where nothing was found of it."""
    told = book.examined(candidate)
    shown = {name: value for name, value in told.items() if "/" not in name and value.value is not None}
    objections = [row for row in rows if row["verdict"] != PASS]
    verdicts = {row["verdict"] for row in objections}
    verdict: Literal["passed", "flagged", "refused"] = (
        "refused" if REFUSE in verdicts else "flagged" if FLAG in verdicts else "passed"
    )
    if not shown and verdict != "refused":
        return None
    checks = _checks(book, told)
    counted = {name for name in shown if checks and shown[name].unit == "1"}
    facts = [Fact(book.title(name), value) for name, value in shown.items() if name not in counted]
    reasons = [] if checks else [explained(book, row) for row in objections]
    return Finalist(
        candidate,
        book.name(candidate),
        verdict,
        tuple(facts[:LISTED]),
        checks,
        _drawings(book, artefacts),
        tuple(dict.fromkeys(reasons)),
    )


def _checks(book: Book, told: Mapping[str, Value]) -> tuple[tuple[Text, bool], ...]:
    """Tests that say yes or no; what explains a count (`violations/…`) is told with the gate's reason."""
    ladder = book.final_ladder
    asked = {gate.property for rung in ladder.rungs for gate in rung.gates if gate.low is not None} if ladder else set()
    details = sorted((name, value.value) for name, value in told.items() if name.partition("/")[0] in asked)
    return tuple((book.title(name), bool(value)) for name, value in details if "/" in name and value is not None)


def _drawings(book: Book, artefacts: Mapping[str, str]) -> tuple[Text, ...]:
    """The drawings that were made in both languages."""
    objects: Any = book.run.parts.objects
    stems = [name.removesuffix(".en.svg") for name in sorted(artefacts) if name.endswith(".en.svg")]
    return tuple(
        Text(*(objects.get(artefacts[f"{stem}.{lang}.svg"]).decode() for lang in ("ko", "en")))
        for stem in stems
        if f"{stem}.ko.svg" in artefacts
    )
