"""A field's model: trained from a table, registered with its card, used on another table; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import sixth_harness as sixth
from dure_sixth.crumb import CRUMB

from dure.base.errors import BadInput, DureError, NotFound, RowErrors
from dure.campaign.field import recipe_of
from dure.campaign.report.modelpage import render
from dure.cli.wording import of_card
from dure.data import datasets
from dure.data.tables import read_table
from dure.data.usertable import UserTable
from dure.models import training
from dure.models.inputs import Workshop
from dure.models.recipe import Format
from dure.models.training import newest, opened, predict, train

NAME = "baking/crumb"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sixth.InlineHub]:
    monkeypatch.setenv("DURE_CONFIG", str(tmp_path / "config"))
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as made:
        yield made


def shop(hub: sixth.InlineHub) -> Workshop:
    parts = hub.parts()
    return Workshop(parts.act, parts.objects, parts.tasks, "0", {}, parts.zone)


def table(folder: Path, header: str = "mill,protein [%],sugar [mg/dL],volume [mL]", sugar: float = 1.0) -> Path:
    rows = [header]
    for i in range(24):
        protein, sweet = 9 + (7 * i % 24) / 4, 60 + 5 * (11 * i % 24)
        volume = 2000 + 150 * protein + 2 * sweet + (i % 5 - 2) * 6
        rows.append(f"{'ABCD'[i % 4]},{protein},{sweet * sugar:.6g},{volume}")
    path = folder / "flours.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def write(folder: Path, text: str, name: str = "new.csv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_model_is_trained_registered_and_used(hub: sixth.InlineHub, tmp_path: Path) -> None:
    trained = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    [event] = sixth.events(hub, "model.trained")
    assert event["subject"] == trained.identifier
    assert event["body"]["recipe"] == NAME
    [source] = event["body"]["sources"]
    assert trained.card["trained_on"] == [source]
    assert trained.card["terms"]["access"] == "internal"
    assert trained.card["metrics"][0]["value"] < 15 < trained.card["metrics"][0]["beside"]["mean of all"]
    row = newest(shop(hub), hub.me, NAME)
    assert opened(shop(hub), row) == trained
    asked = write(tmp_path, "protein [%],sugar [mg/dL]\n10,100\n40e-1,100\n")
    first, second = predict(shop(hub), row, CRUMB, asked).to_pylist()
    assert first["value"] == pytest.approx(3700, abs=12)
    assert first["low95"] <= first["low80"] < first["value"] < first["high80"] <= first["high95"]
    assert (first["row"], first["inside"], first["why"]) == (2, True, None)
    assert (second["inside"], second["why"]) == (False, "protein")
    for lang, words in (
        ("en", ("Not for cakes", "a line", "mean of all")),
        ("ko", ("케이크", "직선", "평균 절대 오차")),
    ):
        page = render(trained, lang, of_card)
        assert all(word in page for word in words)
        assert "<script" not in page


def test_the_same_again_is_no_work(hub: sixth.InlineHub, tmp_path: Path) -> None:
    first = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    before = hub.ledger.size()
    assert train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path)) == first
    assert hub.ledger.size() == before


def test_a_quick_look_is_another_model_and_says_so(hub: sixth.InlineHub, tmp_path: Path) -> None:
    whole = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    quick = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path), quick=True)
    assert quick.identifier != whole.identifier
    assert "quick" in quick.card["title"]["en"]
    assert "훑어보기" in quick.card["title"]["ko"]


def test_units_are_converted_also_by_molar_mass(hub: sixth.InlineHub, tmp_path: Path) -> None:
    whole = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    header = "mill,protein [%],sugar [mmol/L],volume [L]"
    text = table(tmp_path, header, 10 / 180.156).read_text("utf-8").splitlines()
    litres = [",".join([*cells[:3], str(float(cells[3]) / 1000)]) for cells in (line.split(",") for line in text[1:])]
    other = train(shop(hub), hub.me, NAME, CRUMB, write(tmp_path, "\n".join([text[0], *litres]) + "\n", "b.csv"))
    assert other.card["metrics"][0]["value"] == pytest.approx(whole.card["metrics"][0]["value"], rel=1e-3)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("protein [%]\n10\n", "no column 'sugar'.*'sugar \\[mg/dL\\]'"),
        ("protein [%],sugar\n10,100\n", "column 'sugar' carries no unit"),
        ("protein [%],sugar [min]\n10,100\n", "cannot be converted"),
        ("protein [%],sugar [mg/dL]\n10,0.5\n", "row 2: 0.5 mg/dL cannot be sugar of the dough.*look like mmol/L"),
        ("protein [%],sugar [mg/dL]\n10,100\n11,\n", "row 3: no value"),
        ("protein [%],sugar [mg/dL]\n10,<100\n", "row 2: a bound is no number"),
        ("protein [%],sugar [mg/dL]\n10,sweet\n", "row 2"),
    ],
)
def test_what_cannot_be_read_is_named(hub: sixth.InlineHub, tmp_path: Path, text: str, what: str) -> None:
    train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    row = newest(shop(hub), hub.me, NAME)
    with pytest.raises((BadInput, RowErrors)) as caught:
        predict(shop(hub), row, CRUMB, write(tmp_path, text))
    import re

    assert re.search(what, str(caught.value), re.DOTALL), str(caught.value)


def test_a_format_of_the_science_stands_for_the_table_with_the_files_beside_it(
    hub: sixth.InlineHub, tmp_path: Path
) -> None:
    def joined(name: str, files: Mapping[str, bytes]) -> UserTable:
        assert set(files) == {".mill", ".loaf"}
        both = zip(*(files[suffix].decode().splitlines() for suffix in (".mill", ".loaf")), strict=True)
        return read_table(write(tmp_path, "\n".join(",".join(each) for each in both), "joined.csv"))

    lines = [line.rpartition(",") for line in table(tmp_path).read_text("utf-8").splitlines()]
    mill = write(tmp_path, "\n".join(line[0] for line in lines), "own.mill")
    recipe = replace(CRUMB, formats={".mill": Format(joined, needed=(".loaf",), optional=(".crust",))})
    with pytest.raises(NotFound, match=r"own\.loaf"):
        train(shop(hub), hub.me, NAME, recipe, mill)
    write(tmp_path, "\n".join(line[2] for line in lines), "own.loaf")
    trained = train(shop(hub), hub.me, NAME, recipe, mill)
    [source] = trained.card["trained_on"]
    with hub.database.read() as reader:
        held = datasets.describe(hub.objects, datasets.find(reader, source).manifest)
    assert [file.name for file in held.files] == ["own.mill", "own.loaf"]
    plain = train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    assert trained.card["metrics"] == plain.card["metrics"]


def test_training_on_what_cannot_be_leaves_nothing_behind(hub: sixth.InlineHub, tmp_path: Path) -> None:
    before = hub.ledger.size()
    with pytest.raises(DureError):
        train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path, "mill,protein [%],sugar [mmol/L],volume [mL]"))
    assert hub.ledger.size() == before


def test_what_was_never_trained_is_named(hub: sixth.InlineHub) -> None:
    with pytest.raises(NotFound, match="dure train baking/crumb"):
        newest(shop(hub), hub.me, NAME)
    with pytest.raises(NotFound, match="own table only"):
        train(shop(hub), hub.me, NAME, CRUMB)
    with pytest.raises(NotFound, match="its models: baking/crumb"):
        recipe_of("baking/cake")


def test_a_card_that_is_silent_is_a_fault(
    hub: sixth.InlineHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "NEEDED", (*training.NEEDED, "weather"))
    with pytest.raises(TypeError, match="weather"):
        train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))


def test_the_ledger_holds_no_name_of_the_table(hub: sixth.InlineHub, tmp_path: Path) -> None:
    train(shop(hub), hub.me, NAME, CRUMB, table(tmp_path))
    assert "flours" not in json.dumps(list(sixth.events(hub)))
