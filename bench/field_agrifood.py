"""Figures of the agri-food field, each measured by this file.

    python bench/field_agrifood.py twin|greenhouse|nir|irrigation|genomic|tomorrow|plink|all [--quick]

Campaigns run here in one process, without a hub: strategy, space, panels and gate are those of the shipped problems.
Simulated seasons are no measurements. Archives are fetched by pip into bench/cache.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from archives import read
from dure.campaign.problem import Constraint
from dure.campaign.spec import read_specification
from dure.design.candidate import Candidate
from dure.design.contract import Knowledge
from dure.design.described import described_space
from dure.design.strategies import strategy
from dure.fields.agrifood.field import FIELD, finalists

KEYS = (
    "field",
    "what",
    "figure",
    "value",
    "unit",
    "baseline",
    "published",
    "split",
    "seeds",
    "cpu_s",
    "command",
    "note",
)


def row(
    what: str, figure: str, value: float | str, unit: str, started: float, command: str, **more: Any
) -> dict[str, Any]:
    """A row with every key; `started` is the process time at which its work began."""
    spent = round(time.process_time() - started, 1)
    told = dict.fromkeys(KEYS) | {"field": "agrifood", "what": what, "figure": figure, "value": value, "unit": unit}
    return told | {"cpu_s": spent, "command": f"python bench/field_agrifood.py {command}", **more}


REFERENCE = -4.3516054606929675
"""EUR/m2 from day 40: `run_episode(LettuceGreenhouseEnv(), GrowerHeuristic())` of lettuce-greenhouse-gym 0.1.3."""


def twin(quick: bool) -> list[dict[str, Any]]:
    """The greenhouse twin's cost, and its difference from the reference's published return."""
    from dure.fields.agrifood import greenhouse, greenhouse_twin, weather
    from dure.fields.agrifood.greenhouse_laws import KNOBS

    year = weather.bleiswijk(read(*greenhouse.FILE))
    rules = np.array([[knob.usual for knob in KNOBS["set-points"]]])
    season = year.season(40, greenhouse_twin.STEPS)[None]
    found = greenhouse_twin.run("set-points", rules, season).measures()
    difference = abs(float(found["return"][0, 0]) - REFERENCE)
    start, n = time.process_time(), 20 if quick else 200
    greenhouse_twin.run("set-points", np.repeat(rules, n, axis=0), season)
    a_season = (time.process_time() - start) / n
    common = {"split": "day 40 of 2014", "seeds": 1}
    return [
        row("greenhouse twin", "CPU a season", 1000 * a_season, "ms", start, "twin",
            published=1300.0, note="reference 0.5 to 1.3 CPU-s", **common),
        *(
            row("greenhouse twin", f"heuristic, {name}", float(found[name][0, 0]), "EUR/m2", start, "twin",
                published={"return": -4.35, "profit": 3.62, "penalty": 7.97}[name],
                note=f"the reference's own run gives a return that differs by {difference:.1e}", **common)
            for name in ("return", "profit", "penalty")
        ),
    ]  # fmt: skip


def campaign(
    name: str, evaluate: Callable[[list[Candidate]], list[Mapping[str, float]]], quick: bool, chooser: str | None = None
) -> tuple[Candidate, list[float]]:
    """The best design that keeps all constraints, and the best value after each round."""
    problem = FIELD.problems[name]
    budget = problem["quick"]["budget"] if quick else problem["budget"]
    space, objective = described_space(problem["space"]), problem["objective"]
    constraints = [Constraint(**c) for c in objective["constraints"]]
    choose, rng = strategy(chooser or problem["strategy"]["name"]), np.random.default_rng(1)
    designs: list[Candidate] = []
    values: list[float] = []
    slack: list[list[float]] = []
    grew: list[float] = []
    for turn in range(budget["rounds"] + 1):
        known = Knowledge(
            tuple(designs), np.array(values), np.full(len(values), np.nan), ("=",) * len(values),
            assays_left=budget["first"] + budget["batch"] * budget["rounds"] - len(values),
            slack=np.array(slack).reshape(len(values), len(constraints)),
        )  # fmt: skip
        asked = choose.ask(space, known, budget["batch"] if turn else budget["first"], rng)
        for design, told in zip(asked, evaluate(asked), strict=True):
            designs.append(design)
            values.append(told[objective["property"]])
            slack.append([c.slack(told[c.property]) for c in constraints])
        kept = [v if min(s) >= 0 else -np.inf for v, s in zip(values, slack, strict=True)]
        grew.append(max(kept))
    return designs[int(np.argmax(kept))], grew


def simulated(name: str, quick: bool) -> Callable[[list[Candidate]], list[Mapping[str, float]]]:
    """Orders of a shipped problem, run by its own task."""
    problem = FIELD.problems[name]
    lab = problem["lab"] | (problem["quick"]["lab"] if quick else {})
    simulator = FIELD.simulators[lab["simulator"]]
    inputs = {"/".join(key): read(*key) for key in simulator.reads(lab)}

    def evaluate(designs: list[Candidate]) -> list[Mapping[str, float]]:
        told = []
        for design in designs:
            given = json.dumps([design.kind, dict(design.content), dict(design.form)]).encode()
            out = simulator.run({"candidate": given, **inputs}, lab, 1, lambda share, what: None)
            told.append({key: each["value"] for key, each in json.loads(out["values"]).items()})
        return told

    return evaluate


def judged(name: str, design: Candidate, quick: bool) -> dict[str, float]:
    """The held-out gate's findings of one design, `refused` among them."""
    ladder = finalists(read_specification(f"agrifood/{name}", quick=quick).finalists, read)
    check = ladder.rungs[0].check
    outcome = type(ladder)(tuple(type(r)(_plain(check), r.gates) for r in ladder.rungs)).run([design])
    told = {each["property"]: each["value"] for each in outcome.evidence.to_pylist()}
    return told | {"refused": float(design.id in outcome.refused)}


def _plain(check: Any) -> Any:
    """The check without its pictures."""
    from dataclasses import replace

    return replace(check, pictures=None)


GREENHOUSE = {
    "greenhouse": ("set-points", "heuristic -4.35, PPO +2.36 (no forecast)", 2.36),
    "greenhouse-feedback": ("feedback", "heuristic -4.35, PPO +2.36 (no forecast)", 2.36),
    "greenhouse-forecast": ("forecast", "SAC +2.89 (13-step forecast), MPC +3.62 (true state)", 2.89),
}


def greenhouse(quick: bool) -> list[dict[str, Any]]:
    """The three campaigns: return over the tuned panel, on the benchmark's day, and held out."""
    from dure.fields.agrifood import greenhouse as field
    from dure.fields.agrifood import greenhouse_panel, weather
    from dure.fields.agrifood.greenhouse_laws import usual
    from dure.fields.agrifood.greenhouse_pictures import by_stratum

    year = weather.bleiswijk(read(*field.FILE))
    found = []
    for name, (law, beside, published) in GREENHOUSE.items():
        start = time.process_time()
        best, grew = campaign(name, simulated(name, quick), quick)
        day = {k: float(v[0, 0]) for k, v in greenhouse_panel.judged(best, law, ["day 40"], year).measures().items()}
        out = judged(name, best, quick)
        noisy = [f"day 40 building {number}" for number in range(1, 11)]
        off = greenhouse_panel.judged(best, law, noisy, year).measures()["return"][0]
        held_out, strata = greenhouse_panel.PANELS["held-out"], list(greenhouse_panel.STRATA.values())
        ours, rules = (by_stratum(greenhouse_panel.judged(d, law, held_out, year), strata) for d in (best, usual()))
        known = {"return, day 40": {"published": published, "baseline": -4.35, "note": beside}}
        told = [
            ("return, start days 30-50", grew[-1], "tuned on", "EUR/m2"),
            *((f"{key}, day 40", day[key], "benchmark's season (tuned on)", unit) for key, unit in
              (("return", "EUR/m2"), ("profit", "EUR/m2"), ("yield", "g/m2"), ("energy", "kWh/m2"), ("CO2", "kg/m2"))),
            *((f"{key}, day 40", day[key], "benchmark's season (tuned on)", "h") for key in day if "hours" in key),
            ("return, day 40, coefficients off by up to 5 %", float(off.mean()), "10 buildings", "EUR/m2"),
            ("the same, worst building", float(off.min()), "10 buildings", "EUR/m2"),
            ("gain over the rules", out["gain"], "29 held-out seasons", "EUR/m2"),
            ("gain, lower end of 95 %", out["gain-low"], "29 held-out seasons", "EUR/m2"),
            ("return of the worst season", out["worst-member"], "29 held-out seasons", "EUR/m2"),
            ("mean return", out["mean return"], "29 held-out seasons", "EUR/m2"),
            *((f"mean return, {key}", ours[key], f"{strata.count(key)} held-out seasons", "EUR/m2") for key in ours),
            ("refused by the gate", out["refused"], "29 held-out seasons", "1"),
        ]  # fmt: skip
        beside_rules = {f"mean return, {key}": {"baseline": value, "note": "baseline: tuned rules"}
                        for key, value in rules.items()}  # fmt: skip
        known |= beside_rules
        found += [
            row(f"campaign {name}", figure, value, unit, start, "greenhouse", split=split, seeds=1,
                **known.get(figure, {}))
            for figure, value, split, unit in told
        ]  # fmt: skip
        design = {key: told["value"] for key, told in best.form.items()}
        print(f"# {name}: {design}; best a round {np.round(grew, 2)}", flush=True)
    return found


def nir(quick: bool) -> list[dict[str, Any]]:
    """The shipped near-infrared recipe's card."""
    from dure.fields.agrifood.nir import train
    from dure.fields.agrifood.tecator import FILE

    start = time.process_time()
    card = json.loads(train({"/".join(FILE): read(*FILE)}, {"quick": quick}, 1, lambda share, what: None)["card"])
    published = {"RMSEP": 0.577}
    told = [
        row("model nir", m["figure"]["en"], m["value"], m["unit"], start, "nir", baseline=m["beside"],
            published=published.get(m["figure"]["en"]), split=card["split"]["en"], seeds=1, note=m["note"])
        for m in card["metrics"]
    ]  # fmt: skip
    return told + [
        row("model nir", name, share, "1", start, "nir", split=card["split"]["en"], seeds=1,
            note=card["calibration"]["note"]["en"])
        for name, share in card["calibration"].items() if name.startswith("coverage")
    ]  # fmt: skip


def irrigation(quick: bool) -> list[dict[str, Any]]:
    """The campaigns of three places: late years under the design, and under half depletion."""
    from dure.fields.agrifood import irrigation as field

    found = []
    for place, name in {"champion": "irrigation", "tunis": "irrigation-tunis", "cordoba": "irrigation-cordoba"}.items():
        start = time.process_time()
        best, grew = campaign(name, simulated(name, quick), quick)
        late = field.PANELS[f"{place} held-out"]
        data = read(*field.source_file(place))
        ours = field.outcomes(data, field.triggers_of(best), late)
        usual = field.outcomes(data, field.triggers_of(field.usual()), late)
        out = judged(name, best, quick)
        split = f"{len(late)} late years {late[0].split()[1]}-{late[-1].split()[1]}"
        told = [
            *((key, float(ours[key].mean()), float(usual[key].mean()), unit) for key, unit in
              (("productivity", "kg/m3"), ("water", "mm"), ("yield", "t/ha"), ("yield share", "%"),
               ("margin", "EUR/ha"))),
            ("yield in the driest tenth", field.driest(ours, "yield"), field.driest(usual, "yield"), "t/ha"),
            ("worst yield share", float(ours["yield share"].min()), float(usual["yield share"].min()), "%"),
            ("refused by the gate", out["refused"], None, "1"),
        ]  # fmt: skip
        found += [
            row(f"campaign {name}", figure, value, unit, start, "irrigation", baseline=beside, split=split, seeds=1,
                note="baseline: one trigger of 50 %")
            for figure, value, beside, unit in told
        ]  # fmt: skip
        print(f"# {name}: {field.triggers_of(best)}; best a round {np.round(grew, 3)}", flush=True)
    return found


def genomic(quick: bool) -> list[dict[str, Any]]:
    """Simulated families (no biology): the recipe's card, GBLUP beside Bayesian ridge and population structure."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    from dure.fields.agrifood.genomic import train

    start, found = time.process_time(), []
    families, sibs, markers, seeds = (30, 5, 400, 1) if quick else (60, 8, 2000, 3)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        parents = rng.random((families, 2, 2, markers)) < rng.uniform(0.1, 0.5, markers)
        block, rows = np.arange(markers) // 20, []
        for each in parents.repeat(sibs, axis=0):
            pick = rng.integers(0, 2, size=(2, block.max() + 1))[:, block]
            rows.append(np.where(pick[0], each[0, 1], each[0, 0]) * 1 + np.where(pick[1], each[1, 1], each[1, 0]))
        dosage = np.array(rows, dtype=float)
        genetic = dosage @ np.where(rng.random(markers) < 0.05, rng.normal(size=markers), 0.0)
        trait = genetic / genetic.std() + rng.normal(size=len(genetic))  # heritability one half
        names = [f"fam-{i // sibs}" for i in range(len(trait))]
        sink, columns = io.BytesIO(), {f"m{i}": dosage[:, i] for i in range(markers)}
        pq.write_table(pa.table({"row": np.arange(len(trait)), **columns, "trait": trait, "family": names}), sink)
        card = json.loads(train({"table": sink.getvalue()}, {}, 1, lambda share, what: None)["card"])
        found += [
            row("model genomic (simulated)", m["figure"]["en"], m["value"], "1", start, "genomic", baseline=m["beside"],
                split=card["split"]["en"], seeds=seed, note="simulated families prove nothing biological; h2 is 0.5")
            for m in card["metrics"]
        ]  # fmt: skip
        found += [
            row("model genomic (simulated)", key, share, "1", start, "genomic", split=card["split"]["en"], seeds=seed)
            for key, share in card["calibration"].items() if key.startswith("coverage")
        ]  # fmt: skip
    return found


def tomorrow(quick: bool) -> list[dict[str, Any]]:
    """The analysis of set-points on its example day, under the package's tuned rules: what it says and costs."""
    from dure.fields.agrifood.greenhouse_tomorrow import SET_POINTS

    inputs = {"/".join(key): read(*key) for key in SET_POINTS.reads({})}
    SET_POINTS.run(inputs, {"lab": {}}, 1, lambda share, what: None)  # compiles
    start = time.process_time()
    found = json.loads(SET_POINTS.run(inputs, {"lab": {}}, 1, lambda share, what: None)["findings"])
    day = {each[0]["en"]: each[1] for each in found["tables"][1]["rows"]}
    return [
        row("analysis set-points (simulated)", "growth less all costs", day["growth less all costs"], "EUR/m2", start,
            "tomorrow", split="day 21 of the season from day 30 of 2014", seeds=1, note="the package's tuned rules")
    ]  # fmt: skip


def plink(quick: bool) -> list[dict[str, Any]]:
    """Reading PLINK files of random genotypes: CPU seconds to the table."""
    from dure.fields.agrifood.plink import read_plink

    people, markers = (200, 1000) if quick else (500, 10000)
    rng = np.random.default_rng(1)
    bed = b"\x6c\x1b\x01" + rng.integers(0, 256, markers * (people // 4), dtype=np.uint8).tobytes()
    files = {
        ".bed": bed,
        ".bim": "".join(f"1 m{j} 0 {j} A C\n" for j in range(markers)).encode(),
        ".fam": "".join(f"0 i{i} 0 0 0 {i}.5\n" for i in range(people)).encode(),
    }
    start = time.process_time()
    shape = read_plink("x.bed", files).table.shape
    spent = time.process_time() - start
    assert shape == (people, markers + 2)
    return [
        row(
            "PLINK files",
            "CPU to a table",
            spent,
            "s",
            start,
            "plink",
            split=f"{people} x {markers} genotypes",
            seeds=1,
        )
    ]


COMMANDS: dict[str, Callable[[bool], list[dict[str, Any]]]] = {
    "twin": twin, "greenhouse": greenhouse, "nir": nir, "irrigation": irrigation, "genomic": genomic,
    "tomorrow": tomorrow, "plink": plink,
}  # fmt: skip


def rows(names: list[str] | None = None, quick: bool = False) -> list[dict[str, Any]]:
    """The rows of some commands, or of all."""
    return [each for name in names or COMMANDS for each in COMMANDS[name](quick)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[*COMMANDS, "all"])
    parser.add_argument("--quick", action="store_true", help="small budgets: figures are no results")
    asked = parser.parse_args()
    for each in rows(None if asked.name == "all" else [asked.name], asked.quick):
        value = each["value"] if isinstance(each["value"], str) else f"{each['value']:.4g}"
        beside = f"  baseline {each['baseline']}" if each["baseline"] is not None else ""
        known = f"  published {each['published']}" if each["published"] is not None else ""
        print(f"{each['what']}: {each['figure']} = {value} {each['unit']}{beside}{known}  [{each['split']}]")
    print(f"# {time.process_time():.0f} CPU-s in all")


if __name__ == "__main__":
    main()
