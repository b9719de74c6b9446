"""Before and after: did an intervention change the clock age of one's own arrays, and how many would settle it?

Each person gives two arrays, before and after, in an arm: an intervention or placebo. What is compared is the change in
clock age, after less before less the time that passed, in years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from dure.base.errors import BadInput
from dure.fields.brain.methylation import Floats

PLACEBO = "placebo"
DRAWS = 4000
UNCONTROLLED = {
    "en": (
        "cell composition of the samples, which changes with illness, drugs and season",
        "batch: before and after were perhaps not measured on one plate",
        "regression to the mean, where people were chosen for a high clock age",
        "who left between the two samples",
    ),
    "ko": (
        "시료의 세포 구성: 질병, 약물, 계절에 따라 달라집니다",
        "배치: 전후 시료를 한 판에서 재지 않았을 수 있습니다",
        "평균으로의 회귀: 시계 나이가 높은 사람을 골랐다면",
        "두 시료 사이에 빠진 사람",
    ),
}
"""What such a comparison cannot exclude; a part of every `Comparison`."""


@dataclass(frozen=True)
class Change:
    """The change in clock age of one arm.

    Attributes:
        arm: its name; n: people.
        mean, low, high: mean change and its 95 % t interval, years; sd: of changes between people.
        p: of no difference to placebo (Welch 1947, Biometrika 34:28), corrected for the number of arms after Holm
            (1979, Scand. J. Stat. 6:65); None for placebo itself.
        difference, difference_low, difference_high: to placebo, with its 95 % interval; None for placebo.
    """

    arm: str
    n: int
    mean: float
    low: float
    high: float
    sd: float
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    p: float | None = None


@dataclass(frozen=True)
class Comparison:
    """What `changes` finds, with what it cannot exclude and how many people would settle it.

    Attributes:
        arms: placebo first.
        effect: a difference to placebo worth finding, years.
        uncontrolled: confounders, a tuple of sentences a language.
    """

    arms: tuple[Change, ...]
    effect: float
    uncontrolled: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: UNCONTROLLED)

    @cached_property
    def needed(self) -> int | None:
        """People an arm who find `effect` with a power of .8, at the spread of the placebo arm; None: too many."""
        try:
            return people_needed(self.effect, self.arms[0].sd)
        except BadInput:
            return None


def changes(
    before: Sequence[float] | Floats,
    after: Sequence[float] | Floats,
    elapsed: Sequence[float] | Floats,
    arm: Sequence[str],
    effect: float = 1.0,
) -> Comparison:
    """The change in clock age of every arm beside placebo.

    Args:
        before, after: clock age of each person's two arrays, years, shape (people,).
        elapsed: years between them, shape (people,); arm: of each person.
        effect: a difference to placebo worth finding, years.

    Raises:
        BadInput: lists of different lengths, no placebo arm, an arm of fewer than three people, or a value that is no
            number.
    """
    from scipy.stats import t

    names = np.array([str(each) for each in arm])
    before, after, elapsed = (_numbers(values) for values in (before, after, elapsed))
    lengths = [len(before), len(after), len(elapsed), len(names)]
    if len(set(lengths)) > 1:
        raise BadInput(
            f"before, after, elapsed and arm have {', '.join(map(str, lengths))} values",
            remedy="give one value a person in each",
        )
    change = after - before - elapsed
    if not np.isfinite(change).all():
        row = int(np.flatnonzero(~np.isfinite(change))[0])
        raise BadInput("a clock age or a time is missing", where=f"person {row + 1}", remedy="leave that person out")
    if PLACEBO not in names:
        raise BadInput(
            "no arm is called placebo",
            where="arm",
            remedy="without placebo a change cannot be told from time, batch and chance; add that arm",
        )
    for name in np.unique(names):
        if (names == name).sum() < 3:
            raise BadInput(
                f"the arm {name} has {int((names == name).sum())} people",
                where="arm",
                remedy="three people an arm are the least that an interval can be made of",
            )
    held = change[names == PLACEBO]
    found = []
    for name in sorted(set(names.tolist()), key=lambda each: (each != PLACEBO, each)):
        own = change[names == name]
        mean, sd = float(own.mean()), float(own.std(ddof=1))
        reach = float(t.ppf(0.975, len(own) - 1)) * sd / np.sqrt(len(own))
        made = Change(name, len(own), mean, mean - reach, mean + reach, sd)
        if name != PLACEBO:
            gap, error, freedom = _welch(own, held)
            wide = float(t.ppf(0.975, freedom)) * error
            p = float(2 * t.sf(abs(gap) / error, freedom)) if error > 0 else float(gap == 0)
            made = Change(name, len(own), mean, mean - reach, mean + reach, sd, gap, gap - wide, gap + wide, p)
        found.append(made)
    return Comparison(tuple(_holm(found)), effect)


def _numbers(values: Sequence[float] | Floats) -> Floats:
    try:
        return np.asarray(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        raise BadInput("clock ages and times are numbers", remedy="give years, as 54.2") from None


def _welch(own: Floats, other: Floats) -> tuple[float, float, float]:
    """Difference of means, its standard error and Welch's degrees of freedom."""
    a, b = own.var(ddof=1) / len(own), other.var(ddof=1) / len(other)
    freedom = (a + b) ** 2 / max(a**2 / (len(own) - 1) + b**2 / (len(other) - 1), 1e-300)
    return float(own.mean() - other.mean()), float(np.sqrt(a + b)), float(max(freedom, 1.0))


def _holm(found: Sequence[Change]) -> list[Change]:
    from dataclasses import replace

    order = sorted((i for i, c in enumerate(found) if c.p is not None), key=lambda i: found[i].p or 0.0)
    corrected, highest = {}, 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * (found[i].p or 0.0)))
        corrected[i] = highest
    return [replace(c, p=corrected[i]) if i in corrected else c for i, c in enumerate(found)]


def power(n: int, effect: float, sd: float, seed: int = 0, draws: int = DRAWS, level: float = 0.05) -> float:
    """Simulated power of n people an arm: how often Welch's test finds a difference in change of `effect` years.

    Args:
        sd: of changes between people, years; normal in both arms. An effect of zero gives the type-I error.
    """
    from scipy.stats import t

    rng = np.random.default_rng(seed)
    own, other = rng.normal(effect, sd, (draws, n)), rng.normal(0.0, sd, (draws, n))
    a, b = own.var(axis=1, ddof=1) / n, other.var(axis=1, ddof=1) / n
    freedom = (a + b) ** 2 / ((a**2 + b**2) / (n - 1))
    statistic = (own.mean(axis=1) - other.mean(axis=1)) / np.sqrt(a + b)
    return float((2 * t.sf(np.abs(statistic), freedom) < level).mean())


def people_needed(effect: float, sd: float, wanted: float = 0.8, seed: int = 0, most: int = 20_000) -> int:
    """The fewest people an arm whose simulated power reaches `wanted`, to a few per cent.

    Raises:
        BadInput: an effect or a spread that is not above zero, or more than `most` people.
    """
    if not (effect > 0 and sd > 0):
        raise BadInput(
            f"an effect of {effect:g} years and a spread of {sd:g} years cannot be planned for",
            remedy="give both above zero; the spread is the standard deviation of changes in the placebo arm",
        )
    low, high = 3, 4
    while power(high, effect, sd, seed) < wanted:
        low, high = high, 2 * high
        if high > most:
            raise BadInput(
                f"more than {most} people an arm would be needed",
                remedy="an effect this small cannot be settled with this clock",
            )
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect, sd, seed) >= wanted else (middle, high)
    return high
