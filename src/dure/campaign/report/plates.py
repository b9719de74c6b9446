"""The plates of a laboratory of people, how each was judged, its reference compound; and the orders that failed.

A laboratory's records say their sentences in English; here each is told again in both languages from its numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dure.campaign.imported import Record, import_events, plates_of, record_of
from dure.campaign.report.book import Book
from dure.campaign.report.data import Absent, ChartLimits, FailedOrder, Kind, Plate, Plates, Shift, Text, Value
from dure.campaign.report.texts import say
from dure.campaign.state import VALUELESS
from dure.lab import orders

SENTENCES = (
    (r"only (?P<positive>\d+) positive and (?P<negative>\d+) negative control wells can be read", "plate.controls"),
    (r"Z′ is (?P<value>.+), below (?P<limit>.+)", "plate.zprime"),
    (r"the positive control reads higher, .+", "plate.positive_higher"),
    (r"the negative control reads higher, .+", "plate.negative_higher"),
    (
        r"the reference compound is out of control \((?P<rule>.+)\): (?P<value>.+), "
        r"limits (?P<low>.+) to (?P<high>.+) over (?P<n>\d+) plates",
        "plate.out_of_control",
    ),
    (r"the reference compound gave no value", "plate.no_reference"),
    (r"the signal window is (?P<value>.+), below (?P<limit>.+)", "plate.signal_window"),
    (r"the high-signal control varies by (?P<value>.+) %, above (?P<limit>.+) %", "plate.cv"),
    (r"edge wells differ by (?P<size>.+) % of the signal span \(p = (?P<p>.+)\)", "plate.edge"),
    (r"columns drift by (?P<size>.+) % of the signal span \(p = (?P<p>.+)\)", "plate.columns"),
    (r"rows drift by (?P<size>.+) % of the signal span \(p = (?P<p>.+)\)", "plate.rows"),
    (r"the reference compound is beyond two standard deviations \(1-2s\)", "plate.warning"),
    (r"only (?P<n>\d+) plates in the reference compound's history; it is not judged yet", "plate.no_history"),
    (r"its plate has Z′ (?P<value>.+), below (?P<limit>.+)", "plate.zprime"),
    (r"none of its wells could be read", "order.no_wells"),
    (r"no curve could be fitted to (?P<n>\d+) readable wells", "order.few_wells"),
    (r"no curve could be fitted: the points scatter by (?P<value>.+) % about it", "order.scatter"),
    (
        r"the points do not determine the curve \(standard error of log IC50 (?P<value>.+)\)",
        "order.standard_error",
    ),
    (r"replicates differ by (?P<value>.+) log units \((?P<low>.+) to (?P<high>.+)\)", "order.apart"),
    (r"one replicate says at least (?P<low>.+), another at most (?P<high>.+)", "order.bounds"),
    (r"exact and censored values cannot be averaged", "order.mixed"),
)
"""What `dure.lab` says of plates and orders, and the text that says the same."""
CODES = {
    "plate-refused": "order.plate-refused",
    "no-value": "order.no-value",
    "no-curve": "order.no-curve",
    "curve-undetermined": "order.curve-undetermined",
    "replicates-discordant": "order.replicates-discordant",
    "never-arrived": "order.never-arrived",
    "sample-lost": "order.sample-lost",
    "cancelled": "order.cancelled",
}
"""Why an order has no result: what the plates say, and what a person decides."""
WHY = {
    "diverged": Text("발산함", "it diverged"),
    "infeasible": Text("이 설계로는 풀 수 없음", "it cannot be solved for this design"),
    "silent": Text("목적 성질을 말하지 않음", "it said nothing of what was asked for"),
}
"""Why a simulation has no value."""


def plates(book: Book) -> Plates | Absent:
    """All plates that the laboratory gave, and the orders that came to nothing."""
    run = book.run
    driver = run.problem.lab["driver"]
    if driver == "replay":
        return Absent(Text("이 실험실은 플레이트를 내놓지 않습니다", "this laboratory gives no plates"))
    with run.act("campaign").read() as reader:
        rows = orders.orders_of(reader, run.identifier)
        events = import_events(run.parts, reader, run.identifier)
    records = [record_of(run.parts, event) for event in events]
    files = [event.subject for event in events]
    rounds = {row.key: row.round for row in rows}
    judged = [_plate(book, plate, files[i], _round(records[i], rounds)) for i, plate in plates_of(records)]
    reasons = _reasons(records)
    failed = tuple(_failed(book, row, reasons) for row in rows if row.state == "failed")
    if not judged and not failed:
        return Absent(_why_none(records, driver))
    name = run.problem.lab.get("reference")
    return Plates(
        plates=tuple(judged),
        simulated=driver == "simulated",
        reference=str(name) if name and any(plate.reference for plate in judged) else None,
        symbol="pIC50" if book.property == "pKi" else book.property,
        msr=_msr(records, files),
        failed=failed,
        orders=sum(row.state in ("accepted", "failed") for row in rows),
    )


def told(sentence: str) -> Text | None:
    """A sentence of the laboratory's record in both languages; None for one that is not known."""
    for pattern, key in SENTENCES:
        found = re.fullmatch(pattern, sentence)
        if found:
            return Text(say("ko", key, **found.groupdict()), say("en", key, **found.groupdict()))
    return None


def _why_none(records: Sequence[Record], driver: str) -> Text:
    if driver == "simulated":
        return Text("모든 주문이 모의실험 값을 얻었습니다", "every order has its simulated value")
    if records:
        return Text(
            "피팅한 값만 들여왔으므로 플레이트를 판정할 수 없습니다",
            "only fitted values were imported, and these carry no plates to judge",
        )
    return Text("아직 들여온 결과 파일이 없습니다", "no result file was imported yet")


def _round(record: Record, rounds: Mapping[str, int]) -> int | None:
    """The round of a file's orders, which are those of one round; None for a file that answered none."""
    return next((rounds[done["order"]] for done in (*record["measured"], *record["failed"])), None)


def _plate(book: Book, judged: Record, file: str, number: int | None) -> Plate:
    point = judged["reference"]
    return Plate(
        round=number,
        name=judged["plate"],
        verdict=judged["verdict"],
        why=tuple(told(s) or Text(s, s) for s in (*judged["reasons"], *judged["flags"])),
        zprime=_value(judged["zprime"], "1", file, decimals=2),
        signal_window=_value(judged["signal_window"], "1", file, decimals=1),
        edge=_shift(judged["edge"], file),
        columns=_shift(judged["drift_columns"], file),
        rows=_shift(judged["drift_rows"], file),
        reference=_value(point["value"], book.run.problem.objective.unit, file, "measured", 2) if point else None,
        limits=_limits(point) if point and point["centre"] is not None else None,
        out_of_control=bool(point) and point["rule"] in ("1-3s", "2-2s"),
        history=point["history"] if point else 0,
    )


def _value(value: float | None, unit: str, file: str, kind: Kind = "rule", decimals: int | None = None) -> Value | None:
    return None if value is None else Value(value, unit, kind, file, decimals=decimals)


def _shift(effect: Record, file: str) -> Shift | None:
    size = _value(effect["size"], "%", file, decimals=0)
    return Shift(size, effect["p"]) if size else None


def _limits(point: Record) -> ChartLimits:
    reach = 3 * point["sd"]
    return ChartLimits(point["centre"], point["centre"] - reach, point["centre"] + reach)


def _msr(records: Sequence[Record], files: Sequence[str]) -> Value | None:
    """The newest minimum significant ratio, over all plates that the newest file that has one could look back on."""
    for record, file in zip(reversed(records), reversed(files), strict=True):
        if record["msr"] is not None:
            before = next(plate["reference"]["history"] for plate in record["plates"])
            return Value(record["msr"], "1", "rule", file, n=before + len(record["reference"]))
    return None


def _reasons(records: Sequence[Record]) -> dict[str, Record]:
    """Order -> what the newest record says of its failure."""
    return {failed["order"]: failed for record in records for failed in record["failed"]}


def _failed(book: Book, row: Any, reasons: Mapping[str, Record]) -> FailedOrder:
    code, said = row.reason or "no-value", reasons.get(row.key, {})
    words = Text(say("ko", CODES[code]), say("en", CODES[code])) if code in CODES else _valueless(code)
    place = row.candidate, book.name(row.candidate), row.key, row.round
    return FailedOrder(*place, said.get("plate", ""), words, told(said.get("reason", "")))


def _valueless(code: str) -> Text:
    """A simulation without a value; a field's own code stands as it is."""
    why = code.removeprefix(VALUELESS)
    words = WHY.get(why, Text(why, why))
    return Text(f"모의실험이 값을 주지 않음: {words.ko}", f"the simulation gave no value: {words.en}")
