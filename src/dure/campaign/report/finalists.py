"""The closer look at the best candidates: each pose with its score, its checks and its drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, Pose, Text, Value
from dure.campaign.report.gates import why_skipped

SCORE_UNIT = "kcal/mol"


def poses(book: Book) -> tuple[Pose, ...] | Absent:
    """A pose of each finalist that has one; Absent where none was sought or found."""
    outcome = book.run.state.closed.get("examine")
    if not outcome:
        return Absent(Text("최종 후보 검사를 하지 않았습니다", "the finalists were not examined"))
    if outcome["skipped"]:
        reasons = [(book.title(name), why_skipped(why)) for name, why in outcome["skipped"]]
        return Absent(
            Text("; ".join(f"{n.ko}: {w.ko}" for n, w in reasons), "; ".join(f"{n.en}: {w.en}" for n, w in reasons))
        )
    found = [_pose(book, candidate, outcome["artefacts"].get(candidate, {})) for candidate in outcome["finalists"]]
    return tuple(pose for pose in found if pose) or Absent(Text("자세를 얻지 못했습니다", "no pose was found"))


def _pose(book: Book, candidate: str, artefacts: Mapping[str, str]) -> Pose | None:
    told = book.simulated(candidate)
    score = next((value for value in told.values() if value.unit == SCORE_UNIT and value.value is not None), None)
    if score is None:
        return None
    return Pose(candidate, book.name(candidate), score, _checks(book, told), _drawing(book, artefacts))


def _checks(book: Book, told: Mapping[str, Value]) -> tuple[tuple[Text, bool], ...]:
    details = sorted((name, value.value) for name, value in told.items() if "/" in name)
    return tuple((book.title(name), bool(value)) for name, value in details if value is not None)


def _drawing(book: Book, artefacts: Mapping[str, str]) -> Text | None:
    """The first drawing that was made in both languages."""
    objects: Any = book.run.parts.objects
    for name in sorted(artefacts):
        stem = name.removesuffix(".en.svg")
        if stem != name and f"{stem}.ko.svg" in artefacts:
            return Text(*(objects.get(artefacts[f"{stem}.{lang}.svg"]).decode() for lang in ("ko", "en")))
    return None
