"""The campaign `brain/clock-panel`: at most 50 CpGs that a laboratory could order, read as a clock of adults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import Read, ReadSource, Simulator
from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREEN, GREY, ORANGE
from dure.compute.task import Progress, task
from dure.design.candidate import Candidate
from dure.fields.brain.clock import TEST, TRAIN
from dure.fields.brain.methylation import (
    OF_AGE,
    Arrays,
    Bools,
    Floats,
    Ints,
    donors,
    folds_of,
    joined,
    read_arrays,
    transformed,
    years,
)
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Outcomes, members_of

MOST = 50
FOLDS = 5
LENGTH, PENALTY = 2.0, 0.1
"""Of the regression on a panel: length scale, for arrays scaled to mean squared length 1, and ridge penalty."""
RIDGE_PENALTY = 0.1
PANELS = {"tune": ("folds 1", "folds 2", "folds 3")}
"""Training donors, divided into five folds in so many ways. The held-out members are the donors of the test table."""
HELD_OUT = "held-out"
READS = (100, 500, 1000)
LOST = (5, 10)
DRAWS = 10
# Without bounds: a limit breaks where an error is no number, and names the unit.
MEASURES = (
    "error by ridge",
    "gain by ridge",
    *(f"error, {lost} sites lost" for lost in LOST),
    *(f"error, {reads} reads" for reads in READS),
)
WANTED = 0.3
"""Years by which the issue wants a panel to beat the lasso path's."""


@cache
def panels() -> dict[str, list[str]]:
    """Named lists of CpGs, made from training donors alone by `python bench/field_brain.py clock-pool`.

    `pool`: the first 60 CpGs that enter the lasso path of adults' transformed age. `lasso path`: the last step with at
    most 50 CpGs of the path over all ages, the reference. `correlated`: the 50 of highest correlation with age.
    """
    text = files("dure.fields.brain").joinpath("clock_panels.json").read_text("utf-8")
    named: dict[str, list[str]] = json.loads(text)
    return named


@dataclass(frozen=True)
class Panelled:
    """What panels are judged on.

    Attributes:
        arrays: of both tables; donor: a number each, shape (arrays,).
        kept: training arrays, none of whose donors is in `test`.
    """

    arrays: Arrays
    donor: Ints
    kept: Bools
    test: Bools

    def columns(self, items: Sequence[str]) -> Floats:
        """Beta values of these CpGs, shape (arrays, items)."""
        place = _places(self.arrays.cpgs)
        strange = [name for name in items if name not in place]
        if strange:
            raise BadInput(f"no array holds the CpG {strange[0]!r}", remedy="name CpGs of the fetched table")
        return self.arrays.beta[:, [place[name] for name in items]]

    def members(self) -> dict[str, Ints]:
        """Held-out adult donors, each with its arrays: name of the first array -> indices."""
        own = np.flatnonzero(self.test & (self.arrays.age >= OF_AGE))
        groups = [own[self.donor[own] == one] for one in dict.fromkeys(self.donor[own].tolist())]
        return {self.arrays.names[group[0]]: group for group in groups}


@lru_cache(maxsize=1)
def _places(cpgs: tuple[str, ...]) -> dict[str, int]:
    return {name: i for i, name in enumerate(cpgs)}


@lru_cache(maxsize=1)
def prepared(train: bytes, test: bytes) -> Panelled:
    """Both tables with their donors; kept for the next order of this process, since reading takes seconds."""
    first, second = read_arrays(train, TRAIN[2]), read_arrays(test, TEST[2])
    arrays = joined(first, second)
    donor = donors(arrays.beta, arrays.age)
    held = np.arange(len(arrays.names)) >= len(first.names)
    return Panelled(arrays, donor, ~held & ~np.isin(donor, donor[held]), held)


def smooth(x: Floats, age: Floats, new: Floats, length: float = LENGTH, penalty: float = PENALTY) -> Floats:
    """Predicted years of new arrays by kernel ridge regression of the transformed age, shape (new arrays,).

    A Gaussian kernel lets a CpG saturate; scaled as here, a length scale above 1 leaves it nearly linear.

    Args:
        x: shape (arrays, cpgs); new: shape (new arrays, cpgs), NaN where a site was lost.
    """
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    a = (x - mean) / scale / np.sqrt(x.shape[1])
    b = np.nan_to_num((new - mean) / scale) / np.sqrt(x.shape[1])
    y = transformed(age)
    gram = length**2 * np.exp(-_squared(a, a) / (2 * length**2))
    dual = np.linalg.solve(gram + penalty * np.eye(len(a)), y - y.mean())
    near = length**2 * np.exp(-_squared(b, a) / (2 * length**2))
    return years(near @ dual + y.mean())


def straight(x: Floats, age: Floats, new: Floats) -> Floats:
    """The same by plain ridge regression."""
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    a = (x - mean) / scale / np.sqrt(x.shape[1])
    y = transformed(age)
    weights = np.linalg.solve(a.T @ a + RIDGE_PENALTY * np.eye(a.shape[1]), a.T @ (y - y.mean()))
    return years(np.nan_to_num((new - mean) / scale) / np.sqrt(x.shape[1]) @ weights + y.mean())


def _squared(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T, 0.0))


def cross_validated(
    data: Panelled, items: Sequence[str], seeds: Sequence[int], reads: int | None = None
) -> tuple[Floats, Floats]:
    """(adult errors, errors below 18) in years: mean absolute, one a way of folding, shape (seeds,) each.

    Args:
        reads: arrays left out are read as counts of so many simulated reads a site; None: as they are.
    """
    x, age, donor = data.columns(items)[data.kept], data.arrays.age[data.kept], data.donor[data.kept]
    of_age = age >= OF_AGE
    found = []
    for seed in seeds:
        fold = folds_of(donor, FOLDS, seed)
        new = x if reads is None else _counted(data, items, x, reads, seed)
        error = np.empty(len(age))
        for k in range(FOLDS):
            inside = fold != k
            error[~inside] = np.abs(smooth(x[inside], age[inside], new[~inside]) - age[~inside])
        found.append((error[of_age].mean(), error[~of_age].mean()))
    adult, young = np.array(found).T
    return adult, young


def _counted(data: Panelled, items: Sequence[str], x: Floats, reads: int, seed: int) -> Floats:
    """Binomial shares; a CpG's counts do not depend on which others are in the panel."""
    place = _places(data.arrays.cpgs)
    columns = [
        np.random.default_rng([seed, place[name]]).binomial(reads, np.clip(own, 0, 1)) / reads
        for name, own in zip(items, x.T, strict=True)
    ]
    return np.stack(columns, axis=1)


@task(version=1, distributions=("numpy", "scipy"))
def score_panel(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Cross-validated errors of one panel of CpGs on training donors; see `Simulator.run`.

    No number is drawn: the ways of folding are those that the panel names, for every design the same.
    """
    _, content, _ = json.loads(inputs["candidate"])
    data = prepared(inputs["/".join(TRAIN)], inputs["/".join(TEST)])
    seeds = [int(name.split()[1]) for name in _folded(params.get("panel", "tune"), "[lab], panel")]
    adult, young = cross_validated(data, content["items"], seeds)
    few, _ = cross_validated(data, content["items"], seeds, _depth(params))
    told: dict[str, Any] = {
        "adult error": {"value": adult.mean(), "sd": adult.std(ddof=1), "n": len(adult), "unit": "a"},
        "error below 18": {"value": young.mean(), "sd": young.std(ddof=1), "n": len(young), "unit": "a"},
        "adult error by reads": {"value": few.mean(), "sd": few.std(ddof=1), "n": len(few), "unit": "a"},
        "sites": {"value": float(len(content["items"])), "unit": "1"},
    }
    if "price" in params:
        told["cost"] = {"value": float(params["price"]) * len(content["items"]), "unit": str(params["currency"])}
    return {"values": canonical(_plain(told))}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return float(value) if isinstance(value, np.floating) else value


def _folded(panel: Any, where: str) -> tuple[str, ...]:
    """The ways of folding that a panel names."""
    return members_of(panel, PANELS, where)


def _depth(lab: Mapping[str, Any]) -> int:
    """Simulated reads a site of `adult error by reads`."""
    reads = lab.get("reads", READS[1])
    if type(reads) is not int or reads < 1:
        raise BadInput(f"{reads!r} is no number of reads", where="[lab], reads", remedy="write reads = 500")
    return reads


def _reads(lab: Mapping[str, Any]) -> Sequence[Read]:
    _folded(lab.get("panel", "tune"), "[lab], panel")
    _depth(lab)
    if ("price" in lab) != ("currency" in lab):
        raise BadInput(
            "a price of a site needs its currency",
            where="[lab], currency",
            remedy='write price = 20000.0 and currency = "{KRW}"',
        )
    return (TRAIN, TEST)


def reference(settings: Mapping[str, Any] | None = None) -> Candidate:
    """The panel that the lasso path gives."""
    items = sorted(panels()["lasso path"])
    return Candidate("subset", {"items": items}, {"items": items, "name": "lasso path"})


SIMULATOR = Simulator(score_panel, reads=_reads, panels=PANELS)


def evaluator(data: Panelled) -> Callable[[Sequence[Candidate], Sequence[str]], list[Outcomes]]:
    """What `HeldOut` asks: errors of panels on held-out adult donors, in years, one a donor and measure.

    Every panel, the reference too, is read by `smooth`; `error by ridge` reads all by ridge regression, as published
    panels are, and `gain by ridge` is what that says beside the lasso path's panel.
    """
    groups = data.members()
    path = sorted(panels()["lasso path"])

    def errors(predicted: Floats, members: Sequence[str]) -> Floats:
        gap = np.abs(predicted - data.arrays.age)
        return np.array([gap[groups[name]].mean() for name in members])

    @cache
    def by_ridge(members: tuple[str, ...]) -> Floats:
        x = data.columns(path)
        return errors(straight(x[data.kept], data.arrays.age[data.kept], x), members)

    def outcomes(design: Candidate, members: Sequence[str]) -> Outcomes:
        if design.kind != "subset":
            raise BadInput(
                f"a finalist is a {design.kind}, not a panel of CpGs",
                where="[finalists]",
                remedy='for a stimulus, write simulator = "stimulation" in [finalists]',
            )
        items = design.content["items"]
        x = data.columns(items)
        train, age = x[data.kept], data.arrays.age[data.kept]
        told = {
            "adult error": errors(smooth(train, age, x), members),
            "error by ridge": errors(straight(train, age, x), members),
        }
        told["gain by ridge"] = by_ridge(tuple(members)) - told["error by ridge"]
        for name, changed in disturbed(x).items():
            told[f"error, {name}"] = np.mean([errors(smooth(train, age, each), members) for each in changed], axis=0)
        return told

    return lambda designs, members: [outcomes(design, members) for design in designs]


def disturbed(x: Floats) -> dict[str, list[Floats]]:
    """Arrays as a laboratory might read them: with sites lost, or as counts of so many simulated reads a site.

    Reads are binomial. What differs between array and sequencing beyond that is not in them.
    """
    made: dict[str, list[Floats]] = {}
    for lost in LOST:
        rng = np.random.default_rng(lost)
        copies = [x.copy() for _ in range(DRAWS)]
        for copy in copies:
            copy[:, rng.choice(x.shape[1], size=min(lost, x.shape[1] - 1), replace=False)] = np.nan
        made[f"{lost} sites lost"] = copies
    for reads in READS:
        rng = np.random.default_rng(reads)
        made[f"{reads} reads"] = [rng.binomial(reads, np.clip(x, 0, 1)) / reads for _ in range(DRAWS)]
    return made


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The gate: held-out donors, beside the lasso path's panel, both read by `smooth`."""
    if settings.get("panel", HELD_OUT) != HELD_OUT:
        raise BadInput(
            f"there is no panel {settings['panel']!r}",
            where="[finalists], panel",
            remedy=f'write panel = "{HELD_OUT}": the donors of the test table',
        )
    # The donors of the test table are in no way of folding, so the two panels share nobody.
    _folded(settings.get("tuned", "tune"), "[finalists], tuned")
    data = prepared(read(*TRAIN), read(*TEST))
    members = tuple(data.members())
    evaluate = evaluator(data)
    check = HeldOut(
        evaluate=evaluate,
        reference=reference(),
        members=members,
        primary="adult error",
        unit="a",
        sign=-1.0,
        settings={"panel": HELD_OUT, "read": "kernel ridge", "length": LENGTH, "penalty": PENALTY, "draws": DRAWS},
        units=dict.fromkeys(MEASURES, "a"),
        harm=5.0,
        cost=20.0,
        pictures=lambda design, other, names: pictures(data, evaluate, design, other, names),
    )
    return Ladder.of(
        [check],
        [
            Gate(
                "held-out", "gain-low", low=0.0, unit="a", title=GAIN_LOW, source="95 % interval over held-out donors"
            ),
            Gate("held-out", "gain", low=WANTED, unit="a", action="flag", title=GAIN, source="wanted of this campaign"),
            Gate("held-out", "violations", high=0.0, title=VIOLATIONS),
        ],
    )


GAIN_LOW = {"en": "lowest likely gain over the lasso path's panel", "ko": "lasso 경로 패널보다 나은 정도의 하한"}
GAIN = {"en": "gain over the lasso path's panel", "ko": "lasso 경로 패널보다 나은 정도"}
VIOLATIONS = {"en": "donors without a value", "ko": "값이 없는 기증자"}
_WORDS = {
    "en": {
        "title": "Adult error on held-out donors, by reads a site",
        "x": "simulated reads a site",
        "y": "mean absolute error (years)",
        "array": "array",
        "design": "this panel",
        "lasso path": "lasso path's panel",
        "correlated": "50 most correlated with age",
        "random": "50 random CpGs, mean of 10 panels",
        "note": "reads simulated",
    },
    "ko": {
        "title": "따로 둔 기증자의 성인 오차, 자리당 리드 수별",
        "x": "모의실험한 자리당 리드 수",
        "y": "평균 절대 오차(년)",
        "array": "배열",
        "design": "이 패널",
        "lasso path": "lasso 경로 패널",
        "correlated": "나이와 상관이 가장 높은 50개",
        "random": "무작위 CpG 50개, 패널 10개 평균",
        "note": "리드는 모의실험",
    },
}


def pictures(
    data: Panelled,
    evaluate: Callable[[Sequence[Candidate], Sequence[str]], Sequence[Outcomes]],
    design: Candidate,
    other: Candidate,
    members: Sequence[str],
) -> dict[str, bytes]:
    """Errors against reads of this panel, the reference, the correlated and random ones, in both languages."""
    rng = np.random.default_rng(0)
    drawn = [sorted(rng.choice(data.arrays.cpgs, size=MOST, replace=False).tolist()) for _ in range(10)]
    groups = {
        "design": [design],
        "lasso path": [other],
        "correlated": [Candidate("subset", {"items": sorted(panels()["correlated"])})],
        "random": [Candidate("subset", {"items": items}) for items in drawn],
    }
    measures = [*(f"error, {reads} reads" for reads in READS), "adult error"]
    lines = {
        name: [float(np.mean([found[m].mean() for found in evaluate(own, members)])) for m in measures]
        for name, own in groups.items()
    }
    return {f"reads.{lang}.svg": _drawn(lines, lang).encode() for lang in _WORDS}


def _drawn(lines: Mapping[str, Sequence[float]], lang: str) -> str:
    words = _WORDS[lang]
    values = [value for own in lines.values() for value in own]
    at = list(range(len(READS) + 1))
    labels = list(zip(at, [*map(str, READS), words["array"]], strict=True))
    ends = (-0.3, at[-1] + 0.3), (0.0, 1.1 * max(values))
    axes = plot(words["title"], *ends, words["x"], words["y"], note=words["note"], keys=2, x_ticks=labels)
    for (name, own), colour in zip(lines.items(), (ORANGE, BLUE, GREEN, GREY), strict=True):
        axes.line(at, own, colour, label=words[name])
        axes.dots(at, own, colour, r=4)
    return axes.svg()
