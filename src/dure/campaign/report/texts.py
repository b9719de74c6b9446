"""The words of the report, read from the one table `texts.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from dure.campaign.report.data import Language, Text


@cache
def texts() -> Mapping[str, Text]:
    """All texts by key; a key without either language fails here and not on a page."""
    table = tomllib.loads(files(__package__).joinpath("texts.toml").read_text(encoding="utf-8"))
    return {key: Text(**both) for key, both in table.items()}


def say(lang: Language, key: str, **values: object) -> str:
    """The words for a key, with values put in.

    >>> say("en", "replicates", n=3)
    'n = 3'
    """
    words: str = getattr(texts()[key], lang)
    return words.format(**values) if values else words
