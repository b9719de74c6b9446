"""Two processes on one campaign: the second is told who holds it; one that lost its hold loses its step."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth

from dure.base.errors import Conflict, Refused
from dure.campaign.service import PERFORMERS, go_on, stop
from dure.campaign.state import next_step


class Pause(Exception):
    """Leaves a campaign between two steps."""


class Until:
    def __init__(self, name: str) -> None:
        self.name = name

    def step(self, step: Any, state: Any) -> None:
        if step.name == self.name:
            raise Pause

    def done(self, step: Any, state: Any, outcome: Any) -> None:
        return


@pytest.fixture
def hub(tmp_path: Path, database_settings: dict[str, str]) -> Iterator[sixth.InlineHub]:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon, **database_settings) as made:
        yield made


def paused(hub: sixth.InlineHub, folder: Path, name: str) -> Any:
    """A campaign that stopped before a step."""
    run = sixth.begin(hub, sixth.write_problem(folder, seeds="1", rounds="0"))
    with pytest.raises(Pause):
        go_on(run, Until(name))
    return run


def reopened(hub: sixth.InlineHub, run: Any) -> Any:
    """The same campaign in a second process's hands."""
    return sixth.begin(hub, hub.folder.parent / "problem.toml")


def _hold(folder: Path, name: str, ready: Any, leave: Any) -> None:
    with sixth.InlineHub.open(folder) as hub, hub.hold(name):
        ready.set()
        leave.wait(60)


def test_the_second_is_told_who_holds_it(hub: sixth.InlineHub, tmp_path: Path) -> None:
    """And a holder that is killed keeps nothing."""
    run = paused(hub, tmp_path, "verify")
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(hub.folder, run.identifier, ready, leave))
    process.start()
    try:
        assert ready.wait(60)
        with pytest.raises(Conflict, match=rf"process {process.pid}"), hub.hold(run.identifier):
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    for _ in range(100):
        try:
            with hub.hold(run.identifier):
                break
        except Conflict:  # a server needs a moment to see that its client is gone
            time.sleep(0.05)
    else:
        pytest.fail("a killed process still holds the campaign")


@pytest.mark.parametrize("name", ["propose", "verify", "order", "read", "register", "report"])
def test_who_is_behind_loses_its_step(hub: sixth.InlineHub, tmp_path: Path, name: str) -> None:
    """Without the lock, the journal still takes each step from one of them only."""
    stale = paused(hub, tmp_path, name)
    current = reopened(hub, stale)
    step_on(current)
    steps = [e["sequence"] for e in sixth.events(hub) if e["subject"] == stale.identifier]
    with pytest.raises(Conflict, match="was expected at event"):
        step_on(stale)
    assert [e["sequence"] for e in sixth.events(hub) if e["subject"] == stale.identifier] == steps
    go_on(current)
    keys = current.driver._notebook.keys()
    assert len(set(keys)) == len(keys) == current.state.ordered == 4
    assert sixth.finish(hub, tmp_path / "problem.toml").state.rounds == current.state.rounds


def step_on(run: Any) -> None:
    """One step by whom believes this state: nothing is read from the ledger first."""
    step = next_step(run.problem, run.state)
    assert step is not None
    PERFORMERS[step.name](run, step)


def test_a_finished_campaign_takes_no_further_step(hub: sixth.InlineHub, tmp_path: Path) -> None:
    stale = paused(hub, tmp_path, "finish")
    go_on(reopened(hub, stale))
    with pytest.raises(Refused, match="only while its state is running"):
        step_on(stale)
    assert len(sixth.events(hub, "campaign.finished")) == 1


def test_a_campaign_that_a_person_stopped_takes_no_further_step(hub: sixth.InlineHub, tmp_path: Path) -> None:
    stale = paused(hub, tmp_path, "order")
    stop(hub.parts(), reopened(hub, stale), hub.me)
    with pytest.raises(Refused, match="only while its state is running"):
        step_on(stale)
    assert sixth.events(hub, "order.placed") == []
    ended = sixth.finish(hub, tmp_path / "problem.toml")
    assert ended.state.stopped == "stopped by a person"
