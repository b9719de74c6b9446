"""The evidence file as an analysis: of a campaign's answer or the shipped controller, with proposed changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import Texts
from dure.compute.task import task
from dure.fields.device import dossier, given
from dure.fields.device.dossier_pages import settings, tables
from dure.fields.device.judging import DAYS
from dure.fields.device.patients import PANELS, read_patients
from dure.fields.device.pictures import WORDS, profile
from dure.fields.device.scenario import scenario
from dure.fields.device.settings import SETTINGS, design
from dure.fields.device.therapy import run
from dure.verify.panel import apart, members_of


def _origin(lab: Mapping[str, Any]) -> Texts:
    """Where a campaign's answer is from.

    Raises:
        BadInput: the campaign tuned on patients that judge here.
    """
    tuned = members_of(lab.get("panel", "tune"), PANELS, "[lab], panel")
    apart(tuned, PANELS["held-out"], "[lab], panel")
    return {
        "en": f"The answer of a campaign that tuned on {len(tuned)} virtual patients; none of them judges here.",
        "ko": f"가상 환자 {len(tuned)}명에서 조율한 캠페인의 답입니다. 이 환자들은 여기서 심사하지 않습니다.",
    }


@task(version=1, distributions=("numpy", "numba"))
def evidence(
    inputs: given.Inputs, params: Mapping[str, Any], seed: int | None, progress: given.Progress
) -> Mapping[str, bytes]:
    """The evidence file of a controller and the change plan's decisions. See `Analysis.run`.

    Each row of the table is a proposed change: the settings that it names, the others as in the design. Without a
    table the shipped proposals are decided.
    """
    files, rows = given.files(inputs), given.rows(inputs)
    _, values = given.subject(inputs, params["lab"])
    origin = _origin(params["lab"]) if "candidate" in inputs else dossier.content()["design"]["origin"]
    names = [setting.name for setting in SETTINGS["controller"]]
    proposed = [given.changed(row, values, "controller") for row in rows or dossier.content()["proposal"]]
    same = [row for row, one in zip(rows, proposed, strict=False) if one == values]
    if same:
        raise BadInput(
            "a proposal changes nothing", where=f"row {same[0]['row']}", remedy="name a setting with another value"
        )
    chosen, *changes = (design(dict(zip(names, one, strict=True)), "controller") for one in (values, *proposed))
    progress(0.0, "verifications")
    out = dossier.compiled(files, chosen, origin, changes, DAYS)
    progress(0.95, "profile")
    patients = read_patients(files, PANELS["held-out"])
    traces = run(patients, scenario(patients, DAYS, "mixed"), values, automatic=True)
    drawn = {f"profile.{lang}.svg": profile(patients, traces, lang) for lang in WORDS}
    return {"findings": canonical(_findings(json.loads(out["evidence.json"]))), **out, **drawn}


def _findings(body: Mapping[str, Any]) -> dict[str, Any]:
    failed = [row["id"] for row in body["matrix"] if not row["passed"]]
    still = [one["id"] for one in body["hazards"] if one["open"]]
    accepted = sum(one["accepted"] for one in body["decisions"])
    asked, hazards, proposed = (len(body[name]) for name in ("matrix", "hazards", "decisions"))
    passed = asked - len(failed)
    told = settings(body["design"])
    but = {"en": f"; not {', '.join(failed)}" if failed else "", "ko": f" ({', '.join(failed)} 실패)" if failed else ""}
    summary = [
        {
            "en": "In silico, on virtual patients this design was not tuned on; no submission, nothing for dosing.",
            "ko": "이 설계의 조율에 쓰지 않은 가상 환자의 모의실험이며, 허가 제출이나 투여량 결정에 쓸 수 없습니다.",
        },
        {lang: f"{word}: {told}. {body['origin'][lang]}" for lang, word in (("en", "The design"), ("ko", "설계"))},
        {
            "en": f"{passed} of {asked} requirements are passed{but['en']}.",
            "ko": f"요구사항 {asked}개 중 {passed}개를 통과했습니다{but['ko']}.",
        },
        {
            "en": f"The residual risk of {len(still)} of {hazards} hazards is open: {', '.join(still) or 'none'}.",
            "ko": f"위해요인 {hazards}개 중 {len(still)}개의 잔여 위험이 미해결입니다: {', '.join(still) or '없음'}.",
        },
        {
            "en": f"The change plan accepts {accepted} of {proposed} proposed changes.",
            "ko": f"변경 관리 계획은 제안한 변경 {proposed}개 중 {accepted}개를 승인합니다.",
        },
    ]
    return {"summary": summary, "tables": tables(body), "passed": not failed}


EVIDENCE = Analysis(
    name="evidence",
    title={
        "en": "Evidence file of an insulin controller: hazards, requirements, software, change plan (simulated)",
        "ko": "인슐린 제어기의 증거 파일: 위해요인, 요구사항, 소프트웨어, 변경 관리 계획(모의실험)",
    },
    run=evidence,
    columns=given.COLUMNS,
    table=False,
    template=given.template(dossier.content()["proposal"]),
    reads=given.reads,
    simulators=("controller",),
    caveats={
        "en": (
            "In silico, not a submission: thirty virtual patients, fifteen of whom judge. Nothing for dosing.",
            "There is no ketone model: the risk of diabetic ketoacidosis is not assessed.",
            "Probabilities before control are judgements; those after it are of the worst held-out patient in a run "
            "into which the hazard's own sequence was injected. Where none was injected the risk stays open.",
        ),
        "ko": (
            "허가 제출 자료가 아닌 모의실험입니다. 가상 환자 30명 중 15명이 심사합니다. 투여량 결정에 쓸 수 없습니다.",
            "케톤 모형이 없어 당뇨병성 케톤산증 위험은 평가하지 않았습니다.",
            "조치 전 확률은 판단입니다. 조치 후 확률은 그 위해요인의 경과를 일으킨 모의실험에서 가장 나빴던 홀드아웃 "
            "환자의 값이며, 일으키지 않은 위해요인의 위험은 미해결로 둡니다.",
        ),
    },
)
