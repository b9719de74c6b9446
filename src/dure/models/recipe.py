"""What a field says about a model it can train: from which table, in which units, by which tasks.

Training and use are tasks, so that both are done once, can be repeated by others, and carry the terms of their data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dure.compute.task import Task
from dure.data.usertable import UserTable

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Column:
    """One column of a table that a model learns from or is used on.

    Attributes:
        name: as it stands in the header, before the unit in square brackets.
        unit: UCUM; `1` for numbers without a unit. None for text.
        low, high: what can be at all, in `unit`; a value outside is refused, with the unit that it may have been in.
        title: what it is, for readers.
        required: for use; training needs all of them.
        gaps: whether a cell of numbers may be empty; it is NaN then.
        grams_per_mole: lets a concentration be given by mass or by amount; None where it cannot.
        pattern: a regular expression of names, for columns of which there are many (`cg[0-9]{8}`, wavenumbers); then
            `name` stands for all of them in messages.
    """

    name: str
    unit: str | None
    title: Texts
    low: float | None = None
    high: float | None = None
    required: bool = True
    gaps: bool = False
    grams_per_mole: float | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Format:
    """A science's own file format that stands for the table, read with the files of the same name that go with it.

    Attributes:
        read: (name of the file, suffix -> bytes of it and of those beside it) -> the table.
        needed: suffixes of the files that must lie beside it; `optional` of those that may.
    """

    read: Callable[[str, Mapping[str, bytes]], UserTable]
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How a model is trained and used.

    Attributes:
        name: the second half of `FIELD/MODEL`.
        title: what it predicts, in a line.
        property, unit: of its predictions; `direction` says which way is better for readers: `maximise` or `minimise`.
        columns: what a row must hold to be predicted.
        target: the column that training needs beside them.
        group: the column that names the group of a row (person, donor, batch, lot, year): rows of one group are never
            split. Training needs it.
        others: further columns that training needs or can use.
        reads: files of fetched sources that the shipped recipe is trained on, as (source, part, file).
        train: task; inputs: the files as `source/part/file`, or `table` (Parquet: column `row` with the number of each
            row in the user's file, then the columns in their declared units); params: `quick` (bool) and `packages`;
            outputs: `model`, `card` (canonical JSON: method, training, split, metrics, calibration, domain, caveats;
            metrics is a list of rows {figure, value, unit, beside: {baseline: value}, note}), and pictures.
        predict: task; inputs `model` and `table`; output `predictions` (Parquet: row, value, low80, high80, low95,
            high95, inside, why).
        template: CSV with a header and example rows, as `dure new FILE.csv --model FIELD/MODEL` writes it.
        formats: what else stands for the table, by the suffix of its file.
        why: code of a row outside the domain -> a sentence for readers.
        caveats: what its predictions must not be used for.
    """

    name: str
    title: Texts
    property: str
    unit: str
    columns: tuple[Column, ...]
    target: Column
    group: Column
    train: Task
    predict: Task
    template: str
    direction: str = "minimise"
    others: tuple[Column, ...] = ()
    reads: tuple[tuple[str, str, str], ...] = ()
    formats: Mapping[str, Format] = field(default_factory=dict)
    why: Mapping[str, Texts] = field(default_factory=dict)
    caveats: Mapping[str, Sequence[str]] = field(default_factory=dict)
