"""`new`, `run`, `resume`, `campaigns`, `show`, `report`, `trace`: the loop and what it found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.base.errors import BadInput, NotFound, Waiting
from dure.cli import output
from dure.cli.choosing import campaign_row
from dure.cli.language import LANGUAGES, current, examples, say
from dure.cli.options import Json
from dure.cli.session import Session

if TYPE_CHECKING:
    from dure.campaign.run import Run
    from dure.hub import Hub

app = typer.Typer()
Which = Annotated[
    str,
    typer.Argument(
        metavar="ID", help=say("a campaign's id, its beginning, or its problem", "캠페인 id, 그 앞부분 또는 문제 이름")
    ),
]


@app.command(
    help=say("Write a commented problem file to begin from.", "주석이 달린 문제 파일을 만듭니다."),
    epilog=examples(
        "dure new problem.toml",
        "dure new problem.toml --field device",
        "dure new table.csv --model agrifood/nir     # a table of own measurements to train on",
    ),
)
def new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("the new file", "새 파일"))],
    field: Annotated[str, typer.Option(help=say("which field's template", "어느 분야의 양식"))] = "drug",
    model: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD/NAME", help=say("a model's or an analysis's table", "문제 대신 모델이나 분석의 표 양식")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.campaign.field import load_field, table_of

    template = table_of(model) if model else load_field(field).template
    try:
        with file.open("x", encoding="utf-8") as sink:
            sink.write(template)
    except FileExistsError:
        raise BadInput(
            "the file is there already", where=str(file), remedy="name a new file, or edit this one"
        ) from None
    except FileNotFoundError:
        raise NotFound("there is no such folder", where=str(file.parent), remedy="make it first") from None
    follows = f"dure run {file} --dry-run"
    if model:
        trained = model.partition("/")[2] in load_field(model.partition("/")[0]).models
        follows = f"dure train {model} --data {file}" if trained else f"dure analyse {model} {file}"
    if as_json:
        output.emit({"file": str(file), "field": field, "model": model})
    else:
        print(say(f"wrote {file}; edit it, then: {follows}", f"{file} 을 썼습니다. 고친 다음: {follows}"))


@app.command(
    short_help=say("Run a campaign, or go on with it.", "캠페인을 실행하거나 이어서 합니다."),
    help=say(
        "Run a campaign: a new one, the unfinished one, or the report of the finished one.",
        "캠페인을 실행합니다. 새로 시작하거나, 끝나지 않은 것을 잇거나, 끝난 것의 결과를 보여 줍니다.",
    ),
    epilog=examples(
        "dure run drug/jak2",
        "dure run problem.toml --dry-run          # every step, check, cost and order; changes nothing",
        "dure run device/therapy-settings --quick # a first look with a small budget, labelled so",
        "dure run drug/jak2 --again               # the next campaign of a finished problem",
        "dure run drug/jak2 --json | jq .top1_found",
    ),
)
def run(
    ctx: typer.Context,
    problem: Annotated[
        str,
        typer.Argument(
            metavar="PROBLEM|FILE.toml", help=say("drug/jak2, or a problem file", "drug/jak2 또는 문제 파일")
        ),
    ],
    again: Annotated[
        bool, typer.Option("--again", help=say("start the next one of a finished problem", "끝난 문제를 새로 시작"))
    ] = False,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=say("a first look: the problem's small budget", "작은 예산으로 훑어봄")),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help=say("say what would follow, change nothing", "무엇을 할지만 보여 주고 아무것도 바꾸지 않음"),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    from dure.campaign.spec import read_specification

    session: Session = ctx.obj
    spec = read_specification(problem, quick=quick)
    with session.hub() as hub:
        if dry_run:
            from dure.campaign.plan import plan
            from dure.cli.plans import lines

            planned = plan(hub.parts(), spec, again=again)
            output.emit(planned.as_json()) if as_json else print("\n".join(lines(planned)))
            return
        from dure.campaign.service import start

        with _busy(say("preparing the pool", "후보 목록 준비 중")):
            identifier = start(hub.parts(), hub.me, spec, again=again)
        _carry_on(hub, session, campaign_row(hub, identifier), as_json)


@app.command(
    help=say("Go on with a campaign that was stopped or waits.", "중단되었거나 기다리는 캠페인을 이어서 합니다."),
    epilog=examples("dure resume", "dure resume 3f9a1c20", "dure resume drug/jak2 --json"),
)
def resume(
    ctx: typer.Context,
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help=say("the only unfinished one when left out", "생략하면 끝나지 않은 유일한 캠페인")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    session: Session = ctx.obj
    with session.hub() as hub:
        _carry_on(hub, session, campaign_row(hub, which), as_json)


@contextmanager
def _busy(what: str) -> Iterator[None]:
    if sys.stderr.isatty():
        output.note(f"{what} …")
    yield


def _carry_on(hub: Hub, session: Session, row: Any, as_json: bool) -> None:
    from dure.base.types import Resource
    from dure.campaign.service import go_on, open_run
    from dure.cli.progress import watching

    session.campaign = row.id[3:13]
    about = Resource("campaign", row.id, {"state": row.state, "owner": row.owner})
    # The hub's parts do the work; that this person may have it done is decided here.
    hub.act().require("campaign.step" if row.state == "running" else "campaign.read", about)
    with hub.hold(row.id):
        run_ = open_run(hub.parts(), row)
        waits: Waiting | None = None
        try:
            with watching(run_.problem, run_.state) as watcher:
                go_on(run_, watcher)
        except Waiting as waiting:
            waits = waiting
        told = _told(run_, waits)
    session.campaign = None
    if as_json:
        output.emit(told)
    else:
        for notice in told["notices"]:
            output.note(f"{say('note', '알림')}: {notice}")
        print(_in_words(told))
    if waits is not None:
        if not as_json:
            output.error(waits, as_json=False)
        raise typer.Exit(waits.exit_code)


def _told(run_: Run, waits: Waiting | None = None) -> dict[str, Any]:
    """The summary of a campaign and where its pages are written."""
    from dure.campaign.service import summarise
    from dure.cli.wording import in_json, said

    summary = asdict(summarise(run_))
    pages = _write_pages(run_)
    summary |= {
        "report": pages.get(current()),
        "reports": pages,
        "notices": [said(notice) for notice in run_.setup.notices],
    }
    if waits is not None:
        summary |= {"status": "waiting", "waiting": in_json(waits)}
    return summary


def _write_pages(run_: Run) -> dict[str, str]:
    """Writes the pages of a finished campaign beside the hub; where each lies."""
    outcome = run_.state.closed.get("report")
    if outcome is None:
        return {}
    objects = run_.parts.objects
    return _save(run_, {language: objects.get(outcome["pages"][language]).decode() for language in LANGUAGES}, None)


def _save(run_: Run, pages: dict[str, str], file: Path | None) -> dict[str, str]:
    """Writes pages into a file of the user's or below `reports/`; a page that is there already is left as it is."""
    name = (run_.problem.name or run_.identifier[3:13]).replace("/", "-")
    written = {}
    for language, text in pages.items():
        path = file or run_.parts.folder / "reports" / f"{name}.{language}.html"
        if not (path.is_file() and path.read_bytes() == text.encode()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        written[language] = str(path)
    return written


def _in_words(told: dict[str, Any]) -> str:
    best = told["best"]
    known = None if best is None else output.signed(told["best_qualifier"], f"{best:.4g}")
    facts = [
        (say("campaign", "캠페인"), told["campaign"][3:13] + (f" ({told['name']})" if told["name"] else "")),
        (say("status", "상태"), status_title(told["status"])),
        (say("assays", "실험"), f"{told['assays']} / {told['budget']}"),
        (
            say("best", "최고"),
            known and f"{told['property']} {known}  {told['best_candidate'][3:13]}",
        ),
        (say("model", "모델"), told["model"] and told["model"][3:13]),
        (say("results", "결과"), told["results"]),
        (say("report", "보고서"), told["report"]),
        ("top 10", None if told["top10_found"] is None else f"{told['top10_found']} / {told['top10_total']}"),
    ]
    text = output.pairs(facts)
    if told["top1_found"] is None:
        return text
    found, total = told["top1_found"], told["top1_total"]
    return f"{text}\n{say(f'top 1 %: {found} of {total} found', f'상위 1 %: {total}개 중 {found}개 찾음')}"


def status_title(status: str) -> str:
    """A campaign's status for people."""
    titles = {
        "running": ("unfinished", "진행 중"),
        "finished": ("finished", "완료"),
        "stopped": ("stopped", "중지됨"),
        "waiting": ("waiting", "대기 중"),
    }
    return say(*titles[status])


@app.command(
    help=say(
        "End a campaign before its budget is spent. What was measured stays; its sealed plate is opened.",
        "예산을 다 쓰기 전에 캠페인을 끝냅니다. 측정한 것은 남고 봉인된 플레이트는 열립니다.",
    ),
    epilog=examples("dure stop 3f9a1c20", "dure stop drug/jak2 --json"),
)
def stop(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(metavar="CAMPAIGN", help=say("its id or name", "번호나 이름"))],
    as_json: Json = False,
) -> None:
    from dure.campaign import service

    session: Session = ctx.obj
    with session.hub() as hub:
        row = campaign_row(hub, which)
        with hub.hold(row.id):
            run_ = service.open_run(hub.parts(), row)
            service.stop(hub.parts(), run_, hub.me)
            told = _told(run_, None)
    output.emit(told) if as_json else print(_in_words(told))


@app.command(
    help=say("List the campaigns of the hub.", "허브의 캠페인 목록."),
    epilog=examples("dure campaigns", "dure campaigns --json"),
)
def campaigns(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.campaign import journal

    session: Session = ctx.obj
    with session.hub() as hub:
        with hub.database.read() as reader:
            found = journal.everything(reader)
        rows = [
            {"campaign": row.id, "name": row.name, "field": row.field, "ordinal": row.ordinal, "status": row.state}
            for row in _seen(hub, found)
        ]
    if as_json:
        output.emit(rows)
        return
    head = (say("campaign", "캠페인"), say("problem", "문제"), say("turn", "회차"), say("status", "상태"))
    cells = [(r["campaign"][3:13], r["name"] or r["field"], r["ordinal"], status_title(r["status"])) for r in rows]
    print(output.table(cells, head))


def _seen(hub: Hub, rows: Sequence[Any]) -> list[Any]:
    """The campaigns this person may see: one decision for each state and owner."""
    from dure.base.types import Resource

    act, classes = hub.act(), {}
    for row in rows:
        if (row.state, row.owner) not in classes:
            about = Resource("campaign", row.id, {"state": row.state, "owner": row.owner})
            classes[row.state, row.owner] = act.allows("campaign.read", about)
    return [row for row in rows if classes[row.state, row.owner]]


@app.command(
    short_help=say("Trace any value down to its source.", "어떤 값이든 출처까지 추적합니다."),
    help=say(
        "Trace any candidate, value, order, model or dataset down to its source row, licence and proof.",
        "후보, 값, 주문, 모델, 데이터세트를 원자료의 행과 라이선스, 원장 증명까지 추적합니다.",
    ),
    epilog=examples(
        "dure trace 271a5bf8a6                  # a candidate, by the beginning of its id",
        "dure trace b3:f9b4…0704/3              # a value, as reports and exports print it",
        "dure trace DS-RJ1JJRQBKM1K --json",
    ),
)
def trace(
    ctx: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="ID", help=say("id, its beginning, or FRAME/ROW", "id, 그 앞부분 또는 FRAME/ROW"))
    ],
    as_json: Json = False,
) -> None:
    from dure.campaign.trace import trace as chain_of
    from dure.cli.chains import lines

    session: Session = ctx.obj
    with session.hub() as hub:
        chain = chain_of(hub.parts(), hub.ledger, hub.me, what)
    output.emit(chain.as_json()) if as_json else print("\n".join(lines(chain)))


@app.command(
    help=say(
        "Say what an id is: campaign, dataset, model, order or candidate.",
        "id가 무엇인지 보여 줍니다. 캠페인, 데이터세트, 모델, 주문, 후보.",
    ),
    epilog=examples("dure show drug/jak2", "dure show DS-RJ1JJRQBKM1K", "dure show 271a5bf8a6 --json"),
)
def show(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID", help=say("id or its beginning", "id 또는 그 앞부분"))],
    as_json: Json = False,
) -> None:
    from dure.base.types import Resource
    from dure.campaign.plan import look
    from dure.campaign.trace import trace as chain_of
    from dure.cli.chains import lines

    session: Session = ctx.obj
    with session.hub() as hub:
        link = chain_of(hub.parts(), hub.ledger, hub.me, what)
        if link.what == "campaign":
            hub.act().require("campaign.read", Resource("campaign", link.id))
            told = _told(look(hub.parts(), campaign_row(hub, link.id)))
            output.emit({"what": "campaign", **told}) if as_json else print(_in_words(told))
            return
    flat = type(link)(link.what, link.id, link.facts)
    if as_json:
        output.emit({"what": link.what, "id": link.id, **link.facts})
        return
    print("\n".join(lines(flat)))
    for below in link.below:
        if below.what in ("value", "order", "campaign"):
            print("  " + next(lines(type(below)(below.what, below.id, below.facts))))
    print(say(f"its whole chain: dure trace {what}", f"전체 출처: dure trace {what}"))


@app.command(
    help=say("Write a campaign's report again from the journal.", "기록에서 캠페인 보고서를 다시 씁니다."),
    epilog=examples(
        "dure report drug/jak2",
        "dure report 3f9a1c20 --lang ko --output report.html",
        "dure report 3f9a1c20 --table readings.csv      # every reading, for a spreadsheet",
    ),
)
def report(
    ctx: typer.Context,
    which: Which,
    lang: Annotated[str | None, typer.Option(metavar="ko|en", help=say("one language only", "한 언어만"))] = None,
    file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help=say("where to write it", "쓸 파일"))
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help=say("write every reading as a table too", "모든 측정값을 표로도 씀")),
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.base.types import Resource
    from dure.campaign.plan import look
    from dure.campaign.report.build import build
    from dure.campaign.report.page import render
    from dure.campaign.report.readings import write_readings

    session: Session = ctx.obj
    if lang is not None and lang not in LANGUAGES:
        raise BadInput(f"{lang!r} is not ko or en", where="--lang", remedy="write ko or en")
    with session.hub() as hub:
        row = campaign_row(hub, which)
        hub.act().require("report.read", Resource("report", row.id))
        run_ = look(hub.parts(), row)
        if not any(turn.results for turn in run_.state.rounds):
            raise NotFound("nothing has been read yet", where=row.id, remedy=f"go on with: dure resume {row.id[3:13]}")
        data = build(run_)
        wanted = [lang] if lang else [current()] if file else list(LANGUAGES)
        pages = {language: render(data, language) for language in wanted}  # type: ignore[arg-type]
        written = _save(run_, pages, file)
        if table is not None:
            write_readings(run_, table)
    if as_json:
        output.emit({"campaign": row.id, "reports": written, "table": table and str(table)})
    else:
        print("\n".join([*written.values(), *([str(table)] if table else [])]))
