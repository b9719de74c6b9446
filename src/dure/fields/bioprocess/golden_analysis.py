"""`bioprocess/golden-batch`: a user's own batches against what is normal, and which variable of each left first.

What is normal is learnt from the batches that the table marks so, or, where it marks none, from simulated batches of
the published recipe, which says nothing of another plant.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure.fields.bioprocess import golden, twin
from dure.fields.bioprocess.batch_pictures import envelope_picture
from dure.fields.bioprocess.golden import Envelope
from dure.fields.bioprocess.golden_findings import alarm_table, first_table, rescue_problem, summary
from dure.fields.bioprocess.golden_tables import CHECK, COLUMNS, JUDGE, NORMAL, TITLES, Batches, batches_of, template
from dure.fields.bioprocess.twin import Floats

DRAWN = 4
"""Batches with a picture at most: those that left first."""


@task(version=1, distributions=("numpy", "scipy", "numba"))
def judge_batches(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Findings, a picture of each of the first to leave, and a rescue problem to begin from."""
    batches = batches_of(pq.read_table(io.BytesIO(inputs["table"])))
    own = bool(batches.of(NORMAL) or batches.of(CHECK))
    envelope = _own_envelope(batches) if own else _simulated_envelope(batches)
    progress(0.8, "judging")
    judged = batches.of(JUDGE)
    lasted = {batch: min(len(batches.values[batch]), len(envelope.centre)) for batch in judged}
    first: dict[str, tuple[float, str, str] | None] = {}
    loud: dict[str, NDArray[np.bool_]] = {}
    distance: dict[str, Floats] = {}
    for batch in judged:
        values = batches.stacked([batch], lasted[batch])
        first[batch] = envelope.first(values)[0]
        loud[batch] = envelope.alarms(values)[0]
        distance[batch] = envelope.distance(values)[0]
    alarmed = sorted((told[0], batch) for batch, told in first.items() if told)
    drawn = [batch for _, batch in alarmed][:DRAWN] or judged[:1]
    made = {
        f"batch-{i + 1}.{lang}.svg": _picture(envelope, batches, batch, lasted[batch], first[batch], own, lang).encode()
        for i, batch in enumerate(drawn)
        for lang in ("en", "ko")
    }
    findings = {
        "summary": summary(batches, envelope, first, own),
        "tables": [first_table(first, lasted, loud, distance, envelope), alarm_table(loud, envelope)],
        "passed": not alarmed,
    }
    if alarmed:
        hour, batch = alarmed[0]
        told = first[batch]
        assert told is not None
        made["rescue.toml"] = rescue_problem(hour, told[1]).encode()
    return {"findings": canonical(findings), **made}


def _own_envelope(batches: Batches) -> Envelope:
    """Learnt from the table's normal batches, limits read off its check batches, up to where the shortest ends."""
    normal, check = batches.of(NORMAL), batches.of(CHECK)
    if min(len(normal), len(check)) < golden.FEWEST:
        raise BadInput(
            f"{len(normal)} normal and {len(check)} check batches are too few to say what is normal",
            where="column use",
            remedy=f"mark {golden.FEWEST} or more healthy batches of one recipe as {NORMAL} and as many others as "
            f"{CHECK}, or none of either: then simulated batches are taken",
        )
    intervals = min(len(batches.values[batch]) for batch in (*normal, *check))
    learnt, limits = (batches.stacked(each, intervals) for each in (normal, check))
    return golden.learn(learnt, limits, batches.names, batches.step)


def _simulated_envelope(batches: Batches) -> Envelope:
    """Of the twin's published recipe, in the variables and at the hours of the table.

    Raises:
        BadInput: the table's spacing is no multiple of the twin's interval.
    """
    every = round(batches.step / twin.STEP)
    if every < 1 or abs(every * twin.STEP - batches.step) > 1e-3:
        raise BadInput(
            f"the table's readings lie {batches.step:g} h apart, those of the simulated batches {twin.STEP:g} h",
            where="column hour",
            remedy=f"give a multiple of {twin.STEP:g} h, or mark normal and check batches of your own in a column use",
        )
    places = [golden.VARIABLES.index(name) for name in batches.names]
    normal, check = (
        in_units(golden.simulated(seeds))[:, every - 1 :: every][:, :, places] for seeds in (golden.LEARN, golden.CHECK)
    )
    return golden.learn(normal, check, batches.names, batches.step)


def in_units(measured: Floats) -> Floats:
    """The twin's variables in the units of the table, shape kept: off-gas oxygen in %, temperature in °C."""
    values = measured.copy()
    values[:, :, golden.VARIABLES.index("off-gas oxygen")] *= 100
    values[:, :, golden.VARIABLES.index("temperature")] -= 273.15
    return values


def _picture(
    envelope: Envelope,
    batches: Batches,
    batch: str,
    intervals: int,
    told: tuple[float, str, str] | None,
    own: bool,
    lang: str,
) -> str:
    """The variable that left first, or the first of the table, within its envelope."""
    name = told[1] if told else envelope.names[0]
    place = envelope.names.index(name)
    moved = golden.change(batches.stacked([batch], intervals), envelope.step)[0, :, place]
    width = (envelope.half * envelope.limits)[:intervals, place]
    return envelope_picture(
        np.arange(1, intervals + 1, dtype=float) * envelope.step,
        moved,
        envelope.centre[:intervals, place],
        width,
        batch=batch,
        variable=TITLES[name][lang],
        unit=unit_of(name),
        left=told[0] if told else None,
        simulated=not own,
        lang=lang,
    )


def unit_of(name: str) -> str:
    """Unit of a variable as the envelope holds it."""
    unit = {column.name: column.unit for column in COLUMNS}[name]
    shown = {"1": "", "Cel": "°C"}.get(str(unit), str(unit))
    return "log10(1 + L/h)" if name in golden.FLOWS else shown


GOLDEN_BATCH = Analysis(
    name="golden-batch",
    title={
        "en": "Own batches against the golden batch: what left first, when and how",
        "ko": "자신의 배치를 골든 배치와 비교: 무엇이 언제 어떻게 먼저 벗어났는지",
    },
    run=judge_batches,
    columns=COLUMNS,
    template=template(),
    caveats={
        "en": (
            "An envelope holds for the recipe, plant and instruments that its batches came from; it compares five-hour "
            "changes, so that a batch which is steadily high or low is not seen.",
            "An alarm says that a batch moved otherwise than those learnt from; it is no diagnosis and nothing for "
            "release or control.",
            "The check batches set the limits: that they raise no alarm says nothing. False alarms must be counted on "
            "further healthy batches (with use = judge).",
        ),
        "ko": (
            "정상 범위는 학습한 배치의 레시피, 공장, 기기에만 맞습니다. 다섯 시간 동안의 변화를 비교하므로 "
            "처음부터 끝까지 높거나 낮기만 한 배치는 찾지 못합니다.",
            "경보는 학습한 배치와 다르게 움직였다는 뜻일 뿐이며 원인 진단이 아닙니다. "
            "출하 판정이나 제어에 쓸 수 없습니다.",
            "한계는 check 배치로 정하므로 그 배치에서 경보가 없다는 것은 근거가 되지 않습니다. "
            "오경보는 다른 정상 배치(use = judge)로 세어야 합니다.",
        ),
    },
)
