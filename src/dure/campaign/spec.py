"""A problem as its author writes it: `problem.toml`, or the same as Python values in a field."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput, NotFound
from dure.campaign.field import load_field
from dure.campaign.problem import Budget, Objective
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
        return {**values, "objective": asdict(self.objective), "budget": asdict(self.budget)}


_TABLES = {
    "space": {"kind", "file", "source", "part", "dataset", "structure", "name", "parameters"},
    "objective": {"property", "unit", "direction", "reference"},
    "budget": {"first", "batch", "rounds"},
    "lab": {
        "driver", "column", "unit", "scale", "assay", "version", "plate", "replicates", "top", "factor", "points",
        "reference", "positive", "negative", "agreement", "noise", "substrate", "km", "signal",
    },
    "strategy": {"name"},
    "finalists": {"n", "check", "target", "exhaustiveness"},
    "controls": {"seeds", "noise_sd"},
    "ladder": None,
}  # fmt: skip
_REQUIRED = ("field", "space", "objective", "budget", "lab")
_TOP = {*_TABLES, "field", "title", "seed"}


def read_specification(text: str) -> Specification:
    """A shipped problem (`drug/jak2`) or the path of a problem file.

    Raises:
        NotFound: neither exists.
        BadInput: the file is no TOML, or a key is missing, unknown or of the wrong kind.
    """
    path = Path(text)
    if path.suffix == ".toml" or path.is_file():
        return _from_file(path)
    field_name, _, problem = text.partition("/")
    problems = load_field(field_name).problems
    if problem not in problems:
        raise NotFound(
            f"the field {field_name} has no problem {problem!r}",
            remedy=f"it has {', '.join(f'{field_name}/{name}' for name in sorted(problems))}; or name a problem.toml",
        )
    return specification({"field": field_name, **problems[problem]}, text, name=text)


def _from_file(path: Path) -> Specification:
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
    return specification(value, str(path), folder=path.absolute().parent)


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
        strange = sorted(set(table) - allowed) if allowed is not None else []
        if strange:
            raise BadInput(
                f"unknown key {strange[0]!r}",
                where=f"{where}, [{key}]",
                remedy=f"keys are {', '.join(sorted(allowed or ()))}",
            )
        tables[key] = table
    title = value.get("title", where)
    made = Specification(
        field=_checked(value["field"], str, f"{where}, field"),
        name=name,
        title=title if isinstance(title, Mapping) else {"en": title, "ko": title},
        space=tables["space"],
        objective=_built(
            Objective,
            tables["objective"],
            f"{where}, [objective]",
            {"property": str, "unit": str, "direction": str, "reference": str},
        ),
        budget=_built(Budget, tables["budget"], f"{where}, [budget]", {"first": int, "batch": int, "rounds": int}),
        lab=_driver(tables["lab"], where),
        strategy={"name": "dure", **tables["strategy"]},
        ladder=tables["ladder"],
        finalists=tables["finalists"],
        controls={"seeds": 20, "noise_sd": 0.3, **tables["controls"]},
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
