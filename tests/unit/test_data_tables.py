"""A user's own table: what is taken, and what is refused with row numbers and a remedy."""

import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dure.base.errors import BadInput, DureError, NotFound, RowErrors
from dure.data.tables import read_table
from dure.data.unitnames import to_ucum, unit_of_name
from dure.data.values import check_names, excel_dates, parse_values

MOLBLOCK = """{name}
  test

  2  1  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.0000    0.0000    0.0000 {atom}   0  0
  1  2  1  0
M  END
> <Ki [nM]>
{ki}

$$$$
"""


def written(tmp_path, content, name="t.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def refusal(path, **options):
    with pytest.raises(DureError) as caught:
        read_table(path, **options)
    assert caught.value.remedy
    return caught.value


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path):
    user = read_table(written(tmp_path, 'name,Ki [nM]\n"two\nlines",1\n\nb,2\n,\nc,3\n\n'))
    assert user.rows.tolist() == [2, 4, 6]
    assert user.first_row == 2
    assert user.column("name").to_pylist() == ["two\nlines", "b", "c"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp949", "cp949"),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_encoding_and_delimiter_gives_the_same_table(tmp_path, encoding, told, delimiter):
    text = "\r\n".join(delimiter.join(row) for row in [("이름", "Ki [nM]"), ("화합물 가", "1.5"), ("화합물 나", "2.5")])
    user = read_table(written(tmp_path, text, encoding=encoding))
    assert user.table.to_pydict() == {"이름": ["화합물 가", "화합물 나"], "Ki [nM]": ["1.5", "2.5"]}
    assert (user.encoding, user.delimiter) == (told, delimiter)


def test_western_text_is_not_read_as_korean(tmp_path):
    user = read_table(written(tmp_path, "name,IC50 (µM),±\ncafé,1,2\n", encoding="cp1252"))
    assert user.table.column_names == ["name", "IC50 (µM)", "±"]
    assert "Windows-1252" in user.warnings[0]


def test_excels_own_delimiter_line_counts_as_a_row(tmp_path):
    user = read_table(written(tmp_path, "sep=;\na;b\n1;2\n3;4\n"))
    assert user.rows.tolist() == [3, 4]
    assert refusal(written(tmp_path, "sep=;\na;b\n1;2\n3\n")).problems[0][0] == 4


def test_nameless_empty_columns_at_the_end_are_left_out(tmp_path):
    assert read_table(written(tmp_path, "a,b,,\n1,2,,\n")).table.column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "name", "what"),
    [
        (b"", "t.csv", "empty"),
        (b"  \n", "t.csv", "empty"),
        (b"a,b\n", "t.csv", "no row"),
        (b"a,b", "t.csv", "no row"),
        (b"a,b\n\n ,\n", "t.csv", "no row"),
        (b"a,a\n1,2\n", "t.csv", "'a' stands 2 times"),
        (b"a,\n1,2\n", "t.csv", "column 2 has cells but no name"),
        (b"PAR1xx", "t.csv", "Parquet"),
        (b"PK\x03\x04xx", "t.csv", "Excel workbook"),
        (b"PK\x03\x04xx", "t.xlsx", "Excel workbook"),
        (b"a,b", "t.xlsx", "workbook"),
        (b"a,b\n1,2", "t.parquet", "not a Parquet file"),
        (b"PAR1 broken PAR1", "t.parquet", "damaged"),
        (b"\x1f\x8bxx", "t.csv", "gzip"),
        (b"a,b", "t.json", ".json"),
        (b"a,b", "t", "'nothing'"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(tmp_path, content, name, what):
    assert what in refusal(written(tmp_path, content, name)).what


def test_missing_files_and_folders(tmp_path):
    assert isinstance(refusal(tmp_path / "none.csv"), NotFound)
    (tmp_path / "d.csv").mkdir()
    assert "folder" in refusal(tmp_path / "d.csv").what


@pytest.mark.parametrize(
    ("text", "rows", "reason"),
    [
        ("a,b\n1,2\n3\n4,5,6\n", [3, 4], "1 cells, but the header has 2"),
        ("a,b\n1,2\n3,\0\n", [3], "NUL"),
        ("a,b\n1,2\nx," + "y" * 100_001 + "\n", [3], "more than 100,000"),
        ('a,b\n1,2\n3,"4\n5,6\n', [3], "never closed"),
    ],
)
def test_bad_rows_are_numbered(tmp_path, text, rows, reason):
    error = refusal(written(tmp_path, text))
    assert isinstance(error, RowErrors)
    assert [row for row, _ in error.problems] == rows
    assert reason in error.problems[0][1]


def test_bytes_of_no_known_encoding(tmp_path):
    assert "row 2" in refusal(written(tmp_path, b"a,b\n\x81\x8d,\xff\n"), encoding="utf-8").what
    assert "no encoding" in refusal(written(tmp_path, "a\n1\n"), encoding="klingon").what


def test_a_missing_column_is_answered_with_those_there_are(tmp_path):
    user = read_table(written(tmp_path, "SMILES,Ki [nM]\nC,1\n"))
    with pytest.raises(BadInput, match="did you mean 'SMILES'"):
        user.column("SMILE")


def test_a_few_dates_among_names_are_pointed_out(tmp_path):
    user = read_table(written(tmp_path, "name,tested on\nSEPT2,2025-01-01\n1-Sep,2025-01-02\n"))
    assert len(user.warnings) == 1
    assert "row 3" in user.warnings[0]
    with pytest.raises(RowErrors, match="row 3: '1-Sep'"):
        check_names(user.column("name"), name="name", rows=user.rows, where=user.name)


def test_parquet_keeps_types_and_row_numbers(tmp_path):
    pq.write_table(pa.table({"smiles": ["C", "CC"], "Ki [nM]": [1.0, None]}), tmp_path / "t.parquet")
    user = read_table(tmp_path / "t.parquet")
    values = parse_values(user.column("Ki [nM]"), name="Ki [nM]", rows=user.rows)
    assert values.value.tolist()[0] == 1.0
    assert values.missing == (3,)


def test_sdf_gives_structures_and_fields_by_record(tmp_path):
    text = MOLBLOCK.format(name="methanol", atom="O", ki=">10000") + MOLBLOCK.format(name="ethane", atom="C", ki="5")
    user = read_table(written(tmp_path, text, "t.sdf"))
    assert user.table.to_pydict() == {
        "smiles": ["CO", "CC"],
        "name": ["methanol", "ethane"],
        "Ki [nM]": [">10000", "5"],
    }
    assert user.rows.tolist() == [1, 2]


def test_unreadable_sdf_records_are_numbered(tmp_path):
    good, bad = (
        MOLBLOCK.format(name="a", atom="O", ki="1"),
        MOLBLOCK.format(name="b", atom="Xx", ki="1").replace("1  2  1", "1  9  1"),
    )
    assert refusal(written(tmp_path, good + bad, "t.sdf")).problems[0][0] == 2


@pytest.mark.parametrize(
    ("cell", "value", "qualifier"),
    [
        ("10", 10, "="), ("1e3", 1000, "="), (" 7. ", 7, "="), (".5", 0.5, "="), ("~5", 5, "="), (">10000", 10000, ">"),
        ("> 10", 10, ">"), ("≥7", 7, ">"), ("<=7", 7, "<"), ("<0.1", 0.1, "<"), ("＞１０", 10, ">"), ("10 nM", 10, "="),
        ("2 µM", 2000, "="), ("2uM", 2000, "="), ("0.002 mM", 2000, "="), ("<1 pM", 0.001, "<"), ("-3", -3, "="),
    ],
)  # fmt: skip
def test_cells_that_can_be_read(cell, value, qualifier):
    values = parse_values([cell, "1"], name="Ki [nM]")
    assert not values.problems
    assert (values.value[0], values.qualifier[0], values.unit) == (value, qualifier, "nmol/L")


@pytest.mark.parametrize("cell", ["", " ", "n/a", "NaN", "N.D.", "-", "#N/A", None])
def test_cells_that_say_that_there_is_no_value(cell):
    values = parse_values([cell, "1", "2"], name="Ki [nM]")
    assert (values.missing, values.problems) == ((2,), ())
    with pytest.raises(RowErrors, match="row 2: no value"):
        values.required("t.csv")
    assert values.required("t.csv", complete=False) is values


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,5", "comma"), ("1,234.5", "comma"), ("1-Sep", "date"), ("Sep-25", "date"), ("2025-09-01", "date"),
        ("2025-09-01 00:00:00", "date"), ("01/09/2025", "date"), ("9월 1일", "date"), ("5-10", "not a number"),
        ("5 ± 2", "neither a number nor a unit"), ("abc", "not a number"), ("#DIV/0!", "spreadsheet's error"),
        ("inf", "not a number"), ("1e999", "beyond"), ("5 kg", "cannot be converted"), ("<>5", "sign"),
        ("10 000", "not a number"),
    ],
)  # fmt: skip
def test_cells_that_cannot_be_taken(cell, reason):
    values = parse_values(["1", cell, "2"], name="Ki [nM]", rows=[5, 8, 9])
    assert [row for row, _ in values.problems] == [8]
    assert reason in values.problems[0][1]
    assert np.isnan(values.value[1])
    assert values.value[[0, 2]].tolist() == [1, 2]


def test_a_decimal_comma_is_read_when_asked_for():
    values = parse_values(["1,5", "2", "3.5"], name="Ki [nM]", decimal=",")
    assert values.value[:2].tolist() == [1.5, 2.0]
    assert [row for row, _ in values.problems] == [4]


def test_units_come_from_name_cell_or_caller_and_must_agree():
    assert parse_values(["5", "6"], name="Ki", unit="nM").unit == "nmol/L"
    assert parse_values(["5 nM", "6 nM", "1 uM"], name="Ki").value.tolist() == [5, 6, 1000]
    assert parse_values(["5", "6"], name="Ki [nM]", to="umol/L").value.tolist() == [0.005, 0.006]
    assert parse_values(["37", "20"], name="T [°C]", to="K").value == pytest.approx([310.15, 293.15])
    with pytest.raises(BadInput, match="no unit"):
        parse_values(["5", "6"], name="Ki")
    with pytest.raises(BadInput, match="no unit"):
        parse_values(["5", "6"], name="Ki", to="nM")
    with pytest.raises(BadInput, match="name says nmol/L"):
        parse_values(["5", "6"], name="Ki [nM]", unit="uM")
    mixed = parse_values(["5 nM", "6", "7"], name="Ki")
    assert [row for row, _ in mixed.problems] == [3, 4]


def test_warnings_for_single_equal_and_converted_values():
    assert "one value only" in parse_values(["5"], name="Ki [nM]").warnings[0]
    assert "all 3 values are 5" in parse_values(["5", "5", "5"], name="Ki [nM]").warnings[0]
    assert "converted" in parse_values(["5", "5 uM"], name="Ki [nM]").warnings[0]
    assert "approximate" in parse_values(["5", "~6"], name="Ki [nM]").warnings[0]


@pytest.mark.parametrize("column", [pa.array([[1], [2]]), pa.array([True, False]), pa.array([0, 1], pa.date32())])
def test_columns_that_cannot_hold_numbers(column):
    with pytest.raises(BadInput, match="not numbers"):
        parse_values(column, name="Ki [nM]")


def test_names_that_carry_units():
    expected = {
        "Ki [nM]": "nmol/L", "exp_mean [nM]": "nmol/L", "IC50_nM": "nmol/L", "IC50 (µM)": "umol/L",
        "Ki in uM": "umol/L",
        "yield (%)": "%", "pIC50": "1", "pChEMBL Value": "1", "Ki (mean)": None, "Ki (a)": None, "FORM": None,
        "prepM": None,
    }  # fmt: skip
    assert {name: unit_of_name(name) for name in expected} == expected
    with pytest.raises(BadInput, match="bogus"):
        unit_of_name("Ki [bogus]")
    assert to_ucum("ug/ml") == "ug/mL"


def test_dates_are_told_from_names():
    cells = ["1-Sep", "Sep-25", "SEPT1", "CHEMBL-1", "2025-09-01", "1-23", "MARCH1", None, "Dec1"]
    assert excel_dates(pa.array(cells)).tolist() == [True, True, False, False, True, False, False, False, False]


def test_a_hundred_thousand_rows_take_under_two_cpu_seconds(tmp_path):
    lines = "\n".join(f"CC(C)N{'C' * (i % 30)},cpd-{i},{i % 977 + 1}.5" for i in range(100_000))
    path = written(tmp_path, "smiles,name,Ki [nM]\n" + lines)
    parse_values(["1 uM"], name="Ki [nM]")  # the unit registry loads once
    start = time.process_time()
    user = read_table(path)
    values = parse_values(user.column("Ki [nM]"), name="Ki [nM]", rows=user.rows)
    assert time.process_time() - start < 2
    assert len(values.value) == 100_000
    assert not values.problems


def test_a_table_of_many_columns_costs_no_more_a_column(tmp_path):
    """Methylation arrays have 450,000 columns: what is quadratic in them would take hours."""
    wide = 20_000
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([",".join(f"cg{i:08d}" for i in range(wide)), *[",".join(["0.5"] * wide)] * 4]) + "\n")
    start = time.process_time()
    read = read_table(path)
    assert {read.column(name)[0].as_py() for name in read.table.column_names} == {"0.5"}
    assert time.process_time() - start < 12  # two seconds here; a search through the names a column took two minutes
