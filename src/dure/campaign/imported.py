"""What was made of a laboratory's result files, as the ledger keeps it: plates, curves, flags, failures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from dure.campaign.run import Parts
from dure.store.database import Reader
from dure.store.kinds import Event
from dure.store.ledger import ledger_event

IMPORTED = "result.imported"
Record = Mapping[str, Any]
_PLACE = re.compile(r"(?:(?P<plate>.+):(?P<wells>[A-Z]+\d+(?:,[A-Z]+\d+)*); )?rows (?P<rows>.+)")


def import_events(parts: Parts, reader: Reader, campaign: str | None = None) -> list[Event]:
    """The files taken in for a campaign, or for all, oldest first; a file whose import was killed may stand twice."""
    table = ledger_event.c
    rows = reader.all(select(table.leaf).where(table.kind == IMPORTED).order_by(table.sequence))
    events = [parts.registry.read(json.loads(bytes(row.leaf))) for row in rows]
    return [event for event in events if campaign in (None, event.body["campaign"])]


def record_of(parts: Parts, event: Event) -> Record:
    """What was made of a file: the fields of `dure.lab.results.Results`, None for what is no number."""
    record: Record = json.loads(parts.objects.get(event.body["record"]))
    return record


def plates_of(records: Sequence[Record]) -> Iterator[tuple[int, Record]]:
    """Each plate as it was judged last, with the number of its record, in the order in which plates first came.

    A plate stands in several records where an import was killed before its orders were taken in.
    """
    found = {plate["plate"]: (i, plate) for i, record in enumerate(records) for plate in record["plates"]}
    yield from found.values()


def place_of(source: str) -> dict[str, str]:
    """The `plate` and `wells` of a measured value where it has them, and the `rows` of its file.

    >>> place_of("1A2B-R01-01:C03,C04; rows 2-3")
    {'plate': '1A2B-R01-01', 'wells': 'C03,C04', 'rows': '2-3'}
    >>> place_of("rows 4")
    {'rows': '4'}
    """
    found = _PLACE.fullmatch(source)
    return {name: part for name, part in found.groupdict().items() if part} if found else {}
