"""Whether a genome-scale model can be believed at all: balance of each reaction, and energy from nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from dure.base.errors import BadInput
from dure.fields.bioprocess.strain_model import growth_of, model_of, optimum


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
        return optimum(model)


@cache
def require_sound(sbml: bytes) -> None:
    """Refuses a model that makes ATP from nothing: whatever it says of knock-outs is worthless.

    Reactions that do not balance are told by `bioprocess/model-check` and refuse nothing: most published models have
    some, and carbon that does not close is refused where a strain is looked at closely.

    Raises:
        BadInput: says how much it makes.
    """
    with model_of(sbml, {}) as model:
        energy = _energy_from_nothing(model)
    if energy is not None and energy > 1e-6:
        raise BadInput(
            f"the model makes {energy:.3g} mmol/gDW/h of ATP from nothing",
            where="[lab], model",
            remedy="mend the reactions that run in a circle (directions, protons, maintenance) first",
        )
