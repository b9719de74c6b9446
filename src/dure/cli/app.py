"""The Typer application: the options before the command, and every command of the modules beside this one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dure.cli import campaigns, data, hubs, lab, ledger, models, people
from dure.cli.language import LANGUAGES, examples, say, use
from dure.cli.session import Session

app = typer.Typer(
    name="dure",
    help=say(
        "Dure: an AI-bio research hub in a box. It designs candidates, verifies them, has them tested, and learns; "
        "every number keeps its source.",
        "두레: 상자 하나에 담은 AI 바이오 연구 허브. 후보를 설계하고 검증하고 실험하고 배웁니다. "
        "모든 값에는 출처가 남습니다.",
    ),
    epilog=examples(
        "dure init my-hub && cd my-hub",
        "dure fetch moleculeace dockstring",
        "dure run drug/jak2",
        "dure new problem.toml && dure run problem.toml --dry-run",
    ),
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"dure {version('dure')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    hub: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help=say(
                "the hub's directory (else DURE_HUB, else the nearest directory upwards that is a hub)",
                "허브 디렉터리 (없으면 DURE_HUB, 그다음 현재 위치에서 위로 가장 가까운 허브)",
            ),
        ),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(metavar="ko|en", help=say("language (else that of LC_ALL or LANG)", "언어 (없으면 LC_ALL, LANG)")),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help=say("print the version", "버전을 출력"))
    ] = False,
) -> None:
    session: Session = ctx.obj
    session.given = hub
    if lang is not None and lang not in LANGUAGES:
        raise typer.BadParameter(
            say(f"{lang!r} is not ko or en", f"{lang!r} 은 ko 또는 en 이 아닙니다"), param_hint="--lang"
        )
    if lang is not None:
        use(lang)


for part in (hubs, campaigns, models, data):
    app.add_typer(part.app)
app.add_typer(lab.app, name="lab", help=lab.HELP)
app.add_typer(people.app, name="principals", help=people.HELP)
app.add_typer(ledger.app, name="ledger", help=ledger.HELP)
