"""A whole campaign on a pool of 100,000 compounds of one's own file, as a user runs it: time by part, CPU, memory.

    python bench/large.py [ROWS]

The file is an enumerated library of amides whose values follow from their three parts, with noise: what is measured is
whether such a file is comfortable, not how well it is searched. Beside it stands the pool's own size, 1,000 rows.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from demo import DURE, measured

RESULTS = Path(__file__).parent / "results"
TAILS = ("", "C", "CC", "C(C)C", "OC", "OCC", "F", "Cl", "Br", "C#N", "C(F)(F)F", "OC(F)(F)F", "N(C)C", "S(C)(=O)=O")
AMINES = ("NC", "N(C)C", "NCC", "NC1CC1", "NC1CCCC1", "NC1CCCCC1", "N1CCCC1", "N1CCOCC1", "N1CCN(C)CC1", "NCc2ccccc2")
PROBLEM = """
field = "drug"
seed = 1
[title]
en = "A large library"
ko = "큰 화합물 목록"
[space]
kind = "pool"
file = "compounds.csv"
structure = "smiles"
[objective]
property = "pIC50"
unit = "1"
reference = "mol/L"
[budget]
first = 50
batch = 24
rounds = 8
[lab]
driver = "replay"
column = "IC50"
unit = "nmol/L"
scale = "p"
[ladder]
alerts = "flag"
windows = "flag"
[strategy]
name = "dure"
[controls]
seeds = 2
noise_sd = 0.3
"""


def library(rows: int) -> list[tuple[str, float]]:
    """SMILES and IC50 in nM of so many amides: three substituents of an arene or chain, and an amine."""
    rng = np.random.default_rng(1)
    made: list[tuple[str, float]] = []
    parts = [TAILS, TAILS, TAILS, AMINES, range(24)]
    worth = [rng.normal(0, 0.5, len(part)) for part in parts]
    for at in itertools.product(*(range(len(part)) for part in parts)):
        one, two, three, amine, length = (part[i] for part, i in zip(parts, at, strict=True))
        chain = "C" * (1 + length % 8) + ("O" if length % 5 == 0 else "") + "C" * (length // 8)
        smiles = f"c1c({one or '[H]'})c({two or '[H]'})cc({three or '[H]'})c1{chain}C(=O){amine}"
        value = 6.5 + sum(w[i] for w, i in zip(worth, at, strict=True)) + rng.normal(0, 0.2)
        made.append((smiles, round(10 ** (9 - value), 4)))
    order = rng.permutation(len(made))[:rows]
    return [made[i] for i in order]


def run(rows: int) -> dict[str, float]:
    """One campaign; seconds on the clock by part, CPU seconds and the highest memory (USS, MiB)."""
    with tempfile.TemporaryDirectory(prefix="dure-large-") as name:
        folder = Path(name)
        env = {**os.environ, "DURE_CONFIG": f"{folder}/config"}
        lines = ["smiles,IC50", *(f"{smiles},{value}" for smiles, value in library(rows))]
        (folder / "compounds.csv").write_text("\n".join(lines) + "\n")
        (folder / "problem.toml").write_text(PROBLEM)
        subprocess.run([DURE, "init", f"{folder}/hub"], check=True, env=env, stdout=subprocess.DEVNULL)
        start = time.time()
        command = [DURE, "--hub", f"{folder}/hub", "run", f"{folder}/problem.toml", "--json"]
        told, wall, cpu, peak = measured(command, env)
        started, read, scored = moments(folder / "hub", env["DURE_CONFIG"])
    parts = {"prepared": started - start, "rounds": read - started, "controls": scored - read, "wall": wall}
    return {"rows": rows, **parts, "cpu": cpu, "memory_mb": peak / 2**20, "top1_found": told["top1_found"]}


def moments(hub: Path, config: str) -> tuple[float, float, float]:
    """When the campaign was started, its last order accepted, and its controls scored."""
    from dure.base.canonical import parse_timestamp
    from dure.hub import Hub

    os.environ["DURE_CONFIG"] = config
    with Hub.open(hub) as opened:
        leaves = [json.loads(leaf) for _, leaf in opened.ledger.leaves()]
    at = {}
    for leaf in leaves:
        name = leaf["body"].get("step", leaf["kind"]) if leaf["kind"].startswith("campaign.") else leaf["kind"]
        at[name] = parse_timestamp(leaf["time"]).timestamp()
    return at["campaign.started"], at["order.accepted"], at["control"]


def main() -> None:
    """Runs the small and the large one; writes bench/results/large.json and large.md."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    found = [run(rows) for rows in (1_000, most)]
    lines = [
        "## A large pool",
        "",
        "`python bench/large.py` (242 assays; controls with two seeds, a user's file, wall seconds by part)",
        "",
        "| rows | prepared | rounds | controls | whole | CPU-s | memory, MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found:
        cells = [f"{row[name]:,.0f}" for name in ("rows", "prepared", "rounds", "controls", "wall", "cpu", "memory_mb")]
        lines.append("| " + " | ".join(cells) + " |")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "large.md").write_text("\n".join(lines) + "\n")
    (RESULTS / "large.json").write_text(json.dumps(found, indent=1) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
