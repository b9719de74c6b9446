"""PLINK 1 binary files as the table that `agrifood/genomic` learns from and predicts on.

The format is that of Purcell et al. (2007), Am. J. Hum. Genet. 81:559: a .fam line an individual, a .bim line a marker,
and in the .bed three bytes, then two bits a genotype, four genotypes a byte from the low bits up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.data.usertable import UserTable

NEEDED = (".bed", ".bim", ".fam")
TRAITS = ".pheno"
"""Beside the three, where it is there: traits (and environments) of their own, instead of the last column of .fam."""
PREFIX = "snp:"
"""Of a marker's column; then its name, `/` and the allele that is counted."""
MISSING = -9
MAGIC = b"\x6c\x1b"
# Copies of allele 1 by the two bits: both, missing, one, none.
COPIES = np.array([2, MISSING, 1, 0], dtype=np.int8)


@dataclass(frozen=True)
class Individual:
    """A line of a .fam: family, name, and the trait (None where it is missing)."""

    family: str
    name: str
    trait: float | None


def read_plink(name: str, files: Mapping[str, bytes]) -> UserTable:
    """The individuals of a data set as rows: `family`, `trait`, `environment` where known, and a column a marker.

    Dosages count the allele that comes first in the alphabet, whichever the file calls allele 1: PLINK calls the rarer
    one so, and two samples of one breed may disagree on which that is. Missing calls are -9. Where no individual has a
    trait there is no column `trait`; an individual without one has an empty cell.

    Args:
        name: of the .bed file, for messages.
        files: suffix -> bytes: `NEEDED`, and where there is one `TRAITS`.

    Raises:
        BadInput: the bytes are not what their suffix says, or the files are not of one data set.
    """
    stem = name.removesuffix(".bed")
    people = individuals(files[".fam"], f"{stem}.fam")
    markers = columns_of(files[".bim"], f"{stem}.bim")
    copies = dosages(files[".bed"], len(people), len(markers), name)
    environments: list[str] = []
    if TRAITS in files:
        people, environments = _with_traits(people, files[TRAITS], f"{stem}{TRAITS}")
    told: dict[str, pa.Array] = {"family": pa.array([one.family for one in people])}
    if any(one.trait is not None for one in people):
        told["trait"] = pa.array([one.trait for one in people], pa.float64())
    if environments:
        told["environment"] = pa.array(environments)
    for j, (column, flipped) in enumerate(markers):
        own = copies[:, j]
        told[column] = pa.array(np.where(own == MISSING, MISSING, 2 - own).astype(np.int8) if flipped else own)
    return UserTable(pa.table(told), np.arange(1, len(people) + 1), name, "binary")


def dosages(data: bytes, individuals: int, markers: int, where: str) -> NDArray[np.int8]:
    """Copies of allele 1, shape (individuals, markers), -9 where missing.

    Raises:
        BadInput: no .bed file, or not of as many individuals and markers.
    """
    if data[:2] != MAGIC or data[2:3] not in (b"\x00", b"\x01"):
        raise BadInput(
            "this is no PLINK 1 .bed file: its first three bytes say so",
            where=where,
            remedy="write it with: plink --make-bed",
        )
    by_marker = data[2] == 1
    lines, each = (markers, individuals) if by_marker else (individuals, markers)
    width = -(-each // 4)
    if len(data) != 3 + lines * width:
        raise BadInput(
            f"{individuals} individuals and {markers} markers are {3 + lines * width} bytes, and the file has "
            f"{len(data)}",
            where=where,
            remedy="give the .bed, .bim and .fam of one data set, each whole",
        )
    packed = np.frombuffer(data, np.uint8, offset=3).reshape(lines, width)
    pairs = np.stack([(packed >> shift) & 3 for shift in (0, 2, 4, 6)], axis=-1).reshape(lines, 4 * width)[:, :each]
    found = COPIES[pairs]
    return np.ascontiguousarray(found.T) if by_marker else found


def individuals(data: bytes, where: str) -> list[Individual]:
    """The lines of a .fam: family, name, father, mother, sex, trait. A family 0 is none: the individual stands alone.

    Raises:
        BadInput: a line has not six fields, a name stands twice, or a trait is no number.
    """
    rows = _lines(data, 6, where)
    _once([f"{row[0]} {row[1]}" for _, row in rows], where)
    traits = _measured([_trait(row[5], number, where) for number, row in rows])
    return [
        Individual(row[1] if row[0] == "0" else row[0], row[1], trait)
        for (_, row), trait in zip(rows, traits, strict=True)
    ]


def columns_of(data: bytes, where: str) -> list[tuple[str, bool]]:
    """(column, whether allele 2 is the one counted) of each marker of a .bim; one without a name goes by its position.

    Raises:
        BadInput: a line has not six fields, or a name stands twice.
    """
    found = []
    for _, (chromosome, name, _, position, *alleles) in _lines(data, 6, where):
        known = sorted(allele for allele in alleles if allele != "0")
        counted = known[0] if known else "0"
        own = name if name != "." else f"{chromosome}:{position}"
        found.append((f"{PREFIX}{own}/{counted}", counted != alleles[0]))
    _once([column for column, _ in found], where)
    return found


def _with_traits(people: Sequence[Individual], data: bytes, where: str) -> tuple[list[Individual], list[str]]:
    """The individuals with the traits of a file of `FID IID trait [environment]`, and their environments."""
    head, *_ = data.decode("utf-8-sig", "replace").splitlines() or [""]
    names = head.split()
    if names not in (["FID", "IID", "trait"], ["FID", "IID", "trait", "environment"]):
        raise BadInput(
            f"the first line is {head[:60]!r}", where=where, remedy="write FID IID trait, and environment where known"
        )
    rows = _lines(data, len(names), where)[1:]
    _once([f"{row[0]} {row[1]}" for _, row in rows], where)
    traits = _measured([_trait(row[2], number, where) for number, row in rows])
    told = {
        (row[1] if row[0] == "0" else row[0], row[1]): (trait, row[3:])
        for (_, row), trait in zip(rows, traits, strict=True)
    }
    strange = sorted(set(told) - {(one.family, one.name) for one in people})
    if strange:
        raise BadInput(
            f"{len(strange)} individuals of the traits are not in the .fam, {' '.join(strange[0])!r} among them",
            where=where,
            remedy="give the .bed, .bim and .fam of one data set, each whole",
        )
    made = [(one, *told.get((one.family, one.name), (None, ["-"]))) for one in people]
    environments = [own[0] for _, _, own in made] if len(names) == 4 else []
    return [Individual(one.family, one.name, trait) for one, trait, _ in made], environments


def _lines(data: bytes, fields: int, where: str) -> list[tuple[int, list[str]]]:
    """(number, fields) of each line that is not blank."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start} is not UTF-8", where=where, remedy="save the file as UTF-8") from None
    rows = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    for number, row in rows:
        if len(row) != fields:
            raise BadInput(
                f"line {number} has {len(row)} fields, and {fields} are due",
                where=where,
                remedy="give so many in every line",
            )
    return rows


def _trait(text: str, number: int, where: str) -> float | None:
    if text in ("-9", "NA", "na", "nan"):
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise BadInput(f"line {number}: {text!r} is no trait", where=where, remedy="write a number, or -9 for none")
    return value


def _measured(traits: Sequence[float | None]) -> list[float | None]:
    """The traits, none where all are 0, which is how PLINK says so."""
    return [None] * len(traits) if {trait for trait in traits if trait is not None} == {0.0} else list(traits)


def _once(names: Sequence[str], where: str) -> None:
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise BadInput(f"{twice!r} stands twice", where=where, remedy="name each individual and each marker once")
