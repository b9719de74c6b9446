"""Columns of a user's table in the units that a recipe asks for."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dure.base.errors import BadInput, RowErrors
from dure.data.tables import read_table
from dure.models.columns import checked
from dure.models.recipe import Column

WARMTH = Column("warmth", "Cel", {"en": "temperature of the air", "ko": "기온"}, low=-40.0, high=60.0)
GAS = Column("gas", "umol/mol", {"en": "carbon dioxide", "ko": "이산화탄소"}, low=0.0)


def read(folder, text):
    path = folder / "own.csv"
    path.write_text(text, "utf-8")
    return read_table(path)


@pytest.mark.parametrize(("unit", "value"), [("K", 293.15), ("Cel", 20.0), ("°C", 20.0), ("[degF]", 68.0), ("°F", 68)])
def test_temperatures_are_converted_with_their_offset(tmp_path, unit, value):
    found = checked(read(tmp_path, f"warmth [{unit.strip('[]')}]\n{value}\n"), [WARMTH])
    np.testing.assert_allclose(found["warmth"].to_numpy(), [20.0], atol=1e-9)


def test_parts_per_million_are_a_unit(tmp_path):
    found = checked(read(tmp_path, "gas [ppm]\n417\n"), [GAS])
    np.testing.assert_allclose(found["gas"].to_numpy(), [417.0])


def test_a_temperature_that_cannot_be_is_refused_in_its_own_unit(tmp_path):
    with pytest.raises(RowErrors, match=r"row 2: 226\.85 Cel cannot be temperature of the air"):
        checked(read(tmp_path, "warmth [K]\n500\n"), [WARMTH])


def test_gaps_are_taken_where_a_column_may_have_them_and_refused_elsewhere(tmp_path):
    table = read(tmp_path, "warmth [Cel],gas [ppm]\n20,400\n,410\n21.5,n/a\n")
    found = checked(table, [replace(WARMTH, gaps=True), replace(GAS, gaps=True)])
    np.testing.assert_allclose(found["warmth"].to_numpy(), [20.0, np.nan, 21.5])
    np.testing.assert_allclose(found["gas"].to_numpy(), [400.0, 410.0, np.nan])
    with pytest.raises(RowErrors, match="row 3: no value"):
        checked(table, [WARMTH])


def test_one_name_in_two_units_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"(?s)'warmth \[K\]' bear one name"):
        checked(read(tmp_path, "warmth [Cel],warmth [K]\n20,293\n"), [WARMTH])


def test_a_misspelt_column_that_could_be_left_out_is_named(tmp_path):
    optional = replace(WARMTH, required=False)
    with pytest.raises(BadInput, match=r"(?s)no column 'warmht' in this table.*did you mean 'warmth'"):
        checked(read(tmp_path, "gas [ppm],warmht [Cel]\n400,20\n"), [GAS, optional])
    assert checked(read(tmp_path, "gas [ppm],note\n400,x\n"), [GAS, optional]).column_names == ["row", "gas"]


@pytest.mark.parametrize("column", [pa.array([[1.0]]), pa.array([0], pa.timestamp("s"))])
def test_cells_that_are_no_numbers_are_refused_in_words(tmp_path, column):
    pq.write_table(pa.table({"warmth [Cel]": column}), tmp_path / "own.parquet")
    with pytest.raises((BadInput, RowErrors), match="not numbers"):
        checked(read_table(tmp_path / "own.parquet"), [WARMTH])
