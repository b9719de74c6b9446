"""A chain of provenance as lines for people: what rests on what, one step in for each step down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dure.cli.language import current, say
from dure.cli.output import printable, signed

if TYPE_CHECKING:
    from dure.campaign.trace import Link


def lines(link: Link, depth: int = 0) -> Iterator[str]:
    """The chain, indented."""
    pad = "  " * depth
    head, *rest = _words(link)
    yield pad + printable(head)
    yield from (f"{pad}    {printable(line)}" for line in rest)
    for below in link.below:
        yield from lines(below, depth + 1)


def _words(link: Link) -> list[str]:
    return _WORDS[link.what](link.id, link.facts)


def _value(name: str, f: Mapping[str, Any]) -> list[str]:
    sd = "" if f.get("sd") is None else f" ± {f['sd']:.2g}"
    unit = "" if f["unit"] == "1" else f" {f['unit']}"
    known = f"{f['value']:.4g}{sd}{unit}" if f.get("value") is not None else say("no value", "값 없음")
    told = signed(f["qualifier"], known)
    head = f"{say('value', '값')} {f['property']} {told}  [{kind(f['kind'])}]  {f['method']}"
    return [head, name, *_laboratory(f.get("laboratory", {}))]


def _laboratory(f: Mapping[str, Any]) -> Iterator[str]:
    """Where people measured a value, in what sample, by which curves, and what to keep in mind of it."""
    rows = say(f"rows {f['rows']} of the file", f"파일의 {f['rows']}행") if "rows" in f else ""
    if "plate" in f:
        wells = say(f"wells {f['wells']}", f"웰 {f['wells']}")
        verdict = f" ({verdict_of(f['verdict'])})" if "verdict" in f else ""
        yield f"{say('plate', '플레이트')} {f['plate']}{verdict}, {wells}; {rows}"
    elif rows:
        yield rows
    sample = [
        f"{say(en, ko)} {f[name]:g} %" if name == "purity" else f"{say(en, ko)} {f[name]}"
        for name, en, ko in (("lot", "lot", "로트"), ("salt", "salt", "염"), ("purity", "purity", "순도"))
        if name in f
    ]
    yield from [", ".join(sample)] if sample else []
    for number, curve in enumerate(f.get("curves", ()), 1):
        yield f"{say('curve', '곡선')} {number}: {_curve(curve)}"
    yield from (f"{say('flag', '표시')}: {_flag(flag)}" for flag in f.get("flags", ()))


def verdict_of(name: str) -> str:
    """How a plate was judged."""
    return {
        "accepted": say("accepted", "받아들임"),
        "flagged": say("flagged", "표시"),
        "refused": say("refused", "거절"),
    }[name]


def _curve(c: Mapping[str, Any]) -> str:
    """Hill slope, plateaus, scatter and fit; of a censored curve no parameter is a finding, so the bound alone."""
    if c["qualifier"] == "=":
        shape = [
            f"{say('Hill slope', 'Hill 기울기')} {_with_error(c, 'hill')}",
            f"{say('plateaus', '고원')} {_with_error(c, 'bottom')} %, {_with_error(c, 'top')} %",
        ]
    else:
        shape = [f"log IC50 {c['qualifier']} {c['log_ic50']:.3g}"]
    fit = [
        say(f"residual {c['residual_sd']:.2g} %", f"잔차 {c['residual_sd']:.2g} %") if "residual_sd" in c else "",
        f"R² {c['r2']:.3f}" if "r2" in c else "",
        say(f"{c['n']} points", f"점 {c['n']}개"),
    ]
    return ", ".join([*shape, *(part for part in fit if part)])


def _with_error(c: Mapping[str, Any], name: str) -> str:
    """A parameter with its standard error, which is 0 for one that was held at its bound."""
    error = c.get(f"{name}_se")
    if error is None:
        return f"{c[name]:.3g}"
    return f"{c[name]:.3g} ± {error:.2g}" if error else f"{c[name]:.3g} ({say('at its bound', '경계값')})"


def _flag(flag: str) -> str:
    """A flag in words: a curve's is a name, all others are sentences."""
    from dure.cli.wording import said
    from dure.lab.curves import FLAGS

    return said(FLAGS.get(flag, flag))


def kind(name: str) -> str:
    """How a value is known."""
    titles = {
        "measured": ("measured", "실측"),
        "simulated": ("simulated", "모사"),
        "predicted": ("predicted", "예측"),
        "rule": ("rule", "규칙"),
    }
    return say(*titles[name])


def _candidate(name: str, f: Mapping[str, Any]) -> list[str]:
    form = f.get("form", {})
    return [f"{say('candidate', '후보')} {name}", *(f"{key} = {value}" for key, value in form.items())]


def _order(name: str, f: Mapping[str, Any]) -> list[str]:
    what = say(f"round {f['round']}, replicate {f['replicate']}", f"라운드 {f['round']}, 반복 {f['replicate']}")
    state = f"{f['state']} ({f['reason']})" if "reason" in f else f["state"]
    return [f"{say('order', '주문')} {name}", f"{state}, {what}, {f['driver']}"]


def _plate(name: str, f: Mapping[str, Any]) -> list[str]:
    state = {"sealed": say("sealed", "봉인됨"), "unsealed": say("unsealed", "개봉됨")}[f["state"]]
    return [f"{say('plate', '플레이트')} {name}  ({state})"]


def _file(name: str, f: Mapping[str, Any]) -> list[str]:
    check = say(f"{f['bytes']} bytes, digest verified", f"{f['bytes']}바이트, 해시 확인됨")
    head = f"{say('result file', '결과 파일')} {name}"
    return [head, f"{check}; {f['where']}" if "where" in f else check, *map(plate_line, f.get("plates", ()))]


def plate_line(plate: Mapping[str, Any]) -> str:
    """A plate's verdict with its figures, and what refused or flagged it."""
    from dure.cli.wording import said

    point = plate["reference"]
    figures = [
        verdict_of(plate["verdict"]),
        f"Z′ {plate['zprime']:.2f}" if plate["zprime"] is not None else "",
        f"{say('reference', '기준 화합물')} {point['value']:.2f}" if point and point["value"] is not None else "",
    ]
    why = said("; ".join([*plate["reasons"], *plate["flags"]]))
    told = ", ".join(figure for figure in figures if figure) + (f". {why}" if why else "")
    return f"{say('plate', '플레이트')} {plate['plate']}: {told}"


def _source(name: str, f: Mapping[str, Any]) -> list[str]:
    head = f"{say('source row', '원자료 행')} {name}"
    check = say(f"file digest {f['digest']}, verified", f"파일 해시 {f['digest']}, 확인됨")
    if f["cells"] is None:
        why = (
            say("values are on a sealed plate", "값은 봉인된 플레이트에 있음")
            if f["sealed"]
            else say("not yours to read", "읽을 권한 없음")
        )
        return [head, check, why]
    cells = [", ".join(f"{column} = {value}" for column, value in row.items()) for row in f["cells"]]
    more = len(f["rows"]) - len(cells)
    return [head, check, *cells, *([say(f"and {more} more rows", f"그 밖의 {more}행")] if more > 0 else [])]


def _dataset(name: str, f: Mapping[str, Any]) -> list[str]:
    came = f["provenance"]
    package = f"{came['package']} {came['version']}" if "package" in came else None
    pairs = [
        (say("package", "패키지"), package),
        (say("licence of the data", "데이터 라이선스"), f["licence"]),
        (say("licence of the package", "패키지 라이선스"), f["licence_package"]),
        (say("obligations", "의무"), ", ".join(f["obligations"])),
        (say("cite", "인용"), " · ".join(f["citation"])),
    ]
    title = f["title_ko"] if current() == "ko" else f["title"]
    return [f"{say('dataset', '데이터세트')} {name}  {title}", *(f"{what}: {value}" for what, value in pairs if value)]


def _prediction(name: str, f: Mapping[str, Any]) -> list[str]:
    return [
        say(
            f"predicted by {f['strategy']} before round {f['round']}, from {f['values']} measured values",
            f"{f['strategy']} 이(가) 라운드 {f['round']} 전에 실측값 {f['values']}개로 예측",
        )
    ]


def _model(name: str, f: Mapping[str, Any]) -> list[str]:
    learnt = say(f"learnt from {len(f['values'])} values", f"값 {len(f['values'])}개로 학습")
    return [f"{say('model', '모델')} {name}", f["method"], f"{f['property']}, {learnt}, {f['code']}"]


def _trained(name: str, f: Mapping[str, Any]) -> list[str]:
    from dure.cli.wording import of_card

    def told(value: Any) -> str:
        if isinstance(value, Mapping):
            return str(value.get(current(), value))
        return of_card(f["recipe"], str(value), current())

    head = f"{say('model', '모델')} {name}  {f['recipe']}"
    return [head, f"{told(f['property'])} [{f['unit']}]: {told(f['method'])}", f"{told(f['split'])}; {f['code']}"]


def _campaign(name: str, f: Mapping[str, Any]) -> list[str]:
    packages = ", ".join(f"{package} {version}" for package, version in sorted(f["packages"].items()))
    made = say(f"seed {f['seed']}, {f['code']}", f"시드 {f['seed']}, {f['code']}")
    return [f"{say('campaign', '캠페인')} {name}  {f['title'][current()]}", f"{made}; {packages}" if packages else made]


def _event(name: str, f: Mapping[str, Any]) -> list[str]:
    if f["proven"]:
        proof = say(
            f"proven in the checkpoint of {f['checkpoint']} events", f"기록 {f['checkpoint']}건의 체크포인트에서 증명됨"
        )
    else:
        proof = say("not yet under a signed checkpoint", "아직 서명된 체크포인트에 들지 않음")
    return [f"{say('event', '원장 기록')} {name}  {f['kind']}  {f['time']}  {f['actor']}  ({proof})"]


_WORDS = {
    "value": _value,
    "candidate": _candidate,
    "order": _order,
    "plate": _plate,
    "result-file": _file,
    "source-row": _source,
    "dataset": _dataset,
    "prediction": _prediction,
    "model": _model,
    "trained-model": _trained,
    "campaign": _campaign,
    "event": _event,
}
