"""Numbers that follow from a structure alone, the windows they usually lie in, and where each window comes from."""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return,attr-defined"
from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rdkit import Chem, RDConfig
from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

LIPINSKI = "Lipinski et al. 1997, Adv. Drug Deliv. Rev. 23:3, doi 10.1016/S0169-409X(96)00423-1"
VEBER = "Veber et al. 2002, J. Med. Chem. 45:2615, doi 10.1021/jm020017n"
BICKERTON = "Bickerton et al. 2012, Nat. Chem. 4:90, doi 10.1038/nchem.1243"
ERTL = "Ertl and Schuffenhauer 2009, J. Cheminform. 1:8, doi 10.1186/1758-2946-1-8"


@dataclass(frozen=True)
class Property:
    """One number of a molecule.

    Attributes:
        name: as the evidence calls it.
        compute: from a molecule.
        unit: UCUM.
        ko, en: its title.
        low, high: the usual window; None where a side is open or none is stated.
        source: who states it.
    """

    name: str
    compute: Callable[[Chem.Mol], float]
    unit: str
    ko: str
    en: str
    low: float | None = None
    high: float | None = None
    source: str = ""


def synthetic_accessibility(mol: Chem.Mol) -> float:
    """Ertl's score, from 1 (easy to make) to 10 (hard)."""
    return float(_sascorer().calculateScore(mol))


# QED: .34 is the mean of what chemists called too complex, .67 of what they found attractive. SA: above 6 it is hard
# to make. The rest are the rules of five and of oral bioavailability in rats.
PROPERTIES: tuple[Property, ...] = (
    Property("mw", Descriptors.MolWt, "g/mol", "분자량", "molecular weight", high=500, source=LIPINSKI),
    Property("logp", Crippen.MolLogP, "1", "logP (Crippen)", "logP (Crippen)", high=5, source=LIPINSKI),
    Property(
        "hbd", rdMolDescriptors.CalcNumLipinskiHBD, "1", "NH와 OH 수소", "NH and OH hydrogens", high=5, source=LIPINSKI
    ),
    Property(
        "hba", rdMolDescriptors.CalcNumLipinskiHBA, "1", "질소와 산소 원자", "N and O atoms", high=10, source=LIPINSKI
    ),
    Property("tpsa", rdMolDescriptors.CalcTPSA, "Ao2", "극성 표면적", "polar surface area", high=140, source=VEBER),
    Property(
        "rotatable", rdMolDescriptors.CalcNumRotatableBonds, "1", "회전 결합", "rotatable bonds", high=10, source=VEBER
    ),
    Property("qed", QED.qed, "1", "약물 유사도 (QED)", "drug-likeness (QED)", low=0.34, source=BICKERTON),
    Property(
        "sa", synthetic_accessibility, "1", "합성 난이도 (SA)", "synthetic accessibility (SA)", high=6, source=ERTL
    ),
    Property("heavy_atoms", Chem.Mol.GetNumHeavyAtoms, "1", "무거운 원자", "heavy atoms"),
)


def describe(mol: Chem.Mol) -> dict[str, float]:
    """Every property of a molecule, by name."""
    return {item.name: float(item.compute(mol)) for item in PROPERTIES}


@cache
def _sascorer() -> Any:
    """RDKit's contributed scorer, which its wheel ships as a file beside the package.

    The scorer reads its table of fragments from a pickle of the same wheel: as trusted as the wheel's own code, and
    checked with it by the digest of the installer.
    """
    path = os.path.join(RDConfig.RDContribDir, "SA_Score", "sascorer.py")
    spec = importlib.util.spec_from_file_location("dure_rdkit_sascorer", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"RDKit ships no synthetic accessibility scorer at {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
