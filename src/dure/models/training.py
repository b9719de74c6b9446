"""Training by a recipe, and using what was trained: both are tasks, and both are decided and recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from dure.access.terms import ACCESS, Terms, inherit
from dure.base.canonical import canonical, digest, digest_bytes
from dure.base.errors import NotFound
from dure.base.types import Resource
from dure.compute.record import Call, Result
from dure.compute.runner import Resources
from dure.data import datasets
from dure.models import registry
from dure.models.columns import checked
from dure.models.inputs import Workshop, own_table, read_own, source_files, succeeded
from dure.models.recipe import Recipe
from dure.store.frames import get_frame, put_frame

TRAINING = Resources(memory_mb=8192, seconds=3600.0)
NEEDED = ("method", "split", "metrics", "calibration", "training", "domain")
"""What every recipe's card says."""


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
    if path is not None:
        columns = [*recipe.columns, recipe.target, recipe.group, *recipe.others]
        inputs, held = own_table(shop, owner, path, columns, (f"Table for {name}", f"{name} 학습용 표"), recipe.formats)
    elif recipe.reads:
        inputs, held = source_files(shop, recipe.reads)
    else:
        raise NotFound(
            "this model is trained on your own table only", remedy="write one with: dure new FILE.csv --model …"
        )
    terms = inherit(*(each.terms for each in held))
    params = {"quick": quick, "packages": dict(shop.packages)}
    access = max((each.terms.access for each in held), key=ACCESS.index)
    [result] = shop.tasks.run([Call(recipe.train, inputs, params, access, 1, TRAINING)])
    succeeded(result, "the model could not be trained", path.name if path else name)
    for own in held if path else ():
        datasets.deposit(shop.act(owner), shop.objects, own, shop.zone)
    return _register(shop, owner, name, recipe, result, [each.accession for each in held], terms, quick)


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
    table = checked(read_own(path, recipe.formats)[0], recipe.columns)
    card = registry.card_of(shop.objects, row.card)
    access = str((card.get("terms") or {}).get("access", "internal"))
    inputs = {"model": row.parameters, "table": put_frame(shop.objects, table)}
    [result] = shop.tasks.run([Call(recipe.predict, inputs, {"packages": dict(shop.packages)}, access, 1, TRAINING)])
    succeeded(result, "nothing could be predicted", path.name)
    return get_frame(shop.objects, result.outputs["predictions"])
