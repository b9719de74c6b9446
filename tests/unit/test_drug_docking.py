"""Docking and its checks; the real runs need a receptor from a fetched archive and are skipped without it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("vina", reason="the docking extra is not installed")
pytest.importorskip("meeko", reason="the docking extra is not installed")
pytest.importorskip("posebusters", reason="the docking extra is not installed")

from rdkit import Chem
from rdkit.Chem import rdDistGeom

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.fields.drug.docking import TITLES, Pose, bust, findings, pose_ladder, protein
from dure.fields.drug.pose_drawing import draw_pose, polar_contacts
from dure.fields.drug.vina import PROBLEMS, Box, Docked, dock, docked_from, pose_of
from dure.verify.check import method

INDAZOLE = "c1ccc2[nH]ncc2c1"
CONF = "center_x = 1.5\ncenter_y = -2\ncenter_z = 3\n\nsize_x = 20.0\nsize_y = 20.0\nsize_z = 22.0\n"
ARCHIVES = sorted((Path(__file__).parents[2] / "bench" / "cache").glob("**/dockstring*.whl"))

# Two water-like oxygens and a donor nitrogen with its hydrogen, in a receptor's columns.
RECEPTOR = """\
ATOM      1  N   LYS     7       0.000   0.000   0.000  1.00  0.00    -0.055 N
ATOM      2  HN1 LYS     7       0.000   0.000   1.000  1.00  0.00     0.276 HD
ATOM      3  CB  ALA     8       9.000   0.000   0.000  1.00  0.00     0.281 C
ATOM      4  O   GLY     9       0.000   9.000   0.000  1.00  0.00    -0.281 OA
"""


@pytest.fixture(scope="session")
def jak2():
    """Text of dockstring's JAK2 receptor and box."""
    if not ARCHIVES:
        pytest.skip("bench/cache holds no dockstring archive")
    with zipfile.ZipFile(ARCHIVES[0]) as archive:
        folder = "dockstring/resources/targets/JAK2_"
        return archive.read(folder + "target.pdbqt").decode(), archive.read(folder + "conf.txt").decode()


def built(smiles: str, at: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Docked:
    """A pose that no search found: a conformer moved so that its middle is at a place."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=1)
    conformer = mol.GetConformer()
    middle = conformer.GetPositions().mean(axis=0)
    for i, place in enumerate(conformer.GetPositions()):
        conformer.SetAtomPosition(i, place - middle + at)
    return Docked(smiles, -5.0, (-5.0,), Chem.MolToMolBlock(mol) + "$$$$\n")


def test_a_box_is_read_from_a_vina_configuration():
    assert Box.parse(CONF) == Box((1.5, -2.0, 3.0), (20.0, 20.0, 22.0))


@pytest.mark.parametrize(
    "text", ["", CONF.replace("size_z", "size_q"), CONF.replace("1.5", "here"), CONF.replace("22", "0")]
)
def test_a_box_that_is_none_is_refused(text):
    with pytest.raises(BadInput, match="docking box"):
        Box.parse(text)


@pytest.mark.parametrize(
    ("smiles", "problem"),
    [
        ("OB(O)c1ccccc1", "element"),
        ("C1CCCCCCCCCCC1", "macrocycle"),
        ("CCCCCCCCCCCCCCCCCCCCCCCCCC", "too-flexible"),
        ("c1ccccc1" * 14, "too-large"),
    ],
)
def test_what_vina_cannot_do_is_said_before_it_is_tried(smiles, problem):
    docked = dock(smiles, "no receptor is read", Box.parse(CONF), seed=1)
    assert (docked.problem, docked.score) == (problem, None)
    assert docked.detail in docked.reason("ko")
    assert docked.detail in docked.reason("en")


@pytest.mark.parametrize(("smiles", "seed", "runs"), [("CC(", 1, 1), ("", 1, 1), ("CCO", 0, 1), ("CCO", 1, 0)])
def test_misuse_is_refused(smiles, seed, runs):
    with pytest.raises(BadInput):
        dock(smiles, RECEPTOR, Box.parse(CONF), seed, runs)


def test_every_problem_speaks_both_languages():
    for texts in (*PROBLEMS.values(), *TITLES.values()):
        assert sorted(texts) == ["en", "ko"]


def test_a_receptor_becomes_atoms_with_elements():
    atoms = list(protein(RECEPTOR).GetAtoms())
    assert [atom.GetSymbol() for atom in atoms] == ["N", "H", "C", "O"]
    assert atoms[0].GetPDBResidueInfo().GetResidueName() == "LYS"
    with pytest.raises(BadInput, match="no atoms"):
        protein("REMARK nothing here\n")


def test_a_sound_pose_passes_and_a_crushed_one_is_named():
    sound = bust(built(INDAZOLE, (4.5, 3.0, 0.0)), RECEPTOR)
    assert set(sound) == set(TITLES)
    assert all(sound.values())
    clashing = bust(built(INDAZOLE), RECEPTOR)
    assert not clashing["minimum_distance_to_protein"]
    assert clashing["bond_lengths"]
    far = bust(built(INDAZOLE, (90.0, 0.0, 0.0)), RECEPTOR)
    assert {name for name, held in far.items() if not held} == {"protein-ligand_maximum_distance"}


def test_findings_say_what_failed_and_what_could_not_be_done():
    found = {name: (value, unit) for name, value, unit in findings(built(INDAZOLE), {"a": True, "b": False})}
    assert found == {
        "vina": (-5.0, "kcal/mol"),
        "plausible": (0.0, "1"),
        "posebusters": (1.0, "1"),
        "plausible/a": (1.0, "1"),
        "plausible/b": (0.0, "1"),
    }
    undone = {name: value for name, value, _ in findings(Docked("B", problem="element", detail="B"), {})}
    assert set(undone.values()) == {None}
    assert "plausible/element" in undone


def test_a_molecule_that_cannot_be_docked_is_flagged_with_its_reason():
    boronic = Candidate("molecule", {"inchikey": "X"}, {"smiles": "OB(O)c1ccccc1"})
    ladder = pose_ladder(RECEPTOR, CONF, {})
    outcome = ladder.run([boronic])
    [row] = outcome.objections()
    assert (row["verdict"], row["code"], row["details"]) == ("flag", "check-failed", ["element"])
    assert set(outcome.evidence["kind"].to_pylist()) == {"simulated"}


@pytest.mark.parametrize("runs", [0, 65, "4", True, 1.5])
def test_an_exhaustiveness_that_is_none_is_refused(runs):
    with pytest.raises(BadInput, match="exhaustiveness"):
        pose_ladder(RECEPTOR, CONF, {"exhaustiveness": runs})


def test_receptor_box_and_search_name_the_method():
    box = Box.parse(CONF)
    wide = Box(box.center, (30.0, 30.0, 30.0))
    checks = [
        Pose(RECEPTOR, box),
        Pose(RECEPTOR + "\n", box),
        Pose(RECEPTOR, wide),
        Pose(RECEPTOR, box, 2),
        Pose(RECEPTOR, box, seed=2),
    ]
    assert len({method(check) for check in checks}) == 5


def test_contacts_need_two_polar_atoms_and_a_hydrogen():
    ethanol, acetone = built("O", (0.0, 0.0, 2.9)), built("CC(C)=O", (0.0, 9.0, 2.0))
    [contact] = polar_contacts(pose_of(ethanol), protein(RECEPTOR))
    assert (contact.residue, contact.distance) == ("LYS 7", pytest.approx(2.9, abs=0.2))
    assert polar_contacts(pose_of(acetone), protein(RECEPTOR)) == []


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_pose_is_drawn_as_one_self_contained_svg(lang):
    svg = draw_pose(built(INDAZOLE, (4.5, 3.0, 0.0)), RECEPTOR, lang)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "-5.0 kcal/mol" in root.find("{http://www.w3.org/2000/svg}title").text
    assert "href" not in svg
    assert "url(" not in svg
    assert svg == draw_pose(built(INDAZOLE, (4.5, 3.0, 0.0)), RECEPTOR, lang)
    empty = draw_pose(Docked("B", problem="element", detail="B"), RECEPTOR, lang)
    assert PROBLEMS["element"][lang].format(detail="B") in empty


def test_one_seed_gives_one_pose(jak2):
    receptor, conf = jak2
    box = Box.parse(conf)
    first, second = (dock(INDAZOLE, receptor, box, seed=7, exhaustiveness=1) for _ in range(2))
    assert first == second == docked_from(vars(first))
    # Vina 1.2.7 alone, eight runs, finds -5.5 kcal/mol for this fragment.
    assert first.score == pytest.approx(-5.5, abs=0.1)
    mol = pose_of(first)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles(INDAZOLE)
    inside = abs(mol.GetConformer().GetPositions() - box.center) <= [edge / 2 for edge in box.size]
    assert inside.all()


def test_the_rung_docks_and_judges(jak2):
    indazole = Candidate("molecule", {"inchikey": "BAXOFTOLAUCFNW-UHFFFAOYSA-N"}, {"smiles": INDAZOLE})
    outcome = pose_ladder(*jak2, {"exhaustiveness": 1}).run([indazole])
    assert outcome.verdicts["verdict"].to_pylist() == ["pass"]
    value = {row["property"]: row["value"] for row in outcome.evidence.to_pylist()}
    assert value["posebusters"] == len(TITLES)
    assert value["vina"] < -4
