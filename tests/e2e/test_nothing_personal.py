"""Names, resident numbers and file names go through every command, and none of them is ever in the ledger.

The ledger cannot be rewritten, so what once stood there could never be forgotten: not the text, and not a digest of it,
which anyone who guesses the text can compute.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.e2e.conftest import MANUAL, compounds, in_laboratory, write_problem

from dure.base.canonical import digest, digest_bytes, sha256_bytes
from dure.hub import Hub

MARKS = ("홍길동", "Gildong", "900101-1234568")
TEXT = " ".join(MARKS)
NAME = "-".join(MARKS)


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something by itself."""
    for name, command in group.commands.items():
        inside = hasattr(command, "commands")
        if inside:
            yield from commands(command, (*path, name))
        if not inside or command.invoke_without_command:
            yield (*path, name)


def marked_problem(folder: Path, lab: str | None = None) -> Path:
    """A problem whose title, files and compounds bear the marks, and its laboratory where one is given."""
    rows = [(f"{name} {TEXT}", smiles, value) for name, smiles, value in compounds()]
    path = write_problem(folder, rows, first="4", batch="2", rounds="1")
    if lab is not None:
        in_laboratory(path, lab)
    text = path.read_text("utf-8")
    (folder / "compounds.csv").rename(folder / f"{NAME}.csv")
    for before, after in (
        ('"compounds.csv"', f'"{NAME}.csv"'),
        ('# name = "compound"', 'name = "compound"'),
        ("Potent compounds in my series", TEXT),
        ("내 화합물 계열에서 활성이 높은 화합물 찾기", TEXT),
    ):
        assert before in text, before
        text = text.replace(before, after)
    marked = folder / f"{NAME}.toml"
    marked.write_text(text, "utf-8")
    return marked


def scans(folder: Path, *, labelled: bool) -> Path:
    """Spectra of forty-eight samples of twelve lots that bear the marks; with their content, or without it."""
    rng = np.random.default_rng(3)
    channels = [850 + 4 * i for i in range(24)]
    path = folder / f"{NAME}-{'scans' if labelled else 'asked'}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        head = ["lot", "season", "instrument", "sample"]
        writer.writerow([*head, *(["content [%]"] if labelled else []), *channels])
        for i in range(48):
            content = rng.uniform(5, 40)
            shape = np.exp(-(((np.array(channels) - 900) / 30.0) ** 2))
            scan = 2 + 0.02 * content * shape + 0.001 * rng.normal(size=len(channels))
            labels = [f"lot {i % 12} {TEXT}", "2026", "A", f"{TEXT} {i}"]
            writer.writerow([*labels, *([f"{content:.2f}"] if labelled else []), *(f"{v:.5f}" for v in scan)])
    return path


def arrays(folder: Path, *, trained: bool) -> Path:
    """Methylation arrays that bear the marks: of eighty donors with their age, or of forty people before and after."""
    rng = np.random.default_rng(5)
    slope = rng.normal(0, 0.002, 40)
    path = folder / f"{NAME}-{'arrays' if trained else 'before-after'}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        cpgs = [f"cg{i:08d} [1]" for i in range(40)]
        writer.writerow([*(["donor", "age [a]"] if trained else ["person", "arm", "time [a]"]), *cpgs])
        for i in range(80):
            age = rng.uniform(20, 80) if trained else 50
            beta = 0.5 + slope * (age - 50) + rng.normal(0, 0.01, 40)
            own = [f"{TEXT} {i}", f"{age:.1f}"] if trained else [f"{TEXT} {i // 2}", ("placebo", TEXT)[i // 40], i % 2]
            writer.writerow([*own, *(f"{v:.4f}" for v in beta)])
    return path


def results(folder: Path, ordered: list[dict[str, str]]) -> Path:
    path = folder / f"{NAME}-results.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["order", "pIC50", "lot", "operator"])
        writer.writerows([row["order"], 6 + i / 10, f"lot {TEXT}", TEXT] for i, row in enumerate(ordered))
    return path


def test_marks_pushed_through_every_command_are_not_in_the_ledger(dure, tmp_path, monkeypatch) -> None:
    from typer.main import get_command

    from dure.cli.app import app

    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, NAME)
    called: set[tuple[str, ...]] = set()
    hub = tmp_path / f"hub {NAME}"
    known = set(commands(get_command(app)))

    def call(*words: object, codes: tuple[int, ...] = (0,)) -> Any:
        answer = dure(*words, on=None if words[0] == "init" else hub)
        called.add(tuple(map(str, words[:2])) if tuple(map(str, words[:2])) in known else (str(words[0]),))
        assert answer.code in codes, (words, answer.all)
        return answer

    replay, manual = tmp_path / "replay", tmp_path / f"manual {NAME}"
    for folder in (replay, manual):
        folder.mkdir()
    lab = (
        MANUAL.replace('"test"', f'"{TEXT}"').replace('"1"', f'"{TEXT}"').replace("\n\n", f'\nreference = "{TEXT}"\n\n')
    )

    call("init", hub)
    call("new", tmp_path / f"{NAME}-new.toml")
    call("sources")
    call("fetch", NAME, codes=(5,))
    own = tmp_path / f"{NAME}-own.csv"
    own.write_text(f"patient,value\n{TEXT},1\n", "utf-8")
    said = ("--title", TEXT, "--title-ko", TEXT, "--citation", TEXT, "--licence", "LicenseRef-Gildong")
    call("deposit", own, *said, "--json")
    call("deposit", own, *said, "--duo", f"DS={TEXT}")
    call("datasets")
    newcomer = tmp_path / f"{NAME}.token"
    person = call("principals", "add", TEXT, "--role", "auditor", "--token", newcomer, "--json").json["id"]
    call("principals", "add", TEXT, "--role", TEXT, "--token", tmp_path / "other", codes=(2,))
    call("principals", "list")
    call("principals", "roles", person, "--role", "steward")
    call("principals", "token", person, "--token", tmp_path / f"{NAME}-2.token")
    shared = call("deposit", own, *said, "--access", "open", "--duo", "NRES", "--json").json["accession"]
    call("datasets", "export", TEXT, tmp_path / "nowhere", codes=(5,))
    call("datasets", "export", shared, tmp_path / f"{NAME}-copy", codes=(0, 3))
    call("datasets", "withdraw", shared, "--reason", "error")
    finished = call("run", marked_problem(replay), "--json").json
    call("run", marked_problem(manual, lab), "--json", codes=(8,))
    call("lab", "list")
    files = [Path(name) for name in call("lab", "worklist", "--json").json]
    newest = max(file for file in files if file.name == "compounds.csv")
    ordered = list(csv.DictReader(newest.read_text("utf-8").splitlines()))
    wrong = tmp_path / f"{NAME}-wrong.csv"
    wrong.write_text(f"order,pIC50\n{TEXT},7\n", "utf-8")
    call("lab", "import", wrong, codes=(2,))
    call("lab", "import", results(tmp_path, ordered))
    call("lab", "decide", TEXT, "--found", codes=(5,))
    call("resume", codes=(8,))
    (open_,) = [row for row in call("campaigns", "--json").json if row["campaign"] != finished["campaign"]]
    for word in ("show", "trace", "report"):
        call(word, open_["campaign"])
        call(word, TEXT, codes=(5,))
    readings = tmp_path / f"{NAME}-readings.csv"
    call("report", finished["campaign"], "--lang", "ko", "--output", tmp_path / f"{NAME}.html", "--table", readings)
    call("stop", open_["campaign"])
    call("doctor", "--json")
    call("doctor", "--rebuild")
    call("doctor", "--mend")
    call("fields")
    call("train", "agrifood/nir", "--data", scans(tmp_path, labelled=True), "--quick", "--json")
    call("models", "--json")
    predicted = tmp_path / f"{NAME}-predicted.csv"
    call("predict", "agrifood/nir", scans(tmp_path, labelled=False), "--outside", "--output", predicted)
    call("predict", f"agrifood/{NAME}", own, codes=(5,))
    call("train", "brain/clock", "--data", arrays(tmp_path, trained=True), "--quick", "--json")
    call("analyse", "brain/intervention", arrays(tmp_path, trained=False), "--json")
    call("analyse", f"brain/{NAME}", own, codes=(5,))
    for word in ("checkpoint", "key", "rotate", "show"):
        call("ledger", word)
    bundle = tmp_path / f"{NAME}-bundle"
    call("ledger", "export", bundle)
    call("ledger", "verify", bundle, codes=(9,))
    assert called == known, "a command that nothing personal was pushed through"

    with Hub.open(hub) as opened:
        held = [name for name in opened.objects.names() if MARKS[0].encode() in opened.objects.get(name)]
    assert len(held) > 5, "the marks did go in: titles, files and results are objects"
    secrets = {*MARKS, TEXT, NAME, *(path.name for path in (own, bundle, wrong, hub, manual))}
    secrets |= {str(path) for path in (own, bundle, wrong, hub, manual)}
    digests = {made(text) for text in secrets for made in (digest, _of(digest_bytes), _of(sha256_bytes), _md5)}
    told = {path.name: path.read_bytes().decode("utf-8", "replace") for path in bundle.rglob("*") if path.is_file()}
    assert "order.accepted" in told["events.jsonl"]
    assert "result.imported" in told["events.jsonl"]
    for name, text in told.items():
        for secret in secrets | {json.dumps(mark).strip('"') for mark in MARKS}:
            assert secret not in text, (name, secret)
        for found in digests:
            assert found.partition(":")[2] not in text, (name, found)


def _of(made: Any) -> Any:
    return lambda text: made(text.encode())


def _md5(text: str) -> str:
    return "md5:" + hashlib.md5(text.encode()).hexdigest()
