"""Controls: the same loop run in memory on values that are known, to see what the campaign owes to its strategy.

They run after the plate was unsealed, as tasks of their own, with seeds of their own; nothing of them reaches the
campaign.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dure.base.canonical import canonical, digest
from dure.campaign.field import load_field
from dure.campaign.run import read_blocks
from dure.compute.task import task
from dure.design.contract import Floats, Knowledge, Strategy
from dure.design.pool import PoolSpace
from dure.design.strategies import strategy
from dure.lab.potency import flip


@task(version=4, distributions=("numpy", "scipy", "scikit-learn"))
def control_campaigns(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Whole campaigns on known values: `pool`, `features` and `wells` in, `orders` out.

    Args:
        inputs: the prepared pool, its features (`features-00000` …) where it has any, and all values.
        params: `field`, `strategy`, `first`, `batch`, `rounds`, `sign`, `seeds` and `permuted`: whether the values are
            shuffled, so that the strategy learns from noise.

    Returns:
        `orders`: JSON, for each seed the candidate ids in the order in which they were tested.
    """
    field = load_field(params["field"])
    table = pq.read_table(io.BytesIO(inputs["pool"])).select(["id", "content", "form"])
    blocks = read_blocks(field, [data for name, data in sorted(inputs.items()) if name.startswith("features-")])
    pool = PoolSpace(params["kind"], table, blocks)
    values, qualifiers = aligned(pool, pq.read_table(io.BytesIO(inputs["wells"])), params["sign"])
    batches = [params["first"], *([params["batch"]] * params["rounds"])]
    orders = []
    for number in params["seeds"]:
        rng = np.random.default_rng([seed or 0, number])
        shown = rng.permutation(len(values)) if params["permuted"] else np.arange(len(values))
        orders.append(simulate(pool, values[shown], qualifiers[shown], strategy(params["strategy"]), batches, rng))
        progress(len(orders) / len(params["seeds"]), "controls")
    return {"orders": canonical(orders)}


def aligned(pool: PoolSpace, wells: pa.Table, sign: float = 1.0) -> tuple[Floats, NDArray[np.str_]]:
    """Values and qualifiers of a pool in its own order, shape (pool,), turned so that more is better."""
    place = {identifier: i for i, identifier in enumerate(wells["candidate"].to_pylist())}
    order = [place[identifier] for identifier in pool.ids]
    qualifiers = np.array(wells["qualifier"].to_pylist())
    turned = qualifiers if sign > 0 else flip(qualifiers)
    return sign * wells["value"].to_numpy(zero_copy_only=False)[order], turned[order]


def simulate(
    pool: PoolSpace,
    values: Floats,
    qualifiers: NDArray[np.str_],
    chooser: Strategy,
    batches: Sequence[int],
    rng: np.random.Generator,
) -> list[str]:
    """Candidate ids in the order in which a strategy tests them, when it is told these values and their qualifiers."""
    tested: list[int] = []
    left = min(sum(batches), len(pool))
    for batch in batches:
        known = pool.take(tested)
        told = tuple(qualifiers[tested].tolist())
        none = np.full(len(tested), np.nan)
        knowledge = Knowledge(tuple(known), values[tested], none, told, assays_left=left, pool_size=len(pool))
        chosen = chooser.ask(pool, knowledge, min(batch, left), rng)
        if not chosen:
            break
        tested += pool.position([c.id for c in chosen]).tolist()
        left -= len(chosen)
    return [pool.ids[i] for i in tested]


def control_seed(problem_digest: str, name: str) -> int:
    """The seed of a control: of the problem and the control's name."""
    return int(digest([problem_digest, "control", name])[3:11], 16)


def read_orders(data: bytes) -> list[list[str]]:
    """The result of `control_campaigns`."""
    orders: list[list[str]] = json.loads(data)
    return orders
