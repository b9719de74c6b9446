"""Principals as the ledger knows them: random ids, roles, tokens. Names live in the identity vault.

A person's profile (name, e-mail) is an object sealed under that person's own key: destroy the key and the name is gone
from every copy, while each event still says which id acted.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from sqlalchemy import BigInteger, Column, Table, select

from dure.access.actions import ACTIONS
from dure.access.roles import ROLES, Principal, system
from dure.base.canonical import canonical
from dure.base.errors import Refused
from dure.store.database import Reader, chars, metadata
from dure.store.keyring import Keyring, seal, unseal
from dure.store.kinds import (
    BASE64,
    DIGEST,
    HUB,
    INTEGER,
    PRINCIPAL,
    VERIFIER_KEY,
    Event,
    EventKind,
    Insert,
    Op,
    Update,
    body_field,
    list_of,
    one_of,
    optional,
)
from dure.store.objects import Objects

principal = Table(
    "principal",
    metadata,
    Column("id", chars(32), primary_key=True),
    Column("kind", chars(8), nullable=False),
    Column("roles", chars(), nullable=False),
    Column("permissions", chars(), nullable=False),
    Column("budget", BigInteger, nullable=False),
    Column("profile", chars(80)),
)
token = Table(
    "token",
    metadata,
    Column("digest", chars(80), primary_key=True),
    Column("principal", chars(32), nullable=False),
)


def _created(event: Event) -> list[Op]:
    body = event.body
    founder = {"id": body["founder"], "kind": "person", "roles": _text(body["roles"]), "permissions": "[]", "budget": 0}
    return [
        Insert(principal, {**founder, "profile": body["profile"]}),
        Insert(token, {"digest": body["token"], "principal": body["founder"]}),
    ]


def _added(event: Event) -> list[Op]:
    body = event.body
    row = {name: body[name] for name in ("kind", "budget", "profile")}
    return [
        Insert(
            principal,
            {"id": event.subject, **row, "roles": _text(body["roles"]), "permissions": _text(body["permissions"])},
        )
    ]


def _roles_set(event: Event) -> list[Op]:
    return [Update(principal, {"id": event.subject}, {"roles": _text(event.body["roles"])})]


def _issued(event: Event) -> list[Op]:
    return [Insert(token, {"digest": event.body["token"], "principal": event.subject})]


def _text(names: list[str]) -> str:
    return canonical(sorted(names)).decode()


_ROLE = one_of(*ROLES)

KINDS = (
    EventKind(
        "hub.created",
        "hub.create",
        {
            "founder": PRINCIPAL,
            "key": VERIFIER_KEY,
            "profile": DIGEST,
            "roles": list_of(_ROLE),
            "schema": INTEGER,
            "token": DIGEST,
        },
        HUB,
        project=_created,
        objects=("profile",),
    ),
    EventKind(
        "principal.added",
        "principal.add",
        {
            "budget": INTEGER,
            "hub": HUB,
            "kind": one_of("person", "agent"),
            "permissions": list_of(one_of(*ACTIONS)),
            "profile": optional(DIGEST),
            "roles": list_of(_ROLE),
        },
        PRINCIPAL,
        body_field("hub"),
        _added,
        objects=("profile",),
    ),
    EventKind(
        "principal.roles_set",
        "principal.roles",
        {"hub": HUB, "roles": list_of(_ROLE)},
        PRINCIPAL,
        body_field("hub"),
        _roles_set,
    ),
    EventKind("token.issued", "principal.add", {"hub": HUB, "token": DIGEST}, PRINCIPAL, body_field("hub"), _issued),
    EventKind("key.rotated", "key.rotate", {"new": VERIFIER_KEY, "old": VERIFIER_KEY, "signature": BASE64}, HUB),
)


def load_principal(reader: Reader, identifier: str) -> Principal:
    """The principal with this id as it stands now; `Refused` when the hub does not know it."""
    if identifier.startswith("system:"):
        return system(identifier.removeprefix("system:"))
    row = reader.first(select(principal).where(principal.c.id == identifier))
    if row is None:
        raise Refused(f"this hub knows nobody called {identifier}", codes=["unknown-principal"])
    return Principal(
        row.id, row.kind, frozenset(json.loads(row.roles)), frozenset(json.loads(row.permissions)), row.budget
    )


def new_token() -> tuple[str, str]:
    """A bearer token (given to its holder once) and its digest (all that the hub keeps)."""
    text = secrets.token_urlsafe(32)
    return text, token_digest(text)


def token_digest(text: str) -> str:
    """What the hub keeps of a token."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def principal_of(reader: Reader, text: str) -> str:
    """The id of the principal that holds this token; `Refused` for an unknown one."""
    found: str | None = reader.scalar(select(token.c.principal).where(token.c.digest == token_digest(text)))
    if found is None:
        raise Refused("this token is not valid here", codes=["token"], remedy="ask the hub's operator for a new one")
    return found


def put_profile(objects: Objects, keyring: Keyring, identifier: str, profile: dict[str, Any]) -> str:
    """Seals a person's profile under a new key of their own and returns the object's digest."""
    return objects.put(seal(keyring.create(identifier), canonical(profile), identifier))


def get_profile(objects: Objects, keyring: Keyring, identifier: str, digest: str) -> dict[str, Any]:
    """A person's profile; `NotFound` once their key was destroyed."""
    profile: dict[str, Any] = json.loads(unseal(keyring.load(identifier), objects.get(digest), identifier))
    return profile
