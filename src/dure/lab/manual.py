"""The manual laboratory: plate maps and worklists out, a result file in. People do the assays.

A batch is one folder, written whole or not at all; whether an order was handed over is read from these folders, so a
batch is never written twice however often the hub is killed.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dure.base.canonical import digest
from dure.base.errors import BadInput, Conflict
from dure.design.candidate import Candidate
from dure.lab.orders import Order, Reading
from dure.lab.plate import (
    Item,
    Layout,
    Well,
    dilution,
    plan_plates,
    read_worklist,
    results_template,
    safe,
    worklist_csv,
)
from dure.lab.platepage import plate_page
from dure.store.objects import explained, sync_folder

WORKLIST = "worklist.csv"


class ManualDriver:
    """Writes each batch for people; its results come by `dure lab import`, so `collect` only ever waits.

    Args:
        folder: where the batches of one campaign lie.
        settings: the problem's `lab` table: `plate`, `top`, `unit`, `factor`, `points`, `replicates`, `reference`,
            `positive`, `negative`.
        label: a candidate in a few characters, for people.
    """

    name = "manual"
    evidence_kind = "measured"
    can_find = True

    def __init__(self, folder: Path, settings: Mapping[str, Any], label: Callable[[Candidate], str]) -> None:
        self.folder, self.settings, self._label = folder, settings, label

    def find(self, keys: Sequence[str]) -> frozenset[str]:
        known = {
            well.order for path in self.folder.glob(f"round-*/{WORKLIST}") for well in read_worklist(path.read_bytes())
        }
        return frozenset(known).intersection(keys)

    def submit(self, orders: Sequence[Order], candidates: Mapping[str, Candidate]) -> None:
        keys = [o.key for o in orders]
        if self.find(keys).issuperset(keys):
            return  # handed over before: people do a batch once
        number = orders[0].round
        items = [Item(o.key, o.candidate, self._label(candidates[o.candidate])) for o in orders]
        seed = int(digest(sorted(keys))[3:11], 16)
        # Plates of any two batches differ in name: part of the campaign's id, then the round.
        prefix = f"{orders[0].campaign[3:7]}-R{number:02d}".upper()
        wells = plan_plates(items, layout(self.settings), np.random.default_rng(seed), prefix=prefix)
        with explained(self.folder):
            self._write(number, wells, [(o, candidates[o.candidate]) for o in orders])

    def collect(self, orders: Sequence[Order]) -> Reading | None:
        return None

    def waiting_for(self, orders: Sequence[Order]) -> str:
        batch = self.folder / f"round-{orders[0].round:02d}"
        return f"do the assays of {batch}/{WORKLIST}, then: dure lab import RESULTS.csv"

    def worklist(self, round_: int) -> list[Well]:
        """The wells of a batch."""
        return read_worklist((self.folder / f"round-{round_:02d}" / WORKLIST).read_bytes())

    def _write(self, number: int, wells: list[Well], ordered: Sequence[tuple[Order, Candidate]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        size = int(self.settings.get("plate", 96))
        title = f"{ordered[0][0].campaign[3:13]}, round {number}"
        files = {
            WORKLIST: worklist_csv(wells),
            "RESULTS.csv": results_template(wells),
            "compounds.csv": _compounds(ordered, self._label),
        }
        for lang in ("en", "ko"):
            files[f"plates.{lang}.html"] = plate_page(wells, plate_size=size, title=title, lang=lang).encode()
        draft = self.folder / f".{secrets.token_hex(6)}"
        draft.mkdir()
        try:
            for name, data in files.items():
                with (draft / name).open("wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            sync_folder(draft)
            _rename(draft, self.folder / f"round-{number:02d}")
            sync_folder(self.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _rename(draft: Path, batch: Path) -> None:
    try:
        draft.rename(batch)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise Conflict(
            "another process handed this batch over meanwhile", where=str(batch), remedy="run the same command again"
        ) from None


def layout(settings: Mapping[str, Any]) -> Layout:
    """The plate layout that a problem's `lab` table asks for.

    Raises:
        BadInput: a key is missing or of the wrong kind, or the layout is impossible.
    """
    for key in ("top", "unit"):
        if key not in settings:
            raise BadInput(
                f"the key {key!r} is missing", where="[lab]", remedy='for example: top = 10.0, unit = "umol/L"'
            )
    try:
        series = dilution(
            float(settings["top"]), float(settings.get("factor", 3.1622776601683795)), int(settings.get("points", 8))
        )
        reference = settings.get("reference")
        return Layout(
            concentrations=series,
            unit=str(settings["unit"]),
            wells=int(settings.get("plate", 96)),
            replicates=int(settings.get("replicates", 1)),
            positive=int(settings.get("positive", 0)),
            negative=int(settings.get("negative", 0)),
            reference=Item("", f"reference:{reference}", str(reference)) if reference else None,
        )
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"a value cannot be used: {error}", where="[lab]", remedy="compare it with what `dure new` writes"
        ) from None


def _compounds(ordered: Sequence[tuple[Order, Candidate]], label: Callable[[Candidate], str]) -> bytes:
    """What to weigh out: order key, candidate id, name and every field of the candidate's form."""
    fields = sorted({name for _, candidate in ordered for name in candidate.form if name != "name"})
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(["order", "candidate", "name", *map(safe, fields)])
    for order, candidate in ordered:
        writer.writerow(
            [
                order.key,
                order.candidate,
                safe(label(candidate)),
                *(safe(str(candidate.form.get(name, ""))) for name in fields),
            ]
        )
    return sink.getvalue().encode()
