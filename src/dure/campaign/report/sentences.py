"""Sentences that depend on what happened: verdicts, marks of the stopping curve, limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dure.campaign.report.data import Contrast, ControlCurve, Discovery, Language, Objective, ReportData
from dure.campaign.report.texts import say
from dure.campaign.report.values import chance, count, plain, quantity
from dure.campaign.statistics import SeedBand, Stopping, Verdict
from dure.campaign.statistics.stopping import MARKS

FEWEST_SEEDS = 19  # with fewer, the rank among the runs can never reach 5 %


def verdict(judged: Verdict, title: str, total: int | None, lang: Language) -> str:
    """One control against the campaign, in words.

    Args:
        judged: the verdict.
        title: what the control is called in this language.
        total: how many there were to find.
        lang: `ko` or `en`.
    """
    key = f"verdict.{judged.outcome}"
    if judged.outcome == "level" and judged.campaign == total and judged.expected == total:
        key = "verdict.all_found"
    numbers = {"found": judged.campaign, "expected": count(judged.expected), "p": chance(judged.p)}
    return say(lang, key, control=title, **numbers)


def verdict_summary(verdicts: Sequence[Verdict], lang: Language) -> str:
    """Whether, and how often, the campaign fails to beat a control."""
    missed = sum(v.outcome != "beats" for v in verdicts)
    return say(lang, "verdict.some" if missed else "verdict.none", missed=missed, total=len(verdicts))


def verdicts(data: ReportData, lang: Language) -> list[tuple[str, str]]:
    """(outcome, sentence) for every control, the least flattering first."""
    judged = data.verdicts if isinstance(data.verdicts, Sequence) else ()
    curves = controls(data)
    total = data.discovery.k if isinstance(data.discovery, Discovery) else None
    said = [(v.outcome, verdict(v, control_title(v.control, curves, lang), total, lang)) for v in judged]
    return sorted(said, key=lambda pair: ("loses", "level", "beats").index(pair[0]))


def too_few(data: ReportData, lang: Language) -> list[str]:
    """A sentence for each control whose runs are too few to show any difference."""
    seeded = [c for c in controls(data) if isinstance(c.band, SeedBand) and c.band.seeds < FEWEST_SEEDS]
    return [
        say(lang, "verdict.few", control=plain(getattr(c.title, lang)), seeds=c.band.seeds)
        for c in seeded
        if isinstance(c.band, SeedBand)
    ]


def controls(data: ReportData) -> tuple[ControlCurve, ...]:
    """The controls' curves, or none where the truth is not known."""
    return tuple(data.discovery.controls) if isinstance(data.discovery, Discovery) else ()


def control_title(key: str, curves: Sequence[ControlCurve], lang: Language) -> str:
    """What the control is called on the page; its key when it has no curve."""
    return next((plain(getattr(c.title, lang)) for c in curves if c.key == key), plain(key))


def stopping_marks(curve: Stopping, lang: Language) -> list[str]:
    """How many more assays for 50, 80 and 90 %; one sentence where not even the first is ever reached."""
    if curve.marks[0] is None:
        remaining, last = len(curve.probability) - 1, curve.probability[-1]
        shown = f"{last:.0%}" if last >= 0.01 or last == 0 else "< 1%"
        return [say(lang, "stopping.hopeless", n=f"{remaining:,}", chance=shown)]
    pairs = zip(MARKS, curve.marks, strict=True)
    return [
        say(lang, "stopping.never", chance=f"{mark * 100:.0f}")
        if more is None
        else say(lang, "stopping.mark", chance=f"{mark * 100:.0f}", n=f"{more:,}")
        for mark, more in pairs
    ]


def duration(seconds: float, lang: Language) -> str:
    """Hours, minutes and seconds, the two largest.

    >>> duration(7.31, "en"), duration(130, "en"), duration(7300, "en")
    ('7.3 s', '2 min 10 s', '2 h 1 min')
    """
    if seconds < 60:
        return say(lang, "duration.s", s=f"{seconds:.1f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return say(lang, "duration.ms", m=minutes, s=rest)
    return say(lang, "duration.hm", h=f"{minutes // 60:,}", m=minutes % 60)


def limits(data: ReportData, lang: Language) -> list[str]:
    """What the run does not show: the field's own words first, then what holds for every campaign."""
    general = ["limit.retrospective"] if data.retrospective else []
    general += ["limit.one", "limit.noise", "limit.kinds", "limit.use"]
    return [plain(getattr(text, lang), 2000) for text in data.limits] + [say(lang, key) for key in general]


def last(curve: Sequence[float | None], objective: Objective, lang: Language) -> str:
    """The best value at the end of a curve, in words where no design kept all constraints."""
    final = curve[-1] if curve else None
    if final is None:
        return say(lang, "contrast.none")
    return quantity(final, objective.unit, objective.decimals)


def contrasted(found: Contrast, objective: Objective, lang: Language) -> list[tuple[str, str]]:
    """(outcome, sentence) for each control at a simulator: in how many of its runs the campaign was better."""
    sign = 1 if objective.better == "higher" else -1
    own = _worth(found.campaign, sign)
    said = []
    for control in found.controls:
        better = sum(own > _worth(run, sign) for run in control.runs)
        outcome = "beats" if better == len(control.runs) else "loses" if better == 0 else "level"
        title = plain(getattr(control.title, lang))
        said.append((outcome, say(lang, "contrast.beats", control=title, runs=len(control.runs), better=better)))
    return said


def _worth(curve: Sequence[float | None], sign: int) -> float:
    """The end of a curve, turned so that more is better; the least where no design kept all constraints."""
    return -math.inf if not curve or curve[-1] is None else sign * curve[-1]
