"""Found against assays: the campaign, its controls, and the noise ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dure.campaign.report.answer import hits_of
from dure.campaign.report.book import Book, no_truth, text
from dure.campaign.report.data import Absent, Contrast, ContrastCurve, ControlCurve, Discovery, Text, Value
from dure.campaign.statistics import Band, NoiseCeiling, Verdict, random_expectation, seed_band

SEEDED = {
    "permuted": Text("뒤섞은 되먹임", "permuted feedback"),
    "simple": Text("단순 모델 (랜덤 포레스트)", "simple model (random forest)"),
}


AT_SIMULATOR = {
    "random": Text("무작위", "random"),
    "latin-hypercube": Text("라틴 하이퍼큐브", "Latin hypercube"),
    "permuted": SEEDED["permuted"],
}


def discovery(book: Book) -> Discovery | Contrast | Absent:
    """The curves; of a simulator the best value, of a replay what was found; Absent while the truth is not known."""
    if book.contrast is not None:
        return _contrast(book.contrast)
    score = book.score
    if score is None:
        return no_truth(book.run)
    steps = tuple(range(len(score["campaign"])))
    return Discovery(
        k=score["top1_total"],
        eligible=len(score["top1_ids"]),
        threshold=_threshold(book, score),
        assays=steps,
        campaign=tuple(score["campaign"]),
        controls=tuple(_curves(book, score, steps)),
        ceiling=NoiseCeiling(**{**score["ceiling"], "curve": tuple(score["ceiling"]["curve"])}),
        under_noise=tuple(score["under_noise"]),
    )


def _contrast(told: Mapping[str, Any]) -> Contrast:
    return Contrast(
        tuple(told["campaign"]),
        tuple(
            ContrastCurve(key, AT_SIMULATOR[key], tuple(tuple(run) for run in runs))
            for key, runs in told["curves"].items()
        ),
    )


def verdicts(book: Book) -> tuple[Verdict, ...] | Absent:
    """How the campaign compares with each control."""
    return tuple(Verdict(**v) for v in book.score["verdicts"]) if book.score else no_truth(book.run)


def _threshold(book: Book, score: Mapping[str, Any]) -> Value:
    """The value of number k: its own evidence where it was read, otherwise the candidate leads to its row."""
    value = book.sign * score["top1_threshold"]
    read = sorted(c for c in score["top1_ids"] if book.measured.get(c) == value)
    if read:
        return book.read(read[0])
    unread = sorted(set(score["top1_ids"]) - set(book.measured))
    trace = unread[0] if unread else book.run.identifier
    return Value(value, book.run.problem.objective.unit, "measured", trace, decimals=book.decimals)


def _curves(book: Book, score: Mapping[str, Any], steps: Sequence[int]) -> list[ControlCurve]:
    hits = hits_of(score, book.run.setup.size)
    curves = [ControlCurve("random", Text("무작위", "random"), random_expectation(hits, steps))]
    for key, runs in score["curves"].items():
        if runs:
            curves.append(ControlCurve(key, SEEDED[key], seed_band([_padded(run, len(steps)) for run in runs])))
    if score["ranking"]:
        flat = tuple(map(float, _padded(score["ranking"], len(steps))))
        curves.append(ControlCurve("ranking", text(book.run.field_.rank_title), Band(flat, flat, flat)))
    return curves


def _padded(curve: Sequence[int], points: int) -> list[int]:
    """As many points as asked for; a control that ended early stays at what it had found."""
    return [*curve[:points], *([curve[-1]] * (points - len(curve)))]
