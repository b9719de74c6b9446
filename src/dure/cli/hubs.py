"""`init`, `doctor`: the hub as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dure.cli import output
from dure.cli.language import examples, say
from dure.cli.options import Json
from dure.cli.session import FILE, Session

app = typer.Typer()


@app.command(
    help=say(
        "Make a hub in a new directory; you become its operator.",
        "새 디렉터리에 허브를 만듭니다. 만든 사람이 운영자가 됩니다.",
    ),
    epilog=examples(
        "dure init my-hub",
        "dure init demo-hub --if-missing",
        "dure init big-hub --database postgresql+psycopg://dure@db/dure --reader postgresql+psycopg://dure_read@db/dure",
        "dure init s3-hub --objects s3://bucket/dure --endpoint https://s3.example.org",
    ),
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=say("the new directory", "새 디렉터리"))],
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help=say("leave a hub that is there as it is", "이미 있는 허브는 그대로 둠"))
    ] = False,
    database: Annotated[
        str, typer.Option(metavar="URL", help=say("sqlite, or a PostgreSQL URL", "sqlite 또는 PostgreSQL URL"))
    ] = "sqlite",
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=say("PostgreSQL: URL of a role that may only SELECT", "PostgreSQL: SELECT만 되는 역할의 URL"),
        ),
    ] = None,
    objects: Annotated[
        str,
        typer.Option(metavar="URL", help=say("directory, or s3://BUCKET/PREFIX", "directory 또는 s3://BUCKET/PREFIX")),
    ] = "directory",
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help=say("an S3 server that is not AWS", "AWS가 아닌 S3 서버"))
    ] = None,
    zone: Annotated[
        str, typer.Option(metavar="ZONE", help=say("time zone in which days end", "하루가 끝나는 시간대"))
    ] = "Asia/Seoul",
    as_json: Json = False,
) -> None:
    from dure.hub import Hub

    there = if_missing and (folder / FILE).is_file()
    more = {"database": database, "reader": reader, "objects": objects, "endpoint": endpoint}
    with Hub.open(folder) if there else Hub.create(folder, zone=zone, **more) as hub:
        made = {
            "hub": hub.settings.hub,
            "folder": str(folder),
            "created": not there,
            "key": str(hub.verifier),
            "private": str(hub.private),
        }
    output.emit(made) if as_json else print(_made(made))


def _made(made: dict[str, object]) -> str:
    if not made["created"]:
        return say(
            f"{made['folder']} is a hub already: {made['hub']}", f"{made['folder']} 은 이미 허브입니다: {made['hub']}"
        )
    return say(
        f"made the hub {made['hub']} in {made['folder']}\n"
        f"its root key and your token lie in {made['private']}: back this folder up, apart from the hub\n"
        f"its verifier key (give it to whoever checks the ledger): {made['key']}",
        f"{made['folder']} 에 허브 {made['hub']} 를 만들었습니다\n"
        f"루트 키와 토큰은 {made['private']} 에 있습니다. 허브와 따로 백업해 두십시오\n"
        f"검증용 공개 키 (원장을 검증할 사람에게 주십시오): {made['key']}",
    )
