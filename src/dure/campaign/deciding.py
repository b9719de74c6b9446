"""A person's word on an `uncertain` order: the hub was killed while it was handed over, and the laboratory cannot say
whether it has it. Nothing is ordered twice on a guess.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from dure.access.act import Act
from dure.base.errors import BadInput, NotFound
from dure.campaign import journal
from dure.lab import orders
from dure.lab.orders import lab_order


def decide(act: Act, key: str, lost: str | None) -> Any:
    """Moves an uncertain order on: found at the laboratory, or lost for a reason. Returns its row.

    Args:
        key: the order's key, or the beginning of it (eight characters at least).
        lost: `never-arrived`, `sample-lost` or `cancelled`; None when the laboratory has it.

    Raises:
        NotFound: no uncertain order begins so.
        BadInput: several do.
    """
    start = "b3:" + key.removeprefix("b3:")
    table = lab_order.c
    query = select(lab_order).where(table.key >= start, table.key < start + "g", table.state == "uncertain")
    with act.read() as reader:
        rows = reader.all(query.order_by(table.key)) if len(start) >= 11 else []
        if len(rows) != 1:
            raise _unclear(key, len(rows))
        owner = journal.find(reader, rows[0].campaign).owner
    orders.require(act, "order.decide", rows[0].campaign, owner, "uncertain")
    with act.change() as change:
        if lost is None:
            orders.move(change, rows, "order.found")
        else:
            orders.move(change, rows, "order.lost", {rows[0].key: {"reason": lost}})
    with act.read() as reader:
        return reader.first(select(lab_order).where(table.key == rows[0].key))


def _unclear(key: str, count: int) -> BadInput | NotFound:
    if count:
        return BadInput(f"{key!r} begins {count} uncertain orders", remedy="give more of the key")
    return NotFound(f"no uncertain order begins with {key!r}", remedy="list orders with: dure lab list")
