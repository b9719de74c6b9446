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
from dure.fields.agrifood import irrigation
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
        data = irrigation.climate(read(*irrigation.source_file(place)))
        first, last = (date(*(int(x) for x in row[2::-1])) for row in data[[0, -1]])
        for year in (*site.tune, *site.held_out):
            planted, ended = irrigation.dates_of(site, year)
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
        irrigation.climate(b"Day Month Year Tmin Tmax Rain\n1 1 1982 3 9 0\n2 1 1982 3 9 0\n")


def test_a_design_of_another_campaign_is_refused():
    other = BoxSpace([Parameter("depth", 0.0, 50.0, 5.0, "mm")]).recipe({"depth": 25.0})
    with pytest.raises(BadInput, match="has the triggers"):
        irrigation.triggers_of(other)


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
