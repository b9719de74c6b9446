"""The figures of the report: what is plotted, in which order and with which marks.

What was measured is drawn filled, what was only predicted or not tested is drawn hollow; curves differ by their dashes
as well as by their colour. Every mark that is evidence carries its kind and the id that `dure trace` takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

from markupsafe import Markup

from dure.campaign.report.data import (
    Assay,
    Contrast,
    Discovery,
    Language,
    ModelQuality,
    Objective,
    Plate,
    Plates,
    RoundQuality,
    SpaceMap,
)
from dure.campaign.report.plots import Plot, shade, span
from dure.campaign.report.texts import say
from dure.campaign.report.values import number, plain, quantity
from dure.campaign.state import worse_than
from dure.campaign.statistics import Stopping
from dure.campaign.statistics.quality import LEVELS
from dure.campaign.statistics.stopping import MARKS

STYLES = {
    "random": "random",
    "permuted": "permuted",
    "ranking": "ranking",
    "simple": "simple",
    "latin-hypercube": "ranking",
}
VERDICTS = {"accepted": "plate.accepted", "flagged": "plate.flagged", "refused": "plate.refused"}
FURTHEST = 1000
MOST_MARKS = 3000
T = TypeVar("T")


def thinned(marks: Sequence[T]) -> Sequence[T]:
    """At most `MOST_MARKS` of them, evenly taken, so that a page stays light; the caption says so where it happens."""
    return marks[:: -(-len(marks) // MOST_MARKS) or 1]


def discovery(found: Discovery, lang: Language) -> Markup:
    """Found against assays: the campaign, its controls with their bands, the noise ceiling."""
    plot = Plot((0, found.assays[-1]), (0, found.k), say(lang, "discovery.caption"))
    plot.axes(say(lang, "assays.axis"), say(lang, "discovery.axis"))
    banded = [c for c in found.controls if c.band.lower != c.band.upper]
    for control in banded:
        plot.band(found.assays, control.band.lower, control.band.upper, style(control.key))
    if found.ceiling:
        plot.line(found.assays, found.ceiling.curve, "ceiling")
    for control in found.controls:
        plot.line(found.assays, control.band.mean, style(control.key))
    plot.line(found.assays, found.campaign, "campaign", step=True)
    return plot.svg()


def contrast(found: Contrast, objective: Objective, lang: Language) -> Markup:
    """The best value against assays: the campaign, and each run of its controls."""
    runs = [(style(c.key), run) for c in found.controls for run in c.runs] + [("campaign", found.campaign)]
    plot = Plot((0, max(len(run) for _, run in runs)), span(found.known), say(lang, "contrast.caption"))
    plot.axes(say(lang, "assays.axis"), plain(objective.symbol))
    for css, run in runs:
        points = [(i, value) for i, value in enumerate(run, 1) if value is not None]
        if points:
            plot.line([i for i, _ in points], [value for _, value in points], css, step=True)
    return plot.svg()


def style(control: str) -> str:
    """The class of a control's line; a field's own control gets a neutral one."""
    return STYLES.get(control, "other")


def progress(assays: Sequence[Assay], objective: Objective, lang: Language) -> Markup:
    """Each reading in its order, and the best so far as a staircase."""
    read = [a for a in assays if a.value.value is not None]
    values = [_known(a) for a in read]
    plot = Plot((0, assays[-1].number), span(values), say(lang, "progress.caption"))
    plot.axes(say(lang, "assays.axis"), plain(objective.symbol))
    for before, after in pairwise(assays):
        if before.round != after.round:
            plot.upright(before.number + 0.5, "part")
    for assay in thinned(read):
        _reading(plot, assay.number, _known(assay), assay, objective)
    better, bound = (max, worse_than(1)) if objective.better == "higher" else (min, worse_than(-1))
    # A value of which only a bound on the better side is known never is the best so far.
    known = [(a.number, value) for a, value in zip(read, values, strict=True) if a.value.qualifier != bound]
    if known:
        steps = list(accumulate((value for _, value in known), better))
        plot.line([number for number, _ in known], steps, "campaign", step=True)
    return plot.svg()


def scatter(assays: Sequence[Assay], objective: Objective, lang: Language) -> Markup:
    """Predicted before reading against measured, with the diagonal."""
    read = [a for a in assays if a.predicted is not None and a.value.value is not None]
    limits = span([_known(a) for a in read] + [a.predicted for a in read if a.predicted is not None])
    plot = Plot(limits, limits, say(lang, "scatter.caption"), height=520)
    plot.axes(
        say(lang, "scatter.x", symbol=plain(objective.symbol)), say(lang, "scatter.y", symbol=plain(objective.symbol))
    )
    plot.line(limits, limits, "diagonal")
    for assay in thinned(read):
        if assay.predicted is not None:
            novel = bool(assay.novel)
            css, shape = ("point novel", "diamond") if novel else ("point", "dot")
            _reading(plot, assay.predicted, _known(assay), assay, objective, css, shape)
    return plot.svg()


def control_chart(found: Plates, lang: Language) -> Markup:
    """The reference compound plate by plate, with the centre and the limits by which each plate was judged."""
    read = [(i, p, _referred(p)) for i, p in enumerate(found.plates, 1) if p.reference]
    limits = [(i, p.limits) for i, p in enumerate(found.plates, 1) if p.limits]
    ends = [y for _, limit in limits for y in (limit.low, limit.high)]
    plot = Plot((0.5, len(found.plates) + 0.5), span([*(y for *_, y in read), *ends], 0.12), say(lang, "chart.caption"))
    every = -(-len(found.plates) // 12)
    numbers = [(float(i), str(i)) for i in range(1, len(found.plates) + 1, every)]
    plot.axes(say(lang, "chart.x"), f"{plain(found.reference, 40)}: {plain(found.symbol, 20)}", x_ticks=numbers)
    for i, limit in limits:
        for y, css in ((limit.centre, "centre"), (limit.low, "limit"), (limit.high, "limit")):
            plot.line([i - 0.5, i + 0.5], [y, y], css)
    plot.line([i for i, *_ in read], [y for *_, y in read], "part")
    for i, plate, value in read:
        tip = f"{i}, {plain(plate.name, 60)}: {number(value, 2)} ({say(lang, VERDICTS[plate.verdict])})"
        data = {"kind": "measured", "trace": plate.reference.trace if plate.reference else "", "value": repr(value)}
        css, shape = _standing(plate)
        plot.mark(i, value, css, shape=shape, size=4.0, tip=tip, **data)
    return plot.svg()


def chart_marks(found: Plates) -> set[str]:
    """The classes of the marks on the control chart, for its legend."""
    return {_standing(plate)[0] for plate in found.plates if plate.reference}


def _standing(plate: Plate) -> tuple[str, str]:
    """Class and shape of a plate's mark on the chart."""
    if plate.out_of_control:
        return "out", "diamond"
    return ("aside", "square") if plate.verdict == "refused" else ("point", "dot")


def _referred(plate: Plate) -> float:
    if plate.reference is None or plate.reference.value is None:
        raise ValueError(f"plate {plate.name} has no reference value to draw")
    return plate.reference.value


def error_by_round(quality: ModelQuality, lang: Language) -> Markup:
    """RMSE of each batch: the model, the nearest neighbour, the mean."""
    curves = [(css, _errors(quality.rounds, css)) for css in ("constant", "nearest", "model")]
    highest = max((e for _, errors in curves for _, e in errors), default=1.0)
    plot = Plot((0.5, len(quality.rounds) + 0.5), (0, highest * 1.08), say(lang, "error.caption"))
    labels = [(i + 1, plain(getattr(r.title, lang), 24)) for i, r in enumerate(quality.rounds)]
    every = -(-len(labels) // 12)
    plot.axes(say(lang, "round"), say(lang, "error.axis"), x_ticks=labels[::every])
    for css, errors in curves:
        if errors:
            plot.line([x for x, _ in errors], [e for _, e in errors], f"{css}-error")
            shape = {"model": "dot", "nearest": "square", "constant": "diamond"}[css]
            for x, error in errors:
                plot.mark(x, error, f"dot {css}-error", shape=shape, tip=f"{say(lang, css)}: {number(error, 2)}")
    return plot.svg()


def coverage(quality: ModelQuality, lang: Language) -> Markup:
    """Observed share inside the 50, 80 and 95 % intervals, with its own interval, beside the stated share."""
    plot = Plot((-0.5, len(LEVELS) - 0.5), (0, 1), say(lang, "coverage.caption"))
    stated = [(float(i), f"{level:.0%}") for i, level in enumerate(LEVELS)]
    plot.axes(
        say(lang, "coverage.x"),
        say(lang, "coverage.y"),
        x_ticks=stated,
        y_ticks=[(y / 4, f"{y / 4:.0%}") for y in range(5)],
    )
    for i, (level, (share, low, high)) in enumerate(zip(LEVELS, quality.overall.model.coverage, strict=True)):
        plot.line([i - 0.22, i + 0.22], [level, level], "stated")
        plot.upright(i, "whisker", (low, high))
        plot.mark(i, share, "dot model-error", size=5, tip=f"{level:.0%}: {share:.0%}")
    return plot.svg()


def space_map(space: SpaceMap, assays: Sequence[Assay], objective: Objective, lang: Language) -> Markup:
    """All candidates: hollow where not measured, coloured by value where measured, framed where among the best."""
    read = {a.candidate: a for a in assays if a.value.value is not None}
    low, high = _value_range(list(read.values()), objective)
    hits = set(space.hits)
    plot = Plot(span(space.x), span(space.y), say(lang, "space"), height=430, margins=(8, 8, 8, 8))
    plot.frame()
    for candidate, x, y in drawn_places(space, assays):
        assay, hit = read.get(candidate), candidate in hits
        shape = "diamond" if hit else "dot"
        if assay is None:
            plot.mark(x, y, "missed" if hit else "unmeasured", shape=shape, size=5 if hit else 1.8)
            continue
        colour = shade((_known(assay) - low) / (high - low) if high != low else 0.5)
        _reading(plot, x, y, assay, objective, "hit" if hit else "measured-point", shape, colour)
    return plot.svg()


def drawn_places(space: SpaceMap, assays: Sequence[Assay]) -> list[tuple[str, float, float]]:
    """The points of the map in the order of drawing, the best on top; what was not tested is thinned when too many."""
    read, hits = {a.candidate for a in assays if a.value.value is not None}, set(space.hits)
    places = sorted(zip(space.candidates, space.x, space.y, strict=True))
    rest = [p for p in places if p[0] not in read and p[0] not in hits]
    return [*thinned(rest), *(p for p in places if p[0] in read - hits), *(p for p in places if p[0] in hits)]


def colour_scale(assays: Sequence[Assay], objective: Objective, lang: Language) -> Markup:
    """The legend of the map's colours, worst to best."""
    low, high = _value_range([a for a in assays if a.value.value is not None], objective)
    steps = "".join(f'<rect x="{i * 6}" width="6.5" height="12" fill="{shade(i / 19)}"/>' for i in range(20))
    label = f"{say(lang, 'worst_value')} – {say(lang, 'best_value')}"
    drawing = Markup(  # noqa: S704  (numbers only)
        f'<svg class="scale" viewBox="0 0 120 12" aria-hidden="true">{steps}</svg>'
    )
    ends = [quantity(v, objective.unit, objective.decimals) for v in (low, high)]
    legend = Markup('<span class="key num">{} {} {} <span class="sr">{}</span></span>')
    return legend.format(ends[0], drawing, ends[1], label)


def stopping(curve: Stopping, lang: Language) -> Markup:
    """Chance of something better against further assays, with the marks; the tail beyond the last mark is cut."""
    reached = [m for m in curve.marks if m is not None]
    last = len(curve.probability) - 1
    shown = min(last, max(20, 2 * reached[-1])) if len(reached) == len(curve.marks) else min(last, FURTHEST)
    step = -(-(shown + 1) // 240)
    at = sorted({*range(0, shown + 1, step), shown})
    plot = Plot((0, shown), (0, 1), say(lang, "stopping.caption"))
    quarters = [(y / 4, f"{y / 4:.0%}") for y in range(5)]
    plot.axes(say(lang, "stopping.x"), say(lang, "stopping.y"), y_ticks=quarters)
    plot.line(at, [curve.probability[m] for m in at], "campaign")
    for mark, m in zip(MARKS, curve.marks, strict=True):
        if m is not None:
            plot.upright(m, "part", (0, mark))
            plot.mark(m, curve.probability[m], "dot campaign-dot", size=4.5, tip=f"{mark:.0%}: {m}")
            plot.text(plot.px(m) + 9, plot.py(curve.probability[m]) + 12, f"{mark:.0%}", "tick")
    return plot.svg()


def _reading(
    plot: Plot,
    x: float,
    y: float,
    assay: Assay,
    objective: Objective,
    css: str = "point",
    shape: str = "dot",
    colour: str = "",
) -> None:
    value = assay.value
    tip = f"{plain(assay.name, 60)}: {quantity(value.value, value.unit, objective.decimals, value.qualifier)}"
    data = {"kind": value.kind, "trace": value.trace, "value": repr(value.value)}
    size = {"hit": 5.0, "measured-point": 3.6}.get(css, 3.0)
    plot.mark(x, y, css, shape=shape, size=size, tip=tip, colour=colour, **data)


def _known(assay: Assay) -> float:
    if assay.value.value is None:
        raise ValueError(f"assay {assay.number} has no value to draw")
    return assay.value.value


def _value_range(read: Sequence[Assay], objective: Objective) -> tuple[float, float]:
    """Worst and best value, so that the bright end of the colours is always the good one."""
    values = [_known(a) for a in read] or [0.0, 1.0]
    low, high = min(values), max(values)
    return (low, high) if objective.better == "higher" else (high, low)


def _errors(rounds: Sequence[RoundQuality], which: str) -> list[tuple[int, float]]:
    parts = [(i + 1, getattr(r, which)) for i, r in enumerate(rounds)]
    return [(x, q.rmse) for x, q in parts if q is not None and q.rmse is not None]
