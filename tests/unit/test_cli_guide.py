"""The pages on commands and errors say what the code does; regenerate with `python -m dure.cli.guide docs/guide`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dure.base import errors
from dure.campaign import spec
from dure.campaign.field import load_field
from dure.cli.door import INTERRUPTED, UNEXPECTED
from dure.cli.guide import errors_page, pages
from dure.fields.drug.structure_reasons import PROBLEMS
from dure.lab.manual import layout

DOCS = Path(__file__).parents[2] / "docs" / "guide"


def test_the_pages_are_those_of_the_code() -> None:
    for name, text in pages().items():
        assert (DOCS / name).read_text("utf-8") == text, f"{name} is stale"


def test_every_command_has_help_options_and_examples() -> None:
    sections = (DOCS / "commands.md").read_text("utf-8").split("\n## ")[1:]
    named = {section.split("`")[1] for section in sections}
    wanted = "init new run resume campaigns show report trace fetch sources deposit datasets lab ledger doctor"
    assert {f"dure {word}" for word in wanted.split()} <= named
    for section in sections:
        if "COMMAND [ARGS]" in section:
            continue
        assert "Examples:" in section, section.split("\n")[0]
        assert section.count("--json") >= 1, section.split("\n")[0]
    assert len((DOCS / "commands.ko.md").read_text("utf-8").split("\n## ")) == len(sections) + 1


def test_exit_codes_stand_in_the_page() -> None:
    page = errors_page()
    for kind in (errors.BadInput, errors.Refused, errors.Conflict, errors.NotFound, errors.Corrupt):
        assert f"| {kind.exit_code} | `{kind.code}` |" in page
    for kind in (errors.Unavailable, errors.Waiting, errors.SignerUnknown, errors.RowErrors):
        assert f"| {kind.exit_code} | `{kind.code}` |" in page
    assert f"| {UNEXPECTED} |" in page
    assert f"| {INTERRUPTED} |" in page
    for code in PROBLEMS:
        assert f"`{code}`" in page


def test_the_template_names_every_key_that_a_drug_problem_may_have() -> None:
    text = load_field("drug").template
    for table, keys in spec._TABLES.items():
        assert f"[{table}]" in text
        for key in (keys or set()) - {"constraints"}:  # for simulated laboratories
            assert f"{key} = " in text, f"[{table}] {key}"


def test_both_laboratories_of_the_template_can_be_switched_on() -> None:
    text = load_field("drug").template
    replay = spec.specification(tomllib.loads(text), "template")
    assert (replay.lab["driver"], replay.budget.assays) == ("replay", 72)
    first, second = text.index("[lab]"), text.index("# --- Laboratory, choice 2")
    rest = text.index("[ladder]")
    manual = [line.removeprefix("# ") for line in text[second:rest].splitlines() if not line.startswith("# ---")]
    value = tomllib.loads("\n".join([text[:first], *manual, text[rest:]]))
    assert spec.specification(value, "template").lab["driver"] == "manual"
    layout(value["lab"])
