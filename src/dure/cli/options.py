"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from dure.cli.language import say

Json = Annotated[
    bool,
    typer.Option("--json", help=say("one JSON value on standard output, nothing else", "표준 출력에 JSON 값 하나만")),
]
