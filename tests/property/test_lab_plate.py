"""Plate maps hold every order once a replicate, no well twice, and controls where effects can be seen."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dure.base.errors import BadInput
from dure.lab.plate import (
    SHAPES,
    Item,
    Layout,
    Well,
    dilution,
    parse_well,
    place,
    plan_plates,
    read_worklist,
    well_name,
    worklist_csv,
)
from dure.lab.platepage import plate_page

REFERENCE = Item("", "b3:reference", "tofacitinib")
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@st.composite
def layouts(draw):
    while True:
        try:
            return Layout(
                dilution(10, 3, draw(st.integers(1, 12))),
                "umol/L",
                wells=draw(st.sampled_from([96, 384])),
                replicates=draw(st.integers(1, 3)),
                positive=draw(st.sampled_from([0, 4, 12])),
                negative=draw(st.sampled_from([0, 4, 12])),
                reference=draw(st.sampled_from([None, REFERENCE])),
                reference_replicates=draw(st.integers(1, 2)),
                avoid_edges=draw(st.booleans()),
            )
        except BadInput as error:
            assert "room" in error.what  # noqa: PT017 - the only reason that these arguments can give


def items(n):
    return [Item(f"b3:order{i:03d}", f"b3:candidate{i % 7}", f"화합물 {i}") for i in range(n)]


@settings(max_examples=25, deadline=None)
@given(layout=layouts(), n=st.integers(1, 60), seed=st.integers(0, 9))
def test_every_order_is_placed_once_a_replicate_and_concentration(layout, n, seed):
    wells = plan_plates(items(n), layout, np.random.default_rng(seed))
    placed = Counter((w.order, w.replicate, w.concentration) for w in wells if w.role == "sample")
    wanted = {(i.order, r, c) for i in items(n) for r in range(1, layout.replicates + 1) for c in layout.concentrations}
    assert placed == dict.fromkeys(wanted, 1)
    assert max(Counter((w.plate, w.well) for w in wells).values()) == 1
    assert len({w.plate for w in wells}) == -(-n // layout.capacity)
    for order in {w.order for w in wells if w.role == "sample"}:
        assert len({w.plate for w in wells if w.order == order}) == 1


@settings(max_examples=25, deadline=None)
@given(layout=layouts(), n=st.integers(1, 60), seed=st.integers(0, 9))
def test_controls_and_reference_stand_on_every_plate_in_several_rows_and_columns(layout, n, seed):
    wells = plan_plates(items(n), layout, np.random.default_rng(seed))
    rows, columns = SHAPES[layout.wells]
    for plate in {w.plate for w in wells}:
        here = [w for w in wells if w.plate == plate]
        for role, count in (("positive", layout.positive), ("negative", layout.negative)):
            cells = [place(w.well) for w in here if w.role == role]
            assert len(cells) == count
            assert len({row for row, _ in cells}) >= 2
            assert len({column for _, column in cells}) >= 2
        reference = [w for w in here if w.role == "reference"]
        expected = layout.reference_replicates * len(layout.concentrations) if layout.reference else 0
        assert len(reference) == expected
        for row, column in map(place, (w.well for w in here)):
            edge = row in (0, rows - 1) or column in (0, columns - 1)
            assert 0 <= row < rows
            assert 0 <= column < columns
            assert not (layout.avoid_edges and edge)


@settings(max_examples=15, deadline=None)
@given(layout=layouts(), n=st.integers(1, 40), seed=st.integers(0, 9))
def test_the_map_depends_on_seed_and_orders_alone(layout, n, seed):
    first = plan_plates(items(n), layout, np.random.default_rng(seed))
    assert plan_plates(items(n)[::-1], layout, np.random.default_rng(seed)) == first
    assert first == sorted(first, key=lambda w: (w.plate, place(w.well)))


@settings(max_examples=60, deadline=None)
@given(name=NAMES, candidate=NAMES, concentration=st.one_of(st.none(), st.floats(1e-12, 1e3)))
def test_the_worklist_comes_back_as_it_was(name, candidate, concentration):
    well = Well("b3:a", candidate, name, "P-01", "A01", "sample", 1, concentration, "umol/L")
    data = worklist_csv([well, replace(well, well="A02")])
    assert read_worklist(data) == [well, replace(well, well="A02")]
    assert data.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "'x"])
def test_no_cell_of_a_worklist_is_a_formula(name):
    data = worklist_csv([Well("b3:a", "b3:c", name, "P-01", "A01", "sample", 1, 1.0, "umol/L")]).decode("utf-8-sig")
    assert f",'{name}," in data


@given(st.sampled_from([96, 384]), st.data())
def test_names_of_wells(wells, data):
    rows, columns = SHAPES[wells]
    row, column = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    name = well_name(row, column)
    assert place(name) == (row, column)
    assert parse_well(f" {name[0].lower()}{column + 1} ", wells) == name


@pytest.mark.parametrize("name", ["", "A", "A0", "A13", "I1", "1A", "AA1", "Ä1", "A1.0", "A-1", "A٣"])
def test_what_is_no_well(name):
    assert parse_well(name, 96) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wells": 48}, "48 wells"),
        ({"concentrations": ()}, "concentrations"),
        ({"concentrations": (0.0,)}, "concentrations"),
        ({"unit": "mg/mL"}, "cannot be converted"),
        ({"unit": "uM"}, "not a unit"),
        ({"replicates": 0}, "replicate"),
        ({"positive": 2}, "standard deviation"),
        ({"concentrations": tuple(range(13, 0, -1))}, "no room"),
        ({"replicates": 90}, "no room"),
        ({"positive": 60, "negative": 60}, "no room"),
    ],
)
def test_layouts_that_cannot_be_are_refused(changes, reason):
    with pytest.raises(BadInput, match=reason):
        Layout(**{"concentrations": (10.0,), "unit": "umol/L", **changes})


def test_what_cannot_be_planned_is_refused():
    layout = Layout((10.0,), "umol/L")
    with pytest.raises(BadInput, match="no orders"):
        plan_plates([], layout, np.random.default_rng(0))
    with pytest.raises(BadInput, match="twice"):
        plan_plates(items(1) * 2, layout, np.random.default_rng(0))
    with pytest.raises(BadInput, match="no dilution"):
        dilution(10, 1, 5)
    with pytest.raises(BadInput, match="not a worklist"):
        read_worklist(b"a,b\n1,2\n")
    with pytest.raises(BadInput, match="row 2"):
        read_worklist(worklist_csv([])[:-2] + b"\r\nb3:a,x\r\n")


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_page_is_self_contained_and_shows_every_plate_and_name(lang):
    layout = Layout(dilution(10, 3, 10), "umol/L", reference=REFERENCE)
    wells = plan_plates([Item("b3:o", "b3:c", "<script>"), *items(20)], layout, np.random.default_rng(0))
    page = plate_page(wells, plate_size=96, title="JAK2 & co", lang=lang)
    assert page.count("<section>") == len({w.plate for w in wells}) == 3
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "http" not in page
    assert "JAK2 &amp; co" in page
    assert all(item.name in page for item in items(20))
    assert page.count('<td class="positive">') == 24
    with pytest.raises(BadInput, match="language"):
        plate_page(wells, plate_size=96, title="", lang="fr")


@pytest.mark.parametrize(
    ("wells", "controls", "points"), [(384, 8, 8), (384, 16, 8), (384, 16, 10), (96, 8, 6), (96, 8, 8)]
)
def test_controls_stand_in_rows_over_the_whole_height(wells: int, controls: int, points: int) -> None:
    layout = Layout(
        concentrations=dilution(10.0, 3.0, points), unit="umol/L", wells=wells, positive=controls, negative=controls
    )
    planned = plan_plates([Item("o", "c", "n")], layout, np.random.default_rng(0))
    rows = {place(well.well)[0] for well in planned if well.role in ("positive", "negative")}
    height = SHAPES[wells][0]
    assert abs(np.mean(list(rows)) - (height - 1) / 2) <= height / 8
    assert any(row < height / 2 for row in rows)
    assert any(row >= height / 2 for row in rows)
