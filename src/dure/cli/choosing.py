"""Which campaign a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dure.base.errors import BadInput, NotFound

if TYPE_CHECKING:
    from dure.hub import Hub


def campaign_row(hub: Hub, which: str | None) -> Any:
    """The row of the campaign named, or of the only unfinished one.

    Raises:
        NotFound: no such campaign, or none is unfinished.
        BadInput: several are unfinished.
    """
    from dure.campaign import journal

    with hub.database.read() as reader:
        if which is not None:
            return journal.find(reader, which)
        rows = [row for row in journal.everything(reader) if row.state == "running"]
    if not rows:
        raise NotFound("no campaign is unfinished", remedy="list all with: dure campaigns; start one with: dure run")
    if len(rows) > 1:
        ids = ", ".join(row.id[3:13] for row in rows)
        raise BadInput(f"{len(rows)} campaigns are unfinished", remedy=f"name one of {ids}")
    return rows[0]
