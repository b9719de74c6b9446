"""The simulated laboratory: a field's simulator, run as tasks. Its evidence is always labelled `simulated`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dure.base.canonical import canonical
from dure.base.clock import Clock
from dure.base.errors import NotFound
from dure.base.evidence import EVIDENCE, evidence_table
from dure.compute.record import Call, Result, Tasks
from dure.compute.runner import Resources
from dure.compute.task import Task
from dure.design.candidate import Candidate
from dure.lab.notebook import Notebook
from dure.lab.orders import Order, Reading
from dure.store.objects import Objects

RESOURCES = Resources(memory_mb=4096, seconds=3600.0)


@dataclass(frozen=True)
class Simulation:
    """A simulator at hand.

    Attributes:
        tasks, objects: the hub's.
        task: from `candidate` (canonical JSON of its kind, content and form) and the files it reads to `values`
            (canonical JSON: property -> {value, and where known sd and n}) or `failed` (canonical JSON of a code).
        settings: the problem's `lab` table, handed to the task.
        reads: objects of the files that it reads, by their names as inputs.
        access: the strictest access class of what the campaign was set up from.
    """

    tasks: Tasks
    objects: Objects
    task: Task
    settings: Mapping[str, Any]
    reads: Callable[[], Mapping[str, str]]
    access: str

    @cached_property
    def _inputs(self) -> Mapping[str, str]:
        return self.reads()

    def run(self, designs: Sequence[Candidate], seeds: Sequence[int]) -> list[tuple[Result, dict[str, Any] | str]]:
        """What the simulator says of each design: its values by property, or why there are none."""
        calls = [
            Call(
                self.task,
                {
                    "candidate": self.objects.put(canonical([design.kind, dict(design.content), dict(design.form)])),
                    **self._inputs,
                },
                self.settings,
                self.access,
                seed,
                RESOURCES,
            )
            for design, seed in zip(designs, seeds, strict=True)
        ]
        return [(result, self._said(result)) for result in self.tasks.run(calls)]

    def _said(self, result: Result) -> dict[str, Any] | str:
        if result.failed is not None:
            return "simulator-" + result.failed.partition(":")[0].replace(" ", "-")
        if "failed" in result.outputs:
            return "simulation-" + str(json.loads(self.objects.get(result.outputs["failed"])))
        values: dict[str, Any] = json.loads(self.objects.get(result.outputs["values"]))
        finite = all(math.isfinite(told["value"]) for told in values.values())
        return values if finite else "simulation-diverged"


class SimulatedDriver:
    """Runs one task an order; its noise is seeded by the order's key, so a repeated reading reads the same.

    Args:
        simulation: the simulator.
        notebook: the laboratory's order book.
        designs: the candidates of ids.
        units: what the campaign asks for, each with its unit; the objective's property first. What else the simulator
            tells is kept as evidence too, in the unit that it names (`1` where it names none).
        clock: when it was read.
    """

    name = "simulated"
    evidence_kind = "simulated"
    can_find = True

    def __init__(
        self,
        simulation: Simulation,
        notebook: Path,
        designs: Callable[[Sequence[str]], list[Candidate]],
        units: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._simulation, self._notebook, self._designs = simulation, Notebook(notebook), designs
        self._units, self._clock = units, clock

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
        said = self._simulation.run(designs, [int(key[3:11], 16) for key in keys])
        rows: list[dict[str, Any]] = []
        failed: dict[str, str] = {}
        for order, (result, told) in zip(orders, said, strict=True):
            if isinstance(told, str):
                failed[order.key] = told
            elif not set(self._units) <= set(told):
                failed[order.key] = "simulation-silent"
            else:
                rows += [self._row(order, result, name, each) for name, each in told.items()]
        return Reading(evidence_table(rows) if rows else EVIDENCE.empty_table(), failed)

    def _row(self, order: Order, result: Result, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
        task = self._simulation.task
        return {
            "candidate": order.candidate,
            "property": name,
            "value": float(told["value"]),
            "unit": self._units.get(name, told.get("unit", "1")),
            "sd": told.get("sd"),
            "n": told.get("n", 1),
            "kind": "simulated",
            "method": f"{task.name}@{task.version}#{result.key[3:15]}",
            "assay": order.assay,
            "source": result.key,
            "at": self._clock(),
        }

    def waiting_for(self, orders: Sequence[Order]) -> str:
        return "nothing: the simulator answers at once"
