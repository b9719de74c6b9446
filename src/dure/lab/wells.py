"""Published values of one candidate joined into one well.

Exact values are averaged in the objective's unit; for a logarithm that is the geometric mean of what was measured.
Values that differ by more than `agreement` are no replicates of one thing: the candidate is refused and listed. A limit
(`<`, `>`) beside exact values must not contradict them and adds nothing; among limits alone the tightest counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dure.base.errors import BadInput


@dataclass(frozen=True)
class Wells:
    """One entry a candidate, ascending by id.

    Attributes:
        candidate, value, sd, qualifier, n: as in `dure.lab.replay.WELLS`; sd is that of the value itself (of
            the mean, where there are several); none for a single value.
        rows: numbers of the dataset rows behind each, joined by commas.
        refused: candidates whose values do not agree, with the row numbers and the difference.
    """

    candidate: list[str]
    value: list[float]
    sd: list[float | None]
    qualifier: list[str]
    n: list[int]
    rows: list[str]
    refused: list[tuple[str, str, float]]


def to_scale(
    value: NDArray[np.float64], qualifier: NDArray[np.str_], scale: str
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Values and qualifiers on the objective's scale.

    Args:
        value: in mol/L for `p`, in the objective's unit for `linear`.
        qualifier: `=`, `<` or `>`.
        scale: `p` gives -log10, which turns `>` into `<`; `linear` gives the value itself.
    """
    if scale == "linear":
        return value, qualifier
    if scale != "p":
        raise BadInput(f"{scale!r} is no scale", where="[lab], scale", remedy="write p (for -log10 of mol/L) or linear")
    flipped = np.array([{"<": ">", ">": "<"}.get(q, q) for q in qualifier], dtype=str)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log10(value), flipped


def join_values(
    candidate: Sequence[str | None],
    value: NDArray[np.float64],
    qualifier: NDArray[np.str_],
    rows: Sequence[int],
    agreement: float,
) -> Wells:
    """Joins rows of a dataset by candidate; rows without candidate or value are left out.

    Args:
        candidate, value, qualifier, rows: one entry a row of the dataset, each in any order.
        agreement: how far values of one candidate may lie apart, in the unit of the values.
    """
    table = pl.DataFrame(
        {"candidate": candidate, "value": value, "q": qualifier.astype(object), "row": rows}, strict=False
    )
    table = table.filter(pl.col("candidate").is_not_null() & pl.col("value").is_finite()).sort("candidate", "row")
    exact, above, below = (pl.col("value").filter(pl.col("q") == q) for q in ("=", ">", "<"))
    joined = table.group_by("candidate", maintain_order=True).agg(
        exact.mean().alias("mean"),
        (exact.std(ddof=1) / exact.len().sqrt()).alias("sd"),
        exact.len().alias("n"),
        (exact.max() - exact.min()).alias("spread"),
        above.max().alias("above"),
        below.min().alias("below"),
        pl.len().alias("limits"),
        pl.col("row").cast(pl.String).str.join(",").alias("rows"),
    )
    # How far limits and exact values contradict each other; null where there is nothing to contradict.
    known = pl.col("mean")
    joined = joined.with_columns(
        pl.max_horizontal(
            pl.col("spread"),
            pl.col("above") - known,
            known - pl.col("below"),
            pl.when(known.is_null() & (pl.col("above") > pl.col("below"))).then(float("inf")),
            0.0,
        ).alias("apart")
    )
    both = known.is_null() & pl.col("above").is_not_null() & pl.col("below").is_not_null()
    refuse = (pl.col("apart") > agreement) | both
    refused = joined.filter(refuse)
    # Equal to the last digit, values are one value written twice and say nothing of their error.
    sure = pl.when(pl.col("spread") > 0).then(pl.col("sd"))
    good = joined.filter(~refuse).with_columns(
        sure.alias("sd"),
        pl.coalesce("mean", "above", "below").alias("value"),
        pl.when(known.is_not_null())
        .then(pl.lit("="))
        .when(pl.col("above").is_not_null())
        .then(pl.lit(">"))
        .otherwise(pl.lit("<"))
        .alias("qualifier"),
        pl.when(known.is_not_null()).then(pl.col("n")).otherwise(pl.col("limits")).alias("n"),
    )
    candidates, value_, sd, sign, n, joined_rows = (
        good[name].to_list() for name in ("candidate", "value", "sd", "qualifier", "n", "rows")
    )
    apart = [(r["candidate"], r["rows"], r["apart"]) for r in refused.iter_rows(named=True)]
    return Wells(candidates, value_, sd, sign, n, joined_rows, apart)
