"""Which language a person reads: `--lang`, else that of the terminal. Both wordings stand together in the code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

LANGUAGES = ("en", "ko")
_current = "en"


def choose(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The language asked for before the command, else that of the locale.

    >>> choose(["--lang", "ko", "init"], {}), choose([], {"LANG": "ko_KR.UTF-8"}), choose(["--lang=en"], {"LANG": "ko"})
    ('ko', 'ko', 'en')
    """
    for i, word in enumerate(arguments):
        given = word.removeprefix("--lang=") if word.startswith("--lang=") else None
        if word == "--lang" and i + 1 < len(arguments):
            given = arguments[i + 1]
        if given in LANGUAGES:
            return given
    locale = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return "ko" if locale.lower().startswith("ko") else "en"


def use(language: str) -> None:
    """Everything said from now on is in this language. The help is worded when the commands are first imported."""
    global _current
    _current = language


def current() -> str:
    """The language in use."""
    return _current


def from_system() -> str:
    """The language of this process's locale."""
    return choose((), os.environ)


def say(en: str, ko: str) -> str:
    """The words in the language in use."""
    return ko if _current == "ko" else en


def examples(*commands: str) -> str:
    """The examples below a command's help, one a line and never joined."""
    return "\n".join(["\b", say("Examples:", "예:"), *(f"  {command}" for command in commands)])
