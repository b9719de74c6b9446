"""The simulated laboratory: one task an order, noise by the order's name, evidence that says it is simulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sixth_harness as sixth

from dure.lab.orders import Order


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A campaign at the simulated oven that has not begun."""
    folder = tmp_path_factory.mktemp("simulated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
            yield sixth.begin(hub, "baking/bread")


def orders(run: Any, n: int = 3) -> list[Order]:
    """Orders of some recipes that the campaign knows."""
    for candidate in run.space.sample(n, np.random.default_rng(4)):
        run.known[candidate.id] = candidate
    return [Order(run.identifier, identifier, run.assay, 1, 1) for identifier in sorted(run.known)[:n]]


def read(run: Any, asked: list[Order]) -> Any:
    """What the laboratory reads once it was handed these orders."""
    run.driver.submit(asked, run.known)
    return run.driver.collect(asked)


def test_its_evidence_is_simulated_and_names_task_and_assay(run: Any) -> None:
    asked = orders(run)
    reading = read(run, asked)
    assert reading.failed == {}
    rows = reading.evidence.to_pylist()
    assert [row["candidate"] for row in rows] == [order.candidate for order in asked]
    for row in rows:
        assert (row["kind"], row["property"], row["unit"], row["n"]) == ("simulated", "volume", "mL", 1)
        assert row["method"].startswith("dure_sixth.recipes.bake@1#")
        assert row["assay"] == run.assay
        assert row["at"] == sixth.NOON


def test_a_repeated_reading_reads_the_same(run: Any) -> None:
    asked = orders(run)
    assert read(run, asked).evidence.equals(run.driver.collect(asked[::-1]).evidence.take([2, 1, 0]))


def test_a_replicate_has_noise_of_its_own(run: Any) -> None:
    first = orders(run, 1)
    second = [replace(order, replicate=2) for order in first]
    values = [read(run, asked).evidence["value"][0].as_py() for asked in (first, second)]
    assert values[0] != values[1]


def test_what_it_was_handed_it_finds(run: Any) -> None:
    first, second = (replace(order, replicate=9) for order in orders(run, 2))
    run.driver.submit([first], run.known)
    assert run.driver.find([first.key, second.key]) == {first.key}
    assert run.driver.can_find
