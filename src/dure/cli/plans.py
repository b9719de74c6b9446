"""A plan as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from dure.cli.language import current, say
from dure.cli.progress import step_title

if TYPE_CHECKING:
    from dure.campaign.plan import Plan, PlannedStep


def lines(plan: Plan) -> Iterator[str]:
    """The whole plan; a rung's gates are named where it is climbed first."""
    head = {
        "new": say("a new campaign would be started", "새 캠페인을 시작합니다"),
        "running": say("the unfinished campaign would go on", "끝나지 않은 캠페인을 이어서 합니다"),
        "finished": say(
            "the campaign is finished; --again would start the next",
            "캠페인이 끝났습니다. --again 으로 다음 것을 시작합니다",
        ),
        "stopped": say(
            "the campaign was stopped; --again would start the next",
            "중지된 캠페인입니다. --again 으로 다음 것을 시작합니다",
        ),
    }
    yield head[plan.status] + (f" ({plan.campaign[3:13]})" if plan.campaign else "")
    yield from (say(f"first: {what}", f"먼저: {what}") for what in plan.missing)
    if plan.rows is not None:
        yield say(f"rows in the file: {plan.rows}", f"파일의 행 수: {plan.rows}")
    settings = ", ".join(f"{name} = {value}" for name, value in plan.laboratory.items())
    yield say(f"laboratory: {settings}", f"실험실: {settings}")
    seen: set[str] = set()
    for number, step in enumerate(plan.steps, 1):
        yield from _step(number, step, seen)
    yield say(
        f"in all at most {plan.assays} assays, about {plan.cpu_seconds:.3g} CPU seconds of checks; nothing was changed",
        f"모두 합쳐 최대 실험 {plan.assays}건, 검증에 약 {plan.cpu_seconds:.3g} CPU초. 아무것도 바꾸지 않았습니다",
    )


def _step(number: int, step: PlannedStep, seen: set[str]) -> Iterator[str]:
    from dure.cli.wording import said

    turn = f"{say('round', '라운드')} {step.round}: " if step.round else ""
    count = say(f", {step.candidates} candidates", f", 후보 {step.candidates}개") if step.candidates else ""
    cost = say(f", cost {step.assays} assays", f", 비용 실험 {step.assays}건") if step.assays else ""
    yield f"{number:4}. {turn}{step_title(step.name)}{count}{cost}"
    for rung in step.checks:
        shown = replace(rung, missing=rung.missing and said(rung.missing)).lines(current())
        yield from (f"        {line}" for line in (shown if rung.check not in seen else shown[:1]))
        seen.add(rung.check)
    yield from (f"        {candidate}" for candidate in step.orders)
