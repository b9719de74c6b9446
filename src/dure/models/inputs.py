"""What a task that learns from a table or from fetched sources is given, and what its failure says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from dure.access.act import Act
from dure.base.errors import BadInput, Unavailable
from dure.compute.record import Result, Tasks
from dure.data import datasets
from dure.data.sourcefiles import read_source, source_row
from dure.data.tables import file_bytes, read_table
from dure.data.usertable import UserTable
from dure.models.columns import checked
from dure.models.recipe import Column, Format
from dure.store.frames import put_frame
from dure.store.objects import Objects


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


def own_table(
    shop: Workshop,
    owner: str,
    path: Path,
    columns: Sequence[Column],
    titles: tuple[str, str],
    formats: Mapping[str, Format] | None = None,
) -> tuple[dict[str, str], list[datasets.Dataset]]:
    """The user's rows as the input `table`, and the dataset that the file makes: deposited when something came of it.

    Args:
        columns: that the table must hold, with their units.
        titles: of the dataset, in English and Korean.
        formats: what else than a table may stand for it, by suffix.

    Raises:
        BadInput, RowErrors: a column is missing, carries no unit, or holds what cannot be.
    """
    read, paths = read_own(path, formats or {})
    table = checked(read, columns)
    own = datasets.own_files(shop.objects, paths, owner, *titles)
    return {"table": put_frame(shop.objects, table)}, [own]


def read_own(path: Path, formats: Mapping[str, Format]) -> tuple[UserTable, list[Path]]:
    """The table that a user's file holds or stands for, and all files that it was read from.

    Raises:
        NotFound: the file, or one that must lie beside it, is not there.
        BadInput, RowErrors: what it holds is no table.
    """
    found = formats.get(path.suffix.lower())
    if found is None:
        return read_table(path), [path]
    beside = [path.with_suffix(suffix) for suffix in found.needed]
    beside += [other for suffix in found.optional if (other := path.with_suffix(suffix)).exists()]
    paths = [path, *beside]
    return found.read(path.name, {each.suffix.lower(): file_bytes(each) for each in paths}), paths


def source_files(
    shop: Workshop, reads: Sequence[tuple[str, str, str]]
) -> tuple[dict[str, str], list[datasets.Dataset]]:
    """Files of fetched sources as inputs, each read by a decision; and the datasets that they belong to.

    Raises:
        NotFound: a source is not fetched; the error names the command.
    """
    act = shop.act("system:data")
    inputs: dict[str, str] = {}
    held: dict[str, datasets.Dataset] = {}
    for source, part, file in reads:
        row = source_row(act, source, part)
        held[row.accession] = datasets.describe(shop.objects, row.manifest)
        inputs[f"{source}/{part}/{file}"] = shop.objects.put(read_source(act, shop.objects, source, part, file))
    return inputs, list(held.values())


def succeeded(result: Result, what: str, where: str) -> None:
    """Raises what a task said of its input in its own words, and any other failure as one of ours.

    Raises:
        BadInput: the input cannot be used.
        Unavailable: the task failed otherwise.
    """
    if result.failure is not None and result.reason == "input":
        raise BadInput(result.failure.what, where=where, remedy=result.failure.remedy)
    if result.failed is not None:
        raise Unavailable(f"{what}: {result.failed}", where=where)
