"""The biomanufacturing field as the loop sees it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

from dure.base.errors import BadInput
from dure.campaign.field import Field, ReadSource, Simulator, Texts, simulator_of
from dure.design.candidate import Candidate
from dure.fields.bioprocess import fedbatch, strain, strain_check
from dure.fields.bioprocess.golden_analysis import GOLDEN_BATCH
from dure.fields.bioprocess.model_check import MODEL_CHECK
from dure.fields.bioprocess.problems import PROBLEMS
from dure.fields.bioprocess.spectra import SPECTRA
from dure.verify.ladder import Ladder


def ladder(settings: Mapping[str, Any]) -> Ladder:
    """No proposal is refused before it is run: the box is within what the plant can do, and a simulation is cheap."""
    if settings:
        raise BadInput(f"{sorted(settings)[0]!r} is not understood", where="[ladder]", remedy="leave the table empty")
    return Ladder.of([], [])


def finalists(settings: Mapping[str, Any], read: ReadSource) -> Ladder:
    """The held-out gate of a fed batch, or the closer look at a strain: as the simulator that was tuned on asks."""
    simulator = settings.get("simulator", "fed-batch")
    simulator_of(FIELD, {"simulator": simulator})
    check, made = _FINALISTS[simulator]
    if settings.get("check", check) != check:
        raise BadInput(
            f"{settings['check']!r} is no check of what {simulator} simulates",
            where="[finalists], check",
            remedy=f"write check = {check!r}",
        )
    return made(settings, read)


_FINALISTS = {"fed-batch": ("held-out", fedbatch.finalists), "strain": ("strain", strain_check.finalists)}


def label(candidate: Candidate) -> str:
    """What a recipe changes most, or what a strain lost."""
    if candidate.kind == "subset":
        return "Δ" + " Δ".join(candidate.content["items"])
    away = {name: given["value"] - 100 for name, given in candidate.form.items()}
    most = sorted(away, key=lambda name: -abs(away[name]))[:2]
    return ", ".join(f"{name} {100 + away[name]:g} %" for name in most) or candidate.id[3:11]


def draw(candidate: Candidate, width: int, height: int) -> str:
    """A bar a phase, from the published recipe at its middle; or the gene sets that a strain lost."""
    return _genes(candidate, width, height) if candidate.kind == "subset" else _bars(candidate, width, height)


def _genes(candidate: Candidate, width: int, height: int) -> str:
    known = strain.items()
    lines = [f"Δ{item}: {' '.join(known.get(item, ()))}" for item in candidate.content["items"]]
    lines.append(f"genes: {strain.OWN}")  # a design does not say in which model it is; other models have other genes
    rows = "".join(
        f'<text x="4" y="{16 + 15 * i}" font-size="11">{escape(line)}</text>' for i, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{rows}</svg>"
    )


def _bars(candidate: Candidate, width: int, height: int) -> str:
    rows = []
    step = height / max(len(candidate.form), 1)
    middle = width * 0.7
    for i, (name, given) in enumerate(sorted(candidate.form.items())):
        at = i * step
        share = max(-1.0, min(1.0, given["value"] / 100 - 1)) * width * 0.28
        colour = "#0b62a4" if share >= 0 else "#b36b00"
        size = max(min(step * 0.7, 11.0), 4.0)
        rows.append(
            f'<rect x="{min(middle, middle + share):.1f}" y="{at + 0.15 * step:.1f}" width="{abs(share):.1f}" '
            f'height="{0.7 * step:.1f}" fill="{colour}"/>'
            f'<text x="{width * 0.4:.1f}" y="{at + 0.75 * step:.1f}" font-size="{size:.1f}" text-anchor="end">'
            f"{escape(name)}</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'{"".join(rows)}<path d="M{middle:.1f} 0V{height}" stroke="#6b6b6b" fill="none"/></svg>'
    )


_TITLES: dict[str, Texts] = {
    "penicillin": {"en": "penicillin of a batch, mean over the panel", "ko": "배치당 페니실린, 패널 평균"},
    "titre": {"en": "titre at the end", "ko": "종료 시 역가"},
    "yield on substrate": {"en": "yield on sugar and oil", "ko": "당과 기름 대비 수율"},
    "productivity": {"en": "productivity, 24 h of turnaround included", "ko": "생산성 (교체 시간 24시간 포함)"},
    "worst batch": {"en": "penicillin of the worst batch", "ko": "가장 나쁜 배치의 페니실린"},
    "largest volume": {"en": "largest volume of any batch", "ko": "배치 중 가장 큰 부피"},
    "least oxygen": {"en": "least dissolved oxygen of any batch", "ko": "배치 중 가장 낮은 용존 산소"},
    "imbalance": {"en": "share by which mass fails to close", "ko": "물질 수지가 어긋난 비율"},
    "coupled product": {
        "en": "product that growth cannot avoid, mean at 100, 95 and 90 % of it",
        "ko": "성장이 피할 수 없는 산물, 최대 성장의 100, 95, 90 %에서의 평균",
    },
    "competing products": {
        "en": "capacity left for competing products, of the unchanged cell's",
        "ko": "경쟁 산물을 만들 수 있는 능력 가운데 남은 비율",
    },
    **strain_check.TITLES,
    "strain": {"en": "closer look at the strain", "ko": "균주 자세히 보기"},
    "most product": {"en": "most product at full growth", "ko": "최대 성장에서 산물의 최댓값"},
    "gain": {"en": "gain over the published recipe, held-out seeds", "ko": "공표된 레시피 대비 이득 (남겨 둔 시드)"},
    **fedbatch.GATE_TITLES,
    "gain-high": {"en": "upper end of its 95 % interval", "ko": "그 95 % 구간의 상한"},
    "worst-member": {"en": "worst held-out batch", "ko": "남겨 둔 시드 가운데 가장 나쁜 배치"},
    "worst-decile": {
        "en": "worst decile: one batch in ten is worse",
        "ko": "최하위 십분위 (배치 열에 하나는 이보다 나쁨)",
    },
    "harmed": {"en": "batches worse by more than 200 kg", "ko": "200 kg 넘게 나빠진 배치 수"},
    "held-out": {"en": "held-out seeds", "ko": "남겨 둔 시드"},
}

FIELD = Field(
    name="bioprocess",
    title={"en": "Biomanufacturing", "ko": "바이오 제조"},
    problems=PROBLEMS,
    template=files("dure.fields.bioprocess").joinpath("template.toml").read_text("utf-8"),
    ladder=ladder,
    draw=draw,
    label=label,
    distributions=("numpy", "numba"),
    finalists=finalists,
    simulators={
        "fed-batch": Simulator(fedbatch.run_batches, reads=fedbatch.reads, panels=fedbatch.PANELS),
        "strain": Simulator(strain.run_strain, reads=strain.reads, items=strain.found_items),
    },
    models={SPECTRA.name: SPECTRA},
    analyses={each.name: each for each in (GOLDEN_BATCH, MODEL_CHECK)},
    property_titles=_TITLES,
    caveats={
        "en": (
            "Every number of a campaign here is simulated: a program makes no penicillin and grows no cells.",
            "The simulator was fitted to one industrial process with one strain; what it says of other plants, strains "
            "or scales is not known.",
            "A metabolic model knows no regulation, toxicity or kinetics: a strain that it couples may not grow.",
        ),
        "ko": (
            "이 분야 캠페인의 수치는 모두 모의실험입니다. 프로그램은 페니실린을 만들지도 세포를 기르지도 않습니다.",
            "시뮬레이터는 한 균주를 쓰는 한 공정에 맞춘 것입니다. 다른 공장, 균주, 규모에서도 맞는지는 알 수 없습니다.",
            "대사 모델에는 조절, 독성, 속도론이 없습니다. 모델에서 결합된 균주라도 자라지 않을 수 있습니다.",
        ),
    },
)
