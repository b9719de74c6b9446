"""Where everything comes from: data, code, seeds, packages, the ledger; what it took; who read early."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version

from sqlalchemy import select

from dure.base.canonical import parse_timestamp
from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, Checkpoint, Cost, EarlyRead, Provenance, Source, Text
from dure.campaign.run import Run
from dure.data import datasets
from dure.store.ledger import ledger_checkpoint, ledger_event
from dure.store.notes import SignedCheckpoint

PACKAGES = ("numpy", "scipy", "scikit-learn", "pyarrow", "polars")
STEPS = {
    "propose": Text("제안", "proposing"),
    "verify": Text("사다리 검사", "checking on the ladder"),
    "order": Text("주문", "ordering"),
    "read": Text("읽기", "reading"),
    "examine": Text("최종 후보 검사", "examining the finalists"),
    "unseal": Text("봉인 풀기", "unsealing"),
    "control": Text("대조군", "controls"),
    "register": Text("모델 등록", "registering the model"),
    "deposit": Text("결과 기탁", "depositing the results"),
}
OBLIGATIONS = {
    "attribution": Text("출처 표시", "attribution"),
    "notice": Text("저작권 고지 유지", "keep the notice"),
    "share-alike": Text("동일 조건 공유", "share alike"),
    "non-commercial": Text("비영리 이용만", "non-commercial use only"),
    "no-derivatives": Text("변경 금지", "no derivatives"),
    "no-redistribution": Text("재배포 금지", "no redistribution"),
}


def provenance(book: Book) -> Provenance:
    """Data, code, seeds, packages and the ledger behind a campaign."""
    run = book.run
    return Provenance(
        sources=tuple(_source(run, accession) for accession in run.setup.sources),
        code=f"dure {run.setup.code}",
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        seeds=((Text("문제의 시드", "seed of the problem"), str(run.problem.seed)),),
        packages=tuple(sorted({**{name: version(name) for name in PACKAGES}, **run.setup.packages}.items())),
        checkpoint=_checkpoint(run),
        digests=tuple(_digests(run)),
    )


def _source(run: Run, accession: str) -> Source:
    with run.act("campaign").read() as reader:
        row = datasets.find(reader, accession)
    described = datasets.describe(run.parts.objects, row.manifest)
    terms, made = described.terms, described.provenance
    owed = [OBLIGATIONS[name] for name in sorted(terms.obligations)]
    return Source(
        title=Text(described.title_ko, described.title),
        accession=accession,
        package=f"{made['package']} {made['version']}" if "package" in made else "–",
        package_licence=terms.licence_package or "–",
        data_licence=terms.licence,
        citation="; ".join(terms.citation) or "–",
        digest=described.files[0].digest,
        obligations=Text(", ".join(o.ko for o in owed), ", ".join(o.en for o in owed)) if owed else None,
    )


def _digests(run: Run) -> list[tuple[Text, str]]:
    closed = run.state.closed
    found = [
        (Text("문제", "problem"), run.problem.digest),
        (Text("사다리", "ladder"), str(run.problem.ladder["digest"])),
        (Text("모델", "model"), closed.get("register", {}).get("model")),
        (Text("결과 데이터세트", "result dataset"), closed.get("deposit", {}).get("accession")),
    ]
    return [(title, name) for title, name in found if name]


def _checkpoint(run: Run) -> Checkpoint | None:
    newest = select(ledger_checkpoint.c.note).order_by(ledger_checkpoint.c.size.desc()).limit(1)
    with run.act("campaign").read() as reader:
        row = reader.first(newest)
    if row is None:
        return None
    note = SignedCheckpoint.parse(row.note)
    return Checkpoint(note.checkpoint.size, note.checkpoint.root.hex(), note.signatures[0][0])


def times(run: Run) -> tuple[str, str]:
    """When the campaign's first and its newest event were written, RFC 3339."""
    table = ledger_event.c
    query = select(table.time).where(table.subject == run.identifier)
    with run.act("campaign").read() as reader:
        first = reader.scalar(query.order_by(table.sequence).limit(1))
        last = reader.scalar(query.order_by(table.sequence.desc()).limit(1))
    return str(first), str(last)


def cost(book: Book, first: str, last: str) -> Cost:
    """What it took; the processor time is that of the recorded steps and their tasks, whichever process did them."""
    spent = {
        name: sum(outcome.get("cpu_ms", 0) for outcome in book.outcomes(name)) / 1000
        for name in STEPS
        if book.outcomes(name)
    }
    wall = (parse_timestamp(last) - parse_timestamp(first)).total_seconds()
    steps = tuple((STEPS[name], seconds) for name, seconds in spent.items())
    return Cost(book.run.state.ordered, book.run.problem.budget.assays, sum(spent.values()), wall, steps=steps)


def early_reads(run: Run) -> tuple[EarlyRead, ...] | Absent:
    """Whoever read the sealed plate before the last order, the laboratory aside."""
    if not run.problem.scored:
        return Absent(Text("봉인된 플레이트가 없습니다", "there was no sealed plate"))
    table = ledger_event.c
    query = select(table.leaf).where(table.kind == "plate.unsealed").order_by(table.sequence)
    with run.act("campaign").read() as reader:
        events = [run.parts.registry.read(json.loads(bytes(row.leaf))) for row in reader.all(query)]
    early = [e for e in events if e.body["campaign"] == run.identifier and not e.actor.startswith("system:")]
    return tuple(EarlyRead(e.time, e.actor, e.kind, run.setup.size or 0) for e in early)
