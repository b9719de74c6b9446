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
from dure.fields.device.dossier_pages import amount, written
from dure.fields.device.settings import SETTINGS, design, vector
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


def shipped() -> Candidate:
    """The controller that the field ships."""
    return design(content()["design"]["settings"], "controller")


def bounds() -> dict[str, tuple[float, float]]:
    """What the change plan allows of each setting; where it names none, the bounds of the space."""
    named = content()["plan"]["bounds"]
    return {s.name: tuple(named.get(s.name, (s.lower, s.upper))) for s in SETTINGS["controller"]}


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
        f"{name} = {proposed[name]:g} ∉ [{low:g}, {high:g}]"
        for name, (low, high) in bounds().items()
        if not low - 1e-9 <= proposed[name] <= high + 1e-9
    ]
    findings = verified(files, candidate, days, [one["test"] for one in told["requirement"]])
    for row in matrix(told["requirement"], findings):
        if not row["passed"]:
            reasons.append(f"{row['id']} ({row['test']}): {amount(row)}, {row['bound']}")
    return Decision(proposed, not reasons, tuple(reasons), findings)


def tuning(candidate: Candidate) -> dict[str, float]:
    """The settings of a controller's design, in the units of `SETTINGS`."""
    values = vector(candidate, "controller")
    return {setting.name: value for setting, value in zip(SETTINGS["controller"], values, strict=True)}


def compiled(
    files: Mapping[str, bytes],
    chosen: Candidate,
    origin: Mapping[str, str],
    changes: Sequence[Candidate],
    days: int = 14,
) -> dict[str, bytes]:
    """The file: `evidence.json`, `evidence.en.md` and `evidence.ko.md`.

    Args:
        files: of the virtual patients, by name.
        chosen: the tuning that the file is about; `origin`: how it was found, and who was looked at for it.
        changes: proposed tunings, each decided by the plan.

    Raises:
        Refused: a cell of the matrix is empty.
    """
    told = content()
    _filled({"id": "design", "origin": origin}, ("origin",))
    findings = verified(files, chosen, days, [one["test"] for one in told["requirement"]])
    seen = observed(files, chosen, days)
    body = {
        "design": tuning(chosen),
        "origin": dict(origin),
        "days": days,
        "observed": seen,
        "matrix": matrix(told["requirement"], findings),
        "hazards": residual(told["hazard"], seen),
        "soup": unknown_provenance(told["soup"]),
        "plan": {**told["plan"], "bounds": bounds()},
        "decisions": [
            {**asdict(one), "reasons": list(one.reasons)} for one in (decide(files, change, days) for change in changes)
        ],
    }
    body["digest"] = digest(body)
    return {"evidence.json": canonical(body)} | {
        f"evidence.{lang}.md": written(body, lang).encode() for lang in ("en", "ko")
    }
