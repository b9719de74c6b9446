"""A registered model, opened from the registry by a hub that never saw its campaign run, is the same model.

A pool of flours, a third of whose values are limits, and recipes from a box: their features are of two kinds.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sixth_harness as sixth

from dure.base.errors import Corrupt, NotFound
from dure.campaign import journal
from dure.campaign.service import open_run, summarise
from dure.campaign.trace import trace
from dure.design.candidate import Candidate
from dure.design.contract import Prediction
from dure.models import registry
from dure.models.process import ProcessModel
from dure.store.frames import get_frame


@dataclass
class Kept:
    """A finished campaign in the process that ran it, and its registered model in a hub opened afterwards."""

    ran: Any
    hub: sixth.InlineHub
    identifier: str

    @property
    def row(self) -> Any:
        with self.hub.database.read() as reader:
            return registry.find(reader, self.identifier)

    @property
    def model(self) -> ProcessModel:
        return ProcessModel.from_bytes(self.hub.objects.get(self.row.parameters))

    def reopened(self) -> Any:
        """The campaign in the fresh hub: its space and features come from stored objects."""
        with self.hub.database.read() as reader:
            return open_run(self.hub.parts(), journal.find(reader, self.row.campaign))

    def asked(self) -> list[Candidate]:
        """The whole pool, or some recipes nobody measured."""
        space = self.ran.space
        return space.take(range(len(space))) if hasattr(space, "take") else space.sample(20, np.random.default_rng(5))


def predict(model: ProcessModel, run: Any, candidates: Sequence[Candidate]) -> Prediction:
    return model.predict(candidates, run.space)


def limits() -> list[dict[str, Any]]:
    rows = sixth.flours()
    return [{**row, "volume": ("", ">", "<")[i % 3] + row["volume"]} for i, row in enumerate(rows)]


@pytest.fixture(scope="module", params=["pool", "box"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
            pool = request.param == "pool"
            run = sixth.finish(
                hub, sixth.write_problem(folder, limits(), seeds="1", first="9") if pool else "baking/bread"
            )
            identifier = summarise(run).model
        with sixth.InlineHub.open(folder / "hub", clock=sixth.noon) as again:
            yield Kept(run, again, identifier)


def test_it_is_the_model_that_was_registered(kept: Kept) -> None:
    knowledge, model = kept.ran.knowledge(), kept.model
    assert model.digest == kept.identifier
    assert model.strategy == kept.ran.strategy.name
    assert model.candidates == knowledge.measured
    assert [dict(c.form) for c in model.candidates] == [dict(c.form) for c in knowledge.measured]
    assert model.values.tolist() == knowledge.values.tolist()
    assert model.qualifiers == knowledge.qualifiers
    assert len(set(model.qualifiers)) == (3 if kept.ran.setup.pool else 1)


def test_it_predicts_what_the_campaigns_own_model_predicts(kept: Kept) -> None:
    """To the last bit, mean and sd, with features that come from stored objects."""
    own = kept.ran.strategy.predict(kept.ran.space, kept.ran.knowledge(), kept.asked())
    found = predict(kept.model, kept.reopened(), kept.asked())
    assert found.mean.tolist() == own.mean.tolist()
    assert found.sd.tolist() == own.sd.tolist()
    assert np.ptp(found.mean) > 0
    assert (found.sd > 0).all()


def test_with_what_it_knew_then_it_predicts_what_was_written_down_then(kept: Kept) -> None:
    """What was recorded before each round was read is what the model says when cut back to the rounds before it."""
    model, run = kept.model, kept.reopened()
    checked = 0
    for turn in run.state.rounds:
        seen = len({m.candidate for r in run.state.rounds[: turn.number - 1] for m in r.results if m.failed is None})
        cut = replace(
            model,
            candidates=model.candidates[:seen],
            values=model.values[:seen],
            qualifiers=model.qualifiers[:seen],
        )
        for frame in filter(None, turn.predictions):
            table = get_frame(kept.hub.objects, frame)
            asked = run.designs(table["candidate"].to_pylist())
            every = kept.asked() if run.setup.pool else asked
            found = predict(cut, run, every)
            at = [[c.id for c in every].index(c.id) for c in asked]
            assert found.mean[at].tolist() == pytest.approx(table["value"].to_pylist(), rel=1e-9)
            assert found.sd[at].tolist() == pytest.approx(table["sd"].to_pylist(), rel=1e-9)
            checked += len(asked)
    assert checked >= 6


def test_a_prediction_does_not_depend_on_what_else_is_asked(kept: Kept) -> None:
    """Asked for one candidate alone, it says what it says of it among all."""
    model, run = kept.model, kept.reopened()
    among = predict(model, run, kept.asked())
    for i in (0, 7):
        alone = predict(model, run, [kept.asked()[i]])
        assert alone.mean[0] == pytest.approx(among.mean[i])
        assert alone.sd[0] == pytest.approx(among.sd[i])


def test_its_card_says_what_it_was_made_from(kept: Kept) -> None:
    card, run = registry.card_of(kept.hub.objects, kept.row.card), kept.ran
    objective = run.problem.objective
    assert (card["property"], card["unit"], card["direction"]) == (
        objective.property,
        objective.unit,
        objective.direction,
    )
    assert card["trained_on"] == list(run.setup.sources)
    assert card["training"]["values"] == len(kept.model.candidates) == len(run.state.measured)
    assert card["terms"]["licence"]
    assert kept.row.campaign == run.identifier
    chain = trace(kept.hub.parts(), kept.hub.ledger, kept.hub.me, kept.identifier)
    assert {link.what for link in chain.walk()} >= {"model", "campaign", "event"}


def test_nothing_in_it_could_run(kept: Kept) -> None:
    """Plain arrays of numbers and bytes, no pickle."""
    data = kept.hub.objects.get(kept.row.parameters)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == ["designs.npy", "qualifiers.npy", "strategy.npy", "values.npy"]
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        assert {arrays[name].dtype.kind for name in arrays.files} == {"u", "f"}


@pytest.mark.parametrize("which", ["parameters", "card"])
@pytest.mark.parametrize("how", ["torn", "altered", "emptied", "another's", "missing"])
def test_a_damaged_model_is_refused_by_its_name(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, how: str
) -> None:
    monkeypatch.setenv("DURE_CONFIG", str(kept.hub.private.parents[1]))
    shutil.copytree(kept.hub.folder, tmp_path / "hub")
    digest = getattr(kept.row, which)
    name = digest.removeprefix("b3:")
    path = tmp_path / "hub" / "objects" / name[:2] / name[2:]
    data = path.read_bytes()
    other = replace(kept.model, values=kept.model.values + 1.0).to_bytes()
    changed = {"torn": data[:-20], "altered": data[:-1] + b"?", "emptied": b"", "another's": other}
    path.unlink() if how == "missing" else path.write_bytes(changed[how])
    with sixth.InlineHub.open(tmp_path / "hub", clock=sixth.noon) as hub:
        damaged = replace(kept, hub=hub)
        with pytest.raises(NotFound if how == "missing" else Corrupt) as refused:
            damaged.model if which == "parameters" else trace(hub.parts(), hub.ledger, hub.me, kept.identifier)
    assert digest in str(refused.value)
    assert refused.value.remedy


def test_a_model_that_is_not_there_is_named(kept: Kept) -> None:
    unknown = "b3:" + "0" * 64
    with pytest.raises(NotFound, match=unknown), kept.hub.database.read() as reader:
        registry.find(reader, unknown)
