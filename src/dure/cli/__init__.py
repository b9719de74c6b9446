"""The command line. `main` is what the installed `dure` calls."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs `dure` with this process's arguments and ends the process."""
    from dure.cli.door import run

    sys.exit(run(sys.argv[1:]))
