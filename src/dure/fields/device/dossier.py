"""The evidence file that a regulator asks for, written from runs: in silico, and no submission.

Hazards after ISO 14971:2019 (sequence, harm, severity, probability, control, residual risk, link to the verification),
software of unknown provenance after IEC 62304:2006 (8.1.2), a matrix from requirement to test to result, and a
predetermined change control plan. The file is refused while a cell of the matrix or of the hazards is empty.
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import metadata, version
from importlib.resources import files as resources
from typing import Any

from dure.base.canonical import canonical, digest
from dure.base.errors import Refused
from dure.design.candidate import Candidate
from dure.fields.device.settings import SETTINGS, vector
from dure.fields.device.verification import Finding, observed, verified

ACCEPTABLE = 9
"""Highest severity times probability that needs no further control; above it the residual risk is told as open."""
# Share of time (per cent) or events in 14 days up to which a residual probability has this rank.
_RANKS = {
    "below 70": (0.1, 1.0, 4.0, 8.0),
    "below 54": (0.01, 0.1, 1.0, 2.0),
    "above 250": (0.5, 2.0, 5.0, 10.0),
    "severe events": (0.01, 0.05, 0.2, 1.0),
}


_TOLD = ("Home-page", "Project-URL", "License-Expression", "License")
"""What a distribution's metadata may say of itself."""


@dataclass(frozen=True)
class Decision:
    """What the change plan said of a proposed change.

    Attributes:
        change: the settings proposed. accepted: whether it may be made. reasons: what spoke against it.
        findings: every verification that was run for it.
    """

    change: dict[str, Any]
    accepted: bool
    reasons: tuple[str, ...]
    findings: dict[str, Finding]


def content() -> dict[str, Any]:
    """What the file says before any run."""
    return tomllib.loads(resources("dure.fields.device").joinpath("dossier.toml").read_text("utf-8"))


def matrix(requirements: Sequence[Mapping[str, Any]], findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    """Requirement -> test -> result, one row each.

    Raises:
        Refused: a requirement has no text, no test or no result.
    """
    rows = []
    for one in requirements:
        _filled(one, ("text",))
        test = one.get("test", "")
        if not test:
            raise Refused(
                f"the requirement {one['id']} has no test",
                where="dossier.toml",
                remedy="name a test of verification.TESTS",
            )
        if test not in findings:
            raise Refused(
                f"the requirement {one['id']} has no result: the test {test!r} was not run",
                where="dossier.toml",
                remedy="write the test in verification.py, or run it",
            )
        rows.append({"id": one["id"], "text": one["text"], "test": test, **asdict(findings[test])})
    return rows


def _filled(one: Mapping[str, Any], keys: Sequence[str]) -> None:
    for key in keys:
        if not all(one.get(key, {}).get(lang) for lang in ("en", "ko")):
            raise Refused(
                f"{one['id']} has no {key} in one of the languages",
                where="dossier.toml",
                remedy="write it in English and in Korean",
            )


def residual(hazards: Sequence[Mapping[str, Any]], seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each hazard with its risk before control, and after it where its own sequence was injected: the worst patient's.

    A risk that was not measured has no number, and is open.

    Raises:
        Refused: a hazard has no text, or neither a control nor a disclosure.
    """
    rows = []
    for one in hazards:
        _filled(one, ("sequence", "harm"))
        if not one["control"] and not one.get("disclosed"):
            raise Refused(
                f"the hazard {one['id']} has no control",
                where="dossier.toml",
                remedy="name the requirements that control it, or those that disclose it",
            )
        found = seen["worst"].get(one["run"], {})
        ranked = [
            (1 + sum(found[name] > bound for bound in _RANKS[name]), name) for name in one["measured"] if name in found
        ]
        # A harm that was only measured in part is not measured.
        whole = bool(ranked) and len(ranked) == len(one["measured"])
        after, worst = max(ranked, key=lambda told: told[0]) if whole else (None, None)
        risk = None if after is None else one["severity"] * after
        rows.append(
            {
                **one,
                "worst": worst,
                "value": None if worst is None else found[worst],
                "after": after,
                "risk_before": one["severity"] * one["before"],
                "risk_after": risk,
                "open": risk is None or risk > ACCEPTABLE,
            }
        )
    return rows


def unknown_provenance(listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Software of unknown provenance as it is installed here: version, licence and where its anomalies are listed."""
    rows = []
    for one in listed:
        if one["name"] == "CPython":
            home = "https://github.com/python/cpython/issues"
            rows.append({**one, "version": platform.python_version(), "licence": "PSF-2.0", "anomalies": home})
            continue
        told = {key: metadata(one["name"]).get_all(key) or [] for key in _TOLD}
        home = [*told["Home-page"], *told["Project-URL"], "-"][0].split(", ")[-1]
        licence = [*told["License-Expression"], *told["License"], "-"][0].splitlines()[0][:60]
        rows.append({**one, "version": version(one["name"]), "licence": licence, "anomalies": home})
    return rows


def decide(files: Mapping[str, bytes], candidate: Candidate, days: int = 14) -> Decision:
    """Runs the change plan on a proposed tuning: bounds, then every verification with the gate among them.

    Raises:
        BadInput: it is no tuning of the controller, or in units that cannot be meant.
    """
    told = content()
    proposed = tuning(candidate)
    reasons = [
        f"{name} = {proposed[name]:g} is not within {low:g} to {high:g}"
        for name, (low, high) in told["plan"]["bounds"].items()
        if not low <= proposed[name] <= high
    ]
    findings = verified(files, candidate, days, [one["test"] for one in told["requirement"]])
    for row in matrix(told["requirement"], findings):
        if not row["passed"]:
            reasons.append(f"{row['id']} ({row['test']}): {_amount(row)}, {row['bound']}")
    return Decision(proposed, not reasons, tuple(reasons), findings)


def tuning(candidate: Candidate) -> dict[str, float]:
    """The settings of a controller's design, in the units of `SETTINGS`."""
    values = vector(candidate, "controller")
    return {setting.name: value for setting, value in zip(SETTINGS["controller"], values, strict=True)}


def compiled(
    files: Mapping[str, bytes],
    design: Candidate,
    origin: Mapping[str, str],
    changes: Sequence[Candidate],
    days: int = 14,
) -> dict[str, bytes]:
    """The file: `evidence.json`, `evidence.en.md` and `evidence.ko.md`.

    Args:
        files: of the virtual patients, by name.
        design: the tuning that the file is about; `origin`: how it was found, and who was looked at for it.
        changes: proposed tunings, each decided by the plan.

    Raises:
        Refused: a cell of the matrix is empty.
    """
    told = content()
    _filled({"id": "design", "origin": origin}, ("origin",))
    findings = verified(files, design, days, [one["test"] for one in told["requirement"]])
    seen = observed(files, design, days)
    body = {
        "design": tuning(design),
        "origin": dict(origin),
        "days": days,
        "observed": seen,
        "matrix": matrix(told["requirement"], findings),
        "hazards": residual(told["hazard"], seen),
        "soup": unknown_provenance(told["soup"]),
        "plan": told["plan"],
        "decisions": [
            {**asdict(one), "reasons": list(one.reasons)} for one in (decide(files, change, days) for change in changes)
        ],
    }
    body["digest"] = digest(body)
    return {"evidence.json": canonical(body)} | {
        f"evidence.{lang}.md": _written(body, lang).encode() for lang in ("en", "ko")
    }


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
        "matrix_head": ("requirement", "", "test", "found", "bound", "patient-days", "result"),
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
        "matrix_head": ("요구사항", "", "시험", "결과값", "한계", "환자·일", "판정"),
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


def _written(body: Mapping[str, Any], lang: str) -> str:
    words: Mapping[str, Any] = _WORDS[lang]
    lines = [f"# {words['title']}", "", words["note"].format(days=body["days"]), "", f"## {words['design']}", ""]
    lines += [", ".join(f"{name} {value:g}" for name, value in body["design"].items()), "", body["origin"][lang], ""]
    lines += [f"## {words['matrix']}", ""]
    lines += _table(
        words["matrix_head"],
        [
            (r["id"], r["text"][lang], r["test"], _amount(r), r["bound"], r["patient_days"],
             words["yes"] if r["passed"] else words["no"])
            for r in body["matrix"]
        ],
    )  # fmt: skip
    lines += [f"## {words['hazards']}", ""]
    lines += _table(
        words["hazards_head"],
        [
            (h["id"], h["sequence"][lang], h["harm"][lang], h["severity"], h["before"], h["risk_before"],
             ", ".join(h["control"]) or words["disclosed"].format(by=", ".join(h["disclosed"])),
             *_after(h, words))
            for h in body["hazards"]
        ],
    )  # fmt: skip
    lines += [f"## {words['soup']}", ""]
    lines += _table(
        words["soup_head"],
        [
            (s["name"], s["maker"], s["version"], s["licence"], s["use"][lang],
             words["anomalies"].format(home=s["anomalies"]))
            for s in body["soup"]
        ],
    )  # fmt: skip
    bounds = "; ".join(f"{name} {low:g}–{high:g}" for name, (low, high) in body["plan"]["bounds"].items())
    lines += [f"## {words['plan']}", "", body["plan"]["text"][lang], "", bounds, ""]
    lines += _table(
        words["plan_head"],
        [
            (", ".join(f"{name} {value:g}" for name, value in d["change"].items()),
             words["accepted"] if d["accepted"] else words["refused"], "; ".join(d["reasons"]) or words["none"])
            for d in body["decisions"]
        ],
    )  # fmt: skip
    return "\n".join([*lines, f"{words['digest']}: `{body['digest']}`", ""])


def _amount(row: Mapping[str, Any]) -> str:
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
