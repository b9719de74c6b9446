"""Genome-scale models: knock-outs by genes, what growth then forces out, and whether the model itself is sound.

Needs cobra (Ebrahim et al. 2013, BMC Syst. Biol. 7:74) and through it GLPK by swiglpk, which is under the GPL: an
extra of its own, `dure[strain]`. Fluxes are in mmol/gDW/h, growth in 1/h.
"""

from __future__ import annotations

import gzip
import itertools
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput

SHARES = (1.0, 0.95, 0.9)
LEAST_GROWTH = 0.1
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


@cache
def _parsed(sbml: bytes) -> Any:
    from cobra.io import read_sbml_model

    logging.getLogger("cobra").setLevel(logging.ERROR)  # notes on annotations, by the hundred
    raw = gzip.decompress(sbml) if sbml[:2] == b"\x1f\x8b" else sbml
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        path.write_bytes(raw)
        try:
            return read_sbml_model(str(path))
        except Exception as error:  # cobra raises CobraSBMLError, and libSBML's and XML's own kinds of failure
            raise BadInput(
                f"this is no model that SBML allows: {type(error).__name__}",
                remedy="give an SBML file of level 3 with the FBC package; cobra's validate_sbml_model tells more",
            ) from None


@contextmanager
def model_of(sbml: bytes, medium: Mapping[str, float]) -> Iterator[Any]:
    """The model under a medium; changes inside the block are undone.

    Args:
        sbml: SBML, gzipped or not; parsed once a process.
        medium: exchange reaction -> most uptake, mmol/gDW/h, for those that differ from the file.

    Raises:
        BadInput: no SBML, an exchange that the model lacks, or no single reaction as its objective.
    """
    model = _parsed(sbml)
    with model:
        for name, uptake in medium.items():
            exchange_of(model, name).lower_bound = -uptake
        yield model


def exchange_of(model: Any, name: str) -> Any:
    """The exchange reaction of this name.

    Raises:
        BadInput: the model has none.
    """
    if name not in model.reactions or not model.reactions.get_by_id(name).boundary:
        raise BadInput(f"the model has no exchange {name!r}", remedy="name exchanges as the model does")
    return model.reactions.get_by_id(name)


def growth_of(model: Any) -> Any:
    """The reaction that is the model's objective."""
    wanted = [r for r in model.reactions if r.objective_coefficient]
    if len(wanted) != 1:
        raise BadInput(
            f"the model has {len(wanted)} reactions in its objective, not one",
            remedy="make the biomass reaction the only objective",
        )
    return wanted[0]


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
        return float(model.slim_optimize(error_value=0.0))


def lose(model: Any, genes: Sequence[str]) -> list[str]:
    """Knocks genes out and says which reactions their rules switch off; undone by the model's own block.

    Raises:
        BadInput: a gene that the model lacks.
    """
    from cobra.manipulation import knock_out_model_genes

    missing = sorted(set(genes) - {gene.id for gene in model.genes})
    if missing:
        raise BadInput(f"the model has no gene {missing[0]!r}", remedy="name genes as the model's file does")
    return sorted(reaction.id for reaction in knock_out_model_genes(model, list(genes)))


@dataclass(frozen=True)
class Production:
    """What a strain makes.

    Attributes:
        growth: largest, 1/h.
        least: the least product that leaves the cell at each of `SHARES` of that growth, mmol/gDW/h: what is certain.
        most: the most at full growth.
        lost: reactions switched off.
    """

    growth: float
    least: tuple[float, ...]
    most: float
    lost: tuple[str, ...]

    @property
    def coupled(self) -> float:
        """Mean of `least`: the objective of the campaign."""
        return sum(self.least) / len(self.least)


def production(model: Any, genes: Sequence[str], product: str) -> Production:
    """Growth, and the product's flux variability at shares of it (Mahadevan and Schilling 2003, Metab. Eng. 5:264)."""
    growth, out = growth_of(model), exchange_of(model, product)
    with model:
        lost = lose(model, genes)
        top = float(model.slim_optimize(error_value=0.0))
        if top < 1e-6:
            return Production(0.0, (0.0,) * len(SHARES), 0.0, tuple(lost))
        found = {}
        for share in SHARES:
            growth.lower_bound = share * top * (1 - 1e-9)
            for sense in ("min", "max") if share == SHARES[0] else ("min",):
                model.objective, model.objective_direction = out, sense
                found[share, sense] = float(model.slim_optimize(error_value=0.0))
        return Production(top, tuple(max(found[s, "min"], 0.0) for s in SHARES), found[1.0, "max"], tuple(lost))


def adjusted(model: Any, genes: Sequence[str], product: str) -> tuple[float, float]:
    """Growth and product right after the loss, before the cell adapts: linear MOMA (Segre et al. 2002)."""
    from cobra.flux_analysis import moma, pfba

    growth = growth_of(model)
    wild = pfba(model)
    with model:
        lose(model, genes)
        found = moma(model, solution=wild, linear=True)
        return float(found.fluxes[growth.id]), float(found.fluxes[product])


def carbon(model: Any, fluxes: Mapping[str, float]) -> tuple[float, float, float]:
    """Carbon taken up, given off, and bound in biomass, mmol/gDW/h, from a flux distribution."""
    taken = given = 0.0
    for reaction in model.exchanges:
        (metabolite,) = reaction.metabolites
        moved = fluxes[reaction.id] * metabolite.elements.get("C", 0)
        taken, given = (taken - moved, given) if moved < 0 else (taken, given + moved)
    bound = (
        -sum(n * metabolite.elements.get("C", 0) for metabolite, n in growth_of(model).metabolites.items())
        * fluxes[growth_of(model).id]
    )
    return taken, given, float(bound)


def fluxes_at_growth(model: Any, genes: Sequence[str], product: str) -> dict[str, float]:
    """Fluxes at full growth and least product, the least in total (Lewis et al. 2010, Mol. Syst. Biol. 6:390)."""
    from cobra.flux_analysis import pfba

    with model:
        lose(model, genes)
        growth, out = growth_of(model), exchange_of(model, product)
        growth.lower_bound = float(model.slim_optimize()) * (1 - 1e-7)
        model.objective, model.objective_direction = out, "min"
        out.upper_bound = float(model.slim_optimize()) + 1e-6
        model.objective, model.objective_direction = growth, "max"
        return dict(pfba(model).fluxes)


def envelope(model: Any, genes: Sequence[str], product: str, points: int = 15) -> list[tuple[float, float, float]]:
    """(growth, least product, most product) along growth."""
    growth, out = growth_of(model), exchange_of(model, product)
    with model:
        lose(model, genes)
        top = float(model.slim_optimize(error_value=0.0))
        rows = []
        for i in range(points):
            at = top * i / (points - 1)
            growth.bounds = (at * (1 - 1e-9), max(at, 1e-9))
            ends = []
            for sense in ("min", "max"):
                model.objective, model.objective_direction = out, sense
                ends.append(max(float(model.slim_optimize(error_value=0.0)), 0.0))
            rows.append((at, ends[0], ends[1]))
        return rows


@dataclass(frozen=True)
class Soundness:
    """Whether a model can be believed at all.

    Attributes:
        unbalanced: reactions inside the cell whose elements or charge do not balance, with what is left over.
        unknown: reactions that cannot be judged, a formula missing.
        energy: ATP that it makes from nothing, mmol/gDW/h; None where it has no ATP to test.
    """

    unbalanced: Mapping[str, str]
    unknown: tuple[str, ...]
    energy: float | None


def soundness(model: Any) -> Soundness:
    """Elements and charge of each reaction, and ATP with every exchange closed (Fritzemeier et al. 2017).

    doi 10.1371/journal.pcbi.1005494
    """
    growth = growth_of(model)
    unbalanced, unknown = {}, []
    for reaction in model.reactions:
        if reaction.boundary or reaction.id == growth.id:
            continue
        if any(not m.formula for m in reaction.metabolites):
            unknown.append(reaction.id)
            continue
        left = {element: n for element, n in reaction.check_mass_balance().items() if abs(n) > 1e-6}
        if left:
            unbalanced[reaction.id] = ", ".join(f"{e} {n:+g}" for e, n in sorted(left.items()))
    return Soundness(unbalanced, tuple(unknown), _energy_from_nothing(model))


def _energy_from_nothing(model: Any) -> float | None:
    from cobra import Reaction

    cell = {name: f"{name}_c" for name in ("atp", "h2o", "adp", "pi", "h")}
    if any(full not in model.metabolites for full in cell.values()):
        return None
    with model:
        for reaction in model.reactions:
            low, high = reaction.bounds
            # Closed: nothing enters, nothing is forced; what is only a bound on maintenance is lifted with it.
            reaction.bounds = (0.0, 0.0) if reaction.boundary else (min(low, 0.0), max(high, 0.0))
        spends = Reaction("dure_spends_atp", lower_bound=0.0, upper_bound=1000.0)
        amounts = {"atp": -1, "h2o": -1, "adp": 1, "pi": 1, "h": 1}
        spends.add_metabolites({model.metabolites.get_by_id(cell[name]): n for name, n in amounts.items()})
        model.add_reactions([spends])
        model.objective = spends
        return float(model.slim_optimize(error_value=0.0))
