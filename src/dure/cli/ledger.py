"""`ledger …`: the record of everything, for those who check it."""

from __future__ import annotations

import typer

from dure.cli.language import say

app = typer.Typer(no_args_is_help=True)
HELP = say("The ledger: export it, verify it, show it.", "원장: 내보내기, 검증, 열람.")
