"""`principals …`: who may act in the hub, and as what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dure.base.errors import BadInput
from dure.cli import output
from dure.cli.language import current, examples, say
from dure.cli.options import Json
from dure.cli.session import Session

app = typer.Typer(no_args_is_help=True)
HELP = say("Who may act in the hub, and as what.", "허브에서 누가 무엇을 할 수 있는지.")
Person = Annotated[str, typer.Argument(metavar="ID", help=say("a person's id, person-…", "사람의 id, person-…"))]
Roles = Annotated[list[str] | None, typer.Option(metavar="ROLE", help=say("one or several", "하나 또는 여럿"))]
TokenFile = Annotated[
    Path,
    typer.Option("--token", metavar="FILE", help=say("the new file for the token", "토큰을 쓸 새 파일")),
]


@app.command(
    name="list",
    help=say("List all who may act, with their roles.", "행위할 수 있는 모두와 그 역할."),
    epilog=examples("dure principals list", "dure principals list --json"),
)
def list_principals(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.access.enrolment import everybody
    from dure.access.roles import ROLES
    from dure.base.types import Resource

    session: Session = ctx.obj
    with session.hub() as hub:
        act = hub.act()
        act.require("principal.read", Resource("principal", hub.settings.hub))
        with act.read() as reader:
            rows = everybody(reader)
        found = [
            {"id": row.id, "name": _name(hub, row), "roles": json.loads(row.roles), "you": row.id == hub.me}
            for row in rows
        ]
    if as_json:
        output.emit(found)
        return
    head = (say("id", "id"), say("name", "이름"), say("roles", "역할"))
    titles = [", ".join(getattr(ROLES[role], current()) for role in row["roles"]) or "-" for row in found]
    mine = say(" (you)", " (나)")
    cells = [(r["id"], r["name"] + mine * r["you"], t) for r, t in zip(found, titles, strict=True)]
    print(output.table(cells, head))


def _name(hub: Any, row: Any) -> str:
    from dure.access.principals import get_profile
    from dure.base.errors import NotFound

    try:
        return str(get_profile(hub.objects, hub.keyring, row.id, row.profile)["name"])
    except NotFound:
        return say("(forgotten)", "(잊힘)")


@app.command(
    help=say(
        "Add a person. Their token is written to a file for them alone; the hub keeps its digest.",
        "사람을 등록합니다. 토큰은 그 사람만 읽을 파일에 쓰고, 허브에는 해시만 남습니다.",
    ),
    epilog=examples(
        'dure principals add "Kim Yuna" --role researcher --token yuna.token',
        "DURE_TOKEN_FILE=yuna.token dure run problem.toml    # what she does is recorded as hers",
    ),
)
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=say("sealed, never in the ledger", "봉인되어 보관됨"))],
    token: TokenFile,
    role: Roles = None,
    as_json: Json = False,
) -> None:
    from dure.access.enrolment import enrol

    session: Session = ctx.obj
    _new(token)
    with session.hub() as hub:
        identifier, text = enrol(hub.act(), hub.objects, hub.keyring, hub.settings.hub, name, role or [])
    _keep(token, text)
    _tell(as_json, identifier, {"token": str(token), "roles": sorted(set(role or []))})


@app.command(
    help=say(
        "Give a person these roles and no others; none at all shuts them out.",
        "사람의 역할을 이대로 바꿉니다. 하나도 주지 않으면 아무것도 할 수 없습니다.",
    ),
    epilog=examples(
        "dure principals roles person-0123456789ABCDEF --role steward --role depositor",
        "dure principals roles person-0123456789ABCDEF    # no role: what their token was good for ends",
    ),
)
def roles(
    ctx: typer.Context,
    who: Person,
    role: Roles = None,
    as_json: Json = False,
) -> None:
    from dure.access.enrolment import set_roles

    session: Session = ctx.obj
    with session.hub() as hub:
        set_roles(hub.act(), hub.settings.hub, who, role or [])
    _tell(as_json, who, {"roles": sorted(set(role or []))})


@app.command(
    help=say("Write one more token for a person.", "사람의 토큰을 하나 더 씁니다."),
    epilog=examples("dure principals token person-0123456789ABCDEF --token new.token"),
)
def token(ctx: typer.Context, who: Person, token: TokenFile, as_json: Json = False) -> None:
    from dure.access.enrolment import issue_token

    session: Session = ctx.obj
    _new(token)
    with session.hub() as hub:
        text = issue_token(hub.act(), hub.settings.hub, who)
    _keep(token, text)
    _tell(as_json, who, {"token": str(token)})


def _new(path: Path) -> None:
    if path.exists():
        raise BadInput("the file is there already", where=str(path), remedy="name a new file")


def _keep(path: Path, text: str) -> None:
    from dure.store.keyring import write_private

    write_private(path, text.encode())


def _tell(as_json: bool, identifier: str, told: dict[str, Any]) -> None:
    if as_json:
        output.emit({"id": identifier, **told})
    else:
        print("\n".join([identifier, *(f"  {name}: {_plain(value)}" for name, value in told.items())]))


def _plain(value: object) -> str:
    return (", ".join(value) or "-") if isinstance(value, list) else str(value)
