"""The cheap rungs of the drug ladder on known molecules."""

from __future__ import annotations

import sys
import types
from importlib.machinery import ModuleSpec

import pytest

pytest.importorskip("chembl_structure_pipeline", reason="the drug extra is not installed")

from rdkit import Chem

from dure.base.units import check_unit
from dure.design.candidate import Candidate
from dure.fields.drug import admet
from dure.fields.drug.admet import Admet
from dure.fields.drug.checks import Alerts, Properties, Structure
from dure.fields.drug.ladder import drug_ladder
from dure.fields.drug.properties import PROPERTIES, describe
from dure.fields.drug.standardise import candidate, standardise
from dure.verify.conformance import check_conforms

TOFACITINIB = "C[C@@H]1CCN(C[C@@H]1N(C)C2=NC=NC3=C2C=CN3)C(=O)CC#N"
IMATINIB = "CC1=C(C=C(C=C1)NC(=O)C2=CC=C(C=C2)CN3CCN(CC3)C)NC4=NC=CC(=N4)C5=CN=CC=C5"
CAFFEINE = "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"
ASPIRIN = "CC(=O)OC1=CC=CC=C1C(=O)O"
PACLITAXEL = (
    "CC1=C2[C@@]([C@]([C@H]([C@@H]3[C@]4([C@H](OC4)C[C@@H]([C@]3(C(=O)[C@@H]2OC(=O)C)C)O)OC(=O)C)OC(=O)c5ccccc5)"
    "(C[C@@H]1OC(=O)[C@H](O)[C@@H](NC(=O)c6ccccc6)c7ccccc7)O)(C)C"
)
QUINONE = "O=C1C=CC(=O)C=C1"
AZO_PHENOL = "Oc1ccc(cc1)N=Nc1ccccc1"
RHODANINE = "O=C1NC(=S)SC1=Cc1ccccc1"


def molecules(*smiles: str) -> list[Candidate]:
    return [candidate(row) for row in standardise(smiles).table.to_pylist()]


def found(check, one: Candidate) -> dict[str, float]:
    return {row["property"]: row["value"] for row in check.run([one]).to_pylist()}


@pytest.mark.parametrize("check", [Structure(), Alerts(), Properties()], ids=lambda check: check.name)
def test_the_checks_conform(check):
    check_conforms(check, molecules(TOFACITINIB, IMATINIB, RHODANINE))


# Mass and TPSA as PubChem computes them (CID 9926791, 5291, 2519, 2244): g/mol and square angstrom.
@pytest.mark.parametrize(
    ("smiles", "mass", "tpsa", "heavy"),
    [
        (TOFACITINIB, 312.37, 88.9, 23),
        (IMATINIB, 493.6, 86.3, 37),
        (CAFFEINE, 194.19, 58.4, 14),
        (ASPIRIN, 180.16, 63.6, 13),
    ],
)
def test_properties_agree_with_pubchem(smiles, mass, tpsa, heavy):
    value = describe(Chem.MolFromSmiles(smiles))
    # PubChem's area of aromatic rings differs a little: 58.4 for caffeine, where RDKit's is 61.8.
    assert value["mw"] == pytest.approx(mass, abs=0.02)
    assert value["tpsa"] == pytest.approx(tpsa, abs=4.0)
    assert value["heavy_atoms"] == heavy


# Ertl and Schuffenhauer 2009: molecules easy to make score under 3, complex natural products above 5.
def test_a_simple_drug_and_a_natural_product_lie_on_their_sides_of_the_windows():
    easy, hard = (describe(Chem.MolFromSmiles(smiles)) for smiles in (ASPIRIN, PACLITAXEL))
    assert easy["sa"] < 2 < 5 < hard["sa"]
    assert hard["qed"] < 0.34 < easy["qed"]


def test_every_property_has_a_unit_that_ucum_knows_and_two_titles():
    for item in PROPERTIES:
        check_unit(item.unit)
        assert item.ko
        assert item.en
        assert bool(item.source) == (item.low is not None or item.high is not None)


@pytest.mark.parametrize(
    ("smiles", "alert"),
    [(QUINONE, "pains/quinone_A(370)"), (AZO_PHENOL, "pains/azo_A(324)"), (RHODANINE, "pains/ene_rhod_A(235)")],
)
def test_an_alert_is_named(smiles, alert):
    value = found(Alerts(), molecules(smiles)[0])
    assert value["pains"] == 1
    assert value[alert] == 1


def test_a_clean_drug_has_no_alert():
    assert found(Alerts(), molecules(TOFACITINIB)[0]) == {"pains": 0, "brenk": 0, "nih": 0}


def test_a_structure_is_what_its_identity_claims():
    [sound] = molecules(TOFACITINIB)
    assert found(Structure(), sound) == {"structure": 1, "undefined_stereo": 0}
    swapped = Candidate("molecule", sound.content, {"smiles": IMATINIB})
    assert found(Structure(), swapped) == {"structure": 0, "structure/other-identity": 0, "undefined_stereo": 0}
    broken = Candidate("molecule", sound.content, {"smiles": "CC("})
    assert found(Structure(), broken)["structure/malformed"] == 0
    [flat] = molecules("CC(O)F")
    assert found(Structure(), flat)["undefined_stereo"] == 1


def test_in_the_demo_alerts_and_windows_flag_and_only_a_wrong_structure_is_refused():
    clean, alarming = molecules(TOFACITINIB, RHODANINE)
    broken = Candidate("molecule", {"inchikey": "X"}, {"smiles": "CC("})
    stranger = Candidate("recipe", {"heat": 3})
    ladder = drug_ladder()
    outcome = ladder.run([clean, alarming, broken, stranger])
    assert outcome.refused == {broken.id, stranger.id}
    assert outcome.flagged == {alarming.id}
    words = [ladder.explain(row, "en") for row in outcome.objections(alarming.id)]
    assert "interference alerts (PAINS) is 1, above the limit of 0 (ene_rhod_A(235))" in words
    [row] = outcome.objections(broken.id)
    assert ladder.explain(row, "ko") == "구조: 0, 하한 1보다 작음 (malformed)"


def test_alerts_can_refuse_where_the_user_says_so():
    clean, alarming = molecules(TOFACITINIB, RHODANINE)
    assert drug_ladder(alerts="refuse").run([clean, alarming]).passed == (clean.id,)
    large = molecules("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC")[0]
    assert drug_ladder(windows="refuse").run([clean, large]).passed == (clean.id,)
    assert drug_ladder().digest != drug_ladder(alerts="refuse").digest


@pytest.mark.skipif(Admet().missing() is None, reason="ADMET-AI is installed")
def test_without_admet_ai_the_ladder_says_so_and_goes_on():
    outcome = drug_ladder().run(molecules(TOFACITINIB))
    [skipped] = outcome.skipped
    assert skipped.check == "admet"
    assert "pip install 'dure[admet]'" in skipped.why
    assert len(outcome.passed) == 1


class Frame(dict):
    """As much of a data frame as the check uses."""

    columns = ("hERG", "Half_Life_Obach", "molecular_weight")

    def __getitem__(self, names):
        return types.SimpleNamespace(
            index=set(self), loc={key: dict.fromkeys(names, value) for key, value in self.items()}
        )


def test_admet_predictions_are_predicted_evidence_with_units(monkeypatch, capsys):
    class Model:
        def __init__(self, **settings):
            pass

        def predict(self, smiles):
            print("a progress bar")
            return Frame({text: len(text) + 0.123456 for text in smiles})

    module = types.ModuleType("admet_ai")
    module.ADMETModel = Model
    module.__spec__ = ModuleSpec("admet_ai", None)
    monkeypatch.setitem(sys.modules, "admet_ai", module)
    admet._admet_model.cache_clear()
    try:
        check_conforms(Admet(), molecules(TOFACITINIB, IMATINIB))
        rows = Admet().run(molecules("CCO")).to_pylist()
    finally:
        admet._admet_model.cache_clear()
    told = {(row["property"], row["value"], row["unit"], row["kind"]) for row in rows}
    assert told == {("admet.hERG", 3.1235, "1", "predicted"), ("admet.Half_Life_Obach", 3.1235, "h", "predicted")}
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(Admet().missing() is not None, reason="ADMET-AI is not installed")
def test_admet_ai_itself_conforms():
    check_conforms(Admet(), molecules(TOFACITINIB, IMATINIB))
