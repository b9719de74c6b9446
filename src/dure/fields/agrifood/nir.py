"""The recipe `agrifood/nir`: composition from near-infrared spectra, own scans or Tecator's meat."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import Inputs, Outputs, Progress, task
from dure.fields.agrifood.calibration import LEVELS, REASONS, arrays_of, best_pls, calibrate, calibration_of
from dure.fields.agrifood.spectra import figures, fit_pls, group_folds, standardisation, standardised
from dure.fields.agrifood.svg import BLUE, GREY, RED, Panel, Picture, span
from dure.fields.agrifood.tecator import FILE, TRAINING, WAVELENGTHS, read_tecator
from dure.models.recipe import Column, Recipe, Texts

Floats = NDArray[np.float64]
Names = NDArray[np.str_]
Shown = tuple[Floats, Floats, Floats, Floats]
"""Measured, predicted, and the ends of the 95 % interval."""
PATTERN = r"[0-9]+(\.[0-9]+)?"
OUTER = 5
PAIRS = 5
"""Samples read on both instruments from which a second one is turned into the first's readings."""


@dataclass(frozen=True)
class Scans:
    """Spectra with what is known of them.

    Attributes:
        spectra: absorbance, shape (samples, channels).
        wavelengths: nm, shape (channels,), rising.
        values: content in %, shape (samples,).
        groups: lot of each scan; scans of one lot are never split.
        others: `season`, `instrument` and `sample`, where the table has them.
    """

    spectra: Floats
    wavelengths: Floats
    values: Floats
    groups: Names
    others: Mapping[str, Names]

    def take(self, rows: NDArray[Any]) -> Scans:
        """The scans of some rows."""
        others = {name: each[rows] for name, each in self.others.items()}
        return Scans(self.spectra[rows], self.wavelengths, self.values[rows], self.groups[rows], others)


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
        metrics, shown, covered = _standard(kept, test, quick)
        if not quick:
            more, _, folds = _nested(kept, quick)
            tail = {"en": ", five folds of all scans", "ko": ", 전체 스캔 다섯 겹"}
            metrics += [{**row, "figure": {k: row["figure"][k] + tail[k] for k in tail}} for row in more]
            covered |= {f"{name}, five folds of all {len(kept.values)}": share for name, share in folds.items()}
    else:
        metrics, shown, covered = _nested(kept, quick)
    progress(0.6, "seasons and instruments")
    metrics += [*_by_name(kept, quick), *_transfer(scans)]
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
    kind = {"gp": ("Gaussian process with relevance", "관련도 가우스 과정"), "pls": ("PLS", "PLS")}[whole.kind]
    card = {
        "method": {
            "en": f"{kind[0]} (scatter, derivative, components: {treated}), chosen in five folds of "
            f"lots; RMSE there: {tried}",
            "ko": f"{kind[1]} (산란 보정, 미분, 성분 수: {treated}). 로트 단위 다섯 겹에서 골랐으며 "
            f"그때의 RMSE: {tried}",
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


@task(version=1, distributions=("numpy", "scipy"))
def predict(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Content of each scan with intervals, and why a scan is not to be trusted; see `Recipe.predict`."""
    with np.load(io.BytesIO(inputs["model"]), allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    model = calibration_of(held)
    table = pq.read_table(io.BytesIO(inputs["table"]))
    spectra = _at(table, held["wavelengths"])
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


def meat(data: bytes, target: str = "fat") -> Scans:
    """Tecator's scans; identical ones, of which the set has 22 pairs, are one lot."""
    spectra, contents = read_tecator(data)
    _, lot = np.unique(spectra, axis=0, return_inverse=True)
    return Scans(spectra, WAVELENGTHS, contents[target], lot.reshape(-1).astype(str), {})


def own_scans(data: bytes) -> Scans:
    """The rows of a user's table, checked and in units.

    Raises:
        BadInput: too few channels, scans or lots to learn from.
    """
    table = pq.read_table(io.BytesIO(data))
    names = [name for name in table.column_names if name[:1].isdigit()]
    wavelengths = np.sort(np.array([float(name) for name in names]))
    lots = np.array(table["lot"].to_pylist(), dtype=str)
    if len(names) < 20 or len(lots) < 40 or len(np.unique(lots)) < 2 * OUTER:
        raise BadInput(
            f"{len(lots)} scans of {len(names)} channels from {len(np.unique(lots))} lots are too few to calibrate",
            remedy="give at least 40 scans, 20 channels and 10 lots",
        )
    others = {
        name: np.array(table[name].to_pylist(), dtype=str)
        for name in ("season", "instrument", "sample")
        if name in table.column_names
    }
    return Scans(_at(table, wavelengths), wavelengths, table["content"].to_numpy().astype(float), lots, others)


def _at(table: pa.Table, wavelengths: Floats) -> Floats:
    """Absorbance at the given wavelengths, linear between the table's own, shape (samples, channels)."""
    names = [name for name in table.column_names if name[:1].isdigit()]
    own = np.array([float(name) for name in names])
    order = np.argsort(own)
    if len(own) < 2 or own.min() > wavelengths[0] + 1e-9 or own.max() < wavelengths[-1] - 1e-9:
        found = f"{own.min():g} to {own.max():g} nm" if len(own) else "none"
        raise BadInput(
            f"the scans reach {found}, the calibration {wavelengths[0]:g} to {wavelengths[-1]:g} nm",
            remedy="give scans over the whole range: nothing is extrapolated",
        )
    read = np.column_stack([table[names[i]].to_numpy().astype(float) for i in order])
    if len(own) == len(wavelengths) and np.allclose(own[order], wavelengths):
        return read
    return np.stack([np.interp(wavelengths, own[order], each) for each in read])


def transferred(scans: Scans) -> tuple[dict[str, Floats], Scans, NDArray[np.bool_]]:
    """All scans as the first instrument would read them.

    The first is the instrument with the most scans. Another is turned into it by samples that both have read (column
    `sample`), if there are five; its other scans are left out otherwise.

    Returns:
        The matrix of each instrument (empty for the first), the scans, and which of them can be used.
    """
    usable = np.ones(len(scans.values), dtype=bool)
    if "instrument" not in scans.others:
        return {}, scans, usable
    own = scans.others["instrument"]
    names, counts = np.unique(own, return_counts=True)
    first = str(names[np.argmax(counts)])
    matrices, moved = {first: np.empty(0)}, scans.spectra.copy()
    for name in (str(n) for n in names if n != first):
        pairs = shared(scans, first, name)
        if len(pairs) < PAIRS:
            usable &= own != name
            continue
        matrices[name] = standardisation(scans.spectra[pairs[:, 0]], scans.spectra[pairs[:, 1]])
        moved[own == name] = standardised(scans.spectra[own == name], matrices[name])
    return matrices, Scans(moved, scans.wavelengths, scans.values, scans.groups, scans.others), usable


def shared(scans: Scans, first: str, second: str) -> NDArray[np.int64]:
    """Rows (on the first, on the second instrument) of the samples that both have read, shape (pairs, 2)."""
    if "sample" not in scans.others:
        return np.empty((0, 2), dtype=np.int64)
    own, sample = scans.others["instrument"], scans.others["sample"]
    rows = [{str(s): i for i, s in enumerate(sample) if own[i] == name} for name in (first, second)]
    both = sorted(set(rows[0]) & set(rows[1]))
    return np.array([[rows[0][s], rows[1][s]] for s in both], dtype=np.int64).reshape(-1, 2)


def _standard(scans: Scans, test: NDArray[np.bool_], quick: bool) -> tuple[list[Any], Shown, dict[str, float]]:
    """Figures on the split that came with the data, with and without test scans that training holds as well."""
    train, out = scans.take(~test), scans.take(test)
    model = calibrate(train.spectra, train.values, train.groups, quick=quick)
    value, spread = model.predict(out.spectra)
    treatment, pls, size = best_pls(train.spectra, train.values, train.groups)
    strong = pls.predict(treatment.apply(out.spectra))[:, size - 1]
    raw = fit_pls(train.spectra, train.values, 16).predict(out.spectra)[:, -1]
    twin = np.isin(out.groups, train.groups)
    rows = _rows(out.values, value, {"PLS chosen in folds": strong, "PLS-16, untreated": raw})
    rows += _rows(
        out.values[~twin],
        value[~twin],
        {"PLS chosen in folds": strong[~twin], "PLS-16, untreated": raw[~twin]},
        {"en": f", without {int(twin.sum())} scans that training holds too",
         "ko": f", 학습에도 있는 스캔 {int(twin.sum())}개 제외"},
    )  # fmt: skip
    return rows, (out.values, value, *model.interval(value, spread, 0.95)), _coverage(out.values, model, value, spread)


def _nested(scans: Scans, quick: bool) -> tuple[list[Any], Shown, dict[str, float]]:
    """Figures of lots held out one fold after another, all chosen anew inside."""
    fold = group_folds(scans.groups, OUTER, 1)
    n = len(scans.values)
    value, strong, low, high = (np.empty(n) for _ in range(4))
    hits = {level: np.zeros(n, dtype=bool) for level in LEVELS}
    for out in range(OUTER):
        train, test = scans.take(fold != out), scans.take(fold == out)
        model = calibrate(train.spectra, train.values, train.groups, quick=quick)
        told, spread = model.predict(test.spectra)
        treatment, pls, size = best_pls(train.spectra, train.values, train.groups)
        strong[fold == out] = pls.predict(treatment.apply(test.spectra))[:, size - 1]
        value[fold == out] = told
        low[fold == out], high[fold == out] = model.interval(told, spread, 0.95)
        for level in LEVELS:
            a, b = model.interval(told, spread, level)
            hits[level][fold == out] = (a <= test.values) & (test.values <= b)
    covered = {f"coverage{level * 100:.0f}": float(each.mean()) for level, each in hits.items()}
    return _rows(scans.values, value, {"PLS chosen in folds": strong}), (scans.values, value, low, high), covered


def _by_name(scans: Scans, quick: bool) -> list[dict[str, Any]]:
    """RMSEP of each season and each instrument when training saw none of it, nor of its lots."""
    rows = []
    for what, title in (("season", "시기"), ("instrument", "기기")):
        names = np.unique(scans.others[what]) if what in scans.others else np.empty(0)
        for name in names if len(names) > 1 else ():
            test = scans.others[what] == name
            train = ~test & ~np.isin(scans.groups, scans.groups[test])
            if train.sum() < 40 or len(np.unique(scans.groups[train])) < OUTER:
                continue
            kept = scans.take(train)
            model = calibrate(kept.spectra, kept.values, kept.groups, quick=quick)
            treatment, pls, size = best_pls(kept.spectra, kept.values, kept.groups)
            strong = pls.predict(treatment.apply(scans.spectra[test]))[:, size - 1]
            told = figures(scans.values[test], model.predict(scans.spectra[test])[0])
            text = {"en": f"RMSEP, {what} {name} never seen", "ko": f"RMSEP, 처음 보는 {title} {name}"}
            beside = {"PLS chosen in folds": figures(scans.values[test], strong)["RMSEP"]}
            rows.append({"figure": text, "value": told["RMSEP"], "unit": "%", "beside": beside, "note": ""})
    return rows


def _transfer(scans: Scans) -> list[dict[str, Any]]:
    """A second instrument's errors as it reads, with slope and bias corrected, and standardised; lots held out.

    One half of the lots gives the standards and the corrections, the other half is judged; PLS of the first instrument.
    """
    if "instrument" not in scans.others:
        return []
    own = scans.others["instrument"]
    names, counts = np.unique(own, return_counts=True)
    first = str(names[np.argmax(counts)])
    half = group_folds(scans.groups, 2, 2) == 0
    rows: list[dict[str, Any]] = []
    for name in (str(n) for n in names if n != first):
        known, test = scans.take(half), (own == name) & ~half
        pairs = shared(known, first, name)
        here = known.others["instrument"] == first
        if len(pairs) < PAIRS or test.sum() < 2 * PAIRS or here.sum() < 20:
            continue
        treatment, pls, size = best_pls(known.spectra[here], known.values[here], known.groups[here])

        def told(spectra: Floats, treatment: Any = treatment, pls: Any = pls, size: int = size) -> Floats:
            return np.asarray(pls.predict(treatment.apply(spectra))[:, size - 1])

        second = known.others["instrument"] == name
        slope, bias = np.polyfit(told(known.spectra[second]), known.values[second], 1)
        matrix = standardisation(known.spectra[pairs[:, 0]], known.spectra[pairs[:, 1]])
        plain = told(scans.spectra[test])
        values = scans.values[test]
        beside = {
            "as it reads": figures(values, plain)["RMSEP"],
            "slope and bias": figures(values, slope * plain + bias)["RMSEP"],
        }
        moved = figures(values, told(standardised(scans.spectra[test], matrix)))["RMSEP"]
        text = {"en": f"RMSEP of {name}, standardised to {first}", "ko": f"{first}에 맞춰 표준화한 {name}의 RMSEP"}
        rows.append({"figure": text, "value": moved, "unit": "%", "beside": beside, "note": f"{len(pairs)} samples"})
    return rows


def _rows(
    values: Floats, predicted: Floats, beside: Mapping[str, Floats], more: Texts | None = None
) -> list[dict[str, Any]]:
    told, others = figures(values, predicted), {name: figures(values, each) for name, each in beside.items()}
    tail = more or {"en": "", "ko": ""}
    return [
        {
            "figure": {"en": name + tail["en"], "ko": ("편향" if name == "bias" else name) + tail["ko"]},
            "value": told[name],
            "unit": "1" if name == "RPD" else "%",
            "beside": {other: each[name] for other, each in others.items()},
            "note": f"{len(values)} scans",
        }
        for name in told
    ]


def _coverage(values: Floats, model: Any, value: Floats, spread: Floats) -> dict[str, float]:
    told = {}
    for level in LEVELS:
        low, high = model.interval(value, spread, level)
        told[f"coverage{level * 100:.0f}"] = float(((low <= values) & (values <= high)).mean())
    return told


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
    panel = Panel(picture, (64, 66, 470, 300), ends, ends, _WORDS["y"][lang], _WORDS["x"][lang])
    panel.line(ends, ends, RED, dash="5 3", width=1.2)
    for x, a, b in zip(values, low, high, strict=True):
        panel.line([x, x], [a, b], GREY, width=0.8)
    panel.dots(values, predicted, BLUE)
    panel.legend((BLUE, _WORDS["scan"][lang]), (GREY, _WORDS["band"][lang]), (RED, _WORDS["equal"][lang]))
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
