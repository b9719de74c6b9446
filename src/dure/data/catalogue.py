"""The catalogue of public data sets that `dure fetch` can bring: a row a source, licences and digest included.

Each field names its own sources; the entry-point group `dure.sources` makes them known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points


@dataclass(frozen=True, slots=True)
class Part:
    """One dataset inside a source.

    Attributes:
        name: its code, unique in the source.
        title: English title; `title_ko` the Korean one.
        paths: path patterns inside the archive.
    """

    name: str
    title: str
    title_ko: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A public data set as some package ships it.

    Attributes:
        name: what the user types.
        title, title_ko: what it is.
        package, version: the distribution on the package index; `filename` its archive, `sha256` that file's digest.
        licence_package: SPDX licence of the package.
        licence_data: SPDX licence of the data in it, or `unclear`.
        citation: how to cite it.
        parts: the datasets it becomes.
    """

    name: str
    title: str
    title_ko: str
    package: str
    version: str
    filename: str
    sha256: str
    licence_package: str
    licence_data: str
    citation: str
    parts: tuple[Part, ...]


@cache
def catalogue() -> dict[str, Source]:
    """Every source that an installed field names, by name.

    Raises:
        TypeError: two fields name different sources alike, or an entry point gives something else.
    """
    found: dict[str, Source] = {}
    for entry in sorted(entry_points(group="dure.sources"), key=lambda e: e.name):
        for source in entry.load():
            if not isinstance(source, Source) or found.setdefault(source.name, source) != source:
                raise TypeError(f"the entry point {entry.name} of dure.sources is wrong about {source!r}")
    return dict(sorted(found.items()))
