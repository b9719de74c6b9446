"""The order book of a laboratory that runs inside this machine: which orders it was given, in a file of its own.

It stands outside the hub's database, as a real laboratory's would: what was handed over is known here even when the
hub was killed before it could record so.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from dure.lab.orders import Order
from dure.store.objects import explained, sync_folder


class Notebook:
    """One line an order, appended and synced before `enter` returns; a torn last line was never entered.

    Of two that write at once one waits, so that neither takes the other's lines for a torn one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def enter(self, orders: Sequence[Order]) -> None:
        """Writes orders down, durably."""
        lines = b"".join(
            json.dumps({"candidate": order.candidate, "key": order.key, "round": order.round}).encode() + b"\n"
            for order in orders
        )
        with explained(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.truncate(self._whole_length())
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self.path.parent)

    def keys(self) -> list[str]:
        """The keys of all orders, in the order in which they came; one that came twice stands twice."""
        if not self.path.exists():
            return []
        return [json.loads(line)["key"] for line in self.path.read_bytes()[: self._whole_length()].splitlines()]

    def _whole_length(self) -> int:
        return self.path.read_bytes().rfind(b"\n") + 1 if self.path.exists() else 0
