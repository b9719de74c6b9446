"""From the bytes of a text file to its text: byte order marks, UTF-8, UTF-16, CP949 (Korean) and Windows-1252.

UTF-8 proves itself: other text hardly ever happens to be valid UTF-8. CP949 does not, since nearly any pair of bytes is
a character of it: `µM` in Windows-1252 is a rare Hangul syllable in CP949. Korean text keeps to the syllables of
KS X 1001, whose bytes are both above 0xA0, and Western text hardly ever has two such bytes in a row; that tells them
apart.
"""

from __future__ import annotations

import codecs
import re

from dure.base.errors import BadInput

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# First bytes, what they say the file is, and the suffixes it may then have.
_SIGNATURES: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"PAR1", "a Parquet file", (".parquet",)),
    (b"PK\x03\x04", "an Excel workbook or another zip archive", ()),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", ()),
    (b"\x1f\x8b", "compressed with gzip", ()),
    (b"%PDF", "a PDF document", ()),
    (b"\x89PNG", "a picture", ()),
    (b"ARROW1", "an Arrow file", ()),
    (b"SQLite format 3\0", "an SQLite database", ()),
)
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_PAIR = re.compile(rb"[\x81-\xfe][\x41-\x5a\x61-\x7a\x81-\xfe]")
_KOREAN_PAIR = re.compile(rb"[\xa1-\xfe][\xa1-\xfe]")


def named_wrongly(data: bytes, name: str, suffix: str) -> None:
    """Refuses bytes that are not what the suffix says, and workbooks, which hold more than one table.

    Raises:
        BadInput: with what the file is and what to do with it.
    """
    for signature, what, suffixes in _SIGNATURES:
        if data.startswith(signature) and suffix not in suffixes:
            raise BadInput(f"this is {what}", where=name, remedy=_remedy(what, suffixes))
    if suffix in _WORKBOOKS:
        raise BadInput("a workbook is not read", where=name, remedy=_remedy("Excel", ()))
    if suffix == ".parquet" and not data.startswith(b"PAR1"):
        raise BadInput("this is not a Parquet file", where=name, remedy="name it for what it is, such as .csv")


def _remedy(what: str, suffixes: tuple[str, ...]) -> str:
    if suffixes:
        return f"rename it so that it ends in {suffixes[0]}"
    if "Excel" in what:
        return "in the spreadsheet choose Save as > CSV UTF-8, one sheet a file, and give that file"
    return "give the table itself, as .csv, .tsv, .sdf or .parquet"


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str, tuple[str, ...]]:
    """Text, the encoding it was read with, and warnings where that was a guess.

    Raises:
        BadInput: the bytes are not text in the encoding given or in any that is tried.
    """
    if encoding is None:
        encoding, warnings = _guess(data, name)
    else:
        warnings = ()
    try:
        text = data.decode(encoding)
    except LookupError:
        raise BadInput(f"no encoding is called {encoding!r}", where=name, remedy="try utf-8, utf-16 or cp949") from None
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"the bytes in row {row} are not {encoding} text", where=name, remedy="save the file as CSV UTF-8"
        ) from None
    return (
        text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"),
        encoding.removesuffix("-sig"),
        warnings,
    )


def _guess(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, ()
    unmarked = _unmarked_utf16(data)
    if unmarked:
        return unmarked, (f"{name} was read as UTF-16 without a byte order mark",)
    if _decodes(data, "utf-8"):
        return "utf-8", ()
    for encoding, label in (("cp949", "Korean (CP949)"), ("cp1252", "Western (Windows-1252)")):
        if _decodes(data, encoding) and (encoding != "cp949" or _is_korean(data)):
            return encoding, (f"{name} is not UTF-8 and was read as {label}; check the names in it",)
    return "utf-8", ()


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 of mostly ASCII text has a NUL in every other byte."""
    head = data[: 4096 & ~1]
    if len(head) < 4 or len(data) % 2:
        return None
    half = len(head) // 2
    even, odd = head[::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_korean(data: bytes) -> bool:
    pairs = _PAIR.findall(data)
    return sum(_KOREAN_PAIR.match(pair) is not None for pair in pairs) > 0.9 * len(pairs)
