"""What a finalist is shown by: the ambulatory glucose profile, and the replay of its deepest low, both simulated.

The profile is that of Bergenstal et al. 2013, Diabetes Technol. Ther. 15:198: median, 25-75 and 5-95 % of all days by
the time of day.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dure.campaign.report.axes import Axes
from dure.campaign.report.picture import BLUE, GREEN, GREY, ORANGE, RED, Picture
from dure.design.candidate import Candidate
from dure.fields.device.metrics import BELOW_54, BELOW_70, IN_RANGE, measures
from dure.fields.device.patients import Patients
from dure.fields.device.replay import AFTER, HARM, Change, Event, deepest, explained
from dure.fields.device.scenario import DAY, STEP, scenario
from dure.fields.device.settings import SETTINGS, Setting, vector
from dure.fields.device.therapy import Traces, run

Floats = NDArray[np.float64]

HIGHEST = 350.0
"""Top of the glucose axis, mg/dL."""
_BLOCK = 3
"""Readings joined to one point of the profile: 15 minutes."""
_TICKS = [(float(v), f"{v:g}") for v in (54, 70, 180, 250, 350)]
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "profile": "Ambulatory glucose profile, {days} days, simulated",
        "panel": "all {n} patients of the panel",
        "patient": "{name}, lowest time in range",
        "glucose": "glucose, mg/dL",
        "hour": "hour of the day",
        "median": "median",
        "half": "25–75 %",
        "most": "5–95 %",
        "range": "70–180 mg/dL",
        "shares": "in range {tir:.1f} %, below 70: {low:.1f} %, below 54: {very:.1f} %",
        "note": "Virtual patients; the true glucose of the model, not the sensor's. In silico: nothing for dosing.",
        "replay": "Replay of a low: {name}, day {day}, {clock}, simulated",
        "time": "hours from the start of the low",
        "truth": "true glucose",
        "shown": "sensor",
        "changed": "with the change",
        "insulin": "insulin, U in 5 min",
        "decision": "Largest bolus in the six hours before: {units:.2f} U, {minutes} min ahead",
        "counted": "; counted {counted:.0f} g, eaten {eaten:.0f} g; sensor: {shown}",
        "corrects": "; a correction; sensor: {shown}",
        "rises": "; against a rise; sensor: {shown}",
        "nothing": "nothing",
        "basal": "No bolus in the six hours before it: basal alone.",
        "prevented": "Smallest change of one setting that prevents it: {setting} {old:g} → {new:g} {unit}",
        "unpreventable": "Tried one setting at a time, towards less insulin and within its bounds: none prevents it.",
        "harms": "Whom it harms (over {harm:g} points of time in range): {who}",
        "nobody": "nobody on the panel",
        "level": "below {level:g} mg/dL",
    },
    "ko": {
        "profile": "하루 혈당 양상(AGP), {days}일, 모의실험",
        "panel": "패널의 환자 {n}명 전체",
        "patient": "{name}, 목표 범위 시간이 가장 짧은 환자",
        "glucose": "혈당, mg/dL",
        "hour": "시각(시)",
        "median": "중앙값",
        "half": "25–75 %",
        "most": "5–95 %",
        "range": "70–180 mg/dL",
        "shares": "목표 범위 {tir:.1f} %, 70 미만 {low:.1f} %, 54 미만 {very:.1f} %",
        "note": "가상 환자이며, 센서 값이 아니라 모형의 실제 혈당입니다. 모의실험이므로 투여량 결정에 쓸 수 없습니다.",
        "replay": "저혈당 다시 보기: {name}, {day}일째 {clock}, 모의실험",
        "time": "저혈당 시작을 기준으로 한 시간(h)",
        "truth": "실제 혈당",
        "shown": "센서",
        "changed": "설정을 바꾼 경우",
        "insulin": "인슐린, 5분당 U",
        "decision": "앞선 여섯 시간의 가장 큰 볼루스: {units:.2f} U, {minutes}분 전",
        "counted": "; 계산 {counted:.0f} g, 먹은 양 {eaten:.0f} g; 센서: {shown}",
        "corrects": "; 교정; 센서: {shown}",
        "rises": "; 상승에 대한 자동 볼루스; 센서: {shown}",
        "nothing": "없음",
        "basal": "앞선 여섯 시간 동안 볼루스가 없었습니다. 기저 인슐린만 들어갔습니다.",
        "prevented": "이 저혈당을 막는 가장 작은 단일 설정 변경: {setting} {old:g} → {new:g} {unit}",
        "unpreventable": "설정을 하나씩 인슐린이 줄어드는 쪽으로 범위 안에서 바꾸어 보았으나 막지 못했습니다.",
        "harms": "이 변경으로 나빠지는 환자(목표 범위 시간 {harm:g}%p 초과 감소): {who}",
        "nobody": "패널에 없음",
        "level": "{level:g} mg/dL 미만",
    },
}


def of_finalist(patients: Patients, simulator: str, candidate: Candidate, meals: str, days: int) -> Mapping[str, bytes]:
    """`profile` and, where anybody was low, `replay` of the deepest low, each in both languages."""
    made, values = scenario(patients, days, meals), vector(candidate, simulator)
    traces = run(patients, made, values, automatic=simulator == "controller")
    low = deepest(traces.glucose)
    drawn = {f"profile.{lang}.svg": profile(patients, traces, lang) for lang in WORDS}
    if low:
        event = explained(patients, made, simulator, values, traces, low)
        drawn |= {f"replay.{lang}.svg": replay(patients, traces, values, event, simulator, lang) for lang in WORDS}
    return drawn


def profile(patients: Patients, traces: Traces, lang: str) -> bytes:
    """The panel's profile beside that of its worst patient."""
    words = WORDS[lang]
    found = measures(traces.glucose)
    worst = int(np.argmin(found[IN_RANGE]))
    days = traces.glucose.shape[1] * STEP // DAY
    sheet = Picture(900, 400, words["profile"].format(days=days), words["note"])
    titles = (
        words["panel"].format(n=len(patients.names)),
        words["patient"].format(name=patients.names[worst]),
    )
    chosen = (slice(None), slice(worst, worst + 1))
    for left, title, which in zip((62, 512), titles, chosen, strict=True):
        axes = _bands(sheet, left, traces.glucose[which], words)
        told = {name: float(found[name][which].mean()) for name in (IN_RANGE, BELOW_70, BELOW_54)}
        shares = words["shares"].format(tir=told[IN_RANGE], low=told[BELOW_70], very=told[BELOW_54])
        sheet.words(left, 48, title, weight="bold")
        sheet.words(left, 65, shares, colour=GREY, size=11)
    axes.legend(62, 372)
    return sheet.svg()


def _bands(sheet: Picture, left: float, glucose: Floats, words: Mapping[str, str]) -> Axes:
    hourly = [(float(h), f"{h}") for h in range(0, 25, 4)]
    frame = (left, 92.0, 370.0, 220.0)
    labels = words["hour"], words["glucose"]
    axes = Axes(sheet, frame, (0, 24), (0, HIGHEST), *labels, x_ticks=hourly, y_ticks=_TICKS)
    by_time = glucose.reshape(-1, DAY // STEP // _BLOCK, _BLOCK).transpose(1, 0, 2).reshape(DAY // STEP // _BLOCK, -1)
    low5, low25, middle, high75, high95 = np.quantile(by_time, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1).tolist()
    hours = [(i + 0.5) * _BLOCK * STEP / 60 for i in range(len(middle))]
    axes.line(hours, middle, BLUE, label=words["median"], width=2.2)
    axes.band(hours, low25, high75, BLUE, label=words["half"], opacity=0.4)
    axes.band(hours, low5, high95, BLUE, label=words["most"], opacity=0.15)
    axes.band((0, 24), (70, 70), (180, 180), GREEN, label=words["range"], opacity=0.12)
    axes.level(54, RED)
    axes.level(250, ORANGE)
    return axes


def replay(patients: Patients, traces: Traces, values: list[float], event: Event, simulator: str, lang: str) -> bytes:
    """An event: trace, decision, the smallest change that prevents it, and whom that harms."""
    words, low, k = WORDS[lang], event.low, event.low.patient
    last = min(low.end + AFTER, traces.glucose.shape[1])
    window = slice(event.first, last)
    hours = [(j - low.start) * STEP / 60 for j in range(event.first, last)]
    day, clock = moment(low.start)
    sheet = Picture(900, 500, words["replay"].format(name=patients.names[k], day=day, clock=clock), words["note"])
    ends = hours[0], hours[-1]
    whole = [(float(h), f"{h:+d}".replace("-", "−")) for h in range(math.ceil(ends[0]), math.floor(ends[1]) + 1)]
    frame = (62.0, 78.0, 820.0, 182.0)
    axes = Axes(sheet, frame, ends, (0, HIGHEST), "", words["glucose"], x_ticks=[], y_ticks=_TICKS)
    axes.band(ends, (70, 70), (180, 180), GREEN, opacity=0.12)
    axes.line(hours, traces.glucose[k, window], BLUE, label=words["truth"], width=2.4)
    axes.dots(hours, traces.shown[k, window], GREY, label=words["shown"], r=1.7)
    axes.level(low.level, RED, label=words["level"].format(level=low.level))
    if event.change is not None:
        changed = event.change.glucose[: len(hours)]
        axes.line(hours[: len(changed)], changed, GREEN, label=words["changed"], width=1.8, dash="6 3")
    given = (traces.rate[k, window] * STEP + traces.bolus[k, window]).tolist()
    most = max(*given, 0.5)
    marks = [(0.0, "0"), (most, f"{most:.1f}")]
    frame, labels = (62.0, 292.0, 820.0, 60.0), (words["time"], words["insulin"])
    doses = Axes(sheet, frame, ends, (0, most), *labels, x_ticks=whole, y_ticks=marks)
    for hour, units in zip(hours, given, strict=True):
        doses.bar(hour, STEP / 60, 0.0, units, ORANGE)
    if event.decision is not None:
        axes.upright((event.decision - low.start) * STEP / 60, ORANGE)
    axes.legend()
    for i, line in enumerate(told(patients, values, event, SETTINGS[simulator], words, lang)):
        sheet.words(12, 418 + 20 * i, line)
    return sheet.svg()


def told(
    patients: Patients,
    values: list[float],
    event: Event,
    settings: Sequence[Setting],
    words: Mapping[str, str],
    lang: str,
) -> list[str]:
    """The event in sentences."""
    shown = f"{event.shown:.0f} mg/dL" if math.isfinite(event.shown) else words["nothing"]
    if event.decision is None:
        decision = words["basal"]
    else:
        minutes = (event.low.start - event.decision) * STEP
        decision = words["decision"].format(units=event.units, minutes=minutes)
        about = words["rises" if event.own == event.units else "counted" if event.counted else "corrects"]
        decision += about.format(counted=event.counted, eaten=event.eaten, shown=shown)
    if event.change is None:
        return [decision, words["unpreventable"]]
    change = event.change
    old = values[[s.name for s in settings].index(change.setting.name)]
    unit = "" if change.setting.unit == "1" else change.setting.unit
    text = words["prevented"].format(setting=change.setting.title[lang], old=old, new=change.value, unit=unit).rstrip()
    hurt = harmed(patients, change)
    who = ", ".join(hurt[:3]) + (f" +{len(hurt) - 3}" if len(hurt) > 3 else "")
    return [decision, text, words["harms"].format(harm=HARM, who=who or words["nobody"])]


def harmed(patients: Patients, change: Change) -> list[str]:
    """Whom a change harms, the worst first, each with the percentage points of time in range."""
    order = [i for i in np.argsort(change.gains) if change.gains[i] < -HARM]
    return [f"{patients.names[i]} ({change.gains[i]:.1f})".replace("-", "−") for i in order]


def moment(reading: int) -> tuple[int, str]:
    """The day, from 1, and the time of day of a reading.

    >>> moment(300)
    (2, '01:00')
    """
    minutes = reading * STEP % DAY
    return reading * STEP // DAY + 1, f"{minutes // 60:02d}:{minutes % 60:02d}"
