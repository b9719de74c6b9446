"""Runs every bench and joins their tables in bench/RESULTS.md.

python bench/all.py            everything; hours
python bench/all.py --join     only joins what bench/results/ holds
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHES = ("pool", "boxes", "fields", "field_kills", "ledger", "loop", "demo", "large", "kill")
HEAD = """# Figures

Each table stands under the command that printed it; `make bench` runs them all. Machines are noisy: CPU seconds,
medians and ratios to what runs beside are what to compare. A figure that was wanted and not reached says so.

"""


def main() -> None:
    """Runs the benches unless told only to join, then writes RESULTS.md."""
    if "--join" not in sys.argv:
        for name in BENCHES:
            subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)
    parts = [HERE / "results" / f"{name}.md" for name in BENCHES]
    text = HEAD + "\n".join(path.read_text("utf-8") for path in parts if path.exists())
    (HERE / "RESULTS.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
