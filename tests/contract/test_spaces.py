"""One conformance suite for every space: a list (the reference), pools with and without features, a pool as a campaign
stores it, a box, and a field's own space.

That samples are distinct, contained and as many as there are is held against arbitrary pools and boxes in
`tests/property/test_design_space.py`; here is what the contract says beyond that, of every space alike.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sixth_harness as sixth
from dure_sixth import FIELD
from dure_sixth.recipes import BREAD
from scipy import sparse

from dure.base.canonical import canonical, digest
from dure.campaign.run import open_space
from dure.campaign.setup import Setup
from dure.design.box import BoxSpace, Linear, Parameter, ScheduleSpace
from dure.design.candidate import Candidate
from dure.design.contract import FeatureBlock, Space
from dure.design.described import described_space
from dure.design.pool import PoolSpace
from dure.design.subset import SubsetSpace

COUNT = 30
SMALL = {name: {**BREAD[name], "resolution": resolution} for name, resolution in (("proof", 2.5), ("salt", 0.4))}
KNOBS = [Parameter("a", 0.0, 4.0, 1.0), Parameter("b", -1.0, 1.0, 0.4, "mL")]
LINEAR = [Linear({"a": 1.0, "b": 2.0}, high=4.5), Linear({"b": 1.0}, low=-0.9)]
SUMS = [Linear({"a": 1.0}, low=2.0, high=9.0), Linear({"a@1": 1.0, "a@3": -1.0}, high=2.0)]


def odd(values: Any) -> Any:
    """A field's own condition: no recipe of a = 1 and b = 0.2."""
    return ~((values["a"] == 1) & (abs(values["b"] - 0.2) < 1e-6))


def words(n: int = COUNT) -> list[Candidate]:
    return [Candidate("sequence", {"text": "가나다라"[i % 4] * (i + 1)}, {"name": f"word {i}"}) for i in range(n)]


def described(candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
    lengths = [[len(c.content["text"])] for c in candidates]
    counts = sparse.csr_matrix([[len(c.content["text"]), i] for (i,), c in zip(lengths, candidates, strict=True)])
    return FeatureBlock("letters", "counts", counts), FeatureBlock("length", "real", np.array(lengths, float))


class ListSpace:
    """The reference: a list in the order of ids; near is who stands near in it."""

    kind = "sequence"

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._all = sorted(candidates, key=lambda c: c.id)

    def sample(self, n: int, rng: np.random.Generator) -> list[Candidate]:
        return [self._all[i] for i in rng.permutation(len(self._all))[:n]]

    def neighbours(self, parents: Sequence[Candidate], n: int, rng: np.random.Generator) -> list[Candidate]:
        at = {i for i, c in enumerate(self._all) if c in parents}
        others = [i for i in range(len(self._all)) if i not in at]
        return [self._all[i] for i in sorted(others, key=lambda i: min((abs(i - p) for p in at), default=0))[:n]]

    def contains(self, candidate: Candidate) -> bool:
        return any(c.id == candidate.id for c in self._all)

    def features(self, candidates: Sequence[Candidate]) -> tuple[FeatureBlock, ...]:
        return described(candidates)


def stored(pool: PoolSpace) -> PoolSpace:
    """A pool out of the bytes that it is kept as."""
    sink = io.BytesIO()
    pq.write_table(pool.table, sink)
    return PoolSpace(pool.kind, pq.read_table(io.BytesIO(sink.getvalue())), pool.blocks)


def again(parameters: Any) -> Space:
    """A space out of the description that a set-up keeps of it."""
    return described_space(json.loads(canonical({"kind": "recipe", "parameters": parameters})))


Made = tuple[Space, Space]
SPACES: dict[str, Callable[[], Made]] = {
    "list": lambda: (ListSpace(words()), ListSpace(words()[::-1])),
    "pool": lambda: (PoolSpace.of(words()), stored(PoolSpace.of(words()[::-1]))),
    "pool with features": lambda: (
        PoolSpace.of(words(), described(words())),
        stored(PoolSpace.of(words()[::-1], described(words()[::-1]))),
    ),
    "pool that computes": lambda: (PoolSpace.of(words(), described), PoolSpace.of(words()[::-1], described)),
    "box": lambda: (BoxSpace(KNOBS), BoxSpace(KNOBS[::-1])),
    "box with constraints": lambda: (
        BoxSpace(KNOBS, LINEAR, odd),
        BoxSpace(KNOBS[::-1], LINEAR[::-1], odd),
    ),
    "schedule": lambda: (ScheduleSpace(KNOBS[:1], 3, SUMS), ScheduleSpace(KNOBS[:1], 3, SUMS[::-1])),
    "subsets": lambda: (SubsetSpace("abcdefg", 3), SubsetSpace("gfedcba", 3)),
    "described": lambda: (again(SMALL), again(dict(reversed(SMALL.items())))),
}
"""Each space, and the same space made or opened a second time, from what was given in another order."""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A campaign's pool, from its set-up as it is stored; the second time by a hub that was opened anew."""
    folder = tmp_path_factory.mktemp("campaign")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DURE_CONFIG", str(folder / "config"))
        with sixth.InlineHub.create(folder / "hub", clock=sixth.noon) as hub:
            run = sixth.begin(hub, sixth.write_problem(folder, sixth.flours(rows=COUNT)))
            with sixth.InlineHub.open(folder / "hub", clock=sixth.noon) as other:
                setup = Setup.from_bytes(run.setup.to_bytes())
                yield run.space, open_space(other.objects, FIELD, setup)


@pytest.fixture(params=[*SPACES, "campaign's pool"])
def made(request: pytest.FixtureRequest) -> Made:
    if request.param == "campaign's pool":
        return request.getfixturevalue("campaign")
    return SPACES[request.param]()


@pytest.fixture
def space(made: Made) -> Space:
    return made[0]


def rng(seed: int = 7) -> np.random.Generator:
    return np.random.default_rng(seed)


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.id for candidate in candidates]


def everything(space: Space) -> list[Candidate]:
    return space.sample(10_000, rng())


@pytest.mark.parametrize("n", [0, 1, COUNT - 1, COUNT, COUNT + 1, 10_000])
def test_a_sample_is_as_large_as_asked_or_the_whole_space(space: Space, n: int) -> None:
    size = len(everything(space))
    assert size >= 18
    drawn = space.sample(n, rng(1))
    assert len(set(ids(drawn))) == len(drawn) == min(n, size)
    assert all(map(space.contains, drawn))
    assert set(ids(drawn)) <= set(ids(everything(space)))


def test_randomness_is_the_generators_alone(made: Made) -> None:
    """The same generator gives the same, in this space and in it made again; what came between does not matter."""
    first, second = made
    drawn = first.sample(8, rng())
    near = first.neighbours(drawn[:3], 5, rng())
    first.features(first.neighbours(drawn[4:], 9, rng(1)))
    for space in (first, second):
        assert ids(space.sample(8, rng())) == ids(drawn)
        assert ids(space.neighbours(drawn[:3], 5, rng())) == ids(near)
    assert len({tuple(ids(first.sample(8, rng(seed)))) for seed in range(20)}) > 15
    going = rng()
    assert ids(first.sample(8, going)) != ids(first.sample(8, going))


def test_chance_prefers_nobody(space: Space) -> None:
    """Each candidate is drawn about as often as every other."""
    every = ids(everything(space))
    drawn = [ids(space.sample(6, rng(seed))) for seed in range(400)]
    counts = [sum(name in batch for batch in drawn) for name in every]
    expected = 400 * 6 / len(every)
    assert max(abs(count - expected) for count in counts) < 5 * np.sqrt(expected)


@pytest.mark.parametrize("n", [0, 1, 5, 10_000])
def test_neighbours_are_contained_and_are_no_parents(space: Space, n: int) -> None:
    parents = space.sample(4, rng(2))
    near = space.neighbours(parents, n, rng())
    assert len(set(ids(near))) == len(near) <= n
    assert n < 5 or near
    assert all(map(space.contains, near))
    assert not set(ids(near)) & set(ids(parents))
    whole = everything(space)
    assert space.neighbours(whole, n, rng()) == [], "nobody is left"


def test_what_is_foreign_is_not_contained(space: Space) -> None:
    one = space.sample(1, rng())[0]
    content = dict(one.content)
    name = min(content)
    foreign = [
        Candidate(one.kind + "s", content, one.form),
        Candidate(one.kind, {}, one.form),
        Candidate(one.kind, {**content, "more": 1}, one.form),
        Candidate(one.kind, {key + "'": value for key, value in content.items()}, one.form),
        Candidate(one.kind, {**content, name: None}, one.form),
        Candidate(one.kind, {**content, name: "x"}, one.form),
        Candidate(one.kind, {**content, name: True}, one.form),
        Candidate(one.kind, {**content, name: -1}, one.form),
        Candidate(one.kind, {**content, name: 10**9}, one.form),
        Candidate(one.kind, {**content, name: 0.5}, one.form),
    ]
    assert [space.contains(candidate) for candidate in foreign] == [False] * len(foreign)
    assert space.contains(Candidate(one.kind, dict(reversed(content.items())), {"drawn": "otherwise"}))


def test_a_candidate_is_named_by_its_canonical_content(space: Space) -> None:
    for candidate in everything(space):
        content = json.loads(canonical(dict(candidate.content)))
        assert candidate.kind == space.kind
        assert candidate.id == digest([space.kind, content])
        assert candidate.id == digest([space.kind, dict(sorted(content.items(), reverse=True))])


def test_a_candidate_comes_back_whole_from_its_stored_form(made: Made) -> None:
    """As proposals are kept: kind, content and form as canonical JSON; and as the space made again gives it."""
    first, second = made
    twins = {candidate.id: candidate for candidate in everything(second)}
    for candidate in everything(first):
        kept = canonical([candidate.kind, dict(candidate.content), dict(candidate.form)])
        back = Candidate(*json.loads(kept))
        assert back.id == candidate.id == twins[candidate.id].id
        assert back == candidate
        assert dict(back.form) == dict(candidate.form) == dict(twins[candidate.id].form)
        assert candidate.form, "how it is drawn and called"
        assert canonical([back.kind, dict(back.content), dict(back.form)]) == kept
        assert second.contains(back)
    assert len(twins) == len(everything(first))


def test_features_are_in_the_order_asked(made: Made) -> None:
    first, second = made
    asked = first.sample(6, rng(3))
    blocks = first.features(asked)
    for space, order in ((first, [5, 0, 0, 3]), (second, [1, 4])):
        for block, other in zip(blocks, space.features([asked[i] for i in order]), strict=True):
            assert (other.name, other.kind) == (block.name, block.kind)
            assert (dense(other)[...] == dense(block)[order]).all()
            assert np.isfinite(dense(other)).all()


def dense(block: FeatureBlock) -> Any:
    return block.matrix.toarray() if sparse.issparse(block.matrix) else block.matrix
