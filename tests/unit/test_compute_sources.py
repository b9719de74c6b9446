import importlib
import json
import sys
import textwrap
from itertools import count
from pathlib import Path

import pytest

from dure.compute.sources import changed_silently, entries, main, source_digest

KEPT = Path(__file__).parents[1] / "task_sources.json"
_numbers = count()

BASE = '''
    """A module."""
    from dure.compute.task import task
    from {package}.other import helper
    import {package}.third as third

    LIMIT = 3
    UNUSED = 1

    def _inner(x):
        """Says what."""
        return x * LIMIT  # why

    @task(version=1)
    def compute(inputs, params, seed, progress):
        from {package}.late import later
        return {{"a": bytes(_inner(helper(later(third.number(1)))))}}
'''
OTHER = "def helper(x):\n    return deeper(x)\n\ndef deeper(x):\n    return x + 1\n\ndef bystander():\n    return 0\n"
FILES = {
    "main": BASE,
    "other": OTHER,
    "third": "def number(x):\n    return x\n",
    "late": "def later(x):\n    return x\n",
}


@pytest.fixture
def digest_of(tmp_path, monkeypatch):
    """Writes a package, with one text changed for another in one of its files; the digest of its task."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(file="main", old="", new=""):
        package = f"made_{next(_numbers)}"
        (tmp_path / package).mkdir()
        for name, text in {"__init__": "", **FILES}.items():
            if name == file:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / package / f"{name}.py").write_text(
                textwrap.dedent(text).format(package=package) if name == "main" else text
            )
        importlib.invalidate_caches()
        module = importlib.import_module(f"{package}.main")
        texts = source_digest(module.compute)
        for name in [name for name in sys.modules if name.startswith(package)]:
            del sys.modules[name]
        return package, texts

    return make


@pytest.fixture(autouse=True)
def same_name(monkeypatch):
    """The packages differ in name only, which is part of the digest: leave it out."""
    import dure.compute.sources as sources

    real = sources.digest
    strip = lambda text: __import__("re").sub(r"made_\d+", "made", text)  # noqa: E731
    monkeypatch.setattr(sources, "digest", lambda value: real(json.loads(strip(json.dumps(value)))))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main", '"a": bytes', '"b": bytes'),
        ("main", "LIMIT = 3", "LIMIT = 4"),
        ("main", "return x * LIMIT", "return LIMIT"),
        ("other", "return x + 1", "return x + 2"),
        ("third", "return x", "return -x"),
        ("late", "return x", "return -x"),
    ],
)
def test_what_a_task_depends_on_is_part_of_its_source(digest_of, file, old, new):
    assert digest_of()[1] != digest_of(file, old, new)[1]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main", "  # why", "  # another reason"),
        ("main", '"""Says what."""', '"""Says it otherwise,\n\n        at length."""'),
        ("main", "UNUSED = 1", "UNUSED = 2"),
        ("main", "version=1", "version=2"),
        ("other", "return 0", "return 1"),
    ],
)
def test_what_it_does_not_depend_on_is_not(digest_of, file, old, new):
    assert digest_of()[1] == digest_of(file, old, new)[1]


def test_a_change_needs_a_higher_version():
    kept = {"a": {"version": 2, "source": "x"}, "gone": {"version": 1, "source": "x"}}
    assert changed_silently(kept, {"a": {"version": 2, "source": "x"}, "new": {"version": 1, "source": "z"}}) == []
    assert changed_silently(kept, {"a": {"version": 2, "source": "y"}}) == ["a"]
    assert changed_silently(kept, {"a": {"version": 1, "source": "x"}}) == ["a"]
    assert changed_silently(kept, {"a": {"version": 3, "source": "y"}}) == []


def test_the_command_writes_the_file_and_refuses_a_silent_change(tmp_path, capsys, monkeypatch):
    path = tmp_path / "kept.json"
    monkeypatch.setattr("dure.compute.sources.entries", lambda: {"a": {"version": 1, "source": "x"}})
    assert main(path) == 0
    before = path.read_text()
    monkeypatch.setattr("dure.compute.sources.entries", lambda: {"a": {"version": 1, "source": "y"}})
    assert main(path) == 1
    assert path.read_text() == before
    assert "raise its version above 1" in capsys.readouterr().err


def test_no_task_of_dure_changed_without_its_version():
    kept, now = json.loads(KEPT.read_text("utf-8")), entries()
    silent = changed_silently(kept, now)
    assert not silent, f"raise the version of {', '.join(silent)}"
    assert kept == now, "run: python -m dure.compute.sources tests/task_sources.json"
