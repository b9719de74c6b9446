"""Windows, learners, error grid and cards of the glucose forecasts."""

import io
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.cards import left_in_english

from dure.base.errors import BadInput, Corrupt
from dure.fields.device import errorgrid, forecast
from dure.fields.device.forecast_tasks import MODELS, _judged, predict, train_30
from dure.fields.device.windows import LAGS, read_hall, traces_of, windows


def table(rows):
    person, time, glucose = zip(*rows, strict=True)
    return pa.table({"row": np.arange(2, len(rows) + 2), "person": person, "time": time, "glucose": glucose})


def parquet(made):
    sink = io.BytesIO()
    pq.write_table(made, sink)
    return sink.getvalue()


def people(n=8, days=2, seed=0):
    """Traces that swing like meals do: their next half hour can be told from the last hour, but not from now alone."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(n):
        t = np.arange(0.0, days * 1440, 5)
        swing = sum(rng.uniform(10, 25) * np.sin(2 * np.pi * (t / p + rng.random())) for p in (110, 170, 260, 410))
        glucose = np.clip(130 + rng.normal(0, 10) + swing + rng.normal(0, 1.5, len(t)), 40, 400)
        rows += [(f"P{k}", float(a), float(b)) for a, b in zip(t, glucose, strict=True)]
    return rows


def test_history_and_truth_stand_at_exact_times():
    straight = [("P", 5.0 * i + (0.4 if i % 2 else 0.0), 100 + 5.0 * i + (0.4 if i % 2 else 0.0)) for i in range(40)]
    made = windows(traces_of(table(straight)), 30.0)
    known = np.isfinite(made.future)
    np.testing.assert_allclose(made.future[known], made.history[known, 0] + 30)
    np.testing.assert_allclose(made.history, made.history[:, :1] - 5.0 * np.arange(LAGS))
    assert made.minutes[0] >= 60
    assert made.minutes[known].max() <= straight[-1][1] - 30


def test_a_gap_over_ten_minutes_breaks_history_and_truth():
    rows = [("P", 5.0 * i, 100.0) for i in range(30)] + [("P", 150.0 + 5.0 * i, 200.0) for i in range(1, 31)]
    whole = windows(traces_of(table(rows)), 30.0)  # the longest pause is ten minutes: unbroken
    assert np.isfinite(whole.future).sum() == 60 - 12 - 6
    rows = [(p, t + (1.0 if t > 150 else 0.0), g) for p, t, g in rows]
    broken = windows(traces_of(table(rows)), 30.0)
    assert np.isfinite(broken.future).sum() == 2 * (30 - 12 - 6)
    assert set(broken.history.ravel().tolist()) == {100.0, 200.0}
    assert not ((broken.history == 100).any(axis=1) & (broken.future == 200)).any()


def test_history_reads_nothing_of_the_future():
    rows = people(1, 1)
    before = windows(traces_of(table(rows)), 30.0)
    changed = [(p, t, g + (500 if t > 700 else 0)) for p, t, g in rows]
    after = windows(traces_of(table(changed)), 30.0)
    early = before.minutes <= 700
    np.testing.assert_array_equal(before.history[early], after.history[early])


def test_persons_are_not_mixed_and_doubles_are_one():
    rows = people(3, 1)
    made = traces_of(table(rows + rows[:50]))
    assert [len(trace.minutes) for trace in made] == [288] * 3
    found = windows(made, 30.0)
    fold = forecast.folds(found.person, 3, 0)
    assert all(len(set(fold[found.person == k])) == 1 for k in range(3))
    assert len(set(fold)) == 3


def test_autoregression_finds_the_coefficients_it_was_made_with():
    rng = np.random.default_rng(0)
    change, glucose = [0.0, 0.0], [120.0]
    for _ in range(3000):
        change.append(0.6 * change[-1] - 0.3 * change[-2] + rng.normal(0, 1))
        glucose.append(glucose[-1] + change[-1])
    made = windows(traces_of(table([("P", 5.0 * i, g) for i, g in enumerate(glucose)])), 30.0)
    np.testing.assert_allclose(forecast.autoregression(made, 2), [0.6, -0.3], atol=0.05)
    history = np.array([[100.0, 99.0, 97.0] + [97.0] * 10])
    one, two = 0.6 * 1 - 0.3 * 2, None
    two = 0.6 * one - 0.3 * 1
    expected = 100 + one + two
    assert forecast.iterated(np.array([0.6, -0.3]), history, 10.0)[0] == pytest.approx(expected)


def test_lag_of_persistence_is_the_horizon_and_of_the_truth_none():
    made = windows(traces_of(table(people(2, 2))), 30.0)
    made = made.take(np.isfinite(made.future))
    assert forecast.lag(made, made.history[:, 0], 30.0) == 30
    assert forecast.lag(made, made.future, 30.0) == 0


def test_conformal_width_covers_its_share():
    rng = np.random.default_rng(0)
    covered = [np.mean(np.abs(rng.normal(size=200)) <= forecast.conformal(np.abs(rng.normal(size=99)), 0.8))
               for _ in range(200)]  # fmt: skip
    assert np.mean(covered) == pytest.approx(0.8, abs=0.02)
    assert forecast.conformal(np.array([1.0, 2.0, 3.0]), 0.95) == 3


def test_alarms_are_counted():
    true, made = np.array([60.0, 65, 80, 90, 100]), np.array([65.0, 75, 65, 95, 100])
    assert forecast.alarms(true, made, 70.0) == {"sensitivity": 50.0, "false": 50.0, "lows": 2.0}
    # Both lows are found with one false alarm of three; a higher value would find no more.
    assert forecast.best_alarm(true, made) == (1.0, 85.0)
    assert forecast.best_alarm(true[2:], made[2:]) == (0.0, forecast.LOW)
    # Of two lows the second would cost three false alarms.
    assert forecast.best_alarm(np.array([60.0, 80, 80, 80, 60]), np.arange(5.0)) == (0.5, 0.5)
    assert forecast.best_alarm(np.array([60.0]), np.array([65.0])) == (1.0, 66.0)


def test_an_alarm_looks_at_forecast_and_reading_as_training_people_had_it():
    """Where a straight line foretells the lows as highs the reading counts; where it foretells them, the line does."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(6), 200)
    high = rng.uniform(100, 300, 1200)
    low = rng.random(1200) < 0.05
    now, truth = np.where(low, 60.0, high), np.where(low, 60.0, 400 - high)
    base = windows(traces_of(table(people(8))), 30.0).take(np.arange(1200))
    data = replace(base, person=person, history=np.tile(now[:, None], 13), future=truth)
    found = forecast.train(data, forecast.CHOICES[:1])
    made = forecast.forecast(found.learner, data.history)
    assert made[low].min() > np.quantile(made, 0.9)
    assert found.blend < 1
    mixed = found.foretold(data.history, made)
    np.testing.assert_allclose(mixed, found.blend * made + (1 - found.blend) * now)
    assert forecast.alarms(truth, mixed, found.alarm)["sensitivity"] == 100
    # The reading says nothing, the fall before it all.
    fall = np.where(low, 40.0, rng.normal(0, 2, 1200))
    told = replace(data, history=100 + fall[:, None] * np.arange(13), future=100 - fall)
    assert forecast.train(told, forecast.CHOICES[:1]).blend > 0


def test_the_baselines_alarms_are_tuned_too():
    """Readings that show each low 12 mg/dL too high: tuned, persistence finds them all."""
    traces = traces_of(table(people(8)))
    data = windows(traces, 30.0)
    data = data.take(np.isfinite(data.future))
    level = np.quantile(data.future, 0.1)
    data = replace(data, future=data.future - level + 70.0, history=data.future[:, None] - level + 82.0 + np.zeros(13))
    told = _judged(data, forecast.folds(data.person, 5, 0), forecast.CHOICES[:1], 30.0, lambda share, what: None)
    found = forecast.alarms(data.future, data.history[:, 0], told["alarm"]["persistence"])
    assert found["sensitivity"] > 90
    assert forecast.alarms(data.future, data.history[:, 0], 70.0)["sensitivity"] < 50


def test_zones_of_the_consensus_grid():
    """Points that lie clearly inside the zones of Pfützner et al. 2013, figure 1, and the corners of zone A."""
    inside = {
        "A": [(100, 100), (100, 120), (100, 85), (40, 45), (500, 480), (20, 45)],
        "B": [(100, 140), (200, 150), (250, 400), (500, 350), (60, 30)],
        "C": [(100, 200), (300, 120), (150, 400), (130, 20)],
        "D": [(60, 160), (300, 30), (90, 300), (500, 100)],
        "E": [(20, 200), (30, 400), (0, 160)],
    }
    for zone, points in inside.items():
        found = errorgrid.zones(*np.array(points, dtype=float).T)
        assert [errorgrid.ZONES[z] for z in found] == [zone] * len(points), points
    both = np.linspace(0, 550, 200)
    assert (errorgrid.zones(both, both) == 0).all()
    assert sum(errorgrid.shares(both, both).values()) == pytest.approx(100)


def test_a_model_beats_its_baselines_on_people_it_never_saw_and_covers_them():
    # One person more smoothly moving than the baselines can tell.
    out = train_30({"table": parquet(table(people(10)))}, {"quick": True}, 1, lambda share, what: None)
    card = json.loads(out["card"])
    assert left_in_english("device", card) == []
    figures = {row["figure"]["en"]: row for row in card["metrics"]}
    assert figures["RMSE"]["value"] < 0.9 * figures["RMSE"]["beside"]["persistence"]
    assert figures["time lag"]["value"] <= figures["time lag"]["beside"]["persistence"]
    assert card["calibration"]["80"]["covered"] == pytest.approx(80, abs=3)
    assert card["calibration"]["95"]["covered"] == pytest.approx(95, abs=3)
    assert set(out) == {"model", "card", "error-grid.en.svg", "error-grid.ko.svg"}
    assert out == train_30({"table": parquet(table(people(10)))}, {"quick": True}, 1, lambda share, what: None)

    fresh = people(1, 1, seed=9)
    found = pq.read_table(
        io.BytesIO(predict({"model": out["model"], "table": parquet(table(fresh))}, {}, 1, print)["predictions"])
    )
    rows = found.to_pylist()
    assert [row["row"] for row in rows] == list(range(2, 290))
    assert all(row["why"] == "no-history" and row["value"] is None for row in rows[:12])
    told = rows[12:-6]
    truth = np.array([g for _, _, g in fresh])[18:]
    value = np.array([row["value"] for row in told])
    now = np.array([g for _, _, g in fresh])[12:-6]
    assert forecast.rmse(truth, value) < forecast.rmse(truth, now)
    assert all(r["low95"] < r["low80"] < r["value"] < r["high80"] < r["high95"] for r in told)
    strange = [(p, t, 3 * g) for p, t, g in fresh]
    odd = pq.read_table(
        io.BytesIO(predict({"model": out["model"], "table": parquet(table(strange))}, {}, 1, print)["predictions"])
    )
    assert set(odd["why"].to_pylist()) == {"no-history", "unlike-training"}
    twice = [*fresh, fresh[100]]
    doubled = predict({"model": out["model"], "table": parquet(table(twice))}, {}, 1, print)["predictions"]
    again = {row["row"]: row for row in pq.read_table(io.BytesIO(doubled)).to_pylist()}
    assert again[102]["why"] == "repeated"
    assert again[102]["value"] is None
    assert again[290]["value"] == rows[100]["value"]
    figure = figures["sensitivity for < 70 mg/dL"]
    assert "on training people with at most half of the alarms false" in figure["note"]["en"]


def test_tables_that_cannot_be_learnt_from():
    with pytest.raises(BadInput, match="2 people"):
        train_30({"table": parquet(table(people(2, 1)))}, {"quick": True}, 1, lambda share, what: None)
    with pytest.raises(Corrupt):
        read_hall(b"id,when\n1,2\n")
    hall = b'"","id","time","gl"\n"1","a",2014-02-03 03:42:12,93\n"2","a",2014-02-03 03:47:12,95\n'
    assert read_hall(hall)[0].minutes.tolist() == [0.0, 5.0]


def test_recipes_say_what_they_are_not_for():
    for recipe in MODELS.values():
        for lang in ("en", "ko"):
            assert len(recipe.caveats[lang]) == 3
        assert "dosing" in recipe.caveats["en"][0]
        assert recipe.template.startswith("person,time [min],glucose [mg/dL]\n")
