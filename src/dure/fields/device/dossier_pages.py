"""The evidence file's pages: its sections as tables, for the file in Markdown and for the page of the analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dure.fields.device.settings import SETTINGS

Section = tuple[str, Sequence[str], list[tuple[Any, ...]]]
"""A title, the names of the columns, and the rows."""

_WORDS = {
    "en": {
        "title": "Evidence file of an insulin controller, in silico",
        "note": "Generated from simulated runs on held-out virtual patients ({days} days each). In silico, not a "
        "submission; nothing for dosing. Probabilities before control are a judgement; those after it are of the worst "
        "held-out patient in a run into which the hazard's own sequence was injected, with the controls in place. "
        "Where none was injected the risk is not measured and stays open. The sizes of meals, exercise and faults were "
        "settled while looking at all thirty virtual patients, the held-out ones among them. There is no ketone model: "
        "the risk of diabetic ketoacidosis is not assessed.",
        "design": "The design",
        "matrix": "Requirements, tests, results",
        "matrix_head": ("requirement", "what it asks", "test", "found", "bound", "patient-days", "result"),
        "hazards": "Hazards (ISO 14971)",
        "hazards_head": (
            "hazard", "sequence", "harm", "severity", "probability before", "risk before", "control",
            "probability after", "from", "residual risk",
        ),
        "soup": "Software of unknown provenance (IEC 62304)",
        "soup_head": ("name", "maker", "version", "licence", "use", "known anomalies"),
        "plan": "Predetermined change control plan",
        "plan_head": ("change", "decision", "reasons"),
        "yes": "passed", "no": "FAILED", "accepted": "accepted", "refused": "refused", "open": "open",
        "closed": "acceptable", "unmeasured": "not measured", "none": "none", "digest": "Digest of the content",
        "disclosed": "none; {by} discloses it", "worst": "worst patient, {worst} {value:.3g}, run {run}",
        "anomalies": "none listed here; see {home}",
    },
    "ko": {
        "title": "인슐린 제어기 증거 파일, 모의실험",
        "note": "홀드아웃 가상 환자(각 {days}일)의 모의실험에서 만들었습니다. 허가 제출 자료가 아니고, 투여량 "
        "결정에 쓸 수 없습니다. 조치 전 확률은 판단입니다. 조치 후 확률은 조치를 둔 채 그 위해요인의 경과를 일으킨 "
        "모의실험에서 가장 나빴던 홀드아웃 환자의 값입니다. 일으키지 않은 위해요인의 위험은 측정하지 않았으며 미해결로 "
        "둡니다. 식사, 운동, 고장의 크기는 홀드아웃을 포함한 가상 환자 30명을 모두 보면서 정했습니다. 케톤 모형이 없어 "
        "당뇨병성 케톤산증 위험은 평가하지 않았습니다.",
        "design": "설계",
        "matrix": "요구사항, 시험, 결과",
        "matrix_head": ("요구사항", "내용", "시험", "결과값", "한계", "환자·일", "판정"),
        "hazards": "위해요인 (ISO 14971)",
        "hazards_head": (
            "위해요인", "경과", "위해", "심각도", "조치 전 확률", "조치 전 위험", "조치", "조치 후 확률", "근거",
            "잔여 위험",
        ),
        "soup": "출처 불명 소프트웨어 (IEC 62304)",
        "soup_head": ("이름", "제작자", "판", "라이선스", "용도", "알려진 문제"),
        "plan": "사전 변경 관리 계획",
        "plan_head": ("변경", "결정", "이유"),
        "yes": "통과", "no": "실패", "accepted": "승인", "refused": "거부", "open": "미해결",
        "closed": "허용 가능", "unmeasured": "측정하지 않음", "none": "없음", "digest": "내용의 다이제스트",
        "disclosed": "없음. {by}에서 알림", "worst": "가장 나쁜 환자, {worst} {value:.3g}, 모의실험 {run}",
        "anomalies": "여기에 적은 것 없음. {home} 참고",
    },
}  # fmt: skip


def settings(values: Mapping[str, float]) -> str:
    """A tuning in a line, with units."""
    told = ((s, "" if s.unit == "1" else f" {s.unit}") for s in SETTINGS["controller"])
    return ", ".join(f"{s.name} {values[s.name]:g}{unit}" for s, unit in told)


def sections(body: Mapping[str, Any], lang: str) -> dict[str, Section]:
    """Requirements, hazards, software of unknown provenance, and the change plan's decisions, in one language."""
    words: Mapping[str, Any] = _WORDS[lang]
    rows: dict[str, list[tuple[Any, ...]]] = {
        "matrix": [
            (r["id"], r["text"][lang], r["test"], amount(r), r["bound"], r["patient_days"],
             words["yes"] if r["passed"] else words["no"])
            for r in body["matrix"]
        ],
        "hazards": [
            (h["id"], h["sequence"][lang], h["harm"][lang], h["severity"], h["before"], h["risk_before"],
             ", ".join(h["control"]) or words["disclosed"].format(by=", ".join(h["disclosed"])),
             *_after(h, words))
            for h in body["hazards"]
        ],
        "soup": [
            (s["name"], s["maker"], s["version"], s["licence"], s["use"][lang],
             words["anomalies"].format(home=s["anomalies"]))
            for s in body["soup"]
        ],
        "plan": [
            (settings(d["change"]), words["accepted"] if d["accepted"] else words["refused"],
             "; ".join(d["reasons"]) or words["none"])
            for d in body["decisions"]
        ],
    }  # fmt: skip
    return {name: (words[name], words[f"{name}_head"], told) for name, told in rows.items()}


def written(body: Mapping[str, Any], lang: str) -> str:
    """The file in Markdown."""
    words: Mapping[str, Any] = _WORDS[lang]
    lines = [f"# {words['title']}", "", words["note"].format(days=body["days"]), "", f"## {words['design']}", ""]
    lines += [settings(body["design"]), "", body["origin"][lang], ""]
    for name, (title, head, rows) in sections(body, lang).items():
        lines += [f"## {title}", ""]
        if name == "plan":
            lines += [body["plan"]["text"][lang], "", _bounds(body), ""]
        lines += _table(head, rows)
    return "\n".join([*lines, f"{words['digest']}: `{body['digest']}`", ""])


def tables(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The same sections as the tables of an analysis, each cell in both languages where they differ."""
    english, korean = (sections(body, lang) for lang in ("en", "ko"))
    return [
        {
            "title": {"en": title, "ko": korean[name][0]},
            "head": [{"en": en, "ko": ko} for en, ko in zip(head, korean[name][1], strict=True)],
            "rows": [
                [en if en == ko else {"en": en, "ko": ko} for en, ko in zip(*pair, strict=True)]
                for pair in zip(rows, korean[name][2], strict=True)
            ],
        }
        for name, (title, head, rows) in english.items()
    ]


def _bounds(body: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {low:g}–{high:g}" for name, (low, high) in body["plan"]["bounds"].items())


def amount(row: Mapping[str, Any]) -> str:
    """A finding's figure with its unit."""
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    return f"{row['value']:.3g}{unit}"


def _after(hazard: Mapping[str, Any], words: Mapping[str, Any]) -> tuple[str, str, str]:
    """Probability after control, where it comes from, and the residual risk."""
    if hazard["value"] is None:
        return words["unmeasured"], words["unmeasured"], f"{words['unmeasured']} ({words['open']})"
    state = words["open"] if hazard["open"] else words["closed"]
    return str(hazard["after"]), words["worst"].format(**hazard), f"{hazard['risk_after']} ({state})"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    def line(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows), ""]
