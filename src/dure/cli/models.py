"""`fields`, `models`, `train`, `predict`, `analyse`: what each science brings beside its campaigns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dure.base.errors import BadInput
from dure.cli import output
from dure.cli.language import LANGUAGES, current, examples, say
from dure.cli.options import Json
from dure.cli.session import Session

if TYPE_CHECKING:
    import pyarrow as pa

    from dure.analysis.perform import Finding
    from dure.hub import Hub
    from dure.models.inputs import Workshop
    from dure.models.training import Trained

app = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="FIELD/MODEL", help=say("for example brain/clock", "예: brain/clock"))]


@app.command(
    help=say("List the fields: their problems, models and analyses.", "분야와 그 문제, 모델, 분석의 목록."),
    epilog=examples("dure fields", "dure fields --json"),
)
def fields(as_json: Json = False) -> None:
    from dure.campaign.field import installed_fields, load_field

    found = [load_field(name) for name in installed_fields()]
    if as_json:
        output.emit(
            [
                {
                    "field": field.name,
                    "title": dict(field.title),
                    "problems": [f"{field.name}/{problem}" for problem in field.problems],
                    "models": [f"{field.name}/{model}" for model in field.models],
                    "analyses": [f"{field.name}/{analysis}" for analysis in field.analyses],
                }
                for field in found
            ]
        )
        return
    lang = current()
    for field in found:
        print(f"{field.name}  {field.title[lang]}")
        rows = [(f"dure run {field.name}/{name}", each["title"][lang]) for name, each in field.problems.items()]
        rows += [(f"dure train {field.name}/{name}", each.title[lang]) for name, each in field.models.items()]
        rows += [(f"dure analyse {field.name}/{name}", each.title[lang]) for name, each in field.analyses.items()]
        print("\n".join("  " + line for line in output.pairs(rows).splitlines()))


@app.command(
    help=say("List the trained models of the hub.", "허브에서 학습된 모델의 목록."),
    epilog=examples("dure models", "dure models --json"),
)
def models(ctx: typer.Context, as_json: Json = False) -> None:
    from dure.base.types import Resource
    from dure.models import registry

    session: Session = ctx.obj
    with session.hub() as hub:
        with hub.database.read() as reader:
            found = registry.trained_by(reader)
        act = hub.act()
        rows = [
            {"model": row.id, "name": row.recipe, "title": registry.card_of(hub.objects, row.card)["title"]}
            for row in found
            if act.allows("model.read", Resource("model", row.id, {"state": "registered", "owner": row.owner}))
        ]
    if as_json:
        output.emit(rows)
        return
    cells = [(row["model"][3:13], row["name"], row["title"][current()]) for row in rows]
    print(output.table(cells, (say("model", "모델"), say("name", "이름"), say("title", "제목"))))


@app.command(
    short_help=say("Train a model and write its card.", "모델을 학습하고 카드를 씁니다."),
    help=say(
        "Train a model on its public sources or on your own table, beside its baselines, and write its card.",
        "공개 자료나 자신의 표로 모델을 학습해 기준선과 견주고, 모델 카드를 씁니다.",
    ),
    epilog=examples(
        "dure train brain/clock",
        "dure train agrifood/nir --data scans.csv",
        "dure train brain/clock --quick --json",
    ),
)
def train(
    ctx: typer.Context,
    name: Name,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help=say("your own table", "자신의 표 (CSV, TSV, Parquet)"))
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help=say("search less; the card says so", "덜 찾음"))] = False,
    as_json: Json = False,
) -> None:
    from dure.campaign.field import recipe_of
    from dure.models import training

    session: Session = ctx.obj
    recipe = recipe_of(name)
    with session.hub() as hub:
        trained = training.train(_shop(hub, name), hub.me, name, recipe, data, quick=quick)
        pages = _write_cards(hub, trained)
    if as_json:
        output.emit({"model": trained.identifier, "name": name, "card": trained.card, "pages": pages})
        return
    print(_card_in_words(trained))
    print(pages[current()])


@app.command(
    short_help=say("Predict the rows of a table.", "표의 각 행을 예측합니다."),
    help=say(
        "Predict the rows of a table with the newest model of that name. Rows outside its domain get no value, "
        "unless you ask for one.",
        "그 이름의 가장 새 모델로 표의 행을 예측합니다. 적용 영역 밖의 행은 요청하지 않는 한 값을 주지 않습니다.",
    ),
    epilog=examples(
        "dure predict brain/clock arrays.csv",
        "dure predict agrifood/nir scans.csv --output predicted.csv",
        "dure predict brain/clock arrays.csv --outside --json",
    ),
)
def predict(
    ctx: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("a table", "표"))],
    outside: Annotated[
        bool,
        typer.Option("--outside", help=say("give values outside the domain too", "적용 영역 밖에도 값을 줌")),
    ] = False,
    target: Annotated[
        Path | None, typer.Option("--output", metavar="FILE.csv", help=say("where to write it", "쓸 파일"))
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.campaign.field import recipe_of
    from dure.models import training

    session: Session = ctx.obj
    recipe = recipe_of(name)
    with session.hub() as hub:
        shop = _shop(hub, name)
        row = training.newest(shop, hub.me, name)
        found = training.predict(shop, row, recipe, file)
        rows = _predicted(found, recipe.why, outside)
    if target is not None:
        _write_rows(target, rows)
    if as_json:
        output.emit({"model": row.id, "property": recipe.property, "unit": recipe.unit, "rows": rows})
        return
    head = (
        say("row", "행"),
        f"{recipe.property} [{recipe.unit}]",
        "80 %",
        "95 %",
        say("outside the domain", "영역 밖"),
    )
    print(output.table([_cells(each) for each in rows], head))


@app.command(
    short_help=say("Answer one question of a field.", "한 분야의 질문 하나에 답합니다."),
    help=say(
        "Answer one question of a field, about your table or the answer of a campaign; what was found is deposited.",
        "자신의 표나 캠페인의 답에 대해 한 분야의 질문 하나에 답합니다. 결과는 데이터세트로 기탁됩니다.",
    ),
    epilog=examples(
        "dure analyse brain/intervention arrays.csv",
        "dure analyse device/evidence --campaign device/insulin-controller",
        "dure analyse bioprocess/golden-batch batches.csv --json",
    ),
)
def analyse(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="FIELD/ANALYSIS", help=say("for example brain/intervention", "예: brain/intervention")),
    ],
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help=say("your own table", "자신의 표"))] = None,
    campaign: Annotated[
        str | None,
        typer.Option(metavar="CAMPAIGN", help=say("about the answer of this campaign", "이 캠페인의 답에 대해")),
    ] = None,
    as_json: Json = False,
) -> None:
    from dure.analysis import perform
    from dure.base.types import Resource
    from dure.campaign import service
    from dure.campaign.field import analysis_of
    from dure.campaign.plan import look
    from dure.cli.choosing import campaign_row

    session: Session = ctx.obj
    analysis = analysis_of(name)
    with session.hub() as hub:
        answer = None
        if campaign is not None:
            row = campaign_row(hub, campaign)
            hub.act().require("campaign.read", Resource("campaign", row.id))
            answer = service.answer_of(look(hub.parts(), row))
        found = perform.analyse(_shop(hub, name), hub.me, name, analysis, file, answer)
        pages = _write_findings(hub, found)
    if as_json:
        output.emit({"accession": found.accession, "name": name, "findings": found.findings, "pages": pages})
        return
    lang = current()
    print("\n".join(line[lang] for line in found.findings["summary"]))
    print(output.pairs([(say("results", "결과"), found.accession), (say("report", "보고서"), pages[lang])]))


def _shop(hub: Hub, name: str) -> Workshop:
    from dure.campaign.climbing import package_versions
    from dure.campaign.field import load_field
    from dure.compute.sources import code_version
    from dure.models.inputs import Workshop

    parts = hub.parts()
    packages = package_versions(load_field(name.partition("/")[0]))
    return Workshop(parts.act, parts.objects, parts.tasks, code_version(), packages, parts.zone)


def _write_cards(hub: Hub, trained: Trained) -> dict[str, str]:
    """Writes the pages of a model's card below `reports/`; where each lies."""
    from dure.campaign.report.modelpage import render
    from dure.cli.wording import of_card

    return {
        lang: _write(hub, f"{trained.name.replace('/', '-')}.{lang}.html", render(trained, lang, of_card).encode())  # type: ignore[arg-type]
        for lang in LANGUAGES
    }


def _write_findings(hub: Hub, found: Finding) -> dict[str, str]:
    """Writes the pages of an analysis and its further files below `reports/`; where each page lies."""
    from dure.campaign.report.findingpage import render

    stem = f"{found.name.replace('/', '-')}-{found.accession}"
    for name, data in found.files.items():
        _write(hub, f"{stem}-{name}", data)
    return {
        lang: _write(hub, f"{stem}.{lang}.html", render(found, lang).encode())  # type: ignore[arg-type]
        for lang in LANGUAGES
    }


def _write(hub: Hub, name: str, data: bytes) -> str:
    path = hub.folder / "reports" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def _card_in_words(trained: Trained) -> str:
    """The figures of a card, each beside those of its baselines."""
    from dure.campaign.report.modelpage import figure, in_language
    from dure.cli.wording import of_card

    lang, card = current(), trained.card

    def words(told: Any) -> str:
        return of_card(trained.name, told, lang) if isinstance(told, str) else in_language(told, lang)

    lines = [f"{card['title'][lang]}  {trained.identifier[3:13]}", words(card["split"])]
    rows = [
        (
            words(row["figure"]),
            figure(row["value"], row.get("unit", "1")),
            ", ".join(f"{words(k)} {figure(v, '1')}" for k, v in row.get("beside", {}).items()) or None,
        )
        for row in card["metrics"]
    ]
    head = (say("figure", "지표"), say("value", "값"), say("beside", "견줌"))
    return "\n".join([*lines, output.table(rows, head)])


def _predicted(found: pa.Table, why: Any, outside: bool) -> list[dict[str, Any]]:
    """The rows as they are told; one outside the domain has no value unless it was asked for."""
    rows = []
    for row in found.to_pylist():
        if not row["inside"] and not outside:
            row |= dict.fromkeys(("value", "low80", "high80", "low95", "high95"))
        reason = why.get(row["why"], {}).get(current(), row["why"]) if row["why"] else None
        rows.append({**row, "why": reason})
    return rows


def _cells(row: dict[str, Any]) -> tuple[object, ...]:
    def between(low: float | None, high: float | None) -> str | None:
        return None if low is None or high is None else f"{low:.4g} – {high:.4g}"

    value = None if row["value"] is None else f"{row['value']:.4g}"
    return row["row"], value, between(row["low80"], row["high80"]), between(row["low95"], row["high95"]), row["why"]


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    try:
        with path.open("x", encoding="utf-8", newline="") as sink:
            writer = csv.DictWriter(sink, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except FileExistsError:
        raise BadInput("the file is there already", where=str(path), remedy="name a new file") from None
