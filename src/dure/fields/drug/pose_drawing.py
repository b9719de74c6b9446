"""A docked pose on paper: the structure, and beside it the pose in its pocket seen along its flattest direction.

Contacts are distances and nothing more: a dashed line joins nitrogen or oxygen of the molecule and of the protein that
are at most 3.5 Å apart, one of them with a hydrogen. Residue numbers are those of the receptor file.
"""

# RDKit's stubs leave half of its functions untyped:
# mypy: disable-error-code="no-untyped-call,no-any-return"
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from dure.fields.drug.docking import protein
from dure.fields.drug.drawing import ELEMENT_COLOURS, framed, sketch
from dure.fields.drug.vina import Docked, pose_of

Points = NDArray[np.float64]

POCKET = 4.0  # Å from the molecule within which an atom makes its residue part of the pocket
CONTACT = 3.5  # Å between two heavy atoms of a hydrogen bond, at most
_ACCENT = "#b8860b"
_FONT = "font-family='system-ui,sans-serif' font-size='12' fill='currentColor'"

_WORDS = {
    "title": {"ko": "도킹 자세 (모의 계산)", "en": "docking pose (simulated)"},
    "score": {"ko": "Vina 점수 {score:.1f} kcal/mol", "en": "Vina score {score:.1f} kcal/mol"},
    "contacts": {"ko": "극성 접촉 {count}곳", "en": "polar contacts: {count}"},
}


@dataclass(frozen=True)
class Contact:
    """Two polar atoms close enough for a hydrogen bond.

    Attributes:
        atom: index of the molecule's atom.
        at: place of the protein's atom, in Å.
        residue: its name and number, such as `LEU 83`.
        distance: in Å.
    """

    atom: int
    at: Points
    residue: str
    distance: float


def draw_pose(docked: Docked, receptor_pdbqt: str, lang: str = "en", width: int = 640, height: int = 300) -> str:
    """A pose as one SVG element, width by height pixels: structure to the left, pocket to the right.

    Raises:
        BadInput: there is no pose, or the receptor has no atoms.
    """
    mol, receptor = pose_of(docked), protein(receptor_pdbqt)
    if mol is None or docked.score is None:
        return framed(_text(8, 20, docked.reason(lang)), width, height, docked.reason(lang))
    contacts = polar_contacts(mol, receptor)
    score = _WORDS["score"][lang].format(score=docked.score)
    touching = _WORDS["contacts"][lang].format(count=len(contacts))
    half = width / 2
    parts = [
        sketch(docked.smiles, int(half), height - 40),
        f"<g transform='translate({half:g} 0)'>{_pocket(mol, receptor, contacts, half, height - 40)}</g>",
        _text(8, height - 24, f"{_WORDS['title'][lang]} · {score} · {touching}"),
        _text(8, height - 7, ", ".join(dict.fromkeys(f"{c.residue} {c.distance:.1f} Å" for c in contacts))),
    ]
    return framed("".join(parts), width, height, f"{_WORDS['title'][lang]}: {docked.smiles}, {score}, {touching}")


def polar_contacts(mol: Any, receptor: Any) -> list[Contact]:
    """The closest contact of each polar atom of the molecule with each residue, nearest first."""
    mine = [a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() in (7, 8)]
    theirs = [a.GetIdx() for a in receptor.GetAtoms() if a.GetAtomicNum() in (7, 8)]
    here, there = _places(mol), _places(receptor)
    donors = _protein_donors(receptor, there)
    distance = np.linalg.norm(here[mine][:, None] - there[theirs][None], axis=2)
    closest: dict[tuple[int, str], Contact] = {}
    for i, j in zip(*np.nonzero(distance <= CONTACT), strict=True):
        atom, other = mine[i], theirs[j]
        if not (mol.GetAtomWithIdx(atom).GetTotalNumHs(includeNeighbors=True) or other in donors):
            continue
        contact = Contact(atom, there[other], _residue(receptor.GetAtomWithIdx(other)), float(distance[i, j]))
        key = (atom, contact.residue)
        if key not in closest or contact.distance < closest[key].distance:
            closest[key] = contact
    return sorted(closest.values(), key=lambda contact: (contact.distance, contact.residue))


def _protein_donors(receptor: Any, places: Points) -> set[int]:
    """Atoms with a hydrogen; the receptor has no bonds, so a hydrogen belongs to what is within 1.2 Å."""
    from scipy.spatial import cKDTree

    numbers = np.array([a.GetAtomicNum() for a in receptor.GetAtoms()])
    heavy = np.flatnonzero(numbers > 1)
    distance, nearest = cKDTree(places[heavy]).query(places[numbers == 1])
    return set(heavy[nearest[distance < 1.2]].tolist())


def _places(mol: Any) -> Points:
    """Coordinates, shape (atoms, 3), in Å."""
    return np.asarray(mol.GetConformer().GetPositions(), dtype=np.float64)


def _residue(atom: Any) -> str:
    info = atom.GetPDBResidueInfo()
    return f"{info.GetResidueName().strip()} {info.GetResidueNumber()}"


class _View:
    """Places in Å to pixels, along the direction in which the molecule is thinnest."""

    def __init__(self, heavy: Points, width: float, height: float) -> None:
        self.middle = heavy.mean(axis=0)
        _, _, axes = np.linalg.svd(heavy - self.middle, full_matrices=False)
        # The sign of an axis is arbitrary: its largest part points up, so that one pose gives one picture.
        self.axes = axes * np.sign(axes[np.arange(3), np.abs(axes).argmax(axis=1)])[:, None]
        reach = np.abs((heavy - self.middle) @ self.axes.T)[:, :2].max(axis=0) + POCKET
        self.scale = min(width / 2 / reach[0], height / 2 / reach[1])
        self.origin = np.array([width / 2, height / 2])
        self.size = (width, height)

    def __call__(self, places: Points) -> Points:
        """x, y in pixels and depth in Å (towards the reader is positive), shape (places, 3)."""
        seen = (np.atleast_2d(places) - self.middle) @ self.axes.T
        return np.column_stack([self.origin + seen[:, :2] * self.scale, seen[:, 2]])

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies on the paper."""
        return 4 <= x <= self.size[0] - 4 and 4 <= y <= self.size[1] - 4


def _pocket(mol: Any, receptor: Any, contacts: list[Contact], width: float, height: float) -> str:
    heavy = np.array([a.GetAtomicNum() > 1 for a in mol.GetAtoms()])
    places = _places(mol)
    view = _View(places[heavy], width, height)
    return "".join(
        [
            *_protein(receptor, places[heavy], view),
            *_molecule(mol, view(places)),
            *_contacts(contacts, view(places), view),
        ]
    )


def _protein(receptor: Any, heavy: Points, view: _View) -> Iterator[str]:
    """The residues that line the pocket and the bonds within them, fainter the farther behind."""
    from scipy.spatial import cKDTree

    places = _places(receptor)
    element = np.array([a.GetAtomicNum() for a in receptor.GetAtoms()])
    residue = np.array([_residue(a) for a in receptor.GetAtoms()])
    distance, _ = cKDTree(heavy).query(places)
    lining = set(residue[(distance <= POCKET) & (element > 1)].tolist())
    shown = np.flatnonzero(np.isin(residue, sorted(lining)) & (element > 1))
    seen = view(places[shown])
    for i, j in sorted(cKDTree(places[shown]).query_pairs(1.9)):
        (x1, y1, z1), (x2, y2, z2) = seen[i], seen[j]
        if view.holds(x1, y1) and view.holds(x2, y2):
            yield _line(seen[i], seen[j], "currentColor", 1.2, _fade((z1 + z2) / 2))
    for (x, y, z), number in zip(seen, element[shown], strict=True):
        if number != 6 and view.holds(x, y):
            colour = ELEMENT_COLOURS.get(int(number), "currentColor")
            yield f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2' fill='{colour}' opacity='{_fade(z):.2f}'/>"


def _fade(depth: float) -> float:
    """Opacity of what stands so many Å before (positive) or behind the molecule."""
    return float(np.clip(0.3 + 0.04 * depth, 0.12, 0.45))


def _molecule(mol: Any, seen: Points) -> Iterator[str]:
    """Bonds as sticks, back to front; atoms that are not carbon as dots."""
    bonds = [
        (b.GetBeginAtomIdx(), b.GetEndAtomIdx())
        for b in mol.GetBonds()
        if b.GetBeginAtom().GetAtomicNum() > 1 and b.GetEndAtom().GetAtomicNum() > 1
    ]
    for i, j in sorted(bonds, key=lambda pair: (seen[pair[0], 2] + seen[pair[1], 2], pair)):
        yield _line(seen[i], seen[j], "currentColor", 2.6, 1.0)
    for atom in mol.GetAtoms():
        colour = ELEMENT_COLOURS.get(atom.GetAtomicNum())
        if colour:
            x, y, _ = seen[atom.GetIdx()]
            yield f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{colour}'/>"


def _contacts(contacts: list[Contact], seen: Points, view: _View) -> Iterator[str]:
    """Dashed lines, and each residue named once."""
    named: dict[str, tuple[float, float]] = {}
    for contact in contacts:
        [there] = view(contact.at)
        x, y, _ = there
        yield _line(seen[contact.atom], there, _ACCENT, 1.6, 1.0, dashes="3 3")
        named.setdefault(contact.residue, (x, y))
    taken: list[tuple[float, float]] = []
    for residue, (x, y) in named.items():
        x, y = min(max(x + 4, 2), view.size[0] - 54), min(max(y - 4, 14), view.size[1] - 2)
        while any(abs(x - left) < 52 and abs(y - top) < 13 for left, top in taken):
            y += 13
        taken.append((x, y))
        yield _text(x, y, residue)


def _line(start: Points, end: Points, colour: str, width: float, opacity: float, dashes: str = "") -> str:
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return (
        f"<line x1='{start[0]:.1f}' y1='{start[1]:.1f}' x2='{end[0]:.1f}' y2='{end[1]:.1f}' stroke='{colour}' "
        f"stroke-width='{width}' stroke-linecap='round' opacity='{opacity:.2f}'{dashed}/>"
    )


def _text(x: float, y: float, words: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' {_FONT}>{escape(words)}</text>"
