"""Knock-outs in genome-scale models: known figures, the list of targets, balances, and sick models caught."""

import json
from functools import cache

import pytest
from tests.archives import archive

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.bioprocess import strain

pytest.importorskip("cobra")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@cache
def sbml(name):
    return archive("cobra-0.32.1-py2.py3-none-any.whl").read(f"cobra/data/{strain.MODELS[name]}")


@pytest.fixture
def iJO1366():
    from dure.fields.bioprocess.strain_model import model_of

    with model_of(sbml("iJO1366"), strain.ANAEROBIC) as model:
        yield model


TRIPLE = [gene for item in strain.OPTKNOCK for gene in strain.items()[item]]


def quiet(share, what):
    pass


def test_wild_type_and_optknock_triple(iJO1366):
    from dure.fields.bioprocess.strain_model import production

    wild = production(iJO1366, [], strain.PRODUCT)
    assert wild.growth == pytest.approx(0.2415, abs=1e-4)
    assert max(wild.least) < 0.1
    made = production(iJO1366, TRIPLE, strain.PRODUCT)
    assert made.growth == pytest.approx(0.1126, abs=1e-3)
    assert made.least == pytest.approx((9.11, 7.28, 5.46), abs=0.01)
    assert made.most == pytest.approx(12.36, abs=0.05)
    assert {"ALCD2x", "LDH_D", "PFL"} <= set(made.lost)
    again = production(iJO1366, [], strain.PRODUCT)
    assert (again.growth, *again.least) == pytest.approx((wild.growth, *wild.least), abs=1e-6)  # nothing stays behind


def test_one_isozyme_is_not_enough(iJO1366):
    from dure.fields.bioprocess.strain_model import gene_cut, lose

    assert gene_cut(iJO1366.reactions.LDH_D) == ("b1380", "b2133")
    assert len(gene_cut(iJO1366.reactions.ALCD2x)) == 3
    with iJO1366:
        assert "LDH_D" not in lose(iJO1366, ["b1380"])
    with iJO1366:
        assert "LDH_D" in lose(iJO1366, ["b1380", "b2133"])


def test_every_cut_switches_its_reaction_off_and_no_part_of_it_does(iJO1366):
    for item, genes in strain.items().items():
        rule = iJO1366.reactions.get_by_id(item).gpr
        assert not rule.eval(set(genes))
        assert all(rule.eval(set(genes) - {gene}) for gene in genes)


@pytest.mark.slow
def test_the_shipped_items_are_those_of_the_rule(iJO1366):
    from dure.fields.bioprocess.strain_model import carrying, targets_of

    found = targets_of(iJO1366)
    assert dict(found.genes) == strain.items()
    assert carrying(iJO1366, list(found.genes)) == strain.carrying()
    assert not set(found.genes) & set(found.excluded)
    assert {"EX_succ_e": "exchange", "PYRt2rpp": "transport", "GAPD": "essential"}.items() <= found.excluded.items()
    assert set(found.genes) | set(found.excluded) == {r.id for r in iJO1366.reactions}


def test_carbon_closes(iJO1366):
    from dure.fields.bioprocess.strain_model import carbon, fluxes_at_growth

    taken, given, bound = carbon(iJO1366, fluxes_at_growth(iJO1366, TRIPLE, strain.PRODUCT))
    assert taken == pytest.approx(60.0, abs=0.1)
    assert given + bound == pytest.approx(taken, rel=1e-3)


@pytest.mark.slow
def test_moma_stands_beside_fba(iJO1366):
    from dure.fields.bioprocess.strain_model import adjusted, production

    growth, product = adjusted(iJO1366, TRIPLE, strain.PRODUCT)
    assert growth == pytest.approx(0.0, abs=1e-4)  # before it adapts, the strain does not grow at all
    assert product == pytest.approx(6.671, abs=0.02)
    assert production(iJO1366, TRIPLE, strain.PRODUCT).growth > 0.1


@pytest.mark.parametrize("name", ["textbook", pytest.param("salmonella", marks=pytest.mark.slow)])
def test_a_users_model_is_looked_at(name):
    from dure.fields.bioprocess.strain_model import model_of, soundness

    with model_of(sbml(name), {}) as model:
        found = soundness(model)
    assert found.energy == pytest.approx(0.0, abs=1e-6)
    assert (len(found.unbalanced) == 0) == (name == "textbook")


def test_a_model_that_makes_energy_from_nothing_is_caught():
    from dure.fields.bioprocess.strain_model import model_of, soundness

    with model_of(sbml("textbook"), {}) as model:
        model.reactions.ATPM.lower_bound = -10.0  # maintenance that runs backwards
        assert soundness(model).energy == pytest.approx(10.0)
        model.reactions.PGI.add_metabolites({model.metabolites.h_c: 1.0})
        assert soundness(model).unbalanced == {"PGI": "H +1, charge +1"}


def test_an_order_on_another_model():
    inputs = {
        "candidate": canonical(["subset", {"items": ["PFL"]}, {"items": ["PFL"]}]),
        "cobra-models/models/textbook.xml.gz": sbml("textbook"),
    }
    lab = {"model": "textbook", "product": "EX_succ_e", "medium": {"EX_o2_e": 0.0}}
    values = json.loads(strain.run_strain(inputs, lab, 1, quiet)["values"])
    assert values["growth"]["value"] > 0.05
    assert values["product at 100 % growth"]["value"] >= values["product at 90 % growth"]["value"]


def test_what_cannot_be_taken_is_refused():
    from dure.fields.bioprocess.strain_model import lose, model_of, production

    with pytest.raises(BadInput, match="no model"):
        strain.reads({"model": "yeast"})
    with pytest.raises(BadInput, match="unknown key 'modell'"):
        strain.reads({"modell": "textbook"})
    with pytest.raises(BadInput, match="no table of uptakes"):
        strain.reads({"medium": {"EX_o2_e": "none"}})
    with pytest.raises(BadInput, match="no published set of knock-outs for textbook"):
        strain.reference({"model": "textbook"})
    with pytest.raises(BadInput, match="names no gene set"):
        strain.genes_of(Candidate("subset", {"items": ["XYZ"]}), strain.items())
    with pytest.raises(BadInput, match="no exchange"), model_of(sbml("textbook"), {"EX_gold_e": 1.0}):
        pass
    with pytest.raises(BadInput, match="no model that SBML"), model_of(b"<sbml/>", {}):
        pass
    with model_of(sbml("textbook"), {}) as model, pytest.raises(BadInput, match="no exchange 'EX_gold_e'"):
        production(model, [], "EX_gold_e")
    with model_of(sbml("textbook"), {}) as model, pytest.raises(BadInput, match="no gene"):
        lose(model, ["b9999"])


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_pictures(lang):
    rows = [(0.0, 0.0, 12.0), (0.05, 2.0, 11.0), (0.1, 9.0, 9.5)]
    drawn = strain.envelope_picture(rows, [(0.0, 0.0, 10.0), (0.24, 0.0, 0.1)], strain.setting({}), lang)
    assert drawn.startswith("<svg")
    assert "EX_succ_e" in drawn
    assert "iJO1366" in drawn
    assert "EX_succ_e" in strain.flux_table({"EX_succ_e": 9.0, "PGI": 5.0}, {"EX_succ_e": 0.1}, lang)


@pytest.mark.slow
def test_the_closer_look_closes_carbon_draws_and_refuses_what_does_not_grow():
    from dure.fields.bioprocess.strain_check import finalists

    ladder = finalists({"check": "strain"}, lambda *_: sbml("iJO1366"))
    check = ladder.rungs[0].check
    triple = strain.reference()
    starved = Candidate("subset", {"items": ["ACALD", "ACKr", "LDH_D", "PFL", "PGI"]})
    found, drawn = check.run_with_artefacts([triple, starved])
    rows = {(r["candidate"], r["property"]): r["value"] for r in found.to_pylist()}
    assert rows[triple.id, "carbon closure"] == pytest.approx(1.0, abs=1e-3)
    assert set(drawn[triple.id]) == {f"{n}.{lang}.svg" for n in ("envelope", "fluxes") for lang in ("en", "ko")}
    verdicts = {
        g.property: g.judge([triple.id, starved.id], found)["verdict"].to_pylist() for g in ladder.rungs[0].gates
    }
    assert rows[starved.id, "growth"] == pytest.approx(0.0776, abs=1e-3)
    assert verdicts["growth"] == ["pass", "refuse"]


def test_the_closer_look_is_at_the_model_that_was_tuned_on():
    from dure.fields.bioprocess.field import FIELD
    from dure.fields.bioprocess.strain_model import model_of, production

    lab = {"simulator": "strain", "model": "textbook", "product": "EX_ac_e", "medium": {"EX_o2_e": 0.0}}
    asked = []

    def read(*name):
        asked.append(name)
        return sbml("textbook")

    ladder = FIELD.finalists({"n": 1, "check": "strain", **lab}, read)
    assert asked == [("cobra-models", "models", "textbook.xml.gz")]
    lost = Candidate("subset", {"items": ["PFL"]}, {"items": ["PFL"]})
    found, drawn = ladder.rungs[0].check.run_with_artefacts([lost])
    rows = {row["property"]: row["value"] for row in found.to_pylist()}
    with model_of(sbml("textbook"), lab["medium"]) as model:
        own = production(model, ["b0902", "b0903", "b2579", "b3951", "b3114"], "EX_ac_e")
    assert rows["growth"] == pytest.approx(own.growth, rel=1e-4)
    assert rows["carbon closure"] == pytest.approx(1.0, abs=1e-3)
    assert "EX_ac_e in textbook" in drawn[lost.id]["envelope.en.svg"].decode()
    # A gene set of iJO1366 means nothing in a model that lacks its reaction.
    strange = Candidate("subset", {"items": ["HEX7"]}, {"items": ["HEX7"]})
    assert "HEX7" in strain.items()
    with pytest.raises(BadInput, match="names no gene set"):
        ladder.rungs[0].check.run([strange])
