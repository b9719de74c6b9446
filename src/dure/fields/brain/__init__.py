"""Brain and ageing: methylation clocks, mortality risk, whole-brain stimulation, panels of CpGs."""

from dure.fields.brain.field import FIELD

__all__ = ["FIELD"]
