"""`lab …`: orders, worklists and results."""

from __future__ import annotations

import typer

from dure.cli.language import say

app = typer.Typer(no_args_is_help=True)
HELP = say("The laboratory: orders, worklists, results.", "실험실: 주문, 작업 목록, 결과.")
