"""What the options before the command say: which hub, which language; and the hub itself, opened when it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dure.base.errors import NotFound

if TYPE_CHECKING:
    from dure.hub import Hub

FILE = "hub.toml"


@dataclass
class Session:
    """One call of `dure`.

    Attributes:
        json: the answer is JSON.
        given: the hub's directory as the user named it.
        campaign: the campaign that is being carried on, for who stops it.
    """

    json: bool = False
    given: Path | None = None
    campaign: str | None = None

    @property
    def folder(self) -> Path:
        """The hub's directory: the one named, `DURE_HUB`, or the nearest directory upwards that is one."""
        named = self.given or (Path(os.environ["DURE_HUB"]) if os.environ.get("DURE_HUB") else None)
        if named is not None:
            return named
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                return folder
        raise NotFound(
            "there is no hub here or above",
            where=str(here),
            remedy="make one with: dure init my-hub, then go into it; or name one: dure --hub DIR …",
        )

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """The hub, open."""
        from dure.hub import Hub

        with Hub.open(self.folder) as hub:
            yield hub
