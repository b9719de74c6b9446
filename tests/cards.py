"""Whether every text of a model's card has its Korean, in the card itself or in its field's `korean.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dure.cli.wording import of_card

NAMES = {"PhenoAge", "Horvath", "Brier", "GBLUP", "VanRaden"}
"""Names that stay as they are in a Korean text, beside those of three letters and those in capitals."""


def left_in_english(field: str, card: Mapping[str, Any]) -> list[str]:
    """The texts of a card of a field's model of which something stays English on the Korean page."""
    shown = [card[key] for key in ("method", "split", "domain", "training", "calibration")]
    for row in card["metrics"]:
        shown += [row["figure"], row.get("note", ""), *row.get("beside", {})]
    told = (of_card(field, text, "ko") for text in _texts(shown))
    return [text for text in told if {w for w in re.findall("[A-Za-z]{4,}", text) if not w.isupper()} - NAMES]


def _texts(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, Mapping) and not set(told) <= {"en", "ko"}:
        yield from _texts([*told, *told.values()])
    elif isinstance(told, list | tuple):
        for each in told:
            yield from _texts(each)
