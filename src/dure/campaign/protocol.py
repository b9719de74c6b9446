"""A laboratory of people as a problem describes it: how it measures, and whether that can give what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dure.base.errors import BadInput
from dure.campaign.problem import Objective

if TYPE_CHECKING:
    from dure.lab.outcome import Protocol
    from dure.lab.potency import Concentration

SIGNALS = {"falling": True, "rising": False}
"""Whether the signal of full effect lies below or above that of none."""


def protocol_of(objective: Objective, lab: Mapping[str, Any]) -> Protocol:
    """How the laboratory of a problem measures.

    Raises:
        BadInput: a key of the wrong kind.
    """
    from dure.lab.outcome import Protocol

    signal = lab.get("signal")
    if signal is not None and signal not in SIGNALS:
        raise BadInput(f"{signal!r} is no signal", where="[lab], signal", remedy="write falling or rising")
    return Protocol(
        measures=objective.property,
        unit=objective.unit,
        wells=int(lab.get("plate", 96)),
        falling=None if signal is None else SIGNALS[signal],
        substrate=_concentration(lab, "substrate"),
        km=_concentration(lab, "km"),
    )


def check_laboratory(objective: Objective, lab: Mapping[str, Any], where: str) -> None:
    """Refuses a laboratory that could not give the objective, before a plate is filled: later it cannot be changed.

    Args:
        where: the problem's file, for the error.

    Raises:
        BadInput: a plate that cannot be laid out, too few concentrations for a curve, a pKi without [S] and Km.
    """
    from dure.lab.manual import layout

    try:
        planned = layout(lab)
        protocol = protocol_of(objective, lab)
        points = len(planned.concentrations)
        if protocol.is_potency and points < protocol.curve.min_concentrations:
            raise BadInput(
                f"{points} concentrations do not determine a curve",
                where="[lab], points",
                remedy=f"write {protocol.curve.min_concentrations} or more",
            )
        _ = protocol.shift
    except BadInput as problem:
        place = f"{where}, {problem.where}" if problem.where else f"{where}, [lab]"
        raise BadInput(problem.what, where=place, remedy=problem.remedy) from None


def _concentration(lab: Mapping[str, Any], key: str) -> Concentration | None:
    from dure.lab.potency import Concentration

    given = lab.get(key)
    if given is None:
        return None
    kinds = [type(part) for part in given] if isinstance(given, list | tuple) else []
    if kinds not in ([float, str], [int, str]) or given[0] <= 0:
        raise BadInput(
            f"{given!r} is no concentration",
            where=f"[lab], {key}",
            remedy=f'write for example {key} = [10.0, "umol/L"]',
        )
    found = Concentration(float(given[0]), given[1])
    _ = found.molar  # refuses units of another kind
    return found
