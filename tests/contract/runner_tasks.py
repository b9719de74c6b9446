"""Tasks for the conformance suite of runners; in a module of their own, since workers import them."""

import json
import sys
import time

from dure.base.errors import BadInput
from dure.compute.task import task


@task(version=1)
def double(inputs, params, seed, progress):
    return {name: data * 2 for name, data in inputs.items()}


@task(version=1)
def arguments(inputs, params, seed, progress):
    seen = {"params": params, "seed": seed, "types": [type(value).__name__ for value in params.values()]}
    return {"seen": json.dumps(seen).encode()}


@task(version=1)
def steps(inputs, params, seed, progress):
    for i in range(params["n"]):
        progress(i / params["n"], f"step {i}")
    return {}


@task(version=1)
def long_way(inputs, params, seed, progress):
    """Ends by itself after a minute, and reports all the while."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        progress(0.5, "on my way")
        time.sleep(0.01)
    return {}


@task(version=1)
def fails(inputs, params, seed, progress):
    raise ValueError(params["message"])


@task(version=1)
def refuses(inputs, params, seed, progress):
    raise BadInput("three rows are too few", where="table", remedy="give ten")


@task(version=1)
def leaves(inputs, params, seed, progress):
    sys.exit(0)


@task(version=1)
def returns_text(inputs, params, seed, progress):
    return {"text": "not bytes"}


@task(version=1)
def works(inputs, params, seed, progress):
    begun = time.process_time()
    while time.process_time() - begun < 0.05:
        pass
    return {}
