"""The public data of this field, as packages ship them; each is read as an archive and never installed."""

from __future__ import annotations

from dure.data.catalogue import Part, Source

_SPECTRA = "dtuprosys/chemometrics/datasets/data/{}.csv"

SOURCES: tuple[Source, ...] = (
    Source(
        name="dtuprosys",
        title="Mid-infrared spectra and HPLC of one lignocellulose fermentation, with 21 calibration samples",
        title_ko="리그노셀룰로오스 발효 1회의 중적외선 스펙트럼과 HPLC, 보정용 시료 21개",
        package="dtuprosys",
        version="0.1.24",
        filename="dtuprosys-0.1.24-py3-none-any.whl",
        sha256="9623b7dabdd6fe81f3e71ca6695d3ef05af34ec5afef64d7cbf87c8798735e1e",
        licence_package="MIT",
        licence_data="MIT",
        citation=(
            "Cabaneros Lopez P, Udugama IA, Thomsen ST, et al. Transforming data to information: a parallel hybrid "
            "model for real-time state estimation in lignocellulosic ethanol fermentation. Biotechnol Bioeng 2021, "
            "118, 579-591, doi 10.1002/bit.27586"
        ),
        parts=(
            Part(
                "samples",
                "21 semi-synthetic samples: spectra and glucose by HPLC",
                "반합성 시료 21개: 스펙트럼과 HPLC 포도당",
                (_SPECTRA.format("train_spectra"), _SPECTRA.format("train_hplc")),
            ),
            Part(
                "fermentation",
                "One fermentation: 1,629 spectra over 33.9 h and 34 HPLC points",
                "발효 1회: 33.9시간의 스펙트럼 1,629개와 HPLC 34점",
                (_SPECTRA.format("fermentation_spectra"), _SPECTRA.format("fermentation_hplc")),
            ),
        ),
    ),
    Source(
        name="cobra-models",
        title="Genome-scale metabolic models: E. coli iJO1366 and core, Salmonella iRR1083 (SBML)",
        title_ko="유전체 규모 대사 모델: 대장균 iJO1366과 핵심 모델, 살모넬라 iRR1083 (SBML)",
        package="cobra",
        version="0.32.1",
        filename="cobra-0.32.1-py2.py3-none-any.whl",
        sha256="6ebfc29503224371ff5390ce0ce347b738415bd37a2dfb8a9683591c6e5535dc",
        licence_package="LicenseRef-LGPL-2.0-or-later",
        licence_data="unclear",
        citation=(
            "Orth JD, Conrad TM, Na J, et al. A comprehensive genome-scale reconstruction of Escherichia coli "
            "metabolism, 2011. Mol Syst Biol 2011, 7, 535; BiGG Models (King et al. 2016, Nucleic Acids Res 44, D515), "
            "whose licence asks before commercial use; cobra: Ebrahim et al. 2013, BMC Syst Biol 7, 74"
        ),
        parts=(Part("models", "SBML files, gzipped", "gzip으로 압축한 SBML 파일", ("cobra/data/*.xml.gz",)),),
    ),
)
