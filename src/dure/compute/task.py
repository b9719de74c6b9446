"""Tasks: functions of objects to objects, named by what they compute.

    @task(version=1, distributions=("rdkit",))
    def fingerprints(inputs, params, seed, progress):
        ...
        return {"matrix": data}

The key of a call is the digest of the task's name and declared version, the versions of the distributions it lists, the
digests of its inputs, its parameters and its seed; never of what it was given to run with. Raise the version with every
change of what is computed: a test compares the source with `tests/task_sources.json` and fails until that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dure.base.canonical import digest
from dure.base.errors import Unavailable

Inputs = Mapping[str, bytes]
Outputs = Mapping[str, bytes]
Progress = Callable[[float, str], None]
Body = Callable[[Inputs, Mapping[str, Any], int | None, Progress], Outputs]

_declared: dict[str, Task] = {}


@dataclass(frozen=True)
class Task:
    """A declared task; calling it calls its function, in this process.

    Attributes:
        name: permanent; part of every key.
        version: raised with every change of what is computed.
        distributions: packages whose version changes the result, as PyPI names them.
        threads: BLAS and OpenMP threads that it uses.
        module, function: where a worker finds it.
        body: the function itself.
    """

    name: str
    version: int
    distributions: tuple[str, ...]
    threads: int
    module: str
    function: str
    body: Body

    def __call__(self, inputs: Inputs, params: Mapping[str, Any], seed: int | None, progress: Progress) -> Outputs:
        return self.body(inputs, params, seed, progress)

    def key(self, inputs: Mapping[str, str], params: Mapping[str, Any], seed: int | None) -> str:
        """The digest that names this call.

        Args:
            inputs: digest of each input object by its name.
            params: a value that `dure.base.canonical` can write.
            seed: of its random numbers; None when it draws none.

        Raises:
            Unavailable: a distribution that it lists is not installed.
        """
        return digest(
            {
                "kind": "dure.task",
                "v": 1,
                "name": self.name,
                "version": self.version,
                "distributions": {name: _installed(name, self.name) for name in self.distributions},
                "inputs": dict(inputs),
                "params": dict(params),
                "seed": seed,
            }
        )


def task(
    *, version: int, distributions: tuple[str, ...] = (), threads: int = 1, name: str | None = None
) -> Callable[[Body], Task]:
    """Declares a module-level function a task.

    Args:
        version: as in `Task`.
        distributions: as in `Task`.
        threads: as in `Task`; more than 1 only where the result does not depend on it.
        name: `module.function` unless given; give it when the function moves, so that its results stay known.
    """

    def declare(body: Body) -> Task:
        module, function = body.__module__, body.__qualname__
        if "." in function or "<" in function:
            raise TypeError(f"{function} is not at the top of its module, so no worker can find it")
        made = Task(name or f"{module}.{function}", version, distributions, threads, module, function, body)
        other = _declared.setdefault(made.name, made)
        if (other.module, other.function) != (module, function):
            raise TypeError(f"two tasks are named {made.name}: in {other.module} and in {module}")
        _declared[made.name] = made
        return made

    return declare


def declared() -> dict[str, Task]:
    """All tasks of the modules imported so far, by name."""
    return dict(sorted(_declared.items()))


def _installed(distribution: str, needed_by: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        raise Unavailable(
            f"{distribution} is not installed",
            where=f"task {needed_by}",
            remedy=f"install it: pip install {distribution}",
        ) from None
