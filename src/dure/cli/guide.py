"""The pages `docs/guide/commands.*.md` and `docs/guide/errors.md`, made from the code; a test holds them equal.

Write them anew with `python -m dure.cli.guide docs/guide`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dure.base import errors
from dure.cli import language
from dure.cli.door import INTERRUPTED, UNEXPECTED
from dure.cli.language import say

WIDTH = 96


def commands_page(lang: str) -> str:
    """The page of all commands. Help is worded when the commands are first imported: one language a process."""
    language.use(lang)
    from typer.main import get_command

    from dure.cli.app import app

    root: Any = get_command(app)
    intro = say(
        "# Commands\n\nEvery command takes `--json` (one JSON value on standard output, nothing else) and `--help` "
        "(with examples).\nExit codes stand in [Errors](errors.md).",
        "# 명령\n\n모든 명령에 `--json`(표준 출력에 JSON 값 하나만)과 `--help`(예 포함)가 있습니다.\n"
        "종료 코드는 [오류](errors.md)에 있습니다.",
    )
    return "\n\n".join([intro, _block(root, "dure"), *_sections(root, "dure")]) + "\n"


def _sections(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        full = f"{path} {name}"
        yield f"## `{full}`\n\n{_block(command, full)}"
        if hasattr(command, "commands"):
            yield from _sections(command, full)


def _block(command: Any, path: str) -> str:
    context = command.context_class(
        command,
        info_name=path,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )
    return f"```text\n{command.get_help(context).rstrip()}\n```"


def errors_page() -> str:
    """The page of all errors: code and exit code of each class, in both languages."""
    kinds = sorted(_kinds(errors.DureError), key=lambda kind: (kind.exit_code, kind.code))
    rows = [f"| {kind.exit_code} | `{kind.code}` | {_meaning(kind)} | {_MEANT[kind.code]} |" for kind in kinds]
    rows += [
        f"| {UNEXPECTED} | `error` | a fault in Dure itself; the full trace is in the log that is named "
        "| 두레 자체의 오류. 자세한 기록은 함께 표시되는 로그에 있음 |",
        f"| {INTERRUPTED} | | stopped by Ctrl-C; `dure resume` goes on | Ctrl-C로 중단. `dure resume` 으로 이어서 함 |",
    ]
    return _ERRORS.format(rows="\n".join(rows))


def _kinds(kind: type[errors.DureError]) -> Iterator[type[errors.DureError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _kinds(below)


def _meaning(kind: type[errors.DureError]) -> str:
    """The first sentence of the class's docstring."""
    if kind is errors.DureError:
        return "any other error"
    text = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
    return text[0].lower() + text[1:].rstrip(".")


_MEANT = {
    "error": "그 밖의 오류",
    "bad-input": "받을 수 없는 입력. 아무것도 받지 않음",
    "bad-rows": "받을 수 없는 행. 행 번호와 이유를 함께 알림",
    "refused": "정책이 허용하지 않음. 이유의 코드를 함께 알림",
    "conflict": "다른 프로세스나 사람이 먼저 바꾸었거나 잡고 있음",
    "not-found": "없거나 아직 가져오지 않음",
    "corrupt": "저장된 바이트, 원장, 데이터베이스가 서로 맞지 않음",
    "unavailable": "기계가 필요한 것을 주지 못함: 디스크 부족, 쓰기 금지, 서버 중단, 미설치 패키지",
    "waiting": "오류가 아님: 실험실이나 사람을 기다림. 같은 명령으로 이어서 함",
    "signer-not-verified": "묶음은 앞뒤가 맞으나, 서명자를 확인할 키를 밖에서 받지 않음",
}

_ERRORS = """# Errors and exit codes · 오류와 종료 코드

An error says what is wrong, where, and what to do. With `--json` it is one object on standard output:
`{{"error": code, "what": …, "where": …, "remedy": …}}`; `bad-rows` adds `rows` (row numbers as a spreadsheet shows
them, with reasons) and `refused` adds `codes`. Bad input is refused whole: nothing of it was taken.

오류는 무엇이, 어디서 잘못되었고 어떻게 해야 하는지를 말합니다. `--json` 이면 표준 출력에 객체 하나로 나옵니다.
`bad-rows` 에는 `rows`(스프레드시트에 보이는 행 번호와 이유), `refused` 에는 `codes` 가 더 있습니다.
잘못된 입력은 통째로 거절하며 일부만 받지 않습니다.

| exit code · 종료 코드 | `error` | meaning | 뜻 |
|---|---|---|---|
| 0 | | done | 완료 |
{rows}

## Structures that are not taken · 받지 않는 구조

A row of your own file is refused with one of these codes; of a published data set such rows are left out and counted.
내 파일의 행은 아래 코드로 거절됩니다. 공개 데이터에서는 그런 행을 빼고 수를 셉니다.

`empty`, `too-long`, `too-large`, `reaction`, `polymer`, `extended`, `malformed`, `dummy-atom`, `odd-bond`, `element`,
`boron-cluster`, `radical`, `inorganic`, `mixture`, `no-standard-form`. Salts and solvents are stripped; both forms are
kept. 염과 용매는 떼어 내고 두 형태를 모두 보관합니다.
"""


def pages() -> dict[str, str]:
    """File name -> text of every page; each language of the commands in a process of its own."""
    made = {"errors.md": errors_page()}
    for lang, name in (("en", "commands.md"), ("ko", "commands.ko.md")):
        command = [sys.executable, "-m", "dure.cli.guide", "--print", lang]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(command, capture_output=True, check=True, env=environment)  # noqa: S603
        made[name] = done.stdout.decode()
    return made


if __name__ == "__main__":
    if sys.argv[1] == "--print":
        print(commands_page(sys.argv[2]), end="")
    else:
        for name, text in pages().items():
            (Path(sys.argv[1]) / name).write_text(text, "utf-8")
