"""Drawings and scaffolds."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip("rdkit", reason="the drug extra is not installed")

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.drug.drawing import ELEMENT_COLOURS, draw, scaffold

ASPIRIN = "CC(=O)OC1=CC=CC=C1C(=O)O"
SVG = "{http://www.w3.org/2000/svg}"


def molecule(smiles: str, **form: str) -> Candidate:
    return Candidate("molecule", {"inchikey": smiles}, {"smiles": smiles, **form})


def test_a_drawing_is_one_svg_with_an_accessible_title():
    root = ElementTree.fromstring(draw(molecule(ASPIRIN, name='<"a" & b>'), 300, 200))
    assert (root.tag, root.get("viewBox"), root.get("role")) == (SVG + "svg", "0 0 300 200", "img")
    assert root.find(SVG + "title").text == f'<"a" & b>: {ASPIRIN}'
    assert root.get("aria-label") == root.find(SVG + "title").text
    assert len(root.findall(SVG + "path")) > 10


def test_a_drawing_takes_the_colour_of_its_page_and_paints_no_ground():
    svg = draw(molecule(ASPIRIN))
    assert "currentColor" in svg
    assert "<rect" not in svg
    assert not {"#000000", "#FFFFFF"}.intersection(svg.split("'"))
    assert "#000000" not in svg.upper()
    assert "href" not in svg
    assert "<?xml" not in svg


def test_the_same_molecule_is_drawn_the_same():
    assert draw(molecule(ASPIRIN)) == draw(molecule(ASPIRIN))


@pytest.mark.parametrize("smiles", ["CC(", ""])
def test_what_is_no_molecule_is_not_drawn(smiles):
    with pytest.raises(BadInput):
        draw(molecule(smiles))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", ELEMENT_COLOURS.values())
def test_element_colours_stand_out_on_white_and_on_near_black(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 3
    assert (luminance(colour) + 0.05) / (luminance("#111111") + 0.05) >= 3


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        (ASPIRIN, "c1ccccc1"),
        ("CCO", ""),
        ("C[C@@H]1CCN(C[C@@H]1N(C)C2=NC=NC3=C2C=CN3)C(=O)CC#N", "c1nc(NC2CCCNC2)c2cc[nH]c2n1"),
        ("C[C@H]1CCN(C[C@H]1N(C)C2=NC=NC3=C2C=CN3)C(=O)CC#N", "c1nc(NC2CCCNC2)c2cc[nH]c2n1"),
        ("CC1=C(C=C(C=C1)NC(=O)C2=CC=C(C=C2)CN3CCN(CC3)C)NC4=NC=CC(=N4)C5=CN=CC=C5",
         "O=C(Nc1cccc(Nc2nccc(-c3cccnc3)n2)c1)c1ccc(CN2CCNCC2)cc1"),
    ],
)  # fmt: skip
def test_scaffolds_are_murcko_frameworks_without_stereo(smiles, expected):
    assert scaffold(smiles) == expected


def test_what_is_no_molecule_has_no_scaffold():
    with pytest.raises(BadInput, match="scaffold"):
        scaffold("CC(")
