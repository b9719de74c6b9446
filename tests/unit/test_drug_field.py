"""What the drug field tells the loop by itself."""

from dure.fields.drug.field import FIELD
from dure.fields.drug.standardise import candidate, standardise


def test_candidates_are_ranked_by_heavy_atoms_most_first():
    made = [candidate(row, None) for row in standardise(["CCO", "c1ccc2ccccc2c1", "c1ccccc1O"]).table.to_pylist()]
    assert FIELD.rank(made) == [3.0, 10.0, 7.0]
