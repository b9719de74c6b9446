"""Files of fetched sources and of the user's own datasets, read by the hub for a simulator or a check.

Each read is a decision. `("dataset", ACCESSION, file)` names a file of a dataset that somebody deposited.
"""

from __future__ import annotations

from typing import Any

from dure.base.errors import NotFound
from dure.base.types import Resource
from dure.campaign.run import Parts
from dure.data import datasets

OWN = "dataset"


def source_row(parts: Parts, source: str, part: str) -> Any:
    """The dataset that a part of a source became; `NotFound` names the command that fetches it."""
    with parts.act("system:data").read() as reader:
        if source == OWN:
            return datasets.find(reader, part)
        row = datasets.find_part(reader, source, part)
    if row is None:
        raise NotFound(f"the source {source} is not in this hub", remedy=f"fetch it with: dure fetch {source}")
    return row


def read_source(parts: Parts, source: str, part: str, name: str) -> bytes:
    """The bytes of one file of a fetched source."""
    row = source_row(parts, source, part)
    parts.act("system:data").require("dataset.read", Resource("dataset", row.accession))
    return datasets.read_member(parts.objects, datasets.describe(parts.objects, row.manifest), name)
