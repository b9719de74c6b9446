"""The registry: every model with its card. A model is named by the digest of its parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Table, select

from dure.access.act import Act, Found
from dure.base.canonical import canonical
from dure.base.errors import NotFound
from dure.base.types import Resource
from dure.store.database import Reader, chars, metadata
from dure.store.kinds import ACCESSION, CODE, DIGEST, PRINCIPAL, Event, EventKind, Insert, Op, list_of
from dure.store.objects import Objects

model = Table(
    "model",
    metadata,
    Column("id", chars(80), primary_key=True),
    Column("campaign", chars(80), nullable=False),
    Column("card", chars(80), nullable=False),
    Column("parameters", chars(80), nullable=False),
    Column("owner", chars(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
)


trained_model = Table(
    "trained_model",
    metadata,
    Column("id", chars(80), primary_key=True),
    Column("recipe", chars(96), nullable=False),
    Column("card", chars(80), nullable=False),
    Column("parameters", chars(80), nullable=False),
    Column("pictures", chars(80), nullable=False),
    Column("owner", chars(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("ix_trained_model_recipe", "recipe", "sequence"),
)


def _trained(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("recipe", "card", "parameters", "pictures", "owner")}
    return [Insert(trained_model, {"id": event.subject, "sequence": event.sequence, **row})]


def _registered(event: Event) -> list[Op]:
    row = {name: event.body[name] for name in ("campaign", "card", "parameters", "owner")}
    return [Insert(model, {"id": event.subject, "sequence": event.sequence, **row})]


KINDS = (
    EventKind(
        "model.registered",
        "model.register",
        {"campaign": DIGEST, "card": DIGEST, "owner": PRINCIPAL, "parameters": DIGEST},
        DIGEST,
        project=_registered,
        objects=("card", "parameters"),
    ),
    EventKind(
        "model.trained",
        "model.register",
        {
            "card": DIGEST,
            "owner": PRINCIPAL,
            "parameters": DIGEST,
            "pictures": DIGEST,
            "recipe": CODE,
            "sources": list_of(ACCESSION),
            "task": DIGEST,
        },
        DIGEST,
        project=_trained,
        objects=("card", "parameters", "pictures"),
    ),
)


@dataclass(frozen=True)
class Card:
    """What one has to know before using a model.

    Attributes:
        title: what it predicts, in a line, `{"en": …, "ko": …}`.
        property, unit: what its mean and sd are of; `direction` which way is better.
        method: what kind of model.
        trained_on: accessions; `terms` what using them obliges to (`access.terms.Terms.as_json`).
        training: number of values, and how they were chosen: not a random sample.
        split: how it was tested.
        metrics: beside those of the simple baselines.
        calibration: coverage of its intervals.
        domain: where it may be used.
        code, packages: what it was made with.
        caveats: what it must not be used for, `{"en": [...], "ko": [...]}`.
    """

    title: Mapping[str, str]
    property: str
    unit: str
    direction: str
    method: str
    trained_on: Sequence[str]
    terms: Mapping[str, Any] | None
    training: Mapping[str, Any]
    split: str
    metrics: Mapping[str, Any]
    calibration: Mapping[str, Any]
    domain: str
    code: str
    packages: Mapping[str, str]
    caveats: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The stored form."""
        return canonical({"kind": "dure.card", "v": 1, **self.__dict__})


def register(
    act: Act, objects: Objects, identifier: str, parameters: bytes, card: Card, campaign: str, owner: str
) -> str:
    """Registers a model once; the same parameters again are no work. Returns its id."""
    with act.read() as reader:
        if load(reader, identifier):
            return identifier
    act.require("model.register", Resource("model", identifier, {"state": "new", "owner": owner}))
    body = {
        "campaign": campaign,
        "card": objects.put(card.to_bytes()),
        "owner": owner,
        "parameters": objects.put(parameters),
    }
    with act.change() as change:
        change.record("model.registered", identifier, body, expect=None)
    return identifier


def load(reader: Reader, identifier: str) -> Found | None:
    """Loader of `access.act`: a model as it stands now."""
    row = reader.first(select(model).where(model.c.id == identifier)) or trained(reader, identifier)
    return (Resource("model", identifier, {"state": "registered", "owner": row.owner}), {}) if row else None


def find(reader: Reader, identifier: str) -> Any:
    """The row of a model."""
    row = reader.first(select(model).where(model.c.id == identifier))
    if row is None:
        raise NotFound(f"this hub has no model {identifier}")
    return row


def trained(reader: Reader, identifier: str) -> Any | None:
    """The row of a model that was trained by a recipe; None where there is none of this id."""
    return reader.first(select(trained_model).where(trained_model.c.id == identifier))


def trained_by(reader: Reader, recipe: str | None = None) -> Sequence[Any]:
    """The rows of trained models, newest first: all, or those of one recipe (`FIELD/MODEL`)."""
    query = select(trained_model).order_by(trained_model.c.sequence.desc())
    return reader.all(query if recipe is None else query.where(trained_model.c.recipe == recipe))


def card_of(objects: Objects, digest: str) -> Mapping[str, Any]:
    """A model's card."""
    value: Mapping[str, Any] = json.loads(objects.get(digest))
    return value
