"""The recipe `agrifood/nir`: composition from near-infrared spectra, own scans or Tecator's meat."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.campaign.report.axes import Axes, span
from dure.campaign.report.picture import BLUE, GREY, RED, Picture
from dure.compute.task import Inputs, Outputs, Progress, task
from dure.fields.agrifood.calibration import (
    LEVELS,
    PROCESS_MOST,
    REASONS,
    Calibration,
    arrays_of,
    calibrate,
    calibration_of,
)
from dure.fields.agrifood.nir_figures import by_name, nested, standard, transfer
from dure.fields.agrifood.nir_scans import OUTER, at_wavelengths, meat, own_scans, transferred
from dure.fields.agrifood.spectra import standardised
from dure.fields.agrifood.tecator import FILE, TRAINING
from dure.models.recipe import Column, Recipe

Floats = NDArray[np.float64]
PATTERN = r"[0-9]+(\.[0-9]+)?"


@task(version=1, distributions=("numpy", "scipy"))
def train(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Calibrates on training lots and judges on lots that it never saw; see `Recipe.train`."""
    quick, shipped = bool(params.get("quick")), "table" not in inputs
    scans = meat(inputs["/".join(FILE)]) if shipped else own_scans(inputs["table"])
    matrices, moved, usable = transferred(scans)
    kept = moved.take(usable)
    progress(0.1, "lots held out")
    if shipped:
        test = np.arange(len(kept.values)) >= TRAINING
        metrics, shown, covered = standard(kept, test, quick)
        if not quick:
            more, _, folds = nested(kept, quick)
            tail = {"en": ", five folds of all scans", "ko": ", 전체 스캔 다섯 겹"}
            metrics += [{**row, "figure": {k: row["figure"][k] + tail[k] for k in tail}} for row in more]
            covered |= {f"{name}, five folds of all {len(kept.values)}": share for name, share in folds.items()}
    else:
        metrics, shown, covered = nested(scans, quick)
    progress(0.6, "seasons and instruments")
    metrics += [*by_name(scans, quick), *transfer(scans)]
    progress(0.8, "the calibration")
    whole = calibrate(kept.spectra, kept.values, kept.groups, quick=quick, seed=seed or 0)
    held = arrays_of(whole) | {"wavelengths": scans.wavelengths}
    held |= {f"instrument.{name}": matrix for name, matrix in matrices.items()}
    sink = io.BytesIO()
    np.savez_compressed(sink, **held)
    lots, n = len(np.unique(kept.groups)), len(shown[0])
    tried = ", ".join(f"{name} {error:.3g}" for name, error in whole.held_out.items())
    treated = f"{whole.treatment.scatter}, d{whole.treatment.derivative}, {whole.size}"
    ends = f"{scans.wavelengths[0]:g}-{scans.wavelengths[-1]:g} nm", f"{whole.range[0]:g}-{whole.range[1]:g} %"
    kind = _described(whole)
    alone = ("", "")
    if len(kept.values) > PROCESS_MOST:
        alone = f"; above {PROCESS_MOST} scans PLS alone is tried", f". 스캔이 {PROCESS_MOST}개를 넘으면 PLS만 씀"
    treated = f"{whole.treatment.scatter}, d{whole.treatment.derivative}, {whole.size}"
    ends = f"{scans.wavelengths[0]:g}-{scans.wavelengths[-1]:g} nm", f"{whole.range[0]:g}-{whole.range[1]:g} %"
    kind = _described(whole)
    why_plain = len(kept.values) > PROCESS_MOST
    large = (
        f"; above {PROCESS_MOST} scans PLS alone is tried",
        f". 스캔이 {PROCESS_MOST}개를 넘으면 PLS만 씀",
    )
    alone = large if why_plain else ("", "")
    card = {
        "method": {
            "en": f"{kind[0]} (scatter, derivative, components: {treated}), chosen in five folds of "
            f"lots; RMSE there: {tried}{alone[0]}",
            "ko": f"{kind[1]} (산란 보정, 미분, 성분 수: {treated}). 로트 단위 다섯 겹에서 골랐으며 "
            f"그때의 RMSE: {tried}{alone[1]}",
        },
        "split": {
            "en": f"the split that came with the data: samples 1-{TRAINING} train, {n} test; identical "
            "scans are one lot",
            "ko": f"자료에 딸린 나눔: 시료 1-{TRAINING} 학습, {n}개 시험. 똑같은 스캔은 한 로트로 봄",
        }
        if shipped
        else {
            "en": f"{OUTER} folds of whole lots; everything is chosen again inside each",
            "ko": f"로트 단위 {OUTER}겹. 겹마다 모든 것을 새로 고름",
        },
        "metrics": metrics,
        "calibration": {
            "method": {
                "en": "conformal, errors of held-out training lots; for the process scaled by its standard deviation",
                "ko": "등각 예측: 따로 둔 학습 로트의 오차 (가우스 과정은 표준편차로 나눈 값)",
            },
            **covered,
            "scans": n,
            "note": {
                "en": "with fewer than about 700 scans a coverage is not known to 3 points",
                "ko": "스캔이 약 700개보다 적으면 포함률을 3점 안에서 알 수 없습니다",
            },
        },
        "training": {"scans": len(kept.values), "lots": lots, "channels": len(scans.wavelengths)},
        "domain": {
            "en": f"{ends[0]}, contents {ends[1]}, T2 and Q below those of 99 % of held-out training scans",
            "ko": f"{ends[0]}, 함량 {ends[1]}, T2와 Q가 따로 둔 학습 스캔 99 %의 값보다 작은 스캔",
        },
    }
    pictures = {f"errors.{lang}.svg": _drawn(*shown, lang) for lang in ("en", "ko")}
    return {"model": sink.getvalue(), "card": canonical(card), **pictures}


def _described(model: Calibration) -> tuple[str, str]:
    """What was chosen, in English and Korean; of a process also the components that matter most."""
    if model.process is None:
        return "PLS", "PLS"
    first = ", ".join(str(i + 1) for i in np.argsort(-model.process.relevance)[:5])
    return (
        f"Gaussian process with relevance, most relevant components {first}",
        f"관련도 가우스 과정, 관련도가 높은 성분 {first}",
    )


@task(version=1, distributions=("numpy", "scipy"))
def predict(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Content of each scan with intervals, and why a scan is not to be trusted; see `Recipe.predict`."""
    with np.load(io.BytesIO(inputs["model"]), allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    model = calibration_of(held)
    table = pq.read_table(io.BytesIO(inputs["table"]))
    spectra = at_wavelengths(table, held["wavelengths"])
    known = {name.partition(".")[2]: held[name] for name in held if name.startswith("instrument.")}
    strange = np.zeros(len(spectra), dtype=bool)
    if "instrument" in table.column_names and known:
        for i, name in enumerate(table["instrument"].to_pylist()):
            strange[i] = name not in known
            if name in known and known[name].size:
                spectra[i] = standardised(spectra[i : i + 1], known[name])[0]
    value, spread = model.predict(spectra)
    why = ["instrument" if odd else code for odd, code in zip(strange, model.why(spectra, value), strict=True)]
    bounds: dict[str, Floats] = {}
    for level in LEVELS:
        low, high = model.interval(value, spread, level)
        bounds |= {f"low{level * 100:.0f}": low, f"high{level * 100:.0f}": high}
    sink = io.BytesIO()
    made = {"row": table["row"], "value": value, **bounds, "inside": [not code for code in why], "why": why}
    pq.write_table(pa.table(made), sink)
    return {"predictions": sink.getvalue()}


_WORDS = {
    "title": {"en": "Held-out scans: predicted against measured", "ko": "따로 둔 스캔: 예측값과 실측값"},
    "x": {"en": "measured content (%)", "ko": "실측 함량 (%)"},
    "y": {"en": "predicted content (%)", "ko": "예측 함량 (%)"},
    "band": {"en": "95 % interval", "ko": "95 % 구간"},
    "scan": {"en": "scan", "ko": "스캔"},
    "equal": {"en": "equal", "ko": "같은 값"},
}


def _drawn(values: Floats, predicted: Floats, low: Floats, high: Floats, lang: str) -> bytes:
    """Predicted against measured, each scan with its interval."""
    picture = Picture(560, 430, _WORDS["title"][lang])
    ends = span(values, predicted)
    axes = Axes(picture, (64, 66, 470, 300), ends, ends, _WORDS["x"][lang], _WORDS["y"][lang])
    axes.line(ends, ends, RED, label=_WORDS["equal"][lang], dash="5 3", width=1.2)
    axes.sticks(values, low, high, GREY, label=_WORDS["band"][lang])
    axes.dots(values, predicted, BLUE, label=_WORDS["scan"][lang])
    axes.legend(beside=True)
    return picture.svg()


NIR = Recipe(
    name="nir",
    title={"en": "Composition from near-infrared spectra", "ko": "근적외선 스펙트럼으로 구하는 성분 함량"},
    property="content",
    unit="%",
    columns=(
        Column(
            "850",
            "1",
            {"en": "absorbance at a wavelength in nm", "ko": "파장(nm)별 흡광도"},
            low=-1.0,
            high=10.0,
            pattern=PATTERN,
        ),
        Column("instrument", None, {"en": "spectrometer", "ko": "분광기"}, required=False),
    ),
    target=Column("content", "%", {"en": "measured content", "ko": "실측 함량"}, low=0.0, high=100.0),
    group=Column("lot", None, {"en": "lot: never split", "ko": "로트 (나누지 않음)"}),
    others=(
        Column("season", None, {"en": "season or year", "ko": "시기나 연도"}, required=False),
        Column(
            "sample",
            None,
            {
                "en": "sample; the same name on two instruments is a transfer standard",
                "ko": "시료 (두 기기에 같은 이름이면 기기 이전 표준)",
            },
            required=False,
        ),
    ),
    reads=(FILE,),
    train=train,
    predict=predict,
    template=(
        "lot,season,instrument,sample,content [%],850,852,854,856,858,860,862,864,866,868,870,872,874,876,878,880,882,"
        "884,886,888\nlot-01,2026-spring,A,s-001,12.5,2.6178,2.6181,2.6186,2.6193,2.6200,2.6209,2.6219,2.6230,2.6243,"
        "2.6257,2.6272,2.6288,2.6306,2.6324,2.6344,2.6365,2.6387,2.6410,2.6434,2.6459\n"
    ),
    why={
        "shape": {
            "en": "do not trust this scan: its shape was not seen in training (Q)",
            "ko": "이 스캔은 믿지 마십시오: 학습에서 보지 못한 모양입니다(Q)",
        },
        "extreme": {
            "en": "do not trust this scan: it lies at the edge of what was seen in training (T2)",
            "ko": "이 스캔은 믿지 마십시오: 학습에서 본 범위의 가장자리에 있습니다(T2)",
        },
        "range": {
            "en": "do not trust this scan: the content lies outside that of training",
            "ko": "이 스캔은 믿지 마십시오: 함량이 학습 범위 밖입니다",
        },
        "instrument": {
            "en": "do not trust this scan: the calibration does not know this instrument",
            "ko": "이 스캔은 믿지 마십시오: 교정에 없는 기기입니다",
        },
    },
    caveats={
        "en": (
            "A calibration holds for the product, the instrument and the seasons that it was trained on.",
            "Not for payment, labelling or food safety without a check against the reference method.",
            "Tecator's set names no lots or seasons and holds 22 pairs of identical scans; seven test scans are in its "
            "training part as well.",
        ),
        "ko": (
            "교정식은 학습에 쓴 제품, 기기, 시기에서만 유효합니다.",
            "기준 분석법으로 확인하지 않고 대금 정산, 표시, 식품 안전 판단에 쓰지 마십시오.",
            "Tecator 자료에는 로트와 시기가 없고 똑같은 스캔이 22쌍 있습니다. 시험 스캔 7개는 학습 부분에도 있습니다.",
        ),
    },
)
assert set(NIR.why) == {*REASONS, "instrument"}
