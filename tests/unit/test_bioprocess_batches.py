"""`bioprocess/golden-batch` on a table of own batches: grids and uses, what left first, and what cannot be judged."""

import io
import json
import tomllib

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from dure.base.errors import BadInput
from dure.campaign.spec import specification
from dure.data.tables import read_table
from dure.fields.bioprocess import fedbatch, golden, golden_analysis, golden_tables, twin
from dure.fields.bioprocess.field import FIELD
from dure.models.columns import checked

READINGS = 40


def quiet(share, what):
    pass


def plant(n, first=0, hours=0.5):
    """Batches of a plant with two variables that drift and wander; shape (batches, readings, variables)."""
    time = np.arange(1, READINGS + 1) * hours
    rng = np.random.default_rng([1, first])
    wander = np.cumsum(rng.normal(0, 0.02, (n, READINGS, 2)), axis=1)
    return np.stack([30 + 0.05 * time, 50 + 5 * np.sin(time / 6)], axis=-1) + wander


def rows(values, use, name, hours=0.5):
    """Rows of a table: batch, use, hour, temperature, coolant."""
    return [
        (f"{name}{b}", use, (i + 1) * hours, *values[b, i]) for b in range(len(values)) for i in range(values.shape[1])
    ]


def table(given, uses=True):
    names = ["batch", "use", "hour", "temperature", "coolant"]
    columns = {name: list(column) for name, column in zip(names, zip(*given, strict=True), strict=True)}
    if not uses:
        del columns["use"]
    return pa.table({"row": list(range(2, len(given) + 2)), **columns})


def parquet(made):
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return sink.getvalue()


def healthy():
    return rows(plant(20, 1), "normal", "n") + rows(plant(20, 2), "check", "c")


def judged(given):
    made = golden_analysis.judge_batches({"table": parquet(table(given))}, {}, 1, quiet)
    return json.loads(made["findings"]), made


def test_a_fault_is_found_in_the_variable_that_has_it_and_the_healthy_batch_is_quiet():
    sick = plant(1, 3)
    sick[0, 24:, 1] += np.linspace(0, 30, READINGS - 24)  # coolant runs away from hour 12.5
    found, made = judged(healthy() + rows(sick, "judge", "sick") + rows(plant(1, 4), "judge", "well"))
    assert found["passed"] is False
    first = {row[0]: row for row in found["tables"][0]["rows"]}
    assert first["sick0"][2]["en"] == "flow of coolant"
    assert 12.5 <= first["sick0"][1] <= 16
    assert first["sick0"][4] > 1
    assert first["well0"][1:5] == [None] * 4
    assert {row[0] for row in found["tables"][1]["rows"]} == {"sick0"}
    assert "sick0: flow of coolant left first" in found["summary"][2]["en"]
    assert "simulated" not in found["summary"][0]["en"]
    assert set(made) == {"findings", "rescue.toml", "batch-1.en.svg", "batch-1.ko.svg"}
    assert "coolant" in made["batch-1.en.svg"].decode()


def test_the_alarm_does_not_know_what_comes_later():
    sick = plant(1, 3)
    sick[0, 24:, 1] += 30.0
    whole = judged(healthy() + rows(sick, "judge", "s"))[0]["tables"][0]["rows"][0]
    sofar = judged(healthy() + rows(sick[:, :30], "judge", "s"))[0]["tables"][0]["rows"][0]
    assert sofar[:5] == whole[:5]
    assert (sofar[6], whole[6]) == (15.0, 20.0)


def test_no_alarm_passes_and_gives_no_rescue():
    found, made = judged(healthy() + rows(plant(2, 4), "judge", "w"))
    assert found["passed"] is True
    assert "rescue.toml" not in made
    assert "0 of 2" in found["summary"][1]["en"]


def test_a_row_that_is_missing_is_an_alarm_of_no_reading():
    given = rows(plant(1, 4), "judge", "w")
    found, _ = judged(healthy() + given[:25] + given[26:])
    assert found["tables"][0]["rows"][0][1:4] == [
        13.0, {"en": "temperature", "ko": "온도"}, {"en": "gave no reading", "ko": "측정값 없음"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (healthy(), "no batch is to be judged"),
        (rows(plant(19, 1), "normal", "n") + rows(plant(20, 2), "judge", "c"), "19 normal and 0 check batches"),
        ([*healthy(), ("x", "judge", 1.0, 30.0, 50.0)], "batch x has a single row"),
        (healthy() + rows(plant(1, 3), "judge", "x") + [("x0", "judge", 1.0, 30.0, 50.0)], "two rows of batch x0"),
        (healthy() + rows(plant(1, 3), "good", "x"), "the use of batch x0 is good"),
        (healthy() + rows(plant(1, 3), "judge", "x") + rows(plant(1, 3), "check", "x"), "is check and judge"),
        (healthy() + rows(plant(1, 3), "judge", "x") + [("x0", "judge", 9e5, 30.0, 50.0)], "spans more than"),
        ([(b, u, h, 30.0, f) for b, u, h, _, f in healthy() + rows(plant(1, 3), "judge", "x")], "temperature does not"),
    ],
)
def test_what_cannot_be_judged_is_said(given, words):
    with pytest.raises(BadInput, match=words):
        judged(given)


def test_simulated_batches_are_read_at_the_hours_of_the_table_alone():
    given = rows(plant(1, 3, hours=0.5), "judge", "x")
    with pytest.raises(BadInput, match=r"readings lie 0.5 h apart, those of the simulated batches 0.2 h"):
        golden_analysis.judge_batches({"table": parquet(table(given, uses=False))}, {}, 1, quiet)
    with pytest.raises(BadInput, match="no variable"):
        golden_tables.batches_of(table(given).drop_columns(["temperature", "coolant"]))


@pytest.mark.slow
def test_without_normal_batches_the_published_recipe_is_what_is_normal(monkeypatch):
    monkeypatch.setattr(golden, "LEARN", golden.LEARN[:40])
    monkeypatch.setattr(golden, "CHECK", golden.CHECK[:40])
    values = golden_analysis.in_units(golden.simulated([90000], 5))[:, 1::2, [3, 7]]
    values[:, :, 1] = 10 ** values[:, :, 1] - 1
    found, _ = judged(rows(values, "judge", "x", hours=0.4))
    assert "simulated batches of the published" in found["summary"][0]["en"]
    _, hour, name, how, *_ = found["tables"][0]["rows"][0]
    assert name["en"] in ("flow of coolant", "temperature")
    assert golden.ONSETS[5][0] * twin.STEP <= hour <= 100
    assert how["en"].startswith(("moved", "stood"))


def test_the_rescue_is_a_problem_of_the_field():
    made = specification(tomllib.loads(golden_analysis.rescue_problem(71.3, "coolant")), "rescue.toml")
    assert made.lab["hour"] == pytest.approx(71.3, abs=0.11)
    assert set(made.space["parameters"]) == set(fedbatch.remaining(made.lab["hour"]))
    assert not FIELD.simulators["fed-batch"].reads(made.lab)
    late = tomllib.loads(golden_analysis.rescue_problem(400.0, "pH"))["lab"]
    assert late["hour"] < twin.HOURS  # a batch of another plant may last longer than the simulated one


def test_the_template_is_a_table_that_is_understood(tmp_path):
    path = tmp_path / "batches.csv"
    path.write_text(golden_tables.template(), "utf-8")
    made = checked(read_table(path), golden_tables.COLUMNS)
    assert pacsv.read_csv(path).num_rows == 6
    found = golden_tables.batches_of(made)
    assert found.names == golden.VARIABLES
    assert found.step == pytest.approx(0.2)
    assert [found.of(use) for use in ("normal", "check", "judge")] == [["B101"], ["B121"], ["B142"]]
    assert found.values["B101"][0, golden.VARIABLES.index("coolant")] == pytest.approx(np.log10(61))
