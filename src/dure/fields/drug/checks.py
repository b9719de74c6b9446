"""The cheap rungs of the drug ladder: does the structure hold, which alerts does it carry, what are its properties."""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from dure.base.errors import BadInput
from dure.base.evidence import evidence_table
from dure.design.candidate import Candidate
from dure.verify.check import Check, method

Found = Iterable[tuple[str, float | None, str]]
"""What is found of one molecule: property, value, unit."""

CATALOGUES = {
    "pains": ("PAINS", "간섭 구조 (PAINS)", "interference alerts (PAINS)", "doi 10.1021/jm901137j"),
    "brenk": ("BRENK", "꺼리는 구조 (Brenk)", "unwanted groups (Brenk)", "doi 10.1002/cmdc.200700139"),
    "nih": ("NIH", "문제 작용기 (NIH)", "problematic groups (NIH)", "doi 10.1021/jm901070c"),
}
"""Alert property to RDKit's catalogue, titles (ko, en) and source."""


def smiles_of(candidate: Candidate) -> str:
    """The SMILES of a molecule.

    Raises:
        BadInput: the candidate is no molecule, or has no SMILES.
    """
    smiles = candidate.form.get("smiles")
    if candidate.kind != "molecule" or not isinstance(smiles, str):
        raise BadInput(f"a {candidate.kind} without SMILES cannot be checked as a molecule", where=candidate.id)
    return smiles


def molecule_of(candidate: Candidate) -> Any:
    """The RDKit molecule of a candidate.

    Raises:
        BadInput: the candidate is no molecule, or RDKit cannot read it.
    """
    from rdkit import Chem, rdBase

    smiles = smiles_of(candidate)
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise BadInput(f"not a SMILES: {smiles[:60]}", where=candidate.id)
    return mol


def tell(check: Check, candidates: Sequence[Candidate], find: Callable[[Candidate], Found]) -> pa.Table:
    """The evidence of a check that looks at one candidate after the other."""
    found = [(candidate.id, *row) for candidate in candidates for row in find(candidate)]
    ids, names, values, units = zip(*found, strict=True) if found else ((), (), (), ())
    count = len(found)
    return evidence_table(
        {
            "candidate": ids,
            "property": names,
            "value": values,
            "unit": units,
            "qualifier": ["="] * count,
            "kind": [check.kind] * count,
            "method": [method(check)] * count,
            "at": [datetime.now(UTC)] * count,
        }
    )


def needs(package: str, extra: str) -> str | None:
    """None when a package is installed; otherwise how to install it."""
    return None if find_spec(package) else f"{package} is not installed: pip install 'dure[{extra}]'"


@dataclass(frozen=True)
class Structure:
    """Does the structure standardise to the candidate's own identity, and is its stereo defined?

    `structure` is 1 or 0; where it is 0, so is a `structure/CODE` that names the problem. `undefined_stereo` is 1 or 0.
    """

    name = "structure"
    version = 1
    kind = "rule"
    cost = 0.002

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def missing(self) -> str | None:
        return needs("chembl_structure_pipeline", "drug")

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return tell(self, candidates, self._find)

    def _find(self, candidate: Candidate) -> Found:
        from dure.fields.drug.standardise import standardise

        [row] = standardise([smiles_of(candidate)]).table.to_pylist()
        problem = row["problem"]
        if problem is None and row["inchikey"] != candidate.content["inchikey"]:
            problem = "other-identity"
        yield "structure", float(problem is None), "1"
        if problem is not None:
            yield f"structure/{problem}", 0.0, "1"
        yield "undefined_stereo", float(any(flag.startswith("undefined-") for flag in row["flags"])), "1"


@dataclass(frozen=True)
class Alerts:
    """How many structural alerts of each catalogue a molecule carries; `pains/NAME` is 1 for each that it does.

    An alert says "look again", not "worthless": 87 FDA-approved drugs carry a PAINS alert (Capuzzi et al. 2017,
    J. Chem. Inf. Model. 57:417, doi 10.1021/acs.jcim.6b00465).
    """

    name = "alerts"
    version = 1
    kind = "rule"
    cost = 0.005

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"catalogues": sorted(CATALOGUES)}

    def missing(self) -> str | None:
        return needs("rdkit", "drug")

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return tell(self, candidates, self._find)

    def _find(self, candidate: Candidate) -> Found:
        mol = molecule_of(candidate)
        for name in CATALOGUES:
            hits = {entry.GetDescription() for entry in _catalogue(name).GetMatches(mol)}
            yield name, float(len(hits)), "1"
            for hit in sorted(hits):
                yield f"{name}/{hit}", 1.0, "1"


@dataclass(frozen=True)
class Properties:
    """The numbers of `dure.fields.drug.properties`."""

    name = "properties"
    version = 1
    kind = "rule"
    cost = 0.005

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def missing(self) -> str | None:
        return needs("rdkit", "drug")

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return tell(self, candidates, self._find)

    def _find(self, candidate: Candidate) -> Found:
        from dure.fields.drug.properties import PROPERTIES

        mol = molecule_of(candidate)
        for item in PROPERTIES:
            yield item.name, float(item.compute(mol)), item.unit


@cache
def _catalogue(name: str) -> Any:
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    params = FilterCatalogParams()
    params.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, CATALOGUES[name][0]))
    return FilterCatalog(params)
