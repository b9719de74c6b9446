"""The page of an analysis: what it found, its tables and its pictures, one self-contained HTML text."""

from __future__ import annotations

from typing import Any

from dure.analysis.perform import Finding
from dure.campaign.report.data import Language
from dure.campaign.report.modelpage import figure, filled, in_language


def render(found: Finding, lang: Language) -> str:
    """An analysis in Korean or English."""
    return filled("finding.html.j2", lang, found.pictures, found=found, cell=lambda told: cell(told, lang))


def cell(told: Any, lang: str) -> str:
    """A cell of a table: a text, a text in both languages, a number or nothing."""
    return figure(in_language(told, lang) if isinstance(told, dict) else told, "1")
