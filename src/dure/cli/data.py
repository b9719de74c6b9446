"""`fetch`, `sources`, `deposit`, `datasets`: data and its terms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.base.errors import BadInput
from dure.cli import output
from dure.cli.language import current, examples, say
from dure.cli.options import Json
from dure.cli.session import Session

if TYPE_CHECKING:
    from dure.data.catalogue import Source
    from dure.hub import Hub

app = typer.Typer()


@app.command(
    short_help=say("Bring public data sets into the hub.", "공개 데이터를 허브로 가져옵니다."),
    help=say(
        "Bring public data sets into the hub: downloaded as a package archive, checked by digest, never installed.",
        "공개 데이터를 허브로 가져옵니다. 패키지 파일을 내려받아 해시를 확인하며 설치하지 않습니다.",
    ),
    epilog=examples(
        "dure fetch moleculeace dockstring",
        "dure fetch moleculeace --from MoleculeACE-3.0.0-py3-none-any.whl    # brought by hand, without a network",
    ),
)
def fetch(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=say("see: dure sources", "목록: dure sources"))],
    archive: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="FILE", help=say("an archive that was brought by hand", "직접 가져온 패키지 파일")
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.data import sources

    session: Session = ctx.obj
    if archive is not None and len(names) != 1:
        raise BadInput("one archive belongs to one source", where="--from", remedy="name one source")
    found = [sources.find_source(name) for name in names]
    brought = sources.read_archive_path(archive) if archive is not None else None
    rows = []
    with session.hub() as hub:
        for source in found:
            if not as_json:
                output.note(
                    say(f"fetching {source.name}: {source.title}", f"{source.name} 가져오는 중: {source.title_ko}")
                )
            accessions = _bring(hub, source, brought)
            rows.append({"source": source.name, "datasets": accessions, "licence": source.licence_data})
    if as_json:
        output.emit(rows)
    for row in () if as_json else rows:
        count = len(row["datasets"])
        print(
            say(f"{row['source']}: {count} datasets", f"{row['source']}: 데이터세트 {count}개") + f", {row['licence']}"
        )


def _bring(hub: Hub, source: Source, brought: Path | None) -> list[str]:
    from dure.base.types import Resource
    from dure.data import sources

    act, zone = hub.act(), hub.settings.tzinfo
    if brought is None:
        return sources.fetch(act, hub.objects, source.name, zone)
    act.require("source.fetch", Resource("source", source.name))
    return sources.deposit_archive(act, hub.objects, source, brought, zone)


@app.command(
    name="sources",
    help=say("List the public data sets that `fetch` can bring.", "`fetch`로 가져올 수 있는 공개 데이터 목록."),
    epilog=examples("dure sources", "dure sources --json"),
)
def list_sources(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.base.errors import NotFound
    from dure.data.catalogue import catalogue

    session: Session = ctx.obj
    held: dict[str, int] = {}
    try:
        with session.hub() as hub, hub.database.read() as reader:
            from dure.data.sources import fetched

            held = {source.name: len(fetched(reader, source)) for source in catalogue().values()}
    except NotFound:
        held = {}  # the catalogue can be read before there is a hub
    rows = [
        {
            "name": source.name,
            "title": source.title_ko if current() == "ko" else source.title,
            "package": f"{source.package} {source.version}",
            "licence_package": source.licence_package,
            "licence_data": source.licence_data,
            "citation": source.citation,
            "parts": len(source.parts),
            "fetched": held.get(source.name) == len(source.parts),
        }
        for source in catalogue().values()
    ]
    if as_json:
        output.emit(rows)
        return
    head = (say("name", "이름"), say("licence", "라이선스"), say("here", "보유"), say("what", "내용"))
    mark = {True: say("yes", "예"), False: say("no", "아니오")}
    print(output.table([(r["name"], r["licence_data"], mark[bool(r["fetched"])], r["title"]) for r in rows], head))


@app.command(
    help=say(
        "Deposit a file of yours as a dataset with its terms of use.",
        "내 파일을 이용 조건과 함께 데이터세트로 기탁합니다.",
    ),
    epilog=examples(
        'dure deposit compounds.csv --title "Kinase series, lab notebook 12" --licence LicenseRef-own',
        'dure deposit public.csv --title "Published set" --licence CC-BY-4.0 --access open --citation "Kim 2025"',
    ),
)
def deposit(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help=say("what to deposit", "기탁할 파일"))],
    title: Annotated[str, typer.Option(help=say("what it is, in a line", "한 줄 설명"))],
    licence: Annotated[
        str,
        typer.Option(help=say("SPDX, unclear, or LicenseRef-NAME of your own", "SPDX, unclear 또는 LicenseRef-이름")),
    ],
    title_ko: Annotated[str | None, typer.Option("--title-ko", help=say("the title in Korean", "한국어 제목"))] = None,
    duo: Annotated[
        str, typer.Option(help=say("DUO permission: NRES, GRU, HMB, DS=…", "DUO 허용 범위: NRES, GRU, HMB, DS=…"))
    ] = "NRES",
    access: Annotated[str, typer.Option(help=say("open or internal", "open 또는 internal"))] = "internal",
    citation: Annotated[list[str] | None, typer.Option(help=say("how to cite it", "인용 방법"))] = None,
    as_json: Json = False,
) -> None:
    from dure.access.terms import Code, Terms
    from dure.data.owned import deposit_files

    session: Session = ctx.obj
    code, _, values = duo.partition("=")
    terms = Terms(
        (Code(code, tuple(v for v in values.split(",") if v)),), licence, access=access, citation=tuple(citation or ())
    )
    with session.hub() as hub:
        zone = hub.settings.tzinfo
        accession = deposit_files(hub.act(), hub.objects, files, title, title_ko or title, terms, zone)
    output.emit({"accession": accession}) if as_json else print(accession)


datasets_app = typer.Typer(
    invoke_without_command=True,
    help=say("List the datasets of the hub; export or withdraw one.", "허브의 데이터세트 목록. 내보내기와 철회."),
    epilog=examples("dure datasets", "dure datasets --json", "dure datasets export DS-RJ1JJRQBKM1K copy/"),
)
app.add_typer(datasets_app, name="datasets")
Accession = Annotated[str, typer.Argument(metavar="ACCESSION", help=say("DS-…", "DS-…"))]


@datasets_app.command(
    help=say(
        "Write a dataset's files and terms into a new folder, where its licence allows passing it on.",
        "라이선스가 재배포를 허용하는 데이터세트의 파일과 이용 조건을 새 폴더에 씁니다.",
    ),
    epilog=examples("dure datasets export DS-RJ1JJRQBKM1K copy/"),
)
def export(
    ctx: typer.Context,
    accession: Accession,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=say("a new folder", "새 폴더"))],
    as_json: Json = False,
) -> None:
    from dure.data import datasets

    session: Session = ctx.obj
    with session.hub() as hub:
        written = [str(path) for path in datasets.export(hub.act(), hub.objects, accession, folder)]
    output.emit({"accession": accession, "files": written}) if as_json else print("\n".join(written))


@datasets_app.command(
    help=say(
        "Take a dataset out of all use from now on. Its accession stays and says so.",
        "데이터세트를 지금부터 모든 이용에서 철회합니다. 번호는 남아 철회를 알립니다.",
    ),
    epilog=examples("dure datasets withdraw DS-RJ1JJRQBKM1K --reason error"),
)
def withdraw(
    ctx: typer.Context,
    accession: Accession,
    reason: Annotated[str, typer.Option(help="consent, error, rights, superseded, other")],
    as_json: Json = False,
) -> None:
    from dure.data import datasets

    session: Session = ctx.obj
    if reason not in datasets.WITHDRAWN_FOR:
        raise BadInput(
            f"{reason!r} is no reason", where="--reason", remedy=f"take one of {', '.join(datasets.WITHDRAWN_FOR)}"
        )
    with session.hub() as hub:
        datasets.withdraw(hub.act(), accession, reason)
    told = {"accession": accession, "state": "withdrawn", "reason": reason}
    output.emit(told) if as_json else print(say(f"{accession} is withdrawn", f"{accession} 을 철회했습니다"))


@datasets_app.callback()
def list_datasets(ctx: typer.Context, as_json: Json = False) -> None:
    if ctx.invoked_subcommand is not None:
        return
    from dure.data import datasets

    session: Session = ctx.obj
    with session.hub() as hub:
        act = hub.act()
        with act.read() as reader:
            rows = list(datasets.everything(reader))
        seen = _listed(act, rows)
        found = [_described(hub.objects, row) for row in seen]
    if as_json:
        output.emit(found)
        return
    head = (say("accession", "번호"), say("access", "접근"), say("licence", "라이선스"), say("title", "제목"))
    gone = {"available": "", "withdrawn": say(" (withdrawn)", " (철회됨)")}
    cells = [(f["accession"], f["access"], f["licence"], f["title"] + gone[f["state"]]) for f in found]
    print(output.table(cells, head))


def _listed(act: Any, rows: list[Any]) -> list[Any]:
    """The rows this person may see: one decision for each access class, since a class is decided as a whole."""
    from dure.base.types import Resource
    from dure.data import datasets

    classes: dict[tuple[object, ...], bool] = {}
    seen = []
    for row in rows:
        attributes = datasets.attributes(row)
        name = tuple(attributes.values())
        if name not in classes:
            classes[name] = act.allows("dataset.list", Resource("dataset", row.accession, attributes))
        if classes[name]:
            seen.append(row)
    return seen


def _described(objects: Any, row: Any) -> dict[str, Any]:
    from dure.data import datasets

    described = datasets.describe(objects, row.manifest)
    return {
        "accession": row.accession,
        "title": described.title_ko if current() == "ko" else described.title,
        "state": row.state,
        "access": row.access,
        "licence": described.terms.licence,
        "obligations": sorted(described.terms.obligations),
        "source": described.source,
        "part": described.part,
        "files": [{"name": file.name, "digest": file.digest, "size": file.size} for file in described.files],
    }
