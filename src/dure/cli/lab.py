"""`lab …`: orders, worklists and results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.base.errors import BadInput
from dure.cli import output
from dure.cli.choosing import campaign_row
from dure.cli.language import current, examples, say
from dure.cli.options import Json
from dure.cli.session import Session

if TYPE_CHECKING:
    from dure.hub import Hub

app = typer.Typer(no_args_is_help=True)
HELP = say("The laboratory: orders, worklists, results.", "실험실: 주문, 작업 목록, 결과.")
LOST = ("never-arrived", "sample-lost", "cancelled")
Which = Annotated[
    str | None,
    typer.Argument(
        metavar="[CAMPAIGN]", help=say("the only unfinished one when left out", "생략하면 끝나지 않은 유일한 캠페인")
    ),
]


@app.command(
    name="list",
    help=say("List the orders of a campaign and how far they are.", "캠페인의 주문과 진행 상태."),
    epilog=examples("dure lab list", "dure lab list drug/jak2 --json"),
)
def list_orders(ctx: typer.Context, which: Which = None, as_json: Json = False) -> None:
    from dure.base.types import Resource
    from dure.lab import orders

    session: Session = ctx.obj
    with session.hub() as hub:
        row = campaign_row(hub, which)
        hub.act().require("order.read", Resource("order", row.id, {"state": "placed", "owner": row.owner}))
        with hub.database.read() as reader:
            found = orders.orders_of(reader, row.id)
    columns = ("key", "candidate", "round", "replicate", "state", "reason")
    listed = [{name: getattr(order, name) for name in columns} for order in found]
    if as_json:
        output.emit(listed)
        return
    head = (
        say("order", "주문"),
        say("candidate", "후보"),
        say("round", "라운드"),
        say("replicate", "반복"),
        say("state", "상태"),
        say("reason", "사유"),
    )
    print(output.table([(o["key"][3:13], o["candidate"][3:13], *list(o.values())[2:]) for o in listed], head))


@app.command(
    help=say(
        "Say where the worklists and plate maps of open orders lie.", "열린 주문의 작업 목록과 플레이트 지도가 있는 곳."
    ),
    epilog=examples("dure lab worklist", "dure lab worklist 3f9a1c20 --json"),
)
def worklist(ctx: typer.Context, which: Which = None, as_json: Json = False) -> None:
    session: Session = ctx.obj
    with session.hub() as hub:
        row = campaign_row(hub, which)
        from dure.base.types import Resource

        about = Resource("order", row.id, {"state": "placed", "owner": row.owner})
        hub.act().require("order.read", about)
        with _driven(hub, row) as run:
            folder = getattr(run.driver, "folder", None)
            if folder is None:
                raise BadInput(
                    f"its laboratory is {run.driver.name}: nobody needs a worklist",
                    where=row.id,
                    remedy="nothing to do",
                )
            batches = sorted(path for path in Path(folder).glob("round-*") if path.is_dir())
    files = [
        str(file) for batch in batches for file in sorted(batch.iterdir()) if current() in file.name or _common(file)
    ]
    output.emit(files) if as_json else print("\n".join(files))


def _common(file: Path) -> bool:
    """Whether the file is the same in every language."""
    return file.suffix != ".html"


@app.command(
    name="import",
    help=say(
        "Read a result file of the laboratory in, whole or not at all.",
        "실험실의 결과 파일을 들여옵니다. 전부 받거나 전부 거절합니다.",
    ),
    epilog=examples(
        "dure lab import results.csv", "dure lab import results.csv --campaign 3f9a1c20 && dure resume 3f9a1c20"
    ),
)
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="RESULTS.csv", help=say("raw or fitted values", "원시 값 또는 적합 값"))
    ],
    campaign: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help=say("the only unfinished one when left out", "생략하면 끝나지 않은 유일한 캠페인")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from dataclasses import asdict

    from dure.campaign.imports import import_results
    from dure.cli.chains import plate_line
    from dure.cli.wording import said

    session: Session = ctx.obj
    with session.hub() as hub:
        row = campaign_row(hub, campaign)
        with hub.hold(row.id), _driven(hub, row) as run:
            taken = import_results(run, file, hub.me)
    if as_json:
        output.emit(asdict(taken))
        return
    for text in taken.warnings:
        output.note(f"{say('note', '알림')}: {said(text)}")
    for key, _, reason in taken.failures:
        output.note(f"{key[3:13]}: {said(reason)}")
    for plate in taken.plates:
        print(plate_line(plate))
    if taken.msr is not None:
        print(f"{say('minimum significant ratio', '최소 유의비')}: {taken.msr:.3g}")
    print(
        say(
            f"{taken.measured} orders measured, {taken.failed} failed, {taken.waiting} still open",
            f"주문 {taken.measured}건 측정, {taken.failed}건 실패, {taken.waiting}건 남음",
        )
    )
    print(say(f"go on with: dure resume {row.id[3:13]}", f"이어서 하려면: dure resume {row.id[3:13]}"))


@app.command(
    help=say(
        "Decide what became of an order that nobody can look up.", "확인할 수 없는 주문이 어떻게 되었는지 정합니다."
    ),
    epilog=examples("dure lab decide 897ad1958a --found", "dure lab decide 897ad1958a --lost never-arrived"),
)
def decide(
    ctx: typer.Context,
    key: Annotated[
        str, typer.Argument(metavar="ORDER", help=say("its key or the beginning of it", "주문 키 또는 그 앞부분"))
    ],
    found: Annotated[bool, typer.Option("--found", help=say("the laboratory has it", "실험실이 받았음"))] = False,
    lost: Annotated[
        str | None,
        typer.Option(metavar="REASON", help=say("it will give no result: ", "결과가 나오지 않음: ") + ", ".join(LOST)),
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.campaign.deciding import decide as decided

    if found == (lost is not None):
        raise BadInput("say one of --found and --lost REASON", where="dure lab decide")
    if lost is not None and lost not in LOST:
        raise BadInput(f"{lost!r} is no reason", where="--lost", remedy=f"write one of {', '.join(LOST)}")
    session: Session = ctx.obj
    with session.hub() as hub:
        row = decided(hub.act(), key, lost)
    output.emit({"order": row.key, "state": row.state}) if as_json else print(f"{row.key[3:13]}: {row.state}")


@contextmanager
def _driven(hub: Hub, row: Any) -> Iterator[Any]:
    """A campaign with the way to its laboratory."""
    from dure.campaign.laboratories import open_driver
    from dure.campaign.plan import look

    run = look(hub.parts(), row)
    run.driver = open_driver(run)
    yield run
