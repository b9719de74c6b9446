"""The archives of the field are those that its sources name, and hold what each part says."""

import hashlib

import pytest
from tests.archives import FOLDER, archive, shipped

from dure.fields.bioprocess.sources import SOURCES


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_a_source_is_the_archive_that_it_names(source):
    archive(source.filename)
    assert hashlib.sha256((FOLDER / source.filename).read_bytes()).hexdigest() == source.sha256
    assert {key.split("/")[1] for key in shipped(source.name)} == {part.name for part in source.parts}
