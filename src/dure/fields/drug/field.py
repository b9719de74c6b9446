"""The drug field as the loop sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput
from dure.campaign.field import Field, ReadSource
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock
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


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The pose check of the best: Vina into dockstring's prepared receptor."""
    from dure.fields.drug.docking import pose_ladder

    target = settings["target"]
    receptor = read("dockstring", "receptors", f"{target}_target.pdbqt")
    box = read("dockstring", "receptors", f"{target}_conf.txt")
    return pose_ladder(receptor.decode(), box.decode(), settings)


FIELD = Field(
    name="drug",
    title={"en": "Drug discovery", "ko": "신약 개발"},
    problems=PROBLEMS,
    template=files("dure.fields.drug").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    distributions=("rdkit", "chembl_structure_pipeline"),
    prepare=prepare,
    features=features,
    read_features=read_features,
    finalists=finalists,
    group=group,
    rank=rank,
    rank_title={"en": "ranking by heavy atoms", "ko": "무거운 원자 수 순위"},
    group_title={"en": "scaffold", "ko": "골격"},
    property_titles={
        "pKi": {"en": "binding constant, pKi = -log10(Ki / (mol/L))", "ko": "결합 상수 pKi = -log10(Ki / (mol/L))"},
        "pIC50": {"en": "inhibition, pIC50 = -log10(IC50 / (mol/L))", "ko": "저해 농도 pIC50 = -log10(IC50 / (mol/L))"},
    },
    caveats={
        "en": (
            "The compounds were made and published because somebody expected them to bind: enrichment among them is not "
            "a prospective hit rate.",
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
