"""Numbers, units and other people's words on the page."""

import pytest

from dure.campaign.report.values import chance, count, number, plain, quantity, unit


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (9.0, 2, "9.00"),
        (-0.001, 1, "0.0"),
        (-8.04, 1, "−8.0"),
        (0.0, None, "0"),
        (0.0634, None, "0.0634"),
        (0.00002, None, "2.00 × 10^−5"),
        (123456.7, None, "123,457"),
        (None, 2, "–"),
    ],
)
def test_numbers(value, decimals, shown):
    assert number(value, decimals) == shown


def test_units_and_censored_values():
    assert quantity(10000.0, "nmol/L", 0, ">") == "> 10,000 nM"
    assert quantity(5.0, "1", 1, "<") == "< 5.0"
    assert quantity(None, "nmol/L") == "–"
    assert unit("{KRW}") == "KRW"


def test_a_probability_is_never_printed_as_zero():
    assert "0.0001" in chance(0.0)
    assert chance(1.0).endswith("1.00")


def test_counts_are_whole_where_they_are_whole():
    assert [count(3.0), count(2.479)] == ["3", "2.5"]


@pytest.mark.parametrize("hidden", ["\u202e", "\u200f", "\u2066", "\x00", "\x1b", "\u200b", "\ufeff", "\ud800"])
def test_nothing_invisible_is_left_in_words(hidden):
    shown = plain(f"a{hidden}b")
    assert hidden not in shown
    assert f"U+{ord(hidden):04X}" in shown
    shown.encode("utf-8")


def test_long_words_are_cut():
    assert len(plain("가" * 10_000)) == 120
    assert plain("\u202e" * 10_000, 50).endswith("…")


def test_lines_become_one():
    assert plain("a\n\tb  c") == "a b c"
