"""Orders: their names, their moves, and how they are handed over once whatever the laboratory can be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dure.base.canonical import digest
from dure.base.errors import Conflict
from dure.lab import orders
from dure.lab.orders import Order
from store_world import World, allow

CAMPAIGN, ASSAY = digest("campaign"), digest("assay")
FIRST = Order(CAMPAIGN, digest("a"), ASSAY, 1, 1)
SECOND = replace(FIRST, candidate=digest("b"))


class Laboratory:
    """A laboratory that remembers what it was handed, and answers `find` when it can."""

    name, evidence_kind = "test", "measured"

    def __init__(self, *, can_find: bool, has: Sequence[Order] = ()) -> None:
        self.can_find, self.handed = can_find, [order.key for order in has]

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        assert self.can_find, "it cannot look an order up"
        return frozenset(self.handed) & frozenset(keys)

    def submit(self, orders: Sequence[Order], candidates: Any) -> None:
        self.handed += [order.key for order in orders]


class Act:
    """An act that may do everything: who may is not the subject here."""

    def __init__(self, world: World) -> None:
        self._world = world

    def require(self, action: str, resource: Any, **_: object) -> None:
        assert resource.id == CAMPAIGN

    @contextmanager
    def change(self) -> Iterator[Any]:
        actions = ("order.place", "order.submit", "order.record", "order.decide")
        with self._world.store.change("system:lab", allow(*((action, CAMPAIGN) for action in actions))) as change:
            yield change


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World({}, tmp_path)
    with Act(made).change() as change:
        orders.place(change, [FIRST, SECOND])
    yield made
    made.close()


def rows(world: World) -> Sequence[Any]:
    with world.database.read() as reader:
        return orders.orders_of(reader, CAMPAIGN)


def states(world: World) -> set[str]:
    return {row.state for row in rows(world)}


def hand_over(world: World, laboratory: Laboratory, *, fresh: bool) -> None:
    orders.hand_over(Act(world), laboratory, rows(world), {}, "person", fresh=fresh)


def test_the_key_is_campaign_candidate_assay_and_replicate() -> None:
    """And not the round: an order that a later round repeats by mistake is the same order."""
    assert replace(FIRST, round=5).key == FIRST.key
    changed = [{"campaign": digest("x")}, {"candidate": digest("x")}, {"assay": digest("x")}, {"replicate": 2}]
    assert len({FIRST.key, *(replace(FIRST, **change).key for change in changed)}) == 5


def test_a_batch_with_one_known_order_is_refused_whole(world: World) -> None:
    third = replace(FIRST, candidate=digest("c"))

    def place() -> None:
        with Act(world).change() as change:
            orders.place(change, [third, FIRST])

    with pytest.raises(Conflict):
        place()
    assert {row.key for row in rows(world)} == {FIRST.key, SECOND.key}


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("has", [(), (FIRST,), (FIRST, SECOND)])
def test_a_laboratory_that_can_be_asked_gets_each_order_once(world: World, fresh: bool, has: Sequence[Order]) -> None:
    """Also where this process believes that nobody else can have been there."""
    laboratory = Laboratory(can_find=True, has=has)
    hand_over(world, laboratory, fresh=fresh)
    assert sorted(laboratory.handed) == sorted([FIRST.key, SECOND.key])
    assert states(world) == {"running"}


def test_a_laboratory_that_cannot_be_asked_gets_orders_that_this_process_has_just_placed(world: World) -> None:
    laboratory = Laboratory(can_find=False)
    hand_over(world, laboratory, fresh=True)
    assert sorted(laboratory.handed) == sorted([FIRST.key, SECOND.key])
    assert states(world) == {"running"}


def test_and_after_a_crash_nothing_more_until_a_person_has_asked_it(world: World) -> None:
    laboratory = Laboratory(can_find=False, has=[FIRST])
    hand_over(world, laboratory, fresh=False)
    assert laboratory.handed == [FIRST.key]
    assert states(world) == {"uncertain"}
    with Act(world).change() as change:
        orders.move(change, [row for row in rows(world) if row.key == FIRST.key], "order.found")
        lost = [row for row in rows(world) if row.key == SECOND.key]
        orders.move(change, lost, "order.lost", {SECOND.key: {"reason": "never-arrived"}})
    assert {row.key: (row.state, row.reason) for row in rows(world)} == {
        FIRST.key: ("running", None),
        SECOND.key: ("failed", "never-arrived"),
    }


def test_handing_over_twice_is_no_work(world: World) -> None:
    laboratory = Laboratory(can_find=True)
    hand_over(world, laboratory, fresh=True)
    before = world.ledger.size()
    hand_over(world, laboratory, fresh=True)
    assert world.ledger.size() == before
    assert len(laboratory.handed) == 2


def test_orders_that_moved_meanwhile_are_not_moved_by_what_was_read_before(world: World) -> None:
    stale = rows(world)
    hand_over(world, Laboratory(can_find=True), fresh=True)

    def again() -> None:
        with Act(world).change() as change:
            orders.move(change, stale, "order.submitted")

    with pytest.raises(Conflict, match="cannot happen to the order while it is running"):
        again()


def test_a_move_is_checked_for_every_state(world: World) -> None:
    """The projection follows the table of states through a whole life."""
    with Act(world).change() as change:
        placed = rows(world)
        for event in ("order.planned", "order.submitted"):
            orders.move(change, placed, event)
        orders.move(change, placed, "order.read", {row.key: {"frame": digest("frame")} for row in placed})
        orders.move(change, placed, "order.accepted")
    assert states(world) == {"accepted"}
    assert {row.frame for row in rows(world)} == {digest("frame")}
