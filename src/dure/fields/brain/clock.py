"""The recipe `brain/clock`: age of prefrontal cortex from its DNA methylation."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREY, ORANGE
from dure.compute.task import Progress, task
from dure.fields.brain.methylation import (
    OF_AGE,
    STRICT,
    Arrays,
    Bools,
    Floats,
    Ints,
    band_errors,
    column_order,
    donors,
    folds_of,
    joined,
    read_arrays,
    without_age,
    years,
)
from dure.fields.brain.ridge import POWERS, Choice, Domain, Linear, choose, domain, fit, intervals, margins
from dure.models.recipe import Column, Recipe
from dure.verify.panel import paired

TRAIN = ("gse74193", "arrays", "GSE74193_train.tsv.gz")
TEST = ("gse74193", "arrays", "GSE74193_test.tsv.gz")
MISSING_AT_MOST = 0.05
ADJUSTED_FOR = 5
LEAST_ADULTS = 20
"""Arrays; a table with fewer of adults tells no figure of change in clock age."""
CAVEATS = {
    "en": (
        "The publisher of the table chose its 7,503 CpGs because they follow age, on arrays of both halves: errors on "
        "other tissue, other arrays or a new study will be larger.",
        "Sex, diagnosis, cell fractions and batch are not in the table and were not adjusted for; about a third of the "
        "donors of the study had schizophrenia.",
        "Donors are inferred from the arrays, not from the study's records.",
        "Change in clock age is the residual on age. It is not biological age and says nothing about health.",
        "Not for use on persons, for diagnosis, or on any tissue but prefrontal cortex.",
    ),
    "ko": (
        "표에 든 CpG 7,503개는 펴낸 이가 학습과 시험 배열 모두를 보고 나이를 따르는 것으로 고른 것입니다. "
        "다른 조직, 다른 배열, 새 연구에서는 오차가 더 큽니다.",
        "성별, 진단, 세포 비율, 배치는 표에 없어 보정하지 못했습니다. "
        "이 연구의 기증자 약 3분의 1은 조현병 환자였습니다.",
        "기증자는 연구 기록이 아니라 배열에서 추정한 것입니다.",
        "시계 나이의 변화는 나이에 대한 잔차입니다. 생물학적 나이가 아니며 건강에 대해 아무것도 말하지 않습니다.",
        "사람에 대한 판단, 진단, 전전두엽 피질이 아닌 조직에는 쓰지 마십시오.",
    ),
}


@task(version=1, distributions=("numpy", "scipy"))
def train(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Trains on donors of the archive's training table that its test table lacks; see `Recipe.train`."""
    quick = bool(params.get("quick"))
    shipped = "table" not in inputs
    if shipped:
        first, second = (read_arrays(inputs["/".join(name)], name[2]) for name in (TRAIN, TEST))
        arrays = joined(first, second)
        progress(0.1, "donors")
        donor = donors(arrays.beta, arrays.age)
        test = np.arange(len(arrays.names)) >= len(first.names)
    else:
        arrays, donor = own_arrays(inputs["table"])
        test = folds_of(donor, 4, seed or 0) == 0
    kept = ~test & ~np.isin(donor, donor[test])
    powers = (1.0,) if quick else POWERS
    progress(0.2, "folds")
    beta, age = arrays.beta, arrays.age
    choice = choose(beta[kept], age[kept], donor[kept], powers=powers)
    model = fit(beta[kept], age[kept], choice.power, choice.penalty)
    margin = margins(choice.held_out, age[kept])
    limits = domain(beta[kept], donor[kept])
    predicted = model.transformed(beta[test])
    progress(0.6, "figures")
    plain = _plain(arrays, donor, kept, test)
    metrics = _errors(years(predicted), years(plain), age[test], donor[test])
    if shipped and not quick:
        metrics += _splits(arrays, test, powers, donor)
    metrics += _retest(arrays, donor, kept, test, choice, predicted)
    bounds = intervals(predicted, margin)
    inside = (bounds[..., 0] <= age[test][:, None]) & (age[test][:, None] <= bounds[..., 1])
    card = {
        "method": "ridge regression of Horvath's transformed age, CpGs weighted by their t statistic on adult age "
        f"to the power {choice.power:g}, penalty {choice.penalty:g}, both chosen in five folds of training donors",
        "training": {
            "arrays": int(kept.sum()),
            "donors": len(np.unique(donor[kept])),
            "cpgs": len(arrays.cpgs),
            "chosen": "arrays of brain banks, no random sample of people",
        },
        "split": (
            f"{int(test.sum())} arrays of {len(np.unique(donor[test]))} inferred donors, none of whom has an array in "
            "training"
        ),
        "metrics": metrics,
        "calibration": {
            "method": "conformal, held-out errors of training donors, predictions below and above 20 years apart",
            "coverage80": float(inside[:, 0].mean()),
            "coverage95": float(inside[:, 1].mean()),
            **{
                f"coverage{level} adults": float(inside[age[test] >= OF_AGE, j].mean())
                for j, level in enumerate((80, 95))
                if (age[test] >= OF_AGE).any()
            },
            "arrays": int(test.sum()),
        },
        "domain": (
            f"prefrontal cortex on 450k arrays, ages {age[kept].min():.1f} to {age[kept].max():.1f} a; what 20 "
            f"components leave of an array is at most {limits.limit:.3f} standard deviations, and at most 5 % of CpGs "
            "are missing"
        ),
        "caveats": {lang: list(texts) for lang, texts in CAVEATS.items()},
    }
    model_bytes = _written(arrays, model, margin, limits, age[kept])
    return {
        "model": model_bytes,
        "card": canonical(card),
        **{f"ages.{lang}.svg": _drawn(age[test], predicted, bounds, lang).encode() for lang in ("en", "ko")},
    }


@task(version=1, distributions=("numpy",))
def predict(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Predicted age of each row with its intervals; see `Recipe.predict`."""
    with np.load(io.BytesIO(inputs["model"]), allow_pickle=False) as kept:
        held = {name: kept[name] for name in kept.files}
    table = pq.read_table(io.BytesIO(inputs["table"]))
    cpgs = [str(name) for name in held["cpgs"]]
    beta = _columns(table, cpgs)
    model = Linear(held["mean"], held["weights"], float(held["intercept"]))
    limits = Domain(held["mean"], held["scale"], held["axes"], float(held["limit"]))
    predicted = model.transformed(beta)
    bounds = intervals(predicted, held["margin"])
    value = years(predicted)
    lost = np.isnan(beta).mean(axis=1) > MISSING_AT_MOST
    strange = limits.distance(beta) > limits.limit
    beyond = (value < held["ages"][0]) | (value > held["ages"][1])
    why = np.select([lost, strange, beyond], ["missing-cpgs", "unlike", "age"], "").tolist()
    made = pa.table(
        {
            "row": table["row"],
            "value": value,
            **{
                f"{end}{level}": bounds[:, j, e]
                for j, level in enumerate((80, 95))
                for e, end in enumerate(("low", "high"))
            },
            "inside": [not code for code in why],
            "why": why,
        }
    )
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return {"predictions": sink.getvalue()}


def own_arrays(data: bytes) -> tuple[Arrays, Ints]:
    """Arrays of the user's table (Parquet: row, age, donor, a column a CpG) and a number a donor, shape (arrays,)."""
    table = pq.read_table(io.BytesIO(data))
    cpgs = tuple(sorted(name for name in table.column_names if name.startswith("cg")))
    if not cpgs:
        raise BadInput("the table has no column of a CpG", remedy="name columns as the array does, cg00000029")
    beta = _columns(table, cpgs)
    bare = np.flatnonzero(np.isnan(beta).any(axis=1))
    if len(bare):
        raise BadInput(
            f"{len(bare)} rows lack a CpG", where=f"row {table['row'][int(bare[0])]}", remedy="train on whole rows"
        )
    groups = np.unique([str(name) for name in table["donor"].to_pylist()], return_inverse=True)[1]
    names = tuple(str(row) for row in table["row"].to_pylist())
    return Arrays(names, cpgs, beta, table["age"].to_numpy().astype(float)), np.asarray(groups, dtype=np.int64)


def acceleration(predicted: Floats, age: Floats, scores: Floats | None = None) -> Floats:
    """Change in clock age: the residual of predicted age on age and, where given, on principal component scores.

    Args:
        predicted, age: years, shape (arrays,).
        scores: of what age leaves of the arrays, shape (arrays, components); stands for cell fractions and batch.
    """
    basis = [np.ones_like(age), age] + ([] if scores is None else list(scores.T))
    x = np.stack(basis, axis=1)
    return np.asarray(predicted - x @ np.linalg.lstsq(x, predicted, rcond=None)[0])


def residual_scores(beta: Floats, age: Floats, components: int = ADJUSTED_FOR) -> Floats:
    """Scores on the leading components of what age leaves of the arrays, shape (arrays, components)."""
    u, s, _ = np.linalg.svd(without_age(beta, age), full_matrices=False)
    return np.asarray(u[:, :components] * s[:components])


def _columns(table: pa.Table, cpgs: tuple[str, ...] | list[str]) -> Floats:
    """Shape (rows, cpgs); NaN where a CpG is missing."""
    order = column_order(table.column_names, cpgs)
    beta = np.full((table.num_rows, len(cpgs)), np.nan)
    for j, at in enumerate(order):
        if at >= 0:
            beta[:, j] = table.column(int(at)).to_numpy(zero_copy_only=False)
    return beta


def _plain(arrays: Arrays, donor: Ints, kept: Bools, test: Bools) -> Floats:
    """The baseline: ridge on standardised CpGs with the same transform, its penalty chosen in the same folds."""
    beta, age = arrays.beta, arrays.age
    choice = choose(beta[kept], age[kept], donor[kept], powers=(None,))
    return fit(beta[kept], age[kept], choice.power, choice.penalty).transformed(beta[test])


def _row(
    figure: str, value: float, unit: str, beside: Mapping[str, float] | None = None, note: str = ""
) -> dict[str, Any]:
    return {"figure": figure, "value": float(value), "unit": unit, "beside": dict(beside or {}), "note": note}


def _errors(predicted: Floats, plain: Floats, age: Floats, donor: Ints) -> list[dict[str, Any]]:
    beside = {name: value for name, (value, _) in band_errors(plain, age).items()}
    rows = [
        _row(f"MAE, {name}", value, "a", {"ridge": beside[name]}, f"{n} arrays")
        for name, (value, n) in band_errors(predicted, age).items()
    ]
    for name, mask in (("all", age > -np.inf), ("adults", age >= OF_AGE)):
        gain = (np.abs(plain - age) - np.abs(predicted - age))[mask]
        own, at = np.unique(donor[mask], return_inverse=True)
        if len(own) < 2:
            continue
        found = paired(np.bincount(at, gain) / np.bincount(at))
        note = f"95 % interval over donors {found.low:.2f} to {found.high:.2f}"
        rows.append(_row(f"gain over ridge, {name}", found.mean, "a", note=note))
    return [*rows, _row("correlation with age", np.corrcoef(predicted, age)[0, 1], "1")]


def _splits(arrays: Arrays, test: Bools, powers: tuple[float, ...], donor: Ints) -> list[dict[str, Any]]:
    """The same figures on the archive's own split, which leaks, and on the one that a likeness of .36 makes."""
    rows = []
    strict = donors(arrays.beta, arrays.age, STRICT)
    for title, kept in (
        ("as shipped (leaks)", ~test),
        ("likeness above .36 (leaks less)", ~test & ~np.isin(strict, strict[test])),
    ):
        choice = choose(arrays.beta[kept], arrays.age[kept], donor[kept], powers=powers)
        model = fit(arrays.beta[kept], arrays.age[kept], choice.power, choice.penalty)
        own = band_errors(years(model.transformed(arrays.beta[test])), arrays.age[test])
        plain = band_errors(years(_plain(arrays, donor, kept, test)), arrays.age[test])
        leaking = int(np.isin(donor[test], donor[kept]).sum())
        note = f"{int(kept.sum())} training arrays; {leaking} test arrays have their donor in training"
        rows += [
            _row(f"MAE, {name}, split {title}", own[name][0], "a", {"ridge": plain[name][0]}, note)
            for name in ("all", "adults")
        ]
    return rows


def _retest(
    arrays: Arrays, donor: Ints, kept: Bools, test: Bools, choice: Choice, predicted: Floats
) -> list[dict[str, Any]]:
    """How far two arrays of one donor differ and what adjusting does to change in clock age, on held-out arrays."""
    rows = []
    age = np.concatenate([arrays.age[kept], arrays.age[test]])
    value = np.concatenate([years(choice.held_out), years(predicted)])
    group = np.concatenate([donor[kept], donor[test]])
    beta = np.vstack([arrays.beta[kept], arrays.beta[test]])
    of_age = age >= OF_AGE
    if of_age.sum() < LEAST_ADULTS:
        return []
    pairs = _pairs(group, of_age)
    if len(pairs) >= 2:
        gaps = np.abs(value[pairs[:, 0]] - value[pairs[:, 1]])
        rows.append(
            _row(
                "test-retest, mean difference of two arrays of an adult donor",
                gaps.mean(),
                "a",
                note=f"{len(pairs)} pairs",
            )
        )
    scores = residual_scores(beta, age)[of_age]
    before = acceleration(value[of_age], age[of_age])
    after = acceleration(value[of_age], age[of_age], scores)
    for name, change in (("before", before), ("after", after)):
        rows.append(
            _row(f"change in clock age, sd {name} adjusting for residual components", change.std(), "a", note="adults")
        )
        whole = np.full(len(age), np.nan)
        whole[of_age] = change
        if len(pairs) >= 10:
            r = np.corrcoef(np.vstack([whole[pairs], whole[pairs[:, ::-1]]]).T)[0, 1]
            rows.append(
                _row(
                    f"change in clock age, correlation of replicates {name} adjusting",
                    r,
                    "1",
                    note=f"{len(pairs)} pairs",
                )
            )
    return rows


def _pairs(group: Ints, mask: Bools) -> Ints:
    """Two arrays of each donor that has them, shape (donors, 2)."""
    own = np.flatnonzero(mask)
    order = own[np.argsort(group[own], kind="stable")]
    sets = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    return np.array([found[:2] for found in sets if len(found) > 1], dtype=np.int64).reshape(-1, 2)


def _written(arrays: Arrays, model: Linear, margin: Floats, limits: Domain, age: Floats) -> bytes:
    sink = io.BytesIO()
    np.savez_compressed(
        sink,
        cpgs=np.array(arrays.cpgs),
        mean=model.mean,
        weights=model.weights,
        intercept=model.intercept,
        margin=margin,
        scale=limits.scale,
        axes=limits.axes.astype(np.float32),
        limit=limits.limit,
        ages=np.array([age.min(), age.max()]),
    )
    return sink.getvalue()


_WORDS = {
    "en": ("Clock age of held-out donors", "age (years)", "clock age (years)", "an array", "95 % interval", "no error"),
    "ko": ("따로 둔 기증자의 시계 나이", "나이(년)", "시계 나이(년)", "배열 한 장", "95 % 구간", "오차 없음"),
}


def _drawn(age: Floats, predicted: Floats, bounds: Floats, lang: str) -> str:
    title, x, y, dot, interval, diagonal = _WORDS[lang]
    top = float(max(age.max(), bounds[:, 1, 1].max())) * 1.03
    axes = plot(title, (-3.0, top), (-3.0, top), x, y)
    axes.sticks(age, bounds[:, 1, 0], bounds[:, 1, 1], BLUE, label=interval)
    axes.line((-3.0, top), (-3.0, top), GREY, label=diagonal, dash="4 3")
    axes.dots(age, years(predicted), ORANGE, label=dot)
    return axes.svg()


CLOCK = Recipe(
    name="clock",
    title={"en": "Age of prefrontal cortex from DNA methylation", "ko": "DNA 메틸화로 추정한 전전두엽 피질의 나이"},
    property="clock age",
    unit="a",
    columns=(
        Column(
            "CpG", "1", {"en": "beta value of a CpG", "ko": "CpG의 베타값"}, low=0.0, high=1.0, pattern="cg[0-9]{8}"
        ),
    ),
    target=Column("age", "a", {"en": "age at death", "ko": "사망 시 나이"}, low=-0.8, high=125.0),
    group=Column("donor", None, {"en": "donor of the array", "ko": "배열의 기증자"}),
    train=train,
    predict=predict,
    template="row,donor,age [a],cg00000029 [1],cg00000165 [1]\n1,D1,54.2,0.46,0.21\n2,D2,61.0,0.49,0.24\n",
    reads=(TRAIN, TEST),
    why={
        "missing-cpgs": {"en": "more than 5 % of the CpGs are missing", "ko": "CpG가 5 % 넘게 빠져 있습니다"},
        "unlike": {
            "en": "the array is unlike those the clock was trained on",
            "ko": "시계를 학습한 배열들과 닮지 않았습니다",
        },
        "age": {
            "en": "the clock age lies outside the ages it was trained on",
            "ko": "시계 나이가 학습한 나이 범위를 벗어납니다",
        },
    },
    caveats=CAVEATS,
)
