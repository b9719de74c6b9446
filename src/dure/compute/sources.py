"""Whether the source of a task changed without its version.

`tests/task_sources.json` holds the version and source digest of every task of Dure. The source of a task is its
function with every function, class and constant of its package that it uses, directly or through others, without
comments, docstrings and blank lines, and the data files beside them that they name. What `dure.base` and `dure.compute`
give is left out: it carries a task, and computes nothing.

After raising a version or adding a task: `python -m dure.compute.sources tests/task_sources.json`.
"""

from __future__ import annotations

import ast
import importlib
import io
import json
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

import dure
from dure.base.canonical import digest, digest_bytes
from dure.compute.task import Task, declared

_DATA = ("toml", "json")
"""Endings of the data files that lie beside code and are read by it."""
_CARRIERS = ("dure.base", "dure.compute")


class Entry(TypedDict):
    """What is kept of a task."""

    version: int
    source: str


def entries() -> dict[str, Entry]:
    """The present version and source digest of every task declared in the package `dure`, by name."""
    root = Path(dure.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if re.search(r"^@task\(", path.read_text("utf-8"), re.MULTILINE):
            importlib.import_module(".".join(("dure", *path.relative_to(root).with_suffix("").parts)))
    tasks = [task for task in declared().values() if task.module.startswith("dure.")]
    return {task.name: {"version": task.version, "source": source_digest(task)} for task in tasks}


@cache
def code_version() -> str:
    """The version of Dure with the digest of its own source files: two states of the code have two names."""
    root = Path(dure.__file__).parent
    found = sorted(path for ending in ("py", *_DATA) for path in root.rglob(f"*.{ending}"))
    files = {str(path.relative_to(root)): digest_bytes(path.read_bytes()) for path in found}
    return f"{version('dure')}+{digest(files).removeprefix('b3:')[:12]}"


def changed_silently(kept: dict[str, Entry], now: dict[str, Entry]) -> list[str]:
    """Names of tasks whose source is another although their version is the same."""
    both = kept.keys() & now.keys()
    return sorted(name for name in both if kept[name] != now[name] and kept[name]["version"] >= now[name]["version"])


def source_digest(task: Task) -> str:
    """The digest of everything in its own package that a task's result depends on."""
    package = task.module.partition(".")[0]
    found: dict[tuple[str, str], str] = {}
    waiting = [(task.module, task.function)]
    while waiting:
        place = waiting.pop()
        module = _module(place[0])
        if place in found or place[1] not in module.definitions:
            continue
        node = module.definitions[place[1]]
        found[place] = module.text(node) + "".join(module.data(node))
        waiting += [used for used in module.uses(node) if _counts(used[0], package)]
    return digest(sorted([*place, text] for place, text in found.items()))


@dataclass(frozen=True)
class _Module:
    """A parsed module: what is defined at its top, and what each definition uses."""

    name: str
    folder: Path
    lines: list[str]
    definitions: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str]]

    def text(self, node: ast.stmt) -> str:
        """The source of a definition without decorators, comments, docstrings and blank lines."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        for start, end in _docstrings(node):
            first = start - node.lineno
            lines[first : end - node.lineno + 1] = [""] * (end - start + 1)
        return "\n".join(line for line in _without_comments(lines) if line)

    def data(self, node: ast.stmt) -> Iterator[str]:
        """The digests of the data files beside the module that a definition names."""
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.endswith(_DATA):
                file = self.folder / part.value
                if file.is_file():
                    yield digest_bytes(file.read_bytes())

    def uses(self, node: ast.stmt) -> Iterator[tuple[str, str]]:
        """The (module, name) of everything that a definition refers to."""
        local = dict(_imports(ast.walk(node), self.name))
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                yield local.get(part.id) or self.imports.get(part.id) or (self.name, part.id)
            elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                module, name = local.get(part.value.id) or self.imports.get(part.value.id) or ("", "")
                yield (f"{module}.{name}" if name else module), part.attr  # `chem.standardise` with `chem` a module


@cache
def _module(name: str) -> _Module:
    try:
        spec = find_spec(name) if name else None
    except ModuleNotFoundError:  # an attribute of something that is no module
        spec = None
    path = spec.origin if spec else None
    if not path or not path.endswith(".py"):
        return _Module(name, Path(), [], {}, {})
    text = Path(path).read_text("utf-8")
    body = ast.parse(text).body
    definitions = {defined: node for node in body for defined in _names(node)}
    return _Module(name, Path(path).parent, text.splitlines(), definitions, dict(_imports(iter(body), name)))


def _counts(module: str, package: str) -> bool:
    inside = module == package or module.startswith(f"{package}.")
    return inside and not module.startswith(_CARRIERS)


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _imports(nodes: Iterator[ast.AST], inside: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each imported name, with the module and the name that it stands for (no name: the module itself)."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((alias.asname or alias.name, (node.module, alias.name)) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, (alias.name, "")) for alias in node.names if alias.asname)
        elif isinstance(node, ast.ImportFrom):
            raise TypeError(f"{inside} imports by a relative path, which the digest of its tasks cannot follow")


def _docstrings(node: ast.stmt) -> Iterator[tuple[int, int]]:
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(part):
            yield part.body[0].lineno, part.body[0].end_lineno or part.body[0].lineno


def _without_comments(lines: list[str]) -> list[str]:
    kept = list(lines)
    for token in tokenize.generate_tokens(io.StringIO("\n".join([*lines, ""])).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            kept[row - 1] = kept[row - 1][:column]
    return [line.rstrip() for line in kept]


def main(path: Path) -> int:
    """Writes the present state to the file; refuses while a source changed without its version."""
    now = entries()
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    silent = changed_silently(kept, now)
    for name in silent:
        print(f"{name}: its source changed; raise its version above {kept[name]['version']}", file=sys.stderr)
    if not silent:
        path.write_text(json.dumps(now, indent=2, sort_keys=True) + "\n", "utf-8")
    return int(bool(silent))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
