"""What names a problem does not depend on what was asked of it before."""

from __future__ import annotations

from dure.campaign.problem import Budget, Objective, Problem


def problem() -> Problem:
    return Problem(
        "drug", None, {"kind": "pool"}, Objective("pKi", "1"), {}, {"driver": "replay"}, Budget(2, 1, 1), {}, {}, {}, 1
    )


def test_reading_a_property_of_the_objective_leaves_the_digest_as_it_was() -> None:
    untouched, used = problem(), problem()
    assert used.objective.sign == 1.0
    assert used.digest == untouched.digest
    assert Problem.from_description(used.describe()) == untouched
