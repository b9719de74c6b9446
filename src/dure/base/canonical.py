"""Canonical values: one byte string a value, and its digest.

The text is that of RFC 8785 (JSON Canonicalization Scheme), with three rules of Dure's own on top, all of which keep
the output valid RFC 8785: text is brought to NFC; integers beyond 2^53 - 1 are written as strings, since a JSON reader
may hold them as doubles; times are RFC 3339 UTC strings with microseconds.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quote
from typing import Any
from unicodedata import is_normalized, normalize

from blake3 import blake3

MAX_SAFE_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a value made of dict, list, tuple, str, int, float, bool and None.

    Raises:
        ValueError: NaN, an infinity, a lone surrogate, or two keys that become one under NFC.
        TypeError: a value or key of any other type.

    >>> canonical({"b": 1e21, "a": [1.0, "\u0041\u030a"]}).decode()
    '{"a":[1,"Å"],"b":1e+21}'
    """
    try:
        return _write(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"text holds a lone surrogate at position {error.start}") from None


def digest(value: Any) -> str:
    """`b3:` digest of the canonical bytes of a value."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> str:
    """`b3:` digest (BLAKE3, 256 bits) of bytes."""
    return "b3:" + blake3(data).hexdigest()


def sha256_bytes(data: bytes) -> str:
    """`sha256:` digest of bytes, for what the outside world names so."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def nfc(text: str) -> str:
    """Text in Unicode normal form C."""
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)


def timestamp(moment: datetime) -> str:
    """RFC 3339 UTC text with microseconds of an aware datetime.

    >>> timestamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05.000000Z'
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone has no canonical form")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _write(value: Any) -> str:
    # The order of the tests follows how often each type occurs in a ledger leaf.
    kind = type(value)
    if kind is str:
        return _quote(nfc(value))
    if kind is int:
        return str(value) if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else f'"{value}"'
    if kind is dict:
        return _write_object(value)
    if kind is list or kind is tuple:
        return "[" + ",".join(map(_write, value)) + "]"
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return _write_float(value)
    if isinstance(value, Mapping):
        return _write_object(dict(value))
    raise TypeError(f"{kind.__name__} has no canonical form")


def _write_object(value: dict[Any, Any]) -> str:
    # The few sets of names that the ledger's leaves are made of are checked, sorted and quoted once.
    ordered = _known_names(*value) if len(value) <= _KNOWN_AT_MOST else _names(*value)
    return "{" + ",".join([quoted + _write(value[name]) for quoted, name in ordered]) + "}"


def _names(*names: Any) -> list[tuple[str, str]]:
    """The names of an object in their order, each with what is written before its value."""
    found = {}
    for name in names:
        if type(name) is not str:
            raise TypeError(f"an object's names are text, not {type(name).__name__}")
        found[nfc(name)] = name
    if len(found) != len(names):
        raise ValueError("two names become one in Unicode normal form C")
    # RFC 8785 sorts by UTF-16 code units; for ASCII names, nearly all there are, plain order is the same.
    key = None if all(map(str.isascii, found)) else _utf16
    return [(_quote(name) + ":", found[name]) for name in sorted(found, key=key)]


_KNOWN_AT_MOST = 16
_known_names = lru_cache(maxsize=1024, typed=True)(_names)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def _write_float(value: float) -> str:
    """ECMAScript's Number::toString, from Python's shortest round-trip digits."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no canonical form")
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa[0] == "-" else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    n = point  # the value is 0.digits x 10^n
    if len(digits) <= n <= 21:
        return sign + digits + "0" * (n - len(digits))
    if 0 < n <= 21:
        return f"{sign}{digits[:n]}.{digits[n:]}"
    if -6 < n <= 0:
        return f"{sign}0.{'0' * -n}{digits}"
    e = n - 1
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if e > 0 else '-'}{abs(e)}"
