"""What a field brings: a plug-in found through the entry-point group `dure.fields`. Nothing imports one by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from dure.analysis.contract import Analysis
from dure.base.errors import BadInput, NotFound
from dure.compute.task import Task
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Space
from dure.models.recipe import Recipe
from dure.models.recipe import Texts as Texts
from dure.verify.ladder import Ladder

Read = tuple[str, str, str]
"""A file of a fetched source: (source, part, file name)."""
ReadSource = Callable[[str, str, str], bytes]
"""(source, part, file name) -> bytes of a fetched source; `NotFound` names the fetch command."""


@dataclass(frozen=True)
class Simulator:
    """A laboratory in a program; what it gives is always labelled `simulated`.

    Attributes:
        run: task from `candidate` (canonical JSON of kind, content and form) and the files it reads, each as
            `source/part/file`; params are the problem's `lab` table, and the seed is the order's. It gives `values`
            (canonical JSON: property -> {value, and where known sd and n}), or `failed` (canonical JSON of a code such
            as `diverged`) where this design has no value. What else it gives is kept beside the order.
        reads: which files of fetched sources it needs, from the `lab` table; refuses a table it cannot take.
        items: task from these files, with `lab` in params, to `items` (canonical JSON, a list of names), for a space of
            subsets that says `items = "laboratory"`.
        panels: its members by the panel's name, as `[lab] panel` and `[finalists] panel` give it. A campaign on other
            members is another campaign.
    """

    run: Task
    reads: Callable[[Mapping[str, Any]], Sequence[Read]] = lambda lab: ()
    items: Task | None = None
    panels: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Field:
    """A science as the loop sees it. What a field does not have, it leaves out.

    Attributes:
        name: its code, the first half of its problems' names.
        title: its name for readers.
        problems: problem code -> specification, as a `problem.toml` would hold it.
        template: the commented `problem.toml` that `dure new` writes.
        distributions: the packages whose versions its results depend on.
        prepare: task from `table` (Parquet: a column `row` and the structure columns, never a value) and params to
            `pool` (Parquet: id, content, form, kind) and `rows` (Parquet: row, candidate, problem); params hold the
            names of the columns, `structure` (a list where a design is a row of settings) and `name`.
        features: task from `pool` to `features`; `read_features` turns these bytes into blocks in pool order.
        space: a space without a file, from the specification's `space` table.
        ladder: the checks and gates of every proposal, from the specification's `ladder` table.
        finalists: those of the best at the end, from the `finalists` table and fetched sources.
        simulators: its simulated laboratories, by the name that `[lab] simulator` gives.
        models: the models it can train, by name; `analyses` the questions that it answers in one go, by name.
        draw: SVG of a candidate, (candidate, width, height).
        label: a candidate in a few characters.
        group: what "by scaffold" means here: candidates of one group are near relatives.
        rank: the simplest rule that could work without learning, higher first; `rank_title` says what it is.
        group_title: what a group is called, for example "scaffold".
        property_titles: what each property is, for readers; also `property/NAME` and the names of checks.
        resolution: by property, what one measurement of it can tell apart.
        derive: what follows from a measured value and the design alone, (candidate, property, value) -> rows of title,
            value, unit and digits after the point; shown beside the value and never counted as measured.
        caveats: what a campaign of this field does not show.
    """

    name: str
    title: Texts
    problems: Mapping[str, Mapping[str, Any]]
    template: str
    ladder: Callable[[Mapping[str, Any]], Ladder]
    draw: Callable[[Candidate, int, int], str]
    label: Callable[[Candidate], str]
    distributions: tuple[str, ...] = ()
    prepare: Task | None = None
    features: Task | None = None
    read_features: Callable[[bytes], tuple[FeatureBlock, ...]] | None = None
    space: Callable[[Mapping[str, Any]], Space] | None = None
    finalists: Callable[[Mapping[str, Any], ReadSource], Ladder] | None = None
    simulators: Mapping[str, Simulator] = field(default_factory=dict)
    models: Mapping[str, Recipe] = field(default_factory=dict)
    analyses: Mapping[str, Analysis] = field(default_factory=dict)
    group: Callable[[Candidate], str] | None = None
    rank: Callable[[Sequence[Candidate]], Sequence[float]] | None = None
    rank_title: Texts = field(default_factory=dict)
    group_title: Texts = field(default_factory=dict)
    property_titles: Mapping[str, Texts] = field(default_factory=dict)
    resolution: Mapping[str, Texts] = field(default_factory=dict)
    derive: Callable[[Candidate, str, float], Sequence[tuple[Texts, float, str, int]]] | None = None
    caveats: Mapping[str, Sequence[str]] = field(default_factory=dict)


def simulator_of(field_: Field, lab: Mapping[str, Any]) -> Simulator:
    """The simulator that a problem's `lab` table names; a field with one needs no name.

    Raises:
        BadInput: the field has none, or none of this name.
    """
    name = lab.get("simulator", next(iter(field_.simulators)) if len(field_.simulators) == 1 else None)
    if name not in field_.simulators:
        known = ", ".join(field_.simulators) or "none"
        raise BadInput(
            f"the field {field_.name} has no simulator {name!r}",
            where="[lab], simulator",
            remedy=f"its simulators: {known}",
        )
    return field_.simulators[name]


def recipe_of(name: str) -> Recipe:
    """The recipe of a model, by `FIELD/MODEL`.

    Raises:
        NotFound: no such field, or it has no such model.
    """
    field_name, _, model = name.partition("/")
    models = load_field(field_name).models
    if model not in models:
        known = ", ".join(f"{field_name}/{each}" for each in models) or "none"
        raise NotFound(f"the field {field_name} trains no model {model!r}", remedy=f"its models: {known}")
    return models[model]


def analysis_of(name: str) -> Analysis:
    """An analysis by `FIELD/ANALYSIS`.

    Raises:
        NotFound: no such field, or it has no such analysis.
    """
    field_name, _, analysis = name.partition("/")
    analyses = load_field(field_name).analyses
    if analysis not in analyses:
        known = ", ".join(f"{field_name}/{each}" for each in analyses) or "none"
        raise NotFound(f"the field {field_name} has no analysis {analysis!r}", remedy=f"its analyses: {known}")
    return analyses[analysis]


def table_of(name: str) -> str:
    """The template of the table that a model or an analysis, `FIELD/NAME`, takes.

    Raises:
        NotFound: no such field, or neither is called so.
    """
    field_name, _, called = name.partition("/")
    brought = load_field(field_name)
    found = {key: each.template for key, each in brought.models.items()}
    found |= {key: each.template for key, each in brought.analyses.items() if each.columns}
    if called not in found:
        known = ", ".join(f"{field_name}/{each}" for each in found) or "none"
        raise NotFound(f"the field {field_name} takes no table for {called!r}", remedy=f"it takes one for: {known}")
    return found[called]


def load_field(name: str) -> Field:
    """The installed field of this name.

    Raises:
        NotFound: no such plug-in; lists those there are and how to install the shipped ones.
    """
    found = {entry.name: entry for entry in entry_points(group="dure.fields")}
    if name not in found:
        raise NotFound(f"no field is called {name!r}", remedy=f"installed fields: {', '.join(sorted(found)) or 'none'}")
    loaded = found[name].load()
    if not isinstance(loaded, Field):
        raise TypeError(f"the entry point {name} gives a {type(loaded).__name__}, not a Field")
    return loaded


def installed_fields() -> list[str]:
    """The names of all installed fields."""
    return sorted({entry.name for entry in entry_points(group="dure.fields")})
