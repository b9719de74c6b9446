"""`ledger …`: the record of everything, for those who check it. `verify` needs no hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.base.errors import BadInput, NotFound, SignerUnknown
from dure.cli import output
from dure.cli.language import examples, say
from dure.cli.options import Json
from dure.cli.session import Session

if TYPE_CHECKING:
    from dure.hub import Hub
    from dure.store.bundle import Verdict
    from dure.store.notes import Verifier

app = typer.Typer(no_args_is_help=True)
HELP = say("The ledger: export it, verify it, show it.", "원장: 내보내기, 검증, 열람.")
SHOWN = 20


@app.command(
    help=say(
        "Write the ledger as a bundle that anyone can check.", "누구나 검증할 수 있는 묶음으로 원장을 내보냅니다."
    ),
    epilog=examples("dure ledger export bundle/", "dure ledger export bundle/ --json"),
)
def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=say("a new folder", "새 폴더"))],
    as_json: Json = False,
) -> None:
    from dure.base.types import Resource
    from dure.store.bundle import export_bundle

    session: Session = ctx.obj
    with session.hub() as hub:
        hub.act().require("ledger.export", Resource("ledger", hub.settings.hub))
        hub.store.sign()
        key, _ = _keys(hub)
        events = export_bundle(hub.ledger, key, folder)
    if as_json:
        output.emit({"folder": str(folder), "events": events, "key": str(key)})
        return
    print(
        say(
            f"wrote {events} events to {folder}\ncheck it with: dure ledger verify {folder} --key '{key}'",
            f"기록 {events}건을 {folder} 에 썼습니다\n검증: dure ledger verify {folder} --key '{key}'",
        )
    )


@app.command(
    help=say("Check a bundle alone: no hub, no database.", "허브나 데이터베이스 없이 묶음만으로 검증합니다."),
    epilog=examples(
        "dure ledger verify bundle/ --key key.pub                    # the key you were given from outside",
        "dure ledger verify bundle/ --key key.pub --since kept.note  # and it must continue what you kept",
        "dure ledger verify bundle/                                  # consistent or not; exit code 9",
    ),
)
def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help=say("the folder", "폴더"))],
    key: Annotated[
        str | None, typer.Option(metavar="KEY|FILE", help=say("the verifier key you trust", "신뢰하는 검증 키"))
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=say("a checkpoint you kept from earlier", "예전에 보관한 체크포인트")),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help=say("check the form of every event too", "모든 기록의 형식까지 확인"))
    ] = False,
    as_json: Json = False,
) -> None:
    from dure.store.bundle import verify_bundle

    trusted = None if key is None else read_key(key)
    kept = None if since is None else _read(since)
    verdict = verify_bundle(bundle, trusted, kept, strict=strict)
    output.emit(_judged(verdict)) if as_json else print(_verdict(verdict))
    if not verdict.trusted:
        raise typer.Exit(SignerUnknown.exit_code)


def _judged(verdict: Verdict) -> dict[str, Any]:
    return {
        "consistent": True,
        "signer_verified": verdict.trusted,
        "events": verdict.events,
        "checkpoints": verdict.checkpoints,
        "root": verdict.root,
        "signer": verdict.signer,
    }


def _verdict(verdict: Verdict) -> str:
    count = say(
        f"{verdict.events} events, {verdict.checkpoints} signed checkpoints, root {verdict.root}",
        f"기록 {verdict.events}건, 서명된 체크포인트 {verdict.checkpoints}개, 루트 {verdict.root}",
    )
    if verdict.trusted:
        return count + "\n" + say(f"verified: signed by {verdict.signer}", f"검증됨: 서명 키 {verdict.signer}")
    return (
        count
        + "\n"
        + say(
            f"consistent, signer not verified\n  → it says it is signed by {verdict.signer}; ask its owner for the key "
            "on another way, then give it with --key",
            f"앞뒤가 맞지만 서명자는 확인되지 않았습니다 (consistent, signer not verified)\n  → 묶음이 밝힌 서명 키는 "
            f"{verdict.signer} 입니다. 다른 경로로 키를 받아 --key 로 주십시오",
        )
    )


def read_key(text: str) -> Verifier:
    """A verifier key given as such, or as the name of a file that holds it."""
    from dure.store.notes import Verifier

    path = Path(text)
    return Verifier.parse(_read(path) if path.is_file() else text)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NotFound("there is no such file", where=str(path)) from None
    except UnicodeDecodeError:
        raise BadInput("this is not text", where=str(path), remedy="name the signed checkpoint or key file") from None


@app.command(
    help=say(
        "Sign a checkpoint now and print it: keep it, or give it to a witness.",
        "지금 체크포인트에 서명해 출력합니다. 보관하거나 증인에게 맡기십시오.",
    ),
    epilog=examples("dure ledger checkpoint > kept.note", "dure ledger checkpoint --json"),
)
def checkpoint(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.base.types import Resource

    session: Session = ctx.obj
    with session.hub() as hub:
        hub.act().require("ledger.checkpoint", Resource("ledger", hub.settings.hub))
        hub.store.sign()
        size, signed = hub.ledger.checkpoints()[-1]
    output.emit({"size": size, "note": signed}) if as_json else print(signed, end="")


@app.command(
    help=say(
        "Print the verifier keys: the first, and the one in force.",
        "검증용 공개 키를 출력합니다. 첫 키와 지금 쓰는 키.",
    ),
    epilog=examples("dure ledger key", "dure ledger key --json | jq -r .first > key.pub"),
)
def key(ctx: typer.Context, as_json: Json = False) -> None:
    session: Session = ctx.obj
    with session.hub() as hub:
        first, now = map(str, _keys(hub))
    if as_json:
        output.emit({"first": first, "in_force": now})
    else:
        print(
            first if first == now else output.pairs([(say("first", "첫 키"), first), (say("in force", "현재 키"), now)])
        )


def _keys(hub: Hub) -> tuple[Verifier, Verifier]:
    """The key that the hub began with, from which every rotation can be followed, and the one in force."""
    from dure.store.ledger import first_key

    with hub.database.read() as reader:
        first = first_key(reader)
    return first or hub.verifier, hub.verifier


@app.command(
    help=say(
        "Replace the signing key; the old key signs for the new one.",
        "서명 키를 교체합니다. 옛 키가 새 키를 보증합니다.",
    ),
    epilog=examples("dure ledger rotate"),
)
def rotate(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.store.rotation import rotate as hand_over

    session: Session = ctx.obj
    with session.hub() as hub:
        new = str(hand_over(hub.act(), hub.keyring, hub.ledger))
    output.emit({"in_force": new}) if as_json else print(
        say(f"from now on signs: {new}", f"이제부터 서명하는 키: {new}")
    )


@app.command(
    help=say("Show events of the ledger, the newest last.", "원장의 기록을 봅니다. 최근 것이 마지막입니다."),
    epilog=examples(
        "dure ledger show", "dure ledger show --from 0 --count 5 --json", "dure ledger show --subject b3:…"
    ),
)
def show(
    ctx: typer.Context,
    start: Annotated[int | None, typer.Option("--from", help=say("sequence of the first", "첫 기록의 순번"))] = None,
    count: Annotated[int, typer.Option(min=1, help=say("how many", "몇 건"))] = SHOWN,
    subject: Annotated[str | None, typer.Option(help=say("only what happened to this", "이 대상의 기록만"))] = None,
    as_json: Json = False,
) -> None:
    from dure.base.types import Resource

    session: Session = ctx.obj
    with session.hub() as hub:
        hub.act().require("ledger.read", Resource("ledger", hub.settings.hub))
        events = _events(hub, start, count, subject)
    if as_json:
        output.emit(events)
        return
    head = (
        say("event", "순번"),
        say("time", "시각"),
        say("kind", "종류"),
        say("subject", "대상"),
        say("actor", "행위자"),
    )
    print(
        output.table([(e["sequence"], e["time"][:19], e["kind"], e["subject"][:13], e["actor"]) for e in events], head)
    )


def _events(hub: Hub, start: int | None, count: int, subject: str | None) -> list[dict[str, Any]]:
    import json

    from sqlalchemy import select

    from dure.store.ledger import ledger_event

    query = select(ledger_event.c.leaf)
    if subject is not None:
        query = query.where(ledger_event.c.subject == subject)
    if start is not None:
        query = query.where(ledger_event.c.sequence >= start).order_by(ledger_event.c.sequence)
    else:
        query = query.order_by(ledger_event.c.sequence.desc())
    with hub.database.read() as reader:
        rows = [json.loads(bytes(row.leaf)) for row in reader.all(query.limit(count))]
    return rows if start is not None else rows[::-1]
