"""A problem as its author writes it: `problem.toml`, or the same as Python values in a field."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput, NotFound
from dure.campaign.field import load_field
from dure.campaign.problem import Budget, Constraint, Objective
from dure.campaign.protocol import check_laboratory


@dataclass(frozen=True)
class Specification:
    """What the author asks for.

    Attributes:
        field: the plug-in's name.
        name: `field/problem` when a field ships it, otherwise None.
        title: for readers, `{"en": …, "ko": …}`.
        space: where candidates come from.
        objective, budget: as in `campaign.problem`.
        lab: driver and what it needs.
        strategy, ladder, finalists, controls: settings.
        seed: of all randomness.
        folder: where the file's relative paths begin; None for a shipped problem.
    """

    field: str
    name: str | None
    title: Mapping[str, str]
    space: Mapping[str, Any]
    objective: Objective
    budget: Budget
    lab: Mapping[str, Any]
    strategy: Mapping[str, Any]
    ladder: Mapping[str, Any]
    finalists: Mapping[str, Any]
    controls: Mapping[str, Any]
    seed: int
    folder: Path | None = None

    def written(self) -> dict[str, Any]:
        """The same as plain values, without the folder: a specification that was moved is the same one."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "folder"}
        return {**values, "objective": self.objective.describe(), "budget": asdict(self.budget)}


_TABLES = {
    "space": {"kind", "file", "source", "part", "dataset", "structure", "name"},
    "objective": {"property", "unit", "direction", "reference", "constraints"},
    "budget": {"first", "batch", "rounds"},
    "lab": {
        "driver", "column", "unit", "scale", "assay", "version", "plate", "replicates", "top", "factor", "points",
        "reference", "positive", "negative", "agreement", "substrate", "km", "signal",
    },
    "strategy": {"name"},
    "finalists": None,
    "controls": {"seeds", "noise_sd"},
    "ladder": None,
}  # fmt: skip
"""Keys of each table; None: the field knows them. So it does those of a space that is no pool, and of a simulator."""
QUICK = "quick"
"""The table of a shipped problem that says what a quick look changes in the others."""
_REQUIRED = ("field", "space", "objective", "budget", "lab")
_TOP = {*_TABLES, "field", "title", "seed"}


def read_specification(text: str, *, quick: bool = False) -> Specification:
    """A shipped problem (`drug/jak2`) or the path of a problem file.

    Args:
        quick: with the smaller budget that the problem names for a first look; its title then says so.

    Raises:
        NotFound: neither exists.
        BadInput: the file is no TOML, or a key is missing, unknown or of the wrong kind.
    """
    path = Path(text)
    if path.suffix == ".toml" or path.is_file():
        return _from_file(path, quick)
    field_name, _, problem = text.partition("/")
    problems = load_field(field_name).problems
    if problem not in problems:
        raise NotFound(
            f"the field {field_name} has no problem {problem!r}",
            remedy=f"it has {', '.join(f'{field_name}/{name}' for name in sorted(problems))}; or name a problem.toml",
        )
    # A name of its own: its report and the campaign that its name stands for are not those of the whole one.
    name = f"{text}-{QUICK}" if quick else text
    return specification(_looked_at({"field": field_name, **problems[problem]}, quick, text), text, name=name)


def _looked_at(value: Mapping[str, Any], quick: bool, where: str) -> dict[str, Any]:
    """The values of a problem, or of the quick look at it."""
    changes = value.get(QUICK)
    plain = {key: table for key, table in value.items() if key != QUICK}
    if not quick:
        return plain
    if not isinstance(changes, Mapping) or not all(isinstance(table, Mapping) for table in changes.values()):
        raise BadInput(
            "this problem has no quick look",
            where=where,
            remedy="leave --quick out, or write [quick.budget] and what it changes below it",
        )
    title = value.get("title", where)
    titles = title if isinstance(title, Mapping) else {"en": title, "ko": title}
    said = {"en": " (quick look, small budget)", "ko": " (빠른 훑어보기, 작은 예산)"}
    merged = {key: {**plain.get(key, {}), **table} for key, table in changes.items()}
    return {**plain, **merged, "title": {lang: text + said[lang] for lang, text in titles.items()}}


def _from_file(path: Path, quick: bool) -> Specification:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("no such file", where=str(path), remedy=f"write one with: dure new {path}") from None
    except IsADirectoryError:
        raise BadInput("this is a folder, not a problem file", where=str(path)) from None
    try:
        value = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start} is not UTF-8", where=str(path), remedy="save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"not TOML: {error}", where=str(path), remedy="compare it with what `dure new` writes") from None
    return specification(_looked_at(value, quick, str(path)), str(path), folder=path.absolute().parent)


def specification(
    value: Mapping[str, Any], where: str, *, name: str | None = None, folder: Path | None = None
) -> Specification:
    """Checks and completes the values of a specification; `BadInput` names the key."""
    unknown = sorted(set(value) - _TOP)
    if unknown:
        raise BadInput(f"unknown key {unknown[0]!r}", where=where, remedy=f"keys are {', '.join(sorted(_TOP))}")
    for key in _REQUIRED:
        if key not in value:
            raise BadInput(f"the key {key!r} is missing", where=where, remedy="compare it with what `dure new` writes")
    tables = {}
    for key, allowed in _TABLES.items():
        table = value.get(key, {})
        if not isinstance(table, Mapping):
            raise BadInput(f"{key!r} must be a table", where=where, remedy=f"write [{key}] and its keys below it")
        own = (key == "space" and table.get("kind", "pool") != "pool") or table.get("driver") == "simulated"
        strange = sorted(set(table) - allowed) if allowed is not None and not own else []
        if strange:
            raise BadInput(
                f"unknown key {strange[0]!r}",
                where=f"{where}, [{key}]",
                remedy=f"keys are {', '.join(sorted(allowed or ()))}",
            )
        tables[key] = table
    title = value.get("title", where)
    simulated = tables["lab"].get("driver") == "simulated"
    made = Specification(
        field=_checked(value["field"], str, f"{where}, field"),
        name=name,
        title=title if isinstance(title, Mapping) else {"en": title, "ko": title},
        space=tables["space"],
        objective=_objective(tables["objective"], f"{where}, [objective]"),
        budget=_built(Budget, tables["budget"], f"{where}, [budget]", {"first": int, "batch": int, "rounds": int}),
        lab=_driver(tables["lab"], where),
        strategy={"name": "dure", **tables["strategy"]},
        ladder=tables["ladder"],
        finalists=_finalists(tables["finalists"], tables["lab"], where),
        controls={"seeds": 1 if simulated else 20, "noise_sd": 0.3, **tables["controls"]},
        seed=_checked(value.get("seed", 1), int, f"{where}, seed"),
        folder=folder,
    )
    _check_together(made, where)
    return made


def _check_together(made: Specification, where: str) -> None:
    """What one table must be so that another makes sense, before anything is prepared or ordered."""
    seeds, sd = made.controls["seeds"], made.controls["noise_sd"]
    if type(seeds) is not int or seeds < 0:
        raise BadInput(
            f"{seeds!r} is no number of seeds", where=f"{where}, [controls], seeds", remedy="write 20 or more"
        )
    if not isinstance(sd, int | float) or not (math.isfinite(sd) and sd >= 0):
        raise BadInput(
            f"{sd!r} is no standard deviation",
            where=f"{where}, [controls], noise_sd",
            remedy="write what inter-assay values differ by in the objective's unit, for example 0.3",
        )
    if made.lab.get("scale") == "p" and made.objective.unit != "1":
        raise BadInput(
            f"a logarithm has the unit 1, not {made.objective.unit!r}",
            where=f"{where}, [objective], unit",
            remedy='write unit = "1"; what the logarithm refers to is the key reference',
        )
    if made.objective.constraints and made.lab["driver"] != "simulated":
        raise BadInput(
            "this laboratory reads one property an order, so a constraint on another cannot be kept",
            where=f"{where}, [objective], constraints",
            remedy="take the constraints out, or put a gate on the ladder",
        )
    if made.lab["driver"] == "manual":
        check_laboratory(made.objective, made.lab, where)


def _driver(table: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if table.get("driver") not in ("replay", "manual", "simulated"):
        raise BadInput(
            f"{table.get('driver')!r} is no laboratory driver",
            where=f"{where}, [lab], driver",
            remedy="write replay, manual or simulated",
        )
    if table.get("scale", "linear") not in ("p", "linear"):
        raise BadInput(
            f"{table['scale']!r} is no scale",
            where=f"{where}, [lab], scale",
            remedy="write p (for -log10 of mol/L) or linear",
        )
    return table


def _finalists(table: Mapping[str, Any], lab: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The finalists' table with what the simulator was told, so that they are judged in the same situation.

    The panel that was tuned on comes as `tuned`, lest it be gated on again.
    """
    if lab.get("driver") != "simulated" or not table.get("n"):
        return table
    shared = {key: value for key, value in lab.items() if key not in ("driver", "panel", "assay")}
    shared |= {"tuned": lab["panel"]} if "panel" in lab else {}
    other = sorted(key for key in shared.keys() & table.keys() if shared[key] != table[key])
    if other:
        raise BadInput(
            f"{other[0]!r} is {table[other[0]]!r} for the finalists and {shared[other[0]]!r} in the laboratory",
            where=f"{where}, [finalists]",
            remedy="write it in [lab] alone: finalists are judged in the situation that was tuned in",
        )
    return {**shared, **table}


def _objective(table: Mapping[str, Any], where: str) -> Objective:
    rows = table.get("constraints", ())
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise BadInput(
            "constraints must be a list of tables",
            where=f"{where}, constraints",
            remedy="write [[objective.constraints]] and below it property, unit, and low or high",
        )
    constraints = [_constraint(row, f"{where}, constraints") for row in rows]
    plain = {key: value for key, value in table.items() if key != "constraints"}
    kinds = {"property": str, "unit": str, "direction": str, "reference": str}
    made: Objective = _built(Objective, plain, where, kinds)
    return replace(made, constraints=tuple(constraints)) if constraints else made


def _constraint(row: Mapping[str, Any], where: str) -> Constraint:
    bounds = {key: float(row[key]) for key in ("low", "high") if isinstance(row.get(key), int | float)}
    if set(row) - {"property", "unit", "low", "high"} or not {"property", "unit"} <= set(row) or not bounds:
        raise BadInput(
            "a constraint is not understood", where=where, remedy="give property, unit, and low or high as numbers"
        )
    return Constraint(str(row["property"]), str(row["unit"]), **bounds)


def _checked(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:
        wanted = "text" if kind is str else "a whole number"
        example = 'text between quotes, as in "pKi"' if kind is str else "a number without point or quotes, as in 24"
        raise BadInput(f"{value!r} is not {wanted}", where=where, remedy=f"write {example}")
    return value


def _built(make: Callable[..., Any], table: Mapping[str, Any], where: str, kinds: Mapping[str, type]) -> Any:
    for key, value in table.items():
        _checked(value, kinds[key], f"{where}, {key}")
    try:
        return make(**table)
    except TypeError:
        missing = sorted(set(kinds) - set(table))
        raise BadInput(
            f"a key is missing, one of {', '.join(missing)}",
            where=where,
            remedy="compare it with what `dure new` writes",
        ) from None
