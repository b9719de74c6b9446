"""Glucose from mid-infrared spectra: a calibration learnt on laboratory samples and tried once on a fermentation.

Second derivatives only, between 950 and 1500 cm⁻¹: a flow cell sits on another offset and slope than the bench cell
the samples were measured in, and the second derivative is blind to both. Window, polynomial and components are those
of the least cross-validated error over the samples, each sample (or group of them) held out in turn.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure.fields.bioprocess.chemometrics import Derivative, Floats, Pls, fit_pls, held_out, hotelling_limit
from dure.fields.bioprocess.chemometrics import residual_limit as q_limit
from dure.fields.bioprocess.svg import BLUE, GREY, ORANGE, RED, Axes
from dure.models.recipe import Column, Recipe

LOW, HIGH = 950.0, 1500.0
"""Wavenumbers of the calibration, cm⁻¹: the C-O and C-C stretching bands of glucose and what lies around them."""
COMPONENTS = 7
GRID = tuple(Derivative(2, p, w) for p in (2, 3) for w in (7, 11, 15, 19, 23, 27, 31, 35))
OPEN_GRID = tuple(Derivative(1, d.polynomial, d.window) for d in GRID)
"""What cross-validation over the samples likes better and the fermentation punishes; a figure of the card."""
MINUTES = 1.25
"""Between two spectra of the fermentation: 1,629 spectra end at the last HPLC point, 33.88 h."""
GAP = 8.0
"""Widest spacing of a spectrometer, cm⁻¹, whose spectra are interpolated onto the calibration's wavenumbers."""


@dataclass(frozen=True)
class Calibration:
    """A calibration with its limits.

    Attributes:
        wavenumbers: cm⁻¹, shape (wavenumbers,).
        derivative, components: chosen by cross-validation.
        pls: fitted on all samples.
        q, t2: 99 % limits.
        half80, half95: half widths of the prediction intervals, g/L.
        errors: predicted less measured of each sample while held out, g/L.
    """

    wavenumbers: Floats
    derivative: Derivative
    components: int
    pls: Pls
    q: float
    t2: float
    half80: float
    half95: float
    errors: Floats

    def predict(self, spectra: Floats) -> Floats:
        """Absorbance, shape (spectra, wavenumbers) -> glucose, g/L, shape (spectra,); never below zero."""
        return np.maximum(self.regressed(spectra), 0.0)

    def regressed(self, spectra: Floats) -> Floats:
        """What the regression alone says, negative values kept."""
        return self.pls.predict(self.derivative(spectra), self.components)

    def why(self, spectra: Floats, before: Floats | None = None) -> list[str]:
        """A code a spectrum: empty inside the domain, else `frozen`, `residual` (Q) or `extreme` (T²).

        Args:
            before: the spectrum measured before the first; a spectrum equal to the one before it is frozen.
        """
        q, t2 = self.pls.distances(self.derivative(spectra), self.components)
        earlier = np.concatenate([[spectra[0] + 1.0 if before is None else before], spectra[:-1]])
        frozen = (spectra == earlier).all(axis=1)
        codes = np.select([frozen, q > self.q, t2 > self.t2], ["frozen", "residual", "extreme"], "")
        return [str(code) for code in codes]


def calibrate(
    wavenumbers: Floats, spectra: Floats, glucose: Floats, groups: Sequence[str], grid: Sequence[Derivative] = GRID
) -> Calibration:
    """Chooses and fits on samples alone; shape (wavenumbers,), (samples, wavenumbers) and (samples,), groups a sample.

    Raises:
        BadInput: fewer than ten groups, of which nothing could be chosen.
    """
    if len(set(groups)) < 10:
        raise BadInput(
            f"{len(set(groups))} groups of samples are too few to choose a calibration by holding each out",
            remedy="measure ten independent samples or more",
        )
    most = min(COMPONENTS, len(glucose) - max(map(list(groups).count, set(groups))) - 2)
    tried = {derivative: held_out(derivative(spectra), glucose, groups, most) for derivative in grid}
    rmse = {derivative: np.sqrt((found[0] ** 2).mean(axis=0)) for derivative, found in tried.items()}
    chosen = min(rmse, key=lambda derivative: float(rmse[derivative].min()))
    k = int(rmse[chosen].argmin())
    errors, residuals, _ = (found[:, k] for found in tried[chosen])
    return Calibration(
        wavenumbers,
        chosen,
        k + 1,
        fit_pls(chosen(spectra), glucose, k + 1),
        q_limit(residuals),
        hotelling_limit(len(glucose), k + 1),
        _half_width(errors, 0.80),
        _half_width(errors, 0.95),
        errors,
    )


def _half_width(errors: Floats, level: float) -> float:
    """The conformal half width: the ceil((n + 1) level)-th smallest held-out error, the largest at most."""
    rank = min(len(errors), int(np.ceil((len(errors) + 1) * level)))
    return float(np.sort(np.abs(errors))[rank - 1])


def stream(calibration: Calibration, spectra: Iterable[Floats]) -> Iterator[tuple[float, str]]:
    """Spectra as they come, one at a time -> glucose in g/L and the code of `Calibration.why`."""
    before = None
    for spectrum in spectra:
        row = spectrum[None, :]
        yield float(calibration.predict(row)[0]), calibration.why(row, before)[0]
        before = spectrum


def to_bytes(calibration: Calibration) -> bytes:
    """As npz; no pickle."""
    sink = io.BytesIO()
    d, pls = calibration.derivative, calibration.pls
    arrays = {name: getattr(pls, name) for name in ("centre", "rotations", "loadings", "coefficients", "variance")}
    limits = [calibration.q, calibration.t2, calibration.half80, calibration.half95]
    np.savez(
        sink,
        wavenumbers=calibration.wavenumbers,
        derivative=np.array([d.order, d.polynomial, d.window, calibration.components]),
        mean=np.array(pls.mean),
        limits=np.array(limits),
        errors=calibration.errors,
        **arrays,
    )
    return sink.getvalue()


def from_bytes(data: bytes) -> Calibration:
    """The calibration of `to_bytes`."""
    held = np.load(io.BytesIO(data), allow_pickle=False)
    order, polynomial, window, components = (int(v) for v in held["derivative"])
    names = ("rotations", "loadings", "coefficients", "variance")
    pls = Pls(held["centre"], float(held["mean"]), *(held[name] for name in names))
    q, t2, half80, half95 = (float(v) for v in held["limits"])
    derivative = Derivative(order, polynomial, window)
    return Calibration(held["wavenumbers"], derivative, components, pls, q, t2, half80, half95, held["errors"])


def read_spectra(data: bytes) -> tuple[Floats, Floats]:
    """A table of the archive: wavenumbers within the calibration's range, and absorbance (spectra, wavenumbers)."""
    table = pacsv.read_csv(io.BytesIO(data))
    axis = np.array([float(name) for name in table.column_names])
    inside = np.flatnonzero((axis >= LOW) & (axis <= HIGH))
    return axis[inside], np.stack([table.column(int(i)).to_numpy().astype(float) for i in inside], axis=1)


def read_column(data: bytes, name: str) -> Floats:
    """One column of a table of the archive."""
    return np.asarray(pacsv.read_csv(io.BytesIO(data))[name].to_numpy(), dtype=float)


def spectra_of(table: pa.Table, wavenumbers: Floats | None = None) -> tuple[Floats, Floats]:
    """A user's rows: each column whose name is a number is a wavenumber.

    Args:
        wavenumbers: of the calibration, onto which the spectra are interpolated; None: the table's own within range.

    Raises:
        BadInput: the spectra do not cover the range closely enough.
    """
    named = sorted((float(name), name) for name in table.column_names if _is_number(name))
    axis = np.array([value for value, _ in named])
    low, high = (LOW, HIGH) if wavenumbers is None else (wavenumbers[0], wavenumbers[-1])
    inside = axis[(axis >= low - GAP) & (axis <= high + GAP)]
    if len(inside) < 2 or inside[0] > low + GAP or inside[-1] < high - GAP or np.diff(inside).max() > GAP:
        raise BadInput(
            f"the spectra do not cover {low:g} to {high:g} cm⁻¹ in steps of {GAP:g} cm⁻¹ or less",
            remedy="give one column a wavenumber, named by its number",
        )
    spectra = np.stack([table[name].to_numpy().astype(float) for _, name in named], axis=1)
    if wavenumbers is None:
        own = (axis >= LOW) & (axis <= HIGH)
        return axis[own], spectra[:, own]
    return wavenumbers, np.stack([np.interp(wavenumbers, axis, row) for row in spectra])


def _is_number(name: str) -> bool:
    return name.replace(".", "", 1).isdigit()


@task(version=1, distributions=("numpy", "scipy"))
def train(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The calibration from the shipped samples, tried once on the fermentation; or from a user's own samples."""
    if "table" in inputs:
        table = pq.read_table(io.BytesIO(inputs["table"]))
        axis, spectra = spectra_of(table)
        glucose = np.asarray(table["glucose"].to_numpy(), dtype=float)
        groups = [str(name) for name in table["sample"].to_pylist()]
        calibration = calibrate(axis, spectra, glucose, groups)
        return {"model": to_bytes(calibration), **_told(calibration, glucose, None)}
    shipped = {key.rpartition("/")[2]: data for key, data in inputs.items()}
    axis, spectra = read_spectra(shipped["train_spectra.csv"])
    glucose = read_column(shipped["train_hplc.csv"], "glucose")
    calibration = calibrate(axis, spectra, glucose, [str(i) for i in range(len(glucose))])
    batch = Batch.of(shipped["fermentation_spectra.csv"], shipped["fermentation_hplc.csv"])
    loose = calibrate(axis, spectra, glucose, [str(i) for i in range(len(glucose))], OPEN_GRID)
    return {"model": to_bytes(calibration), **_told(calibration, glucose, batch, loose)}


@dataclass(frozen=True)
class Batch:
    """The fermentation: `hours` and `spectra` of each spectrum, `sampled` (h) and `glucose` (g/L) of each point."""

    hours: Floats
    spectra: Floats
    sampled: Floats
    glucose: Floats

    @classmethod
    def of(cls, spectra: bytes, hplc: bytes) -> Batch:
        absorbance = read_spectra(spectra)[1]
        hours = np.arange(len(absorbance)) * MINUTES / 60
        return cls(hours, absorbance, read_column(hplc, "time"), read_column(hplc, "glucose"))

    def errors(self, predicted: Floats) -> tuple[Floats, Floats]:
        """Predicted less measured, g/L: at the HPLC points, and at every spectrum against HPLC joined by lines."""
        at_points = np.interp(self.sampled, self.hours, predicted) - self.glucose
        return at_points, predicted - np.interp(self.hours, self.sampled, self.glucose)


def time_alone(batch: Batch) -> float:
    """RMSE, g/L, of a cheat that reads no spectrum: each HPLC point from its two neighbours in time."""
    inner = range(1, len(batch.sampled) - 1)
    guessed = [np.interp(batch.sampled[i], np.delete(batch.sampled, i), np.delete(batch.glucose, i)) for i in inner]
    return float(np.sqrt(np.mean((np.array(guessed) - batch.glucose[1:-1]) ** 2)))


def _rmse(errors: Floats) -> float:
    return float(np.sqrt((errors**2).mean()))


def _row(
    figure: str, value: float, unit: str, beside: Mapping[str, float] | None = None, note: str = ""
) -> dict[str, Any]:
    return {"figure": figure, "value": round(value, 4), "unit": unit, "beside": dict(beside or {}), "note": note}


def metrics(
    calibration: Calibration, glucose: Floats, batch: Batch | None, loose: Calibration | None
) -> list[dict[str, Any]]:
    """The figures of the card, baselines beside them."""
    rows = [
        _row(
            "RMSECV", _rmse(calibration.errors), "g/L", {"mean of the samples": _rmse(glucose - glucose.mean())},
            "each sample held out in turn",
        )
    ]  # fmt: skip
    if batch is None or loose is None:
        return rows
    predicted = calibration.predict(batch.spectra)
    points, every = batch.errors(predicted)
    alone = _rmse(batch.errors(calibration.regressed(batch.spectra))[1])
    other = _rmse(batch.errors(loose.predict(batch.spectra))[1])
    beside = {
        "published": 5.4,
        "goal": 4.5,
        "mean of the samples": _rmse(batch.errors(np.full(len(batch.hours), glucose.mean()))[1]),
        "first derivative, by the same cross-validation": other,
        "time alone (cheat)": time_alone(batch),
    }
    inside = np.array([code == "" for code in calibration.why(batch.spectra)])
    rows += [
        _row("RMSEP, every spectrum", _rmse(every), "g/L", beside, "HPLC joined by lines, as the package computes it"),
        _row("RMSEP, every spectrum, negative values kept", alone, "g/L", {"published": 5.4, "goal": 4.5}),
        _row("RMSEP, at the HPLC points", _rmse(points), "g/L", {"goal": 4.5}),
        _row("bias", float(points.mean()), "g/L"),
        _row("SEP", float(points.std(ddof=1)), "g/L", note="spread of the errors without the bias"),
        *(
            _row(
                f"coverage of the {level} % interval",
                float((np.abs(points) <= half).mean()),
                "1",
                {"wanted": level / 100},
            )
            for level, half in ((80, calibration.half80), (95, calibration.half95))
        ),
        _row("spectra of the batch inside Q and T²", float(inside.mean()), "1"),
    ]
    return rows


_CAVEATS = (
    "One fermentation: nothing here shows that the calibration holds for another batch, strain, medium or instrument.",
    "Derivative order and wavenumber range were fixed on physical grounds by people who had seen the batch's figures; "
    "window, polynomial and components were not.",
    "Not for control or release: intervals from laboratory samples do not cover a fermentation, as the card shows.",
)


def _told(
    calibration: Calibration, glucose: Floats, batch: Batch | None, loose: Calibration | None = None
) -> dict[str, bytes]:
    """Card and pictures."""
    d = calibration.derivative
    card = {
        "method": f"PLS, {calibration.components} components, derivative {d.order} (polynomial {d.polynomial}, window "
        f"{d.window}), {calibration.wavenumbers[0]:g} to {calibration.wavenumbers[-1]:g} cm⁻¹",
        "training": f"{len(glucose)} samples, {glucose.min():.1f} to {glucose.max():.1f} g/L glucose by HPLC",
        "split": "choice and limits by holding out each sample; the fermentation was predicted once",
        "metrics": metrics(calibration, glucose, batch, loose),
        "calibration": f"conformal, from {len(glucose)} held-out errors: ±{calibration.half80:.2f} g/L (80 %), "
        f"±{calibration.half95:.2f} g/L (95 %); so few samples cannot show that the 95 % interval covers",
        "domain": f"Q up to {calibration.q:.3g} and T² up to {calibration.t2:.3g} (99 %); no spectrum twice in a row",
        "caveats": list(_CAVEATS),
    }
    pictures = {
        f"calibration.{lang}.svg": _picture(calibration, glucose, batch, lang).encode() for lang in ("en", "ko")
    }
    return {"card": canonical(card), **pictures}


_WORDS = {
    "en": {
        "title": "Glucose by mid-infrared spectra, one fermentation",
        "own": "Glucose by spectra, each sample held out",
        "x": "time (h)",
        "y": "glucose (g/L)",
        "measured": "HPLC",
        "predicted": "predicted",
        "band": "80 % interval",
        "outside": "outside Q or T²",
        "xm": "measured glucose (g/L)",
        "ym": "predicted glucose (g/L)",
        "note": "Learnt on laboratory samples only. One batch: no claim of transfer.",
    },
    "ko": {
        "title": "중적외선 스펙트럼으로 구한 포도당, 발효 1회",
        "own": "스펙트럼으로 구한 포도당, 시료를 하나씩 빼고 예측",
        "x": "시간 (h)",
        "y": "포도당 (g/L)",
        "measured": "HPLC",
        "predicted": "예측값",
        "band": "80 % 구간",
        "outside": "Q 또는 T² 한계 밖",
        "xm": "측정한 포도당 (g/L)",
        "ym": "예측한 포도당 (g/L)",
        "note": "실험실 시료로만 학습했습니다. 배치가 하나이므로 다른 배치에 대한 주장은 없습니다.",
    },
}


def _picture(calibration: Calibration, glucose: Floats, batch: Batch | None, lang: str) -> str:
    w = _WORDS[lang]
    if batch is None:
        predicted = glucose + calibration.errors
        ends = (min(0.0, float(predicted.min())), max(float(glucose.max()), float(predicted.max())) * 1.05)
        axes = Axes(ends, ends, w["own"], w["xm"], w["ym"])
        axes.line(ends, ends, GREY, dash="4 3")
        axes.dots(list(glucose), list(predicted), BLUE)
        return axes.svg()
    predicted = calibration.predict(batch.spectra)
    thin = slice(None, None, 4)
    low, high = np.maximum(predicted - calibration.half80, 0.0), predicted + calibration.half80
    range_ = (float(min(low.min(), 0)), float(max(high.max(), batch.glucose.max())))
    axes = Axes((0.0, float(batch.hours[-1])), range_, w["title"], w["x"], w["y"], note=w["note"])
    axes.band(batch.hours[thin], low[thin], high[thin], BLUE, label=w["band"])
    axes.line(batch.hours[thin], predicted[thin], BLUE, label=w["predicted"], width=1.2)
    axes.dots(list(batch.sampled), list(batch.glucose), RED, label=w["measured"])
    out = np.array([code in ("residual", "extreme") for code in calibration.why(batch.spectra)])
    axes.dots(list(batch.hours[out][::8]), [range_[0]] * len(batch.hours[out][::8]), ORANGE, label=w["outside"], r=1.6)
    return axes.svg()


@task(version=1, distributions=("numpy", "scipy"))
def predict(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """One prediction a row, in the order measured."""
    calibration = from_bytes(inputs["model"])
    table = pq.read_table(io.BytesIO(inputs["table"]))
    spectra = spectra_of(table, calibration.wavenumbers)[1]
    value, why = calibration.predict(spectra), calibration.why(spectra)
    made = pa.table(
        {
            "row": table["row"],
            "value": value,
            **{
                f"{side}{level}": np.maximum(value + sign * half, 0.0)
                for level, half in ((80, calibration.half80), (95, calibration.half95))
                for side, sign in (("low", -1), ("high", 1))
            },
            "inside": [code == "" for code in why],
            "why": why,
        }
    )
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return {"predictions": sink.getvalue()}


def _template() -> str:
    """A header and two example rows, every 4 cm⁻¹; the band near 1035 cm⁻¹ grows with glucose."""
    axis = np.arange(LOW, HIGH + 1, 4.0)
    band = np.exp(-0.5 * ((axis - 1035.0) / 25.0) ** 2)
    rows = [["sample", "glucose [g/L]", *(f"{a:g} [1]" for a in axis)]]
    rows += [
        [name, f"{g:g}", *(f"{v:.5f}" for v in 0.1 + 0.002 * g * band)] for name, g in (("s1", 10.0), ("s2", 30.0))
    ]
    return "\n".join(map(",".join, rows)) + "\n"


SPECTRA = Recipe(
    name="spectra",
    title={"en": "Glucose from mid-infrared spectra (PLS)", "ko": "중적외선 스펙트럼으로 포도당 예측 (PLS)"},
    property="glucose",
    unit="g/L",
    direction="minimise",
    columns=(
        Column(
            "wavenumber",
            "1",
            {"en": "absorbance at a wavenumber from 900 to 1599 cm⁻¹", "ko": "900~1599 cm⁻¹ 파수별 흡광도"},
            low=-5.0,
            high=20.0,
            pattern=r"(9[0-9]{2}|1[0-5][0-9]{2})(\.[0-9]+)?",
        ),
    ),
    target=Column(
        "glucose", "g/L", {"en": "glucose by HPLC", "ko": "HPLC로 잰 포도당"}, 0.0, 500.0, grams_per_mole=180.156
    ),
    group=Column(
        "sample", None, {"en": "sample, for repeated spectra of one", "ko": "시료 (같은 시료를 여러 번 잰 경우)"}
    ),
    reads=(
        ("dtuprosys", "samples", "train_spectra.csv"),
        ("dtuprosys", "samples", "train_hplc.csv"),
        ("dtuprosys", "fermentation", "fermentation_spectra.csv"),
        ("dtuprosys", "fermentation", "fermentation_hplc.csv"),
    ),
    train=train,
    predict=predict,
    template=_template(),
    why={
        "residual": {
            "en": "the spectrum holds something the samples did not (Q above its 99 % limit)",
            "ko": "시료에 없던 성분이 스펙트럼에 있습니다 (Q가 99 % 한계를 넘음)",
        },
        "extreme": {
            "en": "the spectrum lies beyond the samples (T² above its 99 % limit)",
            "ko": "시료의 범위를 벗어난 스펙트럼입니다 (T²가 99 % 한계를 넘음)",
        },
        "frozen": {
            "en": "the spectrum equals the one before it: the instrument may have stopped",
            "ko": "바로 앞 스펙트럼과 똑같습니다. 기기가 멈췄을 수 있습니다",
        },
    },
    caveats={
        "en": _CAVEATS,
        "ko": (
            "발효는 한 번뿐입니다. 다른 배치, 균주, 배지, 기기에서도 맞는다는 근거가 되지 않습니다.",
            "미분 차수와 파수 범위는 물리적 근거로 정했으나, 정한 사람이 배치의 수치를 이미 본 뒤였습니다. "
            "창, 다항식 차수, 성분 수는 시료만으로 골랐습니다.",
            "제어나 출하 판정에 쓸 수 없습니다. 실험실 시료에서 얻은 구간은 발효를 덮지 못하며, "
            "모델 카드가 이를 보여 줍니다.",
        ),
    },
)
