"""A laboratory that names what its subsets are made of: the jars of a pantry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from dure.base.canonical import canonical
from dure.compute.task import task

JARS = ("anise", "caraway", "fennel", "nigella", "poppy", "sesame")


@task(version=1)
def jars(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """All that stand on the shelf that `[lab] shelf` names: the lower one holds every second jar."""
    return {"items": canonical(list(JARS[:: 2 if params["lab"]["shelf"] == "lower" else 1]))}


@task(version=1)
def taste(
    inputs: Mapping[str, bytes], params: Mapping[str, Any], seed: int | None, progress: Callable[[float, str], None]
) -> Mapping[str, bytes]:
    """Letters of the seeds that are taken, each but once."""
    _, content, _ = json.loads(inputs["candidate"])
    return {"values": canonical({"aroma": {"value": len(set("".join(content["items"])))}})}
