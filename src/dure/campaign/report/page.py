"""The page itself: one self-contained HTML text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from dure.campaign.report import figures, sentences
from dure.campaign.report.data import Absent, Asked, Assay, Contrast, Discovery, Language, ReportData, Text
from dure.campaign.report.drawing import clean
from dure.campaign.report.texts import say
from dure.campaign.report.values import chance, count, number, plain, quantity, unit

SECTIONS = (
    "asked",
    "answer",
    "discovery",
    "verdicts",
    "ladder",
    "plates",
    "quality",
    "space",
    "finalists",
    "cost",
    "stopping",
    "early",
    "provenance",
    "limits",
)
TABLE_ROWS = 2000
LONGEST_WORDS = 2000


def render(data: ReportData, lang: Language) -> str:
    """The report of a campaign in Korean or English, as one HTML file without any outside reference."""
    environment = Environment(
        loader=PackageLoader("dure.campaign.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(_words(lang), figures=figures, sentences=sentences)
    return environment.get_template("report.html.j2").render(
        data=data,
        lang=lang,
        css=_style_sheet(),
        sections=SECTIONS,
        plan=_plan(data.asked, lang),
        random_mean=_random_mean(data),
        readings=[a for a in data.assays if a.value.value is not None],
        table_rows=TABLE_ROWS,
    )


def _words(lang: Language) -> Mapping[str, Callable[..., object]]:
    """What the templates may call. Everything that came from outside goes through `plain`."""

    def thinning(readings: Sequence[Assay]) -> str:
        shown = len(figures.thinned(readings))
        if shown == len(readings):
            return ""
        return " " + say(lang, "figure.thinned", total=number(len(readings)), shown=number(shown))

    def words(text: Text) -> str:
        return plain(getattr(text, lang), LONGEST_WORDS)

    def commands(key: str, **names: str) -> Markup:
        typed = {name: Markup("<code>{}</code>").format(command) for name, command in names.items()}
        return escape(say(lang, key)).format(**typed)

    return {
        "t": lambda key, **values: say(lang, key, **values),
        "w": words,
        "commands": commands,
        "p": plain,
        "is_contrast": lambda part: isinstance(part, Contrast),
        "is_absent": lambda part: isinstance(part, Absent),
        "drawing": clean,
        "number": number,
        "quantity": quantity,
        "shown_unit": unit,
        "duration": lambda seconds: sentences.duration(seconds, lang),
        "count": count,
        "chance": chance,
        "percent": lambda share: f"{share:.0%}",
        "brief": lambda identifier: plain(identifier.partition(":")[2][:10] or identifier, 16),
        "moment": _moment,
        "thinning": thinning,
    }


def _style_sheet() -> Markup:
    sheet = files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")
    return Markup(sheet)  # noqa: S704  (our own file)


def _plan(asked: Asked, lang: Language) -> str:
    batches = asked.batches
    key = "plan.rounds" if len(batches) > 1 else "plan.one"
    sizes = {"first": batches[0], "batch": batches[1]} if len(batches) > 1 else {}
    return say(lang, key, rounds=len(batches), assays=number(sum(batches)), **sizes)


def _random_mean(data: ReportData) -> float | None:
    curves = data.discovery.controls if isinstance(data.discovery, Discovery) else ()
    return next((c.band.mean[-1] for c in curves if c.key == "random"), None)


def _moment(at: str) -> str:
    """An RFC 3339 time to the minute, with its offset named."""
    then = datetime.fromisoformat(at)
    zone = then.strftime("%z") if then.utcoffset() else "UTC"
    return then.strftime("%Y-%m-%d %H:%M ") + zone
