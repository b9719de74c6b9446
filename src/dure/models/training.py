"""Training by a recipe, and using what was trained: both are tasks, and both are decided and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

import pyarrow as pa

from dure.access.act import Act
from dure.access.terms import ACCESS, Terms, inherit
from dure.base.canonical import canonical, digest, digest_bytes
from dure.base.errors import BadInput, NotFound, Unavailable
from dure.base.types import Resource
from dure.compute.record import Call, Result, Tasks
from dure.compute.runner import Resources
from dure.data import datasets
from dure.data.sourcefiles import read_source, source_row
from dure.data.tables import read_table
from dure.models import registry
from dure.models.columns import checked
from dure.models.recipe import Recipe
from dure.store.frames import get_frame, put_frame
from dure.store.objects import Objects

TRAINING = Resources(memory_mb=8192, seconds=3600.0)
NEEDED = ("method", "split", "metrics", "calibration", "training", "domain")
"""What every recipe's card says."""


@dataclass(frozen=True)
class Workshop:
    """What the composition root gives to training.

    Attributes:
        act: makes an act of a principal.
        objects, tasks: the hub's.
        code: version of Dure; `packages` the versions that a result depends on.
        zone: the hub's time zone.
    """

    act: Callable[[str], Act]
    objects: Objects
    tasks: Tasks
    code: str
    packages: Mapping[str, str]
    zone: tzinfo


@dataclass(frozen=True)
class Trained:
    """A registered model.

    Attributes:
        identifier: its id.
        name: `FIELD/MODEL`.
        card: as stored (see `models.registry.Card`).
        pictures: file name -> SVG.
    """

    identifier: str
    name: str
    card: Mapping[str, Any]
    pictures: Mapping[str, str]


def train(
    shop: Workshop, owner: str, name: str, recipe: Recipe, path: Path | None = None, *, quick: bool = False
) -> Trained:
    """Trains a model and registers it with its card; the same data and code again is no work.

    Args:
        path: the user's own table; None for the recipe's own sources.
        quick: less searching, for a first look; the card says so.

    Raises:
        NotFound: a source is not fetched; the error names the command.
        BadInput, RowErrors: the table cannot be learnt from.
        Unavailable: the training failed.
    """
    inputs, held = _table(shop, owner, name, recipe, path) if path else _sources(shop, recipe)
    terms = inherit(*(each.terms for each in held))
    params = {"quick": quick, "packages": dict(shop.packages)}
    access = max((each.terms.access for each in held), key=ACCESS.index)
    [result] = shop.tasks.run([Call(recipe.train, inputs, params, access, 1, TRAINING)])
    _succeeded(result, "the model could not be trained", path.name if path else name)
    for own in held if path else ():
        datasets.deposit(shop.act(owner), shop.objects, own, shop.zone)
    return _register(shop, owner, name, recipe, result, [each.accession for each in held], terms, quick)


def _table(
    shop: Workshop, owner: str, name: str, recipe: Recipe, path: Path
) -> tuple[dict[str, str], list[datasets.Dataset]]:
    """The user's rows as an object, and the dataset that the file makes: deposited only when a model came of it."""
    table = checked(read_table(path), [*recipe.columns, recipe.target, recipe.group, *recipe.others])
    own = datasets.own_file(shop.objects, path, owner, f"Table for {name}", f"{name} 학습용 표")
    return {"table": put_frame(shop.objects, table)}, [own]


def _sources(shop: Workshop, recipe: Recipe) -> tuple[dict[str, str], list[datasets.Dataset]]:
    """The recipe's files as objects, each read by a decision; and the datasets that they belong to."""
    if not recipe.reads:
        raise NotFound(
            "this model is trained on your own table only", remedy="write one with: dure new FILE.csv --model …"
        )
    act = shop.act("system:data")
    inputs: dict[str, str] = {}
    held: dict[str, datasets.Dataset] = {}
    for source, part, file in recipe.reads:
        row = source_row(act, source, part)
        held[row.accession] = datasets.describe(shop.objects, row.manifest)
        inputs[f"{source}/{part}/{file}"] = shop.objects.put(read_source(act, shop.objects, source, part, file))
    return inputs, list(held.values())


def _register(
    shop: Workshop,
    owner: str,
    name: str,
    recipe: Recipe,
    result: Result,
    sources: Sequence[str],
    terms: Terms,
    quick: bool,
) -> Trained:
    objects = shop.objects
    told = json.loads(objects.get(result.outputs["card"]))
    missing = [key for key in NEEDED if key not in told]
    if missing:
        raise TypeError(f"the card of {name} says nothing of {missing}")
    note = {"en": " (quick look)", "ko": " (빠른 훑어보기)"} if quick else {"en": "", "ko": ""}
    card = registry.Card(
        title={lang: text + note[lang] for lang, text in recipe.title.items()},
        property=recipe.property,
        unit=recipe.unit,
        direction=recipe.direction,
        trained_on=list(sources),
        terms=terms.as_json(),
        code=f"dure {shop.code}",
        packages=dict(shop.packages),
        caveats=dict(recipe.caveats),
        **{key: told[key] for key in NEEDED},
    )
    parameters = objects.get(result.outputs["model"])
    identifier = digest(["trained", name, digest_bytes(parameters), digest_bytes(card.to_bytes())])
    pictures = {
        file: objects.get(held).decode() for file, held in sorted(result.outputs.items()) if file.endswith(".svg")
    }
    act = shop.act(owner)
    with act.read() as reader:
        known = registry.trained(reader, identifier)
    if known is None:
        act.require("model.register", Resource("model", identifier, {"state": "new", "owner": owner}))
        body = {
            "card": objects.put(card.to_bytes()),
            "owner": owner,
            "parameters": objects.put(parameters),
            "pictures": objects.put(canonical(pictures)),
            "recipe": name,
            "sources": list(sources),
            "task": result.key,
        }
        with act.change() as change:
            change.record("model.trained", identifier, body, expect=None)
    return Trained(identifier, name, json.loads(card.to_bytes()), pictures)


def newest(shop: Workshop, owner: str, name: str) -> Any:
    """The row of the newest model that this recipe trained here, for somebody who may use it.

    Raises:
        NotFound: none was; the error names the command.
    """
    act = shop.act(owner)
    with act.read() as reader:
        rows = registry.trained_by(reader, name)
    if not rows:
        raise NotFound(f"no model {name} was trained in this hub", remedy=f"train it with: dure train {name}")
    act.require("model.read", Resource("model", rows[0].id))
    return rows[0]


def opened(shop: Workshop, row: Any) -> Trained:
    """A registered model by its row."""
    card = registry.card_of(shop.objects, row.card)
    return Trained(row.id, row.recipe, card, json.loads(shop.objects.get(row.pictures)))


def predict(shop: Workshop, row: Any, recipe: Recipe, path: Path) -> pa.Table:
    """Predictions for the rows of a user's file, in their order: row, value, intervals, inside and why.

    Raises:
        BadInput, RowErrors: the table lacks a column, a unit, or holds what cannot be.
        Unavailable: the prediction failed.
    """
    table = checked(read_table(path), recipe.columns)
    card = registry.card_of(shop.objects, row.card)
    access = str((card.get("terms") or {}).get("access", "internal"))
    inputs = {"model": row.parameters, "table": put_frame(shop.objects, table)}
    [result] = shop.tasks.run([Call(recipe.predict, inputs, {"packages": dict(shop.packages)}, access, 1, TRAINING)])
    _succeeded(result, "nothing could be predicted", path.name)
    return get_frame(shop.objects, result.outputs["predictions"])


def _succeeded(result: Result, what: str, where: str) -> None:
    """Raises what a task said of its input in its own words, and any other failure as one of ours."""
    if result.failure is not None and result.reason == "input":
        raise BadInput(result.failure.what, where=where, remedy=result.failure.remedy)
    if result.failed is not None:
        raise Unavailable(f"{what}: {result.failed}", where=where)
