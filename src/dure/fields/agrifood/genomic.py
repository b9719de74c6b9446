"""The recipe `agrifood/genomic`: GBLUP and Bayesian ridge on own markers, relatives never on both sides of a fold."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.report.axes import Axes, span
from dure.campaign.report.picture import BLUE, Picture
from dure.compute.task import Inputs, Outputs, Progress, task
from dure.fields.agrifood.plink import NEEDED, PREFIX, TRAITS, read_plink
from dure.fields.agrifood.relationship import (
    CLOSE,
    LOST,
    RARE,
    UNLIKELY,
    Filtered,
    Mixed,
    bayesian_ridge,
    centred,
    filters,
    gblup,
    kin,
    structure,
)
from dure.fields.agrifood.spectra import group_folds
from dure.models.recipe import Column, Format, Recipe, Texts

Floats = NDArray[np.float64]
FOLDS = 5
LEAST = 60
"""Individuals, at least; and at least twice as many kin sets as folds."""
PATTERN = r"(m|snp|rs)[A-Za-z0-9_.:-]*[0-9]|snp:.+"
LEVELS = (0.8, 0.95)
NOTHING = 0.02
"""A heritability below this is about none."""


@dataclass(frozen=True)
class Herd:
    """Individuals or lines: dosages (NaN missing), trait, named family, environment."""

    names: tuple[str, ...]
    dosage: Floats
    values: Floats
    families: NDArray[np.str_]
    environments: NDArray[np.str_]

    def fixed(self, rows: NDArray[np.bool_]) -> Floats:
        """Ones, and one column for each further environment of the given rows, shape (individuals, effects).

        An individual of another environment has the effects of none: NaN.
        """
        levels = np.unique(self.environments[rows])
        columns = np.column_stack([np.ones(len(self.values)), *[self.environments == level for level in levels[1:]]])
        columns[~np.isin(self.environments, levels)] = np.nan
        return columns


@task(version=1, distributions=("numpy", "scipy", "scikit-learn"))
def train(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Trains on a user's table and judges on kin that training never saw; see `Recipe.train`."""
    herd = own_herd(inputs["table"])
    whole = filters(herd.dosage)
    if whole.kept.sum() < 10:
        raise BadInput(
            f"{int(whole.kept.sum())} markers pass the filters", remedy="give markers that vary and are called"
        )
    z = centred(herd.dosage[:, whole.kept], whole.frequency[whole.kept])
    sets = kin(herd.families, z @ z.T)
    count = len(np.unique(sets))
    if count < 2 * FOLDS:
        raise BadInput(
            f"there are {count} sets of kin: relatives would stand on both sides of a fold",
            remedy=f"give individuals of at least {2 * FOLDS} unrelated families",
        )
    levels = np.unique(herd.environments)
    _separable(herd, sets)
    fold = group_folds(sets.astype(str), FOLDS, seed or 0)
    told, adjusted, nearest = _held_out(herd, fold)
    # Where a fold holds all of an environment, its effect is not known from the others: no figure can be given.
    judged = ~np.isnan(adjusted)
    left_out = int((~judged).sum())
    told, adjusted, fold = {name: each[judged] for name, each in told.items()}, adjusted[judged], fold[judged]
    progress(0.7, "all individuals")
    model = gblup(z, herd.fixed(np.ones(len(herd.values), dtype=bool)), herd.values)
    ability = {name: float(np.corrcoef(each, adjusted)[0, 1]) for name, each in told.items()}
    errors = np.sort(np.abs(told["GBLUP"] - adjusted))
    hits = [_nested_hits(np.abs(told["GBLUP"] - adjusted), fold, level) for level in LEVELS]
    sink = io.BytesIO()
    np.savez_compressed(
        sink,
        markers=np.array([name for name, kept in zip(herd.names, whole.kept, strict=True) if kept]),
        frequency=whole.frequency[whole.kept],
        weights=model.u,
        effects=model.effects,
        z=z,
        errors=errors,
        nearest=float(np.quantile(nearest, 0.01)),
    )
    parts = [fold == k for k in np.unique(fold) if (fold == k).sum() >= 3]
    per_fold = [float(np.corrcoef(told["GBLUP"][own], adjusted[own])[0, 1]) for own in parts]
    spread = f"{min(per_fold):.2f}..{max(per_fold):.2f}"
    card = {
        "method": {
            "en": "GBLUP (VanRaden's G, REML) with fixed effects of the environment; Bayesian ridge beside it",
            "ko": "GBLUP (VanRaden의 G, REML), 환경은 고정 효과. 베이즈 능형 회귀를 견줌",
        },
        "split": {
            "en": f"{FOLDS} folds of {count} sets of kin: families, joined where a genomic relationship reaches "
            f"{CLOSE:g}; filters and frequencies are those of each training part",
            "ko": f"혈연 집단 {count}개를 {FOLDS}겹으로 나눔 (가계, 그리고 유전체 혈연이 {CLOSE:g} "
            "이상인 개체들은 함께). 거르는 기준과 빈도는 학습 부분마다 새로 구함",
        },
        "metrics": [
            _metric("predictive ability r", "예측력 r", ability, {"en": f"by fold {spread}", "ko": f"겹마다 {spread}"}),
            *_heritable(model, ability),
        ],
        "calibration": {
            "method": {
                "en": "conformal, errors of held-out kin, each fold by the others",
                "ko": "등각 예측: 따로 둔 혈연 집단의 오차 (겹마다 나머지 겹으로)",
            },
            **{f"coverage{level * 100:.0f}": share for level, share in zip(LEVELS, hits, strict=True)},
            "individuals": len(adjusted),
            "individuals left out, their environment lies in one fold": left_out,
        },
        "training": {
            "individuals": len(herd.values),
            "markers": len(herd.names),
            **_taken(whole),
            "environments": len(levels),
        },
        "domain": {
            "en": "related to the training individuals as closely as held-out kin were, most calls present; "
            f"predictions are at the level of the environment {levels[0]}",
            "ko": f"따로 둔 혈연 집단만큼 학습 개체와 가깝고 결측이 적은 개체. 예측값은 환경 {levels[0]}의 수준",
        },
    }
    pictures = {f"ability.{lang}.svg": _drawn(adjusted, told["GBLUP"], lang) for lang in ("en", "ko")}
    return {"model": sink.getvalue(), "card": canonical(card), **pictures}


@task(version=1, distributions=("numpy",))
def predict(inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
    """Breeding value at the level of the first environment, with intervals; see `Recipe.predict`."""
    with np.load(io.BytesIO(inputs["model"]), allow_pickle=False) as file:
        held = {name: file[name] for name in file.files}
    table = pq.read_table(io.BytesIO(inputs["table"]))
    names = [str(name) for name in held["markers"]]
    dosage = _of_model(table, names)
    z = centred(dosage, held["frequency"])
    value = float(held["effects"][0]) + z @ held["weights"]
    nearest = (z @ held["z"].T).max(axis=1)
    why = np.select([np.isnan(dosage).mean(axis=1) > LOST, nearest < held["nearest"]], ["missing", "unrelated"], "")
    bounds: dict[str, Floats] = {}
    for level in LEVELS:
        half = _quantile(held["errors"], level)
        bounds |= {f"low{level * 100:.0f}": value - half, f"high{level * 100:.0f}": value + half}
    sink = io.BytesIO()
    codes = [str(code) for code in why]
    made = {"row": table["row"], "value": value, **bounds, "inside": [not code for code in codes], "why": codes}
    pq.write_table(pa.table(made), sink)
    return {"predictions": sink.getvalue()}


def own_herd(data: bytes) -> Herd:
    """The rows of a user's table that have a trait; a negative dosage is a missing call.

    Raises:
        BadInput: too few, or a trait that is a code of classes, as PLINK's 1 and 2 of controls and cases.
    """
    table = pq.read_table(io.BytesIO(data))
    table = table.filter(np.isfinite(table["trait"].to_numpy().astype(float)))
    names = [name for name in table.column_names if name not in ("row", "family", "environment", "trait")]
    families = np.array(table["family"].to_pylist(), dtype=str)
    if len(families) < LEAST:
        raise BadInput(
            f"{len(families)} individuals are too few for genomic prediction", remedy=f"give {LEAST} or more"
        )
    environments = (
        np.array(table["environment"].to_pylist(), dtype=str)
        if "environment" in table.column_names
        else np.full(len(families), "-")
    )
    values = table["trait"].to_numpy().astype(float)
    if set(np.unique(values)) <= {0.0, 1.0, 2.0}:
        raise BadInput(
            "the trait is a code of cases and controls", remedy="give a measured trait; this model is of no classes"
        )
    return Herd(tuple(names), _dosage(table, names), values, families, environments)


def _of_model(table: pa.Table, names: Sequence[str]) -> Floats:
    """Dosages of the model's markers, shape (rows, markers); NaN where a call is missing.

    A PLINK column names the allele that it counts. Where nobody of a sample carries the one that the model counts, the
    file cannot name it, and two less the other is meant.

    Raises:
        BadInput: a marker is not in the table.
    """
    plain = {name.rpartition("/")[0]: name for name in table.column_names if name.startswith(PREFIX)}
    taken = [name if name in table.column_names else plain.get(name.rpartition("/")[0], "") for name in names]
    lacking = [name for name, found in zip(names, taken, strict=True) if not found]
    if lacking:
        raise BadInput(f"the table lacks the marker {lacking[0]!r}", remedy="give every marker of the model")
    dosage = _dosage(table, taken)
    turned = np.array([name != found for name, found in zip(names, taken, strict=True)])
    return np.asarray(np.where(turned, 2.0 - dosage, dosage))


def _dosage(table: pa.Table, names: list[str]) -> Floats:
    read = np.column_stack([table[name].to_numpy().astype(float) for name in names])
    return np.asarray(np.where(read < 0, np.nan, read))


def _separable(herd: Herd, sets: NDArray[np.int64]) -> None:
    """Refuses an environment that only one set of kin stood in: its effect cannot be told from theirs.

    Raises:
        BadInput: names the environment.
    """
    for level in np.unique(herd.environments):
        if len(np.unique(sets[herd.environments == level])) < 2:
            raise BadInput(
                f"in the environment {level} stands one set of kin: its effect cannot be told from theirs",
                remedy="give two or more unrelated families in each environment, or leave its rows out",
            )


def _heritable(model: Mixed, ability: Mapping[str, float]) -> list[dict[str, Any]]:
    """Heritability with its interval; the accuracy r/√h² only where h2 is known not to be about 0 and it is below 1."""
    low, high = model.interval
    ends = f"{low:.2f}-{high:.2f}"
    said = {"en": f"95 % profile interval {ends}", "ko": f"95 % 프로파일 구간 {ends}"}
    accuracy = {name: float(r / np.sqrt(model.heritability)) for name, r in ability.items()}
    rows = []
    if low < NOTHING:
        why = {
            "en": "; no accuracy r/√h²: the interval includes values about 0",
            "ko": ". 구간에 0에 가까운 값이 들어 있어 정확도 r/√h²는 내지 않음",
        }
    elif accuracy["GBLUP"] > 1.0:
        why = {
            "en": "; accuracy r/√h² not determined: it would be above 1",
            "ko": ". 정확도 r/√h²가 1을 넘으므로 정하지 못함",
        }
    else:
        why = {"en": "", "ko": ""}
        known = {name: value for name, value in accuracy.items() if value <= 1.0}
        rows = [_metric("accuracy r/√h²", "정확도 r/√h²", known, {lang: f"h²: {said[lang]}" for lang in said})]
    note = {lang: said[lang] + why[lang] for lang in said}
    figure = {"en": "heritability h² (REML)", "ko": "유전력 h² (REML)"}
    return [*rows, {"figure": figure, "value": model.heritability, "unit": "1", "beside": {}, "note": note}]


def _held_out(herd: Herd, fold: NDArray[np.int64]) -> tuple[dict[str, Floats], Floats, Floats]:
    """Of each held-out individual: its genetic part by each method, its value freed of the fixed effects (NaN where the
    training part has none of its environment), and its closest relationship to the training part.
    """
    n = len(herd.values)
    told = {name: np.empty(n) for name in ("GBLUP", "Bayesian ridge", "structure only")}
    adjusted, nearest = np.empty(n), np.empty(n)
    for out in np.unique(fold):
        train, test = fold != out, fold == out
        fixed = herd.fixed(train)
        own = filters(herd.dosage[train])
        z = centred(herd.dosage[:, own.kept], own.frequency[own.kept])
        mixed = gblup(z[train], fixed[train], herd.values[train])
        told["GBLUP"][test] = z[test] @ mixed.u
        told["Bayesian ridge"][test] = z[test] @ bayesian_ridge(z[train], fixed[train], herd.values[train])[1]
        told["structure only"][test] = z[test] @ structure(z[train], fixed[train], herd.values[train])[1]
        adjusted[test] = herd.values[test] - fixed[test] @ mixed.effects
        nearest[test] = (z[test] @ z[train].T).max(axis=1)
    return told, adjusted, nearest


def _nested_hits(errors: Floats, fold: NDArray[np.int64], level: float) -> float:
    """Share of individuals whose error lies under the quantile of the other folds' errors."""
    hits = [errors[fold == k] <= _quantile(np.sort(errors[fold != k]), level) for k in np.unique(fold)]
    return float(np.concatenate(hits).mean())


def _quantile(errors: Floats, level: float) -> float:
    rank = min(int(np.ceil((len(errors) + 1) * level)), len(errors))
    return float(errors[rank - 1])


def _metric(en: str, ko: str, told: Mapping[str, float], note: Texts) -> dict[str, Any]:
    beside = {name: value for name, value in told.items() if name != "GBLUP"}
    return {"figure": {"en": en, "ko": ko}, "value": told["GBLUP"], "unit": "1", "beside": beside, "note": note}


def _taken(found: Filtered) -> dict[str, Any]:
    return {
        f"rarer than {RARE:g}": found.rare,
        f"missing over {LOST:g}": found.lost,
        f"Hardy-Weinberg p under {UNLIKELY:g}": found.unlikely,
        "inbreeding F": round(found.inbreeding, 3),
    }


_WORDS = {
    "title": {"en": "Held-out kin: predicted genetic part", "ko": "따로 둔 혈연 집단: 유전 부분 예측"},
    "x": {"en": "trait, fixed effects taken out", "ko": "형질 (고정 효과 제외)"},
    "y": {"en": "predicted by GBLUP", "ko": "GBLUP 예측값"},
}


def _drawn(values: Floats, predicted: Floats, lang: str) -> bytes:
    picture = Picture(560, 400, _WORDS["title"][lang])
    frame = (64.0, 62.0, 470.0, 280.0)
    axes = Axes(picture, frame, span(values), span(predicted), _WORDS["x"][lang], _WORDS["y"][lang])
    axes.dots(values, predicted, BLUE)
    return picture.svg()


GENOMIC = Recipe(
    name="genomic",
    title={"en": "Genomic prediction of a trait from markers", "ko": "표지로 하는 형질의 유전체 예측"},
    property="trait",
    unit="1",
    columns=(
        Column(
            "m1",
            "1",
            {"en": "dosage of an allele, 0 to 2; negative where missing", "ko": "대립유전자 수 0-2 (음수는 결측)"},
            low=-9.0,
            high=2.0,
            pattern=PATTERN,
        ),
    ),
    target=Column("trait", "1", {"en": "trait as recorded", "ko": "기록한 형질"}, gaps=True),
    group=Column("family", None, {"en": "family: never split", "ko": "가계 (나누지 않음)"}),
    others=(
        Column(
            "environment",
            None,
            {"en": "environment or year: a fixed effect", "ko": "환경이나 연도 (고정 효과)"},
            required=False,
        ),
    ),
    train=train,
    predict=predict,
    direction="maximise",
    formats={".bed": Format(read_plink, needed=NEEDED[1:], optional=(TRAITS,))},
    template="family,environment,trait,m1,m2,m3,m4\nfam-01,2026-A,5.31,0,1,2,-9\nfam-02,2026-B,4.87,2,1,0,0\n",
    why={
        "missing": {"en": "more than a tenth of the calls is missing", "ko": "결측이 10분의 1을 넘습니다"},
        "unrelated": {
            "en": "related to no training individual as closely as held-out kin were",
            "ko": "학습 개체와의 혈연이 따로 둔 혈연 집단보다 멉니다",
        },
    },
    caveats={
        "en": (
            "Predictive ability holds for kin as far from the training individuals as held-out families were, in these "
            "environments; it falls with every generation.",
            "Simulated markers or traits prove nothing biological.",
            "Not for statements on persons: this recipe is for crops and livestock.",
        ),
        "ko": (
            "예측력은 따로 둔 가계만큼 떨어진 혈연과 같은 환경에서만 유효하며, 세대가 지날수록 낮아집니다.",
            "모의로 만든 표지나 형질은 생물학적으로 아무것도 증명하지 않습니다.",
            "사람에 대해 말하는 데 쓰지 마십시오. 작물과 가축을 위한 것입니다.",
        ),
    },
)
