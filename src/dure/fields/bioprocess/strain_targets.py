"""What may be knocked out in a model: smallest sets of genes that switch a reaction off, and why the rest may not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dure.fields.bioprocess.strain_model import LEAST_GROWTH, growth_of, lose, optimum

SPONTANEOUS = "s0001"
"""The gene that stands for `no enzyme needed` in models of BiGG."""
SUBSYSTEMS = frozenset(
    {
        "Alanine and Aspartate Metabolism", "Alternate Carbon Metabolism", "Anaplerotic Reactions", "Citric Acid Cycle",
        "Folate Metabolism", "Glutamate Metabolism", "Glycolysis/Gluconeogenesis", "Glyoxylate Metabolism",
        "Methylglyoxal Metabolism", "Oxidative Phosphorylation", "Pentose Phosphate Pathway", "Pyruvate Metabolism",
    }
)  # fmt: skip
"""Where carbon and electrons of a fermentation go; a model that names no subsystems is taken whole."""


def gene_cut(reaction: Any, largest: int = 4) -> tuple[str, ...] | None:
    """A smallest set of genes whose loss switches a reaction off by its rule, first by name; None where none is small.

    Isozymes are lost together, of a complex one part is enough.
    """
    genes = sorted(gene.id for gene in reaction.genes)
    for size in range(1, min(largest, len(genes)) + 1):
        for chosen in itertools.combinations(genes, size):
            if not reaction.gpr.eval(set(chosen)):
                return chosen
    return None


@dataclass(frozen=True)
class Targets:
    """What may be knocked out, and why the rest may not.

    Attributes:
        genes: item -> the genes that it loses; an item is the reaction whose rule the cut was read from.
        excluded: reaction -> `exchange`, `transport`, `no gene`, `spontaneous`, `many isozymes`, `subsystem`,
            `blocked`, `essential` or `same genes as ITEM`.
    """

    genes: Mapping[str, tuple[str, ...]]
    excluded: Mapping[str, str]


def targets_of(model: Any, least: float = LEAST_GROWTH) -> Targets:
    """The gene sets that are worth trying under the model's present medium.

    Args:
        least: growth that the loss of a set must leave, 1/h; below it the set is essential.
    """
    from cobra.flux_analysis import find_blocked_reactions

    growth = growth_of(model)
    named = any(r.subsystem in SUBSYSTEMS for r in model.reactions)
    excluded: dict[str, str] = {}
    cuts: dict[tuple[str, ...], str] = {}
    kept = []
    for reaction in model.reactions:
        why = _unfit(reaction, growth, named)
        if why:
            excluded[reaction.id] = why
        else:
            kept.append(reaction)
    blocked = set(find_blocked_reactions(model, reaction_list=kept, processes=1))
    for reaction in sorted(kept, key=lambda r: r.id):
        cut = gene_cut(reaction)
        if reaction.id in blocked:
            excluded[reaction.id] = "blocked"
        elif cut is None:
            excluded[reaction.id] = "many isozymes"
        elif cut in cuts:
            excluded[reaction.id] = f"same genes as {cuts[cut]}"
        elif _growth_without(model, cut) < least:
            excluded[reaction.id] = "essential"
        else:
            cuts[cut] = reaction.id
    return Targets({item: cut for cut, item in cuts.items()}, excluded)


def carrying(model: Any, items: Sequence[str], least: float = 4.0) -> list[str]:
    """Items whose reaction can carry `least` or more (mmol/gDW/h) at nine tenths of growth, loops left out.

    What carries little cannot push carbon elsewhere; what reaches the model's bound of 1000 turns in a circle.
    """
    from cobra.flux_analysis import flux_variability_analysis

    found = flux_variability_analysis(model, reaction_list=list(items), fraction_of_optimum=0.9, processes=1)
    most = found.abs().max(axis=1)
    return sorted(item for item in items if least <= most[item] < 999.0)


def _unfit(reaction: Any, growth: Any, named: bool) -> str | None:
    if reaction.boundary or reaction.id == growth.id:
        return "exchange"
    if len(reaction.compartments) > 1:
        return "transport"
    if not reaction.genes:
        return "no gene"
    if any(gene.id == SPONTANEOUS for gene in reaction.genes):
        return "spontaneous"
    return "subsystem" if named and reaction.subsystem not in SUBSYSTEMS else None


def _growth_without(model: Any, genes: Sequence[str]) -> float:
    with model:
        lose(model, genes)
        return optimum(model)
