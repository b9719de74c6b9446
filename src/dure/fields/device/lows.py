"""The lows of a design as an analysis: every one listed, and any of them replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure.fields.device import given
from dure.fields.device.judging import DAYS
from dure.fields.device.patients import Patients, read_patients
from dure.fields.device.pictures import WORDS, harmed, moment, replay, told
from dure.fields.device.replay import Event, Low, deepest, explained, lows
from dure.fields.device.scenario import DAY, STEP, scenario
from dure.fields.device.settings import SETTINGS
from dure.fields.device.therapy import run
from dure.models.recipe import Column

MOST = 12
"""Lows that are replayed in one go; each is a picture."""


@task(version=1, distributions=("numpy", "numba"))
def replayed(
    inputs: given.Inputs, params: Mapping[str, Any], seed: int | None, progress: given.Progress
) -> Mapping[str, bytes]:
    """Every low of a design in all thirty virtual patients, and those asked for replayed. See `Analysis.run`.

    Each row of the table names a patient and perhaps a time [h] and settings: the low that lasts at that time or comes
    next, the patient's deepest without one. Without a table the deepest of all is replayed.
    """
    lab, rows = params["lab"], given.rows(inputs)
    if len(rows) > MOST:
        raise BadInput(
            f"{len(rows)} lows are too many to replay in one go",
            where=f"row {rows[MOST]['row']}",
            remedy=f"name {MOST} or fewer",
        )
    simulator, values = given.subject(inputs, lab)
    automatic = simulator == "controller"
    patients = read_patients(given.files(inputs))
    made = scenario(patients, lab.get("days", DAYS), lab.get("meals", "announced" if lab else "mixed"))
    traces = run(patients, made, values, automatic)
    listed, worst = lows(traces.glucose), deepest(traces.glucose)
    asked = rows or ([{"patient": patients.names[worst.patient]}] if worst else [])
    out: dict[str, bytes] = {}
    table: list[list[Any]] = []
    for i, row in enumerate(asked, 1):
        progress((i - 1) / len(asked), str(row["patient"]))
        own = _allowed(given.changed(row, values, simulator), simulator, row)
        lived = traces if own == values else run(patients, made, own, automatic)
        low = _chosen(row, patients, lows(lived.glucose))
        event = explained(patients, made, simulator, own, lived, low)
        out |= {f"replay-{i:02d}.{lang}.svg": replay(patients, lived, own, event, simulator, lang) for lang in WORDS}
        table.append(_replay(row.get("row"), patients, own, event, simulator))
    days = made.lost.shape[1] * STEP // DAY
    found = {"summary": _summary(patients, listed, days, simulator), "tables": _tables(patients, listed, table)}
    return {"findings": canonical(found), **out}


def _allowed(values: list[float], simulator: str, row: given.Row) -> list[float]:
    """The settings, none of them outside its bounds.

    Raises:
        BadInput: one is.
    """
    for setting, value in zip(SETTINGS[simulator], values, strict=True):
        if not setting.lower <= value <= setting.upper:
            raise BadInput(
                f"{setting.name} = {value:g} is not within {setting.lower:g} to {setting.upper:g}",
                where=f"row {row['row']}" if "row" in row else "",
                remedy="name a value within the bounds of the space",
            )
    return values


def _chosen(row: given.Row, patients: Patients, found: Sequence[Low]) -> Low:
    """The low that a row asks for.

    Raises:
        BadInput: no such patient, or no low from that time on.
    """
    name, hour = str(row["patient"]), row.get("time")
    where = f"row {row['row']}" if "row" in row else ""
    if name not in patients.names:
        raise BadInput(f"no virtual patient is called {name!r}", where=where, remedy="they are adult#001 to child#010")
    own = [low for low in found if low.patient == patients.names.index(name)]
    own = own if hour is None else [low for low in own if low.end * STEP > 60 * hour][:1]
    if not own:
        raise BadInput(
            f"{name} has no low from hour {hour or 0:g} on with these settings",
            where=where,
            remedy="without a table the analysis lists every low, with its patient and time",
        )
    return min(own, key=lambda low: (low.level, low.lowest))


def _replay(number: int | None, patients: Patients, values: list[float], event: Event, simulator: str) -> list[Any]:
    """The row of a replay."""
    day, clock = moment(event.low.start)
    said = {lang: told(patients, values, event, SETTINGS[simulator], WORDS[lang], lang) for lang in WORDS}
    who = harmed(patients, event.change) if event.change else []
    nobody = {lang: WORDS[lang]["nobody"] for lang in WORDS}
    return [
        number,
        patients.names[event.low.patient],
        {"en": f"day {day}, {clock}", "ko": f"{day}일째 {clock}"},
        round(event.low.lowest, 1),
        {lang: lines[0] for lang, lines in said.items()},
        {lang: lines[1] for lang, lines in said.items()},
        None if event.change is None else ", ".join(who) or nobody,
    ]


def _summary(patients: Patients, listed: Sequence[Low], days: int, simulator: str) -> list[dict[str, str]]:
    deep, who, n = sum(low.level < 70 for low in listed), len({low.patient for low in listed}), len(patients.names)
    kind = {"therapy": ("open loop", "개루프"), "controller": ("the controller", "제어기")}[simulator]
    return [
        {
            "en": f"Simulated, {kind[0]}, {days} days: {len(listed)} lows of 15 minutes or more below 70 mg/dL in "
            f"{who} of {n} virtual patients, {deep} of them below 54 mg/dL.",
            "ko": f"모의실험({kind[1]}, {days}일): 가상 환자 {n}명 중 {who}명에서 70 mg/dL 미만이 15분 이상 이어진 "
            f"저혈당이 {len(listed)}번 있었고, 그중 {deep}번은 54 mg/dL 미만까지 내려갔습니다.",
        },
        {
            "en": "A change is one setting moved towards less insulin within its bounds, everything else as it was; "
            "whom it harms is judged over all days of all patients.",
            "ko": "변경은 설정 하나만 인슐린이 줄어드는 쪽으로 범위 안에서 옮긴 것이고, 나머지는 그대로입니다. "
            "누구에게 해로운지는 모든 환자의 모든 날로 판단합니다.",
        },
    ]


def _tables(patients: Patients, listed: Sequence[Low], replayed: list[list[Any]]) -> list[dict[str, Any]]:
    rows = [
        [patients.names[low.patient], moment(low.start)[0], moment(low.start)[1], round(low.start * STEP / 60, 2),
         (low.end - low.start) * STEP, round(low.lowest, 1), low.level]
        for low in listed
    ]  # fmt: skip
    return [
        {
            "title": {"en": "Replayed", "ko": "다시 본 저혈당"},
            "head": [
                {"en": "row", "ko": "행"},
                {"en": "patient", "ko": "환자"},
                {"en": "start", "ko": "시작"},
                {"en": "lowest, mg/dL", "ko": "최저, mg/dL"},
                {"en": "decision before it", "ko": "앞선 결정"},
                {"en": "smallest change", "ko": "가장 작은 변경"},
                {"en": "harmed (points of time in range)", "ko": "나빠지는 환자(목표 범위 시간 %p)"},
            ],
            "rows": replayed,
        },
        {
            "title": {"en": "Every low", "ko": "모든 저혈당"},
            "head": [
                {"en": "patient", "ko": "환자"},
                {"en": "day", "ko": "일"},
                {"en": "time of day", "ko": "시각"},
                {"en": "time, h", "ko": "시간, h"},
                {"en": "minutes", "ko": "분"},
                {"en": "lowest, mg/dL", "ko": "최저, mg/dL"},
                {"en": "below, mg/dL", "ko": "기준, mg/dL"},
            ],
            "rows": rows,
        },
    ]


REPLAY = Analysis(
    name="replay",
    title={
        "en": "Lows replayed: what was decided, the smallest change that prevents it, whom that harms (simulated)",
        "ko": "저혈당 다시 보기: 어떤 결정이 있었고, 무엇을 바꾸면 막으며, 누구에게 해로운지(모의실험)",
    },
    run=replayed,
    columns=(
        Column("patient", None, {"en": "virtual patient", "ko": "가상 환자"}),
        Column("time", "h", {"en": "time since the start", "ko": "시작부터의 시간"}, low=0.0, required=False),
        *given.COLUMNS,
    ),
    table=False,
    template=given.template([{"patient": "adult#009", "time": 0}, {"patient": "child#001", "time": 100}]),
    reads=given.reads,
    simulators=("therapy", "controller"),
    caveats={
        "en": (
            "Virtual patients, no people: what prevents a low there need not prevent one in anybody. Nothing for "
            "dosing.",
            "One setting is changed at a time; two smaller changes together may do as well.",
        ),
        "ko": (
            "사람이 아니라 가상 환자입니다. 여기서 저혈당을 막은 변경이 사람에게서도 막는다는 뜻은 아니며, 투여량 "
            "결정에 쓸 수 없습니다.",
            "설정을 한 번에 하나만 바꿉니다. 작은 변경 둘을 함께 해도 될 수 있습니다.",
        ),
    },
)
