"""What a hub was set up with: `hub.toml` in its directory, and the private folder outside it."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dure.base.errors import BadInput, NotFound

FILE = "hub.toml"
FORMAT = 1


@dataclass(frozen=True)
class Settings:
    """One hub's settings.

    Attributes:
        hub: its random id.
        zone: name of its time zone: days, embargoes and expiries end at midnight there.
        database: `sqlite` (a file in the hub's directory) or a PostgreSQL URL without a password.
        reader: for PostgreSQL, the URL of a role that may only SELECT.
        objects: `directory` or `s3://BUCKET/PREFIX`; `endpoint` of an S3 server that is not AWS.
    """

    hub: str
    zone: str = "Asia/Seoul"
    database: str = "sqlite"
    reader: str | None = None
    objects: str = "directory"
    endpoint: str | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise BadInput(
                f"{self.zone!r} is no time zone", where=FILE, remedy="write one such as Asia/Seoul"
            ) from None

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def to_toml(self) -> str:
        """The file's text."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        lines = [f'{name} = "{value}"' for name, value in values.items() if value is not None]
        return "\n".join([f"format = {FORMAT}", *lines]) + "\n"

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """The settings of the hub in a directory."""
        path = folder / FILE
        try:
            value = tomllib.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(
                "there is no hub here", where=str(folder), remedy=f"make one with: dure init {folder}"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"not a hub's settings: {error}", where=str(path)) from None
        if value.pop("format", None) != FORMAT:
            raise BadInput(
                f"its format is not {FORMAT}",
                where=str(path),
                remedy="use the Dure version that made it, or a later one",
            )
        unknown = sorted(set(value) - set(cls.__dataclass_fields__))
        if unknown or "hub" not in value:
            raise BadInput(f"unknown or missing key: {', '.join(unknown) or 'hub'}", where=str(path))
        return cls(**value)


def private_folder(hub: str) -> Path:
    """Where the root key and the token of this operating-system user lie: outside the hub's directory."""
    base = os.environ.get("DURE_CONFIG") or os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "dure" / hub
