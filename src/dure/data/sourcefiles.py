"""Files of fetched sources and of the user's own datasets, read by the hub for a simulator, a check or a training.

Each read is a decision. `("dataset", ACCESSION, file)` names a file of a dataset that somebody deposited.
"""

from __future__ import annotations

from typing import Any

from dure.access.act import Act
from dure.base.errors import NotFound
from dure.base.types import Resource
from dure.data import datasets
from dure.store.objects import Objects

OWN = "dataset"


def source_row(act: Act, source: str, part: str) -> Any:
    """The dataset that a part of a source became; `NotFound` names the command that fetches it."""
    with act.read() as reader:
        if source == OWN:
            return datasets.find(reader, part)
        row = datasets.find_part(reader, source, part)
    if row is None:
        raise NotFound(f"the source {source} is not in this hub", remedy=f"fetch it with: dure fetch {source}")
    return row


def read_source(act: Act, objects: Objects, source: str, part: str, name: str) -> bytes:
    """The bytes of one file of a fetched source."""
    row = source_row(act, source, part)
    act.require("dataset.read", Resource("dataset", row.accession))
    return datasets.read_member(objects, datasets.describe(objects, row.manifest), name)
