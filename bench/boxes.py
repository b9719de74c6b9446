"""Strategies for recipes beside random designs and a Latin hypercube, at equal budgets, on functions of known optimum.

    python bench/boxes.py [--quick] [--seeds N]

Regret is how far the best design that keeps all constraints (its value without noise) lies under the optimum, as a
share of the difference between the optimum and the median random design: 0 is the optimum, 1 no better than one random
design. The optimum under "sum <= 2" is that of SLSQP from 60 starts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dure.design.box import BoxSpace, Linear, Parameter
from dure.design.contract import Knowledge
from dure.design.strategies import strategy

RESULTS = Path(__file__).parent / "results"
NAMES = ("trust-region", "dure", "gp-ei", "cma-es", "latin-hypercube", "random")


@dataclass(frozen=True)
class Case:
    """A function to be made as large as possible over a box from 0 to 1.

    Attributes:
        value: points (n, d) -> (n,); `best` is its maximum where all constraints are kept.
        slack: points -> (n, constraints), negative where broken; None without.
        noise: sd of a reading, as a share of the spread of random designs.
        first, batch, rounds: the budget.
    """

    name: str
    columns: int
    value: Callable[[np.ndarray], np.ndarray]
    best: float
    first: int
    batch: int
    rounds: int
    noise: float = 0.0
    slack: Callable[[np.ndarray], np.ndarray] | None = None
    linear: tuple[Linear, ...] = ()


def branin(x: np.ndarray) -> np.ndarray:
    a, b = 15 * x[:, 0] - 5, 15 * x[:, 1]
    return -((b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10)


_A = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(x: np.ndarray) -> np.ndarray:
    inner = (_A * (x[:, None, :] - _P) ** 2).sum(axis=2)
    return np.exp(-inner) @ np.array([1.0, 1.2, 3.0, 3.2])


def ackley(x: np.ndarray) -> np.ndarray:
    z = 10 * x - 4
    root = np.sqrt((z**2).mean(axis=1))
    return 20 * np.exp(-0.2 * root) + np.exp(np.cos(2 * np.pi * z).mean(axis=1)) - 20 - np.e


def levy(x: np.ndarray) -> np.ndarray:
    w = 1 + (14 * x - 7 - 1) / 4
    inner = ((w[:, :-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:, :-1] + 1) ** 2)).sum(axis=1)
    return -(np.sin(np.pi * w[:, 0]) ** 2 + inner + (w[:, -1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[:, -1]) ** 2))


def gramacy(x: np.ndarray) -> np.ndarray:
    """Slack of the two constraints of Gramacy et al. 2016 (Technometrics 58:1), doi 10.1080/00401706.2015.1014065."""
    a, b = x[:, 0], x[:, 1]
    first = 0.5 * np.sin(2 * np.pi * (a**2 - 2 * b)) + a + 2 * b - 1.5
    return np.column_stack([first, 1.5 - a**2 - b**2])


CASES = (
    Case("Branin, 2", 2, branin, -0.397887, 8, 4, 8),
    Case("Gramacy, 2, two constraints", 2, lambda x: -x.sum(axis=1), -0.5998, 8, 4, 8, slack=gramacy),
    Case("Hartmann, 6", 6, hartmann, 3.32237, 12, 8, 11),
    Case("Hartmann, 6, noise 20 %", 6, hartmann, 3.32237, 12, 8, 11, noise=0.2),
    Case(
        "Hartmann, 6, sum <= 2",
        6,
        hartmann,
        3.30754,
        12,
        8,
        11,
        linear=(Linear({f"x{i:02d}": 1.0 for i in range(6)}, high=2.0),),
    ),
    Case("Ackley, 12", 12, ackley, 0.0, 24, 12, 12),
    Case("Levy, 20", 20, levy, 0.0, 40, 20, 10),
)


def campaign(case: Case, name: str, seed: int) -> tuple[float, float]:
    """Regret, and CPU seconds."""
    space = BoxSpace([Parameter(f"x{i:02d}", 0, 1, 0.001) for i in range(case.columns)], case.linear)
    rng = np.random.default_rng([seed, case.columns])
    scale = case.value(space.lattice.unit(space.points(space.sample(500, np.random.default_rng(1)))))
    tested: list = []
    values = np.empty(0)
    slack = np.empty((0, 2 if case.slack else 0))
    start = time.process_time()
    for size in [case.first, *([case.batch] * case.rounds)]:
        state = Knowledge(
            tuple(tested),
            values,
            np.full(len(values), np.nan),
            ("=",) * len(values),
            slack=slack if case.slack else np.empty((0, 0)),
        )
        asked = strategy(name).ask(space, state, size, rng)
        points = space.lattice.unit(space.points(asked))
        values = np.concatenate([values, case.value(points) + case.noise * scale.std() * rng.normal(size=len(points))])
        if case.slack:
            slack = np.concatenate([slack, case.slack(points)])
        tested += asked
    cpu = time.process_time() - start
    points = space.lattice.unit(space.points(tested))
    kept = np.ones(len(points), bool) if case.slack is None else (case.slack(points) >= 0).all(axis=1)
    chosen = np.flatnonzero(kept)[np.argmax(values[kept])] if kept.any() else None
    found = case.value(points[[chosen]])[0] if chosen is not None else np.median(scale)
    return float((case.best - found) / (case.best - np.median(scale))), cpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="two seeds")
    given = parser.parse_args()
    seeds = 2 if given.quick else given.seeds
    lines = ["## Recipes: regret of each strategy at equal budgets", ""]
    lines += [f"Median and worst of {seeds} seeds; 0 is the optimum, 1 one random design. `python bench/boxes.py`", ""]
    lines += ["| function | assays | " + " | ".join(NAMES) + " |", "|---|---|" + "---|" * len(NAMES)]
    spent = dict.fromkeys(NAMES, 0.0)
    for case in CASES:
        cells = []
        for name in NAMES:
            runs = [campaign(case, name, seed) for seed in range(seeds)]
            regret = [r for r, _ in runs]
            spent[name] += sum(cpu for _, cpu in runs) / seeds
            cells.append(f"{np.median(regret):.3f} ({max(regret):.3f})")
        lines.append(f"| {case.name} | {case.first + case.batch * case.rounds} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    lines.append("| CPU s, all functions once | | " + " | ".join(f"{spent[name]:.1f}" for name in NAMES) + " |")
    print(lines[-1])
    if not given.quick:
        (RESULTS / "boxes.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
