"""Kills a quick campaign of each field once in mid-run, and holds where the resumed one ends against one never killed.

    python bench/field_kills.py                       every field once; writes bench/results/field_kills.md
    python bench/field_kills.py FIELD/PROBLEM ...     these alone; writes nothing

The process group dies by SIGKILL after half of the time that the whole one took; then `dure resume`. Both are run in
hubs of their own with the same problem, so that the state digests must be equal.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dure.campaign.field import load_field, simulator_of

PROBLEMS = ("brain/clock-panel", "device/therapy-settings", "bioprocess/fed-batch", "agrifood/greenhouse")
HEAD = """## Fields killed in mid-run

A quick campaign of each field dies by SIGKILL and is resumed; its state must be that of one never killed
(`python bench/field_kills.py`).
"""
DURE = [str(Path(sys.executable).with_name("dure"))]


def dure(hub: Path, *words: str) -> dict:
    done = subprocess.run([*DURE, "--hub", str(hub), *words, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def sources(problem: str) -> list[str]:
    name, _, which = problem.partition("/")
    field = load_field(name)
    lab = field.problems[which]["lab"]
    return sorted({source for source, _, _ in simulator_of(field, lab).reads(lab)})


def made(folder: Path, name: str, needed: list[str]) -> Path:
    hub = folder / name
    subprocess.run([*DURE, "init", str(hub)], capture_output=True, check=True)
    if needed:
        dure(hub, "fetch", *needed)
    return hub


def killed(hub: Path, problem: str, after: float) -> None:
    run = subprocess.Popen(
        [*DURE, "--hub", str(hub), "run", problem, "--quick"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(after)
    assert run.poll() is None, "it was over before it could be killed"
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def main() -> None:
    lines = [HEAD, "| problem | whole, s | killed after, s | assays | same state |", "|---|---|---|---|---|"]
    for problem in sys.argv[1:] or PROBLEMS:
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            os.environ["DURE_CONFIG"] = str(folder / "config")
            needed = sources(problem)
            start = time.time()
            whole = dure(made(folder, "whole", needed), "run", problem, "--quick")
            took = time.time() - start
            hub = made(folder, "killed", needed)
            killed(hub, problem, took / 2)
            again = dure(hub, "resume")
            same = again["state_digest"] == whole["state_digest"]
            lines.append(f"| {problem} | {took:.0f} | {took / 2:.0f} | {again['assays']} | {'yes' if same else 'NO'} |")
            print(lines[-1], flush=True)
    if not sys.argv[1:]:
        (Path(__file__).parent / "results" / "field_kills.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
