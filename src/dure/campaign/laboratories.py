"""From a problem's `lab` table to the driver that reaches that laboratory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dure.base.canonical import digest
from dure.campaign.field import simulator_of
from dure.campaign.run import Run
from dure.lab.orders import Driver
from dure.lab.replay import ReplayDriver, plate_id
from dure.lab.simulated import SimulatedDriver, Simulation


def open_driver(run: Run) -> Driver:
    """The driver of a campaign's laboratory."""
    return _DRIVERS[run.problem.lab["driver"]](run)


def lab_folder(run: Run) -> Path:
    """Where the laboratory's files of a campaign lie."""
    return run.parts.folder / "lab" / run.identifier[3:19]


def _replay(run: Run) -> Driver:
    objective, lab = run.problem.objective, run.problem.lab
    assert run.setup.wells is not None
    described = {
        "property": objective.property,
        "unit": objective.unit,
        "method": f"replay@1#{digest(dict(lab))[3:15]}",
        "assay": run.assay,
    }
    return ReplayDriver(
        lambda: run.act("lab"),
        run.parts.objects,
        lab_folder(run) / "orders.jsonl",
        plate_id(run.identifier, run.setup.wells),
        run.setup.wells,
        described,
        run.parts.clock,
    )


def _manual(run: Run) -> Driver:
    from dure.lab.manual import ManualDriver

    return ManualDriver(lab_folder(run), run.problem.lab, run.field_.label)


def _simulated(run: Run) -> Driver:
    objective = run.problem.objective
    return SimulatedDriver(
        simulation(run),
        lab_folder(run) / "orders.jsonl",
        run.designs,
        {objective.property: objective.unit, **{c.property: c.unit for c in objective.constraints}},
        run.parts.clock,
    )


def simulation(run: Run) -> Simulation:
    """The simulator of a campaign with all that it reads."""
    lab = dict(run.problem.lab)
    simulator = simulator_of(run.field_, lab)

    def inputs() -> dict[str, str]:
        reads = simulator.reads(lab)
        return {"/".join(name): run.parts.objects.put(run.parts.read_source(*name)) for name in reads}

    return Simulation(run.parts.tasks, run.parts.objects, simulator.run, lab, inputs, run.setup.access)


_DRIVERS: dict[str, Callable[[Run], Driver]] = {"replay": _replay, "manual": _manual, "simulated": _simulated}
