"""A hub lives in any folder, and half a hub is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dure.base.errors import NotFound
from dure.hub import Hub


@pytest.mark.parametrize("name", ["a#b", "a%20b", "a?b", "두레 허브", "with space"])
def test_a_hub_keeps_to_its_folder_whatever_that_is_called(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    Hub.create(folder).close()
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert (folder / "hub.db").is_file()
    with Hub.open(folder) as hub:
        assert hub.me.startswith("person-")


@pytest.mark.parametrize("moment", ["keyring", "change"])
def test_a_founding_that_is_killed_leaves_no_hub_to_be_opened_by_halves(tmp_path: Path, moment: str) -> None:
    folder = tmp_path / "hub"
    child = os.fork()
    if not child:
        from dure.store.change import Store
        from dure.store.keyring import Keyring

        owner, method = {"keyring": (Keyring, "store_signer"), "change": (Store, "change")}[moment]
        setattr(owner, method, lambda *_, **__: os._exit(9))
        Hub.create(folder)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    with pytest.raises(NotFound, match="no hub"):
        Hub.open(folder)
