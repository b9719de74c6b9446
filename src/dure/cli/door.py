"""The outermost ring of every command: from arguments to an exit code. No traceback passes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dure.base.errors import BadInput, DureError
from dure.cli import language, output
from dure.cli.language import say
from dure.cli.session import Session

INTERRUPTED = 130
UNEXPECTED = 70
"""Exit code of a fault in Dure itself (EX_SOFTWARE of sysexits.h)."""


def run(arguments: Sequence[str]) -> int:
    """Does what the arguments say and returns the exit code."""
    language.use(language.choose(arguments, os.environ))
    session = Session(json="--json" in arguments)
    try:
        code = _answered(arguments, session)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader went away (`| head`): nothing is left to say. Python must not flush again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _answered(arguments: Sequence[str], session: Session) -> int:
    try:
        return _call(arguments, session)
    except DureError as problem:
        output.error(problem, as_json=session.json)
        return problem.exit_code
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        output.note(_stopped(session))
        return INTERRUPTED
    except Exception as fault:
        return _unexpected(fault, session)


def _call(arguments: Sequence[str], session: Session) -> int:
    from typer import Abort
    from typer.exceptions import TyperException

    from dure.cli.app import app

    try:
        code = app(list(arguments), obj=session, standalone_mode=False, prog_name="dure")
    except Abort:
        raise KeyboardInterrupt from None
    except TyperException as problem:
        if type(problem).__name__ == "NoArgsIsHelpError":  # `dure` or `dure lab` alone: its message is the help
            print(problem)
            return BadInput.exit_code
        raise _usage(problem) from None
    if code == INTERRUPTED:  # Typer turns an interrupt into this code and says nothing
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _usage(problem: Exception) -> BadInput:
    """A mistake in the arguments in the same shape as every other error."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "dure"
    message = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    return BadInput(message.rstrip("."), where=command, remedy=say("see: ", "도움말: ") + f"{command} --help")


def _stopped(session: Session) -> str:
    if session.campaign is None:
        return say("stopped", "중단했습니다")
    again = f"dure resume {session.campaign}"
    return say(f"stopped; go on with: {again}", f"중단했습니다. 이어서 하려면: {again}")


def _unexpected(fault: Exception, session: Session) -> int:
    path = _keep_trace(session)
    problem = DureError(
        say(
            f"Dure failed unexpectedly ({type(fault).__name__}); nothing that was recorded is lost",
            f"예기치 못한 오류입니다({type(fault).__name__}). 이미 기록된 것은 잃지 않습니다",
        ),
        remedy=say(
            f"the full trace is in {path}; please report it", f"자세한 기록은 {path} 에 있습니다. 제보해 주십시오"
        ),
    )
    output.error(problem, as_json=session.json)
    return UNEXPECTED


def _keep_trace(session: Session) -> Path:
    """Writes the trace under the hub's `logs/`, else where temporary files go; nothing of it enters the ledger."""
    import secrets
    import tempfile
    import time
    import traceback

    name = f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(3)}.log"

    def beside_the_hub() -> Path:
        return session.folder / "logs"

    def among_temporary_files() -> Path:
        return Path(tempfile.mkdtemp(prefix="dure-"))

    for place in (beside_the_hub, among_temporary_files):
        try:
            path = place()
            path.mkdir(exist_ok=True, mode=0o700)
            (path / name).write_text(traceback.format_exc(), "utf-8")
            return path / name
        except (OSError, DureError):
            continue
    return Path(os.devnull)
