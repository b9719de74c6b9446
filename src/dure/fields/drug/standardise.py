"""From a SMILES as somebody wrote it to the standardised parent that is a molecule's identity.

The rules are those of the ChEMBL structure pipeline (Bento et al. 2020, J. Cheminform. 12:51, doi 10.1186/s13321-020-
00456-1). RDKit's own MolStandardize was the alternative: its fragment parent is the largest fragment, so that a mixture
of two drugs becomes the heavier of them without a word, where ChEMBL strips only what its lists of 163 salts and
9 solvents name and leaves the rest to be refused. Three departures:

* The lists are indexed once; the package parses both files again for every molecule (5 ms each).
* Isotopes are kept and flagged: a deuterated drug is another compound than the drug.
* What is left with nothing but salts in it (sodium acetate) gives the one organic part, not a mixture.

Identity is the InChIKey, with stereo, of the parent's canonical SMILES. Nothing here depends on other rows, so callers
may split the rows over processes. About 1.6 CPU seconds per 1,000 drug-like molecules.
"""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
from chembl_structure_pipeline import standardizer as chembl
from rdkit import Chem, rdBase
from rdkit.Chem import rdqueries

from dure.design.candidate import Candidate
from dure.fields.drug.structure_reasons import MAX_HEAVY_ATOMS, MAX_LENGTH, PROBLEMS

# What a small molecule is made of; and the metals that come with it as counter-ions and must go with the salt.
_ORGANIC = (1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 53)
_COUNTER_IONS = (3, 11, 12, 13, 19, 20, 30, 37, 38, 47, 55, 56)


def _beyond(elements: Sequence[int]) -> Chem.Mol:
    return Chem.MolFromSmarts("[" + ";".join(f"!#{number}" for number in elements) + "]")


# Patterns, since a loop over atoms in Python takes as long as all of the chemistry.
_DUMMY = Chem.MolFromSmarts("[#0]")
_ODD_BOND = Chem.MolFromSmarts("*!-!=!#!:*")
_STRANGE = _beyond((*_ORGANIC, *_COUNTER_IONS))
_STRANGE_IN_PARENT = _beyond(_ORGANIC)
_CARBON = Chem.MolFromSmarts("[#6]")
_BORON = Chem.MolFromSmarts("[#5]")
_ISOTOPE = Chem.MolFromSmarts("[!0*]")
_RADICAL = rdqueries.NumRadicalElectronsGreaterQueryAtom(0)
_EMPTY = frozenset({"", "nan", "na", "n/a", "#n/a", "none", "null", "-"})

STANDARDISED = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False, metadata={"doc": "place in the input, from 0"}),
        pa.field("smiles_in", pa.string(), metadata={"doc": "as it was written"}),
        pa.field("smiles_parent", pa.string(), metadata={"doc": "canonical SMILES without salts; null: not taken"}),
        pa.field("smiles_full", pa.string(), metadata={"doc": "canonical SMILES with its salt and solvent"}),
        pa.field("inchikey", pa.string(), metadata={"doc": "of smiles_parent: the identity"}),
        pa.field("flags", pa.list_(pa.string()), nullable=False, metadata={"doc": "keys of FLAGS"}),
        pa.field("problem", pa.string(), metadata={"doc": "a key of PROBLEMS; null: taken"}),
        pa.field("detail", pa.string(), metadata={"doc": "what the problem's sentence names"}),
    ]
)


@dataclass(frozen=True)
class Standardised:
    """The answer to `standardise`: `table` has one row (schema `STANDARDISED`) an input, in its order."""

    table: pa.Table

    def problems(self, lang: str = "en") -> list[tuple[int, str, str]]:
        """Row (from 0), code and sentence of every structure that was not taken."""
        refused = self.table.filter(self.table["problem"].is_valid())
        return [(row["row"], row["problem"], reason(row, lang)) for row in refused.to_pylist()]


def standardise(smiles: Sequence[str | None]) -> Standardised:
    """The standardised parent, its identity and its flags of every SMILES, or the reason why there is none.

    A pure function of each SMILES by itself; it raises nothing about what a SMILES holds. RDKit logs nothing meanwhile.
    """
    with rdBase.BlockLogs():
        rows = [_row(place, text) for place, text in enumerate(smiles)]
    return Standardised(pa.Table.from_pylist(rows, schema=STANDARDISED))


def reason(row: Mapping[str, Any], lang: str) -> str:
    """Why a row of `STANDARDISED` was not taken, as a sentence in `ko` or `en`."""
    return PROBLEMS[row["problem"]][lang].format(detail=row["detail"])


def candidate(row: Mapping[str, Any], name: str | None = None) -> Candidate:
    """The molecule of a row of `STANDARDISED` that was taken; the name is for readers and no part of its identity."""
    form = {"smiles": row["smiles_parent"]}
    if row["smiles_full"] != row["smiles_parent"]:
        form["smiles_as_supplied"] = row["smiles_full"]  # with its salt: what has to be weighed out
    return Candidate("molecule", {"inchikey": row["inchikey"]}, {**form, "name": name} if name else form)


class NotTaken(Exception):
    """A structure is refused; `code` is a key of `PROBLEMS`."""

    def __init__(self, code: str, detail: object = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, str(detail)


def _row(place: int, text: str | None) -> dict[str, object]:
    row: dict[str, object] = {"row": place, "smiles_in": text, "flags": []}
    try:
        return {**row, **_standardised(text)}
    except NotTaken as problem:
        return {**row, "problem": problem.code, "detail": problem.detail}
    except Exception as error:  # RDKit's C++ layers raise many unrelated types for structures they cannot take
        return {
            **row,
            "problem": "no-standard-form",
            "detail": f"{type(error).__name__}: {error}".splitlines()[0][:120],
        }


def _standardised(text: str | None) -> dict[str, object]:
    smiles, name = _plain(text)
    mol = _parsed(smiles)
    full = chembl.standardize_mol(mol, check_exclusion=False)
    written = Chem.MolToSmiles(full)
    left = _without_salts(full) if "." in written else full
    parent = Chem.MolToSmiles(left)
    # Read anew, so that identity and flags follow from the parent's SMILES alone, however the input was written.
    mol = Chem.MolFromSmiles(parent)
    if mol is None:
        raise NotTaken("no-standard-form", f"its parent reads {parent}")
    _check_parent(mol)
    inchikey = Chem.MolToInchiKey(mol)
    if not inchikey:
        raise NotTaken("no-standard-form", "InChI cannot name it")
    flags = [("name-dropped", bool(name)), ("salt-stripped", left is not full), *_flags(mol)]
    return {
        "smiles_parent": parent,
        "smiles_full": written,
        "inchikey": inchikey,
        "flags": [flag for flag, holds in flags if holds],
    }


def _plain(text: str | None) -> tuple[str, str]:
    """The SMILES and the name behind it, as in a .smi file."""
    smiles, _, rest = ("" if text is None else str(text)).strip().partition(" ")
    smiles, _, tail = smiles.partition("\t")
    name = f"{tail} {rest}".strip()
    if smiles.lower() in _EMPTY:
        raise NotTaken("empty")
    if name.startswith("|"):
        raise NotTaken("extended")
    if len(smiles) > MAX_LENGTH:
        raise NotTaken("too-long", len(smiles))
    if "{" in smiles:
        raise NotTaken("polymer")
    if re.search("(?<!-)>", smiles):  # `->` is a coordinate bond
        raise NotTaken("reaction")
    if not re.fullmatch("[!-~]+", smiles):  # RDKit would stop reading at a NUL and take what stands before it
        raise NotTaken("malformed", f"a character that no SMILES has: {smiles[:60]!a}")
    return smiles, name


def _parsed(smiles: str) -> Chem.Mol:
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise NotTaken("malformed", _complaint(smiles))
    if mol.GetNumAtoms() == 0:
        raise NotTaken("empty")
    if mol.GetNumHeavyAtoms() > MAX_HEAVY_ATOMS:
        raise NotTaken("too-large", mol.GetNumHeavyAtoms())
    if mol.HasSubstructMatch(_DUMMY):
        raise NotTaken("dummy-atom")
    odd = {mol.GetBondBetweenAtoms(*pair).GetBondType().name.lower() for pair in mol.GetSubstructMatches(_ODD_BOND)}
    if odd:
        raise NotTaken("odd-bond", ", ".join(sorted(odd)))
    _known(mol, _STRANGE)
    if len(mol.GetSubstructMatches(_BORON)) > 7:
        raise NotTaken("boron-cluster")
    return mol


def _known(mol: Chem.Mol, strange: Chem.Mol) -> None:
    symbols = {mol.GetAtomWithIdx(index).GetSymbol() for (index,) in mol.GetSubstructMatches(strange)}
    if symbols:
        raise NotTaken("element", ", ".join(sorted(symbols)))


def _complaint(smiles: str) -> str:
    """What RDKit finds wrong, in one short line."""
    mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        return f"the writing breaks off or has a wrong sign: {smiles[:60]}"
    found = [str(problem.Message()) for problem in Chem.DetectChemistryProblems(mol)]
    return found[0] if found else smiles[:60]


def _check_parent(mol: Chem.Mol) -> None:
    _known(mol, _STRANGE_IN_PARENT)
    if not mol.HasSubstructMatch(_CARBON):
        raise NotTaken("inorganic")
    if len(mol.GetAtomsMatchingQuery(_RADICAL)):
        raise NotTaken("radical")


def _flags(mol: Chem.Mol) -> list[tuple[str, bool]]:
    open_ = [found for found in Chem.FindPotentialStereo(mol) if found.specified != Chem.StereoSpecified.Specified]
    return [
        ("isotope", mol.HasSubstructMatch(_ISOTOPE)),
        ("charged", Chem.GetFormalCharge(mol) != 0),
        ("undefined-stereocentre", any(found.type == Chem.StereoType.Atom_Tetrahedral for found in open_)),
        ("undefined-double-bond", any(_bends(mol, found) for found in open_)),
    ]


def _bends(mol: Chem.Mol, found: Chem.StereoInfo) -> bool:
    """Whether potential stereo is that of a double bond that holds its geometry.

    The bonds of an azide are straight, and C=NH of an amidine turns over at room temperature.
    """
    if found.type != Chem.StereoType.Bond_Double:
        return False
    bond = mol.GetBondWithIdx(found.centeredOn)
    return all(
        sum(b.GetBondType() == Chem.BondType.DOUBLE for b in end.GetBonds()) == 1
        and not (end.GetAtomicNum() == 7 and end.GetTotalNumHs())
        for end in (bond.GetBeginAtom(), bond.GetEndAtom())
    )


def _without_salts(full: Chem.Mol) -> Chem.Mol:
    """The one compound, neutral, in a molecule of several fragments."""
    fragments = list(Chem.GetMolFrags(full, asMols=True, sanitizeFrags=False))
    kept = _not_listed(_not_listed(fragments, "solvents.smi"), "salts.smi")
    organic = [fragment for fragment in kept if fragment.HasSubstructMatch(_CARBON)]
    different = {Chem.MolToSmiles(neutral): neutral for neutral in map(_neutral, organic)}
    if not different:
        raise NotTaken("inorganic")
    if len(different) > 1:
        raise NotTaken("mixture", len(different))
    return next(iter(different.values()))


def _neutral(fragment: Chem.Mol) -> Chem.Mol:
    neutral = chembl.uncharge_mol(fragment)
    Chem.SanitizeMol(neutral)
    return neutral


def _not_listed(fragments: list[Chem.Mol], listed: str) -> list[Chem.Mol]:
    """The fragments that a list of the pipeline does not name; all of them where it names every one."""
    return [fragment for fragment in fragments if not _is_listed(fragment, listed)] or fragments


def _is_listed(fragment: Chem.Mol, listed: str) -> bool:
    bare = Chem.RemoveHs(fragment, sanitize=False)
    bare.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(bare)
    Chem.SetAromaticity(bare)
    patterns = _patterns(listed).get((bare.GetNumAtoms(), bare.GetNumBonds()), ())
    return any(bare.HasSubstructMatch(pattern) for pattern in patterns)


@cache
def _patterns(listed: str) -> dict[tuple[int, int], list[Chem.Mol]]:
    """The pipeline's patterns by number of atoms and bonds, which must equal those of the fragment."""
    patterns: dict[tuple[int, int], list[Chem.Mol]] = {}
    for line in files("chembl_structure_pipeline").joinpath("data", listed).read_text("utf-8").splitlines():
        name, tab, smarts = line.partition("\t")
        if tab and not name.startswith("#"):
            pattern = Chem.MolFromSmarts(smarts.strip())
            patterns.setdefault((pattern.GetNumAtoms(), pattern.GetNumBonds()), []).append(pattern)
    return patterns
