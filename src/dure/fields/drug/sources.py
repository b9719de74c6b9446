"""Public data that the drug field can use."""

from __future__ import annotations

from dure.data.catalogue import Part, Source

_ACE = "MoleculeACE/Data/benchmark_data/{}.csv"
# Targets by their ChEMBL id; the name where the set is used in a problem of its own.
_ACE_TARGETS = {
    "CHEMBL1862_Ki": "ABL1 kinase",
    "CHEMBL1871_Ki": "",
    "CHEMBL2034_Ki": "",
    "CHEMBL2047_EC50": "",
    "CHEMBL204_Ki": "thrombin (F2)",
    "CHEMBL2147_Ki": "",
    "CHEMBL214_Ki": "",
    "CHEMBL218_EC50": "",
    "CHEMBL219_Ki": "",
    "CHEMBL228_Ki": "",
    "CHEMBL231_Ki": "",
    "CHEMBL233_Ki": "",
    "CHEMBL234_Ki": "dopamine D3 receptor (DRD3)",
    "CHEMBL235_EC50": "",
    "CHEMBL236_Ki": "",
    "CHEMBL237_EC50": "",
    "CHEMBL237_Ki": "",
    "CHEMBL238_Ki": "",
    "CHEMBL239_EC50": "",
    "CHEMBL244_Ki": "coagulation factor X (F10)",
    "CHEMBL262_Ki": "",
    "CHEMBL264_Ki": "",
    "CHEMBL2835_Ki": "JAK1 kinase",
    "CHEMBL287_Ki": "",
    "CHEMBL2971_Ki": "JAK2 kinase",
    "CHEMBL3979_EC50": "",
    "CHEMBL4005_Ki": "",
    "CHEMBL4203_Ki": "",
    "CHEMBL4616_EC50": "",
    "CHEMBL4792_Ki": "",
}


def _ace_part(stem: str, target: str) -> Part:
    code, kind = stem.split("_")
    named = f"{target}, {code}" if target else code
    return Part(
        stem.lower(),
        f"{kind} of compounds at {named} (MoleculeACE curation of ChEMBL)",
        f"{named} 화합물 {kind} 측정값 (ChEMBL의 MoleculeACE 선별)",
        (_ACE.format(stem),),
    )


SOURCES: tuple[Source, ...] = (
    Source(
        name="moleculeace",
        title="Measured Ki and EC50 of 48,714 compound-target pairs, 30 targets",
        title_ko="표적 30종의 Ki, EC50 실측값 48,714건",
        package="MoleculeACE",
        version="3.0.0",
        filename="MoleculeACE-3.0.0-py3-none-any.whl",
        sha256="c2028c9a75281eab53d3b3e7dc11cbc8ac970d008bac4a0d3927f11ac2024bdc",
        licence_package="MIT",
        licence_data="CC-BY-SA-3.0",
        citation=(
            "van Tilborg D, Alenicheva A, Grisoni F. Exposing the limitations of molecular machine learning with "
            "activity cliffs. J Chem Inf Model 2022, 62, 5938-5951. Data: ChEMBL (EMBL-EBI), CC BY-SA 3.0"
        ),
        parts=tuple(_ace_part(stem, target) for stem, target in _ACE_TARGETS.items()),
    ),
    Source(
        name="dockstring",
        title="58 prepared protein receptors with their docking boxes",
        title_ko="도킹용으로 준비된 단백질 수용체 58종과 도킹 상자",
        package="dockstring",
        version="0.3.4",
        filename="dockstring-0.3.4-py3-none-any.whl",
        sha256="e0e61d4f6f5ff22b3cc2905ea01af5752fe0a14f93b4a148d81ffa1fac661cc5",
        licence_package="Apache-2.0",
        licence_data="Apache-2.0",
        citation=(
            "García-Ortegón M, Simm GNC, Tripp AJ, et al. DOCKSTRING: easy molecular docking yields better "
            "benchmarks for ligand design. J Chem Inf Model 2022, 62, 3486-3502"
        ),
        parts=(
            Part(
                "receptors",
                "Prepared receptors (PDBQT) and boxes of 58 targets",
                "표적 58종의 준비된 수용체(PDBQT)와 도킹 상자",
                ("dockstring/resources/targets/*_target.pdbqt", "dockstring/resources/targets/*_conf.txt"),
            ),
        ),
    ),
)
