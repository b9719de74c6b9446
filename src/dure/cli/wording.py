"""Errors and notices in the language of who reads them.

The floors below the doors speak English and know nothing of languages; here an English sentence is the name of its
Korean one, which stands in `korean.toml`. A sentence that is not there is shown as it is. All of this is looked at when
something has to be said in Korean, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from dure.base.errors import DureError, Refused
from dure.cli.language import current

_HOLE = re.compile(r"\{(\d+)\}")
PLACES = "where"
"""The part of `korean.toml` that words where something is wrong, and not what."""
JOINTS = ("; ", ": ")
"""What joins sentences that are worded one by one: several reasons, and a sentence with what it is about."""


@dataclass(frozen=True)
class Wording:
    """One English sentence, with holes `{0}`, `{1}`, … for what is put in, and its Korean one with the same holes."""

    english: str
    korean: str

    @cached_property
    def fixed(self) -> list[str]:
        """What stands before, between and after the holes."""
        return _HOLE.split(self.english)[::2]

    def parts(self, text: str) -> Sequence[str] | None:
        """What was put into the holes to make this text; None when it is another sentence."""
        if not (text.startswith(self.fixed[0]) and text.endswith(self.fixed[-1])):
            return None  # most sentences end here, and their patterns are never made
        found = self._pattern.fullmatch(text)
        return found and found.groups()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("(.*?)".join(map(re.escape, self.fixed)))


def said(text: str) -> str:
    """A sentence, or several, in the language in use."""
    return _korean(text, table()) if current() == "ko" else text


def in_words(problem: DureError) -> str:
    """A whole error for people, in the language in use."""
    if current() != "ko":
        return str(problem)
    known = _table_for(problem)
    remedy = problem.remedy and _korean(problem.remedy, known)
    where = problem.where and _korean(problem.where, table(PLACES))
    return str(DureError(_korean(problem.what, known), where=where, remedy=remedy))


def in_json(problem: DureError) -> dict[str, object]:
    """A whole error for programs: its codes and places as they are, its sentences in the language in use."""
    told = problem.as_json()
    if current() != "ko":
        return told
    known = _table_for(problem)
    told |= {name: _korean(text, known) for name in ("what", "remedy") if isinstance(text := told[name], str)}
    rows = told.get("rows")
    if isinstance(rows, list):
        told["rows"] = [{**row, "reason": _korean(row["reason"], known)} for row in rows]
    return told


@cache
def table(part: str | None = None) -> tuple[Wording, ...]:
    """One part of `korean.toml`, or all that words sentences; the most telling first, so that the first fit counts."""
    import tomllib
    from importlib.resources import files

    parts = tomllib.loads(files("dure.cli").joinpath("korean.toml").read_text("utf-8"))
    chosen = [parts[part]] if part else [entries for name, entries in parts.items() if name != PLACES]
    return _sorted(Wording(english, korean) for entries in chosen for english, korean in entries.items())


def _table_for(problem: DureError) -> tuple[Wording, ...]:
    return _of_refusals() if isinstance(problem, Refused) else table()


@cache
def _of_refusals() -> tuple[Wording, ...]:
    """The table with what policies say, which has its Korean beside it where it is written."""
    # Who was refused has these modules in memory already; nobody else waits for them.
    from dure.access.actions import ACTIONS
    from dure.access.policy import OTHER_REASONS

    conditions = [condition for action in ACTIONS.values() for condition in action.conditions]
    texts = [text for condition in conditions for text in (condition.sentence, condition.remedy)]
    texts += [action.title for action in ACTIONS.values()]
    texts += [text for reason in OTHER_REASONS.values() for text in reason]
    return _sorted((*(Wording(text.en, text.ko) for text in texts), *table()))


def _sorted(entries: Iterator[Wording] | Sequence[Wording]) -> tuple[Wording, ...]:
    return tuple(sorted(entries, key=lambda entry: -sum(map(len, entry.fixed))))


def _korean(text: str, known: Sequence[Wording]) -> str:
    """A text line by line; the spaces before a line stay."""
    if "\n" in text:
        return "\n".join(_korean(line, known) for line in text.split("\n"))
    line = text.lstrip()
    return text[: len(text) - len(line)] + _line(line, known)


def _line(text: str, known: Sequence[Wording]) -> str:
    """One sentence whole; else the sentences that it is joined from; else as it is."""
    for entry in known:
        parts = entry.parts(text)
        if parts is not None:
            return _HOLE.sub(lambda hole, parts=parts: _line(parts[int(hole[1])], known), entry.korean)  # type: ignore[misc]
    for joint in JOINTS:
        first, found, rest = text.partition(joint)
        if found:
            return _line(first, known) + joint + _line(rest, known)
    return text
