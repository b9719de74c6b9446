"""All that a report says, as plain values: no drawing, no wording, nothing looked up.

Rules for whoever fills it:

* Numbers are as people read them (not turned): a cost stays a cost. `Objective.better` says which way is good.
* A number that is evidence is a `Value`: it carries its kind and the id from which `dure trace` leads to its source.
* Words that belong to a field (title, caveats, names of checks) come as `Text` in both languages.
* A section without data is an `Absent` that says why; it is printed, never left out in silence.
* Drawings are SVG text. They are cleaned before they are shown, and shown on white.
* No NaN and no infinity anywhere: what is not known is None.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dure.campaign.statistics import Band, NoiseCeiling, Quality, SeedBand, Stopping, Verdict

Kind = Literal["measured", "simulated", "predicted", "rule"]
Language = Literal["ko", "en"]


@dataclass(frozen=True)
class Text:
    """The same words in Korean and English."""

    ko: str
    en: str


@dataclass(frozen=True)
class Absent:
    """Why a section has nothing to show."""

    why: Text


@dataclass(frozen=True)
class Value:
    """One number that is evidence.

    Attributes:
        value: None when check or assay failed.
        unit: UCUM; `1` for numbers without one.
        kind: how it is known; never mixed up.
        trace: what `dure trace` takes.
        lower, upper: 95 % interval; None when the method gives none.
        qualifier: `=`, `<` or `>`.
        n: independent replicates behind it.
        decimals: digits after the point; None for three significant ones.
    """

    value: float | None
    unit: str
    kind: Kind
    trace: str
    lower: float | None = None
    upper: float | None = None
    qualifier: str = "="
    n: int | None = None
    decimals: int | None = None


@dataclass(frozen=True)
class Fact:
    """A piece of evidence with its name, for example `Vina score` or `Ki`."""

    label: Text
    value: Value


@dataclass(frozen=True)
class Objective:
    """What was to be made better.

    Attributes:
        title: for example `binding constant to JAK2`.
        symbol: for axes and table heads: `pKi`.
        unit: UCUM, of the values.
        better: which way is good.
        decimals: digits after the point that a reader needs.
        note: what the number refers to: `pKi = -log10(Ki / (mol/L))`.
    """

    title: Text
    symbol: str
    unit: str
    better: Literal["higher", "lower"]
    decimals: int = 2
    note: Text | None = None


@dataclass(frozen=True)
class Asked:
    """The question.

    Attributes:
        question: one sentence that a reader outside the field understands.
        objective: what was to be made better.
        pool: number of candidates; None for a space without end.
        space: what the candidates are and where they come from.
        batches: assays of each round as planned.
        strategy: name of the strategy, and in words how it chooses.
        laboratory: which kind of laboratory answered, in words (replayed published values, people at a bench …).
        constraints: conditions a candidate had to meet.
    """

    question: Text
    objective: Objective
    pool: int | None
    space: Text
    batches: tuple[int, ...]
    strategy: Text
    laboratory: Text
    constraints: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One candidate of the answer.

    Attributes:
        candidate: its id.
        name: what people call it; may come from a user's file.
        value: the objective's value, with kind and interval.
        drawing: SVG, or None.
        facts: further evidence, each with its kind (prediction before the reading, pose score, properties).
        flags: what a gate flagged without refusing.
        round: round in which it was measured; None for one never measured.
    """

    candidate: str
    name: str
    value: Value
    drawing: str | None = None
    facts: tuple[Fact, ...] = ()
    flags: tuple[Text, ...] = ()
    round: int | None = None


@dataclass(frozen=True)
class Score:
    """How many of the best there were to find; only after the plate is unsealed.

    Attributes:
        name: for example `top 1 %`.
        found, total: counts.
    """

    name: Text
    found: int
    total: int


@dataclass(frozen=True)
class Answer:
    """The answer.

    Attributes:
        findings: best first; the first five are drawn, all are listed.
        best: the best value.
        mean_best: mean of the best ten values.
        best_at: number of the assay that read the best value, from 1.
        scores: primary score first; Absent where the truth is not known.
        variety: what tells hits apart in this field, and how many (`scaffolds among the hits`, 6); None when not known.
    """

    findings: tuple[Finding, ...]
    best: Value
    mean_best: Value
    best_at: int | None
    scores: tuple[Score, ...] | Absent
    variety: tuple[Text, int] | None = None


@dataclass(frozen=True)
class Assay:
    """One reading.

    Attributes:
        number: 1, 2, 3 … in the order in which they were read.
        round: 1 for the first batch.
        candidate, name: which.
        value: what was read, with its trace.
        predicted, predicted_sd: what the model had said before it was read; None in the first batch.
        novel: whether its group (scaffold) had not been measured before its round; None when not known.
    """

    number: int
    round: int
    candidate: str
    name: str
    value: Value
    predicted: float | None = None
    predicted_sd: float | None = None
    novel: bool | None = None


@dataclass(frozen=True)
class ControlCurve:
    """What one control found.

    Attributes:
        key: `random`, `permuted`, `ranking`, `simple`, or a field's own; the key of its `Verdict`.
        title: for legend and sentences: `ranking by heavy atoms`.
        band: one point for each of `Discovery.assays`; a fixed ranking has lower = mean = upper.
    """

    key: str
    title: Text
    band: Band | SeedBand


@dataclass(frozen=True)
class Discovery:
    """Found against assays.

    Attributes:
        k: how many there were to find.
        eligible: how many are at or above the k-th best value (more than k under ties).
        threshold: the k-th best value.
        assays: 0, 1, 2 … (or thinner), the x of all curves.
        campaign: found by the campaign; same length.
        controls: the controls; same length each.
        ceiling: the noise ceiling over the same assays.
        under_noise: found by the campaign when the hits are decided by labels drawn anew: mean, lower, upper.
    """

    k: int
    eligible: int
    threshold: Value
    assays: tuple[int, ...]
    campaign: tuple[int, ...]
    controls: tuple[ControlCurve, ...]
    ceiling: NoiseCeiling | None = None
    under_noise: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Reason:
    """Why a gate refused or flagged, and how many candidates."""

    text: Text
    refused: int
    flagged: int


@dataclass(frozen=True)
class GateCount:
    """What one gate of the ladder did.

    Attributes:
        title: name of the check.
        kind: of its evidence.
        seen, refused, flagged: numbers of candidates.
        reasons: each reason apart, most frequent first.
    """

    title: Text
    kind: Kind
    seen: int
    refused: int
    flagged: int
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """One refused candidate, as an example to check."""

    candidate: str
    name: str
    gate: Text
    reason: Text


@dataclass(frozen=True)
class Ladder:
    """All gates in the order in which they were climbed.

    Attributes:
        gates: what each did.
        skipped: checks that did not run: name, and why.
        refusals: some refused candidates, as examples.
    """

    gates: tuple[GateCount, ...]
    skipped: tuple[tuple[Text, Text], ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Shift:
    """A systematic difference over a plate: per cent of the signal span, and the chance of one as large by luck."""

    size: Value
    p: float | None


@dataclass(frozen=True)
class ChartLimits:
    """Centre of the control chart and three standard deviations about it, as they were when a plate was judged."""

    centre: float
    low: float
    high: float


@dataclass(frozen=True)
class Plate:
    """One plate as it was judged when its file was taken in.

    Attributes:
        round: whose orders it carries; None where its file answered no order.
        name: as in the worklist.
        verdict: refused plates gave no value; flagged ones did, and their values carry the flags.
        why: what refused it, then what flagged it.
        zprime, signal_window: None where the controls give none.
        edge, columns, rows: edge effect and drift; None where the controls cannot tell.
        reference: the reference compound on it; None without one, or where it gave no value.
        limits: None while the history is too short to judge by.
        out_of_control: whether the reference compound refused it.
        history: how many accepted plates the reference compound was held against.
    """

    round: int | None
    name: str
    verdict: Literal["accepted", "flagged", "refused"]
    why: tuple[Text, ...]
    zprime: Value | None
    signal_window: Value | None
    edge: Shift | None
    columns: Shift | None
    rows: Shift | None
    reference: Value | None = None
    limits: ChartLimits | None = None
    out_of_control: bool = False
    history: int = 0


@dataclass(frozen=True)
class FailedOrder:
    """An order without a result.

    Attributes:
        order: its key.
        plate: on which it lay; empty where that is not recorded.
        why: its reason code in words.
        detail: the numbers behind it, where there are any.
    """

    candidate: str
    name: str
    order: str
    round: int
    plate: str
    why: Text
    detail: Text | None = None


@dataclass(frozen=True)
class Plates:
    """What a laboratory gave, and what became of it.

    Attributes:
        plates: in the order in which they were taken in; empty where only fitted values were, and at a simulator.
        simulated: whether the laboratory is a program, which has no plates.
        reference: what the reference compound is called; None without.
        symbol: what its value is: `pIC50` …
        msr: minimum significant ratio, with the number of plates behind it; None where it is not known.
        failed: orders without a result, by round.
        orders: how many orders were answered, those that failed included.
    """

    plates: tuple[Plate, ...]
    simulated: bool
    reference: str | None
    symbol: str
    msr: Value | None
    failed: tuple[FailedOrder, ...]
    orders: int

    def count(self, verdict: str) -> int:
        """How many plates were judged so."""
        return sum(plate.verdict == verdict for plate in self.plates)


@dataclass(frozen=True)
class RoundQuality:
    """Predictions of one batch, or of one group, before they were read.

    Attributes:
        title: `2`, `3` … for rounds, words for groups.
        model: the campaign's model.
        nearest: the value of the most similar compound known before.
        constant: the mean of all values known before.
    """

    title: Text
    model: Quality
    nearest: Quality | None = None
    constant: Quality | None = None


@dataclass(frozen=True)
class ModelQuality:
    """How well the model foresaw.

    Attributes:
        model: its name.
        rounds: one for each batch after the first.
        overall: all batches together.
        groups: by scaffold (seen before, new), or whatever the field groups by.
        seen, novel: the field's words for `Assay.novel` false and true, for example `new scaffold`.
    """

    model: str
    rounds: tuple[RoundQuality, ...]
    overall: RoundQuality
    groups: tuple[RoundQuality, ...] = ()
    seen: Text | None = None
    novel: Text | None = None


@dataclass(frozen=True)
class SpaceMap:
    """Where the candidates lie; values and readings are taken from the report's assays.

    Attributes:
        method: `PCA`, `UMAP` …, and of what.
        candidates, x, y: same length. A very large pool may be thinned; all measured ones belong in.
        hits: ids of all there was to find, found or missed; empty while the plate is sealed.
        shown_of: size of the pool that the points stand for.
    """

    method: Text
    candidates: tuple[str, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    hits: tuple[str, ...] = ()
    shown_of: int | None = None


@dataclass(frozen=True)
class Finalist:
    """What the closer look at one of the best candidates found.

    Attributes:
        verdict: of the gates of the closer look.
        reasons: why it was refused or flagged.
        facts: what was simulated, each with its kind.
        checks: each test of plausibility and whether it was passed.
        drawings: SVG in each language, since a drawing holds words.
    """

    candidate: str
    name: str
    verdict: Literal["passed", "flagged", "refused"]
    facts: tuple[Fact, ...]
    checks: tuple[tuple[Text, bool], ...] = ()
    drawings: tuple[Text, ...] = ()
    reasons: tuple[Text, ...] = ()


@dataclass(frozen=True)
class ContrastCurve:
    """What one control at a simulator reached: for each of its seeds the best value after each assay."""

    key: str
    title: Text
    runs: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Contrast:
    """The best value against assays, of a campaign at a simulator and of its controls.

    Attributes:
        campaign: the best that keeps all constraints after each assay; None before the first such design.
        controls: the same of each control.
    """

    campaign: tuple[float | None, ...]
    controls: tuple[ContrastCurve, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """All values of all runs."""
        runs = (self.campaign, *(run for control in self.controls for run in control.runs))
        return tuple(value for run in runs for value in run if value is not None)


@dataclass(frozen=True)
class Cost:
    """What it took.

    Attributes:
        assays, assays_planned: readings taken and allowed.
        cpu_seconds, wall_seconds: of the whole campaign, controls included.
        money: amount and currency; None when no price was given.
        steps: CPU seconds by kind of step.
    """

    assays: int
    assays_planned: int
    cpu_seconds: float
    wall_seconds: float
    money: tuple[float, str] | None = None
    steps: tuple[tuple[Text, float], ...] = ()


@dataclass(frozen=True)
class EarlyRead:
    """Somebody other than the laboratory read the sealed plate before the last order."""

    at: str
    principal: str
    purpose: str
    values: int


@dataclass(frozen=True)
class Source:
    """One source of data.

    Attributes:
        title: what it is.
        accession: of the dataset deposited from it.
        package: package and version it was fetched in.
        package_licence, data_licence: SPDX, or `unclear`.
        citation: as it wants to be cited.
        digest: of the file.
        obligations: what the licence asks for, in words.
    """

    title: Text
    accession: str
    package: str
    package_licence: str
    data_licence: str
    citation: str
    digest: str
    obligations: Text | None = None


@dataclass(frozen=True)
class Checkpoint:
    """The ledger at the end: number of events, root hash, name of the signer's key."""

    size: int
    root: str
    signer: str


@dataclass(frozen=True)
class Provenance:
    """Where everything comes from.

    Attributes:
        sources: data.
        code: name, version and commit of the software.
        python, platform: what it ran on.
        seeds: what each seed is for, and the seed.
        packages: name and version.
        checkpoint: of the ledger; None when the ledger has none yet.
        digests: name and digest of problem, state, model, result dataset …
    """

    sources: tuple[Source, ...]
    code: str
    python: str
    platform: str
    seeds: tuple[tuple[Text, str], ...]
    packages: tuple[tuple[str, str], ...]
    checkpoint: Checkpoint | None
    digests: tuple[tuple[Text, str], ...] = ()


@dataclass(frozen=True)
class ReportData:
    """The whole report of one campaign.

    Attributes:
        title: of the page.
        campaign: its id.
        status: `finished`, `waiting` or `running`.
        started, ended: RFC 3339; `ended` None while it lasts.
        stopped: why it ended or what it waits for.
        retrospective: whether the values were known to somebody before the campaign (a replayed plate).
        limits: what the run does not show, in the field's words; the general limits are added by the report.
        resolution: the field's word on what one measurement can tell apart, printed beside the answer; or None.
    """

    title: Text
    campaign: str
    status: Literal["finished", "waiting", "running"]
    started: str
    ended: str | None
    stopped: Text
    asked: Asked
    answer: Answer | Absent
    assays: tuple[Assay, ...]
    discovery: Discovery | Contrast | Absent
    verdicts: tuple[Verdict, ...] | Absent
    ladder: Ladder | Absent
    plates: Plates | Absent
    quality: ModelQuality | Absent
    space: SpaceMap | Absent
    finalists: tuple[Finalist, ...] | Absent
    cost: Cost
    stopping: Stopping | Absent
    early_reads: tuple[EarlyRead, ...] | Absent
    provenance: Provenance
    retrospective: bool
    gated: bool = False
    limits: tuple[Text, ...] = ()
    resolution: Text | None = None

    def __post_init__(self) -> None:
        for path, number in _numbers("report", self):
            if not math.isfinite(number):
                raise ValueError(f"{path} is {number}; what is not known is None")
        if isinstance(self.discovery, Discovery):
            _same_length(self.discovery)


def as_json(data: ReportData) -> dict[str, object]:
    """The report as values that JSON knows (tuples become lists when written)."""
    return dataclasses.asdict(data)


def _same_length(discovery: Discovery) -> None:
    points = len(discovery.assays)
    curves = {"campaign": len(discovery.campaign)} | {c.key: len(c.band.mean) for c in discovery.controls}
    if discovery.ceiling:
        curves["ceiling"] = len(discovery.ceiling.curve)
    wrong = {name: length for name, length in curves.items() if length != points}
    if wrong:
        raise ValueError(f"discovery has {points} points, but {wrong}")


def _numbers(path: str, value: object) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield path, value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _numbers(f"{path}.{field.name}", getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _numbers(f"{path}[{index}]", item)
