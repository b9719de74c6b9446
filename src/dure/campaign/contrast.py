"""Controls of a campaign at a simulator: the same number of designs, chosen without what the campaign learnt.

Random designs and a Latin hypercube see no results; the strategy itself is run once more on shuffled results. All pass
the same ladder, and each spends the assays that the campaign spent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dure.base.canonical import digest
from dure.campaign.climbing import climb
from dure.campaign.laboratories import simulation
from dure.campaign.run import Run, seed_of, slack_of
from dure.campaign.state import Measured, Step
from dure.design.box import GridSpace
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge, Strategy
from dure.design.hypercube import LatinHypercube
from dure.design.strategies import Random
from dure.lab.simulated import Simulation

DRAWS = 20
"""How often a control proposes again for designs that the ladder refused."""
Curve = list[float | None]


def contrast(run: Run, step: Step) -> None:
    """Runs the controls and records how the best of each grew."""
    seeds = range(int(run.problem.controls["seeds"]))
    results = [m for turn in run.state.rounds for m in (turn.results or ())]
    batches = [len(turn.ordered or ()) for turn in run.state.rounds]
    choosers: dict[str, tuple[Strategy, bool]] = {"random": (Random(), False)}
    if isinstance(run.space, GridSpace):
        choosers["latin-hypercube"] = LatinHypercube(), False
    choosers["permuted"] = run.strategy, True
    at = simulation(run)
    curves = {
        name: [best_so_far(run, _control(run, at, chooser, batches, name, seed, permuted)) for seed in seeds]
        for name, (chooser, permuted) in choosers.items()
    }
    run.record(step, {"campaign": best_so_far(run, results), "curves": curves})


def best_so_far(run: Run, results: Sequence[Measured]) -> Curve:
    """The best value after each result, of those that keep all constraints; None before the first of them."""
    sign, best = run.problem.objective.sign, -np.inf
    curve: Curve = []
    for m in results:
        if m.value is not None and m.violation == 0:
            best = max(best, sign * m.value)
        curve.append(sign * float(best) if np.isfinite(best) else None)
    return curve


def _control(
    run: Run, at: Simulation, chooser: Strategy, batches: Sequence[int], name: str, seed: int, permuted: bool
) -> list[Measured]:
    """What one control reads: its designs in batches, or all at once where it does not look at results."""
    rng = np.random.default_rng(seed_of(run.problem, run.ordinal, "control", name, seed))
    known: list[tuple[Candidate, Measured]] = []
    refused: set[str] = set()
    for size in batches if permuted else [sum(batches)]:
        designs = _passing(run, chooser, _shuffled(run, known, refused, rng), size, rng, refused)
        seeds = [int(digest(["control", run.identifier, name, seed, d.id])[3:11], 16) for d in designs]
        for design, (_, told) in zip(designs, at.run(designs, seeds), strict=True):
            known.append((design, _measured(run, design, told)))
    return [m for _, m in known]


def _passing(
    run: Run, chooser: Strategy, knowledge: Knowledge, n: int, rng: np.random.Generator, refused: set[str]
) -> list[Candidate]:
    """So many designs that the ladder lets through, or as many as a few turns give."""
    passed: dict[str, Candidate] = {}
    for _ in range(DRAWS):
        taken = knowledge.refused.union(refused, passed)
        asked = chooser.ask(run.space, Knowledge(**{**vars(knowledge), "refused": taken}), n - len(passed), rng)
        if not asked:
            break
        outcome = climb(run, asked, "ladder")
        refused.update(outcome.refused)
        passed |= {c.id: c for c in asked if c.id in outcome.passed}
        if len(passed) == n:
            break
    return list(passed.values())


def _shuffled(
    run: Run, known: Sequence[tuple[Candidate, Measured]], refused: set[str], rng: np.random.Generator
) -> Knowledge:
    """What a control is told: the results so far, each given to another design."""
    read = [(design, m) for design, m in known if m.value is not None]
    order = rng.permutation(len(read))
    told = [read[i][1] for i in order]
    sign = run.problem.objective.sign
    return Knowledge(
        tuple(design for design, _ in read),
        np.array([sign * (m.value or 0.0) for m in told]),
        np.full(len(told), np.nan),
        tuple("=" for _ in told),
        refused=frozenset(refused).union(design.id for design, m in known if m.value is None),
        slack=slack_of(run.problem, told),
    )


def _measured(run: Run, design: Candidate, told: dict[str, object] | str) -> Measured:
    objective = run.problem.objective
    if isinstance(told, str):
        return Measured(design.id, None, None, "=", told)
    value = {name: float(each["value"]) for name, each in told.items()}  # type: ignore[index]
    return Measured(design.id, value[objective.property], None, "=", None, objective.slack(value))
