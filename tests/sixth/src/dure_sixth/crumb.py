"""A model of the field: the volume of a loaf from the protein and the mass of its flour, by a straight line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.base.canonical import canonical
from dure.compute.task import task
from dure.models.recipe import Column, Recipe

PROTEIN = Column("protein", "%", {"en": "protein of a flour", "ko": "밀가루 단백질"}, low=0.0, high=30.0)
SUGAR = Column("sugar", "mg/dL", {"en": "sugar of the dough", "ko": "반죽의 당"}, 1.0, 900.0, grams_per_mole=180.156)
VOLUME = Column("volume", "mL", {"en": "volume of the loaf", "ko": "빵의 부피"}, low=0.0)
MILL = Column("mill", None, {"en": "the mill", "ko": "제분소"})


@task(version=1, distributions=("numpy",))
def train(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """A least-squares line, held out mill by mill."""
    table = pq.read_table(io.BytesIO(inputs["table"]))
    x, y, mills = _design(table), table["volume"].to_numpy(), np.array(table["mill"].to_pylist())
    held = np.empty(len(y))
    for mill in np.unique(mills):
        out = mills == mill
        held[out] = x[out] @ np.linalg.lstsq(x[~out], y[~out], rcond=None)[0]
    error = np.sort(np.abs(held - y))
    model = {
        "weights": np.linalg.lstsq(x, y, rcond=None)[0].round(9).tolist(),
        "within": [float(np.quantile(error, level)) for level in (0.8, 0.95)],
        "protein": [float(x[:, 1].min()), float(x[:, 1].max())],
    }
    card = {
        "method": "least squares",
        "split": {"en": "each mill held out", "ko": "제분소마다 따로 떼어 검증"},
        "training": {"rows": len(y), "mills": len(np.unique(mills))},
        "metrics": [
            {
                "figure": {"en": "mean absolute error", "ko": "평균 절대 오차"},
                "value": float(error.mean()),
                "unit": "mL",
                "beside": {"mean of all": float(np.abs(y - y.mean()).mean())},
            }
        ],
        "calibration": {"en": "from the held-out errors", "ko": "떼어 둔 오차에서"},
        "domain": {"en": "protein between the least and the most seen", "ko": "본 범위 안의 단백질"},
    }
    picture = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 20"><text x="2" y="14">{}</text></svg>'
    pictures = {f"line.{lang}.svg": picture.format(word).encode() for lang, word in (("en", "a line"), ("ko", "직선"))}
    return {"model": canonical(model), "card": canonical(card), **pictures}


@task(version=1, distributions=("numpy",))
def predict(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The line at each row."""
    model, table = json.loads(inputs["model"]), pq.read_table(io.BytesIO(inputs["table"]))
    x = _design(table)
    value, (near, far), (low, high) = x @ np.array(model["weights"]), model["within"], model["protein"]
    inside = (x[:, 1] >= low) & (x[:, 1] <= high)
    told = pa.table(
        {
            "row": table["row"],
            "value": value,
            "low80": value - near,
            "high80": value + near,
            "low95": value - far,
            "high95": value + far,
            "inside": inside,
            "why": pa.array([None if ok else "protein" for ok in inside], pa.string()),
        }
    )
    sink = io.BytesIO()
    pq.write_table(told, sink)
    return {"predictions": sink.getvalue()}


def _design(table: pa.Table) -> np.ndarray:
    return np.column_stack([np.ones(table.num_rows), table["protein"].to_numpy(), table["sugar"].to_numpy()])


CRUMB = Recipe(
    name="crumb",
    title={"en": "Volume of a loaf from its flour", "ko": "밀가루에서 예측한 빵의 부피"},
    property="volume",
    unit="mL",
    direction="maximise",
    columns=(PROTEIN, SUGAR),
    target=VOLUME,
    group=MILL,
    train=train,
    predict=predict,
    template="mill,protein [%],sugar [mg/dL],volume [mL]\nA,11.5,90,3900\n",
    why={"protein": {"en": "protein beyond what was seen", "ko": "본 적 없는 단백질 값"}},
    caveats={"en": ["Not for cakes."], "ko": ["케이크에는 쓰지 않습니다."]},
)
