"""A field's analysis: of a table, with a trained model, about the answer of a campaign; and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sixth_harness as sixth
from dure_sixth.crumb import CRUMB
from dure_sixth.kitchens import KITCHENS
from dure_sixth.mills import MILLS
from test_sixth_models import shop, table, write

from dure.analysis.perform import Answer, analyse
from dure.base.errors import BadInput, NotFound, Refused
from dure.campaign import journal
from dure.campaign.field import analysis_of, table_of
from dure.campaign.report.findingpage import render
from dure.campaign.service import answer_of, open_run
from dure.campaign.spec import specification
from dure.campaign.trace import trace
from dure.data import datasets
from dure.data.datasets import withdraw
from dure.models.training import train

NAME = "baking/mills"
FLOURS = "mill,protein [%],sugar [g/L]\nA,10,1\nB,14,1\nC,11,1\n"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sixth.InlineHub]:
    monkeypatch.setenv("DURE_CONFIG", str(tmp_path / "config"))
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon) as made:
        train(shop(made), made.me, "baking/crumb", CRUMB, table(tmp_path))
        yield made


def test_findings_are_a_dataset_with_all_that_they_were_made_from(hub: sixth.InlineHub, tmp_path: Path) -> None:
    found = analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS))
    assert found.findings["summary"][0]["en"] == "Buy from B."
    assert found.files == {"mills.txt": b"B"}
    with hub.database.read() as reader:
        row = datasets.find(reader, found.accession)
        held = datasets.describe(hub.objects, row.manifest)
        [own] = held.provenance["derived_from"]
        assert datasets.find(reader, own).owner == hub.me
    assert held.provenance["analysis"] == NAME
    assert held.provenance["model"].startswith("b3:")
    assert {file.name for file in held.files} == {"findings.json", "mills.txt", "mills.en.svg", "mills.ko.svg"}
    assert json.loads(datasets.read_member(hub.objects, held, "findings.json")) == found.findings
    assert held.terms.access == "internal"
    before = hub.ledger.size()
    assert analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS)) == found
    assert hub.ledger.size() == before, "the same again is no work"


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ("Whose flour", "Buy from B", "What was asked for holds", "Mills", "A mill is no guarantee", "mills<")),
        ("ko", ("누구의 밀가루", "B에서 사십시오", "모두 만족", "제분소들", "보장하지는", "제분소<")),
    ],
)
def test_the_page_is_in_both_languages(hub: sixth.InlineHub, tmp_path: Path, lang: str, words: tuple[str, ...]) -> None:
    found = analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS))
    page = render(found, lang)  # type: ignore[arg-type]
    assert all(word in page for word in words)
    assert found.accession in page
    assert "<script" not in page


def test_it_can_be_about_the_answer_of_a_campaign(hub: sixth.InlineHub, tmp_path: Path) -> None:
    run = sixth.finish(hub, "baking/kitchens")
    with hub.database.read() as reader:
        row = journal.find(reader, run.identifier)
    answer = answer_of(open_run(hub.parts(), row))
    found = analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS), answer)
    assert found.findings["summary"][1]["en"].startswith("Bake it as recipe, ")
    assert found.findings["summary"][1]["en"].endswith(f"{run.problem.lab['panel']}.")
    assert found.provenance["campaign"] == run.identifier
    assert answer.results in found.provenance["derived_from"]
    chain = trace(hub.parts(), hub.ledger, hub.me, found.accession)
    kinds = [below.what for below in chain.below]
    assert kinds == ["event", "dataset", "dataset", "trained-model"]
    assert [each.what for each in chain.below[2].below] == ["event", "campaign"]
    withdraw(hub.act(), answer.results, "error")
    with pytest.raises(Refused):
        analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS), answer)
    other = Answer(run.identifier, None, "oven", {}, answer.candidate)
    with pytest.raises(BadInput, match=r"(?s)not about a campaign of that kind.*kitchens"):
        analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, FLOURS), other)


def test_a_campaign_without_an_answer_is_said_so(hub: sixth.InlineHub) -> None:
    with pytest.raises(NotFound, match="not finished"):
        answer_of(sixth.begin(hub, "baking/kitchens"))
    tables = {key: KITCHENS[key] for key in KITCHENS if key != "quick"}
    narrow = {"lower": 5.75, "upper": 6.0, "resolution": 0.25, "unit": "h"}
    bare = {"lower": 0.0, "upper": 0.1, "resolution": 0.1, "unit": "%"}
    space = {"kind": "recipe", "parameters": {**KITCHENS["space"]["parameters"], "proof": narrow, "salt": bare}}
    more = {"budget": {"first": 4, "batch": 4, "rounds": 0}, "ladder": {"stickiest": 2.0}, "controls": {"seeds": 0}}
    failed = sixth.finish(hub, specification({"field": "baking", **tables, "space": space, **more}, "test"))
    with pytest.raises(NotFound, match="answers with nothing"):
        answer_of(failed)


def test_what_cannot_be_analysed_is_named_and_leaves_nothing(hub: sixth.InlineHub, tmp_path: Path) -> None:
    before = hub.ledger.size()
    with pytest.raises(BadInput, match=r"(?s)needs your table.*dure new FILE.csv --model baking/mills"):
        analyse(shop(hub), hub.me, NAME, MILLS)
    with pytest.raises(BadInput, match=r"no column 'sugar'"):
        analyse(shop(hub), hub.me, NAME, MILLS, write(tmp_path, "mill,protein [%]\nA,1\n"))
    assert hub.ledger.size() == before
    one = write(tmp_path, FLOURS.replace("B", "A").replace("C", "A"), "one.csv")
    with pytest.raises(BadInput, match="one mill cannot be compared"):
        analyse(shop(hub), hub.me, NAME, MILLS, one)
    with hub.database.read() as reader:
        held = [datasets.describe(hub.objects, row.manifest).title for row in datasets.everything(reader)]
    assert f"Table for {NAME}" not in held


def test_names_that_there_are_not_are_refused_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="its analyses: baking/mills"):
        analysis_of("baking/bakers")
    assert table_of(NAME) == MILLS.template
    with pytest.raises(NotFound, match="baking/crumb, baking/mills"):
        table_of("baking/bread")
