"""The demo as a user runs it: `dure run drug/jak2` in a new hub, docking included; wall, CPU and memory.

    python bench/demo.py

Wanted: within three minutes on two cores and under 2 GB. The recall of the run stands beside its controls.
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

HEAD = "| what | figure | wanted | reached |"


def main() -> None:
    """Runs it once and writes bench/results/demo.json and demo.md."""
    import psutil

    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "DURE_CONFIG": f"{folder}/config"}
        hub = f"{folder}/hub"
        subprocess.run([DURE, "init", hub], check=True, env=env)
        subprocess.run([DURE, "--hub", hub, "fetch", "moleculeace", "dockstring"], check=True, env=env)
        start, before = time.perf_counter(), os.times()
        process = subprocess.Popen([DURE, "--hub", hub, "run", "drug/jak2", "--json"], env=env, stdout=subprocess.PIPE)
        peak = [0]
        watch = threading.Thread(target=_peak_memory, args=(psutil.Process(process.pid), peak), daemon=True)
        watch.start()
        out, _ = process.communicate()
        wall, after = time.perf_counter() - start, os.times()
    if process.returncode:
        raise SystemExit(process.returncode)
    found = json.loads(out)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    megabytes = peak[0] / 2**20
    rows = [
        ("wall seconds", f"{wall:.0f}", "under 180", wall < 180),
        ("CPU seconds, workers included", f"{cpu:.0f}", "", None),
        ("peak memory of all processes (USS), MB", f"{megabytes:.0f}", "under 2,000", megabytes < 2000),
        ("top 1 % found", f"{found['top1_found']} of {found['top1_total']}", "", None),
    ]
    lines = [
        "## The demo",
        "",
        "`python bench/demo.py`",
        "",
        "| what | figure | wanted | reached |",
        "|---|---|---|---|",
    ]
    lines += [f"| {a} | {b} | {c} | {'' if d is None else 'yes' if d else 'no'} |" for a, b, c, d in rows]
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "demo.md").write_text("\n".join(lines) + "\n")
    (HERE / "results" / "demo.json").write_text(json.dumps({"wall": wall, "cpu": cpu, "memory_mb": megabytes}) + "\n")
    print("\n".join(lines))


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
