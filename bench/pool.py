"""Choosing from a pool of published compounds: how many of the best are found, and at what cost.

All 30 targets of MoleculeACE (van Tilborg et al. 2022, doi:10.1021/acs.jcim.2c01073), two plans: 50 + 8 x 24 and
10 + 10 x 10 assays. Recall is of the top 1 % and of the top 10: the number of values at or above the k-th best, at most
k, over k.

    python bench/pool.py                              runs what is missing and prints the tables
    python bench/pool.py --strategies dure --seeds 3  some of it
    python bench/pool.py --table                      only prints, and writes pool.json and pool.md

Strategies were developed on ten targets alone (`DEVELOPMENT`). A campaign of one seed starts from the same random
numbers whatever the strategy, so strategies are compared in pairs. The first seed of each target runs on a pool with
nothing remembered and its CPU is the one reported; the others share the rows of the kernel, which change no result.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before NumPy: CPU seconds of one core

import numpy as np

from dure.design.acquisition import UpperBound, expected_improvement
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge
from dure.design.pool import PoolSpace
from dure.design.strategies import Forest, Gaussian, Random, strategy
from dure.fields.drug.features import blocks, blocks_from_bytes, blocks_to_bytes

HERE = Path(__file__).parent
CACHE, RESULTS = HERE / "cache", HERE / "results"
ARCHIVE = "MoleculeACE-3.0.0-py3-none-any.whl"
INSIDE = "MoleculeACE/Data/benchmark_data/"

DEVELOPMENT = frozenset(f"CHEMBL{n}" for n in (1862, 1871, 2034, 2047, 204, 2147, 214, 218, 219, 228))
LARGE = 2000
PLANS = {"242": [50] + [24] * 8, "110": [10] + [10] * 10}


class Lightgbm(Forest):
    """Gradient boosting (Ke et al. 2017) on what the forest sees, and the highest of its means."""

    def _trees(self, pool, knowledge, exact, seed):
        from lightgbm import LGBMRegressor

        from dure.design.strategies import dense, taken

        matrix = dense(pool, slice(None))
        settings = {"n_estimators": 200, "learning_rate": 0.05, "min_child_samples": 5, "num_leaves": 15}
        model = LGBMRegressor(**settings, colsample_bytree=0.3, random_state=seed, n_jobs=1, verbose=-1)
        model.fit(matrix[taken(pool, knowledge, exact)], knowledge.values[exact])
        return np.atleast_2d(model.booster_.predict(matrix))


class Baybe:
    """BayBE's defaults (Fitzner et al. 2025, doi:10.1039/D5DD00050E): Mordred descriptors, random first, then its GP.

    Not among the strategies that run by themselves: it is in an extra of its own, which brings torch, and takes minutes
    a campaign. `pip install torch==2.13.0 'baybe[chem]'`, then `--strategies baybe` with a few targets and seeds.
    """

    name = "baybe"

    def ask(self, pool, knowledge, n, rng):
        import pandas as pd
        from baybe import Campaign
        from baybe.targets import NumericalTarget
        from baybe.utils.random import set_random_seed

        set_random_seed(int(rng.integers(2**31)))
        space = pool.derived("baybe", self._space)
        campaign = Campaign(space, NumericalTarget("y"), allow_recommending_already_measured=False)
        if len(knowledge.values):
            names = [candidate.id for candidate in knowledge.measured]
            campaign.add_measurements(pd.DataFrame({"compound": names, "y": knowledge.values}))
        return pool.take(pool.position(campaign.recommend(batch_size=n)["compound"].tolist()))

    @staticmethod
    def _space(pool):
        from baybe.parameters import SubstanceParameter

        data = {pool.ids[i]: pool[i].form["smiles"] for i in range(len(pool))}
        return SubstanceParameter("compound", data).to_searchspace()


STRATEGIES = {
    "random": Random(),
    "forest-greedy": Forest(),
    "lightgbm-greedy": Lightgbm("lightgbm-greedy"),
    "gp-ei-random-start": Gaussian("gp-ei-random-start", expected_improvement, Random()),
    "bucb3-random-start": Gaussian("bucb3-random-start", UpperBound(3.0), Random()),
    "bucb2": Gaussian("bucb2", UpperBound(2.0)),
    "gp-ei": strategy("gp-ei"),
    "dure": strategy("dure"),
    "baybe": Baybe(),
}


def targets() -> list[str]:
    with zipfile.ZipFile(archive()) as wheel:
        return sorted(Path(name).stem for name in wheel.namelist() if name.startswith(INSIDE) and name.endswith(".csv"))


def archive() -> Path:
    """The package archive, downloaded once, never installed."""
    path = CACHE / ARCHIVE
    if not path.exists():
        CACHE.mkdir(exist_ok=True)
        download = ["download", "--no-deps", "--only-binary=:all:", "MoleculeACE==3.0.0", "-d", str(CACHE)]
        subprocess.run([sys.executable, "-m", "pip", *download], check=True)
    return path


def load(target: str) -> tuple[PoolSpace, np.ndarray, float]:
    """A target's pool, its values in pool order (log of mol/L, more is better), and the CPU seconds of its features."""
    from rdkit.Chem import MolFromSmiles, MolToInchiKey

    with zipfile.ZipFile(archive()) as wheel, wheel.open(f"{INSIDE}{target}.csv") as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))
    given = [
        Candidate("molecule", {"inchikey": MolToInchiKey(MolFromSmiles(r["smiles"]))}, {"smiles": r["smiles"]})
        for r in rows
    ]
    pool = PoolSpace.of(given)
    values = np.empty(len(pool))
    values[pool.position([c.id for c in given])] = [float(r["y"]) for r in rows]
    data, cpu = features(target, pool)
    return PoolSpace("molecule", pool.table, blocks_from_bytes(data)), values, cpu


def features(target: str, pool: PoolSpace) -> tuple[bytes, float]:
    stored, clock = CACHE / f"{target}.npz", CACHE / f"{target}.cpu.json"
    if not clock.exists():
        start = time.process_time()
        found = blocks([pool[i].form["smiles"] for i in range(len(pool))])
        spent = time.process_time() - start
        stored.write_bytes(blocks_to_bytes(found))
        clock.write_text(json.dumps(spent))
    return stored.read_bytes(), json.loads(clock.read_text())


def campaign(chosen, pool: PoolSpace, values: np.ndarray, plan: list[int], seed: int) -> list[float]:
    """Recall of the top 1 %, of the top 10, and CPU seconds."""
    start = time.process_time()
    seen, measured, left = [], (), sum(plan)
    for step, n in enumerate(plan):
        state = Knowledge(
            measured,
            values[seen],
            np.full(len(seen), np.nan),
            ("=",) * len(seen),
            assays_left=left,
            pool_size=len(pool),
        )
        batch = chosen.ask(pool, state, n, np.random.default_rng([seed, step]))
        seen += pool.position([c.id for c in batch]).tolist()
        measured, left = (*measured, *batch), left - len(batch)
    assert len(set(seen)) == min(sum(plan), len(pool))
    spent = time.process_time() - start
    return [recall(values, seen, max(1, round(len(values) / 100))), recall(values, seen, 10), round(spent, 3)]


def recall(values: np.ndarray, seen: list[int], k: int) -> float:
    """Of the k best, how many were seen; values equal to the k-th count, but never more than k in all."""
    return min(k, int((values[seen] >= np.sort(values)[-k]).sum())) / k


def run(target: str, names: list[str], seeds: int, plans: list[str]) -> None:
    """Adds what is missing to the target's file, after each strategy."""
    path = RESULTS / "pool" / f"{target}.json"
    done = json.loads(path.read_text())["runs"] if path.exists() else {}
    wanted = {
        (n, p): [s for s in range(seeds) if str(s) not in done.get(n, {}).get(p, {})] for n in names for p in plans
    }
    if not any(wanted.values()):
        return
    pool, values, cpu = load(target)
    for (name, plan), todo in wanted.items():
        runs = {}
        for seed in todo:
            space = PoolSpace("molecule", pool.table, pool.blocks) if seed == 0 else pool
            runs[str(seed)] = campaign(STRATEGIES[name], space, values, PLANS[plan], seed)
        merge(path, {"features_cpu": cpu, "pool": len(pool)}, name, plan, runs)
    print(target, len(pool), flush=True)


def merge(path: Path, about: dict, name: str, plan: str, runs: dict) -> None:
    """Reads the file again first, so that another run of this program may add other strategies meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    stored["runs"].setdefault(name, {}).setdefault(plan, {}).update(runs)
    path.write_text(json.dumps(stored | about, sort_keys=True) + "\n")


def summary() -> dict:
    """Every strategy and plan: means over targets of means over seeds, with standard errors over targets."""
    stored = {p.stem: json.loads(p.read_text()) for p in sorted((RESULTS / "pool").glob("CHEMBL*.json"))}
    table = {}
    for plan in PLANS:
        names = sorted({n for t in stored.values() for n, runs in t["runs"].items() if plan in runs})
        table[plan] = {name: line(stored, name, plan) for name in names}
    cpu = [t["features_cpu"] for t in stored.values()]
    pools = {t: s["pool"] for t, s in stored.items()}
    return {"plans": table, "targets": pools, "features_cpu": {"mean": float(np.mean(cpu)), "max": max(cpu)}}


def line(stored: dict, name: str, plan: str) -> dict:
    """One strategy: groups of targets, CPU, and wins and losses against the default on equal targets and seeds."""
    runs = {t: s["runs"][name][plan] for t, s in stored.items() if plan in s["runs"].get(name, {})}
    means = {t: np.mean(list(r.values()), axis=0) for t, r in runs.items()}
    groups = {
        "all": list(means),
        "development": [t for t in means if t.split("_")[0] in DEVELOPMENT],
        "other": [t for t in means if t.split("_")[0] not in DEVELOPMENT],
        "large": [t for t in means if stored[t]["pool"] > LARGE],
    }
    result = {group: figures([means[t] for t in members]) for group, members in groups.items() if members}
    cold = [r["0"][2] for r in runs.values() if "0" in r]
    result |= {"seeds": min(map(len, runs.values())), "cpu": {"mean": float(np.mean(cold)), "max": max(cold)}}
    return result | {"against_dure": against(stored, runs, plan)}


def figures(means: list) -> dict:
    rows = np.array(means)[:, :2]
    error = rows.std(axis=0, ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else np.full(2, np.nan)
    return {
        "targets": len(rows),
        "top1": rows[:, 0].mean(),
        "top10": rows[:, 1].mean(),
        "top1_se": error[0],
        "top10_se": error[1],
    }


def against(stored: dict, runs: dict, plan: str) -> dict:
    """On how many targets the mean top-1 % recall is above, equal to or below that of `dure`; and the mean gap."""
    gaps = []
    for target, own in runs.items():
        other = stored[target]["runs"].get("dure", {}).get(plan, {})
        both = own.keys() & other.keys()
        if both:
            gaps.append(np.mean([own[s][0] - other[s][0] for s in both]))
    if not gaps:
        return {}
    error = float(np.std(gaps, ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else None
    signs = np.sign(np.round(gaps, 9))
    counts = {word: int((signs == s).sum()) for word, s in (("wins", 1), ("ties", 0), ("losses", -1))}
    return counts | {"gap": float(np.mean(gaps)), "se": error}


def markdown(found: dict) -> str:
    cpu, names = found["features_cpu"], len(found["targets"])
    text = [
        "## Choosing from a pool",
        "",
        f"`python bench/pool.py` ({names} MoleculeACE targets; recall of the top 1 % / top 10, mean over targets ±",
        "standard error over targets; targets won and lost against `dure`, top 1 %, seeds paired).",
        f"Features, once a target: {cpu['mean']:.1f} CPU-s on average, {cpu['max']:.1f} at most.",
    ]
    header = [
        "strategy",
        "targets × seeds",
        "all",
        "development",
        "other",
        f"over {LARGE:,} compounds",
        "CPU-s",
        "won-lost, gap",
    ]
    for plan, table in found["plans"].items():
        steps = PLANS[plan]
        text += ["", f"### {steps[0]} + {len(steps) - 1} × {steps[1]} assays", ""]
        text += ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
        # What was not run on every target comes last: its means cannot be set beside the others'.
        order = sorted(table.items(), key=lambda item: (-item[1]["all"]["targets"], -item[1]["all"]["top1"]))
        text += ["| " + " | ".join([name, *cells(row)]) + " |" for name, row in order]
    return "\n".join([*text, *tried()]) + "\n"


def tried() -> list[str]:
    """Every rule that was tried on the development targets, from `pool_tried.json`; the trial code was not kept."""
    rows = json.loads((RESULTS / "pool_tried.json").read_text())
    text = ["", "### Tried on the ten development targets (top 1 % / top 10; large: the two over 2,000 compounds)", ""]
    text += [
        "| first batch | then | 242 assays | large | 110 assays | large | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda r: (r["seed_offset"], -r["242"]["top1"])):
        plans = [f"{row[p]['top1']:.3f} / {row[p]['top10']:.3f} | {row[p]['large']:.3f}" for p in PLANS]
        seeds = f"{row['seed_offset']}-{row['seed_offset'] + row['seeds'] - 1}"
        text.append(f"| {row['first']} | {row['then']} | {' | '.join(plans)} | {seeds} |")
    return text


def cells(row: dict) -> list[str]:
    def both(group: str) -> str:
        if group not in row:
            return ""
        g = row[group]
        return f"{g['top1']:.3f} / {g['top10']:.3f}" + (f" ± {g['top1_se']:.3f}" if group == "all" else "")

    gap = row["against_dure"]
    versus = f"{gap['wins']}-{gap['losses']}, {gap['gap']:+.3f}" if gap else ""
    cpu = f"{row['cpu']['mean']:.2f} (max {row['cpu']['max']:.2f})"
    count = f"{row['all']['targets']} × {row['seeds']}"
    return [count, both("all"), both("development"), both("other"), both("large"), cpu, versus]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="*", help="accessions such as CHEMBL204_Ki; all without it")
    usual = [name for name in STRATEGIES if name != Baybe.name]
    parser.add_argument("--strategies", nargs="*", default=usual, choices=list(STRATEGIES))
    parser.add_argument("--plans", nargs="*", default=list(PLANS), choices=list(PLANS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--table", action="store_true", help="only print")
    given = parser.parse_args()
    for target in [] if given.table else given.targets or targets():
        run(target, given.strategies, given.seeds, given.plans)
    found = summary()
    (RESULTS / "pool.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    (RESULTS / "pool.md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
