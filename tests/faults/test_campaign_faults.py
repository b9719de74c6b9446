"""Full disks, read-only folders, torn objects, checks that die: a clear error, nothing lost, and the run goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth
from dure_sixth.field import Dough

from dure.base.errors import Corrupt, DureError, NotFound, Unavailable
from dure.campaign.service import go_on, summarise
from dure.compute.local import LocalRunner
from dure.lab.notebook import Notebook
from dure.store.objects import DirectoryObjects


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the campaign of these tests comes to when nothing goes wrong."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
            return summarise(sixth.finish(hub, problem(folder)))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[sixth.InlineHub]:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as made:
        yield made


def problem(folder: Path) -> Path:
    return sixth.write_problem(folder, seeds="1", rounds="1")


class TestTheDiskIsFull:
    @pytest.mark.parametrize("calls", [1, 4, 20, 45, 70])
    def test_while_an_object_is_written(
        self, hub: sixth.InlineHub, tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch, calls: int
    ) -> None:
        """Whichever object it is: the error says so, and the same command goes on when there is space again."""
        real, left = DirectoryObjects._write, [calls]

        def write(self: DirectoryObjects, path: Path, data: bytes) -> None:
            left[0] -= 1
            if left[0] <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(self, path, data)

        monkeypatch.setattr(DirectoryObjects, "_write", write)
        with pytest.raises(Unavailable, match="the disk is full") as full:
            sixth.finish(hub, problem(tmp_path))
        assert "run the same command again" in full.value.remedy
        monkeypatch.setattr(DirectoryObjects, "_write", real)
        assert summarise(sixth.finish(hub, tmp_path / "problem.toml")) == whole

    def test_while_orders_are_handed_over(
        self, hub: sixth.InlineHub, tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The laboratory's order book is not ours to lose either."""
        real = Notebook.enter

        def enter(self: Notebook, orders: Sequence[Any]) -> None:
            monkeypatch.setattr(os, "fsync", _full)
            real(self, orders)

        with monkeypatch.context() as patch:
            patch.setattr(Notebook, "enter", enter)
            with pytest.raises(Unavailable, match="the disk is full"):
                sixth.finish(hub, problem(tmp_path))
        monkeypatch.undo()
        monkeypatch.setenv("DURE_CONFIG", str(hub.private.parents[1]))
        run = sixth.finish(hub, tmp_path / "problem.toml")
        assert summarise(run) == whole
        keys = run.driver._notebook.keys()
        assert len(set(keys)) == len(keys) == 7


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestAFolderCannotBeWritten:
    def test_the_objects(
        self, hub: sixth.InlineHub, tmp_path: Path, whole: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By what the system says, since these tests may run as somebody who may write everywhere."""

        def refuse(self: DirectoryObjects, path: Path, data: bytes) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

        with monkeypatch.context() as patch:
            patch.setattr(DirectoryObjects, "_write", refuse)
            with pytest.raises(Unavailable, match="cannot be written"):
                sixth.finish(hub, problem(tmp_path))
        assert summarise(sixth.finish(hub, tmp_path / "problem.toml")) == whole


class TestATornObject:
    def test_a_damaged_object_is_named_and_nothing_is_guessed(self, hub: sixth.InlineHub, tmp_path: Path) -> None:
        run = sixth.begin(hub, problem(tmp_path))
        path = _path(hub, run.setup.wells)
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(Corrupt, match=r"holds other bytes than its name says") as torn:
            go_on(run)
        assert run.setup.wells in torn.value.what
        assert sixth.events(hub, "order.read") == []

    def test_a_torn_object_is_written_anew_by_whoever_puts_it_again(
        self, hub: sixth.InlineHub, tmp_path: Path, whole: Any
    ) -> None:
        run = sixth.begin(hub, problem(tmp_path))
        path = _path(hub, run.setup.wells)
        path.write_bytes(path.read_bytes()[:-20])
        assert summarise(sixth.finish(hub, tmp_path / "problem.toml")) == whole

    def test_a_missing_object_is_named(self, hub: sixth.InlineHub, tmp_path: Path) -> None:
        run = sixth.begin(hub, problem(tmp_path))
        _path(hub, run.setup.pool).unlink()
        with pytest.raises(NotFound, match=run.setup.pool):
            go_on(run)


def _path(hub: sixth.InlineHub, digest: str) -> Path:
    name = digest.removeprefix("b3:")
    return hub.folder / "objects" / name[:2] / name[2:]


class TestACheckFails:
    def test_the_candidate_it_fails_on_is_refused_alone(
        self, hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The ladder halves the batch until the one to blame stands alone."""
        real = Dough.run

        def run(self: Dough, candidates: Sequence[Any]) -> Any:
            if any(c.form["name"] == "flour 7" for c in candidates):
                raise ValueError("weevils")
            return real(self, candidates)

        monkeypatch.setattr(Dough, "run", run)
        campaign = sixth.finish(hub, problem_of_all(tmp_path))
        blamed = next(c.id for c in campaign.known.values() if c.form["name"] == "flour 7")
        refused = frozenset().union(*(turn.refused for turn in campaign.state.rounds))
        assert blamed in refused
        assert blamed not in {m.candidate for m in campaign.state.measured}
        assert summarise(campaign).status == "finished"
        table = hub.objects.get(campaign.state.closed["report"]["pages"]["en"]).decode()
        assert "weevils" in table

    @pytest.mark.parametrize("how", ["killed", "memory"])
    def test_a_worker_that_dies_under_it_costs_one_candidate(self, tmp_path: Path, how: str) -> None:
        """In workers of their own: killed, or out of memory."""

        class LocalHub(sixth.InlineHub):
            def _runner(self) -> Any:
                return LocalRunner(1)

        with LocalHub.create(tmp_path / "hub", clock=sixth.noon) as hub:
            rows = sixth.flours(rows=12)
            rows[6]["name"] = f"deadly {how}"
            campaign = sixth.finish(hub, problem_of_all(tmp_path, rows))
            deadly = next(c.id for c in campaign.known.values() if c.form["name"].startswith("deadly"))
            refused = frozenset().union(*(turn.refused for turn in campaign.state.rounds))
            assert deadly in refused
            assert len(campaign.state.measured) > 3
            assert summarise(campaign).status == "finished"

    def test_a_simulator_that_fails_fails_its_order_and_it_is_repeated_once(
        self, hub: sixth.InlineHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import dure_sixth.recipes

        calls: dict[str, int] = {}
        real = dure_sixth.recipes.volume

        def volume(values: Any) -> float:
            name = repr(sorted(values.items()))
            calls[name] = calls.get(name, 0) + 1
            if len(calls) <= 2:
                raise RuntimeError("the oven is cold")
            return real(values)

        monkeypatch.setattr(dure_sixth.recipes, "volume", volume)
        run = sixth.finish(hub, "baking/bread")
        failed = [m for turn in run.state.rounds for m in turn.results if m.failed]
        assert {m.failed for m in failed} == {"simulator-error"} or {m.failed for m in failed} == {"simulator-raised"}
        assert run.state.ordered == 16, "a failed assay was paid for"
        assert len(run.state.measured) + len(failed) == 16


def problem_of_all(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    """A budget that asks for every flour, so that the one in question is among them."""
    table = rows or sixth.flours(rows=12)
    return sixth.write_problem(folder, table, seeds="1", first="12", rounds="0", stickiest="9.0")


def test_every_error_of_these_is_for_the_user() -> None:
    for error in (Unavailable, Corrupt, NotFound):
        assert issubclass(error, DureError)
