"""Figures of the biomanufacturing field; everything but the spectra is simulated.

python bench/field_bioprocess.py spectra | twin | unguarded | fed-batch | golden | rescue | strain | strain-seeds

Each takes --quick.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from archives import files

Row = dict[str, Any]
HERE = Path(__file__).parent


def row(what: str, figure: str, value: Any, unit: str, name: str, **more: Any) -> Row:
    """A row of the table, with the keys that every field's rows have."""
    empty = dict.fromkeys(("baseline", "published", "split", "seeds", "cpu_s", "note"))
    command = f"python bench/field_bioprocess.py {name}"
    return {"field": "bioprocess", "what": what, "figure": figure, "value": value, "unit": unit, **empty,
            "command": command, **more}  # fmt: skip


def spectra(quick: bool) -> Iterator[Row]:
    """The card of the shipped recipe."""
    from dure.fields.bioprocess.spectra import train

    start = time.process_time()
    card = json.loads(train(files("dtuprosys"), {}, 1, lambda share, what: None)["card"])
    spent = round(time.process_time() - start, 1)
    for m in card["metrics"]:
        beside = dict(m["beside"])
        yield row(
            "spectra: glucose by mid-infrared PLS", m["figure"], m["value"], m["unit"], "spectra",
            published=beside.pop("published", None), baseline=beside or None, cpu_s=spent, note=m["note"],
            split="21 laboratory samples; one fermentation, seen by those who fixed derivative order and range",
        )  # fmt: skip


def twin_rows(quick: bool) -> Iterator[Row]:
    """Speed, balances and what the mended defects are worth."""
    from dure.fields.bioprocess import twin

    draws = [twin.draw(seed) for seed in range(30000, 30000 + 50 * (20 if quick else 100), 50)]
    twin.run(twin.default_flows(), draws[:1])  # compiles or loads
    start = time.process_time()
    runs = twin.run(twin.default_flows(), draws)
    spent = time.process_time() - start
    seeds = f"{len(draws)} seeds, published recipe"
    what = "fed-batch twin (simulated)"
    yield row(what, "CPU seconds a batch", spent / len(draws), "s", "twin", baseline={"pensimpy, no spectra": 10.0,
              "wanted": 4.0}, seeds=seeds, cpu_s=round(spent, 1))  # fmt: skip
    own = twin.outcomes(runs)["penicillin"]
    yield row(what, "penicillin", float(own.mean()), "kg", "twin", seeds=seeds,
              published={"as pensimpy adds up": float(twin.summed_as_published(runs).mean())},
              note="the package counts discharged kg/h as L/h")  # fmt: skip
    for name, away in twin.balances(runs, draws).items():
        yield row(what, f"largest error of the {name}", float(np.abs(away).max()), "1", "twin",
                  baseline={"wanted": 0.01}, seeds=seeds)  # fmt: skip


def optimised(members: Sequence[str], evaluations: int, seed: int = 1) -> Any:
    """The best recipe that CMA-ES finds on these members for the mean alone, but for the limits themselves."""
    from cmaes import CMA

    from dure.design.box import BoxSpace, Parameter
    from dure.fields.bioprocess import fedbatch

    box = BoxSpace([Parameter(name, **values) for name, values in fedbatch.PARAMETERS.items()])
    low, high = (np.array([getattr(p, side) for p in box.parameters]) for side in ("lower", "upper"))
    size = 12
    search = CMA((100 - low) / (high - low), 0.15, np.array([[0.0, 1.0]] * len(low)), seed=seed, population_size=size)
    best: tuple[float, Any] = (-np.inf, None)
    for _ in range(-(-evaluations // size)):
        points = [search.ask() for _ in range(size)]
        names = [p.name for p in box.parameters]
        designs = [box.recipe(dict(zip(names, np.round(low + p * (high - low)), strict=True))) for p in points]
        told = []
        for design, found in zip(designs, fedbatch.outcomes_of(designs, members), strict=True):
            worst = found["penicillin"].mean()
            worst -= 500 * max(0.0, found["largest volume"].max() - 100) + 500 * max(
                0.0, 2 - found["least oxygen"].min()
            )
            told.append(float(np.nan_to_num(worst, nan=-1e6)))
            best = max(best, (told[-1], design), key=lambda pair: pair[0])
        search.tell([(point, -value) for point, value in zip(points, told, strict=True)])
    return best[1]


def judged(design: Any, panel: str, **table: Any) -> tuple[bool, dict[str, float]]:
    """Whether the gate lets a design pass, and its evidence."""
    from dure.fields.bioprocess import fedbatch

    found = fedbatch.finalists({"panel": panel, **table}, lambda *_: b"").run([design])
    names, values = found.evidence["property"].to_pylist(), found.evidence["value"].to_pylist()
    return design.id not in found.refused, dict(zip(names, values, strict=True))


def unguarded(quick: bool) -> Iterator[Row]:
    """Tuned on two seeds without the guard: what the gate says of the real optimum."""
    from dure.fields.bioprocess import fedbatch

    evaluations = 120 if quick else 700
    start = time.process_time()
    design = optimised(fedbatch.PANELS["pair"], evaluations)
    tuned, base = fedbatch.outcomes_of([design, fedbatch.reference()], fedbatch.PANELS["pair"])
    passed, told = judged(design, "held-out quick" if quick else "held-out")
    spent = round(time.process_time() - start, 1)
    what = "fed-batch tuned on two seeds (simulated)"
    more = {"split": "2 seeds tuned, 50 held out", "seeds": f"CMA-ES, {evaluations} recipes, seed 1", "cpu_s": spent}
    yield row(what, "penicillin on the two", float(tuned["penicillin"].mean()), "kg", "unguarded",
              baseline={"published recipe": float(base["penicillin"].mean())}, **more)  # fmt: skip
    yield row(what, "held-out batches that break a limit", told["violations"], "1", "unguarded", **more)
    yield row(what, "worst held-out batch", told["worst-member"], "kg", "unguarded", **more)
    yield row(what, "refused by the gate", not passed, "1", "unguarded", **more)


def campaign(name: str, quick: bool) -> tuple[dict[str, Any], dict[str, float], float]:
    """Runs a shipped problem in a hub of its own: what it says, the gate's evidence of its best, and seconds taken."""
    with tempfile.TemporaryDirectory() as folder:
        dure = [str(Path(sys.executable).parent / "dure"), "--hub", f"{folder}/hub"]

        def said(*words: str) -> Any:
            done = subprocess.run([*dure, *words, "--json"], check=True, capture_output=True, text=True)
            return json.loads(done.stdout)

        subprocess.run([*dure[:1], "init", f"{folder}/hub"], check=True, capture_output=True)
        start = time.time()
        told = said("run", f"bioprocess/{name}", *["--quick"] * quick)
        spent = time.time() - start
        return told, dict(judgements(said("trace", told["best_candidate"]))), spent


def judgements(node: Any) -> Iterator[tuple[str, float]]:
    """The gate's evidence in what `dure trace` says."""
    if str(node.get("method", "")).startswith("held-out@"):
        yield node["property"], node["value"]
    for below in node.get("below", ()):
        yield from judgements(below)


def passes(found: dict[str, float]) -> bool:
    """Whether a design passed: a gain above zero and no held-out batch that breaks a limit."""
    return found["gain-low"] > 0 and found["violations"] == 0


def interval(found: dict[str, float], spent: float) -> str:
    """The interval of a gain, and what the campaign took."""
    return f"95 % interval {found['gain-low']:.0f} to {found['gain-high']:.0f} kg; {spent:.0f} s of clock"


def fed_batch(quick: bool) -> Iterator[Row]:
    """The shipped campaign, its best design judged on held-out seeds."""
    told, found, spent = campaign("fed-batch", quick)
    what = "fed-batch campaign (simulated)"
    more = {"split": "16 seeds tuned, 50 held out", "seeds": f"{told['assays']} recipes, seed 1", "cpu_s": None}
    yield row(what, "gain on held-out seeds", found["gain"], "kg", "fed-batch", **more,
              note=interval(found, spent))  # fmt: skip
    yield row(what, "held-out batches that break a limit", found["violations"], "1", "fed-batch", **more)
    yield row(what, "passed the gate", passes(found), "1", "fed-batch", **more)
    for name in ("titre", "yield on substrate", "productivity", "imbalance"):
        yield row(what, f"mean {name}", found[f"mean {name}"], "", "fed-batch", **more)


def golden(quick: bool) -> Iterator[Row]:
    """False alarms and faults found."""
    from dure.fields.bioprocess import fedbatch
    from dure.fields.bioprocess import golden as alarm
    from dure.fields.bioprocess.twin import FAULTS

    start = time.process_time()
    envelope = alarm.envelope_of()
    loud = envelope.alarms(alarm.simulated(range(80000, 82500, 50))).any(axis=2)
    what = "golden-batch alarm (simulated)"
    more = {"split": "150 + 100 batches learnt, 50 normal and 50 faulty held out"}
    yield row(what, "false alarms, share of intervals", float(loud.mean()), "1", "golden", baseline={"wanted": 0.01},
              note=f"{int(loud.any(axis=1).sum())} of 50 batches", **more)  # fmt: skip
    shares = []
    for fault in range(1, 6):
        values = alarm.simulated(range(90000, 90500, 50), fault)
        shares.append(float(alarm.found(envelope, values, fault).mean()))
        first = [told[1] for told in envelope.first(values) if told]
        named = max(set(first), key=first.count) if first else "none"
        yield row(what, f"{FAULTS[fault]}: found", shares[-1], "1", "golden", note=f"left first: {named}", **more)
    yield row(what, "five faults: found", float(np.mean(shares)), "1", "golden", baseline={"wanted": 0.8},
              cpu_s=round(time.process_time() - start, 1), **more)  # fmt: skip
    others = alarm.simulated(range(80000, 80500, 50), flows=fedbatch.flows_of(fedbatch.stress()))
    loud = envelope.alarms(others).any(axis=(1, 2))
    yield row(what, "healthy batches of another recipe that alarm, share", float(loud.mean()), "1", "golden", **more,
              note="sugar and oil 120 %, aeration 115 %: learn an envelope of its own")  # fmt: skip


def rescue(quick: bool) -> Iterator[Row]:
    """The best remaining recipe of a faulty batch, over futures never tuned on."""
    told, found, spent = campaign("rescue", quick)
    more = {"split": "16 futures tuned, 50 held out", "seeds": f"batch 7000, {told['assays']} recipes"}
    what = "remaining recipe from hour 100 (simulated)"
    yield row(what, "gain on held-out futures", found["gain"], "kg", "rescue", **more,
              note=interval(found, spent))  # fmt: skip
    yield row(what, "passed the gate", passes(found), "1", "rescue", **more)


def strain(quick: bool) -> Iterator[Row]:
    """Known knock-outs, and the best that a search from them finds."""
    from dure.fields.bioprocess import strain as field
    from dure.fields.bioprocess.strain_model import adjusted, carbon, fluxes_at_growth, model_of, production

    known = field.items()
    start = time.process_time()
    with model_of(files("cobra-models")["cobra-models/models/iJO1366.xml.gz"], field.ANAEROBIC) as model:

        def made(items: Sequence[str]) -> Any:
            return production(model, [gene for item in items for gene in known[item]], field.PRODUCT)

        best, tried = field.OPTKNOCK, 0
        found = triple = made(best)
        for _ in range(1 if quick else 2):
            larger = [(*best, item) for item in known if item not in best]
            results = [(items, made(items)) for items in larger]
            tried += len(results)
            kept = [pair for pair in results if pair[1].growth >= 0.1]
            best, found = max([(best, found), *kept], key=lambda pair: pair[1].coupled)
        genes = [gene for item in best for gene in known[item]]
        taken, given, bound = carbon(model, fluxes_at_growth(model, genes, field.PRODUCT))
        growth, product = adjusted(model, genes, field.PRODUCT)
    what, more = "strain: succinate without oxygen (simulated)", {"seeds": f"{tried} strains, greedy from the triple"}
    yield row(what, "least succinate at 100, 95, 90 % growth, OptKnock triple", list(triple.least), "mmol/gDW/h",
              "strain", published=[9.1, 7.3, 5.5], note=f"growth {triple.growth:.4f} 1/h")  # fmt: skip
    yield row(what, "least succinate at 100, 95, 90 % growth, best", list(found.least), "mmol/gDW/h", "strain",
              baseline=list(triple.least), note=f"{' '.join(best)}; growth {found.growth:.4f} 1/h",
              cpu_s=round(time.process_time() - start, 1), **more)  # fmt: skip
    yield row(what, "carbon out and bound over carbon in", (given + bound) / taken, "1", "strain")
    yield row(what, "linear MOMA: growth, succinate", [growth, product], "", "strain",
              note="right after the loss, before the cell adapts")  # fmt: skip


def strain_seeds(quick: bool) -> Iterator[Row]:
    """In how many of ten seeds the shipped problem reaches the OptKnock triple.

    The loop of a campaign in memory: its space, strategy, budget and constraints, each gene set computed once.
    """
    from dure.campaign.spec import specification
    from dure.design.contract import Knowledge
    from dure.design.described import described_space
    from dure.design.strategies import strategy
    from dure.fields.bioprocess import strain as field
    from dure.fields.bioprocess.field import FIELD
    from dure.fields.bioprocess.strain_model import model_of, production, rivals

    table = dict(FIELD.problems["strain"])
    own = table.pop("quick")
    made = specification({"field": "bioprocess", **table, **(own if quick else {})}, "strain", name="bioprocess/strain")
    objective, space, known = made.objective, described_space(made.space), field.items()
    batches = [made.budget.first, *[made.budget.batch] * made.budget.rounds]
    sbml = files("cobra-models")["cobra-models/models/iJO1366.xml.gz"]
    others = rivals(sbml, tuple(sorted(field.ANAEROBIC.items())), field.PRODUCT)
    held: dict[tuple[str, ...], Any] = {}
    start = time.process_time()
    with model_of(sbml, field.ANAEROBIC) as model:

        def computed(items: Sequence[str]) -> Any:
            chosen = tuple(sorted(items))
            if chosen not in held:
                held[chosen] = production(model, [g for i in chosen for g in known[i]], field.PRODUCT, others)
            return held[chosen]

        goal = computed(field.OPTKNOCK)
        reached, best = [], []
        for seed in range(10):
            measured: list[Any] = []
            values: list[Any] = []
            for n in batches:
                told = [{"growth": v.growth, "competing products": v.competing} for v in values]
                slack = np.array([objective.slack(each) for each in told]).reshape(len(values), 2)
                coupled, unknown = np.array([v.coupled for v in values]), np.full(len(values), np.nan)
                knowledge = Knowledge(tuple(measured), coupled, unknown, ("=",) * len(values), slack=slack)
                rng = np.random.default_rng([seed, len(measured)])
                asked = strategy(made.strategy["name"]).ask(space, knowledge, n, rng)
                measured += asked
                values += [computed(design.content["items"]) for design in asked]
            passing = [
                i + 1 for i, v in enumerate(values)
                if v.growth >= 0.1 and all(a >= b - 1e-3 for a, b in zip(v.least, goal.least, strict=True))
            ]  # fmt: skip
            reached += passing[:1]
            best.append(max(v.coupled for v in values if v.growth >= 0.1))
    what = "strain campaign (simulated)"
    more = {"seeds": f"0 to 9, {sum(batches)} gene sets each", "cpu_s": round(time.process_time() - start, 1)}
    yield row(what, "seeds that reach or pass the triple", len(reached), "of 10", "strain-seeds", **more,
              note=f"first at gene set {sorted(reached)}")  # fmt: skip
    yield row(what, "coupled product of the best, least over seeds", min(best), "mmol/gDW/h", "strain-seeds",
              baseline={"triple": goal.coupled}, note=f"most {max(best):.3f}", **more)  # fmt: skip


COMMANDS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "spectra": spectra,
    "twin": twin_rows,
    "unguarded": unguarded,
    "fed-batch": fed_batch,
    "golden": golden,
    "rescue": rescue,
    "strain": strain,
    "strain-seeds": strain_seeds,
}


def rows(names: Sequence[str] | None = None, quick: bool = False) -> list[Row]:
    """The rows of some commands, or of all."""
    return [each for name in names or COMMANDS for each in COMMANDS[name](quick)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=COMMANDS)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    for each in rows([given.name], given.quick):
        print(json.dumps(each, ensure_ascii=False))


if __name__ == "__main__":
    main()
