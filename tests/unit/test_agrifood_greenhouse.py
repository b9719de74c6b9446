"""The greenhouse twin against the code and the figures of its reference, its laws, panels and weather files."""

from __future__ import annotations

import json
import math
import sys
import types
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from tests.archives import archive, read

from dure.base.errors import BadInput
from dure.campaign.spec import read_specification
from dure.design.box import BoxSpace, Parameter
from dure.fields.agrifood import greenhouse, greenhouse_panel, greenhouse_pictures, weather
from dure.fields.agrifood import greenhouse_twin as twin
from dure.fields.agrifood.field import FIELD, finalists
from dure.fields.agrifood.greenhouse_laws import KNOBS, parameters, usual, vector
from dure.verify.ladder import Ladder
from dure.verify.panel import HeldOut

WHEEL = "lettuce_greenhouse_gym-0.1.3-py3-none-any.whl"
RULES = np.array([k.usual for k in KNOBS["set-points"]])
PLAN = np.array([12, 3, 0, 0, 0, 0, 1, 0, 0.95])

# Season returns of lettuce-greenhouse-gym 0.1.3 itself, `run_episode(LettuceGreenhouseEnv(), GrowerHeuristic())`, from
# each start day: return, revenue, energy cost, CO2 cost, penalties of CO2, temperature, humidity.
HEURISTIC = {
    20: [-6.491958089517188, 3.4576972883719774, 2.8142170317263595, 0.08755045822019569, 1.8265101879738967,
         3.453138574778296, 1.7682391251904193],
    40: [-4.3516054606929675, 5.605941418804511, 1.900055109233377, 0.08641903411208546, 2.891915191894249,
         3.311864017248141, 1.7672935270096215],
    130: [-18.924776174496742, 9.483179893430417, 0.15409537726306927, 0.027711643976279374, 7.628656366807896,
          17.861468766093797, 2.736023913786109],
    250: [-15.475032553117973, 5.870540303632262, 0.05202291708469395, 0.015109243199999987, 7.348895377351489,
          8.64091537574706, 5.2886299433669945],
}  # fmt: skip
GATED = {"simulator": "greenhouse-set-points", "tuned": "tune"}
CONSTANT = {(0.0, 0.0, 50.0): -73.57157594819854, (0.6, 3.0, 80.0): -16.44523878683853}
"""`ConstantControl` from day 40."""


@pytest.fixture(scope="module")
def year():
    return weather.bleiswijk(read(*greenhouse.FILE))


@pytest.fixture(scope="module")
def synthetic():
    """A year of smooth days: no file needed."""
    days = np.arange(0, 90, 1 / 48)
    clear = weather.clear_sky(1 + days, 52.0, 4.5)
    warm = 5 + 4 * np.sin(2 * np.pi * (days - 0.375))
    values = np.column_stack([0.5 * clear, np.full(len(days), 7.5e-4), warm, np.full(len(days), 0.006), clear])
    return weather.Weather(values, 1800.0, 1.0, "synthetic", 2026)


def run_40(law, design, year, **settings):
    return twin.run(law, design, year.season(40, twin.STEPS)[None], **settings)


def told(seasons, d=0, m=0):
    return [float(seasons.measures()["return"][d, m]), *(float(v[d, m]) for v in seasons.parts().values())]


def test_the_balances_are_those_of_the_reference(monkeypatch):
    """The reference's own source, with NumPy in place of its symbolic library."""
    symbolic = types.ModuleType("casadi")
    symbolic.exp, symbolic.power, symbolic.vertcat = math.exp, math.pow, lambda *each: np.array(each)
    symbolic.SX = symbolic.MX = symbolic.DM = type("Symbol", (), {})
    source = archive(WHEEL).read("lettuce_greenhouse_gym/model/vanhenten.py").decode()
    start = source.index("class VanHentenLettuce")
    body = source[start:].replace("(SymbolicDynamicsModel)", "").partition("    def __init__")
    rhs = "    def rhs" + body[2].partition("    def rhs")[2].partition("    def measurement")[0]
    names = ["dry_weight", "indoor_co2", "indoor_temp", "indoor_vapor"]
    space: dict = {"casadi": symbolic}
    exec(compile("class Reference:\n" + rhs, "vanhenten.py", "exec"), space)
    order = [
        *("sat_vp1", "sat_vp2", "sat_vp3", "gas_const_kmol", "temp_abs", "leak", "cap_co2", "cap_vapor", "cap_heat"),
        *("cap_heat_vent", "heat_transfer_cover", "rad_heat_load", "yield_factor", "resp_dry", "resp_co2"),
        *("canopy_surface", "light_use_eff", "photo_co2_1", "photo_co2_2", "photo_co2_3", "co2_compensation"),
        "transp_coeff",
    ]
    reference = space["Reference"]()
    enums = {
        "states": names,
        "controls": ["co2_supply", "ventilation", "heating"],
        "exogenous": ["rad", "out_co2", "out_temp", "out_vapor"],
    }
    for name, entries in enums.items():
        index = types.SimpleNamespace(**{entry.upper(): i for i, entry in enumerate(entries)})
        setattr(reference, name, types.SimpleNamespace(index_enum=lambda index=index: index))
    reference.constants = types.SimpleNamespace(idx=order.index)
    from dure.fields.agrifood.greenhouse_kernel import rates

    rng = np.random.default_rng(0)
    for _ in range(200):
        x = rng.uniform([0.002, 3e-4, 5, 0.002], [0.6, 4e-3, 40, 0.05])
        u, v = rng.uniform(0, [1.2, 7.5, 150]), rng.uniform([0, 5e-4, -10, 0.001], [900, 1e-3, 30, 0.02])
        c = twin.perturbed((int(rng.integers(1000)),))
        out = np.empty(4)
        rates(x, u, v, c, out)
        np.testing.assert_allclose(out, reference.rhs(x, u, v, c, 0.0), rtol=1e-12, atol=1e-18)
    assert "casadi" not in sys.modules


@pytest.mark.parametrize("day", HEURISTIC)
def test_the_heuristics_seasons_are_the_references(year, day):
    seasons = twin.run("set-points", RULES[None], year.season(day, twin.STEPS)[None])
    np.testing.assert_allclose(told(seasons), HEURISTIC[day], rtol=0, atol=1e-12)


@pytest.mark.parametrize("controls", CONSTANT)
def test_held_controls_give_the_references_return(year, controls):
    seasons = run_40("controls", np.tile(controls, (1, twin.STEPS, 1)), year)
    assert told(seasons)[0] == pytest.approx(CONSTANT[controls], rel=0, abs=1e-12)


def test_the_return_is_the_stated_sum(year):
    seasons = run_40("set-points", RULES[None], year)
    measures, parts = seasons.measures(), seasons.parts()
    assert measures["profit"] - measures["penalty"] == pytest.approx(measures["return"], abs=1e-12)
    assert parts["revenue"] - sum(v for k, v in parts.items() if k != "revenue") == pytest.approx(measures["return"])
    # The heuristic's -4.35 is +3.62 of profit less 7.97 of penalties.
    assert float(measures["profit"][0, 0]) == pytest.approx(3.62, abs=0.005)
    assert float(measures["penalty"][0, 0]) == pytest.approx(7.97, abs=0.005)


def test_a_panel_at_once_is_its_members_one_by_one(year):
    designs = np.stack([RULES, RULES + np.array([0.5, 0, 0, 1, 0, 0, -2, 0, 10, 0, 0])])
    season, c = greenhouse_panel.panel_of(["day 40", "day 52 building 2"], year)
    together = twin.run("set-points", designs, season, c).sums
    for d in range(2):
        for m in range(2):
            alone = twin.run("set-points", designs[d : d + 1], season[m : m + 1], c[m : m + 1]).sums
            np.testing.assert_array_equal(together[d, m], alone[0, 0])


def test_a_building_differs_from_the_model_by_at_most_five_per_cent():
    off = twin.perturbed((2014, 3)) / twin.NOMINAL - 1
    assert 0.03 < np.abs(off).max() <= 0.05
    names = list(twin.COEFFICIENTS)
    assert off[[names.index(name) for name in twin.FIXED]].tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(twin.perturbed((2014, 3)), twin.perturbed((2014, 3)))


@pytest.mark.parametrize(("law", "reach"), [("feedback", 0), ("forecast", 12)])
def test_a_plan_reads_no_weather_that_it_may_not(synthetic, law, reach):
    """Other weather from a step on changes nothing before it, less the steps that a forecast reaches."""
    before = synthetic.season(20, 300)
    after = before.copy()
    after[200:, :4] *= 1.05
    one, other = twin.trace(law, PLAN, before), twin.trace(law, PLAN, after)
    first = int(np.argmax((one[:, 4:7] != other[:, 4:7]).any(axis=1)))
    assert 200 - reach <= first + 1 <= 201
    np.testing.assert_array_equal(one[: 200 - reach, 4:7], other[: 200 - reach, 4:7])


def test_a_forecast_is_worth_something_and_so_is_a_plan(year):
    feedback, forecast = (told(run_40(law, PLAN[None], year))[0] for law in ("feedback", "forecast"))
    assert -4.35 < 2.36 < feedback < forecast  # the heuristic, PPO of the package, ours without and with forecast


def test_no_law_moves_an_actuator_faster_than_it_can(synthetic):
    controls = twin.trace("forecast", PLAN, synthetic.season(20, 300))[:, 4:7]
    assert (np.abs(np.diff(controls, axis=0)) <= np.array([0.12, 0.75, 15]) + 1e-12).all()
    assert (controls >= 0).all()
    assert (controls <= [1.2, 7.5, 150]).all()


def test_an_order_tells_every_property_in_its_unit(year):
    inputs = {
        "candidate": json.dumps([usual().kind, dict(usual().content), dict(usual().form)]).encode(),
        "/".join(greenhouse.FILE): read(*greenhouse.FILE),
    }
    out = greenhouse.run_set_points(inputs, {"panel": ["day 40", "day 20"]}, 1, lambda share, what: None)
    values = json.loads(out["values"])
    assert {name: each["unit"] for name, each in values.items()} == greenhouse.UNITS
    assert values["return"]["value"] == pytest.approx((HEURISTIC[40][0] + HEURISTIC[20][0]) / 2, abs=1e-6)
    assert values["worst return"]["value"] == pytest.approx(HEURISTIC[20][0], abs=1e-6)
    assert values["return"]["n"] == 2


def test_a_season_that_gives_no_number_fails(year, monkeypatch):
    broken = weather.Weather(
        np.where(np.arange(5) == 2, np.nan, year.values), year.spacing, year.first_day, "broken", 2014
    )
    monkeypatch.setattr(greenhouse, "weather_of", lambda inputs, lab: broken)
    inputs = {"candidate": json.dumps([usual().kind, dict(usual().content), dict(usual().form)]).encode()}
    out = greenhouse.run_set_points(inputs, {"panel": "quick"}, 1, lambda share, what: None)
    assert json.loads(out["failed"]) == "diverged"


def test_tuned_and_held_out_members_are_apart_and_named():
    assert not set(greenhouse_panel.PANELS["tune"]) & set(greenhouse_panel.PANELS["held-out"])
    assert set(greenhouse_panel.STRATA) == set(greenhouse_panel.PANELS["held-out"])
    assert all(30 <= int(member.split()[1]) <= 50 for member in greenhouse_panel.PANELS["tune"])
    # A season is 40 days: from day 91 on no weather is shared with one that began on day 50.
    started = {member.partition(" building")[0] for member in greenhouse_panel.PANELS["held-out"]}
    assert not started & set(greenhouse_panel.PANELS["tune"])
    assert all(int(m.split()[1]) > 90 for m, stratum in greenhouse_panel.STRATA.items() if stratum == "other weather")


@pytest.mark.parametrize(
    "settings",
    [
        {**GATED, "panel": ["day 40", "day 60"]},
        {**GATED, "panel": ["day 60"]},
        {**GATED, "panel": ["day 400", "day 60"]},
        {**GATED, "panel": ["day 56", "day 62"], "tuned": ["day 40", "day 56"]},
        {**GATED, "law": "feedback"},
        {"simulator": "greenhouse-heuristic"},
        {"panel": "held-out"},
    ],
)
def test_a_gate_that_proves_nothing_is_refused(settings):
    with pytest.raises(BadInput):
        finalists(settings, read)


def test_the_law_that_is_judged_is_the_law_that_was_simulated(year):
    """A plan has the same parameters with and without forecast: only the laboratory tells which it is."""
    space = BoxSpace([Parameter(name, **table) for name, table in parameters("feedback").items()])
    plan = space.recipe({k.name: float(k.usual) for k in KNOBS["feedback"]})
    for law in ("feedback", "forecast"):
        problem = read_specification(f"agrifood/greenhouse-{law}", quick=True)
        settings = {**problem.finalists, "panel": ["day 20", "day 56"]}
        assert settings["tuned"] == problem.lab["panel"] == "quick"
        check = finalists(settings, read).rungs[0].check
        [found] = check.evaluate([plan], check.members)
        expected = greenhouse_panel.judged(plan, law, check.members, year).measures()["return"][0]
        np.testing.assert_array_equal(found["return"], expected)


def test_the_gate_takes_its_weather_and_place_from_the_laboratory():
    lab = {"weather": "DS-RJ1JJRQBKM1K/weather.csv", "latitude": 37.5, "longitude": 127.0}
    asked = []

    def read(*key):
        asked.append(key)
        return own_file(n=48 * 100)

    check = finalists({**GATED, **lab, "panel": ["day 20", "day 56"]}, read).rungs[0].check
    assert asked == list(greenhouse.reads({**lab, "panel": "tune"}))
    assert check.settings["place"] == [37.5, 127.0]


def test_a_laboratory_without_a_panel_is_refused():
    for simulator in FIELD.simulators.values():
        with pytest.raises(BadInput, match="'panel' is missing"):
            simulator.reads({})


def test_the_reference_does_not_pass_against_itself():
    outcome = finalists({**GATED, "panel": ["day 20", "day 24", "day 56"]}, read)
    plain = Ladder.of([replace(outcome.rungs[0].check, pictures=None)], greenhouse.GATES)
    assert set(plain.run([usual()]).refused) == {usual().id}


def test_the_gate_lets_a_better_design_pass_and_refuses_the_colder(year):
    ladder = finalists({**GATED, "panel": ["day 20", "day 24", "day 160", "day 220", "day 32 building 1"]}, read)
    check = ladder.rungs[0].check
    assert isinstance(check, HeldOut)
    space = BoxSpace([Parameter(name, **table) for name, table in parameters("set-points").items()])
    values = {k.name: float(k.usual) for k in KNOBS["set-points"]}
    good = space.recipe({
        **values, "temp_day": 11.4, "day_radiation": -5, "vent_deadband": 0.5, "vent_temp_gain": 0.7, "rh_max": 74.5,
        "vent_rh_gain": 0.25, "co2_target": 840, "co2_gain": 0.011, "co2_vent_cutoff": 7.5,
    })  # fmt: skip
    cold = space.recipe({**values, "temp_day": 10, "temp_night": 8, "heat_gain": 5})
    outcome = ladder.run([good, cold])
    assert set(outcome.refused) == {cold.id}
    rows = {(r["candidate"], r["property"]): r["value"] for r in outcome.evidence.to_pylist()}
    assert rows[good.id, "gain-low"] > 3
    assert rows[good.id, "mean return"] < 0  # better than the rules, and yet no profit: flagged
    flags = {(v["candidate"], v["property"]) for v in outcome.verdicts.to_pylist() if v["verdict"] == "flag"}
    assert (good.id, "mean return") in flags
    assert rows[cold.id, "violations"] > 0


def test_shadow_prices_are_the_slopes_of_the_penalty(year):
    """A small move of a limit at the same controls, done again by hand."""
    season, c = greenhouse_panel.panel_of(["day 40"], year)
    traces = twin.trace("set-points", RULES, season[0], c[0])[None]
    prices = greenhouse_pictures.shadow_prices(traces, season, c)
    ppm = traces[0, :, 7]
    fall = np.maximum(500 - ppm, 0).sum() - np.maximum(490 - ppm, 0).sum()
    assert prices[0] == pytest.approx(5e-5 * fall / 10, rel=1e-6)
    assert (prices >= 0).all()


def test_the_days_of_a_season_sum_to_its_return(year):
    season = year.season(40, twin.STEPS)
    steps = twin.trace("set-points", RULES, season)
    days = [greenhouse_pictures.day_return(steps, day) for day in range(40)]
    assert sum(days) == pytest.approx(HEURISTIC[40][0], abs=1e-6)


def test_pictures_are_drawn_in_both_languages(year):
    drawn = greenhouse_pictures.pictures(usual(), usual(), "set-points", ["day 20", "day 56"], year)
    assert set(drawn) == {f"{name}.{lang}.svg" for name in ("example-day", "return", "limits") for lang in ("en", "ko")}
    for name, data in drawn.items():
        words = data.decode()
        assert ("모의실험" if ".ko." in name else "simulated") in words.lower()
    assert "near start days" in drawn["return.en.svg"].decode()
    seasons = greenhouse_panel.judged(usual(), "set-points", ["day 20", "day 130", "day 250"], year)
    means = greenhouse_pictures.by_stratum(seasons, ["near", "far", "far"])
    assert means == pytest.approx({"near": HEURISTIC[20][0], "far": (HEURISTIC[130][0] + HEURISTIC[250][0]) / 2})


@pytest.mark.parametrize("law", KNOBS)
def test_a_design_of_a_law_becomes_its_parameters(law):
    space = BoxSpace([Parameter(name, **table) for name, table in parameters(law).items()])
    design = space.recipe({k.name: float(k.usual) for k in KNOBS[law]})
    assert len(vector(design, law)) == len(KNOBS[law])
    if law != "set-points":
        assert vector(design, law)[:2].tolist() == [12.0, 3.0]  # half hours
        with pytest.raises(BadInput, match="differ"):
            vector(design, "set-points")


# --- weather files


def own_file(n=2000, header="time,radiation [W/m2],temperature [Cel],humidity [%],CO2 [ppm]", change=lambda row: row):
    start = datetime(2026, 1, 20)
    rows = [
        change([(start + timedelta(minutes=30 * i)).isoformat(), f"{100 * (i % 48 > 20)}", "6.5", "80", "450"])
        for i in range(n)
    ]
    return "\n".join([header, *(",".join(row) for row in rows)]).encode()


def test_an_own_file_gives_the_weather_that_it_tells():
    own = weather.own_weather(own_file(), "w.csv", (52.0, 4.5))
    assert own.first_day == 20
    assert own.spacing == 1800
    season = own.season(20, 480)
    assert season.shape == (493, 5)
    assert season[21, 0] == 100
    gas = 8.3144598 * (6.5 + 273.15)
    assert season[0, 1] == pytest.approx(450e-6 * 101325 * 44.01e-3 / gas)


def test_units_of_an_own_file_are_converted():
    kelvin = own_file(
        header="time,radiation [W/m2],temperature [K],humidity [%],CO2 [ppm]",
        change=lambda row: [row[0], row[1], "279.65", *row[3:]],
    )
    np.testing.assert_allclose(
        weather.own_weather(kelvin, "w.csv", (52, 4)).values, weather.own_weather(own_file(), "w.csv", (52, 4)).values
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (own_file(header="time,radiation [W/m2],temperature [Cel],humidity [%]"), "'CO2' is missing"),
        (own_file(header="time,radiation [W/m2],temperature,humidity [%],CO2 [ppm]"), "has no unit"),
        (own_file(header="time,radiation [W/m2],temperature [K],humidity [%],CO2 [ppm]"), "cannot be temperature"),
        (own_file(change=lambda row: [*row[:2], "", *row[3:]]), "no number in 'temperature'"),
        (own_file(change=lambda row: ["then", *row[1:]]), "has no time"),
        (own_file(n=1), "are no weather"),
        (own_file(change=lambda row: ["2026-01-20", *row[1:]]), "evenly spaced"),
        ("time\n".encode("utf-16"), "UTF-8"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why(data, said):
    with pytest.raises(BadInput, match=said):
        weather.own_weather(data, "w.csv", (52.0, 4.5))


def test_a_season_outside_the_file_is_refused(year):
    with pytest.raises(BadInput, match="does not lie inside"):
        year.season(300, twin.STEPS)
    with pytest.raises(BadInput, match="does not lie inside"):
        year.season(5, twin.STEPS)


def test_the_sun_of_the_clock_is_the_sun_of_the_file(year):
    """Measured light never exceeds a clear sky by much, and follows it: the file keeps wall-clock time."""
    light, clear = year.values[:, 0], year.values[:, 4]
    assert np.corrcoef(light, clear)[0, 1] > 0.85
    assert np.quantile(light[clear > 100] / clear[clear > 100], 0.95) < 1.15
    assert np.quantile(light[clear == 0], 0.99) < 10


def test_the_field_offers_its_campaigns():
    assert {"greenhouse", "greenhouse-feedback", "greenhouse-forecast"} <= set(FIELD.problems)
    for problem in FIELD.problems.values():
        assert problem["lab"]["simulator"] in FIELD.simulators
        assert {"en", "ko"} <= set(problem["title"])


def test_an_own_year_runs_where_it_was_deposited():
    lab = {
        "panel": ["day 20", "day 22"],
        "weather": "DS-RJ1JJRQBKM1K/weather.csv",
        "latitude": 37.5,
        "longitude": 127.0,
    }
    [key] = greenhouse.reads(lab)
    inputs = {
        "candidate": json.dumps([usual().kind, dict(usual().content), dict(usual().form)]).encode(),
        "/".join(key): own_file(n=48 * 60),
    }
    values = json.loads(greenhouse.run_set_points(inputs, lab, 1, lambda share, what: None)["values"])
    assert values["return"]["value"] < values["profit"]["value"]
    with pytest.raises(BadInput, match="names no deposited"):
        greenhouse.reads({**lab, "weather": "weather.csv"})
    with pytest.raises(BadInput, match="unknown key 'wheather'"):
        greenhouse.reads({"panel": "tune", "wheather": lab["weather"]})
    with pytest.raises(BadInput, match="unknown key 'latitude'"):
        greenhouse.reads({"panel": "tune", "latitude": 37.5})


@pytest.mark.parametrize("law", KNOBS)
def test_own_years_tune_and_are_gated_on_under_every_law(law):
    """Two winters in one file: named with their year, and each season is that of its own days."""
    lab = {"simulator": f"greenhouse-{law}", "weather": "DS-RJ1JJRQBKM1K/w.csv", "latitude": 37.5, "longitude": 127.0}
    warmer = own_file(n=48 * 450, change=lambda row: [*row[:2], "9" if row[0] > "2027" else "6.5", *row[3:]])
    settings = {**lab, "tuned": ["day 20", "2026 day 30"], "panel": ["2027 day 20", "2027 day 25 building 4"]}
    check = finalists(settings, lambda *key: warmer).rungs[0].check
    design = BoxSpace([Parameter(name, **table) for name, table in parameters(law).items()]).recipe(
        {k.name: float(k.usual) for k in KNOBS[law]}
    )
    [found] = check.evaluate([design], ["2027 day 20", "2026 day 20", "day 20"])
    assert found["energy"][0] < found["energy"][1] == found["energy"][2]
    own = weather.own_weather(warmer, "w.csv", (37.5, 127.0))
    np.testing.assert_array_equal(greenhouse_panel.panel_of(["2027 day 20"], own)[0][0], own.season(385, twin.STEPS))
    for wrong, said in (
        ({"panel": ["2027 day 90", "2027 day 20"]}, "does not lie inside"),
        ({"tuned": ["2027 day 90", "2026 day 30"]}, "does not lie inside"),
        ({"panel": ["2027 day 20"]}, "panel of 1"),
        ({"panel": ["2026 day 20", "2027 day 20"]}, "stand in both"),
        ({"panel": ["2027 january", "2027 day 20"]}, "no season of an own"),
    ):
        with pytest.raises(BadInput, match=said):
            finalists({**settings, **wrong}, lambda *key: warmer)


def test_a_design_is_drawn_and_named_even_with_a_parameter_that_no_law_has():
    made = usual()
    assert FIELD.label(made) == "14 10 50 30"
    strange = BoxSpace([Parameter("shade", 0.0, 1.0, 0.1, "1")]).recipe({"shade": 0.5})
    assert FIELD.label(strange) == "0.5"
    for each in (made, strange):
        assert FIELD.draw(each, 200, 120).startswith("<svg")
    with pytest.raises(BadInput, match="differ"):
        vector(strange, "set-points")


def test_a_table_of_ladder_settings_is_refused():
    assert FIELD.ladder({}).rungs == ()
    with pytest.raises(BadInput, match="not understood"):
        FIELD.ladder({"alerts": "flag"})
