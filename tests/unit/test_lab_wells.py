"""Values of one candidate joined into one well, and the logarithmic scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.base.errors import BadInput
from dure.lab.wells import Wells, join_values, to_scale


def join(*rows: tuple[str | None, str, float], agreement: float = 0.5) -> Wells:
    names, qualifiers, values = zip(*rows, strict=True)
    return join_values(names, np.array(values), np.array(qualifiers), list(range(2, len(rows) + 2)), agreement)


def well(*rows: tuple[str, float], agreement: float = 0.5) -> tuple[Any, ...]:
    """(value, qualifier, n) of the one well that these values of one candidate make."""
    found = join(*(("c", *row) for row in rows), agreement=agreement)
    assert found.refused == []
    return found.value[0], found.qualifier[0], found.n[0]


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        ([("=", 7.0)], (7.0, "=", 1)),
        ([("=", 7.0), ("=", 7.4)], (7.2, "=", 2)),
        ([(">", 6.0)], (6.0, ">", 1)),
        ([("<", 6.0)], (6.0, "<", 1)),
        ([(">", 6.0), (">", 6.4)], (6.4, ">", 2)),
        ([("<", 6.0), ("<", 5.4)], (5.4, "<", 2)),
        ([("=", 7.0), (">", 6.0)], (7.0, "=", 1)),
        ([("=", 7.0), ("<", 8.0)], (7.0, "=", 1)),
        ([("=", 7.0), (">", 7.3)], (7.0, "=", 1)),
    ],
)
def test_values_that_agree_make_one_well(rows: list[tuple[str, float]], made: tuple[Any, ...]) -> None:
    value, *others = well(*rows)
    assert value == pytest.approx(made[0])
    assert tuple(others) == made[1:]


@pytest.mark.parametrize(
    "rows",
    [
        [("=", 7.0), ("=", 7.6)],
        [("=", 7.0), (">", 7.6)],
        [("=", 7.0), ("<", 6.4)],
        [(">", 7.0), ("<", 6.0)],
        [(">", 6.0), ("<", 7.0)],
    ],
)
def test_values_that_do_not_are_refused_and_listed(rows: list[tuple[str, float]]) -> None:
    found = join(*(("c", *row) for row in rows))
    assert found.candidate == []
    assert [(name, numbers) for name, numbers, _ in found.refused] == [("c", "2,3")]


def test_rows_without_candidate_or_value_are_left_out() -> None:
    found = join((None, "=", 5.0), ("a", "=", float("nan")), ("a", "=", 6.0))
    assert (found.candidate, found.value, found.rows) == (["a"], [6.0], ["4"])


def test_a_single_value_has_no_spread() -> None:
    assert join(("a", "=", 6.0)).sd == [None]
    assert join(("a", "=", 6.0), ("a", "=", 6.2)).sd == [pytest.approx(np.std([6.0, 6.2], ddof=1) / np.sqrt(2))], (
        "of the mean"
    )
    assert join(("a", "=", 6.0), ("a", "=", 6.0)).sd == [None], "one value written twice"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("=<>"), st.integers(0, 8)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, str, int]], rng: Any) -> None:
    """Each well, its value and what is refused; of the row numbers only their set."""
    first = join(*((c, q, v / 4) for c, q, v in rows))
    shuffled = rng.sample(rows, len(rows))
    second = join(*((c, q, v / 4) for c, q, v in shuffled))
    assert (first.candidate, first.qualifier, first.n) == (second.candidate, second.qualifier, second.n)
    assert first.value == pytest.approx(second.value)
    assert [c for c, _, _ in first.refused] == [c for c, _, _ in second.refused]


def test_logarithms_turn_limits_around() -> None:
    value, qualifier = to_scale(np.array([1e-9, 1e-5, 1e-5]), np.array(["=", ">", "<"]), "p")
    assert value.tolist() == pytest.approx([9.0, 5.0, 5.0])
    assert qualifier.tolist() == ["=", "<", ">"]


def test_a_linear_scale_leaves_values_alone() -> None:
    given_ = np.array([1.5]), np.array([">"])
    assert to_scale(*given_, "linear") == given_


def test_another_scale_is_refused() -> None:
    with pytest.raises(BadInput, match="is no scale"):
        to_scale(np.array([1.0]), np.array(["="]), "log2")
