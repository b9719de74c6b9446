"""Baking: a field with a continuous space of recipes, a noisy simulated oven, and pools of flours."""

from dure_sixth.field import FIELD

__all__ = ["FIELD"]
