"""What a campaign has found so far: its candidates from the best down, its answers, and what it foresaw of them."""

from __future__ import annotations

from dure.campaign.run import Run
from dure.campaign.state import State
from dure.store.frames import get_frame


def ranked(run: Run) -> list[str]:
    """Measured candidates, best first (see `State.ranked`)."""
    return run.state.ranked(run.problem.objective.sign)


def answers(run: Run) -> list[str]:
    """What the campaign answers with, best first: all that was measured, or only what passed a gate of the finalists.

    A gate that only flags lets all stand; one that refuses (held-out members, say) leaves nothing that did not pass it.
    """
    outcome = run.state.closed.get("examine", {})
    order = ranked(run)
    return [c for c in order if c in outcome["passed"]] if outcome.get("gated") else order


def tested(state: State) -> list[str]:
    """Candidate ids in the order in which they were read, each once."""
    return list(dict.fromkeys(m.candidate for m in state.measured))


def predicted_before(run: Run) -> dict[str, tuple[float, float]]:
    """Mean and sd that the campaign's model had written down for each candidate before it was read."""
    found: dict[str, tuple[float, float]] = {}
    for turn in run.state.rounds:
        for frame in turn.predictions:
            if frame is not None:
                table = get_frame(run.parts.objects, frame)
                rows = zip(*(table[name].to_pylist() for name in ("candidate", "value", "sd")), strict=True)
                found |= {candidate: (mean, sd) for candidate, mean, sd in rows}
    return found
