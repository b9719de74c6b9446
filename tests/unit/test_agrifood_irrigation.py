"""Irrigation triggers in AquaCrop: seasons, panels, constraints, and the gate against an unguarded optimum."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from tests.archives import read

from dure.base.errors import BadInput
from dure.campaign.spec import read_specification
from dure.design.box import BoxSpace, Parameter
from dure.fields.agrifood import climate, irrigation
from dure.fields.agrifood.field import FIELD, finalists
from dure.verify.ladder import Ladder

pytest.importorskip("aquacrop")
SPACE = BoxSpace([Parameter(name, **table) for name, table in irrigation.PARAMETERS.items()])
YEARS = ["champion 1983", "champion 1984"]
GATED = {"simulator": "irrigation"}


@pytest.fixture(scope="module")
def champion():
    return read(*irrigation.source_file("champion"))


def design(*triggers):
    return SPACE.recipe(dict(zip(irrigation.STAGES, triggers, strict=True)))


def test_water_is_worth_yield_and_full_irrigation_is_the_measure(champion):
    rainfed, half, full = (irrigation.outcomes(champion, [t] * 4, YEARS) for t in (0.0, 50.0, 100.0))
    assert (rainfed["water"] == 0).all()
    assert (full["water"] > half["water"]).all()
    assert (rainfed["yield"] < half["yield"]).all()
    np.testing.assert_allclose(full["yield share"], 100.0)
    assert (half["yield share"] > 95).all()
    # 1 t/ha on 1 mm is 100 kg/m3, and money follows.
    np.testing.assert_allclose(half["productivity"], 100 * half["yield"] / (half["water"] + half["rain"]))
    np.testing.assert_allclose(half["margin"], 200 * half["yield"] - 1.5 * half["water"])


def test_a_season_is_that_of_the_package_by_itself():
    """AquaCrop-OSPy's own way: its helper reads the climate, the model runs, the year's statistics are read."""
    import warnings

    from aquacrop import AquaCropModel, Crop, InitialWaterContent, IrrigationManagement, Soil
    from aquacrop.utils import get_filepath, prepare_weather

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = AquaCropModel(
            "1985/10/15",
            "1986/07/30",
            prepare_weather(get_filepath("tunis_climate.txt")),
            Soil("SandyLoam"),
            Crop("Wheat", planting_date="10/15"),
            InitialWaterContent(wc_type="Pct", value=[50]),
            IrrigationManagement(irrigation_method=1, SMT=[60, 50, 40, 30]),
        )
        model.run_model(till_termination=True)
        told = model._outputs.final_stats.iloc[0]
    data = read(*irrigation.source_file("tunis"))
    ours = irrigation.outcomes(data, [60, 50, 40, 30], ["tunis 1985", "tunis 1980"])
    assert ours["yield"][0] == pytest.approx(float(told["Dry yield (tonne/ha)"]), rel=1e-12)
    assert ours["water"][0] == pytest.approx(float(told["Seasonal irrigation (mm)"]), rel=1e-12)


def test_the_driest_year_is_found():
    found = {"rain": np.array([300.0, 120.0, 250.0]), "yield": np.array([9.0, 4.0, 8.0])}
    assert irrigation.driest(found, "yield") == 4.0


def test_early_years_tune_and_at_least_ten_late_years_judge():
    for place, site in irrigation.SITES.items():
        assert max(site.tune) < min(site.held_out)
        assert len(site.held_out) >= 10
        data = climate.climate(read(*irrigation.source_file(place)))
        first, last = (date(*(int(x) for x in row[2::-1])) for row in data[[0, -1]])
        for year in (*site.tune, *site.held_out):
            planted, ended = climate.dates_of(site, year)
            assert first <= planted < ended <= last, f"{place} {year}"


def test_the_reference_does_not_pass_against_itself():
    ladder = finalists({**GATED, "panel": ["champion 2012", "champion 2013"], "tuned": YEARS}, read)
    plain = Ladder.of([replace(ladder.rungs[0].check, pictures=None)], irrigation.GATES)
    assert set(plain.run([irrigation.usual()]).refused) == {irrigation.usual().id}


def test_the_gate_reckons_with_the_prices_of_the_laboratory():
    problem = read_specification("agrifood/irrigation", quick=True)
    assert problem.finalists["tuned"] == problem.lab["panel"]
    check = finalists({**problem.finalists, "grain_price": 0.0, "water_price": 0.0}, read).rungs[0].check
    [found] = check.evaluate([irrigation.usual()], YEARS)
    assert (found["margin"] == 0).all()
    with pytest.raises(BadInput, match="no price"):
        irrigation.prices_of({"water_price": "dear"})


def test_an_order_tells_every_property_in_its_unit(champion):
    inputs = {
        "candidate": json.dumps([SPACE.kind, dict(design(50, 50, 50, 50).content), dict(design(50, 50, 50, 50).form)]),
        "aquacrop/climate/champion_climate.txt": champion,
    }
    out = irrigation.run_triggers(inputs, {"panel": YEARS, "water_price": 0.3}, 1, lambda share, what: None)
    values = json.loads(out["values"])
    assert {name: each["unit"] for name, each in values.items()} == irrigation.UNITS
    assert values["worst share"]["value"] <= values["yield share"]["value"]
    dearer = irrigation.outcomes(champion, [50] * 4, YEARS, {"grain_price": 200.0, "water_price": 0.3})["margin"].mean()
    assert values["margin"]["value"] == pytest.approx(dearer)


@pytest.mark.parametrize("panel", [["champion 1983"], ["champion 1983", "tunis 1983"], ["champion 1900", "tunis 1983"]])
def test_a_panel_that_cannot_be_run_is_refused(panel):
    with pytest.raises(BadInput):
        irrigation.reads({"panel": panel})
    with pytest.raises(BadInput):
        finalists({**GATED, "panel": panel, "tuned": "champion tune"}, read)


def test_a_climate_file_with_other_columns_is_refused():
    with pytest.raises(BadInput, match="seven numbers"):
        climate.climate(b"Day Month Year Tmin Tmax Rain\n1 1 1982 3 9 0\n2 1 1982 3 9 0\n")


def test_a_design_of_another_campaign_is_refused():
    other = BoxSpace([Parameter("depth", 0.0, 50.0, 5.0, "mm")]).recipe({"depth": 25.0})
    with pytest.raises(BadInput, match="has the triggers"):
        irrigation.triggers_of(other)


# --- own weather

OWN = {"weather": "DS-RJ1JJRQBKM1K/own.csv", "crop": "Maize", "soil": "SandyLoam", "planting": "05-01", "end": "12-30"}
HEADER = "date,minimum [Cel],maximum [Cel],rain [mm],reference ET [mm]"


def own_file(data, header=HEADER, change=lambda row: row, years=(1982, 1986)):
    """Years of Champion as a grower's own table."""
    rows = [row for row in climate.climate(data) if years[0] <= row[2] <= years[1]]
    told = [change([f"{int(y)}-{int(m):02d}-{int(d):02d}", *map(repr, map(float, rest))]) for d, m, y, *rest in rows]
    return "\n".join([header, *(",".join(row) for row in told if row)]).encode()


def test_an_own_file_gives_the_seasons_of_the_same_weather(champion):
    lab = {**OWN, "panel": ["own 1983", "own 1984"]}
    [key] = irrigation.reads(lab)
    assert key == ("dataset", "DS-RJ1JJRQBKM1K", "own.csv")
    made = design(60, 50, 40, 30)
    inputs = {
        "candidate": json.dumps([SPACE.kind, dict(made.content), dict(made.form)]),
        "/".join(key): own_file(champion),
    }
    values = json.loads(irrigation.run_triggers(inputs, lab, 1, lambda share, what: None)["values"])
    shipped = irrigation.outcomes(champion, [60, 50, 40, 30], YEARS)
    assert values["yield"]["value"] == pytest.approx(shipped["yield"].mean(), rel=1e-12)
    assert values["water"]["value"] == pytest.approx(shipped["water"].mean(), rel=1e-12)


def test_units_of_an_own_file_are_converted(champion):
    kelvin = own_file(
        champion,
        header="date,minimum [K],maximum [Cel],rain [cm],reference ET [mm]",
        change=lambda row: [row[0], repr(float(row[1]) + 273.15), row[2], repr(float(row[3]) / 10), row[4]],
    )
    expected = climate.own_climate(own_file(champion), "own.csv")
    np.testing.assert_allclose(climate.own_climate(kelvin, "own.csv"), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"header": "date,minimum [Cel],maximum [Cel],rain [mm]"}, "'reference ET' is missing"),
        ({"header": "date,minimum [Cel],maximum [Cel],rain,reference ET [mm]"}, "'rain' has no unit"),
        ({"header": "date,minimum [Cel],maximum [Cel],rain [kg],reference ET [mm]"}, "kg"),
        ({"header": "date,minimum [K],maximum [K],rain [mm],reference ET [mm]"}, "cannot be minimum"),
        ({"header": "date,maximum [Cel],minimum [Cel],rain [mm],reference ET [mm]"}, "minimum is above the maximum"),
        ({"change": lambda row: row if row[0] != "1983-07-01" else None}, "not evenly spaced"),
        ({"change": lambda row: [row[0] + "T12:00", *row[1:]]}, "not one a day"),
        ({"change": lambda row: [*row[:3], "", row[4]]}, "no number in 'rain'"),
    ],
)
def test_an_own_file_that_cannot_be_taken_says_why(champion, changes, said):
    with pytest.raises(BadInput, match=said):
        climate.own_climate(own_file(champion, **changes), "own.csv")


def test_the_gate_judges_own_years_and_refuses_those_outside_before_anything_is_run(champion):
    settings = {**GATED, **OWN, "tuned": ["own 1982", "own 1983"], "panel": ["own 1984", "own 1985"]}
    data = own_file(champion)
    check = finalists(settings, lambda *key: data).rungs[0].check
    [found] = check.evaluate([irrigation.usual()], check.members)
    shipped = irrigation.outcomes(champion, [50] * 4, ["champion 1984", "champion 1985"])
    np.testing.assert_allclose(found["yield"], shipped["yield"], rtol=1e-12)
    assert check.settings["crop"] == "Maize"
    drawn = check.pictures(irrigation.usual(), irrigation.usual(), check.members)
    assert "own.csv" in drawn["years.en.svg"].decode()
    for wrong, said in (
        ({"panel": ["own 1984", "own 1987"]}, "does not lie inside"),
        ({"tuned": ["own 1981", "own 1982"]}, "does not lie inside"),
        ({"panel": ["own 1984"]}, "panel of 1"),
        ({"panel": ["own 1983", "own 1985"]}, "stand in both"),
        ({"panel": ["champion 1984", "champion 1985"]}, "no season of an own"),
        ({"crop": "Mais"}, "does not know 'Mais'"),
        ({"planting": "02-30"}, "no day of every year"),
    ):
        with pytest.raises(BadInput, match=said):
            finalists({**settings, **wrong}, lambda *key: data)
    with pytest.raises(BadInput, match="'soil' is missing"):
        finalists({key: value for key, value in settings.items() if key != "soil"}, lambda *key: data)


def test_a_key_that_nothing_reads_is_refused():
    with pytest.raises(BadInput, match="unknown key 'wheather'"):
        irrigation.reads({"panel": "champion tune", "wheather": "DS-RJ1JJRQBKM1K/own.csv"})
    with pytest.raises(BadInput, match="unknown key 'crop'"):
        irrigation.reads({"panel": "champion tune", "crop": "Wheat"})


@pytest.mark.slow
def test_the_gate_refuses_the_real_optimum_of_water_productivity_alone(champion):
    """Tuned on two early years without the constraint on yield, as it was run; the guarded optimum passes."""
    tune, late = YEARS, ["champion 2012", "champion 2013", "champion 2014"]
    tried = {
        triggers: irrigation.outcomes(champion, triggers, tune)
        for triggers in itertools.product((20.0, 60.0), (40.0,), (20.0, 60.0), (0.0, 50.0))
    }
    unguarded = max(tried, key=lambda t: tried[t]["productivity"].mean())
    kept = [t for t in tried if tried[t]["yield share"].min() >= 96]
    guarded = max(kept, key=lambda t: tried[t]["productivity"].mean())
    ladder = finalists({**GATED, "panel": late, "tuned": tune}, read)
    outcome = ladder.run([design(*unguarded), design(*guarded)])
    rows = {(r["candidate"], r["property"]): r["value"] for r in outcome.evidence.to_pylist()}
    assert design(*unguarded).id in outcome.refused
    assert rows[design(*unguarded).id, "violations"] >= 1
    assert rows[design(*guarded).id, "violations"] == 0


def test_years_are_drawn_in_both_languages(champion):
    from dure.fields.agrifood.irrigation_pictures import pictures

    found = [irrigation.outcomes(champion, [t] * 4, YEARS) for t in (50.0, 100.0)]
    drawn = pictures(*found, YEARS)
    assert "simulated" in drawn["years.en.svg"].decode()
    assert "모의실험" in drawn["years.ko.svg"].decode()


def test_the_campaigns_keep_their_constraint():
    for name in ("irrigation", "irrigation-tunis", "irrigation-cordoba"):
        [constraint] = FIELD.problems[name]["objective"]["constraints"]
        assert constraint["property"] == "worst share"
        assert constraint["low"] >= irrigation.LEAST_SHARE
