"""Knock-outs in genome-scale models: known figures, the list of targets, balances, and sick models caught."""

import json
import tempfile
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from tests.archives import archive

from dure.base.canonical import canonical
from dure.base.errors import BadInput, Unavailable
from dure.design.candidate import Candidate
from dure.design.described import described_space
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


def test_what_competes_falls_with_each_loss_on_the_way_to_the_triple(iJO1366):
    from dure.fields.bioprocess.strain_model import production, rivals

    others = rivals(sbml("iJO1366"), tuple(sorted(strain.ANAEROBIC.items())), strain.PRODUCT)
    assert set(others) == {"EX_ac_e", "EX_etoh_e", "EX_for_e", "EX_lac__D_e"}
    known = strain.items()
    made = [
        production(iJO1366, [gene for item in lost for gene in known[item]], strain.PRODUCT, others)
        for lost in ((), ("ALCD2x",), ("ALCD2x", "PFL"), strain.OPTKNOCK)
    ]
    left = [each.competing for each in made]
    assert left[0] == pytest.approx(1.0, abs=1e-6)
    assert all(after < before - 0.1 for before, after in pairwise(left))
    assert left[3] <= 0.25 < left[2]  # the problem's bound is kept by the triple and by none of the steps
    assert [each.coupled > 1 for each in made] == [False, False, False, True]


def test_a_solve_that_runs_in_a_circle_begins_anew_and_at_last_is_given_up(monkeypatch):
    from dure.fields.bioprocess import strain_model

    with strain_model.model_of(sbml("textbook"), {}) as model:
        usual, tried = model.slim_optimize, []

        def circling(times):
            def solve(error_value):
                tried.append(model.solver.configuration.timeout)
                model.solver.configuration.timeout = 0 if len(tried) <= times else None
                return usual(error_value=error_value)

            return solve

        monkeypatch.setattr(model, "slim_optimize", circling(1))
        assert strain_model.optimum(model) == pytest.approx(0.8739, abs=1e-4)
        assert tried == [strain_model.STUCK, 0]
        tried.clear()
        monkeypatch.setattr(model, "slim_optimize", circling(9))
        with pytest.raises(Unavailable, match="was not solved within"):
            strain_model.optimum(model)
        assert model.solver.configuration.timeout is None


def test_one_isozyme_is_not_enough(iJO1366):
    from dure.fields.bioprocess.strain_model import lose
    from dure.fields.bioprocess.strain_targets import gene_cut

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
    from dure.fields.bioprocess.strain_targets import carrying, targets_of

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
    from dure.fields.bioprocess.soundness import soundness
    from dure.fields.bioprocess.strain_model import model_of

    with model_of(sbml(name), {}) as model:
        found = soundness(model)
    assert found.energy == pytest.approx(0.0, abs=1e-6)
    assert (len(found.unbalanced) == 0) == (name == "textbook")


def test_a_model_that_makes_energy_from_nothing_is_caught():
    from dure.fields.bioprocess.soundness import soundness
    from dure.fields.bioprocess.strain_model import model_of

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


OWN = "DS-ABC123/own.xml"


def test_an_own_model_is_read_from_the_dataset_that_it_was_deposited_as():
    assert strain.reads({"model": OWN}) == (("dataset", "DS-ABC123", "own.xml"),)
    for wrong in ("DS-ABC123", "DS-ABC123/", "DS-a b/own.xml", "own.xml", "DS-A/b/c.xml"):
        with pytest.raises(BadInput, match="no model"):
            strain.reads({"model": wrong})


@pytest.mark.parametrize(
    ("name", "items"), [("textbook", ["PFL"]), pytest.param("salmonella", ["PFL"], marks=pytest.mark.slow)]
)
def test_an_own_model_is_run_as_the_shipped_one_of_the_same_name(name, items):
    candidate = canonical(["subset", {"items": items}, {"items": items}])
    lab = {"product": "EX_ac_e", "medium": {"EX_o2_e": 0.0}}
    shipped, own = (
        json.loads(
            strain.run_strain({"candidate": candidate, file: sbml(name)}, {**lab, "model": model}, 1, quiet)["values"]
        )
        for file, model in ((f"cobra-models/models/{name}.xml.gz", name), (f"dataset/{OWN}", OWN))
    )
    assert {key: each["value"] for key, each in own.items()} == pytest.approx(
        {key: each["value"] for key, each in shipped.items()}, abs=1e-6
    )
    assert own["growth"]["value"] > 0.02


def sick():
    """The textbook model with maintenance that runs backwards, as a file."""
    import gzip

    from cobra.io import write_sbml_model

    from dure.fields.bioprocess.strain_model import model_of

    with model_of(sbml("textbook"), {}) as model, tempfile.TemporaryDirectory() as folder:
        model.reactions.ATPM.lower_bound = -10.0
        write_sbml_model(model, f"{folder}/sick.xml")
        return gzip.compress(Path(f"{folder}/sick.xml").read_bytes(), mtime=0)


def test_an_own_model_that_makes_energy_from_nothing_is_refused_before_anything_is_ordered():
    from dure.fields.bioprocess.field import FIELD

    lab = {"simulator": "strain", "model": OWN, "product": "EX_ac_e", "medium": {"EX_o2_e": 0.0}}
    with pytest.raises(BadInput, match="makes 10 mmol/gDW/h of ATP from nothing"):
        FIELD.finalists({"n": 1, "check": "strain", **lab}, lambda *_: sick())
    candidate = canonical(["subset", {"items": ["PFL"]}, {"items": ["PFL"]}])
    with pytest.raises(BadInput, match="from nothing"):
        strain.run_strain({"candidate": candidate, f"dataset/{OWN}": sick()}, lab, 1, quiet)
    assert FIELD.finalists({"n": 1, "check": "strain", **lab}, lambda *_: sbml("textbook")).rungs


def checked(data, lab):
    from dure.fields.bioprocess.model_check import check_model

    made = check_model({f"dataset/{OWN}": data}, {"lab": {"model": OWN, **lab}}, 1, quiet)
    return json.loads(made["findings"]), made


@pytest.mark.parametrize("name", ["textbook", pytest.param("salmonella", marks=pytest.mark.slow)])
def test_the_check_of_a_model_gives_items_that_a_problem_takes_and_every_exclusion(name):
    from dure.fields.bioprocess.strain_model import model_of
    from dure.fields.bioprocess.strain_targets import gene_cut

    medium = {"EX_o2_e": 0.0, "EX_glc__D_e": 20.0}  # with the 5 of its file salmonella grows too slowly without oxygen
    found, made = checked(sbml(name), {"product": "EX_succ_e", "medium": medium})
    assert found["passed"] is True
    figures = {row[0]["en"]: row[1] for row in found["tables"][0]["rows"]}
    assert figures["ATP from nothing (mmol/gDW/h)"] == pytest.approx(0.0, abs=1e-6)
    assert (figures["reactions that do not balance"] == 0) == (name == "textbook")
    space = described_space(tomllib.loads(made["items.toml"].decode())["space"])
    assert len(space.items) >= 5
    with model_of(sbml(name), {}) as model:
        reactions = {r.id for r in model.reactions}
        genes = {row[0]: row[1] for row in found["tables"][2]["rows"]}
        assert all(genes[item].split() == list(gene_cut(model.reactions.get_by_id(item))) for item in space.items[:5])
    excluded = dict(line.replace('"', "").split(",") for line in made["excluded.csv"].decode().splitlines()[1:])
    assert not set(excluded) & set(space.items)
    assert set(excluded) | set(genes) <= reactions
    assert excluded["EX_succ_e"] == "exchange"
    assert figures["reactions"] == len(excluded) + figures["gene sets that may be lost"]


def test_the_check_says_what_is_wrong_with_a_model():
    found, _ = checked(sick(), {"product": "EX_ac_e", "medium": {"EX_o2_e": 0.0}})
    assert found["passed"] is False
    assert "makes 10 mmol/gDW/h of ATP from nothing" in found["summary"][0]["en"]
    with pytest.raises(BadInput, match=r"grows 0 /h in this medium"):
        checked(sbml("textbook"), {"medium": {"EX_glc__D_e": 0.0}})
