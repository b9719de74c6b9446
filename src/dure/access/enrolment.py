"""People of a hub: who is there, somebody new, other roles, another token. Names stay in the identity vault."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from dure.access.act import Act
from dure.access.principals import new_token, principal, put_profile
from dure.access.roles import PERSONAL
from dure.base.errors import BadInput, NotFound, Refused
from dure.base.ids import random_id
from dure.base.types import Resource
from dure.store.database import Reader
from dure.store.keyring import Keyring
from dure.store.objects import Objects


def everybody(reader: Reader) -> Sequence[Any]:
    """The rows of all principals, by id. Ask for the decision `principal.read` before names are shown beside them."""
    return reader.all(select(principal).order_by(principal.c.id))


def enrol(act: Act, objects: Objects, keyring: Keyring, hub: str, name: str, roles: Sequence[str]) -> tuple[str, str]:
    """Adds a person; their id, and the token by which the hub knows them, which it does not keep.

    Args:
        act: of an operator.
        hub: id of the hub.
        name: sealed under a key of the person's own.
        roles: names out of `access.roles.PERSONAL`.

    Raises:
        BadInput: no name, or a role that no person can hold.
    """
    if not name.strip():
        raise BadInput("the name is empty", remedy="say who it is")
    body = {"budget": 0, "hub": hub, "kind": "person", "permissions": [], "roles": _checked(roles)}
    act.require("principal.add", Resource("principal", hub))
    identifier, (text, digest) = random_id("person"), new_token()
    try:
        body["profile"] = put_profile(objects, keyring, identifier, {"name": name.strip()})
        with act.change() as change:
            change.record("principal.added", identifier, body, expect=None)
            change.record("token.issued", identifier, {"hub": hub, "token": digest})
    except BaseException:
        keyring.destroy(identifier)  # what was sealed for nobody can be opened by nobody
        raise
    return identifier, text


def set_roles(act: Act, hub: str, identifier: str, roles: Sequence[str]) -> None:
    """Gives a person these roles and no others; without any they can do nothing.

    Raises:
        BadInput: a role that no person can hold.
        NotFound: nobody has this id.
        Refused: the hub would be left without an operator.
    """
    wanted = _checked(roles)
    with act.read() as reader:
        _find(reader, identifier)
        after = _operators(reader) - {identifier} | ({identifier} if "operator" in wanted else set())
    act.require("principal.roles", Resource("principal", hub), operators_after=len(after))
    with act.change() as change:
        change.record("principal.roles_set", identifier, {"hub": hub, "roles": wanted})
        # Two operators may lay each other's role down at once: what was counted above is counted again under the lock.
        if not _operators(change.read):
            raise Refused("the hub would be left without an operator", codes=["last-operator"])


def issue_token(act: Act, hub: str, identifier: str) -> str:
    """One more token for somebody; the ones they have stay valid.

    Raises:
        NotFound: nobody has this id.
    """
    with act.read() as reader:
        _find(reader, identifier)
    text, digest = new_token()
    act.require("principal.add", Resource("principal", hub))
    with act.change() as change:
        change.record("token.issued", identifier, {"hub": hub, "token": digest})
    return text


def _checked(roles: Sequence[str]) -> list[str]:
    strange = sorted(set(roles) - set(PERSONAL))
    if strange:
        raise BadInput(f"there is no role {', '.join(strange)} for a person", remedy=f"take from {', '.join(PERSONAL)}")
    return sorted(set(roles))


def _find(reader: Reader, identifier: str) -> None:
    if reader.first(select(principal).where(principal.c.id == identifier, principal.c.kind == "person")) is None:
        raise NotFound(f"this hub knows no person {identifier}", remedy="list all with: dure principals list")


def _operators(reader: Reader) -> set[str]:
    return {row.id for row in everybody(reader) if "operator" in json.loads(row.roles)}
