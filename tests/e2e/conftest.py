"""A hub, the command line on it, and one small campaign that has run to its end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dure.cli.door import run

CORES = ("c1cc(%s)ccc1", "c1cc(%s)ncc1", "c1cc(%s)sc1", "c1cc(%s)cc2ccccc12", "C1CC(%s)NCC1")
GROUPS = ("C", "CC", "OC", "F", "Cl", "CO", "C(N)=O", "N(C)C")


def compounds() -> list[tuple[str, str, float]]:
    """Name, SMILES and IC50 in nM of forty molecules, best ones last."""
    made = [(core % group) for core in CORES for group in GROUPS]
    return [(f"cpd-{i}", smiles, round(10 ** (4.5 - i * 0.09 - (i % 3) * 0.2), 2)) for i, smiles in enumerate(made)]


@dataclass
class Answer:
    """What a command gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def all(self) -> str:
        return self.out + self.err


@pytest.fixture
def dure(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """`dure(*words)` runs a command in this process, on a hub in `tmp_path / "hub"` that is made when first needed."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    hub = tmp_path / "hub"

    def call(*words: object, on: Path | None = hub) -> Answer:
        if on == hub and not hub.exists() and "init" not in words:
            assert run(["init", str(hub)]) == 0
            capsys.readouterr()
        before = ["--hub", str(on)] if on is not None else []
        code = run([*before, *map(str, words)])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Answer(code, said.out, said.err)

    return call


def write_problem(folder: Path, rows: list[tuple[Any, ...]] | None = None, **changes: str) -> Path:
    """The template's own problem, small, beside a file of compounds; `changes` replace whole values by key."""
    from dure.campaign.field import load_field

    lines = ["compound,smiles,IC50 [nM]"]
    lines += [",".join(map(str, row)) for row in (compounds() if rows is None else rows)]
    (folder / "compounds.csv").write_text("\n".join(lines) + "\n", "utf-8")
    wanted = {"first": "8", "batch": "4", "rounds": "4", "seeds": "0", **changes}
    text = []
    for line in load_field("drug").template.splitlines():
        key = line.partition(" = ")[0]
        text.append(f"{key} = {wanted[key]}" if key in wanted else line)
    (folder / "problem.toml").write_text("\n".join(text), "utf-8")
    return folder / "problem.toml"


MANUAL = '[lab]\ndriver = "manual"\nassay = "test"\nversion = "1"\ntop = 10.0\nunit = "umol/L"\npoints = 6\n\n'
"""A laboratory of people, as a problem file names it."""


def in_laboratory(problem: Path, lab: str = MANUAL) -> Path:
    """The same problem file with another laboratory."""
    text = problem.read_text("utf-8")
    first, second, rest = text.index("[lab]"), text.index("# --- Laboratory, choice 2"), text.index("[ladder]")
    assert first < second < rest
    problem.write_text(text[:first] + lab + text[rest:], "utf-8")
    return problem


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The directory of a hub whose one campaign is finished, and what `dure run --json` said of it."""
    import contextlib
    import io

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(tmp_path_factory.getbasetemp() / "config"))
        patch.setenv("LC_ALL", "C.UTF-8")
        folder = tmp_path_factory.mktemp("finished")
        hub, problem = folder / "hub", write_problem(folder)
        said = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()):
            assert run(["init", str(hub)]) == 0
        with contextlib.redirect_stdout(said):
            assert run(["--hub", str(hub), "run", str(problem), "--json"]) == 0
    return hub, json.loads(said.getvalue())
