"""Genome-scale models: knock-outs by genes, what growth then forces out, and what else the cell could make.

Needs cobra (Ebrahim et al. 2013, BMC Syst. Biol. 7:74) and through it GLPK by swiglpk, which is under the GPL: an
extra of its own, `dure[strain]`. Fluxes are in mmol/gDW/h, growth in 1/h.
"""

from __future__ import annotations

import gzip
import logging
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dure.base.errors import BadInput, Unavailable

SHARES = (1.0, 0.95, 0.9)
LEAST_GROWTH = 0.1
STUCK = 10
"""Seconds on the clock after which a solve is given up; one of a genome-scale model takes some hundredths."""


@cache
def _parsed(sbml: bytes) -> Any:
    from cobra.io import read_sbml_model

    logging.getLogger("cobra").setLevel(logging.ERROR)  # notes on annotations, by the hundred
    raw = gzip.decompress(sbml) if sbml[:2] == b"\x1f\x8b" else sbml
    # Names in other databases: nothing of them is used, and they take more than half of the time that reading takes.
    raw = re.sub(rb"<annotation>.*?</annotation>", b"", raw, flags=re.DOTALL)
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


def optimum(model: Any) -> float:
    """The optimum of a model's objective; 0 where nothing satisfies its bounds.

    GLPK's primal simplex, begun from the basis of the solve before, now and then runs in a circle for ever; after
    `STUCK` seconds it begins anew, from a basis of its own.

    Raises:
        Unavailable: it did not end then either.
    """
    settings = model.solver.configuration
    settings.timeout = STUCK
    try:
        value = model.slim_optimize(error_value=0.0)
        if model.solver.status == "time_limit":
            from swiglpk import glp_adv_basis

            glp_adv_basis(model.solver.problem, 0)
            value = model.slim_optimize(error_value=0.0)
    finally:
        settings.timeout = None
    if model.solver.status == "time_limit":
        raise Unavailable(f"a linear programme of the model was not solved within {STUCK} s")
    return float(value)


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
        competing: what is left of the cell's capacity for other products: the mean over `rivals` of the most of each at
            nine tenths of growth, over what the unchanged cell can give, 1 at most; 0 where there are none.
        lost: reactions switched off.
    """

    growth: float
    least: tuple[float, ...]
    most: float
    competing: float
    lost: tuple[str, ...]

    @property
    def coupled(self) -> float:
        """Mean of `least`: the objective of the campaign."""
        return sum(self.least) / len(self.least)


def production(model: Any, genes: Sequence[str], product: str, others: Mapping[str, float] | None = None) -> Production:
    """Growth, and the product's flux variability at shares of it (Mahadevan and Schilling 2003, Metab. Eng. 5:264).

    Args:
        others: of `rivals`; None: none.
    """
    growth, out = growth_of(model), exchange_of(model, product)
    with model:
        lost = lose(model, genes)
        top = optimum(model)
        if top < 1e-6:
            return Production(0.0, (0.0,) * len(SHARES), 0.0, 0.0, tuple(lost))
        found = {}
        for share in SHARES:
            growth.lower_bound = share * top * (1 - 1e-9)
            for sense in ("min", "max") if share == SHARES[0] else ("min",):
                model.objective, model.objective_direction = out, sense
                found[share, sense] = optimum(model)
        left = []
        for rival, before in (others or {}).items():
            model.objective, model.objective_direction = exchange_of(model, rival), "max"
            left.append(min(optimum(model) / before, 1.0))
        least = tuple(max(found[share, "min"], 0.0) for share in SHARES)
        return Production(top, least, found[1.0, "max"], sum(left) / max(len(left), 1), tuple(lost))


@cache
def rivals(sbml: bytes, medium: tuple[tuple[str, float], ...], product: str) -> Mapping[str, float]:
    """The main products that compete with one for carbon: those that can carry a third of the carbon taken up.

    Args:
        medium: as items of a mapping; see `model_of`.

    Returns:
        Exchange -> the most of it at nine tenths of growth in the unchanged cell, mmol/gDW/h.
    """
    with model_of(sbml, dict(medium)) as model:
        growth = growth_of(model)
        top = optimum(model)
        carbon_of = {
            r.id: sum(metabolite.elements.get("C", 0) for metabolite in r.metabolites) for r in model.exchanges
        }
        taken = -sum(min(r.flux, 0.0) * carbon_of[r.id] for r in model.exchanges)
        growth.lower_bound = SHARES[-1] * top
        found = {}
        for exchange in model.exchanges:
            if carbon_of[exchange.id] and exchange.id != product:
                model.objective = exchange
                most = optimum(model)
                if most * carbon_of[exchange.id] >= taken / 3:
                    found[exchange.id] = most
        return found


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
        growth.lower_bound = optimum(model) * (1 - 1e-7)
        model.objective, model.objective_direction = out, "min"
        out.upper_bound = optimum(model) + 1e-6
        model.objective, model.objective_direction = growth, "max"
        return dict(pfba(model).fluxes)


def envelope(model: Any, genes: Sequence[str], product: str, points: int = 15) -> list[tuple[float, float, float]]:
    """(growth, least product, most product) along growth."""
    growth, out = growth_of(model), exchange_of(model, product)
    with model:
        lose(model, genes)
        top = optimum(model)
        rows = []
        for i in range(points):
            at = top * i / (points - 1)
            growth.bounds = (at * (1 - 1e-9), max(at, 1e-9))
            ends = []
            for sense in ("min", "max"):
                model.objective, model.objective_direction = out, sense
                ends.append(max(optimum(model), 0.0))
            rows.append((at, ends[0], ends[1]))
        return rows
