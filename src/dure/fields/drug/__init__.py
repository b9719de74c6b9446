"""Drug discovery: molecules from a list, measured potency, rules of drug-likeness, poses."""

from dure.fields.drug.field import FIELD

__all__ = ["FIELD"]
