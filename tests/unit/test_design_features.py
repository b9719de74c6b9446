"""Molecules as blocks, and the blocks as bytes."""

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.fields.drug.features import blocks, blocks_from_bytes, blocks_to_bytes

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCO", "[Na+].[Cl-]"]


@pytest.fixture(scope="module")
def given():
    return blocks(SMILES)


def test_one_row_a_molecule(given):
    assert [b.name for b in given] == ["ecfp4", "ecfp6", "fcfp4", "pairs", "torsions", "paths", "descriptors"]
    assert {b.matrix.shape[0] for b in given} == {5}
    assert [b.kind for b in given] == ["counts"] * 6 + ["real"]


def test_only_the_chiral_block_tells_enantiomers_apart(given):
    told = {b.name for b in given if b.kind == "counts" and (b.matrix[1] != b.matrix[2]).nnz}
    assert told == {"ecfp6"}


def test_counts_are_counts(given):
    assert (
        given[0].matrix[3].toarray().sum() == 6
    )  # three atoms, each with its neighbourhood, of radius 0 and 1, 2 less


def test_rows_do_not_depend_on_each_other(given):
    alone = blocks(SMILES[:1])
    for one, all_ in zip(alone, given, strict=True):
        if one.kind == "counts":
            assert (one.matrix != all_.matrix[:1]).nnz == 0
        else:
            np.testing.assert_array_equal(one.matrix, all_.matrix[:1])


def test_bytes_come_back_and_are_stable(given):
    data = blocks_to_bytes(given)
    back = blocks_from_bytes(data)
    assert blocks_to_bytes(back) == data
    for one, other in zip(given, back, strict=True):
        assert (one.name, one.kind) == (other.name, other.kind)
        if one.kind == "counts":
            assert (one.matrix != other.matrix).nnz == 0
        else:
            np.testing.assert_array_equal(one.matrix, other.matrix)


def test_nothing_and_nonsense():
    assert {b.matrix.shape[0] for b in blocks([])} == {0}
    with pytest.raises(BadInput, match="no molecule"):
        blocks(["CCO", "not a molecule"])
