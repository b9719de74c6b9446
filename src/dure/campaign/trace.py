"""From any value, candidate, order, model or dataset down to the source row, its licence, and the ledger's proof.

A chain is a tree of links. Whatever is asked for, its leaves are rows of a dataset whose file was read again and whose
digest was verified just now. Values on a plate that is still sealed are not shown: of such rows the structure alone is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sqlalchemy import select

from dure.base.errors import BadInput, Corrupt, NotFound
from dure.base.types import Resource
from dure.campaign import journal
from dure.campaign.imported import IMPORTED, Record, import_events, place_of, record_of
from dure.campaign.run import Parts
from dure.campaign.setup import Setup
from dure.campaign.sourcerows import SourceRows
from dure.campaign.state import State, fold
from dure.data import datasets, evidence
from dure.lab import replay
from dure.lab.orders import lab_order
from dure.models import registry as models
from dure.store.database import Reader
from dure.store.frames import get_frame
from dure.store.kinds import Event
from dure.store.ledger import Ledger, ledger_event
from dure.store.merkle import leaf_hash, verify_inclusion
from dure.store.notes import SignedCheckpoint

PREFIX = 8
"""Characters of a digest that are enough to ask with."""
_SOURCE = re.compile(r"(DS-[0-9A-Z]{12})/(.+)#(\d+(?:,\d+)*)")
_VALUE = re.compile(r"b3:[0-9a-f]{64}/\d+")


@dataclass(frozen=True)
class Link:
    """One thing in the chain and what it rests on.

    Attributes:
        what: `value`, `candidate`, `order`, `plate`, `result-file`, `source-row`, `dataset`, `prediction`, `model`,
            `trained-model`, `campaign` or `event`.
        id: its name.
        facts: what it says, plain values.
        below: what it rests on.
    """

    what: str
    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    below: tuple[Link, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"what": self.what, "id": self.id, **self.facts, "below": [link.as_json() for link in self.below]}

    def walk(self) -> Iterator[Link]:
        """Itself and everything below it."""
        yield self
        for link in self.below:
            yield from link.walk()


def trace(parts: Parts, ledger: Ledger, principal: str, text: str) -> Link:
    """The chain of a candidate, value (`FRAME/ROW`), source row, order, model, dataset or campaign.

    Args:
        principal: who asks; they need `report.read`, and `dataset.read` for the cells of source rows.
        text: its id, or the beginning of a digest.

    Raises:
        NotFound: nothing of this name is in the hub.
        BadInput: several things begin so.
    """
    parts.act(principal).require("report.read", Resource("report", text.partition("/")[0]))
    return _Tracer(parts, ledger, principal).of(text)


class _Tracer:
    def __init__(self, parts: Parts, ledger: Ledger, principal: str) -> None:
        self.parts, self.ledger, self.principal = parts, ledger, principal
        self._campaigns: dict[str, _Campaign] = {}
        self._rows = SourceRows(parts, principal)

    def of(self, text: str) -> Link:
        source = _SOURCE.fullmatch(text)
        if source:
            return self.source(source[1], source[2], [int(row) for row in source[3].split(",")])
        if _VALUE.fullmatch(text):
            return self.value(text)
        if re.fullmatch(r"DS-[0-9A-Z]{12}", text):
            return self.dataset(text)
        kind, identifier = self._resolve(text)
        makers: dict[str, Callable[[str], Link]] = {
            "campaign": self.campaign,
            "model": self.model,
            "trained-model": self.trained_model,
            "order": self.order,
            "candidate": self.candidate,
            "result-file": self.file,
        }
        return makers[kind](identifier)

    def _resolve(self, text: str) -> tuple[str, str]:
        start = "b3:" + text.removeprefix("b3:")
        columns = {
            "campaign": journal.campaign.c.id,
            "model": models.model.c.id,
            "trained-model": models.trained_model.c.id,
            "order": lab_order.c.key,
            "candidate": lab_order.c.candidate,
            "result-file": ledger_event.c.subject,
        }
        found: dict[tuple[str, str], None] = {}
        if len(start) >= 3 + PREFIX:
            with self._read() as reader:
                for kind, column in columns.items():
                    query = select(column).where(column >= start, column < start + "g").distinct().order_by(column)
                    if column is ledger_event.c.subject:
                        query = query.where(ledger_event.c.kind == IMPORTED)
                    found |= {(kind, row[0]): None for row in reader.all(query.limit(5))}
                rows = journal.everything(reader)
            if not found:
                pools = (c for row in rows for c in self._campaign(row.id).beginning(start))
                found = {("candidate", candidate): None for candidate in pools}
        if not found:
            named = self._named(text)
            if named is None:
                raise NotFound(
                    f"nothing in this hub is called {text!r}",
                    remedy=f"give a candidate, order, model, campaign or dataset id ({PREFIX} characters of a digest "
                    "at least), or a value as FRAME/ROW",
                )
            return "campaign", named
        if len(found) > 1:
            listed = ", ".join(f"{kind} {identifier[3:23]}" for kind, identifier in found)
            raise BadInput(f"{text!r} begins several ids", remedy=f"give more of it: {listed}")
        return next(iter(found))

    def _named(self, text: str) -> str | None:
        with self._read() as reader:
            return next((row.id for row in reversed(journal.everything(reader)) if row.name == text), None)

    def _read(self) -> Any:
        return self.parts.act(self.principal).read()

    def _campaign(self, identifier: str) -> _Campaign:
        if identifier not in self._campaigns:
            self._campaigns[identifier] = _Campaign(self.parts, identifier)
        return self._campaigns[identifier]

    def candidate(self, identifier: str) -> Link:
        """What every campaign that knows it found out about it, and where its structure comes from."""
        below: list[Link] = []
        forms: dict[str, Any] = {}
        with self._read() as reader:
            campaigns = journal.everything(reader)
        for row in campaigns:
            campaign = self._campaign(row.id)
            if identifier not in campaign.origin and identifier not in campaign.proposed:
                continue
            forms |= campaign.form(identifier)
            below += [self.value(name, slim=True) for name, _ in self._about(row.id, identifier)]
            below += self._structure(campaign, identifier)
        return Link("candidate", identifier, forms, _once(below))

    def _about(self, campaign: str, candidate: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Evidence about a candidate, that of the laboratory first."""
        with self._read() as reader:
            frames = evidence.frames_of(reader, campaign)
        found = evidence.about(self.parts.objects, frames, candidate)
        return sorted(found, key=lambda pair: pair[1]["kind"] != "measured")

    def _structure(self, campaign: _Campaign, candidate: str) -> list[Link]:
        """The dataset rows that a candidate was made from."""
        rows = campaign.origin.get(candidate)
        setup = campaign.setup
        if not rows or setup.dataset is None or setup.file is None:
            return []
        return [self.source(setup.dataset, setup.file, rows)]

    def value(self, name: str, *, slim: bool = False) -> Link:
        """One row of evidence. `slim` leaves out what its siblings in a candidate's chain say already."""
        row = evidence.value_at(self.parts.objects, name)
        frame = name.rpartition("/")[0]
        with self._read() as reader:
            table = evidence.evidence
            held = reader.all(select(table).where(table.c.frame == frame).order_by(table.c.sequence))
        if not held:
            raise NotFound("this frame was never recorded as evidence", where=frame)
        facts = {key: _plain(value) for key, value in row.items() if value is not None}
        below: list[Link] = []
        campaign = self._campaign(held[0].campaign)
        if row["kind"] in ("measured", "simulated"):
            facts |= self._in_laboratory(campaign, row)
            below += self._measured(campaign, row, frame)
            if row["kind"] == "simulated":
                below += self._events(row["source"])  # its task
        elif row["source"] == held[0].campaign:
            below += self._predicted(campaign, frame)
        below += [self._event(held[0].sequence)]
        if not slim:
            below += [*self._structure(campaign, row["candidate"]), self.campaign(held[0].campaign)]
        return Link("value", name, facts, _once(below))

    def _measured(self, campaign: _Campaign, row: Mapping[str, Any], frame: str) -> list[Link]:
        with self._read() as reader:
            query = select(lab_order.c.key).where(
                lab_order.c.campaign == campaign.identifier,
                lab_order.c.candidate == row["candidate"],
                lab_order.c.frame == frame,
            )
            keys = [found.key for found in reader.all(query.order_by(lab_order.c.key))]
        links = [self.order(key, campaign, inside=True) for key in keys]
        return [*links, *self._files(campaign, keys, where=row["source"]), *self._sources(row)]

    def _in_laboratory(self, campaign: _Campaign, row: Mapping[str, Any]) -> dict[str, Any]:
        """Plate, wells, sample, flags and curves behind a value that people measured; empty for any other."""
        found = next(
            (
                (record, measured)
                for _, record in reversed(campaign.imports)
                for measured in record["measured"]
                if measured["candidate"] == row["candidate"] and measured["source"] == row["source"]
            ),
            None,
        )
        if found is None:
            return {}
        record, measured = found
        place = place_of(measured["source"])
        verdicts = {plate["plate"]: plate["verdict"] for plate in record["plates"]}
        facts = {**place, "verdict": verdicts.get(place.get("plate")), **measured["sample"]}
        facts |= {"flags": measured["flags"], "curves": [_curve(curve) for curve in measured["curves"]]}
        return {"laboratory": {name: fact for name, fact in facts.items() if fact not in (None, "")}}

    def _files(self, campaign: _Campaign, keys: Sequence[str], *, where: str) -> list[Link]:
        """The laboratory's result files that answered these orders, as they came; their bytes are verified here."""
        answered = [
            event
            for event, record in campaign.imports
            if any(measured["order"] in keys for measured in record["measured"])
        ]
        return [self._file(event, where=where) for event in answered]

    def file(self, digest: str) -> Link:
        """A result file with the verdicts on its plates, and the campaign whose orders it answers."""
        with self._read() as reader:
            event = [e for e in import_events(self.parts, reader) if e.subject == digest][-1]
        record = record_of(self.parts, event)
        shown = ("plate", "verdict", "zprime", "signal_window", "reasons", "flags", "reference")
        facts = {
            "plates": [{name: plate[name] for name in shown} for plate in record["plates"]],
            "msr": record["msr"],
            "measured": len(record["measured"]),
            "failed": [{name: f[name] for name in ("order", "code", "reason")} for f in record["failed"]],
        }
        link = self._file(event, **facts)
        return replace(link, below=(*link.below, self.campaign(event.body["campaign"])))

    def _file(self, event: Event, **facts: Any) -> Link:
        size = len(self.parts.objects.get(event.body["file"]))
        facts = {"bytes": size, "verified": True, "record": event.body["record"], **facts}
        return Link("result-file", event.body["file"], facts, (self._event(event.sequence),))

    def _sources(self, row: Mapping[str, Any]) -> list[Link]:
        source = _SOURCE.fullmatch(str(row.get("source") or ""))
        return [self.source(source[1], source[2], [int(n) for n in source[3].split(",")])] if source else []

    def _predicted(self, campaign: _Campaign, frame: str) -> list[Link]:
        """The strategy, and the measured values it had when it foretold these."""
        turn = next((r for r in campaign.state.rounds if frame in r.predictions), None)
        if turn is None:
            return []
        known = {m.candidate for r in campaign.state.rounds if r.number < turn.number for m in r.results or ()}
        rows = [(name, row) for name, row in campaign.measured if row["candidate"] in known]
        problem = campaign.setup.problem
        facts = {
            "strategy": problem.strategy["name"],
            "round": turn.number,
            "values": len(rows),
            "training": [{"trace": name, "candidate": row["candidate"], "value": row["value"]} for name, row in rows],
        }
        below = tuple(self._all_sources(row for _, row in rows))
        return [Link("prediction", f"{problem.strategy['name']}@round-{turn.number}", facts, below)]

    def _all_sources(self, rows: Iterable[Mapping[str, Any]]) -> list[Link]:
        """The source rows of many values, one link a file."""
        by_file: dict[tuple[str, str], set[int]] = {}
        for row in rows:
            source = _SOURCE.fullmatch(row["source"] or "")
            if source:
                by_file.setdefault((source[1], source[2]), set()).update(map(int, source[3].split(",")))
        return [self.source(accession, file, sorted(n)) for (accession, file), n in sorted(by_file.items())]

    def order(self, key: str, campaign: _Campaign | None = None, *, inside: bool = False) -> Link:
        """An order, its plate and what happened to it; with its values unless the asker comes from one."""
        with self._read() as reader:
            row = reader.first(select(lab_order).where(lab_order.c.key == key))
        assert row is not None
        campaign = campaign or self._campaign(row.campaign)
        facts = {name: getattr(row, name) for name in ("state", "candidate", "replicate", "round", "assay")}
        facts |= {"reason": row.reason} if row.reason else {}
        facts |= {"driver": campaign.setup.problem.lab["driver"], "campaign": row.campaign}
        below = [*self._plate(row.campaign), *self._events(key)]
        if not inside:
            values = [
                n for n, r in campaign.measured if r["candidate"] == row.candidate and n.startswith(row.frame or "-")
            ]
            below += [self.value(name, slim=True) for name in values]
            below += self._structure(campaign, row.candidate)
        return Link("order", key, facts, tuple(below))

    def _plate(self, campaign: str) -> list[Link]:
        with self._read() as reader:
            plate = replay.plate_of(reader, campaign)
        if plate is None:
            return []
        facts = {"state": plate.state, "wells": plate.wells, "dataset": plate.source}
        return [Link("plate", plate.id, facts, (self._event(plate.sequence),))]

    def source(self, accession: str, file: str, rows: Sequence[int]) -> Link:
        """Rows of a dataset's file, read again from its verified bytes."""
        found = self._rows.read(accession, file, rows)
        facts = {"file": file, "rows": list(rows), "digest": found.digest, "verified": True, "sealed": found.sealed}
        # Rows of a campaign's results say themselves which rows they were made from.
        deeper = [link for cells in found.cells or () for link in self._sources(cells)]
        name = f"{accession}/{file}#{','.join(map(str, rows))}"
        return Link("source-row", name, {**facts, "cells": found.cells}, _once([*deeper, self.dataset(accession)]))

    def dataset(self, accession: str) -> Link:
        """A dataset with its package, licences and obligations; of a campaign's results, the campaign too.

        Of the findings of an analysis, the datasets and the model that they were made from.
        """
        with self._read() as reader:
            row = datasets.find(reader, accession)
        described = datasets.describe(self.parts.objects, row.manifest)
        terms, came = described.terms, dict(described.provenance)
        facts = {
            "title": described.title,
            "title_ko": described.title_ko,
            "licence": terms.licence,
            "licence_package": terms.licence_package,
            "obligations": sorted(terms.obligations),
            "citation": list(terms.citation),
            "codes": [code.shorthand for code in terms.codes],
            "provenance": {name: value for name, value in came.items() if name != "inside"},
        }
        below = [self._event(row.sequence)]
        if "analysis" in came:
            below += [self.dataset(each) for each in came["derived_from"]]
            below += [self.trained_model(came["model"])] if "model" in came else []
        elif "campaign" in came:
            below.append(self.campaign(came["campaign"]))
        return Link("dataset", accession, facts, tuple(below))

    def model(self, identifier: str) -> Link:
        """A model with its card, the campaign behind it and the rows that it learnt from."""
        with self._read() as reader:
            row = models.find(reader, identifier)
        card = models.card_of(self.parts.objects, row.card)
        campaign = self._campaign(row.campaign)
        shown = ("property", "unit", "direction", "method", "training", "split", "domain", "code", "packages")
        facts = {name: card[name] for name in shown} | {"values": [name for name, _ in campaign.measured]}
        below = self._all_sources(value for _, value in campaign.measured)
        return Link("model", identifier, facts, (*below, self._event(row.sequence), self.campaign(row.campaign)))

    def trained_model(self, identifier: str) -> Link:
        """A model that a recipe trained, with its card and the datasets that it learnt from."""
        with self._read() as reader:
            row = models.trained(reader, identifier)
        assert row is not None
        card = models.card_of(self.parts.objects, row.card)
        shown = (
            "property",
            "unit",
            "direction",
            "method",
            "training",
            "split",
            "metrics",
            "domain",
            "code",
            "packages",
        )
        facts = {"recipe": row.recipe, **{name: card[name] for name in shown}}
        below = [self.dataset(accession) for accession in card["trained_on"]]
        return Link("trained-model", identifier, facts, (*below, self._event(row.sequence)))

    def campaign(self, identifier: str) -> Link:
        """What was asked, with which code, packages and seed; and the datasets it began from."""
        campaign = self._campaign(identifier)
        setup = campaign.setup
        facts = {
            "title": dict(setup.title),
            "name": setup.problem.name,
            "problem": setup.problem.digest,
            "strategy": dict(setup.problem.strategy),
            "seed": setup.problem.seed,
            "code": f"dure {setup.code}",
            "packages": dict(setup.packages),
            "sources": list(setup.sources),
        }
        return Link("campaign", identifier, facts, (self._event(campaign.sequence),))

    def _events(self, subject: str) -> list[Link]:
        table = ledger_event.c
        with self._read() as reader:
            query = select(table.sequence).where(table.subject == subject).order_by(table.sequence)
            return [self._event(row.sequence) for row in reader.all(query)]

    def _event(self, sequence: int) -> Link:
        """An event of the ledger with its proof of inclusion in the newest signed checkpoint, checked here."""
        table = ledger_event.c
        with self._read() as reader:
            leaf = bytes(reader.scalar(select(table.leaf).where(table.sequence == sequence)))
        event = json.loads(leaf)
        facts = {name: event[name] for name in ("kind", "time", "actor")} | self._proof(sequence, leaf)
        return Link("event", str(sequence), facts)

    def _proof(self, sequence: int, leaf: bytes) -> dict[str, Any]:
        newest = self._newest
        if newest is None or newest.size <= sequence:
            return {"checkpoint": None, "proven": False}
        proof = self.ledger.inclusion(sequence, newest.size)
        if not verify_inclusion(leaf_hash(leaf), sequence, newest.size, proof, newest.root):
            raise Corrupt(
                f"event {sequence} is not the one that the checkpoint of {newest.size} events covers",
                remedy="find what was altered with: dure doctor",
            )
        path = [node.hex() for node in proof]
        return {"checkpoint": newest.size, "root": newest.root.hex(), "proof": path, "proven": True}

    @cached_property
    def _newest(self) -> Any:
        checkpoints = self.ledger.checkpoints()
        return SignedCheckpoint.parse(checkpoints[-1][1]).checkpoint if checkpoints else None


class _Campaign:
    """One campaign as its objects tell it, read once."""

    def __init__(self, parts: Parts, identifier: str) -> None:
        self._parts, self.identifier = parts, identifier
        with self._read() as reader:
            row = journal.find(reader, identifier)
        self.sequence: int = row.sequence
        self.setup = Setup.from_bytes(parts.objects.get(row.setup))

    def _read(self) -> Any:
        return self._parts.act("system:campaign").read()

    @cached_property
    def state(self) -> State:
        reader: Reader
        with self._read() as reader:
            steps = journal.Journal(self._parts.objects, self._parts.registry, self.identifier).read(reader)
        return fold(steps)

    @cached_property
    def imports(self) -> list[tuple[Event, Record]]:
        """The result files taken in for it, and what was made of each, oldest first."""
        with self._read() as reader:
            events = import_events(self._parts, reader, self.identifier)
        return [(event, record_of(self._parts, event)) for event in events]

    @cached_property
    def proposed(self) -> frozenset[str]:
        """Ids of everything that was ever proposed."""
        return frozenset(c for turn in self.state.rounds for ids in turn.proposals for c in ids)

    @cached_property
    def origin(self) -> dict[str, list[int]]:
        """Candidate id -> numbers of the dataset rows it was made from."""
        rows: dict[str, list[int]] = {}
        if self.setup.rows is not None:
            table = get_frame(self._parts.objects, self.setup.rows, ["candidate", "row"])
            for candidate, row in zip(table["candidate"].to_pylist(), table["row"].to_pylist(), strict=True):
                if candidate is not None:
                    rows.setdefault(candidate, []).append(row)
        return rows

    def beginning(self, start: str) -> list[str]:
        """Candidates of its pool or proposals whose id begins so."""
        return sorted(c for c in {*self.origin, *self.proposed} if c.startswith(start))

    def form(self, candidate: str) -> dict[str, Any]:
        """How the candidate is written."""
        if self.setup.pool is None:
            return {}
        import pyarrow.compute as pc

        table = get_frame(self._parts.objects, self.setup.pool, ["id", "form"])
        found = table.filter(pc.equal(table["id"], candidate))["form"].to_pylist()
        return {"form": json.loads(found[0])} if found else {}

    @cached_property
    def measured(self) -> list[tuple[str, Mapping[str, Any]]]:
        """(trace id, row) of all that its laboratory measured, in order."""
        with self._read() as reader:
            frames = [row.frame for row in evidence.frames_of(reader, self.identifier) if row.kind == "measured"]
        tables = ((frame, get_frame(self._parts.objects, frame).to_pylist()) for frame in frames)
        return [(f"{frame}/{i}", row) for frame, rows in tables for i, row in enumerate(rows)]


def _once(links: Sequence[Link]) -> tuple[Link, ...]:
    """Each thing once, where it stands first."""
    found: dict[tuple[str, str], Link] = {}
    for link in links:
        found.setdefault((link.what, link.id), link)
    return tuple(found.values())


def _curve(curve: Mapping[str, Any]) -> dict[str, Any]:
    """A replicate's curve as the record has it, without what is not known (a censored one has no errors)."""
    return {name: value for name, value in curve.items() if value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
