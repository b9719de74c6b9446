"""Molecules as self-contained SVG that reads on light and dark paper, and the scaffold that names a family.

Lines take the colour of the text around them (`currentColor`) and nothing is painted behind, so one drawing serves a
white page, a dark screen and a printer. Atom labels are paths: no font is needed.
"""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return,attr-defined"
from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from rdkit import Chem, rdBase
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D
from rdkit.Chem.Scaffolds import MurckoScaffold

from dure.base.errors import BadInput
from dure.design.candidate import Candidate

# Element colours of at least 3:1 contrast on white and on near-black alike (WCAG 2.1, graphics).
ELEMENT_COLOURS = {
    7: "#4a7de0",
    8: "#e0483c",
    9: "#2f9e63",
    15: "#c9792b",
    16: "#a98600",
    17: "#2f9e63",
    35: "#b5653a",
    53: "#9a5fc0",
}


def draw(candidate: Candidate, width: int = 320, height: int = 220) -> str:
    """An SVG element of a molecule, width by height pixels, with its name and SMILES as accessible title.

    Raises:
        BadInput: the candidate has no SMILES that RDKit can read.
    """
    smiles = str(candidate.form.get("smiles", ""))
    name = candidate.form.get("name")
    return framed(sketch(smiles, width, height), width, height, f"{name}: {smiles}" if name else smiles)


def sketch(smiles: str, width: int, height: int) -> str:
    """The inside of an SVG element: the structure fitted into width by height pixels.

    Raises:
        BadInput: RDKit cannot read the SMILES.
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if smiles else None
    if mol is None:
        raise BadInput(f"not a SMILES: {smiles[:60]!r}", where="drawing", remedy="draw standardised molecules only")
    rdDepictor.Compute2DCoords(mol)
    rdDepictor.StraightenDepiction(mol)
    drawer = rdMolDraw2D.MolDraw2DSVG(width, height)
    _set_options(drawer.drawOptions())
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    return _inside(drawer.GetDrawingText())


def framed(inside: str, width: float, height: float, title: str) -> str:
    """An SVG element around drawn parts; `title` is what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label={quoteattr(title)}><title>{escape(title)}</title>{inside}</svg>'
    )


def scaffold(smiles: str) -> str:
    """The Bemis-Murcko framework as SMILES without stereo: ring systems and what links them; empty where no ring is.

    Bemis and Murcko 1996, J. Med. Chem. 39:2887, doi 10.1021/jm9602928; atoms double-bonded to it are kept, as RDKit
    does.

    >>> scaffold("CC(=O)OC1=CC=CC=C1C(=O)O"), scaffold("CCO")
    ('c1ccccc1', '')
    """
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise BadInput(f"not a SMILES: {smiles[:60]!r}", where="scaffold", remedy="give a standardised molecule")
    Chem.RemoveStereochemistry(mol)
    return Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol))


def _set_options(options: Any) -> None:
    options.clearBackground = False
    options.bondLineWidth = 1.6
    options.fixedBondLength = 28  # small molecules are not blown up to fill the frame
    options.minFontSize = 9
    options.addStereoAnnotation = False
    palette = {number: _rgb(colour) for number, colour in ELEMENT_COLOURS.items()}
    options.setAtomPalette({-1: (0.0, 0.0, 0.0), 6: (0.0, 0.0, 0.0), **palette})


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _inside(svg: str) -> str:
    """What RDKit drew, without its own frame, in the colour of the text around it."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", "", body.replace("#000000", "currentColor"))
