"""Datasets: files with terms and provenance under a permanent accession made of their content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Table, UniqueConstraint, select

from dure.access.act import Act, Found
from dure.access.terms import Code, Terms
from dure.base.canonical import canonical
from dure.base.errors import BadInput, Conflict, NotFound
from dure.base.ids import accession as make_accession
from dure.base.lifecycle import Lifecycle
from dure.base.types import Resource
from dure.store.database import Reader, chars, metadata
from dure.store.files import put_files, read_file, read_manifest, read_range
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

WITHDRAWN_FOR = ("consent", "error", "rights", "superseded", "other")
"""Why a dataset can be withdrawn: consent was taken back, it is wrong, somebody's rights, a better one, all else."""

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
    EventKind("dataset.exported", "dataset.export", {"manifest": DIGEST}, ACCESSION),
    EventKind(
        "dataset.withdrawn", "dataset.withdraw", {"reason": one_of(*WITHDRAWN_FOR)}, ACCESSION, project=_withdrawn
    ),
)


def deposit(act: Act, objects: Objects, described: Dataset, zone: tzinfo) -> str:
    """Gives a dataset its accession; the same content again keeps the one it has.

    Its files are durable objects before this is called.

    Args:
        zone: the hub's time zone: an embargo ends at midnight there.

    Returns:
        The accession.

    Raises:
        Conflict: it was deposited before and withdrawn.
    """
    identifier = described.accession
    with act.read() as reader:
        held = load(reader, identifier)
    if held is not None:
        if held[0].attributes["state"] == "withdrawn":
            raise Conflict("this dataset was withdrawn", where=identifier, remedy="deposit a corrected one")
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


def withdraw(act: Act, identifier: str, reason: str) -> None:
    """Takes a dataset out of all use from now on; its accession stays and says so.

    Args:
        reason: one of `WITHDRAWN_FOR`.

    Raises:
        NotFound: there is no such dataset.
    """
    with act.read() as reader:
        find(reader, identifier)
    act.require("dataset.withdraw", Resource("dataset", identifier))
    with act.change() as change:
        change.record("dataset.withdrawn", identifier, {"reason": reason})


def export(act: Act, objects: Objects, identifier: str, folder: Path) -> list[Path]:
    """Writes a dataset's files into a new folder, with `dataset.json` that says what it is and on what terms.

    That it leaves the hub is recorded before its first byte does.

    Raises:
        BadInput: the folder is there already.
        NotFound: there is no such dataset.
    """
    with act.read() as reader:
        row = find(reader, identifier)
    act.require("dataset.export", Resource("dataset", identifier))
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise BadInput("the folder is there already", where=str(folder), remedy="name a new one") from None
    with act.change() as change:
        change.record("dataset.exported", identifier, {"manifest": row.manifest})
    described = describe(objects, row.manifest)
    about = {"accession": identifier, **json.loads(described.to_bytes())}
    written = [folder / "dataset.json", *(folder / file.name for file in described.files)]
    written[0].write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", "utf-8")
    for path, file in zip(written[1:], described.files, strict=True):
        with path.open("wb") as sink:
            for piece in read_range(objects, read_manifest(objects, file.manifest)):
                sink.write(piece)
    return written


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


OWN_TERMS = Terms((Code("NRES"),), "LicenseRef-own", access="internal", obligations=frozenset({"no-redistribution"}))
"""Terms of what its owner brings without saying more: for use in this hub, and not to be handed on."""


def own_files(objects: Objects, paths: Sequence[Path], owner: str, title: str, title_ko: str) -> Dataset:
    """The dataset that a user's files make, their bytes stored; nothing names it until it is deposited."""
    files = []
    for path, manifest in put_files(objects, paths).items():
        held = read_manifest(objects, manifest)
        files.append(DatasetFile(path.name, manifest, held.digest, held.size))
    return Dataset(
        title=title,
        title_ko=title_ko,
        files=tuple(files),
        terms=OWN_TERMS,
        provenance={"file": "given by its owner"},
        owner=owner,
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
