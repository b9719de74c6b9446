"""How a campaign goes on, live in the terminal: round, ladder counts, best so far, assays, time left.

Quiet where standard error is not a terminal; one plain line a step where it cannot move its cursor.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dure.cli.language import say
from dure.cli.output import note, signed

if TYPE_CHECKING:
    from dure.campaign.problem import Problem
    from dure.campaign.run import Watcher
    from dure.campaign.state import State, Step

FRESH_PER_SECOND = 8


def step_title(name: str) -> str:
    """What a step does, in a few words."""
    titles = {
        "propose": ("choosing candidates", "후보 선정"),
        "verify": ("climbing the ladder of checks", "검증 사다리"),
        "order": ("ordering assays", "실험 주문"),
        "read": ("reading results", "결과 읽기"),
        "examine": ("looking closely at the finalists", "최종 후보 정밀 검토"),
        "unseal": ("unsealing the plate", "플레이트 개봉"),
        "control": ("running the controls", "대조 실행"),
        "register": ("registering the model", "모델 등록"),
        "deposit": ("depositing the results", "결과 기탁"),
        "report": ("writing the report", "보고서 작성"),
        "finish": ("closing the campaign", "캠페인 마감"),
    }
    return say(*titles[name])


def best_of(problem: Problem, state: State) -> str | None:
    """The best value so far, with its sign where it is a bound."""
    order = state.ranked(problem.objective.sign)
    if not order:
        return None
    best = state.newest[order[0]]
    return signed(best.qualifier, f"{best.value or 0.0:.3g}")


def seconds_left(problem: Problem, state: State, spent: float, assays_before: int) -> float | None:
    """Time until the last round is read, at the pace of this process so far; None before it has a pace."""
    done = sum(len(r.results) for r in state.rounds if r.results is not None) - assays_before
    read = done + assays_before
    return None if done < 1 else spent / done * max(0, problem.budget.assays - read)


def describe(problem: Problem, state: State, step: Step | None, left: float | None) -> list[tuple[str, str]]:
    """What the display shows, as (name, value) pairs."""
    current, budget = state.current, problem.budget
    rounds = budget.rounds + 1
    passed = sum(len(r.passed) for r in state.rounds)
    refused = sum(len(r.refused) for r in state.rounds)
    best = best_of(problem, state)
    shown = [
        (say("round", "라운드"), f"{current.number if current else 0} / {rounds}"),
        (say("assays", "실험"), f"{state.ordered} / {budget.assays}"),
        (
            say("ladder", "사다리"),
            say(f"{passed} passed, {refused} refused", f"통과 {passed}, 제외 {refused}"),
        ),
    ]
    if best is not None:
        shown.append((say("best", "최고"), f"{problem.objective.property} {best}"))
    if step is not None:
        shown.append((say("now", "지금"), step_title(step.name)))
    if step is not None and step.round == 0:
        shown.append((say("left", "남은 일"), say("closing", "마무리")))
    elif left is not None:
        shown.append((say("rounds end in", "라운드 종료까지"), say(f"about {_clock(left)}", f"약 {_clock(left)}")))
    return shown


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Lines:
    """One plain line a step."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def step(self, step: Step, state: State) -> None:
        return

    def done(self, step: Step, state: State, outcome: Mapping[str, Any]) -> None:
        best = best_of(self._problem, state)
        known = "" if best is None else f"; {say('best', '최고')} {best}"
        turn = "" if step.round == 0 else f"{say('round', '라운드')} {step.round}: "
        note(f"{turn}{step_title(step.name)} ({state.ordered}/{self._problem.budget.assays}{known})")


class Live:
    """A display that is redrawn in place; `rich` is loaded here and nowhere else."""

    def __init__(self, problem: Problem, state: State) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        self._problem, self._state = problem, state
        self._now: Step | None = None
        self._began = time.monotonic()
        self._before = len(state.measured)
        self._spinner = self._make_spinner()
        console = Console(stderr=True)
        self.display = Display(
            get_renderable=self._drawn, console=console, refresh_per_second=FRESH_PER_SECOND, transient=True
        )

    def step(self, step: Step, state: State) -> None:
        self._now, self._state = step, state

    def done(self, step: Step, state: State, outcome: Mapping[str, Any]) -> None:
        self._state = state

    def _make_spinner(self) -> Any:
        from rich.spinner import Spinner

        return Spinner("dots")

    def _drawn(self) -> Any:
        from rich.table import Table

        spent = time.monotonic() - self._began
        left = seconds_left(self._problem, self._state, spent, self._before)
        grid = Table.grid(padding=(0, 2))
        grid.add_row(self._spinner, f"{say('elapsed', '경과')} {_clock(spent)}")
        for name, value in describe(self._problem, self._state, self._now, left):
            grid.add_row(name, value)
        return grid


@contextmanager
def watching(problem: Problem, state: State) -> Iterator[Watcher]:
    """The watcher that suits standard error."""
    from dure.campaign.run import Silent

    if not sys.stderr.isatty():
        yield Silent()
    elif os.environ.get("TERM", "") in ("", "dumb"):
        yield Lines(problem)
    else:
        live = Live(problem, state)
        with live.display:
            yield live
