"""From a laboratory's file to measured results: normalised, fitted, averaged, and refused where they must be.

A file is taken whole or not at all. Within a file that is taken, a plate is a unit of trust: one that is refused fails
its own orders, with the reason, and the others go on; an order fails alone when its curve or its replicates do not hold
together. Plates that are not in the file yet go on waiting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dure.data.tables import read_table
from dure.lab.outcome import FAILURES, Failed, Measured, Protocol, flags_of
from dure.lab.plate import Well
from dure.lab.potency import combine, msr_control, to_p
from dure.lab.quality import PlateQuality
from dure.lab.readouts import measure
from dure.lab.resultfile import Fitted, ResultTable, read_fitted, read_raw

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Results:
    """What a file says.

    Attributes:
        kind: `raw` or `fitted`.
        measured: sorted by order.
        failed: sorted by order.
        waiting: orders of the worklist that the file does not hold, sorted.
        plates: records of the plates in the file; none for fitted values.
        reference: the reference compound on each accepted plate: append it to the history.
        msr: minimum significant ratio over history and these plates; NaN without.
        warnings: sentences for the reader.
    """

    kind: str
    measured: tuple[Measured, ...]
    failed: tuple[Failed, ...]
    waiting: tuple[str, ...]
    plates: tuple[PlateQuality, ...] = ()
    reference: tuple[float, ...] = ()
    msr: float = np.nan
    warnings: tuple[str, ...] = ()


def read_results(
    path: str | Path, worklist: Sequence[Well], protocol: Protocol | None = None, *, history: Sequence[float] = ()
) -> Results:
    """Reads RESULTS.csv: raw readouts of whole plates, or fitted values of orders.

    Args:
        path: the file, in any form that `read_table` knows.
        worklist: the wells that were handed to the laboratory, of all its open plates.
        protocol: what was measured.
        history: the reference compound on the plates accepted before, oldest first.

    Raises:
        DureError: the file is no table, or does not match the worklist; nothing of it is taken.
    """
    protocol = protocol or Protocol()
    table = ResultTable(read_table(path), worklist)
    if table.is_raw():
        raw = read_raw(table, protocol.wells)
        done, plates, reference = measure(raw, protocol, history)
        msr = msr_control([*history, *reference]) if protocol.is_potency else np.nan
        return _results("raw", worklist, done, raw.warnings, plates, reference, msr)
    fitted = read_fitted(table, _quantities(protocol), protocol.unit)
    note = "fitted values carry no plates: their quality was judged by the laboratory alone"
    return _results("fitted", worklist, _from_fitted(fitted, worklist, protocol), (*fitted.warnings, note))


def evidence_columns(results: Results) -> dict[str, list[object]]:
    """The measured results as columns of evidence; the caller adds kind, assay and time."""
    rows = results.measured
    columns: dict[str, list[object]] = {
        name: [getattr(m, name) for m in rows]
        for name in ("candidate", "property", "value", "unit", "qualifier", "n", "method", "source")
    }
    for name in ("sd", "lower", "upper"):
        columns[name] = [None if np.isnan(v := getattr(m, name)) else v for m in rows]
    columns["sample"] = [m.sample.lot or None for m in rows]
    return columns


def _results(
    kind: str,
    worklist: Sequence[Well],
    done: Iterable[Measured | Failed],
    warnings: tuple[str, ...],
    plates: tuple[PlateQuality, ...] = (),
    reference: tuple[float, ...] = (),
    msr: float = np.nan,
) -> Results:
    ordered = sorted(done, key=lambda result: result.order)
    plate_of = {w.order: w.plate for w in worklist if w.order}
    waiting = plate_of.keys() - {result.order for result in ordered}
    return Results(
        kind,
        tuple(r for r in ordered if isinstance(r, Measured)),
        tuple(replace(r, plate=plate_of[r.order]) for r in ordered if isinstance(r, Failed)),
        tuple(sorted(waiting)),
        plates,
        reference,
        msr,
        warnings,
    )


def _quantities(protocol: Protocol) -> list[str]:
    """Names of columns that the value may stand in, the property's own first."""
    if not protocol.is_potency:
        return [protocol.measures]
    own = [protocol.measures, protocol.measures[1:]]
    return [*own, "pIC50", "IC50"] if protocol.measures == "pKi" else own


def _from_fitted(fitted: Fitted, worklist: Sequence[Well], protocol: Protocol) -> list[Measured | Failed]:
    value, qualifier = _in_property(fitted, protocol)
    candidates = {w.order: w.candidate for w in worklist if w.order}
    at: dict[str, list[int]] = {}
    for i, order in enumerate(fitted.orders):
        at.setdefault(order, []).append(i)
    return [
        _fitted_order(order, candidates[order], np.array(index), fitted, value[index], qualifier[index], protocol)
        for order, index in at.items()
    ]


def _in_property(fitted: Fitted, protocol: Protocol) -> tuple[Floats, NDArray[np.str_]]:
    """Values and qualifiers in the property and its unit."""
    values = fitted.values
    if not protocol.is_potency:
        return values.value, values.qualifier
    p, qualifier = values.value, values.qualifier
    if not fitted.quantity.startswith("p"):
        p, qualifier = to_p(p, qualifier, values.unit)
    return p + (protocol.shift if fitted.quantity in ("IC50", "pIC50") else 0.0), qualifier


def _fitted_order(
    order: str,
    candidate: str,
    index: NDArray[np.int64],
    fitted: Fitted,
    value: Floats,
    qualifier: NDArray[np.str_],
    protocol: Protocol,
) -> Measured | Failed:
    z = fitted.zprime[index]
    if np.any(z < protocol.limits.refuse_zprime):
        reason = f"its plate has Z′ {np.nanmin(z):.2f}, below {protocol.limits.refuse_zprime:g}"
        return Failed(order, candidate, "plate-refused", reason)
    read = np.isfinite(value)
    if not read.any():
        return Failed(order, candidate, "no-value", FAILURES["no-value"])
    if not protocol.is_potency and len(set(qualifier[read])) > 1:
        return Failed(order, candidate, "replicates-discordant", "exact and censored values cannot be averaged")
    found = combine(value[read], qualifier[read], within=protocol.concordant if protocol.is_potency else np.inf)
    if found.discordant:
        return Failed(order, candidate, "replicates-discordant", found.discordant)
    flags = [f"its plate has Z′ {np.nanmin(z):.2f}"] if np.any(z < protocol.limits.flag_zprime) else []
    sample = fitted.samples[order]
    sd, n = fitted.sd[index][read], fitted.n[index][read]
    alone = read.sum() == 1
    return Measured(
        order, candidate, protocol.measures, found.value, protocol.unit, found.qualifier,
        float(sd[0]) if alone else found.se, found.lower, found.upper,
        int(np.nansum(n)) if np.isfinite(n).all() else found.n,
        protocol.method("laboratory-fit"), sample, "rows " + ",".join(map(str, fitted.rows[index])),
        (*flags, *flags_of(sample, protocol)),
    )  # fmt: skip
