"""Identifiers: random ones for people and machines, content-derived ones for everything that has content."""

from __future__ import annotations

import secrets

from dure.base.canonical import digest

# Crockford's base 32: no I, L, O or U, so an accession can be read over the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def random_id(prefix: str) -> str:
    """An id that says nothing about what it names: `prefix` and 80 random bits.

    >>> len(random_id("person"))
    23
    """
    return f"{prefix}-{_base32(secrets.randbits(80), 16)}"


def accession(prefix: str, content: object) -> str:
    """A permanent, citable name made of content: the same content has the same accession on every hub.

    60 bits: among seven million records the chance that any two collide is 2e-5; a collision is refused on deposit.

    >>> accession("DS", {"title": "a"}) == accession("DS", {"title": "a"})
    True
    """
    return f"{prefix}-{_base32(int(digest(content)[3:18], 16), 12)}"


def short(identifier: str) -> str:
    """The first ten characters of a digest, for people; never a key."""
    return identifier.partition(":")[2][:10] or identifier


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[number >> 5 * i & 31] for i in reversed(range(width)))
