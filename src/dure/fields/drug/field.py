"""The drug field as the loop sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput
from dure.campaign.field import Field, ReadSource, Texts
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock
from dure.fields.drug.docking import TITLES as POSE_CHECKS
from dure.fields.drug.problems import PROBLEMS
from dure.fields.drug.tasks import features, prepare
from dure.verify.ladder import Ladder


def ladder(settings: Mapping[str, Any]) -> Ladder:
    """The ladder of every proposal: `alerts` and `windows` are `flag` (the default) or `refuse`."""
    from dure.fields.drug.ladder import drug_ladder

    unknown = sorted(set(settings) - {"alerts", "windows"})
    wrong = [f"{key} = {value!r}" for key, value in settings.items() if value not in ("flag", "refuse")]
    if unknown or wrong:
        raise BadInput(
            f"{(unknown or wrong)[0]} is not understood",
            where="[ladder]",
            remedy='write alerts = "flag" or "refuse", windows = "flag" or "refuse"',
        )
    return drug_ladder(**settings)


def read_features(data: bytes) -> tuple[FeatureBlock, ...]:
    """Blocks from the bytes of the field's `features` task."""
    from dure.fields.drug.features import blocks_from_bytes

    return blocks_from_bytes(data)


def draw(candidate: Candidate, width: int, height: int) -> str:
    """A molecule as SVG."""
    from dure.fields.drug.drawing import draw as drawn

    return drawn(candidate, width, height)


def label(candidate: Candidate) -> str:
    """A molecule's name, or the first block of its InChIKey."""
    return str(candidate.form.get("name") or candidate.content["inchikey"][:14])


def group(candidate: Candidate) -> str:
    """The Murcko scaffold."""
    from dure.fields.drug.drawing import scaffold

    return scaffold(candidate.form["smiles"])


def rank(candidates: Sequence[Candidate]) -> list[float]:
    """Heavy atoms: potency tracks size in most published series."""
    from rdkit import Chem

    return [float(Chem.MolFromSmiles(c.form["smiles"]).GetNumHeavyAtoms()) for c in candidates]


def derive(candidate: Candidate, property_: str, value: float) -> list[tuple[Texts, float, str, int]]:
    """Ligand efficiency and lipophilic efficiency: what a potency is worth for its size and its greasiness.

    LE = 2.303 RT pX / heavy atoms at 300 K (Hopkins et al. 2004, Drug Discov. Today 9:430, doi
    10.1016/S1359-6446(04)03069-7); LLE = pX - logP (Leeson and Springthorpe 2007, Nat. Rev. Drug Discov. 6:881, doi
    10.1038/nrd2445), with Crippen's computed logP.
    """
    if property_ not in _RESOLUTION:
        return []
    from rdkit import Chem
    from rdkit.Chem import Crippen

    mol = Chem.MolFromSmiles(candidate.form["smiles"])
    return [
        (
            {"en": "ligand efficiency, from value and heavy atoms", "ko": "리간드 효율 (값과 무거운 원자 수로 계산)"},
            1.37 * value / mol.GetNumHeavyAtoms(),
            "kcal/mol",
            2,
        ),
        (
            {"en": "LLE, from value and computed logP", "ko": "LLE (값과 계산한 logP로 계산)"},
            value - Crippen.MolLogP(mol),  # type: ignore[attr-defined]  # not in RDKit's stubs
            "1",
            1,
        ),
    ]


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The pose check of the best: Vina into dockstring's prepared receptor."""
    from dure.fields.drug.docking import pose_ladder

    known = {"check", "exhaustiveness", "n", "target"}
    strange = sorted(set(settings) - known)
    if strange:
        raise BadInput(
            f"unknown key {strange[0]!r}",
            where="[finalists]",
            remedy=f"keys are {', '.join(sorted(known))}",
        )
    target = settings["target"]
    receptor = read("dockstring", "receptors", f"{target}_target.pdbqt")
    box = read("dockstring", "receptors", f"{target}_conf.txt")
    return pose_ladder(receptor.decode(), box.decode(), settings)


_RESOLUTION: dict[str, Texts] = {
    name: {
        "en": f"{what} values of different assays often differ by more than 0.3 log: closer ones cannot be told apart.",
        "ko": f"서로 다른 실험에서 얻은 {what} 값은 흔히 0.3 log 넘게 다릅니다. 그보다 가까운 값은 구별되지 않습니다.",
    }
    for name, what in (("pKi", "Ki"), ("pKd", "Kd"), ("pIC50", "IC50"), ("pEC50", "EC50"))
}

_TITLES: dict[str, Texts] = {
    "pKi": {"en": "binding constant, pKi = -log10(Ki / (mol/L))", "ko": "결합 상수 pKi = -log10(Ki / (mol/L))"},
    "pIC50": {"en": "inhibition, pIC50 = -log10(IC50 / (mol/L))", "ko": "저해 농도 pIC50 = -log10(IC50 / (mol/L))"},
    "vina": {"en": "docking score (Vina)", "ko": "도킹 점수 (Vina)"},
    "posebusters": {
        "en": f"pose checks passed, of {len(POSE_CHECKS)}",
        "ko": f"통과한 자세 검사 ({len(POSE_CHECKS)}가지 중)",
    },
    "plausible": {"en": "pose is plausible (1 yes, 0 no)", "ko": "자세가 타당함 (1 예, 0 아니오)"},
    **{f"plausible/{name}": title for name, title in POSE_CHECKS.items()},
    "structure": {"en": "structure", "ko": "구조"},
    "alerts": {"en": "structural alerts", "ko": "구조 경고"},
    "properties": {"en": "properties", "ko": "물성"},
    "admet": {"en": "ADMET predictions", "ko": "ADMET 예측"},
    "pose": {"en": "pose check", "ko": "자세 검사"},
}

FIELD = Field(
    name="drug",
    title={"en": "Drug discovery", "ko": "신약 개발"},
    problems=PROBLEMS,
    template=files("dure.fields.drug").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    distributions=("rdkit", "chembl_structure_pipeline", "vina", "meeko", "posebusters", "admet-ai"),
    prepare=prepare,
    features=features,
    read_features=read_features,
    finalists=finalists,
    group=group,
    rank=rank,
    rank_title={"en": "ranking by heavy atoms", "ko": "무거운 원자 수 순위"},
    group_title={"en": "scaffold", "ko": "골격"},
    property_titles=_TITLES,
    resolution=_RESOLUTION,
    derive=derive,
    caveats={
        "en": (
            "The compounds were made and published because somebody expected them to bind: enrichment among them is "
            "not a prospective hit rate.",
            "Potency tracks size in most published series; look at ligand efficiency beside it.",
            "A docking pose is a check of plausibility. Docking scores hardly rank measured activity.",
        ),
        "ko": (
            "이 화합물들은 결합하리라는 기대로 만들어져 발표된 것입니다. 그 안에서의 농축은 전향적 적중률이 아닙니다.",
            "발표된 계열 대부분에서 활성은 분자 크기를 따릅니다. 리간드 효율도 함께 보십시오.",
            "도킹 자세는 타당성 확인일 뿐이며 도킹 점수는 실측 활성의 순위를 거의 나타내지 못합니다.",
        ),
    },
)
