"""The order book of a laboratory inside this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.base.canonical import digest
from dure.lab.notebook import Notebook
from dure.lab.orders import Order


def order(name: object) -> Order:
    return Order(digest("campaign"), digest(name), digest("assay"), 1, 1)


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    return Notebook(tmp_path / "lab" / "orders.jsonl")


def test_an_empty_book_has_no_orders(notebook: Notebook) -> None:
    assert notebook.keys() == []


def test_orders_stand_in_the_order_in_which_they_came(notebook: Notebook) -> None:
    notebook.enter([order(1), order(2)])
    notebook.enter([order(3)])
    assert notebook.keys() == [order(n).key for n in (1, 2, 3)]


def test_it_hides_nothing_that_came_twice(notebook: Notebook) -> None:
    """It is the witness of what the hub did."""
    notebook.enter([order(1)])
    notebook.enter([order(1)])
    assert notebook.keys() == [order(1).key] * 2


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(0, 400))
def test_a_torn_line_was_never_entered(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Wherever the file ends: whole lines count, and what follows is written over the torn one."""
    notebook = Notebook(tmp_path_factory.mktemp("lab") / "orders.jsonl")
    notebook.enter([order(1), order(2)])
    data = notebook.path.read_bytes()
    notebook.path.write_bytes(data[:cut])
    whole = data[:cut].count(b"\n")
    assert notebook.keys() == [order(n).key for n in (1, 2)][:whole]
    notebook.enter([order(3)])
    assert notebook.keys() == [*[order(n).key for n in (1, 2)][:whole], order(3).key]
