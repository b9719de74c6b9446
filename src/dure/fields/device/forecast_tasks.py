"""Training and use of the glucose forecasts: tasks, cards and recipes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure.fields.device import errorgrid
from dure.fields.device import forecast as fc
from dure.fields.device.patients import FILES, read_patients
from dure.fields.device.scenario import STEP as MINUTES
from dure.fields.device.scenario import scenario
from dure.fields.device.therapy import run
from dure.fields.device.windows import LAGS, Trace, Windows, read_hall, repeated, traces_of, windows
from dure.models.recipe import Column, Recipe

Floats = NDArray[np.float64]
Inputs = Mapping[str, bytes]
Progress = Callable[[float, str], None]

HALL = ("iglu", "hall", "example_data_hall.csv")
TWIN_DAYS, TWIN_EVERY = 7, 2
"""Days of each virtual patient that the twin's model learns from, and of which readings it takes every so many."""
FEWEST = 5
"""People that a forecast can be trained and judged on; each stands in one of as many folds."""


def simulated_traces(files: Mapping[str, bytes], days: int = TWIN_DAYS) -> list[Trace]:
    """What the sensors of all thirty virtual patients show under today's settings, faults included."""
    patients = read_patients(files)
    shown = run(patients, scenario(patients, days), [1, 1, 1, 140, 0]).shown
    moments = np.arange(shown.shape[1], dtype=float) * MINUTES
    known = np.isfinite(shown)
    return [
        Trace(name, moments[ok], row[ok], np.flatnonzero(ok))
        for name, row, ok in zip(patients.names, shown, known, strict=True)
    ]


def _trained(
    inputs: Inputs, params: Mapping[str, Any], progress: Progress, horizon: float, simulated: bool
) -> Mapping[str, bytes]:
    """A model, its card and its error grid; outer folds judge the whole procedure, the model then learns from all."""
    if "table" in inputs:
        traces, simulated = traces_of(pq.read_table(io.BytesIO(inputs["table"]))), False
    elif simulated:
        traces = simulated_traces({name: inputs[f"simglucose/patients/{name}"] for name in FILES})
    else:
        traces = read_hall(inputs["/".join(HALL)])
    data = windows(traces, horizon)
    data = data.take(np.isfinite(data.future))
    if simulated:
        data = data.take(np.arange(len(data.minutes)) % TWIN_EVERY == 0)
    people = len(np.unique(data.person))
    if people < FEWEST:
        raise BadInput(
            f"{people} people have an unbroken hour before a forecast, {FEWEST} are needed",
            remedy="give readings every five minutes of more people; a gap of over ten minutes breaks a trace",
        )
    choices = fc.CHOICES[:2] if params.get("quick") else fc.CHOICES
    fold = fc.folds(data.person, fc.FOLDS, 0)
    judged = _judged(data, fold, choices, horizon, progress)
    model = fc.train(data, choices)
    progress(0.95, "error grid")
    card = _card(traces, data, judged, model, horizon, simulated)
    kept = {"horizon": horizon, **model.as_plain()}
    pictures = {
        f"error-grid.{lang}.svg": errorgrid.drawn(data.future, judged["made"], horizon, lang, simulated)
        for lang in errorgrid.WORDS
    }
    return {"model": canonical(kept), "card": canonical(card), **pictures}


def _judged(
    data: Windows, fold: NDArray[np.int64], choices: Sequence[Mapping[str, Any]], horizon: float, progress: Progress
) -> dict[str, Any]:
    """Forecasts, intervals and alarms of everyone by models that never saw them; the autoregression beside."""
    n = len(data.minutes)
    made, widths, ar, foretold, kinds = np.empty(n), np.empty((n, 2)), np.empty(n), np.empty(n), []
    alarm = {name: np.empty(n) for name in ("model", "persistence", "ARIMA")}
    for f in range(int(fold.max()) + 1):
        progress(0.9 * f / (fold.max() + 1), f"fold {f + 1}")
        held, part = fold == f, data.take(fold != f)
        model = fc.train(part, choices)
        made[held] = fc.forecast(model.learner, data.history[held])
        foretold[held] = model.foretold(data.history[held], made[held])
        widths[held], alarm["model"][held] = model.half_widths(data.history[held]), model.alarm
        order = fc.chosen_order(part, horizon)
        ar[held] = fc.iterated(fc.autoregression(part, order), data.history[held], horizon)
        # The baselines' alarms are tuned as the model's is: on forecasts of training people left out.
        _, alarm["persistence"][held] = fc.best_alarm(part.future, part.history[:, 0])
        _, alarm["ARIMA"][held] = fc.best_alarm(part.future, fc.autoregressed(part, order, horizon))
        kinds.append(model.choice)
    return {"made": made, "widths": widths, "alarm": alarm, "foretold": foretold, "ar": ar, "kinds": kinds}


def _card(
    traces: Sequence[Trace],
    data: Windows,
    judged: Mapping[str, Any],
    model: fc.Trained,
    horizon: float,
    simulated: bool,
) -> dict[str, Any]:
    true, made, ar, now = data.future, judged["made"], judged["ar"], data.history[:, 0]
    miss = np.abs(true - made)
    covered = [100 * float((miss <= judged["widths"][:, i]).mean()) for i in range(2)]
    people, low = np.unique(data.person), true < fc.LOW
    by_person = np.array([fc.rmse(true[data.person == p], made[data.person == p]) for p in people])
    rings = judged["alarm"]
    ours = fc.alarms(true, judged["foretold"], rings["model"])
    others = {name: fc.alarms(true, told, rings[name]) for name, told in (("persistence", now), ("ARIMA", ar))}

    def row(
        figure: dict[str, str], value: float, unit: str, beside: Mapping[str, float], note: dict[str, str] | None = None
    ) -> dict[str, Any]:
        known = {name: round(v, 3) for name, v in beside.items() if np.isfinite(v)}
        return {
            "figure": figure,
            "value": round(value, 3) if np.isfinite(value) else None,
            "unit": unit,
            "beside": known,
            "note": note or {"en": "", "ko": ""},
        }

    few = {
        "en": f"{ours['lows']:.0f} of {len(true)} windows are lows: read with care; every threshold is the one "
        "that finds most lows on training people with at most half of the alarms false",
        "ko": f"창 {len(true)}개 가운데 저혈당은 {ours['lows']:.0f}개뿐이므로 조심해서 읽으십시오. 문턱은 모두 학습한 "
        "사람들에서 거짓 경보가 절반을 넘지 않으면서 저혈당을 가장 많이 찾는 값",
    }
    if simulated:
        few["en"] += "; what the sensor shows, so compression artefacts count as lows"
        few["ko"] += ". 센서 값 기준이므로 눌림에 의한 거짓 저혈당도 저혈당으로 셈"
    metrics = [
        row({"en": "RMSE", "ko": "RMSE"}, fc.rmse(true, made), "mg/dL",
            {"persistence": fc.rmse(true, now), "ARIMA": fc.rmse(true, ar)}),
        row({"en": "MARD", "ko": "MARD"}, fc.mard(true, made), "%",
            {"persistence": fc.mard(true, now), "ARIMA": fc.mard(true, ar)}),
        row({"en": "time lag", "ko": "시간 지연"}, fc.lag(data, made, horizon), "min",
            {"persistence": fc.lag(data, now, horizon), "ARIMA": fc.lag(data, ar, horizon)}),
        row({"en": "sensitivity for < 70 mg/dL", "ko": "70 mg/dL 미만 민감도"}, ours["sensitivity"], "%",
            {name: told["sensitivity"] for name, told in others.items()}, few),
        row({"en": "false alarms for < 70 mg/dL", "ko": "70 mg/dL 미만 거짓 경보"}, ours["false"], "%",
            {name: told["false"] for name, told in others.items()}, few),
        row({"en": "error grid, zones A and B", "ko": "오차 격자 A·B 구역"}, _harmless(true, made), "%",
            {"persistence": _harmless(true, now), "ARIMA": _harmless(true, ar)}),
        row({"en": "RMSE where it is low", "ko": "저혈당 창의 RMSE"},
            fc.rmse(true[low], made[low]) if low.any() else float("nan"), "mg/dL",
            {"persistence": fc.rmse(true[low], now[low])} if low.any() else {}, few),
        row({"en": "RMSE of the worst person", "ko": "가장 나쁜 사람의 RMSE"}, float(by_person.max()), "mg/dL", {}),
    ]  # fmt: skip
    source = {"en": "simulated traces", "ko": "모의 혈당"} if simulated else {"en": "traces", "ko": "혈당 기록"}
    kinds = ", ".join(sorted({str(one["kind"]) for one in judged["kinds"]}))
    return {
        "method": {
            "en": f"Change of glucose in {horizon:g} min from one hour of readings; {kinds} chosen inside training "
            "folds; LightGBM (Ke et al. 2017) stored as text, or ridge regression",
            "ko": f"한 시간의 측정값으로 {horizon:g}분 뒤까지의 변화를 예측. 학습 폴드 안에서 {kinds} 선택. "
            "LightGBM(Ke 외 2017)은 글로 저장하며, 능형 회귀도 후보",
        },
        "split": {
            "en": f"{fc.FOLDS} folds by person: {len(people)} people, {len(true)} windows",
            "ko": f"사람 단위 {fc.FOLDS}겹: {len(people)}명, 창 {len(true)}개",
        },
        "training": {
            "people": len(traces),
            "windows": len(true),
            "choice": model.choice,
            "data": source,
            "horizon_minutes": horizon,
        },
        "metrics": metrics,
        "calibration": {
            "80": {"covered": round(covered[0], 2), "n": len(true)},
            "95": {"covered": round(covered[1], 2), "n": len(true)},
            "note": {
                "en": "per cent of held-out people's windows inside the conformal interval",
                "ko": "학습에 쓰지 않은 사람들의 창 가운데 등각 구간 안에 든 비율(%)",
            },
        },
        "domain": {
            "en": "an unbroken hour of readings, each of its features within a tenth of the training range",
            "ko": "끊기지 않은 한 시간의 측정값이 있고, 특징이 모두 학습 범위(10 % 여유) 안",
        },
    }


def _harmless(true: Floats, made: Floats) -> float:
    """Per cent of the pairs in zones A and B of the error grid."""
    found = errorgrid.shares(true, made)
    return found["A"] + found["B"]


@task(version=2, distributions=("numpy", "lightgbm"))
def train_30(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Mapping[str, bytes]:
    """30 minutes ahead, on the Hall traces or the user's. See `Recipe.train`."""
    return _trained(inputs, params, progress, 30.0, simulated=False)


@task(version=2, distributions=("numpy", "lightgbm"))
def train_60(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Mapping[str, bytes]:
    """60 minutes ahead, on the Hall traces or the user's. See `Recipe.train`."""
    return _trained(inputs, params, progress, 60.0, simulated=False)


@task(version=2, distributions=("numpy", "numba", "lightgbm"))
def train_twin_30(
    inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress
) -> Mapping[str, bytes]:
    """30 minutes ahead, on what the twin's sensors show. See `Recipe.train`."""
    return _trained(inputs, params, progress, 30.0, simulated=True)


@task(version=2, distributions=("numpy", "numba", "lightgbm"))
def train_twin_60(
    inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress
) -> Mapping[str, bytes]:
    """60 minutes ahead, on what the twin's sensors show. See `Recipe.train`."""
    return _trained(inputs, params, progress, 60.0, simulated=True)


@task(version=2, distributions=("numpy", "lightgbm"))
def predict(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Mapping[str, bytes]:
    """A forecast from each reading that has an unbroken hour behind it. See `Recipe.predict`."""
    kept = json.loads(inputs["model"])
    horizon = kept.pop("horizon")
    model = fc.Trained(**kept)
    table = pq.read_table(io.BytesIO(inputs["table"]))
    data = windows(traces_of(table), horizon)
    made = fc.forecast(model.learner, data.history)
    half = model.half_widths(data.history) if len(made) else np.empty((0, 2))
    outside = model.outside(data.history) if len(made) else np.empty(0, bool)
    at = {int(row): i for i, row in enumerate(data.rows)}
    doubled = repeated(table)
    rows: list[dict[str, Any]] = []
    for row in table["row"].to_pylist():
        i = at.get(row)
        if i is None:
            why = "repeated" if row in doubled else "no-history"
            rows.append({"row": row, "value": None, "inside": False, "why": why})
            continue
        value = float(made[i])
        rows.append(
            {
                "row": row,
                "value": value,
                "low80": value - half[i, 0],
                "high80": value + half[i, 0],
                "low95": value - half[i, 1],
                "high95": value + half[i, 1],
                "inside": not outside[i],
                "why": "unlike-training" if outside[i] else None,
            }
        )
    numbers = ("value", "low80", "high80", "low95", "high95")
    schema = pa.schema(
        [("row", pa.int64()), *((name, pa.float64()) for name in numbers), ("inside", pa.bool_()), ("why", pa.string())]
    )
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink)
    return {"predictions": sink.getvalue()}


_GLUCOSE = Column(
    "glucose",
    "mg/dL",
    {"en": "glucose", "ko": "혈당"},
    low=20.0,
    high=600.0,
    grams_per_mole=180.156,
)
_PERSON = Column("person", None, {"en": "person", "ko": "사람"})
_TIME = Column("time", "min", {"en": "time since any fixed moment", "ko": "정해진 시점부터의 시간"})


def _template() -> str:
    lines = ["person,time [min],glucose [mg/dL]"]
    lines += [f"P1,{5 * i},{110 + 3 * i}" for i in range(LAGS + 1)]
    return "\n".join(lines) + "\n"


def _recipe(name: str, train: Any, horizon: int, twin: bool) -> Recipe:
    about = {"en": ", virtual patients", "ko": ", 가상 환자"} if twin else {"en": "", "ko": ""}
    people = {
        "en": "Trained on virtual patients: simulated, never seen on people."
        if twin
        else "The public traces are of people who are diabetic or pre-diabetic and take no insulin.",
        "ko": "가상 환자로 학습했으며 사람에게서 확인하지 않았습니다."
        if twin
        else "공개 자료는 인슐린을 쓰지 않는 당뇨병·당뇨병 전단계인 사람들의 기록입니다.",
    }
    return Recipe(
        name=name,
        title={
            "en": f"Glucose {horizon} minutes ahead{about['en']}",
            "ko": f"{horizon}분 뒤 혈당{about['ko']}",
        },
        property="glucose",
        unit="mg/dL",
        columns=(_PERSON, _TIME, _GLUCOSE),
        target=_GLUCOSE,
        group=_PERSON,
        train=train,
        predict=predict,
        template=_template(),
        reads=tuple(("simglucose", "patients", file) for file in FILES) if twin else (HALL,),
        why={
            "no-history": {
                "en": "no unbroken hour of readings before it (a gap of over ten minutes breaks it)",
                "ko": "앞선 한 시간의 측정값이 끊겼거나 모자랍니다(10분을 넘는 공백은 기록을 끊습니다)",
            },
            "repeated": {
                "en": "a later row of the same person and time replaces it",
                "ko": "같은 사람, 같은 시각의 뒤 행이 이 행을 대신합니다",
            },
            "unlike-training": {
                "en": "the last hour is unlike any in the training data",
                "ko": "지난 한 시간이 학습 자료의 어느 기록과도 다릅니다",
            },
        },
        caveats={
            "en": (
                "Not for dosing, alarms or any decision on treatment.",
                people["en"],
                "It sees glucose alone: no meals, no insulin, no exercise.",
            ),
            "ko": (
                "투여량, 경보, 치료 결정에 쓸 수 없습니다.",
                people["ko"],
                "혈당만 봅니다. 식사, 인슐린, 운동은 모릅니다.",
            ),
        },
    )


MODELS = {
    recipe.name: recipe
    for recipe in (
        _recipe("glucose-forecast", train_30, 30, twin=False),
        _recipe("glucose-forecast-60", train_60, 60, twin=False),
        _recipe("glucose-forecast-twin", train_twin_30, 30, twin=True),
        _recipe("glucose-forecast-twin-60", train_twin_60, 60, twin=True),
    )
}
