"""Standardisation against published InChIKeys, against the ChEMBL pipeline's own code, and against bad input."""

from __future__ import annotations

import pytest

pytest.importorskip("chembl_structure_pipeline", reason="the drug extra is not installed")

from chembl_structure_pipeline import standardizer as chembl
from rdkit import Chem

from dure.fields.drug.standardise import STANDARDISED, candidate, reason, standardise
from dure.fields.drug.structure_reasons import FLAGS, MAX_HEAVY_ATOMS, PROBLEMS

TOFACITINIB = "C[C@@H]1CCN(C[C@@H]1N(C)C2=NC=NC3=C2C=CN3)C(=O)CC#N"
IMATINIB = "CC1=C(C=C(C=C1)NC(=O)C2=CC=C(C=C2)CN3CCN(CC3)C)NC4=NC=CC(=N4)C5=CN=CC=C5"
CITRIC_ACID = "OC(=O)CC(O)(CC(O)=O)C(O)=O"


def one(smiles):
    [row] = standardise([smiles]).table.to_pylist()
    return row


# InChIKeys as PubChem states them (CID 9926791, 5291, 2244, 2519, 5090).
@pytest.mark.parametrize(
    ("smiles", "inchikey"),
    [
        (TOFACITINIB, "UJLAWZDWDVHWOW-YPMHNXCESA-N"),
        (IMATINIB, "KTUFNOKKBVMGRW-UHFFFAOYSA-N"),
        ("CC(=O)OC1=CC=CC=C1C(=O)O", "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"),
        ("CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "RYYVLZVUVIJVGH-UHFFFAOYSA-N"),
        ("CS(=O)(=O)C1=CC=C(C=C1)C2=C(C(=O)OC2)C3=CC=CC=C3", "RZJQGNCSTQAWON-UHFFFAOYSA-N"),
    ],
)
def test_known_drugs_have_their_published_identity(smiles, inchikey):
    row = one(smiles)
    assert (row["inchikey"], row["problem"], row["flags"]) == (inchikey, None, [])


@pytest.mark.parametrize("salt", [CITRIC_ACID, "Cl", "CS(O)(=O)=O", "O", "[Na+].[Cl-]", "O.OC(=O)C(F)(F)F"])
@pytest.mark.parametrize("drug", [TOFACITINIB, IMATINIB])
def test_a_salt_is_stripped_and_both_forms_are_kept(drug, salt):
    row = one(f"{salt}.{drug}")
    assert (row["smiles_parent"], row["inchikey"]) == (one(drug)["smiles_parent"], one(drug)["inchikey"])
    assert row["smiles_full"].count(".") == salt.count(".") + 1
    assert row["flags"] == ["salt-stripped"]


def test_stereo_is_part_of_the_identity():
    mirrored = TOFACITINIB.replace("@@", "@")
    flat = TOFACITINIB.replace("@@", "")
    rows = standardise([TOFACITINIB, mirrored, flat]).table.to_pylist()
    assert len({row["inchikey"] for row in rows}) == 3
    assert [row["flags"] for row in rows] == [[], [], ["undefined-stereocentre"]]


@pytest.mark.parametrize(
    ("smiles", "parent", "flags"),
    [
        ("CC(O)F", "CC(O)F", ["undefined-stereocentre"]),
        ("CC=CC", "CC=CC", ["undefined-double-bond"]),
        ("C/C=C/C", "C/C=C/C", []),
        ("NC(=N)c1ccccc1", "N=C(N)c1ccccc1", []),
        ("CN=[N+]=[N-]", "CN=[N+]=[N-]", []),
        ("[2H]C([2H])([2H])O", "[2H]C([2H])([2H])O", ["isotope"]),
        ("C[N+](C)(C)CCO.[Cl-]", "C[N+](C)(C)CCO", ["salt-stripped", "charged"]),
        ("CC(=O)[O-].[Na+]", "CC(=O)O", ["salt-stripped"]),
        ("CC(=O)O[Na]", "CC(=O)O", ["salt-stripped"]),
        ("c1ccccc1C(=O)[O-].[Ca+2].[O-]C(=O)c1ccccc1", "O=C(O)c1ccccc1", ["salt-stripped"]),
        ("[NH3+]CC([O-])=O", "NCC(=O)O", []),
        ("CN(=O)=O", "C[N+](=O)[O-]", []),
        ("CCN aminoethane", "CCN", ["name-dropped"]),
        ("  CCN\tid-7 \n", "CCN", ["name-dropped"]),
        ("Cl", None, None),
    ],
)
def test_the_parent_and_its_flags(smiles, parent, flags):
    row = one(smiles)
    assert row["smiles_parent"] == parent
    assert flags is None or row["flags"] == flags


@pytest.mark.parametrize(
    ("smiles", "problem"),
    [
        (None, "empty"),
        ("", "empty"),
        ("  ", "empty"),
        ("nan", "empty"),
        ("N/A", "empty"),
        ("C" * 2001, "too-long"),
        ("C" * (MAX_HEAVY_ATOMS + 1), "too-large"),
        ("CCO>>CC=O", "reaction"),
        ("C{[>][<]CC[>][<]}C", "polymer"),
        ("C[C@H](O)F |&1:1|", "extended"),
        ("CC(C", "malformed"),
        ("c1cccc1", "malformed"),
        ("CN(C)(C)(C)C", "malformed"),
        ("tofacitinib", "malformed"),
        ("12.5", "malformed"),
        ("CCO\x00CCN", "malformed"),
        ("아스피린", "malformed"),
        ("*CCO", "dummy-atom"),
        ("[*:1]c1ccccc1", "dummy-atom"),
        ("CC~CC", "odd-bond"),
        ("N->B", "odd-bond"),
        ("C[Fe]C", "element"),
        ("N[Pt](N)(Cl)Cl", "element"),
        ("CCO.[Fe+2]", "element"),
        ("C[Zn]C", "element"),
        ("C" + "B(C)" * 8, "boron-cluster"),
        ("C[CH]C", "radical"),
        ("CC1(C)CCCC(C)(C)N1[O]", "radical"),
        ("[Na+].[Cl-]", "inorganic"),
        ("O", "inorganic"),
        (f"{TOFACITINIB}.{IMATINIB}", "mixture"),
        (f"{TOFACITINIB}.{IMATINIB}.Cl", "mixture"),
    ],
)
def test_bad_structures_are_refused_each_with_its_reason(smiles, problem, capfd):
    row = one(smiles)
    assert (row["problem"], row["inchikey"], row["smiles_parent"]) == (problem, None, None)
    for lang in ("ko", "en"):
        assert reason(row, lang)
        assert "{" not in reason(row, lang).replace(str(smiles), "")
    assert capfd.readouterr() == ("", "")


def test_every_reason_and_flag_speaks_both_languages():
    for texts in (*PROBLEMS.values(), *FLAGS.values()):
        assert sorted(texts) == ["en", "ko"]
        assert all(texts.values())


def test_problems_name_the_row():
    found = standardise(["CCO", "CC(C", TOFACITINIB, ""])
    assert [(row, code) for row, code, _ in found.problems()] == [(1, "malformed"), (3, "empty")]
    assert found.problems("ko")[1][2] == "구조가 비어 있음"
    assert found.table.schema.equals(STANDARDISED)


def test_no_rows_are_an_answer_too():
    assert standardise([]).table.num_rows == 0


def test_a_candidate_is_named_by_its_inchikey_alone():
    plain, salt = standardise([TOFACITINIB, f"{TOFACITINIB}.{CITRIC_ACID}"]).table.to_pylist()
    assert candidate(plain).id == candidate(salt, name="tofacitinib citrate").id
    assert candidate(salt, name="tofacitinib citrate").form["name"] == "tofacitinib citrate"
    assert candidate(plain).form == {"smiles": plain["smiles_parent"]}
    assert candidate(plain).content == {"inchikey": "UJLAWZDWDVHWOW-YPMHNXCESA-N"}


def test_the_parent_is_the_one_of_the_pipelines_own_slow_code():
    salts = ["Cl", "Br", "OC(=O)C(O)=O", "OC(=O)/C=C\\C(O)=O", "OS(O)(=O)=O", "NC(CO)(CO)CO", "CCO", "O", "[K+]"]
    drugs = [IMATINIB, "CC(C)Cc1ccc(cc1)C(C)C([O-])=O", "C[NH+](C)CCOC(c1ccccc1)c1ccccc1", "Clc1ccccc1"]
    written = [f"{drug}.{salt}" for drug in drugs for salt in salts]
    rows = standardise(written).table.to_pylist()
    for smiles, row in zip(written, rows, strict=True):
        theirs, _ = chembl.get_parent_mol(chembl.standardize_mol(Chem.MolFromSmiles(smiles)))
        assert row["smiles_parent"] == Chem.CanonSmiles(Chem.MolToSmiles(theirs)), smiles
