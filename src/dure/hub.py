"""The composition root: the only place that wires the parts of a hub together."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from dure.access.act import Act, Found
from dure.access.policy import PolicySet
from dure.access.principals import KINDS as ACCESS_KINDS
from dure.access.principals import new_token, principal_of, put_profile
from dure.access.roles import FOUNDER
from dure.base.clock import Clock, system_clock
from dure.base.errors import BadInput, DureError
from dure.base.ids import random_id
from dure.base.settings import FILE, Settings, private_folder
from dure.base.types import Resource
from dure.campaign import journal
from dure.compute import record as tasks
from dure.data import datasets, evidence
from dure.lab import orders, replay
from dure.models import registry as models
from dure.store.change import Store
from dure.store.database import Database, Reader, sqlite_url
from dure.store.doctor import KINDS as DOCTOR_KINDS
from dure.store.keyring import Keyring, read_private, write_private
from dure.store.kinds import Registry
from dure.store.ledger import Ledger, ledger_event
from dure.store.notes import Signer, Verifier
from dure.store.objects import DirectoryObjects, Objects
from dure.store.schema import SCHEMA_VERSION, create_schema, is_current

if TYPE_CHECKING:
    from dure.campaign.run import Parts

KINDS = (
    *ACCESS_KINDS,
    *DOCTOR_KINDS,
    *datasets.KINDS,
    *evidence.KINDS,
    *tasks.KINDS,
    *orders.KINDS,
    *replay.KINDS,
    *models.KINDS,
    *journal.KINDS,
)
LOADERS = {
    "dataset": datasets.load,
    "plate": replay.load,
    "campaign": journal.load,
    "model": models.load,
    "task": tasks.load,
}


class Hub:
    """One hub. Open it with `Hub.open(directory)`, make it with `Hub.create(directory)`; close it when done.

    Attributes:
        folder: its directory.
        settings: what it was set up with.
        store, objects, keyring, policy, tasks: its parts.
    """

    def __init__(self, folder: Path, settings: Settings, clock: Clock = system_clock) -> None:
        self.folder, self.settings, self.clock = folder, settings, clock
        self.private = private_folder(settings.hub)
        self.registry = Registry(KINDS)
        self.database = _database(folder, settings, self.private)
        self.ledger = Ledger(self.database, f"dure/{settings.hub}", self._signer_of)
        self.store = Store(self.database, self.ledger, self.registry, clock)
        self.tasks = tasks.Tasks(self.act, self.objects, self._runner, len(os.sched_getaffinity(0)))

    @classmethod
    def create(cls, folder: Path, *, zone: str = "Asia/Seoul", clock: Clock = system_clock, **more: Any) -> Hub:
        """A new hub in a new or empty directory, whose operator is the person who calls this.

        Args:
            folder: where it will live.
            zone: its time zone.
            more: further fields of `Settings`.
        """
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInput(
                "the directory is not empty", where=str(folder), remedy="name a new one, or open it as it is"
            )
        settings = Settings(hub=random_id("hub"), zone=zone, **more)
        hub = cls(folder, settings, clock)
        try:
            hub._found()
        except BaseException:
            # Half a hub is none: the same command can be run again.
            hub.database.close()
            shutil.rmtree(folder, ignore_errors=True)
            shutil.rmtree(hub.private, ignore_errors=True)
            raise
        return hub

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = system_clock) -> Hub:
        """The hub in a directory, its database brought to the present schema where an older Dure made it."""
        settings = Settings.read(folder)
        hub = cls(folder, settings, clock)
        try:
            if not is_current(hub.database):
                with hub.hold("schema"):
                    create_schema(hub.database)
        except BaseException:
            hub.database.close()
            raise
        return hub

    def _found(self) -> None:
        """Files, keys and tables; then the first event: the hub and its operator, whose name goes into the vault."""
        (self.folder / "keys").mkdir(parents=True, mode=0o700)
        write_private(self.private / "root.key", os.urandom(32))
        create_schema(self.database)
        if self.ledger.size():
            where = self.database.url.render_as_string(hide_password=True)
            raise BadInput("this database holds a hub already", where=where, remedy="name an empty database")
        signer = Signer.generate(self.ledger.origin)
        self.keyring.store_signer(signer)
        identifier, (text, digest) = random_id("person"), new_token()
        body = {
            "founder": identifier,
            "key": str(signer.verifier),
            "profile": put_profile(self.objects, self.keyring, identifier, {"name": getpass.getuser()}),
            "roles": list(FOUNDER),
            "schema": SCHEMA_VERSION,
            "token": digest,
        }
        write_private(self.private / "token", text.encode())
        act = self.act("system:hub")
        act.require("hub.create", Resource("hub", self.settings.hub, {"state": "empty"}))
        with act.change() as change:
            change.record("hub.created", self.settings.hub, body, expect=None)
        # Last, since it is what makes a directory a hub: killed before, there is none to be opened by halves.
        write_private(self.folder / FILE, self.settings.to_toml().encode())

    @cached_property
    def keyring(self) -> Keyring:
        path = self.private / "root.key"
        remedy = "restore it from its own backup: without it the hub cannot sign, and sealed data cannot be opened"
        return Keyring(self.folder / "keys", read_private(path, "the hub's root key", remedy))

    def _signer_of(self, verifier: Verifier | None) -> Signer:
        assert verifier is not None, "a hub's first event names its key"
        return self.keyring.signer(verifier)

    @property
    def verifier(self) -> Verifier:
        """The public half of the signing key in force, for whoever checks the ledger from outside."""
        return self.ledger.verifier()

    @cached_property
    def objects(self) -> Objects:
        if self.settings.objects == "directory":
            return DirectoryObjects(self.folder / "objects")
        from dure.store.s3 import S3Objects

        return S3Objects(self.settings.objects, self.settings.endpoint)

    @cached_property
    def policy(self) -> PolicySet:
        site = self.folder / "policies"
        return PolicySet.load(site if site.is_dir() else None)

    @cached_property
    def me(self) -> str:
        """Who is here, by the token in the file that `DURE_TOKEN_FILE` names, else by the one that `init` wrote."""
        path = Path(os.environ.get("DURE_TOKEN_FILE") or self.private / "token")
        text = read_private(path, "your token for this hub", "ask its operator for one")
        with self.database.read() as reader:
            return principal_of(reader, text.decode().strip())

    def mend(self) -> int:
        """Writes every table anew from the ledger, in a Change that says so; returns the number of events replayed."""
        act = self.act()
        act.require("doctor.rebuild", Resource("doctor", self.settings.hub))
        with act.change() as change:
            events = change.rewrite_projections()
            change.record("projections.rewritten", self.settings.hub, {"events": events})
        return events

    def act(self, principal: str | None = None, purpose: str | None = None) -> Act:
        """What a principal (you, when none is named) does for a purpose."""
        loaders: dict[str, Callable[[Reader, str], Found | None]] = {
            **LOADERS,
            "hub": self._load_hub,
            "dataset": _load_dataset,
        }
        return Act(self.store, self.policy, loaders, principal or self.me, purpose)

    def _load_hub(self, reader: Reader, identifier: str) -> Found | None:
        from sqlalchemy import select

        if reader.first(select(ledger_event.c.sequence).limit(1)) is None:
            return None
        return Resource("hub", identifier, {"state": "running"}), {}

    def parts(self) -> Parts:
        """What a campaign needs of the hub."""
        from dure.campaign.run import Parts

        zone = self.settings.tzinfo
        return Parts(
            self.objects, self.registry, self.clock, self.tasks, self.act, self.folder, zone, self.ledger.origin
        )

    def _runner(self) -> Any:
        from dure.compute.local import LocalRunner

        return LocalRunner()

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Holds a name (a campaign's id) for this process; `Conflict` says who holds it already."""
        if self.database.dialect == "postgresql":
            with self.database.hold(name):
                yield
            return
        from dure.store.locks import hold_file

        with hold_file(self.folder / "locks" / name.replace(":", "_")):
            yield

    def close(self) -> None:
        """Ends workers, signs what is unsigned, closes the database."""
        self.tasks.close()
        # Where it cannot be signed now (no root key, the server gone), the next process to close signs it too.
        with suppress(DureError):
            if self.ledger.unsigned():
                self.store.sign()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _load_dataset(reader: Reader, identifier: str) -> Found | None:
    """A dataset, and whether its values lie on a plate that is still sealed."""
    found = datasets.load(reader, identifier)
    return (found[0], {"hidden": replay.hides(reader, identifier)}) if found else None


def _database(folder: Path, settings: Settings, private: Path) -> Database:
    if settings.database == "sqlite":
        return Database(sqlite_url(folder / "hub.db"))
    return Database(settings.database, settings.reader)
