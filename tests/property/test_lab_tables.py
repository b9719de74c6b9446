"""Any table written by Python's csv module is read back cell by cell; any bytes are a table or a `DureError`."""

import contextlib
import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.base.errors import DureError
from dure.data.tables import read_table
from dure.data.values import parse_values

CELL = st.text(st.sampled_from(list("abZ 09.,;\t\"'<>~µ가나é-\n")), max_size=8)
SUFFIX = st.sampled_from([".csv", ".tsv", ".txt", ".sdf", ".parquet", ".xlsx"])
UNIT = st.sampled_from(["", " nM", " uM"])
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUIET
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_written_table_is_read_back_with_its_row_numbers(tmp_path, rows, delimiter, encoding, end):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(
        [("eins", "zwei", "drei"), *rows]
    )
    (tmp_path / "t.csv").write_bytes(out.getvalue().encode(encoding))
    expected = {i: row for i, row in enumerate(rows, 2) if "".join(row).strip()}
    if not expected:
        with pytest.raises(DureError):
            read_table(tmp_path / "t.csv")
        return
    user = read_table(tmp_path / "t.csv")
    found = dict(zip(user.rows.tolist(), zip(*user.table.to_pydict().values(), strict=True), strict=True))
    assert found == expected


@QUIET
@given(data=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)), suffix=SUFFIX)
def test_any_bytes_are_a_table_or_a_plain_refusal(tmp_path, data, suffix):
    path = tmp_path / f"t{suffix}"
    path.write_bytes(data)
    with contextlib.suppress(DureError):
        user = read_table(path)
        for name in user.table.column_names:
            values = parse_values(user.column(name), name=name, unit="1", rows=user.rows)
            assert len(values.value) == user.table.num_rows


@QUIET
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "<", ">"]), st.floats(0, 1e12), st.sampled_from(["", " nM", " uM"])), min_size=1
    )
)
def test_numbers_with_signs_and_units_come_back(cells):
    values = parse_values([f"{sign}{number!r}{unit}" for sign, number, unit in cells], name="Ki [nM]")
    assert not values.problems
    assert values.qualifier.tolist() == [sign or "=" for sign, _, _ in cells]
    assert values.value.tolist() == [number * 1000 if unit == " uM" else number for _, number, unit in cells]
