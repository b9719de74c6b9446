"""The archives of the field are those that its sources name, and hold what each part says."""

import hashlib
from fnmatch import fnmatch

import pytest
from tests.archives import FOLDER, archive

from dure.fields.agrifood.sources import SOURCES


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_a_source_is_the_archive_that_it_names(source):
    held = archive(source.filename)
    assert hashlib.sha256((FOLDER / source.filename).read_bytes()).hexdigest() == source.sha256
    for part in source.parts:
        for pattern in part.paths:
            assert [m for m in held.namelist() if fnmatch(m, pattern)], f"{part.name}: {pattern} matches nothing"
