"""The demo as a user runs it: `dure run drug/jak2` in a new hub, docking included; wall, CPU and memory.

    python bench/demo.py

Wanted: within three minutes on two cores and under 2 GB. `drug/f2`, the hard one, runs after it by the same command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
DURE = str(Path(sys.executable).parent / "dure")

PROBLEMS = {"drug/jak2": (180, 2000), "drug/f2": (None, None)}
"""What is run, and the wall seconds and megabytes that are wanted."""


def main() -> None:
    """Runs both problems in one hub, one after the other; writes bench/results/demo.json and demo.md."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "DURE_CONFIG": f"{folder}/config"}
        hub = f"{folder}/hub"
        subprocess.run([DURE, "init", hub], check=True, env=env)
        subprocess.run([DURE, "--hub", hub, "fetch", "moleculeace", "dockstring"], check=True, env=env)
        found = {name: run(hub, name, env) for name in PROBLEMS}
    rows = [row for name, wanted in PROBLEMS.items() for row in lines(name, found[name], *wanted)]
    head = ["## The demo", "", "`python bench/demo.py`", "", "| problem | what | figure | wanted | reached |"]
    table = [*head, "|---|---|---|---|---|", *("| " + " | ".join(row) + " |" for row in rows)]
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "demo.md").write_text("\n".join(table) + "\n")
    (HERE / "results" / "demo.json").write_text(json.dumps(found) + "\n")
    print("\n".join(table))


def run(hub: str, name: str, env: dict[str, str]) -> dict[str, float]:
    """One problem: seconds on the clock, CPU seconds, the highest memory (USS, MB) and what was found."""
    told, wall, cpu, peak = measured([DURE, "--hub", hub, "run", name, "--json"], env)
    score = {key: told[key] for key in ("assays", "top1_found", "top1_total", "top10_found", "top10_total")}
    return {"wall": wall, "cpu": cpu, "memory_mb": peak / 1e6, **score}


def measured(command: list[str], env: dict[str, str]) -> tuple[dict, float, float, int]:
    """Runs a command that tells JSON: that, wall seconds, CPU seconds of all its processes, peak USS in bytes."""
    import psutil

    start, before, peak = time.perf_counter(), os.times(), [0]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    threading.Thread(target=_peak_memory, args=(psutil.Process(process.pid), peak), daemon=True).start()
    out, _ = process.communicate()
    wall, after = time.perf_counter() - start, os.times()
    if process.returncode:
        raise SystemExit(out.decode() or process.returncode)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(out), wall, cpu, peak[0]


def lines(name: str, found: dict[str, float], seconds: int | None, megabytes: int | None) -> list[list[str]]:
    """The rows of one problem."""

    def row(what: str, figure: str, value: float = 0.0, wanted: int | None = None) -> list[str]:
        if wanted is None:
            return [name, what, figure, "", ""]
        return [name, what, figure, f"under {wanted:,}", "yes" if value < wanted else "no"]

    return [
        row("wall seconds", f"{found['wall']:.0f}", found["wall"], seconds),
        row("CPU seconds, workers included", f"{found['cpu']:.0f}"),
        row("peak memory of all processes (USS), MB", f"{found['memory_mb']:,.0f}", found["memory_mb"], megabytes),
        row("top 1 % found", f"{found['top1_found']} of {found['top1_total']}"),
        row("top 10 found", f"{found['top10_found']} of {found['top10_total']}"),
    ]


def _peak_memory(process: object, peak: list[int]) -> None:
    """The highest sum of unique memory of a process and all its children, looked at twice a second."""
    import psutil

    while True:
        try:
            family = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(member.memory_full_info().uss for member in family))
        except psutil.Error:
            if not process.is_running():
                return
        time.sleep(0.5)


if __name__ == "__main__":
    main()
