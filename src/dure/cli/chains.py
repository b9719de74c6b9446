"""A chain of provenance as lines for people: what rests on what, one step in for each step down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dure.cli.language import current, say

if TYPE_CHECKING:
    from dure.campaign.trace import Link


def lines(link: Link, depth: int = 0) -> Iterator[str]:
    """The chain, indented."""
    pad = "  " * depth
    head, *rest = _words(link)
    yield pad + head
    yield from (f"{pad}    {line}" for line in rest)
    for below in link.below:
        yield from lines(below, depth + 1)


def _words(link: Link) -> list[str]:
    return _WORDS[link.what](link.id, link.facts)


def _value(name: str, f: Mapping[str, Any]) -> list[str]:
    sd = "" if f.get("sd") is None else f" ± {f['sd']:.2g}"
    unit = "" if f["unit"] == "1" else f" {f['unit']}"
    known = f"{f['value']:.4g}{sd}{unit}" if f.get("value") is not None else say("no value", "값 없음")
    sign = "" if f["qualifier"] == "=" else f["qualifier"] + " "
    return [f"{say('value', '값')} {f['property']} {sign}{known}  [{kind(f['kind'])}]  {f['method']}", name]


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
    return [f"{say('order', '주문')} {name}", f"{f['state']}, {what}, {f['driver']}"]


def _plate(name: str, f: Mapping[str, Any]) -> list[str]:
    state = {"sealed": say("sealed", "봉인됨"), "unsealed": say("unsealed", "개봉됨")}[f["state"]]
    return [f"{say('plate', '플레이트')} {name}  ({state})"]


def _file(name: str, f: Mapping[str, Any]) -> list[str]:
    check = say(f"{f['bytes']} bytes, digest verified", f"{f['bytes']}바이트, 해시 확인됨")
    return [f"{say('result file', '결과 파일')} {name}", f"{check}; {f['where']}"]


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
    "campaign": _campaign,
    "event": _event,
}
