"""Small parts of the command line: language, tables, progress."""

from __future__ import annotations

import pytest

from dure.base.errors import RowErrors
from dure.campaign.problem import Budget, Objective, Problem
from dure.campaign.state import Measured, Round, State, Step
from dure.cli import language, output
from dure.cli.progress import Lines, best_of, describe, seconds_left


@pytest.fixture(autouse=True)
def _english():
    language.use("en")


@pytest.mark.parametrize(
    ("arguments", "environment", "wanted"),
    [
        ([], {}, "en"),
        ([], {"LANG": "ko_KR.UTF-8"}, "ko"),
        ([], {"LC_ALL": "C.UTF-8", "LANG": "ko_KR.UTF-8"}, "en"),
        (["--lang", "ko", "run"], {"LC_ALL": "C"}, "ko"),
        (["--lang=en"], {"LANG": "ko"}, "en"),
        (["--lang", "xx"], {"LANG": "ko"}, "ko"),
        (["--lang"], {}, "en"),
    ],
)
def test_the_language_asked_for(arguments, environment, wanted) -> None:
    assert language.choose(arguments, environment) == wanted


def test_korean_columns_line_up() -> None:
    lines = output.table([["가나", 1], ["abcd", 22]], ["이름", "n"]).split("\n")
    assert lines == ["이름  n", "가나  1", "abcd  22"]


def test_errors_keep_their_rows_in_json(capsys) -> None:
    output.error(RowErrors("a.csv", [(3, "bad")], remedy="mend it"), as_json=True)
    assert '"row": 3' in capsys.readouterr().out


def problem(direction: str = "maximise") -> Problem:
    objective, budget = Objective("pKi", "1", direction), Budget(2, 2, 3)
    return Problem("drug", None, {}, objective, {}, {"driver": "replay"}, budget, {"name": "dure"}, {}, {}, 1)


def state(*values: float) -> State:
    results = tuple(Measured(f"c{i}", value, None, "=") for i, value in enumerate(values))
    return State((Round(1, passed=tuple("ab"), ordered={"a": 1, "b": 1}, results=results),))


def test_progress_counts_and_best() -> None:
    assert best_of(problem(), state(5, 7)) == "7"
    assert best_of(problem("minimise"), state(5, 7)) == "5"
    assert best_of(problem(), State()) is None
    shown = dict(describe(problem(), state(5, 7), Step("verify", 2, 1), 90.0))
    assert shown["round"] == "1 / 4"
    assert shown["assays"] == "2 / 8"
    assert shown["rounds end in"] == "about 1:30"
    assert dict(describe(problem(), state(5, 7), Step("control"), 0.0))["left"] == "closing"


def test_time_left_is_that_of_this_process_alone() -> None:
    assert seconds_left(problem(), State(), 10, 0) is None
    assert seconds_left(problem(), state(5, 7), 10, 0) == pytest.approx(30)
    assert seconds_left(problem(), state(5, 7), 10, 2) is None


def test_plain_lines_for_a_terminal_that_cannot_move(capsys) -> None:
    Lines(problem()).done(Step("read", 1), state(5, 7), {})
    assert capsys.readouterr().err == "round 1: reading results (2/8; best 7)\n"
