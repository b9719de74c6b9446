"""What a ladder would do and cost, said before it does anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dure.verify.check import Check, method
from dure.verify.gate import Gate

_TEXT = {
    "rung": {
        "ko": "{check} ({kind}): 후보 최대 {candidates}개, 약 {cpu_seconds:.3g} CPU초",
        "en": "{check} ({kind}): at most {candidates} candidates, about {cpu_seconds:.3g} CPU seconds",
    },
    "skipped": {"ko": "{check} ({kind}): 건너뜀. {missing}", "en": "{check} ({kind}): skipped. {missing}"},
    "refuse": {"ko": "벗어나면 제외", "en": "refuses otherwise"},
    "flag": {"ko": "벗어나면 표시만", "en": "only flags otherwise"},
}


@dataclass(frozen=True)
class PlannedRung:
    """One rung as it is foreseen.

    Attributes:
        check, method, kind: of the check.
        candidates: how many it would be shown at most.
        cpu_seconds: what that costs, roughly.
        gates: its gates.
        missing: None, or why it would be skipped.
    """

    check: str
    method: str
    kind: str
    candidates: int
    cpu_seconds: float
    gates: tuple[Gate, ...]
    missing: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {**vars(self), "gates": [gate.describe() for gate in self.gates]}

    def lines(self, lang: str) -> list[str]:
        """What is foreseen, in `ko` or `en`: the rung, then each of its gates indented."""
        head = _TEXT["skipped" if self.missing else "rung"][lang].format(**vars(self))
        return [head, *(f"  {_bounds(gate, lang)}: {_TEXT[gate.action][lang]}" for gate in self.gates)]


def foresee(check: Check, gates: Sequence[Gate], candidates: int) -> PlannedRung:
    """A rung shown so many candidates; a check that cannot run here is shown none."""
    missing = check.missing()
    shown = 0 if missing else candidates
    return PlannedRung(check.name, method(check), check.kind, shown, shown * check.cost, tuple(gates), missing)


def _bounds(gate: Gate, lang: str) -> str:
    low = "" if gate.low is None else f"{gate.low:g} ≤ "
    high = "" if gate.high is None else f" ≤ {gate.high:g}"
    forbidden = "".join(f" ≠ {value:g}" for value in gate.forbidden)
    unit = "" if gate.unit == "1" else f" {gate.unit}"
    return f"{low}{gate.name(lang)}{high}{forbidden}{unit}"
