"""The field's analyses: the evidence file with proposed changes, and the replay of any low."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_device_twin import archive, files  # noqa: F401  (fixtures)

from dure.base.canonical import canonical
from dure.base.errors import BadInput
from dure.fields.device import dossier, evidence, given
from dure.fields.device.field import FIELD
from dure.fields.device.lows import MOST, REPLAY
from dure.fields.device.patients import FILES
from dure.fields.device.settings import SETTINGS, design, reference

LAB = {"simulator": "therapy", "panel": "tune", "meals": "announced", "days": 2}


def done(run, files, rows=(), candidate=None, lab=None):  # noqa: F811
    inputs = {f"simglucose/patients/{name}": files[name] for name in FILES}
    if rows:
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([{"row": i, **row} for i, row in enumerate(rows, 2)]), sink)
        inputs["table"] = sink.getvalue()
    if candidate is not None:
        inputs["candidate"] = canonical([candidate.kind, dict(candidate.content), dict(candidate.form)])
    out = run(inputs, {"packages": {}, "lab": lab or {}}, 1, lambda share, said: None)
    return json.loads(out["findings"]), out


def whole(findings):
    """Whether every text of the findings stands in both languages and every row fits its head."""
    texts = [*findings["summary"], *(table["title"] for table in findings["tables"])]
    texts += [head for table in findings["tables"] for head in table["head"]]
    texts += [cell for table in findings["tables"] for row in table["rows"] for cell in row if isinstance(cell, dict)]
    fits = all(len(row) == len(table["head"]) for table in findings["tables"] for row in table["rows"])
    return fits and all(set(text) == {"en", "ko"} and all(text.values()) for text in texts)


def test_the_templates_name_every_column_in_a_unit_that_the_analysis_takes():
    assert FIELD.analyses["evidence"].template.splitlines()[0].startswith("target [mg/dL],rise bolus")
    assert FIELD.analyses["replay"].template.splitlines()[0] == "patient,time [h]"
    assert [column.name for column in given.COLUMNS] == [setting.name for setting in SETTINGS["controller"]]
    assert not any(column.required for column in given.COLUMNS)
    glucose = [column for column in given.COLUMNS if column.unit == "mg/dL"]
    # 7 mmol/L written as mg/dL is refused.
    assert [column.name for column in glucose] == ["target"]
    assert glucose[0].low > 7


def test_the_evidence_of_the_shipped_design_and_of_an_answer(files, monkeypatch):  # noqa: F811
    monkeypatch.setattr(evidence, "DAYS", 1)
    findings, out = done(evidence.evidence, files, [{"gain": 5.0}])
    assert whole(findings)
    body = json.loads(out["evidence.json"])
    assert body["design"] == dossier.tuning(dossier.shipped())
    [decision] = body["decisions"]
    assert decision["change"] == {**body["design"], "gain": 5.0}
    assert any("gain = 5 ∉" in reason for reason in decision["reasons"])
    assert findings["passed"] == all(row["passed"] for row in body["matrix"])
    assert findings["tables"][0]["title"]["en"].startswith("Requirements")
    assert {"profile.en.svg", "profile.ko.svg", "evidence.en.md", "evidence.ko.md"} <= set(out)
    lab = {"simulator": "controller", "panel": "tune", "meals": "mixed"}
    findings, out = done(evidence.evidence, files, [{"target": 170.0}], reference("controller"), lab)
    body = json.loads(out["evidence.json"])
    assert body["design"] == dossier.tuning(reference("controller"))
    assert "15 virtual patients" in body["origin"]["en"]
    # Suspension alone does not beat today: the file says that it is not passed.
    assert not findings["passed"]
    with pytest.raises(BadInput, match="both panels"):
        done(evidence.evidence, files, (), reference("controller"), {**lab, "panel": "held-out"})


def test_any_low_is_replayed(files):  # noqa: F811
    much = design({"basal": 1.2, "carbohydrate ratio": 0.8, "target": 110.0}, "therapy")
    findings, out = done(REPLAY.run, files, (), much, LAB)
    assert whole(findings)
    [replayed, listed] = (table["rows"] for table in findings["tables"])
    assert len(listed) > 20
    assert replayed[0][3] == min(row[5] for row in listed)
    assert {"replay-01.en.svg", "replay-01.ko.svg"} <= set(out)
    patient, hours = listed[3][0], listed[3][3]
    own = [row for row in listed if row[0] == patient]
    rows = [{"patient": patient, "time": hours}, {"patient": own[-1][0], "time": own[-1][3]}]
    findings, out = done(REPLAY.run, files, rows, much, LAB)
    told = findings["tables"][0]["rows"]
    assert [row[:2] for row in told] == [[2, patient], [3, patient]]
    assert [row[3] for row in told] == [listed[3][5], own[-1][5]]
    assert f"day {listed[3][1]}, {listed[3][2]}" == told[0][2]["en"]
    assert patient.encode() in out["replay-02.ko.svg"]
    # A row may change settings: more insulin, a deeper low.
    same = {"patient": patient, "basal": 1.2, "carbohydrate ratio": 0.8}
    deeper = [same, {"patient": patient, "basal": 1.3, "carbohydrate ratio": 0.7}]
    usual, more = (row[3] for row in done(REPLAY.run, files, deeper, much, LAB)[0]["tables"][0]["rows"])
    assert more < usual == min(row[5] for row in own)


def test_rows_that_cannot_be_replayed(files):  # noqa: F811
    asked = reference("therapy")
    for row, match in (
        ({"patient": "adult#011"}, "no virtual patient"),
        ({"patient": "adult#001", "time": 900.0}, "no low from hour 900"),
        ({"patient": "adult#001", "gain": 0.1}, "therapy has no setting 'gain'"),
    ):
        with pytest.raises(BadInput, match=match):
            done(REPLAY.run, files, [row], asked, LAB)
    with pytest.raises(BadInput, match="too many"):
        done(REPLAY.run, files, [{"patient": "adult#001"}] * (MOST + 1), asked, LAB)
