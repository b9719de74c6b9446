"""Decisions are made again under the writer lock: one that no longer holds when it is written writes nothing.

Seen to fail: `Act._redecide` that raises nothing for a decision that says no.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sixth_harness as sixth

from dure.access.act import Act
from dure.access.enrolment import enrol, everybody, set_roles
from dure.base.canonical import canonical
from dure.base.errors import Refused
from dure.base.ids import random_id
from dure.base.types import Resource
from dure.campaign.service import stop
from dure.campaign.state import Step


@pytest.fixture
def hub(tmp_path: Path, database_settings: dict[str, str]) -> Iterator[sixth.InlineHub]:
    with sixth.InlineHub.create(tmp_path / "hub", clock=sixth.noon, **database_settings) as made:
        yield made


def refused(hub: sixth.InlineHub, act: Act, kind: str, subject: str, body: dict[str, Any]) -> Refused:
    """What becomes of an event whose decision was made before; the ledger stays as it was."""
    before = sixth.events(hub)
    with pytest.raises(Refused) as caught, act.change() as change:
        change.record(kind, subject, body)
    assert sixth.events(hub) == before
    return caught.value


def test_roles_that_were_taken_away_meanwhile(hub: sixth.InlineHub) -> None:
    mine, home = hub.act(), hub.settings.hub
    other, _ = enrol(mine, hub.objects, hub.keyring, home, "Kim Yuna", ["operator"])
    act, new = hub.act(other), random_id("person")
    assert act.require("principal.add", Resource("principal", home)).allowed
    set_roles(mine, home, other, [])
    body = {"budget": 0, "hub": home, "kind": "person", "permissions": [], "roles": ["operator"]}
    body["profile"] = hub.objects.put(b"sealed")
    assert "role" in refused(hub, act, "principal.added", new, body).codes
    with hub.database.read() as reader:
        assert {row.id for row in everybody(reader)} == {hub.me, other}
    set_roles(mine, home, other, ["operator"])
    with act.change() as change:
        change.record("principal.added", new, body)  # the same act, event and body: only the decision was in the way
    with hub.database.read() as reader:
        assert {row.id for row in everybody(reader)} == {hub.me, other, new}


def test_a_campaign_that_was_stopped_meanwhile(hub: sixth.InlineHub, tmp_path: Path) -> None:
    run = sixth.begin(hub, sixth.write_problem(tmp_path, seeds="0", rounds="0"))
    act, step = hub.act("system:campaign"), Step("propose", 1)
    assert act.require("campaign.step", Resource("campaign", run.identifier)).allowed
    stop(hub.parts(), sixth.begin(hub, tmp_path / "problem.toml"), hub.me)
    outcome = hub.objects.put(canonical({"kind": "dure.outcome.propose"}))
    body = {"attempt": 1, "key": step.key(run.identifier), "outcome": outcome, "round": 1, "step": "propose"}
    said = refused(hub, act, "campaign.stepped", run.identifier, body)
    assert "only while its state is running" in str(said)
