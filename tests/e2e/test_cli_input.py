"""Bad input, as a user meets it: row numbers, what to do, exit code 2, no traceback (the fixture looks for one)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.conftest import compounds, write_problem


def refused(dure, problem: Path, *words: str, code: int = 2) -> str:
    answer = dure("run", problem)
    assert answer.code == code, answer.all
    assert not answer.out
    for word in words:
        assert word in answer.err
    assert "→" in answer.err, "an error says what to do"
    return answer.err


def more(*rows: tuple[object, ...]) -> list[tuple[object, ...]]:
    return [*compounds(), *rows]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("bad", "C1CC(", 5), ("worse", "not a smiles", 5)], ["2 rows", "row 42: 'C1CC('", "row 43", "malformed"]),
        ([("mix", "c1ccccc1CCCC.CCCCCCCO", 5)], ["row 42", "mixture"]),
        ([("x", "CCCCO", "5 mg")], ["row 42", "mg cannot be converted"]),
        ([("x", "CCCCO", "1-Sep")], ["row 42", "is a date", "spreadsheet"]),
        ([("x", "CCCCO", "abc")], ["row 42", "'abc' is not a number"]),
        ([("x", "CCCCO", 0), ("y", "CCCCCO", -5)], ["row 42", "row 43", "no logarithm"]),
        ([("x", "CCCCO")], ["row 42", "2 cells"]),
    ],
)
def test_rows_that_cannot_be_taken_are_named(dure, tmp_path, rows, words) -> None:
    refused(dure, write_problem(tmp_path, more(*rows)), *words)


def test_no_rows_one_row_and_a_pool_smaller_than_the_budget(dure, tmp_path) -> None:
    refused(dure, write_problem(tmp_path, []), "no row of data")
    refused(dure, write_problem(tmp_path, compounds()[:1]), "larger than the pool of 1", "take at most 1")
    refused(dure, write_problem(tmp_path, compounds()[:20]), "24 assays", "pool of 20")


def test_equal_values_teach_nothing(dure, tmp_path) -> None:
    rows = [(name, smiles, 100) for name, smiles, _ in compounds()]
    refused(dure, write_problem(tmp_path, rows), "all 40 values", "rows 2 to 41")


def test_missing_unit_and_column(dure, tmp_path) -> None:
    problem = write_problem(tmp_path)
    text = problem.read_text("utf-8")
    table = (tmp_path / "compounds.csv").read_text("utf-8")
    (tmp_path / "compounds.csv").write_text(table.replace("IC50 [nM]", "IC50"), "utf-8")
    plain = text.replace('"IC50 [nM]"', '"IC50"')
    problem.write_text(plain.replace('unit = "nmol/L"', ""), "utf-8")
    refused(dure, problem, "no unit", 'unit = "nM"')
    problem.write_text(plain.replace('structure = "smiles"', 'structure = "smile"'), "utf-8")
    refused(dure, problem, "no column 'smile'", "did you mean 'smiles'")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("first = 8", "first = ", ["not TOML"]),
        ("first = 8", "frist = 8", ["unknown key 'frist'", "[budget]"]),
        ("first = 8", 'first = "8"', ["is not a whole number"]),
        ("first = 8", "first = 0", ["less than one assay"]),
        ('driver = "replay"', 'driver = "robot"', ["'robot' is no laboratory driver"]),
        ('direction = "maximise"', 'direction = "up"', ["'up' is no direction"]),
        ('name = "dure"', 'name = "magic"', ["no strategy 'magic'"]),
        ('field = "drug"', "", ["'field' is missing"]),
        ('scale = "p"', 'scale = "log"', ["'log' is no scale"]),
        ('alerts = "flag"', 'alerts = "maybe"', ["[ladder]"]),
    ],
)
def test_a_wrong_problem_file_names_the_key(dure, tmp_path, old, new, words) -> None:
    problem = write_problem(tmp_path)
    text = problem.read_text("utf-8")
    assert old in text
    problem.write_text(text.replace(old, new, 1), "utf-8")
    refused(dure, problem, *words)


def test_files_that_are_not_there_or_no_table(dure, tmp_path) -> None:
    refused(dure, tmp_path / "none.toml", "no such file", "dure new", code=5)
    problem = write_problem(tmp_path)
    (tmp_path / "compounds.csv").write_bytes(bytes(range(256)) * 8)
    refused(dure, problem, "compounds.csv")
    (tmp_path / "compounds.csv").unlink()
    refused(dure, problem, "no such file", code=5)


def test_what_is_taken_with_a_word_about_it(dure, tmp_path) -> None:
    """Limits, gaps, replicates, salts, a byte order mark and CP949 are understood; what is left out is listed."""
    rows = more(
        ("limit", "CCCCO", ">10000"),
        ("gap", "CCCCN", "NaN"),
        ("salt", "CCCCC(=O)[O-].[Na+]", "200"),
        ("a", "CCCCCO", 10),
        ("b", "OCCCCC", 1000),
    )
    problem = write_problem(tmp_path, rows, first="4", batch="2", rounds="0")
    table = (tmp_path / "compounds.csv").read_text("utf-8")
    (tmp_path / "compounds.csv").write_bytes(b"\xef\xbb\xbf" + table.encode())
    answer = dure("run", problem, "--json")
    assert answer.code == 0, answer.all
    said = "\n".join(answer.json["notices"])
    assert "no value in row 43" in said
    assert "rows 45, 46" in said
    assert "2 apart" in said
    (tmp_path / "compounds.csv").write_bytes(table.replace("limit", "화합물").encode("cp949"))
    assert dure("run", problem).code == 0
