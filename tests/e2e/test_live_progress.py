"""What a person at a terminal sees while a campaign runs: a real terminal, of which the other end is read here."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import write_problem

DURE = Path(sys.executable).parent / "dure"


def run_on_a_terminal(folder: Path, *words: str, kind: str) -> tuple[int, str]:
    """Runs `dure` with standard error on a terminal of this kind; exit code and all that was shown on it."""
    env = {**os.environ, "DURE_CONFIG": f"{folder}/config", "LC_ALL": "C.UTF-8", "TERM": kind, "COLUMNS": "100"}
    ours, theirs = pty.openpty()
    with subprocess.Popen([DURE, *words], stdout=subprocess.DEVNULL, stderr=theirs, env=env, cwd=folder) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the last process on the terminal has closed it
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    return process.returncode, shown.decode("utf-8", "replace")


@pytest.fixture
def problem(tmp_path: Path) -> Path:
    path = write_problem(tmp_path, first="4", batch="2", rounds="2")
    assert run_on_a_terminal(tmp_path, "init", "hub", kind="xterm")[0] == 0
    return path


def test_the_display_shows_rounds_ladder_and_the_best_and_is_gone_at_the_end(problem: Path) -> None:
    code, shown = run_on_a_terminal(problem.parent, "--hub", "hub", "run", str(problem), kind="xterm-256color")
    assert code == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", shown)
    for said in (
        r"round +\d / 3",
        r"assays +\d+ / 8",
        r"ladder +\d+ passed, \d+ refused",
        r"best +pIC50 \d",
        "closing",
    ):
        assert re.search(said, text), said
    assert shown.count("\x1b[2K") > 10, "it is drawn again in place"
    assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in shown[-200:], "the cursor is given back"


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(problem: Path) -> None:
    code, shown = run_on_a_terminal(problem.parent, "--hub", "hub", "run", str(problem), kind="dumb")
    assert code == 0, shown
    assert "\x1b" not in shown
    assert re.search(r"round 2: reading results \(6/8; best \d", shown)
