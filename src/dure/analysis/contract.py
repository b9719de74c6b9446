"""What a field says about an analysis: what it needs, and the task that does it.

An analysis is no model (it predicts no rows) and no campaign (it orders nothing): it answers one question about what it
is given, and its findings are kept as a dataset with their provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dure.compute.task import Task
from dure.models.recipe import Column, Texts


@dataclass(frozen=True)
class Analysis:
    """One question that a field answers by a task.

    Attributes:
        name: the second half of `FIELD/ANALYSIS`.
        title: what it finds out, in a line.
        run: task. Inputs: `table` (Parquet: column `row` with the number of each row in the user's file, then the
            columns in their declared units), `candidate` (canonical JSON of kind, content and form), `model`
            (parameters of the model) where each is given, and the files read, as `source/part/file`. Params:
            `packages`, and `lab`: that table of the campaign's problem, empty without one. Outputs: `findings`,
            canonical JSON of

                {"summary": [TEXTS, ...],
                 "tables": [{"title": TEXTS, "head": [TEXTS, ...], "rows": [[cell, ...], ...]}, ...],
                 "passed": whether what was asked for holds; left out where nothing can fail}

            with TEXTS = {"en", "ko"} and a cell a text, TEXTS, a number or null; pictures `NAME.en.svg` and
            `NAME.ko.svg`; and further files, which are written beside the page.
        columns: of the table; none: it takes no table. `table` says whether the table must be given.
        template: CSV with a header and example rows, as `dure new FILE.csv --model FIELD/ANALYSIS` writes it.
        reads: which files of fetched sources it needs, as (source, part, file), from the `lab` table.
        model: the field's model whose newest training it uses.
        simulators: names of the field's simulators whose campaigns' answer it can be about; none: it is about none.
        caveats: what its findings do not show.
    """

    name: str
    title: Texts
    run: Task
    columns: tuple[Column, ...] = ()
    table: bool = True
    template: str = ""
    reads: Callable[[Mapping[str, Any]], Sequence[tuple[str, str, str]]] = lambda lab: ()
    model: str = ""
    simulators: tuple[str, ...] = ()
    caveats: Mapping[str, Sequence[str]] = field(default_factory=dict)
