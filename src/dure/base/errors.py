"""The one family of errors a user may see: what is wrong, where, and what to do.

Every class has an exit code for the command line; `docs/guide/errors.md` lists them and a test keeps both equal.
Misuse by a programmer is an ordinary `TypeError` or `RuntimeError` and never one of these.
"""

from __future__ import annotations

from collections.abc import Sequence


class DureError(Exception):
    """Base of all errors that are shown without a traceback.

    Args:
        what: one sentence, what is wrong, with the values that disagree.
        where: the file, row, field or object concerned.
        remedy: what the reader can do about it.
    """

    code = "error"
    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n  → {self.remedy}" if self.remedy else text

    def as_json(self) -> dict[str, object]:
        """The one JSON shape of every error, on the command line and over HTTP."""
        return {"error": self.code, "what": self.what, "where": self.where, "remedy": self.remedy}


class BadInput(DureError):
    """Input that cannot be taken; nothing of it was taken."""

    code = "bad-input"
    exit_code = 2


class RowErrors(BadInput):
    """Rows of one file that cannot be taken, each with its number and reason.

    Args:
        path: the file's name.
        problems: (row number as a spreadsheet shows it, reason) pairs.
        remedy: what to do about all of them.
    """

    code = "bad-rows"
    shown = 12

    def __init__(self, path: str, problems: Sequence[tuple[int, str]], *, remedy: str | None = None) -> None:
        self.problems = list(problems)
        lines = [f"row {row}: {reason}" for row, reason in self.problems[: self.shown]]
        if len(self.problems) > self.shown:
            lines.append(f"and {len(self.problems) - self.shown} more rows")
        count = len(self.problems)
        super().__init__(
            f"{count} row{'s' if count > 1 else ''} cannot be taken\n  " + "\n  ".join(lines), where=path, remedy=remedy
        )

    def as_json(self) -> dict[str, object]:
        rows = [{"row": row, "reason": reason} for row, reason in self.problems]
        return {**super().as_json(), "rows": rows}


class Refused(DureError):
    """A policy decision said no; `codes` name the conditions that failed."""

    code = "refused"
    exit_code = 3

    def __init__(
        self, what: str, *, codes: Sequence[str] = (), where: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.codes = tuple(codes)

    def as_json(self) -> dict[str, object]:
        return {**super().as_json(), "codes": list(self.codes)}


class Conflict(DureError):
    """Somebody else moved the subject meanwhile, or holds it."""

    code = "conflict"
    exit_code = 4


class NotFound(DureError):
    """No such thing, or not fetched yet."""

    code = "not-found"
    exit_code = 5


class Corrupt(DureError):
    """Stored bytes, ledger and database do not agree."""

    code = "corrupt"
    exit_code = 6


class Unavailable(DureError):
    """The machine does not give what is needed: disk full, read-only folder, server gone, package not installed."""

    code = "unavailable"
    exit_code = 7


class Waiting(DureError):
    """Not an error: the campaign waits for a laboratory or a person, and goes on with the same command."""

    code = "waiting"
    exit_code = 8


class SignerUnknown(DureError):
    """A bundle is consistent in itself, but no trusted key from outside was given to check its signer."""

    code = "signer-not-verified"
    exit_code = 9
