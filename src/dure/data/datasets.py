"""Datasets: files with terms and provenance under a permanent accession made of their content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Table, UniqueConstraint, select

from dure.access.act import Act, Found
from dure.access.terms import Terms
from dure.base.canonical import canonical
from dure.base.errors import NotFound
from dure.base.ids import accession as make_accession
from dure.base.lifecycle import Lifecycle
from dure.base.types import Resource
from dure.store.database import Reader, chars, metadata
from dure.store.files import read_file
from dure.store.kinds import (
    ACCESSION,
    BOOLEAN,
    CODE,
    DIGEST,
    INTEGER,
    PRINCIPAL,
    Event,
    EventKind,
    Insert,
    Op,
    Update,
    one_of,
    optional,
)
from dure.store.objects import Objects

LIFECYCLE = Lifecycle(
    "dataset",
    "available",
    {"available": {"dataset.withdrawn": "withdrawn"}, "withdrawn": {}},
    {"available": "owner", "withdrawn": "nobody"},
)

dataset = Table(
    "dataset",
    metadata,
    Column("accession", chars(15), primary_key=True),
    Column("manifest", chars(80), nullable=False),
    Column("state", chars(12), nullable=False),
    Column("access", chars(12), nullable=False),
    Column("redistributable", Boolean, nullable=False),
    Column("embargo_until", BigInteger, nullable=False),
    Column("owner", chars(32), nullable=False),
    Column("source", chars(64)),
    Column("part", chars(64)),
    Column("sequence", BigInteger, nullable=False),
    UniqueConstraint("source", "part", "accession"),
)


@dataclass(frozen=True)
class DatasetFile:
    """One file of a dataset: its name, the manifest of its bytes, digest and size of the whole."""

    name: str
    manifest: str
    digest: str
    size: int


@dataclass(frozen=True)
class Dataset:
    """What a dataset is; its accession is made of exactly this.

    Attributes:
        title, title_ko: what it is, in a line.
        files: what it holds.
        terms: terms of use.
        provenance: where it comes from: source and package, or the accessions, code, seeds and packages behind it.
        owner: id of who answers for it.
    """

    title: str
    title_ko: str
    files: tuple[DatasetFile, ...]
    terms: Terms
    provenance: Mapping[str, Any]
    owner: str
    source: str | None = None
    part: str | None = None
    v: int = 1

    def to_bytes(self) -> bytes:
        files = [{"digest": f.digest, "manifest": f.manifest, "name": f.name, "size": f.size} for f in self.files]
        return canonical({"kind": "dure.dataset", **vars(self), "files": files, "terms": self.terms.as_json()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Dataset:
        value = json.loads(data)
        value.pop("kind")
        files = tuple(DatasetFile(**file) for file in value["files"])
        return cls(**{**value, "files": files, "terms": Terms.from_json(value["terms"])})

    @property
    def accession(self) -> str:
        """Permanent and citable; who deposits it does not change it."""
        content = json.loads(self.to_bytes())
        content.pop("owner")
        return make_accession("DS", content)


def _accessioned(event: Event) -> list[Op]:
    row = {
        name: event.body[name] for name in ("manifest", "access", "redistributable", "embargo_until", "source", "part")
    }
    more = {"accession": event.subject, "state": "available", "owner": event.body["owner"], "sequence": event.sequence}
    return [Insert(dataset, row | more)]


def _withdrawn(event: Event) -> list[Op]:
    return [Update(dataset, {"accession": event.subject}, {"state": "withdrawn"})]


KINDS = (
    EventKind(
        "dataset.accessioned",
        "dataset.deposit",
        {
            "access": one_of("open", "internal", "controlled"),
            "embargo_until": INTEGER,
            "manifest": DIGEST,
            "owner": PRINCIPAL,
            "part": optional(CODE),
            "redistributable": BOOLEAN,
            "source": optional(CODE),
        },
        ACCESSION,
        project=_accessioned,
        objects=("manifest",),
    ),
)


def deposit(act: Act, objects: Objects, described: Dataset, zone: tzinfo) -> str:
    """Gives a dataset its accession; the same content again keeps the one it has.

    Its files are durable objects before this is called.

    Args:
        zone: the hub's time zone: an embargo ends at midnight there.

    Returns:
        The accession.
    """
    identifier = described.accession
    with act.read() as reader:
        if load(reader, identifier):
            return identifier
    terms = described.terms.attributes(zone)
    act.require("dataset.deposit", Resource("dataset", identifier, {"state": "new", "owner": described.owner, **terms}))
    body = {
        **terms,
        "manifest": objects.put(described.to_bytes()),
        "owner": described.owner,
        "part": described.part,
        "source": described.source,
    }
    with act.change() as change:
        change.record("dataset.accessioned", identifier, body, expect=None)
    return identifier


def find(reader: Reader, identifier: str) -> Any:
    """The row of a dataset; `NotFound` when there is none."""
    row = reader.first(select(dataset).where(dataset.c.accession == identifier))
    if row is None:
        raise NotFound(f"this hub has no dataset {identifier}", remedy="list them with: dure datasets")
    return row


def find_part(reader: Reader, source: str, part: str) -> Any | None:
    """The newest dataset that was fetched as this part of this source, or None."""
    query = select(dataset).where(dataset.c.source == source, dataset.c.part == part, dataset.c.state == "available")
    return reader.first(query.order_by(dataset.c.sequence.desc()).limit(1))


def everything(reader: Reader) -> Sequence[Any]:
    """All rows, oldest first."""
    return reader.all(select(dataset).order_by(dataset.c.sequence))


def describe(objects: Objects, manifest: str) -> Dataset:
    """The description of a dataset by the digest of its manifest."""
    return Dataset.from_bytes(objects.get(manifest))


def read_member(objects: Objects, described: Dataset, name: str) -> bytes:
    """The bytes of one file of a dataset. Ask for the decision `dataset.read` first."""
    for file in described.files:
        if file.name == name:
            return read_file(objects, file.manifest)
    raise NotFound(
        f"the dataset has no file {name!r}", remedy=f"it has {', '.join(f.name for f in described.files[:10])}"
    )


def attributes(row: Any) -> dict[str, object]:
    """What a policy looks at."""
    return {name: getattr(row, name) for name in ("state", "owner", "access", "redistributable", "embargo_until")}


def load(reader: Reader, identifier: str) -> Found | None:
    """Loader of `access.act`: a dataset as it stands now."""
    row = reader.first(select(dataset).where(dataset.c.accession == identifier))
    if row is None:
        return None
    return Resource("dataset", identifier, attributes(row)), {}
