"""The recipe `brain/mortality-risk`: ten-year mortality from nine blood markers, age and sex."""

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
from dure.fields.brain.survival import (
    Bools,
    Cox,
    Floats,
    auc,
    calibration,
    concordance,
    corrected_interval,
    cox,
    partial_likelihood,
    restricted_cubic,
)
from dure.models.recipe import Column, Recipe

NHANES = ("agingclockbench", "nhanes", "nhanes_sample.parquet")
HORIZON = 120.0
"""Months."""
PENALTIES = (3.0, 10.0, 30.0, 100.0, 300.0)
FOLDS = 5
REPEATS = 10
LEAST_FOLDS = 3
"""Fewer folds with a figure in them give no interval."""
KNOTS = (0.05, 0.35, 0.65, 0.95)
OLDEST = 85.0
"""Years; the table gives 85 to everybody older."""
MARKERS = {
    "albumin": ("albumin_g_dl", "g/dL"),
    "creatinine": ("creatinine_mg_dl", "mg/dL"),
    "glucose": ("glucose_mg_dl", "mg/dL"),
    "crp": ("crp_mg_l", "mg/L"),
    "lymphocytes": ("lymphocyte_pct", "%"),
    "mcv": ("mcv_fl", "fL"),
    "rdw": ("rdw_pct", "%"),
    "alp": ("alp_u_l", "U/L"),
    "wbc": ("wbc_k_ul", "10*3/uL"),
}
LOGGED = ("creatinine", "glucose", "crp", "rdw", "alp", "wbc")
# Levine et al. 2018, Aging 10:573, table 1: weights in g/L, umol/L, mmol/L, ln of CRP, %, fL, %, U/L, 10*3/uL.
LEVINE = {
    "age": 0.0804,
    "albumin": -0.0336 * 10,
    "creatinine": 0.0095 * 88.4,
    "glucose": 0.1953 * 0.0555,
    "crp": 0.0954,
    "lymphocytes": -0.0120,
    "mcv": 0.0268,
    "rdw": 0.3306,
    "alp": 0.00188,
    "wbc": 0.0554,
}
CAVEATS = {
    "en": (
        "4,086 people of one survey of 1999-2000 in the United States, without its survey weights: not the risk in any "
        "other place or time.",
        "Ages above 85 stand as 85 in the table.",
        "Creatinine of 1999-2000 was not recalibrated in the table, and in which unit Levine's formula takes CRP could "
        "not be verified: PhenoAge is used here only to rank people, and no PhenoAge in years is shown.",
        "A statistical association. It says nothing about what would change if a marker were changed, and is not for "
        "decisions on persons, on insurance or on treatment.",
    ),
    "ko": (
        "1999-2000년 미국의 한 조사에 참여한 4,086명이며 조사 가중치를 쓰지 않았습니다. "
        "다른 곳, 다른 때의 위험이 아닙니다.",
        "표에서 85세가 넘는 나이는 모두 85로 적혀 있습니다.",
        "1999-2000년 크레아티닌은 표에서 재보정되지 않았고 Levine 식의 CRP 단위는 확인하지 못했습니다. "
        "그래서 PhenoAge는 순위에만 쓰고, 년으로 나타낸 PhenoAge는 보이지 않습니다.",
        "통계적 연관일 뿐입니다. 지표를 바꾸면 무엇이 달라지는지 말하지 않으며 "
        "개인, 보험, 치료에 관한 결정에 쓸 수 없습니다.",
    ),
}
People = Mapping[str, Floats]
"""`age` (years), `male` (0 or 1) and each of `MARKERS` in its unit, shape (people,) each."""


class Basis:
    """Features of people: splines of age and markers, and their products with age and sex; scaled on those given."""

    def __init__(self, people: People) -> None:
        self.knots = {name: _knots(values) for name, values in self._plain(people).items()}
        raw = self._raw(people)
        self.mean, spread = raw.mean(axis=0), raw.std(axis=0)
        self.scale = np.where(spread > 1e-9, spread, 1.0)
        self.centre = {name: (float(v.mean()), float(v.std() or 1.0)) for name, v in self._plain(people).items()}
        self.male = float(people["male"].mean())

    def __call__(self, people: People) -> Floats:
        """Shape (people, features)."""
        plain = {name: (v - self.centre[name][0]) / self.centre[name][1] for name, v in self._plain(people).items()}
        markers = np.stack([plain[name] for name in MARKERS], axis=1)
        age, male = plain["age"][:, None], (people["male"] - self.male)[:, None]
        return np.hstack([(self._raw(people) - self.mean) / self.scale, age * markers, male * markers, male * age])

    @staticmethod
    def _plain(people: People) -> dict[str, Floats]:
        return {n: np.log(people[n]) if n in LOGGED else people[n] for n in ("age", *MARKERS)}

    def _raw(self, people: People) -> Floats:
        blocks = [people["male"][:, None]]
        for name, values in self._plain(people).items():
            knots = self.knots[name]
            blocks.append(restricted_cubic(values, knots) if len(knots) > 2 else values[:, None])
        return np.hstack(blocks)


def _knots(values: Floats) -> Floats:
    return np.unique(np.quantile(values, KNOTS))


def _padded(knots: Floats) -> Floats:
    return np.append(knots, np.full(len(KNOTS) - len(knots), np.nan))


def phenoage_score(people: People) -> Floats:
    """Levine's linear predictor, for ranks only: its constant and the unit of CRP do not change an order."""
    score = LEVINE["age"] * people["age"]
    for name in MARKERS:
        score = score + LEVINE[name] * (np.log(people[name]) if name == "crp" else people[name])
    return np.asarray(score)


def pick(people: People, time: Floats, dead: Bools, seed: int) -> float:
    """The penalty of the highest partial likelihood in three folds."""
    fold = np.random.default_rng(seed).permutation(len(time)) % 3
    total = dict.fromkeys(PENALTIES, 0.0)
    for k in range(3):
        inside, outside = fold != k, fold == k
        basis = Basis(_of(people, inside))
        x, z = basis(_of(people, inside)), basis(_of(people, outside))
        for penalty in PENALTIES:
            beta = cox(x, time[inside], dead[inside], penalty).beta
            total[penalty] += partial_likelihood(z @ beta, time[outside], dead[outside])
    return max(total, key=lambda penalty: total[penalty])


def _of(people: People, mask: Bools) -> dict[str, Floats]:
    return {name: values[mask] for name, values in people.items()}


def cross_validated(
    people: People, time: Floats, dead: Bools, repeats: int, seed: int, progress: Progress
) -> tuple[dict[str, Floats], Floats]:
    """Repeated five-fold cross-validation.

    Returns:
        (figure/model -> one value a fold, shape (repeats * 5,); ten-year risk of each person by the model that did not
        see it, mean over repeats, shape (people,)). Figures: `C` of all pairs, `banded` of pairs within ten years of
        age, the same by sex, `auc60` and `auc120`, `brier`.
    """
    rng = np.random.default_rng(seed)
    band = np.minimum(people["age"] // 10, 8).astype(np.int64)
    male = people["male"] > 0.5
    risk = np.zeros(len(time))
    kept: dict[str, list[float]] = {}
    for repeat in range(repeats):
        fold = rng.permutation(len(time)) % FOLDS
        for k in range(FOLDS):
            inside, outside = fold != k, fold == k
            train, test = _of(people, inside), _of(people, outside)
            penalty = pick(train, time[inside], dead[inside], seed=1000 * repeat + k)
            basis = Basis(train)
            plain = [np.stack([p["age"] / 10 - 5, p["male"]], axis=1) for p in (train, test)]
            levine = [phenoage_score(p)[:, None] for p in (train, test)]
            centre = levine[0].mean()
            fitted = {
                "model": (cox(basis(train), time[inside], dead[inside], penalty), basis(test)),
                "age + sex": (cox(plain[0], time[inside], dead[inside]), plain[1]),
                "PhenoAge": (cox(levine[0] - centre, time[inside], dead[inside]), levine[1] - centre),
            }
            for name, (found, x) in fitted.items():
                score, ten = x @ found.beta, found.risk(x, HORIZON)
                t, d, b, m = time[outside], dead[outside], band[outside], male[outside]
                told = {
                    "C": concordance(score, t, d),
                    "banded": concordance(score, t, d, b),
                    "banded men": concordance(score[m], t[m], d[m], b[m]),
                    "banded women": concordance(score[~m], t[~m], d[~m], b[~m]),
                    "auc60": auc(score, d & (t <= 60)),
                    "auc120": auc(score, d & (t <= HORIZON)),
                    "brier": float(((ten - (d & (t <= HORIZON))) ** 2).mean()),
                }
                for figure, value in told.items():
                    kept.setdefault(f"{figure}/{name}", []).append(value)
                if name == "model":
                    risk[outside] += ten / repeats
        progress((repeat + 1) / (repeats + 1), f"repeat {repeat + 1}")
    return {name: np.array(values) for name, values in kept.items()}, risk


_TITLES = {
    "banded": "C within ten years of age",
    "banded men": "C within ten years of age, men",
    "banded women": "C within ten years of age, women",
    "C": "C, all pairs",
    "auc60": "AUC at 5 years",
    "auc120": "AUC at 10 years",
    "brier": "Brier score at 10 years",
}


def _metrics(folds: Mapping[str, Floats]) -> list[dict[str, Any]]:
    rows = []
    for figure, title in _TITLES.items():
        # PhenoAge's own ten-year risk needs the unit of CRP: here its score is given a hazard by Cox in training folds.
        own = folds[f"{figure}/model"]
        others = {name: folds[f"{figure}/{name}"] for name in ("PhenoAge", "age + sex")}
        notes = []
        for name, values in others.items():
            gap = (own - values)[np.isfinite(own - values)]
            few = f", {len(gap)} of {len(own)} folds have a pair to count" if len(gap) < len(own) else ""
            if len(gap) < LEAST_FOLDS:
                notes.append(f"less {name}: too few folds for an interval{few}")
                continue
            middle, low, high = corrected_interval(gap, FOLDS)
            gain = "no difference shown" if low <= 0 <= high else "a difference"
            notes.append(f"less {name}: {middle:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, {gain}{few}")
        means = {name: _mean(values) for name, values in others.items()}
        rows.append(
            {
                "figure": title,
                "value": _mean(own),
                "unit": "1",
                "beside": {name: mean for name, mean in means.items() if mean is not None},
                "note": "; ".join(notes),
            }
        )
    return rows


def _mean(values: Floats) -> float | None:
    """The mean of what is a number; None where nothing is."""
    kept = values[np.isfinite(values)]
    return float(kept.mean()) if len(kept) else None


@task(version=1, distributions=("numpy", "scipy"))
def train(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Cross-validates, then fits on everybody; see `Recipe.train`."""
    name = "/".join(NHANES)
    people, time, dead = read_nhanes(inputs[name]) if name in inputs else _own(inputs["table"])
    if not (time[~dead] >= HORIZON).all():
        raise BadInput(
            f"{int((time[~dead] < HORIZON).sum())} people were followed for less than ten years",
            remedy="leave out everybody who entered less than ten years before the end, the dead among them too: a "
            "Brier score at ten years needs everybody's state at ten years",
        )
    repeats = 1 if params.get("quick") else REPEATS
    folds, risk = cross_validated(people, time, dead, repeats, seed or 0, progress)
    event = dead & (time <= HORIZON)
    slope, intercept = calibration(risk, event)
    metrics = _metrics(folds)
    for title, value in (("calibration slope at 10 years", slope), ("calibration intercept at 10 years", intercept)):
        metrics.append({"figure": title, "value": value, "unit": "1", "beside": {}, "note": "1 and 0 are perfect"})
    for low, high in ((20, 40), (40, 60), (60, OLDEST + 1)):
        own = (people["age"] >= low) & (people["age"] < high)
        if not own.any():
            continue
        note = f"predicted {risk[own].mean():.4f}, {int(own.sum())} people"
        title = f"died within 10 years, ages {low} to {high - 1:g}"
        metrics.append({"figure": title, "value": float(event[own].mean()), "unit": "1", "beside": {}, "note": note})
    penalty = pick(people, time, dead, seed or 0)
    basis = Basis(people)
    model = cox(basis(people), time, dead, penalty)
    card = {
        "method": "Cox regression on restricted cubic splines of age and markers, with products of markers, age and "
        f"sex, ridge penalty {penalty:g} chosen in three folds",
        "training": {"people": len(time), "deaths": int(dead.sum()), "chosen": "complete cases of one survey"},
        "split": f"{repeats} times five folds of people; the penalty is chosen anew in each training fold",
        "metrics": metrics,
        "calibration": {
            "method": "predicted and observed ten-year mortality; an interval shows how sure the fitted risk is, and "
            "its coverage cannot be measured, since a person's risk is not observed",
            "slope": slope,
            "intercept": intercept,
        },
        "domain": f"ages {people['age'].min():g} to {people['age'].max():g} a and the sexes of the training rows, each "
        "marker between their 0.1st and 99.9th percentile",
        "caveats": {lang: list(texts) for lang, texts in CAVEATS.items()},
    }
    pictures = {f"calibration.{lang}.svg": _drawn(risk, event, lang).encode() for lang in ("en", "ko")}
    return {"model": _written(basis, model, people), "card": canonical(card), **pictures}


@task(version=1, distributions=("numpy", "scipy"))
def predict(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Ten-year mortality of each row; the bounds are of the fitted risk. See `Recipe.predict`."""
    from scipy.stats import norm

    with np.load(io.BytesIO(inputs["model"]), allow_pickle=False) as kept:
        held = {name: kept[name] for name in kept.files}
    table = pq.read_table(io.BytesIO(inputs["table"]))
    people = _people(table)
    basis = Basis.__new__(Basis)
    names = ("age", *MARKERS)
    basis.knots = {name: row[np.isfinite(row)] for name, row in zip(names, held["knots"], strict=True)}
    basis.centre = {name: (float(c[0]), float(c[1])) for name, c in zip(names, held["centre"], strict=True)}
    basis.mean, basis.scale, basis.male = held["mean"], held["scale"], float(held["male"])
    model = Cox(held["beta"], held["variance"], held["times"], held["hazard"])
    x = basis(people)
    outside = np.zeros(len(x), dtype=bool)
    for name, (low, high) in zip((*names, "male"), held["range"], strict=True):
        outside |= ~((people[name] >= low) & (people[name] <= high))
    columns = {"row": table["row"], "value": model.risk(x, HORIZON)}
    for level in (80, 95):
        low, high = model.bounds(x, HORIZON, float(norm.ppf(0.5 + level / 200)))
        columns |= {f"low{level}": low, f"high{level}": high}
    made = pa.table({**columns, "inside": ~outside, "why": np.where(outside, "range", "").tolist()})
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return {"predictions": sink.getvalue()}


def read_nhanes(data: bytes) -> tuple[dict[str, Floats], Floats, Bools]:
    """(people, months followed, whether dead at their end) of the archive's table."""
    table = pq.read_table(io.BytesIO(data))
    people = {name: table[column].to_numpy().astype(float) for name, (column, _) in MARKERS.items()}
    people |= {"age": table["age"].to_numpy().astype(float), "male": _male(table["sex"])}
    return people, table["permth_exm"].to_numpy().astype(float), table["mortstat"].to_numpy() == 1


def _own(data: bytes) -> tuple[dict[str, Floats], Floats, Bools]:
    table = pq.read_table(io.BytesIO(data))
    people, months = _people(table), table["months"].to_numpy().astype(float)
    dead = table["dead"].to_numpy().astype(float)
    whole = np.isfinite(months) & np.isin(dead, (0, 1)) & np.isfinite(np.stack(list(people.values()))).all(axis=0)
    if not whole.all():
        row = table["row"][int(np.flatnonzero(~whole)[0])]
        raise BadInput("a value is missing or no number", where=f"row {row}", remedy="train on whole rows")
    if len(set(table["person"].to_pylist())) < table.num_rows:
        raise BadInput("a person stands in two rows", remedy="give one row a person")
    return people, months, dead == 1


def _people(table: pa.Table) -> dict[str, Floats]:
    people = {name: table[name].to_numpy(zero_copy_only=False).astype(float) for name in ("age", *MARKERS)}
    return {**people, "male": _male(table["sex"])}


def _male(column: pa.ChunkedArray) -> Floats:
    values = [str(value).strip().lower() for value in column.to_pylist()]
    strange = sorted(set(values) - {"male", "female"})
    if strange:
        raise BadInput(f"{strange[0]!r} is no sex that the table knows", remedy="write male or female")
    return np.array([value == "male" for value in values], dtype=float)


def _written(basis: Basis, model: Cox, people: People) -> bytes:
    sink = io.BytesIO()
    names = ("age", *MARKERS)
    ranges = [
        np.quantile(people[name], (0.001, 0.999)) if name in MARKERS else (people[name].min(), people[name].max())
        for name in (*names, "male")
    ]
    np.savez_compressed(
        sink,
        beta=model.beta,
        variance=model.variance,
        times=model.times,
        hazard=model.hazard,
        mean=basis.mean,
        scale=basis.scale,
        male=basis.male,
        centre=np.array([basis.centre[name] for name in names]),
        range=np.array(ranges, dtype=float),
        knots=np.array([_padded(basis.knots[name]) for name in names]),
    )
    return sink.getvalue()


_WORDS = {
    "en": (
        "Ten-year mortality, predicted and seen",
        "predicted, tenths of people (%)",
        "died within 10 years (%)",
        "a tenth of the people",
        "95 % interval",
        "perfect",
    ),
    "ko": (
        "10년 사망률, 예측과 관찰",
        "예측, 열 무리의 평균(%)",
        "10년 안에 사망(%)",
        "사람들의 10분의 1",
        "95 % 구간",
        "완전 일치",
    ),
}


def _drawn(risk: Floats, event: Bools, lang: str) -> str:
    title, x, y, dot, interval, diagonal = _WORDS[lang]
    tenths = np.array_split(np.argsort(risk, kind="stable"), 10)
    mean = np.array([100 * risk[own].mean() for own in tenths])
    seen = np.array([100 * event[own].mean() for own in tenths])
    low, high = (
        100 * bound
        for bound in _wilson(np.array([event[own].sum() for own in tenths]), np.array([len(own) for own in tenths]))
    )
    top = float(max(mean.max(), high.max())) * 1.05
    axes = plot(title, (0.0, top), (0.0, top), x, y)
    axes.line((0.0, top), (0.0, top), GREY, label=diagonal, dash="4 3")
    axes.sticks(mean, low, high, BLUE, label=interval)
    axes.dots(mean, seen, ORANGE, label=dot, r=4)
    return axes.svg()


def _wilson(events: Floats, n: Floats, z: float = 1.96) -> tuple[Floats, Floats]:
    """Wilson's interval of a proportion (1927, J. Am. Stat. Assoc. 22:209)."""
    p = events / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle - reach, middle + reach


MORTALITY = Recipe(
    name="mortality-risk",
    title={"en": "Ten-year mortality from blood markers", "ko": "혈액 지표로 추정한 10년 사망률"},
    property="ten-year mortality",
    unit="1",
    columns=(
        Column("age", "a", {"en": "age", "ko": "나이"}, low=0.0, high=125.0),
        Column("sex", None, {"en": "sex, male or female", "ko": "성별, male 또는 female"}),
        Column("albumin", "g/dL", {"en": "albumin", "ko": "알부민"}, low=0.5, high=8.0),
        Column(
            "creatinine", "mg/dL", {"en": "creatinine", "ko": "크레아티닌"}, low=0.1, high=25.0, grams_per_mole=113.12
        ),
        Column(
            "glucose",
            "mg/dL",
            {"en": "serum glucose", "ko": "혈청 포도당"},
            low=20.0,
            high=1500.0,
            grams_per_mole=180.156,
        ),
        Column("crp", "mg/L", {"en": "C-reactive protein", "ko": "C-반응성 단백질"}, low=0.01, high=600.0),
        Column(
            "lymphocytes",
            "%",
            {"en": "lymphocytes, share of leucocytes", "ko": "백혈구 중 림프구"},
            low=0.1,
            high=100.0,
        ),
        Column("mcv", "fL", {"en": "mean cell volume", "ko": "평균 적혈구 용적"}, low=40.0, high=160.0),
        Column("rdw", "%", {"en": "red cell distribution width", "ko": "적혈구 분포 폭"}, low=5.0, high=50.0),
        Column("alp", "U/L", {"en": "alkaline phosphatase", "ko": "알칼리성 인산분해효소"}, low=1.0, high=3000.0),
        Column("wbc", "10*3/uL", {"en": "leucocytes", "ko": "백혈구 수"}, low=0.1, high=500.0),
    ),
    target=Column(
        "months",
        "mo",
        {"en": "months to death or end of follow-up", "ko": "사망 또는 추적 종료까지 개월"},
        low=0.0,
        high=1500.0,
    ),
    group=Column("person", None, {"en": "person", "ko": "사람"}),
    others=(
        Column("dead", "1", {"en": "1: dead at that time, 0: alive", "ko": "그때 사망 1, 생존 0"}, low=0.0, high=1.0),
    ),
    reads=(NHANES,),
    train=train,
    predict=predict,
    template=(
        "person,age [a],sex,albumin [g/dL],creatinine [mg/dL],glucose [mg/dL],crp [mg/L],lymphocytes [%],mcv [fL],"
        "rdw [%],alp [U/L],wbc [10*3/uL],months [mo],dead [1]\n"
        "P1,52,female,4.3,0.9,87,0.3,28,90,13.0,65,6.0,130,0\n"
        "P2,71,male,4.1,1.1,102,4.2,24,92,13.8,81,7.4,63,1\n"
    ),
    why={
        "range": {
            "en": "age, sex or a marker lies outside what the model was trained on",
            "ko": "나이, 성별 또는 지표가 모델을 학습한 범위를 벗어납니다",
        }
    },
    caveats=CAVEATS,
)
