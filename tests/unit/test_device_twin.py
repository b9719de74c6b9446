"""The twin against its reference: simglucose's own equations, taken from the fetched archive, integrated by dopri5."""

import csv
import io
import sys
import time
import types

import numpy as np
import pytest
from tests.archives import archive_of

from dure.base.errors import BadInput, Corrupt
from dure.fields.device.patients import FILES, GROUPS, PANELS, PARAMETERS, read_patients

MINUTES = 1440


@pytest.fixture(scope="session")
def archive():
    """The wheel, as the package index has it."""
    return archive_of("simglucose")


@pytest.fixture(scope="session")
def files(archive):
    return {name: archive.read(f"simglucose/params/{name}") for name in FILES}


@pytest.fixture(scope="session")
def reference(archive):
    """The reference's right-hand side and its calculator, from the text of their modules."""
    stubs = {"pkg_resources": types.ModuleType("pkg_resources"), "simref": types.ModuleType("simref")}
    stubs["pkg_resources"].resource_filename = lambda package, path: path
    stubs["simref.base"] = types.ModuleType("simref.base")
    stubs["simref.base"].Patient = stubs["simref.base"].Controller = object
    stubs["simref.base"].Action = lambda basal, bolus: (basal, bolus)
    sys.modules.update(stubs)
    made = {}
    for name, path in (("model", "patient/t1dpatient.py"), ("calculator", "controller/basal_bolus_ctrller.py")):
        module = types.ModuleType(f"simref.{name}")
        module.__package__ = "simref"
        exec(compile(archive.read(f"simglucose/{path}"), path, "exec"), module.__dict__)
        made[name] = module
    yield types.SimpleNamespace(**made)
    for name in stubs:
        del sys.modules[name]


@pytest.fixture(scope="session")
def day(files):
    """24 hours of all thirty patients: four meals, one of them eaten into the next, boluses counted wrong by 30 %."""
    patients = read_patients(files)
    eaten = np.zeros((30, MINUTES))
    insulin = np.repeat(patients.basal[:, None], MINUTES, axis=1)
    rng = np.random.default_rng(0)
    for k in range(30):
        for at, grams in ((420, 45), (570, 10), (720, 70), (725, 12), (1080, 80)):
            start = t = at + int(rng.integers(-20, 20))
            left = grams
            while left > 0:
                if eaten[k, t] == 0:
                    eaten[k, t] = min(5, left)
                    left -= eaten[k, t]
                t += 1
            insulin[k, start] += grams / patients.ratio[k] * rng.uniform(0.7, 1.3)
    return patients, eaten, insulin


def of_reference(reference, files, day):
    """The reference's glucose by dopri5 at tolerances of 1e-10, minute by minute, shape (30, MINUTES + 1)."""
    from scipy.integrate import ode

    patients, eaten, insulin = day
    rows = list(csv.DictReader(io.StringIO(files[FILES[0]].decode())))
    glucose = np.empty((30, MINUTES + 1))
    model = reference.model.T1DPatient.model
    for k, row in enumerate(rows):
        p = types.SimpleNamespace(**{n: float(v) for n, v in row.items() if n.isidentifier() and n != "Name"})
        solver = ode(model).set_integrator("dopri5", rtol=1e-10, atol=1e-10, nsteps=100_000)
        solver.set_initial_value(patients.state[k], 0)
        held, food, before = 0.0, 0.0, 0.0
        for t in range(MINUTES):
            glucose[k, t] = solver.y[12] / p.Vg
            if eaten[k, t] > 0 and before <= 0:
                held, food = solver.y[0] + solver.y[1], 0.0
            food += eaten[k, t]
            before = eaten[k, t]
            solver.set_f_params(reference.model.Action(CHO=eaten[k, t], insulin=insulin[k, t]), p, held, food)
            solver.integrate(t + 1)
        glucose[k, MINUTES] = solver.y[12] / p.Vg
    return glucose


def of_twin(day):
    from dure.fields.device.equations import driven

    patients, eaten, insulin = day
    return driven(patients.state, patients.parameters, patients.volume, eaten, insulin, np.ones_like(eaten))


@pytest.mark.slow
def test_the_twin_is_its_reference(reference, files, day):
    expected, found = of_reference(reference, files, day), of_twin(day)
    assert np.abs(found - expected).max() < 0.1
    shares = [100 * ((g >= 70) & (g <= 180)).mean(axis=1) for g in (expected, found)]
    assert np.abs(shares[0] - shares[1]).max() <= 0.1
    # The day says something: highs and lows are among it.
    assert expected.max() > 250
    assert expected.min() < 70


def test_one_derivative_is_the_references_to_the_last_digits(reference, files, day):
    from dure.fields.device.equations import derivative

    patients, *_ = day
    rows = list(csv.DictReader(io.StringIO(files[FILES[0]].decode())))
    rng = np.random.default_rng(1)
    for k, row in enumerate(rows):
        p = types.SimpleNamespace(**{n: float(v) for n, v in row.items() if n.isidentifier() and n != "Name"})
        x = patients.state[k] * rng.uniform(0.5, 1.5, 13) + rng.uniform(0, 5000, 13) * (np.arange(13) < 3)
        action = reference.model.Action(CHO=5.0, insulin=0.03)
        expected = reference.model.T1DPatient.model(0, x, action, p, 400.0, 35.0)
        found = np.empty(13)
        derivative(x, patients.parameters[k], 5000.0, 0.03 * 6000 / p.BW, 400.0 + 35_000.0, 1.0, found)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_an_amount_below_zero_can_rise_again_where_the_reference_holds_it(reference, files, day):
    """The one change to the equations, alone: the reference freezes a patient whose glucose went below zero."""
    from dure.fields.device.equations import derivative

    patients, *_ = day
    row = next(csv.DictReader(io.StringIO(files[FILES[0]].decode())))
    p = types.SimpleNamespace(**{n: float(v) for n, v in row.items() if n.isidentifier() and n != "Name"})
    x = patients.state[0].copy()
    x[3] = -1.0
    expected = reference.model.T1DPatient.model(0, x, reference.model.Action(CHO=0, insulin=0), p, 0.0, 0.0)
    found = np.empty(13)
    derivative(x, patients.parameters[0], 0.0, 0.0, 0.0, 1.0, found)
    assert expected[3] == 0
    assert found[3] > 0
    np.testing.assert_allclose(np.delete(found, 3), np.delete(expected, 3), rtol=1e-12, atol=1e-12)
    x[5] = -1.0
    x[9] = x[10] = x[11] = 0.0
    derivative(x, patients.parameters[0], 0.0, 0.0, 0.0, 1.0, found)
    assert found[5] >= 0


def test_the_fasting_patient_stays_where_it_is(day):
    patients, eaten, _ = day
    basal = np.repeat(patients.basal[:, None], MINUTES, axis=1)
    glucose = of_twin((patients, np.zeros_like(eaten), basal))
    assert np.abs(glucose - glucose[:, :1]).max() < 0.5


def test_the_calculator_is_the_references_but_for_its_three_changes(reference, files):
    """Beside the reference: no bolus below zero, whole pulses of 0.05 U, and no correction without a reading."""
    from dure.fields.device.control import PULSE, bolus

    calculator = reference.calculator.BBController.__new__(reference.calculator.BBController)
    import pandas as pd

    calculator.quest, calculator.patient_params = (pd.read_csv(io.BytesIO(files[n])) for n in (FILES[1], FILES[0]))
    calculator.target = 140
    row = calculator.quest[calculator.quest.Name == "adult#003"].iloc[0]
    for grams, glucose in ((60.0, 130.0), (60.0, 210.0), (5.0, 260.0)):
        _, rate = calculator._bb_policy("adult#003", grams / 5, glucose, 5)
        found = bolus(grams, glucose, row.CR, row.CF, 140.0, 0.0)
        assert 0 <= 5 * rate - found < PULSE
        assert found / PULSE == pytest.approx(round(found / PULSE))
    assert bolus(60.0, float("nan"), row.CR, row.CF, 140.0, 0.0) == bolus(60.0, 130.0, row.CR, row.CF, 140.0, 0.0)
    assert bolus(1.0, 160.0, 50.0, 5.0, 200.0, 0.0) == 0
    # 2 U for 40 g, 2 U for 80 mg/dL above the target, of which 1.5 are on board already.
    assert bolus(40.0, 220.0, 20.0, 40.0, 140.0, 0.0) == pytest.approx(4.0)
    assert bolus(40.0, 220.0, 20.0, 40.0, 140.0, 1.5) == pytest.approx(2.5)
    assert bolus(40.0, 220.0, 20.0, 40.0, 140.0, 9.0) == pytest.approx(2.0)


def test_a_thousand_patient_days_in_three_cpu_seconds(day):
    patients, eaten, insulin = day
    of_twin((patients, eaten[:, :10], insulin[:, :10]))  # compiles
    ten = (patients, np.tile(eaten, 10), np.tile(insulin, 10))
    began = time.process_time()
    of_twin(ten)
    assert (time.process_time() - began) / 300 * 1000 < 3


def test_panels_are_apart_and_stratified(files):
    patients = read_patients(files)
    assert set(PANELS["tune"]) | set(PANELS["held-out"]) == set(patients.names)
    assert not set(PANELS["tune"]) & set(PANELS["held-out"])
    assert set(PANELS["children"]) <= set(PANELS["tune"])
    for panel in ("tune", "held-out"):
        assert [sum(name.startswith(group) for name in PANELS[panel]) for group in GROUPS] == [5, 5, 5]


def test_files_that_are_no_patients(files):
    with pytest.raises(Corrupt):
        read_patients({**files, FILES[0]: b"Name,BW\nadult#001,70\n"}, ["adult#001"])
    with pytest.raises(Corrupt):
        read_patients({**files, FILES[0]: b"\xff\xfe"})
    with pytest.raises(BadInput, match="nobody"):
        read_patients(files, ["nobody"])
    assert len(PARAMETERS) == read_patients(files).parameters.shape[1]
