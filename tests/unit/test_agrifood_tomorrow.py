"""`agrifood/set-points`: a day under a campaign's answer, from a forecast or as an example, and what is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.archives import inputs as source_inputs
from tests.archives import read, silent

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.data.tables import read_table
from dure.design.box import BoxSpace, Parameter
from dure.fields.agrifood import greenhouse, greenhouse_panel, weather
from dure.fields.agrifood import greenhouse_tomorrow as tomorrow
from dure.fields.agrifood import greenhouse_twin as twin
from dure.fields.agrifood.field import FIELD
from dure.fields.agrifood.greenhouse_laws import KNOBS, parameters, usual, vector
from dure.models.columns import checked

PANEL = ["day 30", "day 50"]


def design_of(law):
    space = BoxSpace([Parameter(name, **table) for name, table in parameters(law).items()])
    return space.recipe({k.name: float(k.usual) for k in KNOBS[law]})


def asked(law="set-points", table=None):
    """Inputs and params as the command gives them."""
    design, lab = design_of(law), {"simulator": f"greenhouse-{law}", "panel": PANEL, "driver": "simulated"}
    inputs = source_inputs(tomorrow.SET_POINTS.reads(lab))
    inputs["candidate"] = canonical([design.kind, dict(design.content), dict(design.form)])
    if table is not None:
        sink = io.BytesIO()
        pq.write_table(table, sink)
        inputs["table"] = sink.getvalue()
    return inputs, {"lab": lab, "packages": {}}


def own(tmp_path, change=lambda lines: lines, rows=None):
    lines = tomorrow.SET_POINTS.template.strip().splitlines()
    path = tmp_path / "tomorrow.csv"
    path.write_text("\n".join(change(lines[:rows])) + "\n")
    return checked(read_table(path), tomorrow.SET_POINTS.columns)


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    """Two held-out seasons instead of 29: the season's expectation is not what is tested."""
    monkeypatch.setitem(greenhouse_panel.PANELS, "held-out", ("day 20", "day 56"))


def found_of(inputs, params):
    out = tomorrow.run(inputs, params, 1, silent)
    return json.loads(out["findings"]), out


@pytest.mark.parametrize("law", ["set-points", "forecast"])
def test_an_example_day_is_the_day_of_the_season(law):
    """State, weather and controls go on where the season stood: the day is the same day of the whole season."""
    inputs, params = asked(law)
    found, out = found_of(inputs, params)
    design, year = design_of(law), weather.bleiswijk(read(*greenhouse.FILE))
    season, c = greenhouse_panel.panel_of(["day 30"], year)
    steps = twin.trace(law, vector(design, law), season[0], c[0])
    before, rows = steps[48 * 20 - 1], steps[48 * 20 : 48 * 21]
    hours = found["tables"][0]["rows"]
    assert len(hours) == 24
    assert all(len(row) == len(found["tables"][0]["head"]) for row in hours)
    if law == "set-points":
        night, noon = hours[0], hours[12]
        assert night[3:6] == [10, 12, None]
        assert noon[3:6] == [14, 16, 750]
        # A plan begins anew, so that only fixed set-points go on exactly.
        np.testing.assert_allclose([r[9] for r in hours], rows[:, 2].reshape(24, 2).mean(axis=1), atol=0.051)
        grown = twin.PRICES["lettuce"] * (rows[-1, 0] - before[0])
        parts = {r[0]["en"]: r[1] for r in found["tables"][1]["rows"]}
        assert parts["growth"] == pytest.approx(grown, abs=6e-5)
        total = parts.pop("growth less all costs")
        assert total == pytest.approx(parts.pop("growth") - sum(parts.values()), abs=4e-4)
    assert any("No table was given" in each["en"] for each in found["summary"])
    assert "simulated" in out["tomorrow.en.svg"].decode()
    assert "모의실험" in out["tomorrow.ko.svg"].decode()


def test_the_seasons_expectation_is_that_of_the_campaign():
    inputs, params = asked()
    found, _ = found_of(inputs, params)
    year = weather.bleiswijk(read(*greenhouse.FILE))
    values = greenhouse_panel.judged(usual(), "set-points", PANEL, year).measures()["return"][0]
    [said] = [each["en"] for each in found["summary"] if "tuned on (worst" in each["en"]]
    assert f"{values.mean():+.2f}".replace("-", "−") in said
    assert f"{values.min():+.2f}".replace("-", "−") in said


def test_a_forecast_is_run_from_the_state_that_the_table_tells(tmp_path):
    table = own(tmp_path)
    now = tomorrow.forecast(table, (52.03, 4.53))
    assert now.start[0] == pytest.approx(0.080)
    assert now.start[2] == 11.5
    assert now.first.tolist() == [0, 0.2, 40]
    assert now.weather.shape == (61, 5)
    # 09:30 lies between 80 and 160 W/m2 of the template.
    assert now.weather[19, 0] == pytest.approx(120)
    gas = 8.3144598 * (11.5 + 273.15)
    assert now.start[1] == pytest.approx(520e-6 * 101325 * 44.01e-3 / gas)
    found, _ = found_of(*asked("feedback", table))
    hours = found["tables"][0]["rows"]
    assert [row[0] for row in hours[:2]] == ["00:00", "01:00"]
    assert hours[0][1:3] == [pytest.approx(3.0, abs=0.3), 0]
    assert any("2026-02-10 00:00" in each["en"] for each in found["summary"])
    assert not any("No table" in each["en"] or "left out" in each["en"] for each in found["summary"])


def test_a_colder_house_takes_more_heat(tmp_path):
    def colder(lines):
        return [lines[0], *(line.replace(",80,11.5,78,", ",80,6,78,") for line in lines[1:])]

    def heat(table):
        rows = found_of(*asked("set-points", table))[0]["tables"][0]["rows"]
        return sum(row[6] for row in rows)

    assert heat(own(tmp_path, colder)) > heat(own(tmp_path)) + 10


def test_what_a_short_forecast_and_missing_actuators_stand_for_is_said(tmp_path):
    def bare(lines):
        return [line.rsplit(",", 3)[0] for line in lines]

    now = tomorrow.forecast(own(tmp_path, bare, rows=25), (52.03, 4.53))
    np.testing.assert_array_equal(now.weather[48:, :4], now.weather[:13, :4])
    assert now.first.tolist() == twin.FIRST.tolist()
    said = " ".join(each["en"] for each in now.told)
    assert "after 24 hours" in said
    assert "left out" in said


@pytest.mark.parametrize(
    ("rows", "change", "said"),
    [
        (20, lambda lines: lines, "19 hours are no day"),
        (2, lambda lines: lines, "1 rows are no day"),
        (
            None,
            lambda lines: [*lines[:5], lines[5].replace(",11.5,", ",12.5,"), *lines[6:]],
            "'indoor temperature' dif",
        ),
        (None, lambda lines: [*lines[:5], *lines[6:]], "not evenly spaced"),
        (None, lambda lines: [*lines[:5], "soon" + lines[5][16:], *lines[6:]], "row 6 has no time"),
    ],
)
def test_a_table_that_tells_no_day_is_refused(tmp_path, rows, change, said):
    with pytest.raises(BadInput, match=said):
        tomorrow.forecast(own(tmp_path, change, rows), (52.03, 4.53))


def test_wrong_units_are_refused(tmp_path):
    with pytest.raises(BadInput):
        own(
            tmp_path,
            lambda lines: [lines[0].replace("indoor temperature [Cel]", "indoor temperature [W/m2]"), *lines[1:]],
        )
    with pytest.raises(BadInput, match="carries no unit"):
        own(tmp_path, lambda lines: [lines[0].replace("indoor CO2 [umol/mol]", "indoor CO2"), *lines[1:]])


def test_shadow_prices_of_a_day_are_the_slopes_of_its_penalty():
    found, _ = found_of(*asked())
    rows = found["tables"][2]["rows"]
    assert [row[1] for row in rows] == twin.LIMIT_VALUES.tolist()
    year = weather.bleiswijk(read(*greenhouse.FILE))
    season, c = greenhouse_panel.panel_of(["day 30"], year)
    steps = twin.trace("set-points", vector(usual(), "set-points"), season[0], c[0])[48 * 20 : 48 * 21]
    ppm = steps[:, 7]
    fall = np.maximum(500 - ppm, 0).sum() - np.maximum(490 - ppm, 0).sum()
    assert rows[0][4] == pytest.approx(5e-5 * fall / 10, abs=2e-5)


def test_without_a_campaign_the_tuned_rules_are_shown_and_said():
    inputs = source_inputs(tomorrow.SET_POINTS.reads({}))
    found, _ = found_of(inputs, {"lab": {}, "packages": {}})
    assert "tuned rules" in found["summary"][0]["en"]
    assert not any("it was tuned on" in each["en"] for each in found["summary"])
    assert FIELD.analyses["set-points"] is tomorrow.SET_POINTS
