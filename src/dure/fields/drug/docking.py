"""Is a docked pose physically plausible? PoseBusters' checks, and the rung that docks and asks.

Configuration `dock` of Buttenschoen, Morris and Deane 2024, Chem. Sci. 15:3130, doi 10.1039/D3SC04185A. The checks
against cofactors and waters are left out: prepared receptors have none, and a check that cannot fail says nothing.
"""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import pyarrow as pa

from dure.base.canonical import digest_bytes
from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.drug.checks import Found, needs, smiles_of, tell
from dure.fields.drug.vina import RUNS, Box, Docked, dock, pose_of
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder

# AutoDock's atom types in a receptor, to elements.
_ELEMENTS = {"A": "C", "NA": "N", "NS": "N", "OA": "O", "OS": "O", "SA": "S", "HD": "H", "HS": "H"}

TITLES: dict[str, dict[str, str]] = {
    "mol_pred_loaded": {"ko": "자세를 읽음", "en": "pose is read"},
    "mol_cond_loaded": {"ko": "수용체를 읽음", "en": "receptor is read"},
    "sanitization": {"ko": "원자가가 옳음", "en": "valences are sound"},
    "inchi_convertible": {"ko": "InChI로 바뀜", "en": "InChI can name it"},
    "all_atoms_connected": {"ko": "모든 원자가 이어짐", "en": "all atoms are connected"},
    "no_radicals": {"ko": "홀전자 없음", "en": "no radicals"},
    "bond_lengths": {"ko": "결합 길이", "en": "bond lengths"},
    "bond_angles": {"ko": "결합 각", "en": "bond angles"},
    "internal_steric_clash": {"ko": "분자 안 충돌 없음", "en": "no clash inside the molecule"},
    "aromatic_ring_flatness": {"ko": "방향족 고리가 평평함", "en": "aromatic rings are flat"},
    "non-aromatic_ring_non-flatness": {"ko": "지방족 고리가 평평하지 않음", "en": "aliphatic rings are not flat"},
    "double_bond_flatness": {"ko": "이중 결합이 평평함", "en": "double bonds are flat"},
    "internal_energy": {"ko": "내부 에너지", "en": "internal energy"},
    "protein-ligand_maximum_distance": {"ko": "단백질 가까이 있음", "en": "close to the protein"},
    "minimum_distance_to_protein": {"ko": "단백질과 충돌 없음", "en": "no clash with the protein"},
    "volume_overlap_with_protein": {"ko": "단백질과 부피 겹침 없음", "en": "no volume shared with the protein"},
}
"""The checks of `bust`, for readers."""


def bust(docked: Docked, receptor_pdbqt: str) -> dict[str, bool]:
    """PoseBusters' checks of a pose by name (keys of `TITLES`), and whether each was passed.

    What could not be computed has not been passed.

    Raises:
        BadInput: there is no pose, or the receptor has no atoms.
    """
    mol = pose_of(docked)
    if mol is None:
        raise BadInput(docked.reason("en") or "there is no pose", where=docked.smiles[:60])
    from rdkit import rdBase

    with rdBase.BlockLogs(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, which PoseBusters uses
        [row] = _busters().bust(mol, None, protein(receptor_pdbqt)).to_dict("records")
    return {name: row[name] is True for name in TITLES}


def protein(receptor_pdbqt: str) -> Any:
    """An RDKit molecule of a receptor's atoms, without bonds.

    Raises:
        BadInput: no atom is in it.
    """
    from rdkit import Chem

    block = "\n".join(_pdb_lines(receptor_pdbqt.splitlines()))
    mol = Chem.MolFromPDBBlock(block, sanitize=False, removeHs=False, proximityBonding=False) if block else None
    if mol is None or mol.GetNumAtoms() == 0:
        raise BadInput("it has no atoms", where="receptor", remedy="give the text of a PDBQT file")
    return mol


def _pdb_lines(lines: Iterable[str]) -> Iterable[str]:
    """PDB from PDBQT: the columns agree up to 66, then PDBQT has charge and type where PDB has the element."""
    for line in lines:
        if line.startswith(("ATOM", "HETATM")):
            kind = line[77:79].strip()
            yield f"{line[:66]:<76}{_ELEMENTS.get(kind, kind):>2}"


@cache
def _busters() -> Any:
    from posebusters import PoseBusters

    busters = PoseBusters(config="dock")
    modules = [m for m in busters.config["modules"] if not m.get("rename_suffix", "").endswith(("factors", "waters"))]
    for module in modules:
        if module["function"] == "energy_ratio":
            module["parameters"]["num_threads"] = 1  # the default takes every core of the machine
    busters.config["modules"] = modules
    return busters


@dataclass(frozen=True)
class Pose:
    """Docks a molecule and says whether the pose is plausible; the pose itself is `examine`'s.

    `vina` is the score in kcal/mol, `posebusters` the number of checks passed, `plausible` 1 where all were;
    `plausible/NAME` is 1 or 0 for each. A molecule that cannot be docked has null values; `plausible/CODE` says why.

    Attributes:
        receptor: text of a prepared receptor in PDBQT.
        box: where to look.
        exhaustiveness, seed: of the search.
    """

    receptor: str
    box: Box
    exhaustiveness: int | None = None
    seed: int = 1

    name = "pose"
    version = 2
    kind = "simulated"
    cost = 40.0
    cpus = RUNS

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        return {
            "center": list(self.box.center),
            "exhaustiveness": self.exhaustiveness,
            "receptor": digest_bytes(self.receptor.encode()),
            "seed": self.seed,
            "size": list(self.box.size),
        }

    def missing(self) -> str | None:
        """None, or the first package that is not installed."""
        return next(filter(None, (needs(p, "docking") for p in ("vina", "meeko", "gemmi", "posebusters"))), None)

    def examine(self, smiles: str) -> tuple[Docked, dict[str, bool]]:
        """The pose of one molecule and its checks (none where it could not be docked)."""
        docked = dock(smiles, self.receptor, self.box, self.seed, self.exhaustiveness)
        return docked, {} if docked.problem else bust(docked, self.receptor)

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        return self.run_with_artefacts(candidates)[0]

    def run_with_artefacts(self, candidates: Sequence[Candidate]) -> tuple[pa.Table, dict[str, dict[str, bytes]]]:
        """The evidence, and each pose as `pose.sdf` and drawn as `pose.en.svg` and `pose.ko.svg`."""
        seen = {candidate.id: self.examine(smiles_of(candidate)) for candidate in candidates}
        found = tell(self, candidates, lambda candidate: findings(*seen[candidate.id]))
        return found, {name: self._artefacts(docked) for name, (docked, _) in seen.items()}

    def _artefacts(self, docked: Docked) -> dict[str, bytes]:
        from dure.fields.drug.pose_drawing import draw_pose

        if docked.sdf is None:
            return {}
        drawn = {f"pose.{lang}.svg": draw_pose(docked, self.receptor, lang, 560, 320).encode() for lang in ("en", "ko")}
        return {"pose.sdf": docked.sdf.encode(), **drawn}


def findings(docked: Docked, passed: Mapping[str, bool]) -> Found:
    """What the evidence says of one examined molecule."""
    if docked.problem:
        told: dict[str, float | None] = {"plausible": None, f"plausible/{docked.problem}": None, "posebusters": None}
    else:
        told = {"plausible": float(all(passed.values())), "posebusters": float(sum(passed.values()))}
        told.update({f"plausible/{name}": float(held) for name, held in passed.items()})
    yield "vina", docked.score, "kcal/mol"
    for name, value in told.items():
        yield name, value, "1"


def pose_ladder(receptor: str, box: str, settings: Mapping[str, Any]) -> Ladder:
    """The ladder of finalists: one rung that docks, one gate that flags implausible poses.

    Args:
        receptor: text of a prepared receptor in PDBQT.
        box: text of a Vina configuration.
        settings: `exhaustiveness` is read, where given.

    Raises:
        BadInput: the box or the exhaustiveness cannot be used.
    """
    runs = settings.get("exhaustiveness")
    if runs is not None and (type(runs) is not int or not 1 <= runs <= 64):
        raise BadInput(f"exhaustiveness is {runs!r}", where="[finalists]", remedy="give a whole number from 1 to 64")
    title = {"ko": "타당한 도킹 자세", "en": "a plausible docking pose"}
    gate = Gate("pose", "plausible", low=1, action="flag", title=title, source="doi 10.1039/D3SC04185A")
    return Ladder.of([Pose(receptor, Box.parse(box), runs)], [gate])
