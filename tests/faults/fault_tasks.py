"""Tasks that go wrong in ways that only a process of their own survives; workers import them."""

import ctypes
import os
import subprocess
import time

from dure.compute.task import task


@task(version=1)
def fine(inputs, params, seed, progress):
    return {"pid": str(os.getpid()).encode()}


@task(version=1)
def sleeps(inputs, params, seed, progress):
    """Tells its process id, then does nothing for a minute."""
    progress(0, str(os.getpid()))
    time.sleep(60)
    return {}


@task(version=1)
def segfault(inputs, params, seed, progress):
    ctypes.string_at(0)
    return {}


@task(version=1)
def exits(inputs, params, seed, progress):
    os.write(2, "마지막 말\n".encode())
    os._exit(params["code"])


@task(version=1)
def spins(inputs, params, seed, progress):
    while True:
        pass


@task(version=1)
def fills(inputs, params, seed, progress):
    """Fills so many MiB, a little at a time, and holds them."""
    held = []
    for _ in range(params["mb"] // 10):
        held.append(b"x" * (10 << 20))
        time.sleep(0.005)
    time.sleep(params.get("hold", 0))
    return {"pid": str(os.getpid()).encode()}


@task(version=1)
def grabs(inputs, params, seed, progress):
    """Asks for far more at once than any machine of ours has."""
    return {"all": b"x" * (1 << 42)}


LEFT_BEHIND = []


@task(version=1)
def leaks(inputs, params, seed, progress):
    LEFT_BEHIND.append(b"x" * (params["mb"] << 20))
    return {"pid": str(os.getpid()).encode()}


@task(version=1)
def large_result(inputs, params, seed, progress):
    progress(0, str(os.getpid()))
    return {"large": b"x" * (1 << 30)}


@task(version=1)
def has_child(inputs, params, seed, progress):
    child = subprocess.Popen(["sleep", "60"])
    progress(0, str(child.pid))
    time.sleep(60)
    return {}


@task(version=1)
def prints(inputs, params, seed, progress):
    print("printed by a task", flush=True)
    return {"stdin": os.read(0, 10)}


@task(version=1)
def environment(inputs, params, seed, progress):
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED")
    return {name: os.environ[name].encode() for name in names}


@task(version=1, threads=2)
def two_threads(inputs, params, seed, progress):
    return {"OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"].encode()}


@task(version=1)
def interval(inputs, params, seed, progress):
    """When it ran, on the clock that all processes share."""
    begun = time.monotonic()
    time.sleep(params["seconds"])
    return {"interval": f"{begun} {time.monotonic()}".encode()}
