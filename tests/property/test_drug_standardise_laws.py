"""Standardisation is idempotent, looks at one row at a time, and survives any text."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

pytest.importorskip("chembl_structure_pipeline", reason="the drug extra is not installed")

from rdkit import Chem

from dure.fields.drug.standardise import standardise

PIECES = [
    "C",
    "N",
    "O",
    "F",
    "Cl",
    "S",
    "c1ccccc1",
    "C(=O)O",
    "C(=O)[O-]",
    "[NH3+]",
    "N(=O)=O",
    "C#N",
    "/C=C/",
    "[C@H](N)C",
]
MOLECULES = ["Cl", "[Na+]", "O", "CS(O)(=O)=O", "OC(=O)C(F)(F)F"]

chains = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(lambda parts: "C" + "".join(parts))
written = st.lists(st.one_of(chains, st.sampled_from(MOLECULES)), min_size=1, max_size=3).map(".".join)
anything = st.one_of(
    written, st.text(max_size=20), st.text(alphabet="CNOcno()[]=#@+-123.>*%H\\/", max_size=20), st.none()
)


@settings(max_examples=150, deadline=None)
@given(written)
def test_a_parent_is_its_own_parent(smiles):
    [first] = standardise([smiles]).table.to_pylist()
    if first["problem"] is None:
        [again] = standardise([first["smiles_parent"]]).table.to_pylist()
        assert (again["smiles_parent"], again["inchikey"]) == (first["smiles_parent"], first["inchikey"])
        assert again["smiles_full"] == again["smiles_parent"]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_order_of_rows_does_not_matter(data):
    rows = data.draw(st.lists(anything, max_size=6))
    order = data.draw(st.permutations(range(len(rows))))
    straight = standardise(rows).table.drop_columns(["row"]).to_pylist()
    turned = standardise([rows[i] for i in order]).table.drop_columns(["row"]).to_pylist()
    assert turned == [straight[i] for i in order]


@settings(max_examples=100, deadline=None)
@given(chains, st.integers(1, 50))
def test_how_a_molecule_is_written_does_not_matter(smiles, seed):
    mol = Chem.MolFromSmiles(smiles)
    if mol is not None:
        [other] = Chem.MolToRandomSmilesVect(mol, 1, randomSeed=seed)
        one, two = standardise([smiles, other]).table.to_pylist()
        assert (one["inchikey"], one["problem"]) == (two["inchikey"], two["problem"])


@settings(max_examples=200, deadline=None)
@given(anything)
def test_every_text_is_answered(text):
    [row] = standardise([text]).table.to_pylist()
    taken = row["inchikey"] is not None
    assert taken == (row["problem"] is None) == (row["smiles_parent"] is not None)
