"""What the field's analyses are given: the design they are about, and rows that change its settings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.device import dossier
from dure.fields.device.patients import FILES
from dure.fields.device.settings import SETTINGS, Setting, vector
from dure.models.recipe import Column

Inputs = Mapping[str, bytes]
Progress = Callable[[float, str], None]
Row = Mapping[str, Any]


def _column(setting: Setting) -> Column:
    glucose = setting.unit == "mg/dL"
    low, high = (60.0, 300.0) if glucose else (0.0, None)
    grams = 180.156 if glucose else None
    return Column(setting.name, setting.unit, setting.title, low, high, required=False, grams_per_mole=grams)


COLUMNS = tuple(_column(setting) for setting in SETTINGS["controller"])
"""One a setting; a setting without a column stays as it is."""


def template(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV of these rows under headers with their units; all rows have the same keys."""
    units = {column.name: column.unit for column in COLUMNS} | {"time": "h"}
    head = [name if units.get(name, "1") == "1" else f"{name} [{units[name]}]" for name in rows[0]]
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows([head, *([row[name] for name in rows[0]] for row in rows)])
    return sink.getvalue()


def reads(lab: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The files of the virtual patients."""
    return [("simglucose", "patients", name) for name in FILES]


def files(inputs: Inputs) -> dict[str, bytes]:
    """Those files, by name."""
    return {name: inputs[f"simglucose/patients/{name}"] for name in FILES}


def rows(inputs: Inputs) -> list[Row]:
    """The rows of the table; none without one."""
    return pq.read_table(io.BytesIO(inputs["table"])).to_pylist() if "table" in inputs else []


def subject(inputs: Inputs, lab: Mapping[str, Any]) -> tuple[str, list[float]]:
    """The simulator and the settings that it is about: the campaign's answer, or the shipped controller."""
    if "candidate" not in inputs:
        return "controller", vector(dossier.shipped(), "controller")
    simulator = str(lab["simulator"])
    return simulator, vector(Candidate(*json.loads(inputs["candidate"])), simulator)


def changed(row: Row, values: Sequence[float], simulator: str) -> list[float]:
    """The settings with those that a row names.

    Raises:
        BadInput: a setting that this simulator does not have.
    """
    names = [setting.name for setting in SETTINGS[simulator]]
    given = {column.name: float(row[column.name]) for column in COLUMNS if column.name in row}
    if strange := [name for name in given if name not in names]:
        raise BadInput(
            f"the simulator {simulator} has no setting {strange[0]!r}", remedy=f"its settings: {', '.join(names)}"
        )
    return [given.get(name, value) for name, value in zip(names, values, strict=True)]
