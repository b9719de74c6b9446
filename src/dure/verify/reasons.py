"""The sentence behind every reason code, in Korean and English.

Programs decide by the code; the sentence is for people alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASONS: dict[str, dict[str, str]] = {
    "within": {"ko": "{title}: {value}, 허용 범위 안", "en": "{title} is {value}, within bounds"},
    "below": {
        "ko": "{title}: {value}, 하한 {limit}보다 작음",
        "en": "{title} is {value}, below the limit of {limit}",
    },
    "above": {
        "ko": "{title}: {value}, 상한 {limit}보다 큼",
        "en": "{title} is {value}, above the limit of {limit}",
    },
    "forbidden": {"ko": "{title}: {value}, 허용되지 않는 값", "en": "{title} is {value}, a value that is not allowed"},
    "undecided": {
        "ko": "{title}: 측정 한계가 {value}라서 허용 범위 안인지 알 수 없음",
        "en": "{title} is known only as a bound of {value}, which does not tell whether it is within bounds",
    },
    "no-evidence": {"ko": "{title}: 점검 결과 없음", "en": "the check says nothing about {title}"},
    "check-failed": {"ko": "{title}: 점검 실패", "en": "the check of {title} failed"},
}


def sentence(verdict: Mapping[str, Any], lang: str, title: str | None = None) -> str:
    """One verdict (a row of `VERDICTS`) as a sentence in `ko` or `en`.

    >>> row = {"code": "above", "property": "mw", "value": 612.4, "limit": 500.0, "unit": "g/mol", "details": []}
    >>> sentence(row, "en", "molecular weight")
    'molecular weight is 612.4 g/mol, above the limit of 500 g/mol'
    """
    text = REASONS[verdict["code"]][lang].format(
        title=title or verdict["property"],
        value=_quantity(verdict["value"], verdict["unit"]),
        limit=_quantity(verdict["limit"], verdict["unit"]),
    )
    return f"{text} ({', '.join(verdict['details'])})" if verdict["details"] else text


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "?"
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"
