"""The command line. `main` is what the installed `dure` calls."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Runs `dure` with this process's arguments and ends the process."""
    # One thread for linear algebra, as in the workers: the same numbers on any number of cores, which the workers need.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from dure.cli.door import run

    sys.exit(run(sys.argv[1:]))
