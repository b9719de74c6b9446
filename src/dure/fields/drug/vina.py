"""A pose of a molecule in a prepared receptor: RDKit builds it, Meeko prepares it, Vina docks it.

A docking score hardly ranks measured activity (JAK2: rank correlation .40, where the number of heavy atoms alone gives
.48). What it is good for is the question whether a molecule can lie in the pocket at all, which `docking` then checks.

Vina 1.2: Eberhardt et al. 2021, J. Chem. Inf. Model. 61:3891, doi 10.1021/acs.jcim.1c00203. Conformers by ETKDG version
3: Wang et al. 2020, J. Chem. Inf. Model. 60:2044, doi 10.1021/acs.jcim.0c00025. A molecule is docked as its neutral
standardised parent; a stereocentre that is not defined is docked as one isomer, which the pose shows.
"""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return,attr-defined,assignment"
from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput

MAX_TORSIONS = 20
"""Rotatable bonds; Vina's search does not converge far beyond, and its time grows with each."""

MAX_HEAVY_ATOMS = 80
"""Heavy atoms; beyond it the time of a run is minutes."""

MACROCYCLE = 12
"""Ring size from which a ring has conformers of its own, which a search over torsions alone does not visit."""

RUNS = 2
"""Runs of Vina's search where nobody says otherwise; they go side by side on as many processors.

A run takes 3 CPU seconds at 27 heavy atoms and 25 at 45. One is not converged: three of tofacitinib gave -7.3, -7.3 and
-8.2 kcal/mol. Two answer whether a pose exists, not which is best. Side by side in one process they share its tables,
which take most of a gigabyte, so that two molecules at once would take twice the memory for half the search each.
Cutting a run short with `max_evals` is no way to save: at 1.2 million evaluations two of three large JAK2 inhibitors
stopped 1.4 and 2.1 kcal/mol short.
"""

# What Vina's scoring function has radii for, among what a molecule is made of.
_DOCKABLE = frozenset({"H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I", "Si"})

PROBLEMS: dict[str, dict[str, str]] = {
    "too-large": {
        "ko": f"무거운 원자가 {MAX_HEAVY_ATOMS}개보다 많음 ({{detail}}개)",
        "en": f"more than {MAX_HEAVY_ATOMS} heavy atoms ({{detail}})",
    },
    "element": {"ko": "Vina가 다루지 않는 원소: {detail}", "en": "Vina has no parameters for {detail}"},
    "macrocycle": {
        "ko": f"{MACROCYCLE}원자 이상의 고리({{detail}}): 고리 형태를 탐색하지 못함",
        "en": f"a ring of {{detail}} atoms ({MACROCYCLE} or more): its conformers are not searched",
    },
    "too-flexible": {
        "ko": f"회전 결합이 {MAX_TORSIONS}개보다 많음 ({{detail}}개)",
        "en": f"more than {MAX_TORSIONS} rotatable bonds ({{detail}})",
    },
    "no-conformer": {"ko": "3차원 구조를 만들지 못함", "en": "no conformer could be built"},
    "no-pose": {"ko": "상자 안에서 자세를 찾지 못함", "en": "no pose was found in the box"},
}
"""Why a molecule was not docked: code to sentence, in Korean and English."""


@dataclass(frozen=True)
class Box:
    """Where Vina searches.

    Attributes:
        center: x, y, z in Å.
        size: edges along x, y, z in Å.
    """

    center: tuple[float, float, float]
    size: tuple[float, float, float]

    @classmethod
    def parse(cls, text: str) -> Box:
        """From a Vina configuration of lines such as `center_x = 114.8`.

        Raises:
            BadInput: one of the six numbers is missing or no number, or an edge is not above zero.
        """
        pairs = (line.partition("=") for line in text.splitlines())
        given = {name.strip(): value.strip() for name, equals, value in pairs if equals}
        try:
            center, size = (tuple(float(given[f"{part}_{axis}"]) for axis in "xyz") for part in ("center", "size"))
        except (KeyError, ValueError) as error:
            raise BadInput(
                f"a box has center_x to size_z, six numbers in Å: {error}",
                where="docking box",
                remedy="write lines such as: center_x = 114.8",
            ) from None
        if min(size) <= 0:
            raise BadInput(
                f"an edge of the box is {min(size):g} Å", where="docking box", remedy="give sizes above zero"
            )
        return cls((center[0], center[1], center[2]), (size[0], size[1], size[2]))


@dataclass(frozen=True)
class Docked:
    """A molecule in its best pose, or why there is none.

    Attributes:
        smiles: as it was given.
        score: of the best pose, in kcal/mol; None where there is none.
        scores: of all poses kept, best first, in kcal/mol.
        sdf: the best pose with all hydrogens, as an SDF record in the receptor's coordinates.
        problem, detail: a key of `PROBLEMS` and what its sentence names; None where it was docked.
    """

    smiles: str
    score: float | None = None
    scores: tuple[float, ...] = ()
    sdf: str | None = None
    problem: str | None = None
    detail: str = ""

    def reason(self, lang: str) -> str:
        """Why it was not docked, as a sentence in `ko` or `en`; empty where it was."""
        return PROBLEMS[self.problem][lang].format(detail=self.detail) if self.problem else ""


def dock(smiles: str, receptor_pdbqt: str, box: Box, seed: int, exhaustiveness: int | None = None) -> Docked:
    """The best pose of a molecule in a receptor.

    Args:
        smiles: a standardised parent.
        receptor_pdbqt: text of a prepared receptor in PDBQT.
        box: where to look.
        seed: above zero; of conformer and search alike. One seed gives one pose on one machine.
        exhaustiveness: runs of the search; None: `RUNS`.

    Raises:
        BadInput: the SMILES, the receptor, the seed or the exhaustiveness cannot be used.
    """
    if seed < 1 or (exhaustiveness is not None and exhaustiveness < 1):
        raise BadInput(f"seed {seed}, exhaustiveness {exhaustiveness}", where="docking", remedy="give both from 1 on")
    try:
        mol = _dockable(smiles)
        ligand = _prepared(mol, seed)
    except _NotDockable as problem:
        return Docked(smiles, problem=problem.code, detail=problem.detail)
    scores, poses = _search(ligand, receptor_pdbqt, box, seed, exhaustiveness or RUNS)
    if not scores:
        return Docked(smiles, problem="no-pose")
    return Docked(smiles, scores[0], scores, _sdf(poses, scores[0]))


class _NotDockable(Exception):
    def __init__(self, code: str, detail: object = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, str(detail)


def _prepared(mol: Any, seed: int) -> str:
    """The ligand in PDBQT."""
    from meeko import MoleculePreparation, PDBQTWriterLegacy

    [setup] = MoleculePreparation().prepare(_conformer(mol, seed))
    text, good, complaint = PDBQTWriterLegacy.write_string(setup)
    if not good:
        raise _NotDockable("no-conformer", complaint)
    return text


def _dockable(smiles: str) -> Any:
    from rdkit import Chem, rdBase
    from rdkit.Chem.rdMolDescriptors import CalcNumRotatableBonds

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None:
        raise BadInput(f"not a SMILES: {smiles[:60]!r}", where="docking", remedy="dock standardised molecules only")
    heavy, torsions = mol.GetNumHeavyAtoms(), CalcNumRotatableBonds(mol)
    if heavy > MAX_HEAVY_ATOMS:
        raise _NotDockable("too-large", heavy)
    strange = sorted({atom.GetSymbol() for atom in mol.GetAtoms()} - _DOCKABLE)
    largest = max(map(len, mol.GetRingInfo().AtomRings()), default=0)
    if strange:
        raise _NotDockable("element", ", ".join(strange))
    if largest >= MACROCYCLE:
        raise _NotDockable("macrocycle", largest)
    if torsions > MAX_TORSIONS:
        raise _NotDockable("too-flexible", torsions)
    return mol


def _conformer(mol: Any, seed: int) -> Any:
    """The molecule with hydrogens and one relaxed conformer."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    full = Chem.AddHs(mol)
    settings = rdDistGeom.ETKDGv3()
    settings.randomSeed = seed
    with rdBase.BlockLogs():
        if rdDistGeom.EmbedMolecule(full, settings) != 0:
            settings.useRandomCoords = True  # cages and crowded molecules embed only so
            if rdDistGeom.EmbedMolecule(full, settings) != 0:
                raise _NotDockable("no-conformer")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
            rdForceFieldHelpers.MMFFOptimizeMolecule(full, maxIters=1000)
        else:
            rdForceFieldHelpers.UFFOptimizeMolecule(full, maxIters=1000)
    return full


def _search(ligand: str, receptor: str, box: Box, seed: int, runs: int, keep: int = 5) -> tuple[tuple[float, ...], str]:
    """Scores in kcal/mol, best first, and the poses as PDBQT."""
    from vina import Vina

    # Each run has a seed of its own: how many go at once changes nothing.
    processors = min(runs, RUNS, len(os.sched_getaffinity(0)))
    vina = Vina(sf_name="vina", cpu=processors, seed=seed, verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "receptor.pdbqt")  # Vina reads receptors from files only
        path.write_text(receptor, "utf-8")
        try:
            vina.set_receptor(str(path))
        except (RuntimeError, TypeError, ValueError) as error:
            raise BadInput(
                f"Vina cannot read the receptor: {error}",
                where="receptor",
                remedy="prepare it as PDBQT, polar hydrogens kept",
            ) from None
    vina.set_ligand_from_string(ligand)
    vina.compute_vina_maps(list(box.center), list(box.size))
    vina.dock(exhaustiveness=runs, n_poses=keep)
    scores = vina.energies(n_poses=keep)
    return tuple(round(float(row[0]), 3) for row in scores), vina.poses(n_poses=1)


def _sdf(poses: str, score: float) -> str:
    """The first pose as an SDF record; bond orders and hydrogens come back from Meeko's remarks."""
    from meeko import PDBQTMolecule, RDKitMolCreate
    from rdkit import Chem

    mol = RDKitMolCreate.from_pdbqt_mol(PDBQTMolecule(poses, skip_typing=True))[0]
    mol.SetProp("_Name", "pose 1")
    return f"{Chem.MolToMolBlock(mol)}>  <vina_kcal_mol>\n{score:.3f}\n\n$$$$\n"


def pose_of(docked: Docked) -> Any:
    """The RDKit molecule of a pose, hydrogens and coordinates included; None where there is none."""
    from rdkit import Chem

    return Chem.MolFromMolBlock(docked.sdf, removeHs=False) if docked.sdf else None


def docked_from(values: Mapping[str, Any]) -> Docked:
    """The inverse of `vars(docked)`, through JSON or not."""
    return Docked(**{**values, "scores": tuple(values["scores"])})
