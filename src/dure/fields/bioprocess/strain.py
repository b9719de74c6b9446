"""Strains that must make a product to grow: sets of genes to knock out, judged by flux variability."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.campaign.field import Read
from dure.campaign.report.axes import plot
from dure.campaign.report.picture import BLUE, GREY, Picture
from dure.compute.task import task
from dure.design.candidate import Candidate

OWN = "iJO1366"
"""The model that the shipped items belong to."""
MODELS = {"iJO1366": "iJO1366.xml.gz", "textbook": "textbook.xml.gz", "salmonella": "salmonella.xml.gz"}
ANAEROBIC = {"EX_o2_e": 0.0, "EX_glc__D_e": 10.0}
PRODUCT = "EX_succ_e"
OPTKNOCK = ("ALCD2x", "LDH_D", "PFL")
"""Burgard et al. 2003 (Biotechnol. Bioeng. 84:647), the triple for succinate, as gene sets by the model's rules."""


def _held() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(files("dure.fields.bioprocess").joinpath("strain_items.json").read_text("utf-8"))
    return held


def items() -> dict[str, tuple[str, ...]]:
    """Item -> genes, for iJO1366 without oxygen: the answer of `strain_targets.targets_of`, which a test repeats."""
    return {item: tuple(genes) for item, genes in _held()["items"].items()}


def carrying() -> list[str]:
    """Items that can carry much carbon, for the same: the answer of `strain_targets.carrying`, which a test repeats."""
    return list(_held()["carrying"])


@dataclass(frozen=True)
class Setting:
    """What a strain is computed in: `model` (a name in `MODELS`, or an own file), `product` (an exchange) and `medium`.

    An own file is written `DS-…/FILE`: the dataset that it was deposited as, and its name.
    """

    model: str
    product: str
    medium: Mapping[str, float]

    @property
    def file(self) -> Read:
        """Where the model stands."""
        if self.model in MODELS:
            return ("cobra-models", "models", MODELS[self.model])
        accession, _, name = self.model.partition("/")
        return ("dataset", accession, name)


_KEYS = {
    "[lab]": {"driver", "simulator", "assay", "model", "product", "medium"},
    "[finalists]": {"n", "check", "simulator", "model", "product", "medium"},
}


def setting(table: Mapping[str, Any], where: str = "[lab]") -> Setting:
    """The setting that a lab or finalists table names.

    Args:
        table: `model`, `product` and `medium` (exchange -> most uptake, mmol/gDW/h); without them succinate from
            glucose, without oxygen, in iJO1366.

    Raises:
        BadInput: an unknown key or model, or a medium that is no table of amounts.
    """
    strange = sorted(set(table) - _KEYS[where])
    if strange:
        place = "[lab], [finalists]" if where == "[finalists]" else where  # the keys of [lab] come with them
        raise BadInput(f"unknown key {strange[0]!r}", where=place, remedy=f"keys are {', '.join(sorted(_KEYS[where]))}")
    model, product, medium = table.get("model", OWN), table.get("product", PRODUCT), table.get("medium", ANAEROBIC)
    if model not in MODELS and not re.fullmatch(r"DS-[A-Z0-9]+/[^/]+", str(model)):
        raise BadInput(
            f"there is no model {model!r}",
            where="[lab], model",
            remedy=f"there are {', '.join(MODELS)}; an own one is deposited with dure deposit FILE.xml and named by "
            'model = "DS-…/FILE.xml"',
        )
    if not isinstance(medium, Mapping) or not all(
        type(uptake) in (int, float) and 0 <= uptake < np.inf for uptake in medium.values()
    ):
        raise BadInput(
            "the medium is no table of uptakes",
            where="[lab], medium",
            remedy="write each exchange with its most uptake in mmol/gDW/h below [lab.medium], as EX_o2_e = 0",
        )
    return Setting(model, str(product), dict(medium))


def reads(lab: Mapping[str, Any]) -> Sequence[Read]:
    """The model's file; `[lab] model` names it."""
    return (setting(lab).file,)


def reference(lab: Mapping[str, Any] | None = None) -> Candidate:
    """The OptKnock triple.

    Raises:
        BadInput: another model, for which none was published.
    """
    model = setting(lab or {}).model
    if model != OWN:
        raise BadInput(
            f"there is no published set of knock-outs for {model}", remedy="the triple of OptKnock is one of iJO1366"
        )
    return Candidate("subset", {"items": list(OPTKNOCK)}, {"items": list(OPTKNOCK)})


def genes_of(candidate: Candidate, known: Mapping[str, Sequence[str]]) -> list[str]:
    """The genes that a design loses.

    Raises:
        BadInput: an item that is not among those known.
    """
    chosen = list(candidate.content.get("items", ()))
    strange = [item for item in chosen if item not in known]
    if strange:
        raise BadInput(f"{strange[0]!r} names no gene set", remedy="name items of the problem's space")
    return sorted({gene for item in chosen for gene in known[item]})


def known_in(name: str, model: Any, candidate: Candidate) -> Mapping[str, Sequence[str]]:
    """Item -> genes for a design: the shipped ones for iJO1366, for other models the cut of each reaction it names.

    The shipped ones are cuts by the rules of iJO1366 and mean nothing in another organism.
    """
    from dure.fields.bioprocess.strain_targets import gene_cut

    if name == OWN:
        return items()
    named = [item for item in candidate.content.get("items", ()) if item in model.reactions]
    cuts = {item: gene_cut(model.reactions.get_by_id(item)) for item in named}
    return {item: cut for item, cut in cuts.items() if cut}


@task(version=1, distributions=("cobra", "swiglpk"))
def run_strain(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """What a strain grows and must make, in the model. See `dure.campaign.field.Simulator`; all of it is simulated.

    `[lab]`: `model`, `product` (an exchange) and `medium` (exchange -> most uptake, mmol/gDW/h).
    """
    from dure.fields.bioprocess.soundness import require_sound
    from dure.fields.bioprocess.strain_model import SHARES, model_of, production, rivals

    candidate, told = Candidate(*json.loads(inputs["candidate"])), setting(params)
    (sbml,) = (data for key, data in inputs.items() if key != "candidate")
    if told.model not in MODELS:
        require_sound(sbml)
    others = rivals(sbml, tuple(sorted(told.medium.items())), told.product)
    with model_of(sbml, told.medium) as model:
        genes = genes_of(candidate, known_in(told.model, model, candidate))
        made = production(model, genes, told.product, others)
    if made.growth <= 0:
        return {"failed": canonical("infeasible")}
    values = {
        "coupled product": {"value": made.coupled},
        "growth": {"value": made.growth},
        "most product": {"value": made.most},
        "competing products": {"value": made.competing},
    }
    values |= {
        f"product at {100 * share:.0f} % growth": {"value": least}
        for share, least in zip(SHARES, made.least, strict=True)
    }
    return {"values": canonical(values)}


@task(version=1, distributions=("cobra", "swiglpk"))
def found_items(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """The gene sets of the model that can carry much carbon in the medium; see `campaign.field.Simulator`."""
    from dure.fields.bioprocess.soundness import require_sound
    from dure.fields.bioprocess.strain_model import model_of
    from dure.fields.bioprocess.strain_targets import carrying, targets_of

    told = setting(params["lab"])
    (sbml,) = inputs.values()
    require_sound(sbml)
    with model_of(sbml, told.medium) as model:
        found = carrying(model, sorted(targets_of(model).genes))
    return {"items": canonical(found)}


_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "What growth leaves to make: {product} in {model}",
        "x": "growth (1/h)",
        "y": "product (mmol/gDW/h)",
        "own": "this strain",
        "wild": "wild type",
        "note": "Computed from a model, not measured. Areas: from the least to the most product.",
        "reaction": "reaction",
        "flux": "flux (mmol/gDW/h)",
        "table": "Largest fluxes at full growth and least product",
    },
    "ko": {
        "title": "성장하면서 만들 수 있는 양: {model}의 {product}",
        "x": "성장 속도 (1/h)",
        "y": "산물 (mmol/gDW/h)",
        "own": "이 균주",
        "wild": "야생형",
        "note": "모델로 계산한 값이며 측정값이 아닙니다. 영역은 산물의 최소에서 최대까지입니다.",
        "reaction": "반응",
        "flux": "플럭스 (mmol/gDW/h)",
        "table": "최대 성장, 최소 산물에서 가장 큰 플럭스",
    },
}

Rows = Sequence[tuple[float, float, float]]


def envelope_picture(own: Rows, wild: Rows, told: Setting, lang: str) -> str:
    """Production envelopes of a strain and of the wild type; rows as `strain_model.envelope` gives them."""
    w = _WORDS[lang]
    right = max(row[0] for row in (*own, *wild))
    top = max(row[2] for row in (*own, *wild))
    title = w["title"].format(product=told.product, model=told.model)
    axes = plot(title, (0, right), (0, top), w["x"], w["y"], note=w["note"])
    for rows, colour, label in ((wild, GREY, w["wild"]), (own, BLUE, w["own"])):
        growth, least, most = zip(*rows, strict=True)
        axes.band(growth, least, most, colour, label=label)
        axes.line([*growth, growth[-1]], [*least, most[-1]], colour)
        axes.line(growth, most, colour)
    return axes.svg()


def flux_table(own: Mapping[str, float], wild: Mapping[str, float], lang: str, rows: int = 18) -> str:
    """The largest fluxes of a strain beside the wild type's, exchanges first, as a drawn table."""
    w = _WORDS[lang]
    ranked = sorted(own, key=lambda r: (not r.startswith("EX_"), -abs(own[r])))
    exchanges = [r for r in ranked if r.startswith("EX_") and abs(own[r]) > 1e-6][: rows // 2]
    inner = [r for r in ranked if not r.startswith("EX_")][: rows - len(exchanges)]
    shown = [*exchanges, *inner]
    sheet = Picture(760, 56 + 17 * len(shown), w["table"])
    columns = ((10, "start"), (420, "end"), (640, "end"))
    for (x, anchor), word in zip(columns, (w["reaction"], w["flux"], w["wild"]), strict=True):
        sheet.words(x, 38, word, colour=GREY, anchor=anchor)
    for i, reaction in enumerate(shown):
        cells = (reaction, f"{own[reaction]:.3f}", f"{wild.get(reaction, 0.0):.3f}")
        for (x, anchor), cell in zip(columns, cells, strict=True):
            sheet.words(x, 57 + 17 * i, cell, anchor=anchor)
    return sheet.svg().decode()
