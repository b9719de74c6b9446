"""A gate turns one property's evidence into verdicts: pass, flag or refuse, each with a code and its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dure.base.errors import BadInput

PASS, FLAG, REFUSE = "pass", "flag", "refuse"

VERDICTS = pa.schema(
    [
        pa.field("candidate", pa.string(), nullable=False, metadata={"doc": "candidate id"}),
        pa.field("rung", pa.string(), nullable=False, metadata={"doc": "name of the check"}),
        pa.field("property", pa.string(), nullable=False, metadata={"doc": "what the gate looked at"}),
        pa.field("verdict", pa.string(), nullable=False, metadata={"doc": "pass, flag or refuse"}),
        pa.field("code", pa.string(), nullable=False, metadata={"doc": "a key of dure.verify.reasons.REASONS"}),
        pa.field("value", pa.float64(), metadata={"doc": "what the evidence says; null: nothing"}),
        pa.field("limit", pa.float64(), metadata={"doc": "the bound that was crossed; null: none was"}),
        pa.field("unit", pa.string(), nullable=False, metadata={"doc": "UCUM unit of value and limit"}),
        pa.field("details", pa.list_(pa.string()), nullable=False, metadata={"doc": "names behind the value"}),
    ],
    metadata={"kind": "dure.verdicts", "version": "1"},
)


@dataclass(frozen=True)
class Gate:
    """Bounds on one property of one check.

    Attributes:
        check: name of the check whose evidence is judged.
        property: the property judged; rows `property/NAME` explain it.
        low, high: the closed interval that passes; None: open on that side.
        forbidden: single values that do not pass.
        unit: UCUM unit of the bounds, which must be that of the evidence.
        action: what becomes of a candidate that does not pass: `refuse` or only `flag`.
        title: the property's name for readers, `{"ko": …, "en": …}`; the property itself where none is given.
        source: where the bounds come from, for readers.

    Raises:
        BadInput: a gate that nothing could pass, or that nothing could fail.
    """

    check: str
    property: str
    low: float | None = None
    high: float | None = None
    forbidden: tuple[float, ...] = ()
    unit: str = "1"
    action: Literal["refuse", "flag"] = "refuse"
    title: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        where = f"gate {self.check}.{self.property}"
        bounds = [bound for bound in (self.low, self.high, *self.forbidden) if bound is not None]
        if not bounds:
            raise BadInput(
                "it has no bound, so nothing could fail it", where=where, remedy="give low, high or forbidden"
            )
        if not all(map(math.isfinite, bounds)):
            raise BadInput(f"a bound is not a finite number: {bounds}", where=where, remedy="leave the open side out")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise BadInput(f"low {self.low:g} is above high {self.high:g}", where=where, remedy="exchange the two")
        if self.action not in (REFUSE, FLAG):
            raise BadInput(f"action {self.action!r} is unknown", where=where, remedy="write refuse or flag")

    def describe(self) -> dict[str, Any]:
        """All that its verdicts depend on, as canonical values."""
        return {
            "action": self.action,
            "forbidden": sorted(self.forbidden),
            "high": self.high,
            "low": self.low,
            "property": self.property,
            "unit": self.unit,
        }

    def name(self, lang: str) -> str:
        """The property's name for readers."""
        return self.title.get(lang) or self.property

    def judge(
        self, candidates: Sequence[str], evidence: pa.Table, failures: Mapping[str, str] | None = None
    ) -> pa.Table:
        """One verdict (schema `VERDICTS`) a candidate, in the order given.

        A value known only as `<` or `>` fails where no value it stands for would pass, and is flagged as `undecided`
        where some would. `failures` says of which candidates the check itself failed, and how.
        """
        value, least, most, told = self._align(candidates, evidence)
        code, limit = self._codes(value, least, most, told)
        verdict = np.full(len(candidates), self.action, dtype=object)
        verdict[code == "within"] = PASS
        verdict[code == "undecided"] = FLAG
        details = self._details(candidates, code, evidence, failures or {})
        columns = {
            "candidate": list(candidates),
            "rung": [self.check] * len(candidates),
            "property": [self.property] * len(candidates),
            "verdict": verdict,
            "code": code,
            "value": pa.array(value, from_pandas=True),  # NaN is "not known" here and null in the table
            "limit": pa.array(limit, from_pandas=True),
            "unit": [self.unit] * len(candidates),
            "details": details,
        }
        return pa.table(columns, schema=VERDICTS)

    def _align(self, candidates: Sequence[str], evidence: pa.Table) -> tuple[np.ndarray, ...]:
        """Value, least and greatest possible value, and whether there is evidence; shape (candidates,) each."""
        rows = evidence.filter(pc.equal(evidence["property"], self.property))
        self._same_unit(rows)
        place = {candidate: i for i, candidate in enumerate(candidates)}
        at = np.array([place[candidate] for candidate in rows["candidate"].to_pylist()], dtype=np.intp)
        value = np.full(len(candidates), np.nan)
        value[at] = rows["value"].to_numpy()
        told = np.zeros(len(candidates), dtype=bool)
        told[at] = True
        qualifier = np.full(len(candidates), "=", dtype=object)
        qualifier[at] = rows["qualifier"].to_numpy()
        # `<` and `>` leave the value itself out: "< 5" holds nothing that reaches a lower bound of 5.
        least = np.select([qualifier == "<", qualifier == ">"], [-np.inf, np.nextafter(value, np.inf)], value)
        most = np.select([qualifier == ">", qualifier == "<"], [np.inf, np.nextafter(value, -np.inf)], value)
        return value, least, most, told

    def _same_unit(self, rows: pa.Table) -> None:
        units = set(rows["unit"].unique().to_pylist()) - {self.unit}
        if units:
            raise BadInput(
                f"the bounds are in {self.unit}, the evidence is in {min(units)}",
                where=f"gate {self.check}.{self.property}",
                remedy="state the bounds in the unit of the check",
            )

    def _codes(
        self, value: np.ndarray, least: np.ndarray, most: np.ndarray, told: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reason code and the limit crossed (NaN: none), shape (candidates,) each."""
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        cases = [
            ("no-evidence", ~told, np.nan),
            ("check-failed", np.isnan(value), np.nan),
            ("below", most < low, low),
            ("above", least > high, high),
            ("forbidden", np.isin(value, self.forbidden) & (least == most), np.nan),
            ("undecided", (least < low) | (most > high), np.nan),
        ]
        codes, hits, limits = zip(*cases, strict=True)
        return (
            np.select(hits, [np.array(code, dtype=object) for code in codes], np.array("within", dtype=object)),
            np.select(hits, limits, np.nan),
        )

    def _details(
        self, candidates: Sequence[str], code: np.ndarray, evidence: pa.Table, failures: Mapping[str, str]
    ) -> list[list[str]]:
        """The names behind each verdict that is not `pass`: those of `property/NAME` that tell why."""
        prefix = self.property + "/"
        rows = evidence.filter(pc.starts_with(evidence["property"], prefix))
        names: dict[tuple[str, str], list[str]] = {}
        for candidate, name, value in zip(
            *(rows[c].to_pylist() for c in ("candidate", "property", "value")), strict=True
        ):
            names.setdefault((candidate, _tells(value)), []).append(name.removeprefix(prefix))
        for candidate, failure in failures.items():
            names.setdefault((candidate, "check-failed"), []).append(failure)
        return [sorted(names.get(key, ())) for key in zip(candidates, code, strict=True)]


def _tells(value: float | None) -> str:
    """Which verdict a detail explains."""
    if value is None:
        return "check-failed"
    return "above" if value else "below"
