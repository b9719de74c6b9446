"""`bioprocess/model-check`: whether a genome-scale model can be believed, and which gene sets to try in it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from dure.analysis.contract import Analysis
from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.compute.task import task
from dure.fields.bioprocess import strain
from dure.models.recipe import Texts

SHOWN = 40
"""Rows of a table at most; the files beside the page hold all."""
_WHY: dict[str, Texts] = {
    "exchange": {"en": "exchange, demand or biomass", "ko": "교환, 수요, 바이오매스"},
    "transport": {"en": "transport between compartments", "ko": "구획 사이 수송"},
    "no gene": {"en": "no gene in the model", "ko": "모델에 유전자가 없음"},
    "spontaneous": {"en": "spontaneous", "ko": "자발적 반응"},
    "subsystem": {"en": "outside central metabolism and fermentation", "ko": "중심 대사와 발효 밖"},
    "blocked": {"en": "carries nothing in this medium", "ko": "이 배지에서 흐를 수 없음"},
    "many isozymes": {"en": "more than four genes to lose", "ko": "제거할 유전자가 네 개를 넘음"},
    "essential": {"en": "without it growth falls below 0.1 /h", "ko": "없으면 성장이 0.1 /h 아래로 떨어짐"},
    "same genes": {"en": "same genes as another item", "ko": "다른 항목과 유전자가 같음"},
}


@task(version=1, distributions=("cobra", "swiglpk"))
def check_model(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Findings, and beside the page `items.toml` (to paste into a problem) and `excluded.csv` (each reaction left out).

    `lab` as in `dure.fields.bioprocess.strain.run_strain`; the model is the one file among the inputs.
    """
    from dure.fields.bioprocess.soundness import soundness
    from dure.fields.bioprocess.strain_model import LEAST_GROWTH, exchange_of, model_of, optimum
    from dure.fields.bioprocess.strain_targets import carrying, targets_of

    told = strain.setting(params["lab"])
    (sbml,) = (data for key, data in inputs.items() if key != "candidate")
    with model_of(sbml, told.medium) as model:
        growth = optimum(model)
        if growth < LEAST_GROWTH:
            raise BadInput(
                f"the model grows {growth:.3g} /h in this medium, below the {LEAST_GROWTH:g} /h a strain must keep",
                where="[lab.medium]",
                remedy="give it what it needs, each exchange with its most uptake in mmol/gDW/h",
            )
        with model:
            model.objective = exchange_of(model, told.product)
            most = optimum(model)
        sound = soundness(model)
        progress(0.2, "targets")
        targets = targets_of(model)
        progress(0.9, "fluxes")
        items = carrying(model, sorted(targets.genes))
        size = (len(model.reactions), len(model.metabolites), len(model.genes))
    figures: list[tuple[Texts, Any]] = [
        ({"en": "reactions", "ko": "반응"}, size[0]),
        ({"en": "metabolites", "ko": "대사체"}, size[1]),
        ({"en": "genes", "ko": "유전자"}, size[2]),
        ({"en": "largest growth (1/h)", "ko": "최대 성장 속도 (1/h)"}, round(growth, 4)),
        ({"en": f"most {told.product} (mmol/gDW/h)", "ko": f"{told.product} 최대 (mmol/gDW/h)"}, round(most, 3)),
        (
            {"en": "ATP from nothing (mmol/gDW/h)", "ko": "무에서 나오는 ATP (mmol/gDW/h)"},
            None if sound.energy is None else round(sound.energy, 6),
        ),
        ({"en": "reactions that do not balance", "ko": "수지가 맞지 않는 반응"}, len(sound.unbalanced)),
        (
            {"en": "reactions without formulas to judge by", "ko": "화학식이 없어 판정할 수 없는 반응"},
            len(sound.unknown),
        ),
        ({"en": "gene sets that may be lost", "ko": "제거할 수 있는 유전자 묶음"}, len(targets.genes)),
        (
            {"en": "of these, can carry 4 mmol/gDW/h or more", "ko": "그중 4 mmol/gDW/h 이상 흐를 수 있는 것"},
            len(items),
        ),
    ]
    passed = sound.energy is None or sound.energy <= 1e-6
    findings = {
        "summary": _summary(told, sound.energy, len(sound.unbalanced), len(items)),
        "tables": [
            _table(("The model", "모델"), [("figure", "수치"), ("value", "값")], [list(row) for row in figures]),
            _table(
                ("Left out, by reason", "제외한 반응과 이유"),
                [("reason", "이유"), ("reactions", "반응 수")],
                [[_WHY[why], n] for why, n in _reasons(targets.excluded).most_common()],
            ),
            _table(
                ("Items for [space]", "[space]의 항목"),
                [("item", "항목"), ("genes lost", "제거하는 유전자")],
                [[item, " ".join(targets.genes[item])] for item in items[:SHOWN]],
            ),
            _table(
                ("Reactions that do not balance", "수지가 맞지 않는 반응"),
                [("reaction", "반응"), ("left over", "남는 것")],
                [list(row) for row in sorted(sound.unbalanced.items())[:SHOWN]],
            ),
        ],
        "passed": passed,
    }
    return {
        "findings": canonical(findings),
        "items.toml": f'[space]\nkind = "subset"\nitems = {json.dumps(items)}\nmost = 5\nleast = 1\n'.encode(),
        "excluded.csv": _csv({"reaction": list(targets.excluded), "reason": list(targets.excluded.values())}),
    }


def _reasons(excluded: Mapping[str, str]) -> Counter[str]:
    return Counter("same genes" if why.startswith("same genes") else why for why in excluded.values())


def _summary(told: strain.Setting, energy: float | None, unbalanced: int, items: int) -> list[Texts]:
    if energy is None:
        said: Texts = {
            "en": "The model names no ATP as BiGG does (atp_c …): energy from nothing could not be tested.",
            "ko": "모델에 BiGG 식 이름의 ATP(atp_c 등)가 없어 무에서 에너지가 나오는지 시험할 수 없었습니다.",
        }
    elif energy > 1e-6:
        said = {
            "en": f"The model makes {energy:.3g} mmol/gDW/h of ATP from nothing: mend it before strains are searched.",
            "ko": f"모델이 무에서 ATP {energy:.3g} mmol/gDW/h를 만듭니다. 균주를 찾기 전에 모델을 고치십시오.",
        }
    else:
        said = {
            "en": "With every exchange closed the model makes no ATP.",
            "ko": "모든 교환을 닫으면 ATP를 만들지 못합니다.",
        }
    return [
        said,
        {
            "en": f"{unbalanced} reactions do not balance in elements or charge.",
            "ko": f"원소나 전하의 수지가 맞지 않는 반응은 {unbalanced}개입니다.",
        },
        {
            "en": f"{items} gene sets are worth trying for {told.product} in {told.model}. Beside this page, "
            "bioprocess-model-check-items.toml is the [space] of a problem, and bioprocess-model-check-excluded.csv "
            "names every reaction left out.",
            "ko": f"{told.model}에서 {told.product}에 시험해 볼 만한 유전자 묶음은 {items}개입니다. 이 페이지 옆의 "
            "bioprocess-model-check-items.toml은 문제의 [space]이고, bioprocess-model-check-excluded.csv에는 제외한 "
            "반응이 모두 있습니다.",
        },
    ]


def _table(title: tuple[str, str], head: Sequence[tuple[str, str]], rows: list[list[Any]]) -> dict[str, Any]:
    named = [dict(zip(("en", "ko"), each, strict=True)) for each in (title, *head)]
    return {"title": named[0], "head": named[1:], "rows": rows}


def _csv(columns: Mapping[str, list[str]]) -> bytes:
    sink = io.BytesIO()
    pacsv.write_csv(pa.table(columns), sink)
    return sink.getvalue()


MODEL_CHECK = Analysis(
    name="model-check",
    title={
        "en": "Whether a genome-scale model is sound, and which gene sets to try in it",
        "ko": "유전체 규모 모델이 믿을 만한지, 어떤 유전자 묶음을 시험할지",
    },
    run=check_model,
    reads=strain.reads,
    simulators=("strain",),
    caveats={
        "en": (
            "A model that passes may still be wrong: balance and energy are necessary, not sufficient.",
            "Where a model names subsystems as iJO1366 does, only those of central metabolism and fermentation are "
            "taken: a judgement of ours, and the largest exclusion.",
            "Essential is what this model cannot grow without in this medium, not what was found in a laboratory.",
        ),
        "ko": (
            "통과한 모델도 틀릴 수 있습니다. 수지와 에너지는 필요조건일 뿐입니다.",
            "iJO1366처럼 하위 체계가 적힌 모델에서는 중심 대사와 발효만 다룹니다. 저희의 판단이며 가장 큰 제외입니다.",
            "필수란 이 배지에서 이 모델이 그것 없이 자라지 못한다는 뜻이며 실험으로 확인한 것이 아닙니다.",
        ),
    },
)
