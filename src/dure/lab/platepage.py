"""The printable page of a worklist: one sheet a plate, one file, no outside parts, Korean or English."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from dure.base.errors import BadInput
from dure.base.ids import short
from dure.lab.plate import SHAPES, Well, place

_WORDS = {
    "en": {
        "plate": "Plate",
        "of": "of",
        "sample": "compound",
        "reference": "reference",
        "positive": "positive control (full effect)",
        "negative": "negative control (vehicle)",
        "empty": "empty",
        "key": "Signs",
        "list": "Compounds on this plate",
        "number": "No.",
        "name": "Name",
        "order": "Order",
        "candidate": "Candidate",
        "wells": "Wells",
        "sign": "Pipetted by, on",
        "series": "concentration in",
    },
    "ko": {
        "plate": "플레이트",
        "of": "/",
        "sample": "화합물",
        "reference": "기준 화합물",
        "positive": "양성 대조 (최대 효과)",
        "negative": "음성 대조 (용매)",
        "empty": "빈 웰",
        "key": "기호",
        "list": "이 플레이트의 화합물",
        "number": "번호",
        "name": "이름",
        "order": "주문",
        "candidate": "후보",
        "wells": "웰",
        "sign": "분주한 사람, 날짜",
        "series": "농도 단위",
    },
}
_SIGNS = {"reference": "R", "positive": "+", "negative": "−"}
_SHOWN_UNITS = {"mol/L": "M", "mmol/L": "mM", "umol/L": "µM", "nmol/L": "nM", "pmol/L": "pM"}

_STYLE = """
@page { size: A4 landscape; margin: 10mm }
* { box-sizing: border-box }
body { font: 10pt/1.35 "Noto Sans", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic", sans-serif }
body { color: #111; margin: 0 }
section { break-after: page; padding: 0 2mm; max-width: 277mm; margin: 0 auto }
section:last-child { break-after: auto }
header { display: flex; justify-content: space-between; align-items: baseline; margin-bottom: 2mm }
h1 { font-size: 15pt; margin: 0 }
h2 { font-size: 11pt; margin: 2mm 0 .5mm }
table { border-collapse: collapse; width: 100% }
.map { table-layout: fixed }
.map th { font-weight: 600; font-size: 8pt; width: 6mm; padding: 0 }
.map td { border: .3mm solid #555; height: 10.8mm; text-align: center; padding: 0; overflow: hidden }
.map b { display: block; font-size: 11pt; line-height: 1.1 }
.map small { display: block; font-size: 6.5pt; line-height: 1.1 }
.w384 td { height: 6.3mm } .w384 b { font-size: 7.5pt } .w384 small { font-size: 5pt }
/* Told apart by sign, border and shade too, so that a black-and-white print is enough. */
.positive { background: #f6c9c0 } .negative { background: #cfe3f5 }
.reference { background: #f5e6a8; border-style: double !important; border-width: .9mm !important }
.empty { background: repeating-linear-gradient(45deg, #fff, #fff 1.2mm, #ddd 1.2mm, #ddd 1.5mm) }
.list td, .list th { border-bottom: .2mm solid #999; text-align: left; padding: .3mm 2mm .3mm 0; font-size: 8pt }
.list { break-inside: auto } .list tr { break-inside: avoid }
.key span { display: inline-block; border: .3mm solid #555; padding: 0 2mm; margin-right: 3mm; font-size: 9pt }
.key { margin: 1.5mm 0 } .sign { margin: 2mm 0 0; font-size: 9pt } code { font-size: 8pt }
@media print { * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
"""


def plate_page(wells: Sequence[Well], *, plate_size: int, title: str, lang: str = "en") -> str:
    """A self-contained HTML page with a sheet a plate: the map, the signs, and the compounds on it.

    Args:
        wells: the worklist.
        plate_size: 96 or 384.
        title: what the sheets belong to, such as campaign and round.
        lang: `ko` or `en`.

    Raises:
        BadInput: another language.
    """
    if lang not in _WORDS:
        raise BadInput(f"there is no page in language {lang!r}", remedy="use ko or en")
    words = _WORDS[lang]
    plates = [(name, list(group)) for name, group in groupby(sorted(wells, key=_by_plate), key=lambda w: w.plate)]
    sheets = [
        _sheet(name, group, f"{number} {words['of']} {len(plates)}", plate_size, title, words)
        for number, (name, group) in enumerate(plates, 1)
    ]
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(sheets)}</body></html>\n"
    )


def _by_plate(well: Well) -> tuple[str, tuple[int, int]]:
    return well.plate, place(well.well)


def _sheet(plate: str, wells: list[Well], page: str, size: int, title: str, words: dict[str, str]) -> str:
    numbers = _numbers(wells)
    unit = next((w.unit for w in wells if w.unit), "")
    shown = _SHOWN_UNITS.get(unit, unit)
    return (
        f"<section><header><h1>{words['plate']} {escape(plate)}</h1><span>{escape(title)} · {page}</span></header>"
        f"{_map(wells, numbers, size)}{_key(words, shown)}"
        f"<h2>{words['list']}</h2>{_list(wells, numbers, words)}"
        f'<p class="sign">{words["sign"]}: ______________________________</p></section>'
    )


def _numbers(wells: list[Well]) -> dict[str, int]:
    """A short number for each order of the plate, in the order of the map."""
    return {order: i for i, order in enumerate(dict.fromkeys(w.order for w in wells if w.role == "sample"), 1)}


def _map(wells: list[Well], numbers: dict[str, int], size: int) -> str:
    rows, columns = SHAPES[size]
    at = {place(w.well): w for w in wells}
    head = "<tr><th></th>" + "".join(f"<th>{c + 1}</th>" for c in range(columns)) + "</tr>"
    body = "".join(
        f"<tr><th>{chr(65 + r)}</th>" + "".join(_cell(at.get((r, c)), numbers) for c in range(columns)) + "</tr>"
        for r in range(rows)
    )
    return f'<table class="map w{size}">{head}{body}</table>'


def _cell(well: Well | None, numbers: dict[str, int]) -> str:
    if well is None:
        return '<td class="empty"></td>'
    label = _SIGNS.get(well.role) or str(numbers[well.order])
    amount = "" if well.concentration is None else f"<small>{well.concentration:.3g}</small>"
    return f'<td class="{well.role}"><b>{label}</b>{amount}</td>'


def _key(words: dict[str, str], unit: str) -> str:
    signs = [("sample", "1 …"), *_SIGNS.items(), ("empty", "&nbsp;")]
    spans = "".join(f'<span class="{role}">{sign}</span>{words[role]} &ensp; ' for role, sign in signs)
    return f'<p class="key">{spans} {words["series"]} <b>{escape(unit)}</b></p>'


def _list(wells: list[Well], numbers: dict[str, int], words: dict[str, str]) -> str:
    lines = []
    for order, number in numbers.items():
        own = [w for w in wells if w.order == order]
        lines.append(_line(str(number), own))
    reference = [w for w in wells if w.role == "reference"]
    if reference:
        lines.append(_line("R", reference))
    head = "".join(f"<th>{words[key]}</th>" for key in ("number", "name", "candidate", "order", "wells"))
    return f'<table class="list"><tr>{head}</tr>{"".join(lines)}</table>'


def _line(label: str, wells: list[Well]) -> str:
    series = [list(group) for _, group in groupby(sorted(wells, key=lambda w: w.replicate), key=lambda w: w.replicate)]
    spans = ", ".join(group[0].well + (f"–{group[-1].well}" if len(group) > 1 else "") for group in series)
    first = wells[0]
    return (
        f"<tr><td>{label}</td><td>{escape(first.name)}</td><td><code>{escape(short(first.candidate))}</code></td>"
        f"<td><code>{escape(short(first.order)) or '–'}</code></td><td>{spans}</td></tr>"
    )
