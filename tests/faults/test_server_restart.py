"""PostgreSQL is killed and started again in the middle of a campaign, twice: whoever runs it is told, or it goes on.
`dure resume` finishes it, and it ends as one whose server never went away.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth
from sqlalchemy import select

from dure.base.errors import NotFound, Unavailable
from dure.cli.door import run
from dure.compute.inline import InlineRunner
from dure.compute.record import Tasks
from dure.hub import Hub
from dure.lab.notebook import Notebook
from dure.lab.orders import lab_order
from dure.store.database import Database, Reader
from dure.store.doctor import check
from dure.store.ledger import first_key
from dure.store.rebuild import rebuild

POINTS = ("in a change", "after a change", "in a read", "before a hand-over", "after a hand-over", "in a task")
MOMENTS = [
    [("in a change", 2), ("in a change", 9)],
    [("in a change", 14), ("in a read", 12)],
    [("in a read", 3), ("after a change", 20)],
    [("before a hand-over", 1), ("after a hand-over", 2)],
    [("after a hand-over", 1), ("in a change", 1)],
    [("in a task", 2), ("before a hand-over", 2)],
]
"""Two each: the point, and at which of its hits, counted from the restart before."""


class Restarts:
    """Restarts the server at appointed moments."""

    def __init__(self, restart: Callable[[], None], plan: Sequence[tuple[str, int]]) -> None:
        self._restart, self._left, self.done = restart, [list(moment) for moment in plan], list[str]()

    def __call__(self, point: str) -> None:
        if not self._left or self._left[0][0] != point:
            return
        self._left[0][1] -= 1
        if self._left[0][1] == 0:
            self._left.pop(0)
            self.done.append(point)
            self._restart()

    def install(self, patch: pytest.MonkeyPatch) -> None:
        write, enter, everything, do = Database.write, Notebook.enter, Reader.all, Tasks.run

        @contextmanager
        def written(database: Database) -> Iterator[Any]:
            with write(database) as connection:
                yield connection
                self("in a change")
            self("after a change")

        def entered(notebook: Notebook, orders: Sequence[Any]) -> None:
            self("before a hand-over")
            enter(notebook, orders)
            self("after a hand-over")

        def read(reader: Reader, statement: Any) -> Any:
            self("in a read")
            return everything(reader, statement)

        def done(tasks: Tasks, *more: Any) -> Any:
            self("in a task")
            return do(tasks, *more)

        for owner, name, patched in (
            (Database, "write", written),
            (Notebook, "enter", entered),
            (Reader, "all", read),
            (Tasks, "run", done),
        ):
            patch.setattr(owner, name, patched)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "_runner", lambda hub: InlineRunner())
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def dure(hub: Path, *words: object) -> tuple[int, Any]:
    """A command's exit code and its JSON answer; it never fails unexpectedly."""
    said, noted = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(noted):
        code = run(["--hub", str(hub), *map(str, words), "--json"])
    everything = said.getvalue() + noted.getvalue()
    assert "Traceback" not in everything
    assert not (hub / "logs").exists(), everything
    return code, json.loads(said.getvalue())


def new_hub(folder: Path, postgres: Any) -> Path:
    url, reader = postgres.new_database()
    Hub.create(folder / "hub", clock=sixth.noon, database=url, reader=reader).close()
    sixth.write_problem(folder, seeds="1", rounds="1")
    return folder / "hub"


def tell(folder: Path) -> dict[str, Any]:
    """What must be the same, or must not occur, from ledger, database and the laboratory's own book."""
    with sixth.InlineHub.open(folder, clock=sixth.noon) as hub:
        with hub.database.read() as reader:
            placed = [tuple(row) for row in reader.all(select(lab_order.c.key, lab_order.c.state).order_by("key"))]
            first = first_key(reader)
        assert [found for found in check(hub.store, hub.objects, first) if found.serious] == []
        assert rebuild(hub.store).differences == ()
        (book,) = (hub.folder / "lab").glob("*/orders.jsonl")
        return {
            "events": Counter(event["kind"] for event in sixth.events(hub)),
            "orders": placed,
            "book": sorted(Notebook(book).keys()),
        }


@pytest.fixture(scope="module")
def undisturbed(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))
        patch.setattr(Hub, "_runner", lambda hub: InlineRunner())
        hub = new_hub(folder, postgres)
        code, told = dure(hub, "run", folder / "problem.toml")
        assert (code, told["status"], told["assays"]) == (0, "finished", 7)
        return {"state": told["state_digest"], "best": told["best"], **tell(hub)}


@pytest.mark.parametrize("plan", MOMENTS, ids=lambda plan: ", ".join(f"{point} {n}" for point, n in plan))
def test_a_campaign_goes_on_when_its_server_comes_back(
    postgres: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: dict[str, Any], plan: Any
) -> None:
    hub = new_hub(tmp_path, postgres)
    restarts = Restarts(postgres.restart, plan)
    with monkeypatch.context() as patch:
        restarts.install(patch)
        code, told = dure(hub, "run", tmp_path / "problem.toml")
        failed = []
        while code != 0 and len(failed) < 3:
            assert (code, told["error"]) == (Unavailable.exit_code, "unavailable")
            assert "the database does not answer" in told["what"]
            assert "run the same command again; nothing was lost" in told["remedy"]
            failed.append(restarts.done[-1])
            code, told = dure(hub, "resume")
            if code == NotFound.exit_code:  # it went away before the campaign had begun
                code, told = dure(hub, "run", tmp_path / "problem.toml")
    assert restarts.done == [point for point, _ in plan], "the server was restarted twice"
    assert set(failed) <= set(restarts.done), "it stops only where a server was restarted"
    assert (code, told["status"]) == (0, "finished")
    assert {"state": told["state_digest"], "best": told["best"], **tell(hub)} == undisturbed
    keys = [key for key, _ in undisturbed["orders"]]
    assert undisturbed["book"] == sorted(set(keys)) == keys, "no order twice"


def test_a_server_that_stays_away_is_said_by_every_command(
    postgres: Any, tmp_path: Path, undisturbed: dict[str, Any]
) -> None:
    hub = new_hub(tmp_path, postgres)
    postgres.control("-m", "immediate", "stop")
    try:
        for words in (["run", tmp_path / "problem.toml"], ["resume"], ["campaigns"], ["doctor"]):
            code, told = dure(hub, *words)
            assert (code, told["error"]) == (Unavailable.exit_code, "unavailable"), words
            assert "start it" in told["remedy"]
    finally:
        postgres.control("start", "-o", f'-h "" -k {postgres.host}', "-l", str(postgres.server.log))
    code, told = dure(hub, "run", tmp_path / "problem.toml")
    assert (code, told["state_digest"]) == (0, undisturbed["state"])
