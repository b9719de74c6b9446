"""The evidence file that a regulator asks for, written from runs: in silico, and no submission.

Hazards after ISO 14971:2019 (sequence, harm, severity, probability, control, residual risk, link to the verification),
software of unknown provenance after IEC 62304:2006 (8.1.2), a matrix from requirement to test to result, and a
predetermined change control plan. The file is refused while a cell of the matrix is empty.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import metadata, version
from importlib.resources import files as resources
from typing import Any

from dure.base.canonical import canonical, digest
from dure.base.errors import Refused
from dure.design.candidate import Candidate
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
        Refused: a requirement has no test or no result.
    """
    rows = []
    for one in requirements:
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


def residual(hazards: Sequence[Mapping[str, Any]], seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each hazard with its risk before and after control; a probability that was not measured stays as it was."""
    rows = []
    for one in hazards:
        measured = one["measured"]
        value = seen["means"].get(measured)
        after = one["before"] if value is None else 1 + sum(value > bound for bound in _RANKS[measured])
        rows.append(
            {
                **one,
                "value": value,
                "after": after,
                "risk_before": one["severity"] * one["before"],
                "risk_after": one["severity"] * after,
                "open": one["severity"] * after > ACCEPTABLE,
            }
        )
    return rows


def unknown_provenance(listed: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Software of unknown provenance as it is installed here: version, licence and where its anomalies are listed."""
    rows = []
    for one in listed:
        told = {key: metadata(one["name"]).get_all(key) or [] for key in _TOLD}
        home = [*told["Home-page"], *told["Project-URL"], "-"][0].split(", ")[-1]
        licence = [*told["License-Expression"], *told["License"], "-"][0].splitlines()[0][:60]
        rows.append({**one, "version": version(one["name"]), "licence": licence, "anomalies": home})
    return rows


def decide(files: Mapping[str, bytes], candidate: Candidate, days: int = 14) -> Decision:
    """Runs the change plan on a proposed tuning: bounds, then every verification with the gate among them."""
    told = content()
    proposed = {name: value["value"] for name, value in candidate.form.items()}
    reasons = [
        f"{name} = {proposed[name]:g} is not within {low:g} to {high:g}"
        for name, (low, high) in told["plan"]["bounds"].items()
        if not low <= proposed[name] <= high
    ]
    findings = verified(files, candidate, days, [one["test"] for one in told["requirement"]])
    for row in matrix(told["requirement"], findings):
        if not row["passed"]:
            reasons.append(f"{row['id']} ({row['test']}): {row['value']:.3g} {row['unit']}, {row['bound']}")
    return Decision(proposed, not reasons, tuple(reasons), findings)


def compiled(
    files: Mapping[str, bytes], design: Candidate, changes: Sequence[Candidate], days: int = 14
) -> dict[str, bytes]:
    """The file: `evidence.json`, `evidence.en.md` and `evidence.ko.md`.

    Args:
        files: of the virtual patients, by name.
        design: the tuning that the file is about.
        changes: proposed tunings, each decided by the plan.

    Raises:
        Refused: a cell of the matrix is empty.
    """
    told = content()
    findings = verified(files, design, days, [one["test"] for one in told["requirement"]])
    seen = observed(files, design, days)
    body = {
        "design": {name: value["value"] for name, value in design.form.items()},
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
        "submission; nothing for dosing. Probabilities "
        "before control are a judgement, those after it come from runs. There is no ketone model: the risk of "
        "diabetic ketoacidosis is not assessed.",
        "matrix": "Requirements, tests, results",
        "matrix_head": ("requirement", "", "test", "found", "bound", "patient-days", "result"),
        "hazards": "Hazards (ISO 14971)",
        "hazards_head": (
            "hazard", "sequence", "harm", "severity", "probability before", "risk before", "control",
            "probability after", "from", "residual risk",
        ),
        "soup": "Software of unknown provenance (IEC 62304)",
        "soup_head": ("name", "version", "licence", "use", "anomalies"),
        "plan": "Predetermined change control plan",
        "plan_head": ("change", "decision", "reasons"),
        "yes": "passed", "no": "FAILED", "accepted": "accepted", "refused": "refused", "open": "open",
        "closed": "acceptable", "unmeasured": "not measured", "none": "none", "digest": "Digest of the content",
    },
    "ko": {
        "title": "인슐린 제어기 증거 파일, 모의실험",
        "note": "홀드아웃 가상 환자(각 {days}일)의 모의실험에서 만들었습니다. 허가 제출 자료가 아니고, 투여량 "
        "결정에 쓸 수 없습니다. 조치 전 확률은 판단이고 조치 후 확률은 모의실험에서 얻은 "
        "것입니다. 케톤 모형이 없어 당뇨병성 케톤산증 위험은 평가하지 않았습니다.",
        "matrix": "요구사항, 시험, 결과",
        "matrix_head": ("요구사항", "", "시험", "결과값", "한계", "환자·일", "판정"),
        "hazards": "위해요인 (ISO 14971)",
        "hazards_head": (
            "위해요인", "경과", "위해", "심각도", "조치 전 확률", "조치 전 위험", "조치", "조치 후 확률", "근거",
            "잔여 위험",
        ),
        "soup": "출처 불명 소프트웨어 (IEC 62304)",
        "soup_head": ("이름", "판", "라이선스", "용도", "알려진 문제"),
        "plan": "사전 변경 관리 계획",
        "plan_head": ("변경", "결정", "이유"),
        "yes": "통과", "no": "실패", "accepted": "승인", "refused": "거부", "open": "미해결",
        "closed": "허용 가능", "unmeasured": "측정하지 않음", "none": "없음", "digest": "내용의 다이제스트",
    },
}  # fmt: skip


def _written(body: Mapping[str, Any], lang: str) -> str:
    words: Mapping[str, Any] = _WORDS[lang]
    lines = [f"# {words['title']}", "", words["note"].format(days=body["days"]), "", f"## {words['matrix']}", ""]
    lines += _table(
        words["matrix_head"],
        [
            (r["id"], r["text"][lang], r["test"], f"{r['value']:.3g} {r['unit']}", r["bound"], r["patient_days"],
             words["yes"] if r["passed"] else words["no"])
            for r in body["matrix"]
        ],
    )  # fmt: skip
    lines += [f"## {words['hazards']}", ""]
    lines += _table(
        words["hazards_head"],
        [
            (h["id"], h["sequence"][lang], h["harm"][lang], h["severity"], h["before"], h["risk_before"],
             ", ".join(h["control"]), h["after"],
             words["unmeasured"] if h["value"] is None else f"{h['measured']} {h['value']:.3g}",
             f"{h['risk_after']} ({words['open'] if h['open'] else words['closed']})")
            for h in body["hazards"]
        ],
    )  # fmt: skip
    lines += [f"## {words['soup']}", ""]
    lines += _table(
        words["soup_head"],
        [(s["name"], s["version"], s["licence"], s["use"][lang], s["anomalies"]) for s in body["soup"]],
    )
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


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    def line(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "/") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows), ""]
