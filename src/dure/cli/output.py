"""What reaches the terminal: one JSON value, or lines for people, on standard output; errors in their one shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from dure.base.errors import DureError
from dure.cli.language import say


def printable(text: str) -> str:
    """A line without what would command the terminal: names and cells come from anybody's file."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


def signed(qualifier: str, value: str) -> str:
    """A value with its sign where it is a bound.

    >>> signed("=", "7.5"), signed("<", "5")
    ('7.5', '< 5')
    """
    return value if qualifier == "=" else f"{qualifier} {value}"


def emit(value: Any) -> None:
    """One object or array on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def note(text: str) -> None:
    """A line about what is going on: standard error, so that it never mixes with a result."""
    print(text, file=sys.stderr, flush=True)


def error(problem: DureError, *, as_json: bool) -> None:
    """An error in the language in use: one JSON object on standard output, or its sentences on standard error."""
    from dure.cli import wording  # nothing has gone wrong for most

    if as_json:
        emit(wording.in_json(problem))
    else:
        told = wording.in_words(problem)
        note(told if problem.exit_code == 8 else f"{say('error', '오류')}: {told}")


def table(rows: Sequence[Sequence[object]], head: Sequence[str]) -> str:
    """Rows in columns as wide as their widest cell; wide (Korean) characters count two.

    >>> print(table([["a", 10], ["bcd", None]], ["name", "n"]))
    name  n
    a     10
    bcd   -
    """
    cells = [[*head], *(["-" if cell is None else printable(str(cell)) for cell in row] for row in rows)]
    widths = [max(_width(row[i]) for row in cells) for i in range(len(head))]
    lines = ("  ".join(cell + " " * (w - _width(cell)) for cell, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def pairs(facts: Sequence[tuple[str, object]]) -> str:
    """`name  value` lines; what is not known is left out."""
    known = [(name, value) for name, value in facts if value not in (None, "", [], {})]
    width = max((_width(name) for name, _ in known), default=0)
    return "\n".join(f"{name}{' ' * (width - _width(name))}  {printable(str(value))}" for name, value in known)


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)
