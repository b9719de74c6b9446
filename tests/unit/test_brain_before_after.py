"""The analysis `brain/intervention`, from arrays before and after to what it says."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dure.base.errors import BadInput
from dure.fields.brain import before_after, clock

CPGS = [f"cg{i:08d}" for i in range(60)]


def silent(share, text):
    """No progress."""


def parquet(columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def slope():
    return np.random.default_rng(1).normal(0, 0.002, len(CPGS))


def betas(slope, age, rng):
    return 0.5 + np.outer(np.asarray(age) - 50, slope) + rng.normal(0, 0.006, (len(age), len(CPGS)))


@pytest.fixture(scope="module")
def model(slope):
    rng = np.random.default_rng(2)
    age = rng.uniform(25, 80, 120)
    beta = betas(slope, age, rng)
    columns = {"row": np.arange(120), "donor": [f"d{i}" for i in range(120)], "age": age}
    table = parquet(columns | {name: beta[:, j] for j, name in enumerate(CPGS)})
    return clock.train({"table": table}, {"quick": True}, 0, silent)["model"]


def asked(slope, shift=-6.0, **changes):
    """Thirty on placebo and thirty on a drug that takes `shift` years off the clock; a year passes."""
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(60), 2)
    late = np.tile([0, 1], 60)
    age = 50.0 + late + shift * (late & (person >= 30))
    beta = betas(slope, age, rng)
    columns = {
        "row": np.arange(2, 122),
        "person": [f"p{i}" for i in person],
        "arm": [("placebo", "drug")[i // 30] for i in person],
        "time": late.astype(float),
        **{name: beta[:, j] for j, name in enumerate(CPGS)},
    }
    return columns | changes


def found(model, columns):
    out = before_after.run({"model": model, "table": parquet(columns)}, {}, 0, silent)
    return json.loads(out["findings"]), out


def test_a_change_is_told_beside_placebo_in_both_languages(model, slope):
    told, out = found(model, asked(slope))
    rows = {row[0]: row for row in told["tables"][0]["rows"]}
    assert list(rows) == ["placebo", "drug"]
    assert rows["drug"][6] == pytest.approx(-6, abs=1.5)
    assert rows["drug"][8] < 0.001
    assert rows["placebo"][3] == pytest.approx(0, abs=1)
    assert told["summary"][0]["en"].startswith("drug: clock age changed by -")
    assert "위약군" in told["summary"][0]["ko"]
    assert "people an arm" in told["summary"][1]["en"]
    assert len(told["tables"][1]["rows"]) == 4
    for lang, word in (("en", "no change"), ("ko", "변화 없음")):
        assert word in out[f"changes.{lang}.svg"].decode()


def test_no_change_is_told_as_none(model, slope):
    told, _ = found(model, asked(slope, shift=0.0))
    assert told["summary"][0]["en"] == "drug: no change in clock age that could be told from placebo."


def test_arrays_outside_the_domain_leave_their_person_out_and_are_named(model, slope):
    columns = asked(slope)
    strange = np.random.default_rng(4).uniform(0, 1, len(CPGS))
    for j, name in enumerate(CPGS):
        columns[name] = columns[name].copy()
        columns[name][0] = strange[j]
    told, _ = found(model, columns)
    rows = told["tables"][0]["rows"]
    assert rows[0][1] + rows[0][2] == 30
    assert [2, clock.CLOCK.why["unlike"]] in told["tables"][2]["rows"]
    assert sum(row[2] for row in rows) == len(told["tables"][2]["rows"]) <= 3


@pytest.mark.parametrize(
    ("column", "at", "value", "said"),
    [
        ("person", 3, "p0", "has 3 arrays, not two"),
        ("time", 1, 0.0, "bear one time"),
        ("arm", 1, "drug", "stands in two arms"),
    ],
)
def test_rows_that_make_no_pairs_are_refused(model, slope, column, at, value, said):
    columns = asked(slope)
    changed = list(columns[column])
    changed[at] = value
    with pytest.raises(BadInput, match=said):
        found(model, columns | {column: changed})


def test_without_placebo_it_is_refused(model, slope):
    columns = asked(slope)
    with pytest.raises(BadInput, match="placebo"):
        found(model, columns | {"arm": ["drug"] * 120})
