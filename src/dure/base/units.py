"""Units are UCUM codes (https://ucum.org); conversion is ucumvert's and pint's."""

from __future__ import annotations

import re
import warnings
from functools import cache
from typing import Any

from dure.base.errors import BadInput


def convert(value: float, unit: str, to: str) -> float:
    """A value in another unit of the same dimension.

    Raises:
        BadInput: an unknown unit, two dimensions, or two different annotations such as `{EUR}` and `{KRW}`.

    >>> round(convert(12.0, "nmol/L", "umol/L"), 9)
    0.012
    """
    if unit == to:
        return float(value)
    source, target = _parse(unit), _parse(to)
    annotated, wanted = re.findall(r"\{(.*?)\}", unit), re.findall(r"\{(.*?)\}", to)
    if annotated != wanted or source.dimensionality != target.dimensionality:
        raise BadInput(
            f"{unit} cannot be converted to {to}",
            remedy="give both in units of the same dimension, as UCUM codes such as nmol/L, Cel or mg/dL",
        )
    quantity = _registry().Quantity(value * source.magnitude, source.units).to(target.units)
    return float(quantity.magnitude / target.magnitude)


def check_unit(unit: str) -> str:
    """The unit itself when UCUM knows it; otherwise `BadInput` with a likely remedy."""
    if unit != "1":
        _parse(unit)
    return unit


@cache
def _registry() -> Any:
    # Half a second: only where a conversion is really needed.
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


@cache
def _parse(unit: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _registry().from_ucum(unit)
        except Exception:  # the parser raises a dozen unrelated types for unknown text
            raise BadInput(
                f"{unit!r} is not a unit that UCUM knows",
                remedy="write nmol/L for nM, umol/L for µM, mol/L for M, Cel for °C, 1 for numbers without a unit",
            ) from None
