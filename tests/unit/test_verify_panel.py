"""The held-out gate's statistics: pairs, intervals, worst members, limits, and what a panel may be."""

from __future__ import annotations

import numpy as np
import pytest

from dure.base.errors import BadInput
from dure.design.candidate import Candidate
from dure.verify.conformance import check_conforms
from dure.verify.gate import Gate
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut, Limit, apart, members_of, paired

MEMBERS = tuple(f"m{i:02d}" for i in range(20))
DESIGNS = [Candidate("recipe", {"gain": gain}, {"gain": {"value": gain, "unit": "1"}}) for gain in (0, 2, -3)]


def evaluate(designs, members):
    """Members differ by far more than designs do; each member's own noise is shared."""
    own = np.array([np.random.default_rng([7, int(m[1:])]).normal(0, 50) for m in members])
    return [{"worth": own + d.content["gain"], "heat": own * 0 + 10 * d.content["gain"]} for d in designs]


def check(**more):
    told = {"limits": (Limit("heat", "Cel", high=15.0),), "settings": {}, **more}
    return HeldOut(evaluate, DESIGNS[0], MEMBERS, "worth", "mL", told.pop("sign", 1.0), **told)


def found(table, candidate):
    return {row["property"]: row["value"] for row in table.to_pylist() if row["candidate"] == candidate.id}


def test_it_conforms() -> None:
    check_conforms(check(), DESIGNS)


def test_pairs_take_the_members_own_noise_away() -> None:
    told = found(check().run(DESIGNS), DESIGNS[1])
    assert told["gain"] == pytest.approx(2)
    assert told["gain-low"] == pytest.approx(2)
    assert told["harmed"] == 0
    worse = found(check(harm=2.0).run(DESIGNS), DESIGNS[2])
    assert worse["gain-high"] == pytest.approx(-3)
    assert worse["harmed"] == len(MEMBERS)


def test_less_may_be_better() -> None:
    told = found(check(sign=-1.0).run(DESIGNS), DESIGNS[2])
    assert told["gain"] == pytest.approx(3)
    [values] = evaluate([DESIGNS[2]], MEMBERS)
    assert told["worst-member"] == pytest.approx(values["worth"].max())
    assert told["worst-decile"] == pytest.approx(np.quantile(values["worth"], 0.9))


def test_every_member_must_keep_every_limit() -> None:
    told = found(check().run(DESIGNS), DESIGNS[1])
    assert told["violations"] == len(MEMBERS)
    assert told["violations/m03: heat <= 15 Cel"] == 1
    assert found(check().run(DESIGNS), DESIGNS[2])["violations"] == 0


def test_a_member_without_a_value_is_a_violation_and_no_average() -> None:
    def lost(designs, members):
        each = evaluate(designs, members)
        each[-1]["worth"][4] = np.nan
        return each

    held = HeldOut(lost, DESIGNS[0], MEMBERS, "worth", "mL", 1.0, {})
    told = found(held.run([DESIGNS[2]]), DESIGNS[2])
    assert told["violations"] == 1
    assert told["violations/m04: no value"] == 1
    assert np.isfinite(told["gain"])


def test_the_gate_refuses_what_does_not_gain() -> None:
    gates = [Gate("held-out", "gain-low", low=0.0, unit="mL"), Gate("held-out", "violations", high=0.0)]
    outcome = Ladder.of([check(limits=())], gates).run(DESIGNS)
    assert outcome.passed == (DESIGNS[0].id, DESIGNS[1].id)
    assert outcome.refused == {DESIGNS[2].id}


@pytest.mark.parametrize("sizes", [(40,), (8,), (5, 5, 5), (3, 5)])
def test_intervals_cover_as_they_say(sizes) -> None:
    """The 95 % interval holds the true mean in about 95 of 100 panels, with few members and strata as well."""
    strata = [f"s{i}" for i, size in enumerate(sizes) for _ in range(size)]
    inside = 0
    for seed in range(600):
        drawn = np.random.default_rng([5, seed]).normal(1.0, 3.0, size=len(strata))
        told = paired(drawn, strata=strata, draws=400)
        inside += told.low <= 1.0 <= told.high
    assert 0.925 <= inside / 600 <= 0.975


def test_a_stratum_of_one_is_drawn_with_the_others() -> None:
    told = paired(np.array([1.0, 2.0, 3.0, 9.0]), strata=["a", "a", "a", "b"])
    assert told.low < told.mean < told.high


def test_strata_keep_their_shares() -> None:
    """Two strata far apart: drawn within each, their difference is no uncertainty of the mean."""
    difference = np.array([0.0, 0.1, -0.1] * 4 + [100.0, 100.1, 99.9] * 4)
    strata = ["child"] * 12 + ["adult"] * 12
    assert np.ptp([paired(difference, strata=strata).low, paired(difference, strata=strata).high]) < 0.2
    assert np.ptp([paired(difference).low, paired(difference).high]) > 20


@pytest.mark.parametrize(
    ("panel", "what"),
    [
        ("nowhere", "no panel 'nowhere'"),
        (["a", "z"], "no member 'z'"),
        (["a", "a"], "stands twice"),
        (["a"], "a panel of 1 cannot"),
        ([], "a panel of 0 cannot"),
    ],
)
def test_what_is_no_panel_is_refused(panel, what) -> None:
    with pytest.raises(BadInput, match=what):
        members_of(panel, {"tune": ("a", "b"), "gate": ("c", "d")}, "[lab], panel")


def test_what_was_tuned_on_is_no_gate() -> None:
    apart(("a", "b"), ("c",), "here")
    with pytest.raises(BadInput, match="1 members stand in both"):
        apart(("a", "b"), ("b", "c"), "here")


def test_a_limit_says_itself() -> None:
    assert str(Limit("low glucose", "%", high=4.0)) == "low glucose <= 4 %"
    assert Limit("x", "1", low=1.0, high=2.0).broken(np.array([0.5, 1.0, 2.0, 2.5, np.nan])).tolist() == [
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_number_is_no_panel():
    with pytest.raises(BadInput, match="5 is no panel"):
        members_of(5, {"tune": ("a", "b")}, "[lab], panel")
