"""From a campaign's journal to the plain values that its report shows; each section has a module of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from dure.campaign.report.answer import answer, assays
from dure.campaign.report.asked import asked
from dure.campaign.report.book import Book, text
from dure.campaign.report.data import ReportData, Text
from dure.campaign.report.discovery import discovery, verdicts
from dure.campaign.report.finalists import finalists
from dure.campaign.report.foresight import model_quality, overall_quality, stopping
from dure.campaign.report.gates import ladder
from dure.campaign.report.plates import plates
from dure.campaign.report.provenance import cost, early_reads, provenance, times
from dure.campaign.report.spacemap import space_map
from dure.campaign.run import Run

__all__ = ["build", "overall_quality"]


def build(run: Run) -> ReportData:
    """The report of a campaign as it stands."""
    book, field = Book(run), run.field_
    first, last = times(run)
    status = _status(run)
    resolution = field.resolution.get(book.property)
    return ReportData(
        title=text(run.setup.title),
        campaign=run.identifier,
        status=status,
        started=first,
        ended=last if status == "finished" else None,
        stopped=_stopped(run, status),
        asked=asked(book),
        answer=answer(book),
        assays=assays(book),
        discovery=discovery(book),
        verdicts=verdicts(book),
        ladder=ladder(book),
        plates=plates(book),
        quality=model_quality(book),
        space=space_map(book),
        finalists=finalists(book),
        cost=cost(book, first, last),
        stopping=stopping(book),
        early_reads=early_reads(run),
        provenance=provenance(book),
        retrospective=run.problem.scored,
        gated=bool(run.state.closed.get("examine", {}).get("gated")),
        limits=(*_pairs(field.caveats), *_few_controls(run)),
        resolution=text(resolution) if resolution else None,
    )


def _status(run: Run) -> Literal["finished", "waiting", "running"]:
    state = run.state
    # The report is written just before the campaign's last event.
    if state.stopped or "deposit" in state.closed:
        return "finished"
    current = state.current
    ordered = current is not None and current.ordered is not None and current.results is None
    return "waiting" if ordered and run.problem.lab["driver"] == "manual" else "running"


def _stopped(run: Run, status: str) -> Text:
    """Why it ended, or what it waits for."""
    state = run.state
    if status == "waiting":
        return Text("실험실의 결과를 기다리고 있습니다", "it waits for the laboratory's results")
    if status == "running":
        return Text("진행 중입니다", "it is going on")
    if "stop" in state.closed:
        return Text("사람이 중단했습니다", "a person stopped it")
    if state.ordered >= run.problem.budget.assays:
        return Text("예산으로 정한 실험을 모두 마쳤습니다", "all assays of the budget were done")
    if state.current and state.current.exhausted:
        return Text("더 제안할 후보가 없습니다", "no candidate was left to propose")
    return Text("계획한 회차를 모두 마쳤습니다", "all planned rounds were done")


ENOUGH_SEEDS = 20
"""Campaigns of a control from which a 95 % level can be read."""


def _few_controls(run: Run) -> list[Text]:
    """What is not shown where the controls that need campaigns of their own were given few seeds, or none."""
    seeds = int(run.problem.controls["seeds"])
    if not run.problem.scored or seeds >= ENOUGH_SEEDS:
        return []
    if seeds == 0:
        return [
            Text(
                "뒤섞은 되먹임과 단순 모델의 대조를 실행하지 않았습니다([controls] seeds = 0). "
                "이 캠페인이 그보다 나은지는 알 수 없습니다.",
                "The controls with permuted feedback and with a simple model were not run ([controls] seeds = 0): "
                "whether this campaign is better than they are is not known.",
            )
        ]
    return [
        Text(
            f"뒤섞은 되먹임과 단순 모델의 대조를 {seeds}회만 실행했습니다. "
            f"95 % 수준을 말하려면 {ENOUGH_SEEDS}회가 필요합니다.",
            f"The controls with permuted feedback and with a simple model were run with {seeds} seeds only; "
            f"a level of 95 % needs {ENOUGH_SEEDS}.",
        )
    ]


def _pairs(both: Mapping[str, Sequence[str]]) -> list[Text]:
    return [Text(ko, en) for ko, en in zip(both.get("ko", ()), both.get("en", ()), strict=True)]
