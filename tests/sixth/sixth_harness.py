"""Hubs with the sixth field installed, for tests of whole campaigns.

Importing this module installs the field as a distribution would: a `.dist-info` folder with its entry points stands on
`sys.path`, beside its source. Nothing else in Dure is told about it.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from dure.base.errors import Waiting
from dure.campaign import journal
from dure.campaign.run import Run, Watcher
from dure.campaign.service import go_on, open_run, start
from dure.campaign.spec import Specification, read_specification
from dure.compute.inline import InlineRunner
from dure.hub import Hub
from dure.store.ledger import ledger_event

HERE = Path(__file__).parent
NOON = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def _install() -> None:
    project = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["project"]
    folder = Path(tempfile.mkdtemp(prefix="dure-sixth-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    info = folder / f"dure_sixth-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in e.items()) for group, e in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    sys.path.append(str(folder))


_install()


def noon() -> datetime:
    """The one moment at which these hubs live."""
    return NOON


class InlineHub(Hub):
    """A hub whose tasks run in this process: no workers, no threads, so that it may be forked and killed."""

    def _runner(self) -> Any:
        return InlineRunner()


def flours(seed: int = 7, rows: int = 40) -> list[dict[str, Any]]:
    """Rows of a table of flours whose volume follows their properties, with a little noise."""
    rng = np.random.default_rng(seed)
    table = []
    for i in range(rows):
        ash, gluten, protein = rng.uniform(0.4, 1.6), rng.uniform(18, 36), rng.uniform(8, 15)
        volume = 3000 + 120 * protein + 25 * gluten - 900 * (ash - 0.8) ** 2 + rng.normal(0, 15)
        table.append(
            {
                "name": f"flour {i + 1}",
                "ash": f"{ash:.2f}",
                "gluten": f"{gluten:.2f}",
                "protein": f"{protein:.2f}",
                "volume": f"{volume:.1f}",
            }
        )
    return table


def write_problem(
    folder: Path, rows: list[dict[str, Any]] | None = None, name: str = "problem.toml", **changes: str
) -> Path:
    """The field's template and its table in a folder; `changes` replaces lines such as `seeds = 2`."""
    from dure_sixth import FIELD

    folder.mkdir(parents=True, exist_ok=True)
    table = rows if rows is not None else flours()
    lines = [",".join(table[0]), *(",".join(str(cell) for cell in row.values()) for row in table)]
    (folder / "flours.csv").write_text("\n".join(lines) + "\n", "utf-8")
    text = FIELD.template
    for key, value in changes.items():
        found = [line for line in text.splitlines() if line.startswith(f"{key} = ")]
        assert len(found) == 1, f"the template has {len(found)} lines {key!r}"
        text = text.replace(found[0], f"{key} = {value}")
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def begin(hub: Hub, problem: Path | str, **more: Any) -> Run:
    """A campaign started (or found again) and open, not carried on yet."""
    spec = problem if isinstance(problem, Specification) else read_specification(str(problem))
    identifier = start(hub.parts(), hub.me, spec, **more)
    with hub.database.read() as reader:
        row = journal.find(reader, identifier)
    return open_run(hub.parts(), row)


def finish(hub: Hub, problem: Path | str, watcher: Watcher | None = None, **more: Any) -> Run:
    """A campaign carried on to its end, or as far as a laboratory lets it."""
    run = begin(hub, problem, **more)
    with hub.hold(run.identifier), suppress(Waiting):
        go_on(run, watcher)
    return run


def resume(hub: Hub, watcher: Watcher | None = None) -> Run | None:
    """The newest campaign carried on to its end, as `dure resume` does; None when there is none yet."""
    with hub.database.read() as reader:
        rows = journal.everything(reader)
    if not rows:
        return None
    with hub.hold(rows[-1].id), suppress(Waiting):
        run = open_run(hub.parts(), rows[-1])
        go_on(run, watcher)
    return run


def events(hub: Hub, kind: str | None = None) -> list[Mapping[str, Any]]:
    """All leaves of the ledger, of one kind where it is given, oldest first."""
    from sqlalchemy import select

    table = ledger_event.c
    query = select(table.leaf).order_by(table.sequence)
    if kind is not None:
        query = query.where(table.kind == kind)
    with hub.database.read() as reader:
        return [json.loads(bytes(row.leaf)) for row in reader.all(query)]
