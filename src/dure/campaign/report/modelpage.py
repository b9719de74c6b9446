"""The page of a trained model: its card and its pictures, one self-contained HTML text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dure.campaign.report.data import Language
from dure.campaign.report.drawing import clean
from dure.campaign.report.texts import say
from dure.campaign.report.values import plain, quantity
from dure.models.training import Trained

Worded = Callable[[str, str, str], str]
"""(`FIELD/MODEL`, a text of its card in English, language) -> the text in that language."""


def render(trained: Trained, lang: Language, worded: Worded) -> str:
    """The card of a model in Korean or English."""

    def words(told: Any) -> str:
        return plain(worded(trained.name, told, lang) if isinstance(told, str) else in_language(told, lang), 4000)

    def facts(told: Any) -> list[tuple[str, str]]:
        return [(words(name), words(value)) for name, value in _facts(told, lang)]

    return filled("model.html.j2", lang, trained.pictures, trained=trained, card=trained.card, w=words, facts=facts)


def filled(template: str, lang: Language, pictures: Mapping[str, str], **more: Any) -> str:
    """A page from its template, with the house's sheet and the pictures of this language."""
    environment = Environment(
        loader=PackageLoader("dure.campaign.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    sheet = files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")
    ending = f".{lang}.svg"
    words: dict[str, Any] = {
        "t": lambda key, **values: say(lang, key, **values),
        "w": lambda told: plain(in_language(told, lang), 4000),
        "p": plain,
        "figure": figure,
        "drawing": clean,
        "pictures": [(name.removesuffix(ending), svg) for name, svg in pictures.items() if name.endswith(ending)],
        "lang": lang,
        "css": Markup(sheet),  # noqa: S704  (our own file)
    }
    return environment.get_template(template).render(**words | more)


def in_language(told: Any, lang: str) -> str:
    """A text that may be in both languages, or in one for all."""
    return str(told.get(lang, told.get("en", ""))) if isinstance(told, Mapping) else str(told)


def figure(value: Any, unit: str) -> str:
    """A figure with its unit; words and intervals as they are."""
    if isinstance(value, list | tuple):
        return " – ".join(figure(each, "1") for each in value) + ("" if unit == "1" else f" {unit}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return quantity(float(value), unit, None if abs(value) < 1000 else 0)


def _facts(told: Any, lang: str) -> list[tuple[str, str]]:
    """A table of the card as lines: names as they stand there, values as people read them."""
    if not isinstance(told, Mapping) or set(told) <= {"en", "ko"}:
        return [("", in_language(told, lang))]
    return [
        (name, in_language(value, lang) if isinstance(value, Mapping) else figure(value, "1"))
        for name, value in told.items()
    ]
