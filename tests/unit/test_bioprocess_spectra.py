"""The glucose calibration: figures on the shipped fermentation, what may enter it, its limits and alarms."""

import io
import json
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from sklearn.cross_decomposition import PLSRegression
from tests.archives import shipped
from tests.cards import left_in_english

from dure.base.errors import BadInput
from dure.fields.bioprocess import spectra, spectra_calibration, spectra_tables
from dure.fields.bioprocess.chemometrics import Derivative, fit_pls, held_out, hotelling_limit, residual_limit

SAMPLES, BATCH = "dtuprosys/samples/", "dtuprosys/fermentation/"


def quiet(share, what):
    pass


@cache
def trained():
    return spectra.train(shipped("dtuprosys"), {}, 1, quiet)


@cache
def calibration():
    return spectra_calibration.from_bytes(trained()["model"])


@cache
def samples():
    return spectra_tables.read_spectra(shipped("dtuprosys")[SAMPLES + "train_spectra.csv"])[1]


@cache
def batch():
    files = shipped("dtuprosys")
    return spectra_tables.Batch.of(files[BATCH + "fermentation_spectra.csv"], files[BATCH + "fermentation_hplc.csv"])


def test_every_text_of_the_card_has_its_korean():
    assert left_in_english("bioprocess", json.loads(trained()["card"])) == []


def figure(name):
    return next(row for row in json.loads(trained()["card"])["metrics"] if row["figure"] == name)


def test_pls_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(21, 60)), rng.normal(size=21)
    own = fit_pls(x, y, 4)
    theirs = PLSRegression(4, scale=False).fit(x, y)
    new = rng.normal(size=(5, 60))
    np.testing.assert_allclose(own.predict(new, 4), theirs.predict(new).ravel(), rtol=1e-9)
    np.testing.assert_allclose(np.abs((new - own.centre) @ own.rotations), np.abs(theirs.transform(new)), rtol=1e-8)


def test_second_derivative_is_blind_to_offset_and_slope():
    axis = np.linspace(0, 1, 80)
    curve = np.sin(9 * axis)[None, :]
    derivative = Derivative(2, 2, 15)
    np.testing.assert_allclose(derivative(curve + 3 - 7 * axis), derivative(curve), atol=1e-12)


def test_figures_of_the_fermentation():
    assert figure("RMSECV")["value"] == pytest.approx(1.595, abs=0.01)
    assert figure("RMSECV, the choice repeated")["value"] == pytest.approx(1.94, abs=0.02)
    assert figure("predictions below zero")["value"] == pytest.approx(0.494, abs=0.002)
    for said, every, at_points in (("cut off at zero", 3.26, 4.25), ("negative values kept", 5.28, 5.80)):
        found = figure(f"RMSEP, every spectrum, {said}")
        assert found["value"] == pytest.approx(every, abs=0.02)
        assert found["beside"]["time alone (cheat)"] < 2.0
        assert found["beside"]["first derivative, by the same cross-validation"] == pytest.approx(28.45, abs=0.1)
        bias, sep, points = (figure(f"{n}, {said}")["value"] for n in ("bias", "SEP", "RMSEP, at the HPLC points"))
        assert points == pytest.approx(at_points, abs=0.02)
        assert points**2 == pytest.approx(bias**2 + sep**2 * 33 / 34, rel=1e-3)


def test_no_laboratory_value_and_no_spectrum_of_the_batch_enters_the_model():
    files = dict(shipped("dtuprosys"))
    hplc = pacsv.read_csv(io.BytesIO(files[BATCH + "fermentation_hplc.csv"]))
    sink = io.BytesIO()
    pacsv.write_csv(hplc.set_column(1, "glucose", pa.array(np.linspace(9, 1, hplc.num_rows))), sink)
    files[BATCH + "fermentation_hplc.csv"] = sink.getvalue()
    lines = files[BATCH + "fermentation_spectra.csv"].splitlines(keepends=True)
    files[BATCH + "fermentation_spectra.csv"] = b"".join([lines[0], *lines[:0:-1]])
    changed = spectra.train(files, {}, 1, quiet)
    assert changed["model"] == trained()["model"]
    assert changed["card"] != trained()["card"]


def test_spectra_end_at_the_last_hplc_point():
    assert len(batch().hours) == 1629
    assert batch().hours[-1] == pytest.approx(batch().sampled[-1], abs=0.05)


def test_streaming_says_row_by_row_what_the_whole_table_says():
    rows = batch().spectra[:40]
    streamed = list(spectra_calibration.stream(calibration(), iter(rows)))
    np.testing.assert_allclose([value for value, _ in streamed], calibration().predict(rows), rtol=1e-9)
    assert [code for _, code in streamed] == calibration().why(rows)


def test_limits_hold_for_samples_that_were_held_out():
    c = calibration()
    glucose = spectra_tables.read_column(shipped("dtuprosys")[SAMPLES + "train_hplc.csv"], "glucose")
    names = [str(i) for i in range(21)]
    errors, q, t2 = held_out(c.derivative(samples()), glucose, names, c.components)
    np.testing.assert_allclose(errors[:, -1], c.errors)
    outside = (q[:, -1] > c.q) | (t2[:, -1] > c.t2)
    assert outside.mean() <= 0.05
    assert (
        spectra_calibration.false_alarms(c, samples(), glucose, names)
        == figure("false alarms on held-out samples")["value"]
    )
    assert spectra_calibration.false_alarms(c, samples(), glucose, names) <= 0.1
    spoilt = samples().copy()
    spoilt[4] += 0.02 * np.exp(-0.5 * ((c.wavenumbers - 1250.0) / 12.0) ** 2)
    assert spectra_calibration.false_alarms(c, spoilt, glucose, names) == pytest.approx(1 / 21)
    assert hotelling_limit(21, 2, 0.99) > hotelling_limit(21, 2, 0.95) > 0
    assert residual_limit(np.arange(1.0, 20.0), 0.99) > residual_limit(np.arange(1.0, 20.0), 0.95) > 10


@pytest.mark.parametrize("name", ["spiked", "shifted"])
def test_alarm_finds_what_the_samples_did_not_hold(name):
    rows = samples()
    axis = calibration().wavenumbers
    spoilt = {
        "spiked": rows + 0.02 * np.exp(-0.5 * ((axis - 1250.0) / 12.0) ** 2),  # a band of something else
        "shifted": np.roll(rows, 6, axis=1),  # the wavenumber axis 9 cm-1 off
    }[name]
    normal = np.array([code == "" for code in calibration().why(rows)])
    found = np.array([code in ("residual", "extreme") for code in calibration().why(spoilt)])
    assert normal.all()
    assert found.mean() >= 0.95


def test_alarm_finds_a_frozen_instrument_and_only_that():
    rows = batch().spectra[100:120].copy()
    assert "frozen" not in calibration().why(rows)
    rows[7:11] = rows[6]
    assert [i for i, code in enumerate(calibration().why(rows)) if code == "frozen"] == [7, 8, 9, 10]


def test_the_whole_fermentation_lies_outside_and_the_card_says_so():
    assert figure("spectra of the batch inside Q and T²")["value"] == 0.0
    assert "residual" in calibration().why(batch().spectra[:1])


def test_predict_on_a_users_table_with_other_wavenumbers():
    axis = np.arange(940.0, 1512.0, 3.0)
    rows = np.stack([np.interp(axis, calibration().wavenumbers, row) for row in samples()])
    table = pa.table({"row": list(range(21)), **{f"{a:g}": rows[:, i] for i, a in enumerate(axis)}})
    sink = io.BytesIO()
    pq.write_table(table, sink)
    made = spectra.predict({"model": trained()["model"], "table": sink.getvalue()}, {}, None, quiet)
    found = pq.read_table(io.BytesIO(made["predictions"]))
    assert found.column_names == ["row", "value", "low80", "high80", "low95", "high95", "inside", "why"]
    wide = found["high95"].to_numpy() - found["low95"].to_numpy()
    assert (wide > found["high80"].to_numpy() - found["low80"].to_numpy()).all()


def test_spectra_that_do_not_cover_the_range_are_refused():
    table = pa.table({"row": [0], **{f"{a}": [0.1] for a in range(950, 1400, 2)}})
    with pytest.raises(BadInput, match="do not cover"):
        spectra_tables.spectra_of(table, calibration().wavenumbers)


def test_own_samples_go_through_the_same_recipe_and_repeats_stay_together():
    rng = np.random.default_rng(3)
    axis = np.arange(940.0, 1512.0, 4.0)
    glucose = np.repeat(np.linspace(0, 40, 12), 2)
    band = np.exp(-0.5 * ((axis - 1035) / 25) ** 2)
    rows = 0.002 * glucose[:, None] * band + rng.normal(0, 2e-4, (24, len(axis)))
    columns = {f"{a:g}": rows[:, i] for i, a in enumerate(axis)}
    table = pa.table(
        {"row": list(range(24)), "sample": [f"s{i // 2}" for i in range(24)], "glucose": glucose, **columns}
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    made = spectra.train({"table": sink.getvalue()}, {}, 1, quiet)
    card = json.loads(made["card"])
    assert left_in_english("bioprocess", card) == []
    cv, nested, alarms = card["metrics"]
    assert cv["value"] < 2.0 < cv["beside"]["mean of the samples"]
    assert cv["value"] * 0.8 < nested["value"] < 2.0
    assert alarms["value"] <= 0.25
    told = json.dumps({key: value for key, value in card.items() if key != "metrics"})
    assert "ferment" not in told
    assert "batch" not in told
    assert card["training"].startswith("24 spectra of 12 samples")
    own = spectra_calibration.from_bytes(made["model"])
    scores = np.abs(own.errors).reshape(12, 2).max(axis=1)  # one score a sample: its largest error
    assert own.half80 == pytest.approx(np.sort(scores)[int(np.ceil(13 * 0.8)) - 1])
    assert own.half95 == pytest.approx(scores.max())
    with pytest.raises(BadInput, match="too few"):
        spectra_calibration.calibrate(axis, rows[:6], glucose[:6], ["a", "b", "c", "d", "e", "f"])


def test_template_is_a_table_that_the_recipe_reads():
    table = pacsv.read_csv(io.BytesIO(spectra.SPECTRA.template.encode()))
    names = [name.partition(" [")[0] for name in table.column_names]
    assert spectra_tables.spectra_of(table.rename_columns(names), calibration().wavenumbers)[1].shape[0] == 2


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_pictures_are_drawn(lang):
    drawn = trained()[f"calibration.{lang}.svg"].decode()
    assert drawn.startswith("<svg")
    assert len(drawn) < 200_000
