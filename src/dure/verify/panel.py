"""The held-out gate: a design judged on members it was never tuned on, beside a reference, pair by pair.

A member is a patient, a random seed, a year of weather. Both designs meet each member with the same random numbers
(common random numbers), so that the difference is the design's and not the member's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dure.base.errors import BadInput
from dure.base.evidence import evidence_table
from dure.design.candidate import Candidate
from dure.verify.check import method

Floats = NDArray[np.float64]
Outcomes = Mapping[str, Floats]
"""Measure -> one number a member, shape (members,)."""
DRAWS = 2000
TITLES: Mapping[str, Mapping[str, str]] = {
    "held-out": {"en": "held-out members", "ko": "조정에 쓰지 않은 구성원"},
    "gain": {"en": "gain over the reference, held-out members", "ko": "기준 대비 이득 (조정에 쓰지 않은 구성원)"},
    "gain-low": {"en": "gain, lower end of the 95 % interval", "ko": "이득의 95 % 구간 아래 끝"},
    "gain-high": {"en": "gain, upper end of the 95 % interval", "ko": "이득의 95 % 구간 위 끝"},
    "worst-member": {"en": "worst member", "ko": "가장 나쁜 구성원"},
    "worst-decile": {"en": "worst decile: one member in ten is worse", "ko": "최하위 십분위 (열에 하나는 이보다 나쁨)"},
    "violations": {"en": "members that break a limit", "ko": "한계를 어긴 구성원 수"},
    "harmed": {"en": "members worse off than under the reference", "ko": "기준보다 나빠진 구성원 수"},
}
"""What the check's properties are called."""


@dataclass(frozen=True)
class Limit:
    """What every single member must keep: `low <= measure <= high`, in the measure's unit."""

    measure: str
    unit: str
    low: float | None = None
    high: float | None = None

    def broken(self, values: Floats) -> NDArray[np.bool_]:
        """Which members break it, shape (members,); a value that is not finite breaks it."""
        bad = ~np.isfinite(values)
        if self.low is not None:
            bad |= values < self.low
        if self.high is not None:
            bad |= values > self.high
        return bad

    def __str__(self) -> str:
        low = f"{self.low:g} <= " if self.low is not None else ""
        high = f" <= {self.high:g}" if self.high is not None else ""
        return f"{low}{self.measure}{high} {self.unit}"


@dataclass(frozen=True)
class Difference:
    """A paired difference over members: mean and its bootstrap interval, in the measure's unit."""

    mean: float
    low: float
    high: float


def members_of(panel: str | Sequence[str], panels: Mapping[str, Sequence[str]], where: str) -> tuple[str, ...]:
    """The members of a panel, given by its name or one by one.

    Args:
        panels: the field's named panels; those given one by one must stand in one of them.
        where: which key names it, for errors.

    Raises:
        BadInput: no such panel or member, a member twice, or fewer than two members.
    """
    if not isinstance(panel, str | list | tuple):
        raise BadInput(f"{panel!r} is no panel", where=where, remedy=f"there are {', '.join(panels)}")
    if isinstance(panel, str) and panel not in panels:
        raise BadInput(f"there is no panel {panel!r}", where=where, remedy=f"there are {', '.join(panels)}")
    members = tuple(panels[panel]) if isinstance(panel, str) else tuple(map(str, panel))
    known = dict.fromkeys(m for named in panels.values() for m in named)
    strange = [m for m in members if m not in known]
    if strange:
        raise BadInput(
            f"the panels have no member {strange[0]!r}", where=where, remedy=f"members are {', '.join(known)}"
        )
    if len(set(members)) < len(members):
        twice = next(m for m in members if members.count(m) > 1)
        raise BadInput(f"the member {twice!r} stands twice in a panel", where=where, remedy="name each member once")
    if len(members) < 2:
        raise BadInput(
            f"a panel of {len(members)} cannot show how a design varies between members",
            where=where,
            remedy="name two members or more; twenty or more give an interval worth reading",
        )
    return members


def apart(tuned: Sequence[str], held_out: Sequence[str], where: str) -> None:
    """Refuses a gate whose members were tuned on.

    Raises:
        BadInput: names the members that stand in both.
    """
    both = sorted(set(tuned) & set(held_out))
    if both:
        raise BadInput(
            f"{len(both)} members stand in both panels, {both[0]!r} among them: what was tuned on them proves nothing",
            where=where,
            remedy="judge finalists on members that [lab] panel does not name",
        )


def paired(
    difference: Floats, seed: int = 0, strata: Sequence[str] | None = None, level: float = 0.95, draws: int = DRAWS
) -> Difference:
    """The mean of paired differences with its bootstrap interval over members (Efron 1979), drawn within strata.

    Percentiles of few members are too narrow: the members of each stratum are spread about its mean by
    sqrt(n / (n - 1)), and the whole by Student's t against the normal (Hesterberg 2015, Am. Stat. 69:371), so that the
    interval holds the true mean as often as it says.

    Args:
        difference: shape (members,), all finite.
        strata: the stratum of each member; one with a single member is drawn together with the others of its kind.
    """
    from scipy.special import ndtri, stdtrit

    groups = _groups(len(difference), strata)
    rng = np.random.default_rng(seed)
    mean, total = float(difference.mean()), np.zeros(draws)
    for group in range(groups.max() + 1):
        own = difference[groups == group]
        spread = own.mean() + np.sqrt(len(own) / max(len(own) - 1, 1)) * (own - own.mean())
        total += spread[rng.integers(len(own), size=(draws, len(own)))].sum(axis=1)
    ends = np.quantile(total / len(difference), [(1 - level) / 2, (1 + level) / 2])
    freedom = max(len(difference) - groups.max() - 1, 1)
    low, high = mean + (ends - mean) * stdtrit(freedom, (1 + level) / 2) / ndtri((1 + level) / 2)
    return Difference(mean, float(low), float(high))


def _groups(members: int, strata: Sequence[str] | None) -> NDArray[np.int64]:
    """The number of each member's stratum, from 0; strata of a single member make one together."""
    if strata is None:
        return np.zeros(members, dtype=np.int64)
    names = np.array(strata)
    alone = [name for name, count in zip(*np.unique(names, return_counts=True), strict=True) if count < 2]
    names[np.isin(names, alone)] = alone[0] if alone else ""
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)


@dataclass(frozen=True)
class HeldOut:
    """The check: runs a design and the reference on the held-out members.

    Attributes:
        evaluate: (designs, members) -> the outcomes of each design, in order; members share random numbers.
        reference: what a design is compared with.
        members: never tuned on.
        primary: the measure that counts, with its `unit`; `sign` is 1 where more is better, -1 where less is.
        limits: what every member must keep.
        harm: a member is harmed when the primary measure is worse than under the reference by more than this.
        strata: the stratum of each member, for the bootstrap.
        cost: CPU seconds a design, roughly.
        settings: all else that the evidence depends on.
        units: of measures that are neither the primary one nor limited; `1` where none is named.
        pictures: (design, reference, members) -> file name -> bytes, drawn for each finalist; see `Illustrating`.
    """

    evaluate: Callable[[Sequence[Candidate], Sequence[str]], Sequence[Outcomes]]
    reference: Candidate
    members: tuple[str, ...]
    primary: str
    unit: str
    sign: float
    settings: Mapping[str, Any]
    limits: tuple[Limit, ...] = ()
    harm: float = 0.0
    strata: tuple[str, ...] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    cost: float = 1.0
    pictures: Callable[[Candidate, Candidate, Sequence[str]], Mapping[str, bytes]] | None = None
    name: str = field(default="held-out", init=False)
    version: int = field(default=1, init=False)
    kind: str = field(default="simulated", init=False)

    def missing(self) -> str | None:
        return None

    def run(self, candidates: Sequence[Candidate]) -> pa.Table:
        reference, *designs = self.evaluate([self.reference, *candidates], self.members)
        rows = [row for c, found in zip(candidates, designs, strict=True) for row in self._rows(c, found, reference)]
        return evidence_table(rows)

    def run_with_artefacts(self, candidates: Sequence[Candidate]) -> tuple[pa.Table, Mapping[str, Mapping[str, bytes]]]:
        drawn = {c.id: self.pictures(c, self.reference, self.members) for c in candidates} if self.pictures else {}
        return self.run(candidates), drawn

    def _rows(self, candidate: Candidate, found: Outcomes, reference: Outcomes) -> list[dict[str, Any]]:
        value = self.sign * found[self.primary]
        difference = value - self.sign * reference[self.primary]
        bad = {f"{member}: {limit}" for limit in self.limits for member in self._breaking(limit, found)}
        broken = {text.partition(": ")[0] for text in bad}
        # A member whose simulation gave no number broke everything: it is no member to average over.
        lost = [m for m, ok in zip(self.members, np.isfinite(difference), strict=True) if not ok]
        broken.update(lost)
        bad.update(f"{member}: no value" for member in lost)
        told: dict[str, tuple[float, str]] = {"violations": (float(len(broken)), "1")}
        told |= {f"violations/{text}": (1.0, "1") for text in sorted(bad)}
        whole = np.isfinite(difference)
        if whole.sum() >= 2:
            strata = None if self.strata is None else [s for s, ok in zip(self.strata, whole, strict=True) if ok]
            gain = paired(difference[whole], strata=strata)
            kept = value[whole]
            told |= {
                "gain": (gain.mean, self.unit),
                "gain-low": (gain.low, self.unit),
                "gain-high": (gain.high, self.unit),
                "worst-member": (self.sign * float(kept.min()), self.unit),
                "worst-decile": (self.sign * float(np.quantile(kept, 0.1)), self.unit),
                "harmed": (float((difference[whole] < -self.harm).sum()), "1"),
            }
            for measure, values in found.items():
                told[f"mean {measure}"] = (float(np.nanmean(values)), self._unit_of(measure))
        now = datetime.now(UTC)
        return [
            {
                "candidate": candidate.id,
                "property": name,
                "value": number,
                "unit": unit,
                "n": len(self.members),
                "kind": self.kind,
                "method": method(self),
                "at": now,
            }
            for name, (number, unit) in told.items()
        ]

    def _breaking(self, limit: Limit, found: Outcomes) -> list[str]:
        return [m for m, bad in zip(self.members, limit.broken(found[limit.measure]), strict=True) if bad]

    def _unit_of(self, measure: str) -> str:
        if measure == self.primary:
            return self.unit
        limited = {limit.measure: limit.unit for limit in self.limits}
        return self.units.get(measure) or limited.get(measure, "1")
