"""One conformance suite for every laboratory: memory (the reference), replay, manual, simulated.

Each test gets a small campaign whose first four orders are placed and not handed over yet.
"""

from __future__ import annotations

import csv
import errno
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth
from dure_sixth.flours import _flour

from dure.base.errors import Conflict, DureError, NotFound, Unavailable, Waiting
from dure.base.evidence import EVIDENCE, evidence_table
from dure.campaign import laboratories
from dure.campaign.imports import import_results
from dure.campaign.run import Run
from dure.campaign.service import go_on
from dure.campaign.spec import read_specification
from dure.data import evidence
from dure.design.candidate import Candidate
from dure.lab import orders
from dure.lab.orders import Driver, Order, Reading
from dure.lab.plate import read_worklist
from dure.store.frames import get_frame

KINDS = {"memory": "measured", "replay": "measured", "manual": "measured", "simulated": "simulated"}
SOURCES = {
    "memory": r"well \d+",
    "replay": r"DS-[0-9A-Z]{12}/flours\.csv#\d+",
    "manual": r"rows \d+",
    "simulated": r"b3:[0-9a-f]{64}",
}
FLOURS = sixth.flours()
for i, row in enumerate(FLOURS):  # every third value is a limit
    row["volume"] = ("", ">", "<")[i % 3] + row["volume"]
WELLS = {_flour(row, ["ash", "gluten", "protein"], None).id: row["volume"] for row in FLOURS}
"""What the measuring laboratories find, as people write it down."""


def read_cell(cell: str) -> tuple[str, float]:
    """Qualifier and value."""
    return (cell[0], float(cell[1:])) if cell[0] in "<>" else ("=", float(cell))


class Memory:
    """The reference: a dictionary, which outlives the driver as a laboratory does."""

    name, evidence_kind, can_find = "memory", "measured", True

    def __init__(self, book: dict[str, Order], run: Run) -> None:
        self._book, self._run = book, run

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(self._book).intersection(keys)

    def submit(self, orders: Sequence[Order], candidates: Mapping[str, Candidate]) -> None:
        for order in orders:
            self._book.setdefault(order.key, order)

    def collect(self, orders: Sequence[Order]) -> Reading:
        if unknown := [order.key for order in orders if order.key not in self._book]:
            raise NotFound(f"{len(unknown)} orders were never handed over", where=unknown[0])
        known = {"property": "volume", "unit": "mL", "kind": "measured", "method": "memory@1#0", "at": sixth.NOON}
        rows = []
        for n, order in enumerate(orders):
            qualifier, value = read_cell(WELLS[order.candidate])
            named = {"candidate": order.candidate, "assay": order.assay, "source": f"well {n}"}
            rows.append({**known, **named, "qualifier": qualifier, "value": value})
        return Reading(evidence_table(rows), {})

    def waiting_for(self, orders: Sequence[Order]) -> str:
        return "nothing"


class Until:
    """Leaves a campaign before a step."""

    class Reached(Exception):
        pass

    def __init__(self, name: str, round_: int = 1) -> None:
        self.place = (name, round_)

    def step(self, step: Any, state: Any) -> None:
        if (step.name, step.round) == self.place:
            raise self.Reached

    def done(self, step: Any, state: Any, outcome: Any) -> None:
        return


@dataclass
class Bench:
    """A campaign with placed orders, and its laboratory."""

    kind: str
    hub: sixth.InlineHub
    run: Run
    spec: Any
    book: dict[str, Order]

    def __post_init__(self) -> None:
        self.driver = self.run.driver

    def rows(self) -> list[Any]:
        with self.hub.database.read() as reader:
            return list(orders.orders_of(reader, self.run.identifier, 1))

    def orders(self) -> list[Order]:
        return [orders.as_order(row) for row in self.rows()]

    def states(self) -> set[str]:
        return {row.state for row in self.rows()}

    def hand_over(self) -> None:
        orders.hand_over(self.run.act("lab"), self.driver, self.rows(), self.run.known, self.run.owner, fresh=True)

    def again(self, hub: sixth.InlineHub | None = None) -> Bench:
        """The same campaign after a restart: nothing of this process's memory is left."""
        hub = hub or self.hub
        return replace(self, hub=hub, run=sixth.begin(hub, self.spec))

    def handed(self) -> list[str]:
        """The keys of all that the laboratory was asked to do. Its book is a witness: what came twice stands twice."""
        folder = laboratories.lab_folder(self.run)
        if self.kind == "memory":
            return sorted(self.book)
        if self.kind == "manual":
            lists = [read_worklist(path.read_bytes()) for path in folder.rglob("worklist.csv")]
            return sorted(key for wells in lists for key in {well.order for well in wells} - {""})
        return sorted(self.driver._notebook.keys())

    def answer(self, asked: Sequence[Order]) -> list[dict[str, Any]]:
        """What the laboratory gives for these orders; people write it into a file."""
        if self.kind != "manual":
            reading = self.driver.collect(asked)
            assert reading.failed == {}
            assert reading.evidence.schema.equals(EVIDENCE)
            return reading.evidence.to_pylist()
        path = self.hub.folder / "results.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("order", "volume"), *((o.key, WELLS[o.candidate]) for o in asked)])
        before = len(self.recorded())
        import_results(self.run, path, self.hub.me)
        return self.recorded()[before:]

    def recorded(self) -> list[dict[str, Any]]:
        """The results that are in the ledger, in order."""
        with self.hub.database.read() as reader:
            frames = [f.frame for f in evidence.frames_of(reader, self.run.identifier) if f.kind == KINDS[self.kind]]
        return [row for frame in frames for row in get_frame(self.hub.objects, frame).to_pylist()]

    def stranger(self) -> Order:
        """An order of a candidate that this campaign knows and never ordered."""
        ordered = {order.candidate for order in self.orders()}
        everything = self.run.space.sample(40, self.run.rng("stranger"))
        other = next(c for c in everything if c.id not in ordered)
        self.run.known[other.id] = other
        return replace(self.orders()[0], candidate=other.id)


@pytest.fixture(params=list(KINDS))
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    kind, book = request.param, dict[str, Order]()
    if kind == "memory":
        monkeypatch.setitem(laboratories._DRIVERS, "replay", lambda run: Memory(book, run))
    spec = read_specification("baking/bread" if kind == "simulated" else str(_problem(tmp_path, kind)))
    spec = replace(
        spec, budget=replace(spec.budget, first=4, batch=3, rounds=1), controls={**spec.controls, "seeds": 1}
    )
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as hub:
        made = Bench(kind, hub, sixth.begin(hub, spec), spec, book)
        with pytest.raises(Until.Reached):
            go_on(made.run, Until("read"))
        assert made.states() == {"placed"}
        assert len(made.rows()) == 4
        yield made


def _problem(folder: Path, kind: str) -> Path:
    path = sixth.write_problem(folder, FLOURS)
    if kind == "manual":
        text = path.read_text("utf-8")
        start, end = text.index("[lab]"), text.index("[ladder]")
        path.write_text(
            text[:start] + '[lab]\ndriver = "manual"\ntop = 10.0\nunit = "umol/L"\n\n' + text[end:], "utf-8"
        )
    return path


def test_an_order_is_found_once_it_was_handed_over_and_after_a_restart(bench: Bench, tmp_path: Path) -> None:
    keys = [order.key for order in bench.orders()]
    stranger = bench.stranger().key
    assert bench.driver.can_find
    assert bench.driver.find([*keys, stranger]) == frozenset()
    bench.hand_over()
    assert bench.driver.find([*keys, stranger]) == frozenset(keys)
    assert bench.driver.find(keys[:2]) == frozenset(keys[:2])
    with sixth.InlineHub.open(tmp_path / "hub", clock=sixth.noon) as opened:
        again = bench.again(opened)
        assert again.driver is not bench.driver
        assert again.driver.find([*keys, stranger]) == frozenset(keys)


def test_what_it_was_handed_twice_it_does_once(bench: Bench) -> None:
    bench.hand_over()
    asked = bench.orders()
    bench.driver.submit(asked, bench.run.known)
    bench.again().driver.submit(asked[:2], bench.run.known)
    check_done_once(bench)


def check_done_once(bench: Bench) -> None:
    """Each order is found, stands in one batch of work, and has one result."""
    asked = bench.orders()
    keys = sorted(order.key for order in asked)
    assert bench.driver.find(keys) == frozenset(keys)
    assert set(bench.handed()) == set(keys)
    if bench.kind in ("memory", "manual"):  # people would do a second batch; the others only write down that it came
        assert bench.handed() == keys
    assert sorted(row["candidate"] for row in bench.answer(asked)) == sorted(order.candidate for order in asked)


def test_killed_after_the_hand_over_nothing_is_handed_over_again(bench: Bench) -> None:
    """The laboratory has the orders, the hub does not know: `find` tells it."""
    bench.driver.submit(bench.orders(), bench.run.known)
    again = bench.again()
    assert again.states() == {"placed"}
    again.hand_over()
    assert again.states() == {"running"}
    assert again.handed() == sorted(order.key for order in again.orders())


def test_a_laboratory_that_cannot_look_an_order_up_is_not_asked_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the campaign is resumed: a person decides."""
    for _ in range(2):
        again = bench.again()
        monkeypatch.setattr(again.driver, "can_find", False)
        with pytest.raises(Waiting, match="4 orders are uncertain"):
            go_on(again.run)
        assert again.states() == {"uncertain"}
        assert again.handed() == []
    assert len(sixth.events(bench.hub, "order.uncertain")) == 4
    assert sixth.events(bench.hub, "order.submitted") == []


def test_a_reading_holds_exactly_what_was_asked(bench: Bench) -> None:
    bench.hand_over()
    asked = bench.orders()[1:3]
    rows = bench.answer(asked)
    assert sorted(row["candidate"] for row in rows) == sorted(order.candidate for order in asked)
    for row in rows:
        assert (row["kind"], row["property"], row["unit"]) == (KINDS[bench.kind], "volume", "mL")
        assert row["kind"] == bench.driver.evidence_kind
        assert re.fullmatch(SOURCES[bench.kind], row["source"])
        assert re.fullmatch(r"[\w.-]+@\d+#\w+", row["method"])
        assert (row["assay"], row["at"]) == (bench.run.assay, sixth.NOON)


def test_a_limit_stays_a_limit(bench: Bench) -> None:
    """From the laboratory to what the strategy knows."""
    bench.hand_over()
    found = {row["candidate"]: (row["qualifier"], row["value"]) for row in bench.answer(bench.orders())}
    if KINDS[bench.kind] == "simulated":  # a simulator gives a number
        assert {qualifier for qualifier, _ in found.values()} == {"="}
    else:
        assert found == {order.candidate: read_cell(WELLS[order.candidate]) for order in bench.orders()}
        assert len({qualifier for qualifier, _ in found.values()}) > 1
    with pytest.raises(Until.Reached):
        go_on(bench.run, Until("propose", 2))
    assert {row["candidate"]: (row["qualifier"], row["value"]) for row in bench.recorded()} == found
    assert {m.candidate: (m.qualifier, m.value) for m in bench.run.state.measured} == found
    knowledge = bench.run.knowledge()
    assert dict(zip((c.id for c in knowledge.measured), knowledge.qualifiers, strict=True)) == {
        candidate: qualifier for candidate, (qualifier, _) in found.items()
    }


def test_what_was_not_ordered_is_refused_and_its_value_never_comes_out(bench: Bench) -> None:
    with pytest.raises(DureError):  # placed, and not at the laboratory yet
        bench.answer(bench.orders())
    bench.hand_over()
    stranger = bench.stranger()
    for asked in ([stranger], [*bench.orders(), stranger]):
        with pytest.raises(DureError):
            bench.answer(asked)
        assert bench.recorded() == []
    bench.answer(bench.orders())
    with pytest.raises(Until.Reached):
        go_on(bench.run, Until("propose", 2))
    ordered = {order.candidate for order in bench.orders()}
    assert {row["candidate"] for row in bench.recorded()} == ordered
    assert {candidate.id for candidate in bench.run.knowledge().measured} == ordered


def test_a_full_disk_is_said_and_the_hand_over_goes_on_later(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if bench.kind != "memory":
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(Unavailable, match="the disk is full"):
                bench.hand_over()
    again = bench.again()
    assert again.states() == {"placed"}
    again.hand_over()
    assert again.handed() == sorted(order.key for order in again.orders())


def test_two_processes_that_race_place_one_order(bench: Bench, tmp_path: Path) -> None:
    """Neither found the orders; both hand them over at the same moment."""
    both = threading.Barrier(2, timeout=30)
    with sixth.InlineHub.open(tmp_path / "hub", clock=sixth.noon) as opened:
        racers = [bench, bench.again(opened)]
        for racer in racers:
            _wait_before_submitting(racer.driver, both)
        with ThreadPoolExecutor(2) as pool:
            lost = [ended.exception() for ended in [pool.submit(racer.hand_over) for racer in racers]]
    assert [type(error) for error in lost if error is not None] == [Conflict], "the ledger takes one of them"
    assert bench.states() == {"running"}
    assert len(sixth.events(bench.hub, "order.submitted")) == 4
    check_done_once(bench)


def _wait_before_submitting(driver: Driver, barrier: threading.Barrier) -> None:
    submit = driver.submit

    def waiting(*handed: Any) -> None:
        barrier.wait()
        submit(*handed)

    driver.submit = waiting


def test_of_two_that_write_at_once_none_is_lost(bench: Bench) -> None:
    """The second driver comes when the first has looked where to write and has not written yet."""
    first = bench.orders()
    second = [replace(order, round=2, replicate=2) for order in first]
    other = threading.Thread(target=bench.again().driver.submit, args=(second, bench.run.known))
    notebook = getattr(bench.driver, "_notebook", None)
    if notebook is None:
        other.start()
    else:
        look = notebook._whole_length

        def slow() -> int:
            found = look()
            if not other.ident:
                other.start()
                other.join(0.2)  # done already where nothing holds it
            return found

        notebook._whole_length = slow
    bench.driver.submit(first, bench.run.known)
    other.join(30)
    assert bench.handed() == sorted(order.key for order in (*first, *second))
