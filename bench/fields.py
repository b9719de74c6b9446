"""The four fields of simulated campaigns and trained models: one table of all their figures.

    python bench/fields.py                 every row; hours
    python bench/fields.py --quick         smaller searches, for a look; writes nothing
    python bench/fields.py --only brain/clock device/twin    these alone, anew
    python bench/fields.py --table         only prints what bench/results/fields.json holds, and writes the table

What was measured is kept in bench/results/fields.json, so that a run that was stopped goes on; the command of each row
runs it alone.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before NumPy: CPU seconds of one core
HERE = Path(__file__).parent
KEPT, TABLE = HERE / "results" / "fields.json", HERE / "results" / "fields.md"
FIELDS = ("brain", "device", "bioprocess", "agrifood")
COLUMNS = ("field", "what", "figure", "value", "baseline", "published", "split", "seeds", "cpu_s", "command")
HEAD = """## Fields

Simulated campaigns and trained models (`python bench/fields.py`). Nothing simulated was measured; a wanted figure that
was not reached says so in its note. Figures of one seed are one draw.

"""


def shown(value: Any) -> str:
    """A figure as people read it."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else ("yes" if value else "no")
    if isinstance(value, int | float):
        return f"{value:,.4g}"
    if isinstance(value, list | tuple):
        return " to ".join(map(shown, value))
    if isinstance(value, dict):
        return "; ".join(f"{name} {shown(each)}" for name, each in value.items())
    return str(value).replace("|", "/")


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, notes in a column of their own."""
    lines = ["| " + " | ".join([*COLUMNS, "note"]) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    for row in rows:
        unit = "" if row.get("unit") in (None, "1", "") else f" {row['unit']}"
        cells = [shown(row.get(name)) + (unit if name == "value" else "") for name in COLUMNS]
        cells[-1] = f"`{cells[-1]}`" if cells[-1] else ""
        lines.append("| " + " | ".join([*cells, shown(row.get("note"))]) + " |")
    return HEAD + "\n".join(lines) + "\n"


def commands() -> list[str]:
    """`FIELD/COMMAND` of every row's command."""
    return [f"{field}/{name}" for field in FIELDS for name in importlib.import_module(f"field_{field}").COMMANDS]


def main() -> None:
    sys.path.insert(0, str(HERE))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="FIELD/COMMAND", choices=commands())
    given = parser.parse_args()
    kept: dict[str, list[dict[str, Any]]] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    for each in () if given.table else given.only or commands():
        if each in kept and not (given.only or given.quick):
            continue
        field, _, name = each.partition("/")
        rows = list(importlib.import_module(f"field_{field}").rows([name], given.quick))
        print(table(rows), flush=True)
        if not given.quick:
            kept[each] = rows
            KEPT.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if not given.quick:
        TABLE.write_text(table([row for each in commands() for row in kept.get(each, [])]), "utf-8")


if __name__ == "__main__":
    main()
