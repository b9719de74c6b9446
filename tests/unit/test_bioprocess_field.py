"""The field as plug-in: light to load, said in both languages, its problems and template understood."""

import subprocess
import sys
import tomllib
from importlib.resources import files

import pytest

from dure.campaign.spec import specification
from dure.design.described import described_space
from dure.fields.bioprocess import fedbatch, strain
from dure.fields.bioprocess.field import FIELD
from dure.fields.bioprocess.sources import SOURCES

REFERENCES = {"fed-batch": fedbatch.reference, "strain": strain.reference}


def test_loading_it_loads_nothing_heavy():
    code = (
        "import sys, dure.fields.bioprocess.field\n"
        "print([m for m in ('numba', 'scipy', 'pandas', 'sklearn', 'cobra', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_title_is_in_both_languages():
    texts = [FIELD.title, *FIELD.property_titles.values(), *(p["title"] for p in FIELD.problems.values())]
    texts += [m.title for m in FIELD.models.values()] + [c.title for m in FIELD.models.values() for c in m.columns]
    texts += [w for m in FIELD.models.values() for w in m.why.values()]
    texts += [a.title for a in FIELD.analyses.values()] + [c.title for a in FIELD.analyses.values() for c in a.columns]
    assert all(set(text) == {"en", "ko"} and all(text.values()) for text in texts)
    assert len(FIELD.caveats["en"]) == len(FIELD.caveats["ko"])
    assert all(len(m.caveats["en"]) == len(m.caveats["ko"]) for m in FIELD.models.values())
    assert all(len(a.caveats["en"]) == len(a.caveats["ko"]) for a in FIELD.analyses.values())


def test_analyses_are_known_by_their_names_and_about_simulators_that_there_are():
    assert {name: each.name for name, each in FIELD.analyses.items()} == {n: n for n in ("golden-batch", "model-check")}
    assert all(set(each.simulators) <= set(FIELD.simulators) for each in FIELD.analyses.values())
    assert FIELD.analyses["model-check"].reads({}) == (("cobra-models", "models", "iJO1366.xml.gz"),)


@pytest.mark.parametrize("name", FIELD.problems)
def test_problems_are_understood(name):
    plain = {key: table for key, table in FIELD.problems[name].items() if key != "quick"}
    made = specification({"field": "bioprocess", **plain}, name, name=f"bioprocess/{name}")
    space = described_space(made.space)
    simulator = FIELD.simulators[made.lab["simulator"]]
    assert space.contains(REFERENCES[made.lab["simulator"]](made.lab))
    known = {source.name: {part.name for part in source.parts} for source in SOURCES}
    assert all(part in known[source] for source, part, _ in simulator.reads(made.lab))
    assert made.objective.property in FIELD.property_titles
    assert made.objective.constraints


def test_the_template_is_a_problem():
    table = tomllib.loads(FIELD.template)
    made = specification(table, "template.toml")
    assert described_space(made.space).size > 1000


def test_a_simulated_problem_says_so_in_its_title():
    assert all("simulated" in p["title"]["en"] and "모의실험" in p["title"]["ko"] for p in FIELD.problems.values())


def test_designs_are_drawn_and_labelled():
    assert FIELD.draw(fedbatch.reference(), 300, 200).startswith("<svg")
    triple = strain.reference({})
    drawn = FIELD.draw(triple, 300, 200)
    assert "b1380" in drawn
    assert "iJO1366" in drawn  # whose genes they are: a design does not say in which model it is
    assert FIELD.label(triple) == "ΔALCD2x ΔLDH_D ΔPFL"


def test_korean_errors_have_the_holes_of_the_english():
    table = tomllib.loads(files("dure.fields.bioprocess").joinpath("korean.toml").read_text("utf-8"))["errors"]
    for english, korean in table.items():
        holes = {f"{{{i}}}" for i in range(5) if f"{{{i}}}" in english}
        assert holes == {f"{{{i}}}" for i in range(5) if f"{{{i}}}" in korean}, english
