"""Glucose from mid-infrared spectra: a calibration learnt on laboratory samples and tried on one fermentation.

Second derivatives only, between 950 and 1500 cm⁻¹: a flow cell sits on another offset and slope than the bench cell
the samples were measured in, and the second derivative is blind to both. Order and range were fixed on these grounds by
people who had seen the fermentation's figures. Window, polynomial and components are those of the least
cross-validated error over the samples, each sample (or group of them) held out in turn.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.compute.task import task
from dure.fields.bioprocess.spectra_calibration import OPEN_GRID, calibrate, from_bytes, to_bytes
from dure.fields.bioprocess.spectra_card import told
from dure.fields.bioprocess.spectra_tables import HIGH, LOW, Batch, read_column, read_spectra, spectra_of
from dure.models.recipe import Column, Recipe


@task(version=1, distributions=("numpy", "scipy"))
def train(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The calibration from the shipped samples, tried on the fermentation; or from a user's own samples."""
    if "table" in inputs:
        table = pq.read_table(io.BytesIO(inputs["table"]))
        axis, spectra = spectra_of(table)
        glucose = np.asarray(table["glucose"].to_numpy(), dtype=float)
        groups = [str(name) for name in table["sample"].to_pylist()]
        calibration = calibrate(axis, spectra, glucose, groups)
        return {"model": to_bytes(calibration), **told(calibration, spectra, glucose, groups)}
    shipped = {key.rpartition("/")[2]: data for key, data in inputs.items()}
    axis, spectra = read_spectra(shipped["train_spectra.csv"])
    glucose = read_column(shipped["train_hplc.csv"], "glucose")
    groups = [str(i) for i in range(len(glucose))]
    calibration = calibrate(axis, spectra, glucose, groups)
    batch = Batch.of(shipped["fermentation_spectra.csv"], shipped["fermentation_hplc.csv"])
    loose = calibrate(axis, spectra, glucose, groups, OPEN_GRID)
    return {"model": to_bytes(calibration), **told(calibration, spectra, glucose, groups, (batch, loose))}


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
        "en": (
            "Not for control or release.",
            "Intervals come from laboratory samples; where a spectrum lies outside, they do not hold.",
            "The shipped calibration was tried on one fermentation: every spectrum of it lies outside, the intervals "
            "do not cover, and half of the predictions are below zero before they are cut off. Derivative order and "
            "range were fixed by people who had seen that batch.",
        ),
        "ko": (
            "제어나 출하 판정에 쓸 수 없습니다.",
            "구간은 실험실 시료에서 얻은 것입니다. 스펙트럼이 범위 밖이라고 경보가 말하면 그 구간은 맞지 않습니다.",
            "함께 제공하는 검정식은 발효 한 번에서 시험했습니다. 그 스펙트럼은 모두 범위 밖이고 구간은 실제 값을 덮지 "
            "못하며, 예측의 절반은 0 미만이어서 0으로 잘랐습니다. 미분 차수와 파수 범위는 그 배치를 이미 본 사람들이 "
            "정했습니다.",
        ),
    },
)
