"""`init`, `doctor`: the hub as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.cli import output
from dure.cli.language import examples, say
from dure.cli.options import Json
from dure.cli.session import FILE, Session

if TYPE_CHECKING:
    from dure.hub import Hub
    from dure.store.doctor import Finding

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
    more: dict[str, Any] = {"database": database, "reader": reader, "objects": objects, "endpoint": endpoint}
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


@app.command(
    short_help=say("Check the hub, and say how to mend it.", "허브를 점검하고 고치는 방법을 알려 줍니다."),
    help=say(
        "Check objects, ledger and database against each other, and say how to mend what is wrong.",
        "객체, 원장, 데이터베이스를 서로 대조하고 고치는 방법을 알려 줍니다.",
    ),
    epilog=examples(
        "dure doctor",
        "dure doctor --rebuild      # replay the ledger into an empty database, compare every row",
        "dure doctor --mend         # write all tables anew from the ledger",
        "dure doctor --collect      # delete objects that no event names, older than 24 h",
    ),
)
def doctor(
    ctx: typer.Context,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help=say("only replay and compare", "원장을 다시 적용해 비교만"))
    ] = False,
    mend: Annotated[
        bool, typer.Option("--mend", help=say("write all tables anew", "모든 표를 원장에서 다시 씀"))
    ] = False,
    collect: Annotated[
        bool, typer.Option("--collect", help=say("delete unnamed old objects", "쓰이지 않는 오래된 객체를 삭제"))
    ] = False,
    as_json: Json = False,
) -> None:
    from dure.base.errors import Corrupt

    session: Session = ctx.obj
    with session.hub() as hub:
        done: dict[str, Any] = {}
        if mend:
            done["replayed"] = hub.mend()
        if collect:
            done["collected"] = _collect(hub)
        found = _examine(hub, rebuild)
    serious = [finding for finding in found if finding.serious]
    if as_json:
        output.emit({**done, "healthy": not serious, "findings": [_worded(finding) for finding in found]})
    else:
        print("\n".join(_diagnosis(done, found)))
    if serious:
        raise typer.Exit(Corrupt.exit_code)


def _examine(hub: Hub, rebuild: bool) -> list[Finding]:
    from dure.base.types import Resource
    from dure.store import doctor as examination
    from dure.store.ledger import first_key

    if rebuild:
        hub.act().require("doctor.rebuild", Resource("doctor", hub.settings.hub))
        return examination.check_projections(hub.store)
    hub.act().require("doctor.check", Resource("doctor", hub.settings.hub))
    with hub.database.read() as reader:
        first = first_key(reader)
    return examination.check(hub.store, hub.objects, first or hub.verifier)


def _collect(hub: Hub) -> int:
    from dure.base.types import Resource
    from dure.store.doctor import collect

    hub.act().require("doctor.collect", Resource("doctor", hub.settings.hub))
    return len(collect(hub.store, hub.objects))


def _worded(finding: Finding) -> dict[str, object]:
    """A finding in the language in use."""
    from dure.cli.wording import placed, said

    told = {"where": placed(finding.where), "what": said(finding.what), "remedy": said(finding.remedy)}
    return {**finding.as_json(), **told}


def _diagnosis(done: dict[str, Any], found: list[Finding]) -> list[str]:
    told = []
    if "replayed" in done:
        told.append(
            say(
                f"wrote all tables anew from {done['replayed']} events",
                f"기록 {done['replayed']}건에서 모든 표를 다시 썼습니다",
            )
        )
    if "collected" in done:
        told.append(say(f"deleted {done['collected']} objects", f"객체 {done['collected']}개를 지웠습니다"))
    for finding in map(_worded, found):
        told.append(f"{finding['code']}: {finding['where']}: {finding['what']}\n  → {finding['remedy']}")
    if not any(finding.serious for finding in found):
        told.append(
            say("healthy: objects, ledger and database agree", "이상 없음: 객체, 원장, 데이터베이스가 서로 맞습니다")
        )
    return told
