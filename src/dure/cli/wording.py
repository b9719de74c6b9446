"""Errors and notices in the language of who reads them.

The floors below the doors speak English and know nothing of languages; here an English sentence is the name of its
Korean one, which stands in `korean.toml`, here and beside the code of a field. A sentence that is not there is shown as
it is. All of this is looked at when something has to be said in Korean, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import product
from operator import itemgetter
from typing import Any

from dure.base.errors import DureError, Refused, RowErrors
from dure.cli.language import current

_HOLE = re.compile(r"\{(\d+)\}")
PLACES = "where"
"""The part of `korean.toml` that words where something is wrong, and not what."""
CARD = "card"
"""The part of a field's `korean.toml` that words the cards of its models, which are stored as its code wrote them."""
MOST_JOINED = 30
"""Reasons in a line; what has more joints than that (a trace, a user's own text) is no sentence of ours."""


class Wording:
    """One English sentence, with holes `{0}`, `{1}`, … for what is put in, and its Korean one with the same holes."""

    def __init__(self, english: str, korean: str) -> None:
        self.english, self.korean = english, korean
        self.fixed = _HOLE.split(english)[::2]
        """What stands before, between and after the holes."""
        self.length = sum(map(len, self.fixed))
        self.ends = self.fixed[0][:1], self.fixed[-1][-1:]
        """Its first and its last character, empty where it begins or ends with a hole."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("(.*?)".join(map(re.escape, self.fixed)))

    def parts(self, text: str) -> Sequence[str] | None:
        """What was put into the holes to make this text; None when it is another sentence."""
        known = text.startswith(self.fixed[0]) and text.endswith(self.fixed[-1])
        if not (known and all(map(text.__contains__, self.fixed))):
            return None  # most sentences end here, and their patterns are never made
        found = self._pattern.fullmatch(text)
        return found and found.groups()

    def filled(self, parts: Sequence[str]) -> str:
        """The Korean sentence with these in its holes."""
        return _HOLE.sub(lambda hole: parts[int(hole[1])], self.korean)


class Table:
    """Sentences that have their Korean; of those that fit a text the longest is the one that was meant."""

    def __init__(self, entries: Iterable[Wording]) -> None:
        self.entries = sorted(entries, key=lambda entry: -entry.length)
        self._by_ends: dict[tuple[str, str], list[Wording]] = {}
        for entry in self.entries:
            self._by_ends.setdefault(entry.ends, []).append(entry)
        self._lines: dict[str, tuple[int, str]] = {}

    def korean(self, text: str) -> str:
        """A text line by line; the spaces before a line stay."""
        lines = [(line, line.lstrip()) for line in text.split("\n")]
        return "\n".join(line[: len(line) - len(said)] + self._line(said)[1] for line, said in lines)

    def _line(self, text: str) -> tuple[int, str]:
        """The Korean of a line, and how many of its characters the table has: the more, the better it was read.

        A line is one sentence, or reasons joined by semicolons, or a sentence after what it is about and a colon.
        """
        if text not in self._lines:
            read = (self._joined(text, "; "), self._whole(text), self._joined(text, ": "))
            self._lines[text] = max(read, key=itemgetter(0))
        return self._lines[text]

    def _whole(self, text: str) -> tuple[int, str]:
        fitting = [found for ends in product((text[:1], ""), (text[-1:], "")) for found in self._fitting(text, ends)]
        if not fitting:
            return 0, text
        entry, parts = max(fitting, key=lambda found: found[0].length)
        told = [self._line(part) for part in parts]  # what was put in may be a sentence itself
        return entry.length + sum(length for length, _ in told), entry.filled([said for _, said in told])

    def _fitting(self, text: str, ends: tuple[str, str]) -> Iterator[tuple[Wording, Sequence[str]]]:
        """The longest sentence with these ends that fits, if any does."""
        for entry in self._by_ends.get(ends, ()):
            parts = entry.parts(text)
            if parts is not None:
                yield entry, parts
                return

    def _joined(self, text: str, joint: str) -> tuple[int, str]:
        first, found, rest = text.partition(joint)
        if not found or text.count(joint) > MOST_JOINED:
            return 0, text
        (one, said), (other, then) = self._line(first), self._line(rest)
        return one + other + (len(joint) if one and other else 0), said + joint + then


def said(text: str) -> str:
    """A sentence, or several, in the language in use."""
    return table().korean(text) if current() == "ko" else text


def placed(where: str) -> str:
    """Where something is wrong (a column, an event, a check; else a name that stays), in the language in use."""
    return table(PLACES).korean(where) if current() == "ko" else where


def of_card(field: str, text: str, lang: str) -> str:
    """A text of a card of a field's model in a language.

    Args:
        field: its code, or `FIELD/MODEL`; the same words can mean another thing in another field.
    """
    return _of_cards(field.partition("/")[0]).korean(text) if lang == "ko" else text


@cache
def _of_cards(field: str) -> Table:
    entries = dict(_files()).get(field, {}).get(CARD, {})
    return Table(Wording(english, korean) for english, korean in entries.items())


def in_words(problem: DureError) -> str:
    """A whole error for people, in the language in use."""
    if current() != "ko":
        return str(problem)
    told = _told(problem, RowErrors.shown)
    return str(DureError(told["what"], where=problem.where and placed(problem.where), remedy=told["remedy"]))


def in_json(problem: DureError) -> dict[str, object]:
    """A whole error for programs: its codes and places as they are, its sentences in the language in use."""
    return _told(problem) if current() == "ko" else problem.as_json()


def _told(problem: DureError, most: int | None = None) -> dict[str, Any]:
    """An error's JSON in Korean, up to so many of its rows."""
    known = _of_refusals() if isinstance(problem, Refused) else table()
    if isinstance(problem, RowErrors):
        # The reasons first, so that in a line of theirs nothing but the row's number is left to word.
        rows = [(row, known.korean(reason)) for row, reason in problem.problems[:most]]
        problem = RowErrors(problem.where or "", [*rows, *problem.problems[len(rows) :]], remedy=problem.remedy)
    told = problem.as_json()
    return {**told, **{name: told[name] and known.korean(str(told[name])) for name in ("what", "remedy")}}


@cache
def table(part: str | None = None) -> Table:
    """One part of the sentences' files, or all that words errors and notices."""
    chosen = [
        entries
        for _, parts in _files()
        for name, entries in parts.items()
        if (name == part if part else name not in (PLACES, CARD))
    ]
    return Table(Wording(english, korean) for entries in chosen for english, korean in entries.items())


def _files() -> Iterator[tuple[str, dict[str, dict[str, str]]]]:
    """Our own `korean.toml`, and that of each installed field that has one beside its code, by the field's name."""
    import tomllib
    from importlib.metadata import entry_points
    from importlib.resources import files
    from importlib.util import find_spec

    packages = {"dure.cli": ""}
    for entry in entry_points(group="dure.fields"):
        found = find_spec(entry.module)
        whole = found is not None and found.submodule_search_locations is not None
        packages[entry.module if whole else entry.module.rpartition(".")[0]] = entry.name
    for package in sorted(packages.keys() - {""}):  # a module of its own has no folder for sentences
        file = files(package).joinpath("korean.toml")
        if file.is_file():
            yield packages[package], tomllib.loads(file.read_text("utf-8"))


@cache
def _of_refusals() -> Table:
    """The table with what policies say, which has its Korean beside it where it is written."""
    # Who was refused has these modules in memory already; nobody else waits for them.
    from dure.access.actions import ACTIONS
    from dure.access.policy import OTHER_REASONS

    conditions = [condition for action in ACTIONS.values() for condition in action.conditions]
    texts = [text for condition in conditions for text in (condition.sentence, condition.remedy)]
    texts += [action.title for action in ACTIONS.values()]
    texts += [text for reason in OTHER_REASONS.values() for text in reason]
    return Table([*(Wording(text.en, text.ko) for text in dict.fromkeys(texts)), *table().entries])
