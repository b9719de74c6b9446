"""From a specification and a table to pool and plate: what is taken, left out and refused, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth

from dure.base.errors import BadInput, DureError, NotFound, RowErrors
from dure.campaign.prepare import prepare
from dure.campaign.setup import Setup
from dure.campaign.spec import read_specification
from dure.store.frames import get_frame


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sixth.InlineHub]:
    folder = tmp_path_factory.mktemp("prepare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as made:
            assert made.me
            yield made


def setup(hub: sixth.InlineHub, folder: Path, rows: list[dict[str, Any]] | None = None, **changes: str) -> Setup:
    return prepare(hub.parts(), hub.me, read_specification(str(sixth.write_problem(folder, rows, **changes))))


def changed(column: str, *values: str) -> list[dict[str, Any]]:
    """Twelve flours whose first rows have these cells."""
    rows = sixth.flours(rows=12)
    for row, value in zip(rows, values, strict=False):
        row[column] = value
    return rows


def test_the_same_again_is_no_work_and_the_same_set_up(hub: sixth.InlineHub, tmp_path: Path) -> None:
    first = setup(hub, tmp_path)
    before = len(sixth.events(hub))
    assert setup(hub, tmp_path).to_bytes() == first.to_bytes()
    assert len(sixth.events(hub)) == before


def test_a_set_up_comes_back_from_its_bytes(hub: sixth.InlineHub, tmp_path: Path) -> None:
    first = setup(hub, tmp_path)
    assert Setup.from_bytes(first.to_bytes()).to_bytes() == first.to_bytes()


def test_pool_and_plate_hold_the_same_candidates(hub: sixth.InlineHub, tmp_path: Path) -> None:
    made = setup(hub, tmp_path)
    pool, wells = get_frame(hub.objects, made.pool), get_frame(hub.objects, made.wells)
    assert pool["id"].to_pylist() == sorted(wells["candidate"].to_pylist())
    assert pool.column_names == ["id", "content", "form", "kind"]
    assert made.size == 40


def test_every_well_names_its_row(hub: sixth.InlineHub, tmp_path: Path) -> None:
    rows = sixth.flours()
    made = setup(hub, tmp_path, rows)
    for well in get_frame(hub.objects, made.wells).to_pylist():
        accession, _, number = well["source"].partition("/flours.csv#")
        assert accession == made.dataset
        assert float(rows[int(number) - 2]["volume"]) == well["value"], "row 1 is the header"


def test_rows_without_a_value_are_counted(hub: sixth.InlineHub, tmp_path: Path) -> None:
    made = setup(hub, tmp_path, changed("volume", "", ""))
    assert (made.size, dict(made.left_out)) == (10, {"no value": 2})


def test_rows_that_make_no_design_are_named_all_at_once(hub: sixth.InlineHub, tmp_path: Path) -> None:
    before = len(sixth.events(hub, "campaign.started"))
    with pytest.raises(RowErrors) as wrong:
        setup(hub, tmp_path, changed("protein", "strong", "12.5", "?"))
    assert [(row, reason.rpartition(": ")[2]) for row, reason in wrong.value.problems] == [
        (2, "not-a-number"),
        (4, "not-a-number"),
    ]
    assert len(sixth.events(hub, "campaign.started")) == before


def test_values_that_do_not_agree_are_left_out(hub: sixth.InlineHub, tmp_path: Path) -> None:
    rows = sixth.flours(rows=12)
    rows.append({**rows[0], "volume": str(float(rows[0]["volume"]) + 50)})
    made = setup(hub, tmp_path, rows)
    assert (made.size, dict(made.left_out)) == (11, {"values that do not agree": 1})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"file": '"gone.csv"'}, "gone.csv"),
        ({"column": '"volumes"'}, "did you mean 'volume'"),
        ({"structure": '["ash", "glutin"]'}, "did you mean 'gluten'"),
        ({"driver": '"oracle"'}, "is no laboratory driver"),
        ({"kind": '"recipe"'}, "needs parameters"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    hub: sixth.InlineHub, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(DureError) as wrong:
        setup(hub, tmp_path, **changes)
    assert said in str(wrong.value)
    assert wrong.value.remedy


def test_a_cell_that_is_no_number_is_named_by_its_row(hub: sixth.InlineHub, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="row 3"):
        setup(hub, tmp_path, changed("volume", "3000", "large"))


def test_a_budget_larger_than_the_pool_is_refused(hub: sixth.InlineHub, tmp_path: Path) -> None:
    before = len(sixth.events(hub, "campaign.started"))
    with pytest.raises(BadInput, match="larger than the pool of 40"):
        sixth.begin(hub, sixth.write_problem(tmp_path, first="50"))
    assert len(sixth.events(hub, "campaign.started")) == before


def test_values_that_are_all_equal_are_refused(hub: sixth.InlineHub, tmp_path: Path) -> None:
    rows = [{**row, "volume": "3000"} for row in sixth.flours()]
    with pytest.raises(BadInput, match=r"rows 2 to 41.*nothing to find"):
        setup(hub, tmp_path, rows)


def test_one_row_is_a_campaign_of_one_assay(hub: sixth.InlineHub, tmp_path: Path) -> None:
    run = sixth.finish(
        hub, sixth.write_problem(tmp_path, sixth.flours(rows=1), seeds="1", first="1", rounds="0", stickiest="9.0")
    )
    assert (run.state.ordered, len(run.state.measured)) == (1, 1)


def test_a_source_that_was_not_fetched_names_the_command(hub: sixth.InlineHub) -> None:
    pytest.importorskip("rdkit", reason="the drug field needs RDKit")
    with pytest.raises(NotFound) as missing:
        prepare(hub.parts(), hub.me, read_specification("drug/jak2"))
    assert missing.value.remedy == "fetch it with: dure fetch moleculeace"
