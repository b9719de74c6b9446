"""The analysis `brain/intervention`: own arrays before and after, read by the trained clock, arm beside placebo."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREY, ORANGE
from dure.compute.task import Progress, task
from dure.fields.brain import clock
from dure.fields.brain.interventions import UNCONTROLLED, Comparison, changes
from dure.fields.brain.methylation import Floats
from dure.models.recipe import Column

EFFECT = 1.0
"""A difference to placebo worth planning for, years: below it a clock with an error of two years says little."""
Texts = dict[str, str]


@task(version=1, distributions=("numpy", "scipy"))
def run(inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Progress) -> Any:
    """Two arrays of each person to the change in clock age of each arm; see `Analysis.run`."""
    table = pq.read_table(io.BytesIO(inputs["table"]))
    told = clock.predict({"model": inputs["model"], "table": inputs["table"]}, params, seed, progress)
    predicted = pq.read_table(io.BytesIO(told["predictions"]))
    first, second = paired_rows(table)
    age = predicted["value"].to_numpy()
    inside = np.array(predicted["inside"].to_pylist())
    years = table["time"].to_numpy().astype(float)
    arm = np.array(table["arm"].to_pylist())[first]
    kept = inside[first] & inside[second]
    found = changes(age[first][kept], age[second][kept], (years[second] - years[first])[kept], arm[kept], EFFECT)
    change = (age[second] - age[first] - years[second] + years[first])[kept]
    out = {"findings": canonical(_findings(found, arm, kept, predicted, table))}
    return out | {f"changes.{lang}.svg": _drawn(found, arm[kept], change, lang).encode() for lang in ("en", "ko")}


def paired_rows(table: pa.Table) -> tuple[Any, Any]:
    """Indices of each person's earlier and later row, shape (people,) each.

    Raises:
        BadInput: somebody without exactly two arrays, with both at one time, or in two arms.
    """
    rows, time = table["row"].to_numpy(), table["time"].to_numpy()
    person, arm = (np.array(table[name].to_pylist()) for name in ("person", "arm"))
    order = np.lexsort((time, person))
    _names, starts, counts = np.unique(person[order], return_index=True, return_counts=True)
    if (counts != 2).any():
        i = int(np.flatnonzero(counts != 2)[0])
        raise BadInput(
            f"a person has {int(counts[i])} arrays, not two",
            where=f"row {int(rows[order[starts[i]]])}",
            remedy="give one array before and one after for each person",
        )
    first, second = order[starts], order[starts + 1]
    for wrong, what, remedy in (
        (time[first] == time[second], "both arrays of a person bear one time", "time is in years since the first"),
        (arm[first] != arm[second], "a person stands in two arms", "write the same arm in both rows"),
    ):
        if wrong.any():
            raise BadInput(what, where=f"row {int(rows[second[np.flatnonzero(wrong)[0]]])}", remedy=remedy)
    return first, second


def _findings(found: Comparison, arm: Any, kept: Any, predicted: pa.Table, table: pa.Table) -> dict[str, Any]:
    left = {str(name): int((~kept & (arm == name)).sum()) for name in np.unique(arm)}
    rows: list[list[Any]] = []
    for one in found.arms:
        own: list[Any] = [one.arm, one.n, left[one.arm], one.mean, _between(one.low, one.high), one.sd]
        if one.difference is None:
            rows.append([*own, None, None, None])
        else:
            assert one.difference_low is not None
            assert one.difference_high is not None
            rows.append([*own, one.difference, _between(one.difference_low, one.difference_high), one.p])
    why = predicted["why"].to_pylist()
    outside = [
        [number, clock.CLOCK.why[code]] for number, code in zip(table["row"].to_pylist(), why, strict=True) if code
    ]
    tables = [
        {
            "title": {"en": "Change in clock age, years", "ko": "시계 나이의 변화(년)"},
            "head": [
                {"en": "arm", "ko": "군"},
                {"en": "people", "ko": "사람"},
                {"en": "left out", "ko": "제외"},
                {"en": "mean change", "ko": "평균 변화"},
                {"en": "95 % interval", "ko": "95 % 구간"},
                {"en": "sd", "ko": "표준편차"},
                {"en": "less placebo", "ko": "위약군과의 차이"},
                {"en": "95 % interval", "ko": "95 % 구간"},
                {"en": "p (Holm)", "ko": "p(Holm)"},
            ],
            "rows": rows,
        },
        {
            "title": {"en": "What cannot be excluded", "ko": "배제할 수 없는 것"},
            "head": [{"en": "confounder", "ko": "교란 요인"}],
            "rows": [[{"en": en, "ko": ko}] for en, ko in zip(UNCONTROLLED["en"], UNCONTROLLED["ko"], strict=True)],
        },
    ]
    if outside:
        tables.append(
            {
                "title": {"en": "Arrays outside the clock's domain", "ko": "시계의 적용 영역 밖 배열"},
                "head": [{"en": "row", "ko": "행"}, {"en": "why", "ko": "이유"}],
                "rows": outside,
            }
        )
    return {"summary": [*_verdicts(found), _needed(found)], "tables": tables}


def _verdicts(found: Comparison) -> Sequence[Texts]:
    """A sentence an arm: a change that the interval tells from placebo, or none."""
    told = []
    for one in found.arms[1:]:
        if one.p is not None and one.p < 0.05:
            told.append(
                {
                    "en": f"{one.arm}: clock age changed by {one.difference:+.2f} years beside placebo.",
                    "ko": f"{one.arm}: 위약군과 견준 시계 나이의 변화는 {one.difference:+.2f}년입니다.",
                }
            )
        else:
            told.append(
                {
                    "en": f"{one.arm}: no change in clock age that could be told from placebo.",
                    "ko": f"{one.arm}: 위약군과 구별되는 시계 나이의 변화가 없습니다.",
                }
            )
    return told


def _needed(found: Comparison) -> Texts:
    if found.needed is None:
        return {
            "en": f"A difference of {found.effect:g} years cannot be planned for with the spread of the placebo arm.",
            "ko": f"위약군의 산포로는 {found.effect:g}년 차이를 찾는 계획을 세울 수 없습니다.",
        }
    return {
        "en": f"{found.needed} people an arm would find a difference of {found.effect:g} years four times in five.",
        "ko": f"{found.effect:g}년 차이를 다섯 번에 네 번 찾으려면 군마다 {found.needed}명이 필요합니다.",
    }


def _between(low: float, high: float) -> str:
    return f"{low:+.2f} – {high:+.2f}"


_WORDS = {
    "en": ("Change in clock age by arm", "arm", "change (years)", "a person", "mean and 95 % interval", "no change"),
    "ko": ("군별 시계 나이의 변화", "군", "변화(년)", "한 사람", "평균과 95 % 구간", "변화 없음"),
}


def _drawn(found: Comparison, arm: Any, change: Floats, lang: str) -> str:
    title, x, y, dot, interval, none = _WORDS[lang]
    n, reach = len(found.arms), 1.1 * max(float(np.abs(change).max()), 1.0)
    arms = [(float(i), one.arm) for i, one in enumerate(found.arms)]
    axes = plot(title, (-0.5, n - 0.5), (-reach, reach), x, y, x_ticks=arms)
    axes.level(0.0, GREY, label=none)
    for i, one in enumerate(found.arms):
        own = np.sort(change[arm == one.arm])
        axes.dots(i + 0.16 * np.sin(2.4 * np.arange(len(own))), own, BLUE, label=dot)
        axes.line((i + 0.3, i + 0.3), (one.low, one.high), ORANGE, label=interval)
        axes.dots((i + 0.3,), (one.mean,), ORANGE, r=4.0)
    return axes.svg()


INTERVENTION = Analysis(
    name="intervention",
    title={
        "en": "Change in clock age before and after an intervention",
        "ko": "중재 전후 시계 나이의 변화",
    },
    run=run,
    columns=(
        Column("person", None, {"en": "whose array it is", "ko": "배열의 주인"}),
        Column("arm", None, {"en": "placebo, or the intervention's name", "ko": "placebo 또는 중재 이름"}),
        Column("time", "a", {"en": "time since the first array", "ko": "첫 배열부터의 시간"}, low=0.0, high=60.0),
        *clock.CLOCK.columns,
    ),
    template=(
        "person,arm,time [a],cg00000029 [1],cg00000165 [1]\n"
        "P1,placebo,0,0.46,0.21\nP1,placebo,1,0.47,0.22\nP2,drug,0,0.49,0.24\nP2,drug,1,0.48,0.23\n"
    ),
    model="clock",
    caveats={
        "en": (
            "Change in clock age is no change in biological age or health.",
            "The clock must have been trained on the same tissue and kind of array as these.",
            *clock.CAVEATS["en"][-1:],
        ),
        "ko": (
            "시계 나이의 변화는 생물학적 나이나 건강의 변화가 아닙니다.",
            "시계는 이 자료와 같은 조직, 같은 종류의 배열로 학습한 것이어야 합니다.",
            *clock.CAVEATS["ko"][-1:],
        ),
    },
)
