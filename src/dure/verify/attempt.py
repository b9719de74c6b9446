"""Running a check so that a candidate it cannot bear fails alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from datetime import UTC, datetime

import pyarrow as pa

from dure.base.errors import BadInput, DureError, Unavailable
from dure.base.evidence import EVIDENCE, evidence_table
from dure.design.candidate import Candidate
from dure.verify.check import Check, accepted, method

Perform = Callable[[Check, Sequence[Candidate]], pa.Table]
"""How a check is run: here, or as tasks of a runner. What it raises means what it means when the check raises it."""

# What says that the machine failed, not the candidate. TimeoutError is not here: a time limit is the candidate's own.
_MACHINE = (OSError, BrokenExecutor, MemoryError, EOFError)


def perform_here(check: Check, candidates: Sequence[Candidate]) -> pa.Table:
    """Runs the check in this process."""
    return check.run(candidates)


def attempt(
    check: Check, candidates: Sequence[Candidate], units: Mapping[str, str], perform: Perform = perform_here
) -> tuple[pa.Table, dict[str, str]]:
    """Evidence about all the candidates, and why the check failed for those where it did, by candidate id.

    Where the check raises, the candidates are halved until those that make it raise stand alone; of each of these every
    property in `units` (property to UCUM unit; the check's own name where it is empty) is told with the value null.

    Raises:
        DureError: the check cannot run at all: its process is dead, the disk is full, a file is missing.
    """
    if not candidates:
        return EVIDENCE.empty_table(), {}
    try:
        found = perform(check, candidates)
    except (TimeoutError, BadInput) as error:
        failure = _first_line(error)
    except DureError:
        raise
    except _MACHINE as error:
        raise Unavailable(
            f"the process of the check ended: {_first_line(error)}",
            where=f"check {check.name}",
            remedy="give it more memory or fewer candidates at once, then run the same command again",
        ) from error
    except Exception as error:  # a check is a plug-in's code: whatever it raises is about what it was shown
        failure = _first_line(error)
    else:
        return accepted(check, candidates, found), {}
    if len(candidates) == 1:
        return _failed(check, candidates[0], units), {candidates[0].id: failure}
    middle = len(candidates) // 2
    halves = [attempt(check, half, units, perform) for half in (candidates[:middle], candidates[middle:])]
    return pa.concat_tables([table for table, _ in halves]), halves[0][1] | halves[1][1]


def _failed(check: Check, candidate: Candidate, units: Mapping[str, str]) -> pa.Table:
    fixed = {"candidate": candidate.id, "kind": check.kind, "method": method(check), "at": datetime.now(UTC)}
    told = units or {check.name: "1"}
    return evidence_table([{**fixed, "property": name, "unit": unit} for name, unit in told.items()])


def _first_line(error: BaseException) -> str:
    """Kind and first line of an error, short enough for a table."""
    text = error.what if isinstance(error, DureError) else str(error)
    return f"{type(error).__name__}: {text}".splitlines()[0][:160].rstrip(": ")
