"""The simulated laboratory: a field's simulator, run as tasks. Its evidence is always labelled `simulated`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dure.base.canonical import canonical
from dure.base.clock import Clock
from dure.base.errors import NotFound
from dure.base.evidence import EVIDENCE, evidence_table
from dure.compute.record import Call, Tasks
from dure.compute.task import Task
from dure.design.candidate import Candidate
from dure.lab.notebook import Notebook
from dure.lab.orders import Order, Reading
from dure.store.objects import Objects


class SimulatedDriver:
    """Runs one task an order; its noise is seeded by the order's key, so a repeated reading reads the same.

    Args:
        tasks, objects: the hub's.
        notebook: the laboratory's order book.
        simulate: task from `candidate` (canonical JSON of its kind, content and form) and `params` to `value` (a JSON
            number).
        settings: the problem's `lab` table, handed to the task.
        designs: the candidates of ids.
        property, unit: of the evidence.
        clock: when it was read.
        access: the strictest access class of what the campaign was set up from.
    """

    name = "simulated"
    evidence_kind = "simulated"
    can_find = True

    def __init__(
        self,
        tasks: Tasks,
        objects: Objects,
        notebook: Path,
        simulate: Task,
        settings: Mapping[str, Any],
        designs: Callable[[Sequence[str]], list[Candidate]],
        property: str,
        unit: str,
        clock: Clock,
        access: str,
    ) -> None:
        self._tasks, self._objects, self._notebook = tasks, objects, Notebook(notebook)
        self._simulate, self._settings, self._designs = simulate, settings, designs
        self._property, self._unit, self._clock, self._access = property, unit, clock, access

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset(self._notebook.keys()).intersection(keys)

    def submit(self, orders: Sequence[Order], candidates: Mapping[str, Candidate]) -> None:
        self._notebook.enter(orders)

    def collect(self, orders: Sequence[Order]) -> Reading | None:
        keys = [order.key for order in orders]
        missing = sorted(frozenset(keys) - self.find(keys))
        if missing:
            raise NotFound(
                f"{len(missing)} orders were never handed over to the simulator",
                where=missing[0],
                remedy="restore lab/ of the hub's directory from a backup, or end the campaign with: dure stop",
            )
        designs = self._designs([order.candidate for order in orders])
        calls = [
            Call(
                self._simulate,
                {"candidate": self._objects.put(canonical([design.kind, dict(design.content), dict(design.form)]))},
                self._settings,
                self._access,
                int(order.key[3:11], 16),
            )
            for order, design in zip(orders, designs, strict=True)
        ]
        rows, failed = [], {}
        for order, result in zip(orders, self._tasks.run(calls), strict=True):
            if result.failed is not None:
                failed[order.key] = "simulator-" + result.failed.partition(":")[0].replace(" ", "-")
                continue
            rows.append(
                {
                    "candidate": order.candidate,
                    "property": self._property,
                    "value": float(json.loads(self._objects.get(result.outputs["value"]))),
                    "unit": self._unit,
                    "n": 1,
                    "kind": "simulated",
                    "method": f"{self._simulate.name}@{self._simulate.version}#{result.key[3:15]}",
                    "assay": order.assay,
                    "source": result.key,
                    "at": self._clock(),
                }
            )
        return Reading(evidence_table(rows) if rows else EVIDENCE.empty_table(), failed)

    def waiting_for(self, orders: Sequence[Order]) -> str:
        return "nothing: the simulator answers at once"
