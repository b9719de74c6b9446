"""A retrospective campaign sees of the past only what it ordered: nothing leaks from file, plate or row order."""

from __future__ import annotations

import io
import json
import random
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sixth_harness as sixth
from dure_sixth.field import Dough
from scipy.stats import spearmanr

import dure.campaign.run
from dure.base.errors import Refused
from dure.base.types import Resource
from dure.campaign.controls import simulate
from dure.campaign.report.texts import say
from dure.campaign.service import summarise
from dure.campaign.statistics import Hits, against_random
from dure.design.contract import FeatureBlock
from dure.design.pool import SCHEMA, PoolSpace
from dure.design.strategies import strategy
from dure.lab import replay
from dure.store.frames import get_frame


class Halt(Exception):
    """Leaves a campaign between two steps."""


class Until:
    """A watcher that stops before a step."""

    def __init__(self, name: str, round_: int = 0) -> None:
        self.name, self.round = name, round_

    def step(self, step: Any, state: Any) -> None:
        if step.name == self.name and step.round >= self.round:
            raise Halt

    def done(self, step: Any, state: Any, outcome: Any) -> None:
        return


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[sixth.InlineHub]:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as made:
        yield made


@pytest.fixture
def begun(hub: sixth.InlineHub, tmp_path: Path) -> Any:
    """A campaign whose plate is sealed and whose first round is read."""
    run = sixth.begin(hub, sixth.write_problem(tmp_path, seeds="1"))
    with pytest.raises(Halt):
        sixth.go_on(run, Until("propose", 2))
    return run


def ladder_rows(n: int = 160) -> list[dict[str, Any]]:
    """Flours whose volume falls strictly from row to row, as in files that their authors sorted by activity."""
    return sorted(sixth.flours(seed=3, rows=n), key=lambda row: -float(row["volume"]))


class TestTheOrderOfTheFile:
    def test_permuted_rows_are_the_same_campaign(self, tmp_path: Path) -> None:
        """Each flour twice under two names: which name stands for both must not depend on the file either."""
        rows = sixth.flours(rows=30)
        rows += [{**row, "name": f"again {row['name']}"} for row in rows[:10]]
        ended = []
        for seed in (0, 1, 2):
            shuffled = random.Random(seed).sample(rows, len(rows)) if seed else rows
            folder = tmp_path / str(seed)
            with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
                run = sixth.finish(hub, sixth.write_problem(folder, shuffled, seeds="1"))
                designs = [c.form for c in run.designs(sorted(run.known))]
                summary = summarise(run)
                ended.append((summary.campaign, summary.state_digest, summary.model, sorted(run.known), designs))
        assert ended[0] == ended[1] == ended[2]

    def test_the_pool_forgets_it(self, hub: sixth.InlineHub, tmp_path: Path) -> None:
        run = sixth.begin(hub, sixth.write_problem(tmp_path, ladder_rows()))
        pool, values = _pool_and_values(run)
        rows = get_frame(hub.objects, run.setup.rows)
        by_row = dict(zip(rows["candidate"].to_pylist(), rows["row"].to_pylist(), strict=True))
        in_file = [by_row[c] for c in pool.ids]
        assert spearmanr(in_file, values).statistic < -0.99, "the file itself gives everything away"
        assert abs(spearmanr(range(len(pool)), values).statistic) < 0.2

    @pytest.mark.parametrize("name", ["dure", "forest-greedy"])
    def test_the_row_number_alone_scores_like_random(self, hub: sixth.InlineHub, tmp_path: Path, name: str) -> None:
        """As sole feature: the pool's own row number finds what chance finds; that of the file finds nearly all."""
        run = sixth.begin(hub, sixth.write_problem(tmp_path, ladder_rows()))
        pool, values = _pool_and_values(run)
        rows = get_frame(hub.objects, run.setup.rows)
        by_row = dict(zip(rows["candidate"].to_pylist(), rows["row"].to_pylist(), strict=True))
        hits = Hits.best(dict(zip(pool.ids, values, strict=True)), 16)
        kept = np.arange(len(pool), dtype=float)
        leaky = np.array([by_row[c] for c in pool.ids], dtype=float)
        assert against_random(hits, _tested(pool, values, kept, name)).outcome == "level"
        assert hits.found(_tested(pool, values, leaky, name)) >= 12


def _pool_and_values(run: Any) -> tuple[PoolSpace, Any]:
    wells = get_frame(run.parts.objects, run.setup.wells)
    by_id = dict(zip(wells["candidate"].to_pylist(), wells["value"].to_pylist(), strict=True))
    return run.space, np.array([by_id[c] for c in run.space.ids])


def _tested(pool: PoolSpace, values: Any, feature: Any, name: str) -> list[str]:
    """What a strategy tests in 40 assays when this is all it is told of the flours."""
    told = PoolSpace(pool.kind, pool.table, (FeatureBlock("row", "real", feature[:, None]),))
    exact = np.full(len(values), "=")
    return simulate(told, values, exact, strategy(name), [16, 8, 8, 8], np.random.default_rng(11))


class TestWhatTheDesignIsShown:
    def test_strategy_and_checks_see_structures_and_what_was_ordered(
        self, hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[tuple[Any, Any]] = []
        checked: list[Any] = []
        real, real_run = dure.campaign.run.strategy, Dough.run

        class Spy:
            name = "dure"

            def ask(self, space: Any, knowledge: Any, n: int, rng: Any) -> Any:
                asked.append((space, knowledge))
                return real("dure").ask(space, knowledge, n, rng)

            def predict(self, space: Any, knowledge: Any, candidates: Any) -> Any:
                asked.append((space, knowledge))
                return real("dure").predict(space, knowledge, candidates)

        def spied(self: Dough, candidates: Sequence[Any]) -> Any:
            checked.extend(candidates)
            return real_run(self, candidates)

        monkeypatch.setattr(dure.campaign.run, "strategy", lambda name: Spy())
        monkeypatch.setattr(Dough, "run", spied)
        run = sixth.begin(hub, sixth.write_problem(tmp_path, seeds="1"))
        with pytest.raises(Halt):
            sixth.go_on(run, Until("unseal"))
        truth = dict(zip(run.space.ids, _pool_and_values(run)[1], strict=True))
        for space, knowledge in asked:
            assert space.table.schema == SCHEMA
            assert [block.matrix.shape[1] for block in space.blocks] == [3], "ash, gluten and protein, nothing else"
            known = {m.candidate for m in run.state.measured}
            assert {c.id for c in knowledge.measured} <= known
            assert knowledge.values.tolist() == [truth[c.id] for c in knowledge.measured]
        assert {frozenset(c.content) for c in checked} == {frozenset({"ash", "gluten", "protein"})}
        assert {frozenset(c.form) for c in checked} == {frozenset({"name"})}

    def test_no_task_is_given_the_wells_or_a_value_before_the_plate_is_open(
        self, hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given: dict[str, tuple[str, bool]] = {}
        real = hub.tasks.run

        def spied(calls: Sequence[Any], *more: Any) -> Any:
            opened = bool(sixth.events(hub, "plate.unsealed"))
            given.update({digest: (call.task.name, opened) for call in calls for digest in call.inputs.values()})
            return real(calls, *more)

        monkeypatch.setattr(hub.tasks, "run", spied)
        run = sixth.finish(hub, sixth.write_problem(tmp_path, seeds="1"))
        assert given[run.setup.wells] == ("dure.campaign.controls.control_campaigns", True)
        before = [digest for digest, (_, opened) in given.items() if not opened]
        assert len(before) >= 5
        for digest in before:
            assert not _columns(hub.objects.get(digest)) & {"volume", "value", "sd"}, given[digest]

    def test_the_sealed_wells_are_read_by_the_replay_laboratory_alone(
        self, hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = sixth.begin(hub, sixth.write_problem(tmp_path, seeds="1"))
        readers: list[tuple[bool, set[str]]] = []
        real = hub.objects.get

        def spied(digest: str) -> bytes:
            if digest == run.setup.wells:
                opened = bool(sixth.events(hub, "plate.unsealed"))
                readers.append((opened, {Path(f.filename).stem for f in traceback.extract_stack()}))
            return real(digest)

        monkeypatch.setattr(hub.objects, "get", spied)
        sixth.go_on(run)
        sealed = [stack for opened, stack in readers if not opened]
        assert len(sealed) == 3, "once a round"
        assert all("replay" in stack for stack in sealed)
        assert all(opened for opened, stack in readers if "replay" not in stack)


def _columns(data: bytes) -> set[str]:
    """Column names of a Parquet object; keys of a JSON one."""
    if data[:4] == b"PAR1":
        return set(pq.read_schema(io.BytesIO(data)).names)
    value = json.loads(data)
    rows = value if isinstance(value, list) else [value]
    parts = [part for row in rows for part in (row if isinstance(row, list) else [row])]
    return {key for part in parts if isinstance(part, Mapping) for key in part}


class TestTheSealedPlate:
    @pytest.mark.parametrize("part", ["campaign", "data", "compute"])
    def test_no_other_part_of_the_hub_may_read_it(self, hub: sixth.InlineHub, begun: Any, part: str) -> None:
        with pytest.raises(Refused):
            hub.act(f"system:{part}").require("plate.read", _plate(hub, begun), ordered=True)

    def test_the_laboratory_reads_ordered_wells_only(self, hub: sixth.InlineHub, begun: Any) -> None:
        hub.act("system:lab").require("plate.read", _plate(hub, begun), ordered=True)
        with pytest.raises(Refused) as refused:
            hub.act("system:lab").require("plate.read", _plate(hub, begun), ordered=False)
        assert refused.value.codes == ("ordered",)

    def test_a_person_may_read_neither_plate_nor_source(self, hub: sixth.InlineHub, begun: Any) -> None:
        """Not even the operator who deposited the file: what the campaign hides is hidden from all its users."""
        with pytest.raises(Refused) as refused:
            hub.act().require("plate.read", _plate(hub, begun), ordered=True)
        assert "sealed" in refused.value.codes
        for action in ("dataset.read", "dataset.export"):
            with pytest.raises(Refused) as refused:
                hub.act().require(action, Resource("dataset", begun.setup.dataset))
            assert "hidden" in refused.value.codes

    def test_the_hub_does_not_open_it_while_orders_are_left(self, hub: sixth.InlineHub, begun: Any) -> None:
        with pytest.raises(Refused) as refused:
            replay.unseal(hub.act("system:campaign"), _plate(hub, begun).id, begun.identifier, 3)
        assert refused.value.codes == ("all-read",)

    def test_nothing_is_scored_before_it_is_open(self, begun: Any) -> None:
        summary = summarise(begun)
        assert (summary.assays, summary.status) == (4, "running")
        assert (summary.top1_found, summary.top1_total, summary.top10_found) == (None, None, None)

    def test_it_is_open_when_the_campaign_has_ended(self, hub: sixth.InlineHub, begun: Any) -> None:
        sixth.go_on(begun)
        hub.act().require("dataset.read", Resource("dataset", begun.setup.dataset))
        assert summarise(begun).top1_total == 1
        (opened,) = sixth.events(hub, "plate.unsealed")
        assert (opened["actor"], opened["body"]["orders_left"]) == ("system:campaign", 0)
        assert _report(hub, begun)["early_reads"] == []

    def test_who_opens_it_early_stands_in_the_report(self, hub: sixth.InlineHub, begun: Any) -> None:
        replay.unseal(hub.act(), _plate(hub, begun).id, begun.identifier, 6)
        assert summarise(begun).top1_found is None
        sixth.go_on(begun)
        (early,) = _report(hub, begun)["early_reads"]
        assert early["principal"] == hub.me
        assert early["values"] == 40
        for lang, digest in begun.state.closed["report"]["pages"].items():
            page = hub.objects.get(digest).decode()
            assert say(lang, "early.some") in page
            assert hub.me in page


def _plate(hub: sixth.InlineHub, run: Any) -> Resource:
    with hub.database.read() as reader:
        return Resource("plate", replay.plate_of(reader, run.identifier).id)


def _report(hub: sixth.InlineHub, run: Any) -> dict[str, Any]:
    return json.loads(hub.objects.get(run.state.closed["report"]["data"]))
