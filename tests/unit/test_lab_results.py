"""RESULTS.csv against the worklist: what is measured, what fails alone, and what refuses the file."""

import csv
import io
import time
from pathlib import Path

import numpy as np
import pytest

from dure.base.errors import BadInput, DureError, RowErrors
from dure.base.evidence import evidence_table
from dure.lab.outcome import FAILURES, Protocol
from dure.lab.plate import Item, Layout, dilution, plan_plates, results_template
from dure.lab.potency import Concentration
from dure.lab.quality import QualityLimits
from dure.lab.resultfile import NAMES
from dure.lab.results import evidence_columns, read_results

REFERENCE = Item("", "b3:ref", "tofacitinib")
SERIES = Layout(dilution(10, 10**0.5, 10), "umol/L", reference=REFERENCE)
TRUTH = {f"b3:order{i:02d}": 5.6 + 0.25 * i for i in range(12)}
KI = Protocol(measures="pKi", substrate=Concentration(10, "umol/L"), km=Concentration(5, "umol/L"))


def planned(layout=SERIES, orders=tuple(TRUTH), seed=0):
    items = [Item(order, f"b3:cand{order[-2:]}", f"compound {order[-2:]}") for order in orders]
    return plan_plates(items, layout, np.random.default_rng(seed))


def signal(well, rng, sd, truth):
    """A falling signal: 1000 with vehicle, 100 at full effect."""
    if well.role in ("positive", "negative"):
        share = float(well.role == "positive")
    else:
        p = truth.get(well.order, 7.0)
        share = 1 / (1 + 10 ** (-p - np.log10(well.concentration * 1e-6)))
    return 1000 - 900 * share + rng.normal(0, sd)


def raw_rows(wells, sd=15.0, seed=1, truth=TRUTH):
    rng = np.random.default_rng(seed)
    return [
        {
            "order": w.order,
            "compound": w.candidate,
            "plate": w.plate,
            "well": w.well,
            "readout": f"{signal(w, rng, sd, truth):.2f}",
        }
        for w in wells
    ]


def saved(tmp_path, rows, columns=None):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns or list(rows[0]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "RESULTS.csv").write_text(out.getvalue(), encoding="utf-8")
    return tmp_path / "RESULTS.csv"


def row_errors(path, worklist, protocol=None):
    with pytest.raises(RowErrors) as caught:
        read_results(path, worklist, protocol)
    return caught.value.problems


def test_raw_curves_become_potencies_near_the_truth(tmp_path):
    wells = planned()
    results = read_results(saved(tmp_path, raw_rows(wells)), wells)
    assert [m.order for m in results.measured] == sorted(TRUTH)
    assert (results.failed, results.waiting) == ((), ())
    for m in results.measured:
        assert m.qualifier == "="
        assert m.value == pytest.approx(TRUTH[m.order], abs=0.15)
        assert m.lower < m.value < m.upper
        assert (m.n, m.unit, m.property) == (1, "1", "pIC50")
        assert m.method.startswith("dose-response@1#")
    assert {q.verdict for q in results.plates} == {"flagged"}  # no history of the reference yet
    assert results.reference == pytest.approx([7, 7], abs=0.15)


def test_results_become_evidence(tmp_path):
    wells = planned()
    results = read_results(saved(tmp_path, raw_rows(wells)), wells)
    columns = evidence_columns(results)
    at = np.datetime64("2026-01-01", "us").astype(object)
    table = evidence_table({**columns, "kind": "measured", "at": [at] * len(results.measured)})
    assert table.num_rows == 12
    assert table["qualifier"].unique().to_pylist() == ["="]


def test_the_source_names_plate_wells_and_rows(tmp_path):
    wells = planned()
    results = read_results(saved(tmp_path, raw_rows(wells)), wells)
    m = results.measured[0]
    own = [(i, w) for i, w in enumerate(wells, 2) if w.order == m.order]
    assert m.source == f"{own[0][1].plate}:{','.join(w.well for _, w in own)}; rows {own[0][0]}-{own[-1][0]}"


def test_the_template_filled_in_is_taken(tmp_path):
    wells = planned()
    (tmp_path / "RESULTS.csv").write_bytes(results_template(wells))
    with pytest.raises(BadInput, match=r"no readout at all"):
        read_results(tmp_path / "RESULTS.csv", wells)
    lines = list(csv.DictReader(io.StringIO(results_template(wells).decode("utf-8-sig"))))
    for line, row in zip(lines, raw_rows(wells), strict=True):
        line["readout"] = row["readout"]
    assert len(read_results(saved(tmp_path, lines), wells).measured) == 12


def test_row_order_and_names_of_columns_do_not_matter(tmp_path):
    wells = planned()
    rows = raw_rows(wells)
    expected = read_results(saved(tmp_path, rows), wells).measured
    korean = [{"플레이트": r["plate"], "웰": r["well"].lower(), "측정값": r["readout"]} for r in rows[::-1]]
    found = read_results(saved(tmp_path, korean), wells).measured
    assert [(m.order, round(m.value, 9)) for m in found] == [(m.order, round(m.value, 9)) for m in expected]


def test_weak_and_strong_compounds_are_censored(tmp_path):
    orders = tuple(TRUTH)[:3]
    truth = dict(zip(orders, [3.5, 7.0, 11.5], strict=True))
    wells = planned(orders=orders)
    measured = read_results(saved(tmp_path, raw_rows(wells, truth=truth)), wells).measured
    assert [m.qualifier for m in measured] == ["<", "=", ">"]
    assert measured[0].value == pytest.approx(5.0)
    assert measured[2].value == pytest.approx(9.5, abs=0.01)
    assert np.isnan([measured[0].sd, measured[0].lower]).all()


def test_ki_only_with_the_assays_conditions(tmp_path):
    wells = planned()
    path = saved(tmp_path, raw_rows(wells))
    pic50, pki = read_results(path, wells).measured, read_results(path, wells, KI).measured
    assert [b.value - a.value for a, b in zip(pic50, pki, strict=True)] == pytest.approx([np.log10(3)] * 12)
    with pytest.raises(BadInput, match=r"without \[S\] and Km"):
        read_results(path, wells, Protocol(measures="pKi"))


def test_replicates_are_averaged_in_logarithms(tmp_path):
    layout = Layout(SERIES.concentrations, "umol/L", wells=384, replicates=3, reference=REFERENCE)
    wells = planned(layout)
    found = read_results(saved(tmp_path, raw_rows(wells)), wells, Protocol(wells=384)).measured
    for m in found:
        assert m.n == len(m.curves) == 3
        assert m.value == pytest.approx(np.mean([-c.log_ic50 for c in m.curves]))
        assert m.sd >= np.sqrt(sum(c.se**2 for c in m.curves)) / 3 - 1e-12


def test_intervals_of_averaged_replicates_cover(tmp_path):
    layout = Layout(SERIES.concentrations, "umol/L", wells=384, replicates=2, reference=REFERENCE)
    wells = planned(layout)
    covered = []
    for seed in range(25):
        found = read_results(saved(tmp_path, raw_rows(wells, 40, seed)), wells, Protocol(wells=384)).measured
        covered += [m.lower <= TRUTH[m.order] <= m.upper for m in found]
    assert np.mean(covered) > 0.93


def test_contradicting_replicates_fail_their_order_alone(tmp_path):
    layout = Layout(SERIES.concentrations, "umol/L", wells=384, replicates=2, reference=REFERENCE)
    wells = planned(layout)
    rows = raw_rows(wells)
    other = raw_rows(wells, truth={order: p + 1.5 for order, p in TRUTH.items()})
    for i, w in enumerate(wells):
        if w.order == "b3:order03" and w.replicate == 2:
            rows[i] = other[i]
    results = read_results(saved(tmp_path, rows), wells, Protocol(wells=384))
    assert [(f.order, f.code) for f in results.failed] == [("b3:order03", "replicates-discordant")]
    assert "differ by 1." in results.failed[0].reason
    assert len(results.measured) == 11


def test_a_bad_plate_fails_its_own_orders_and_the_others_go_on(tmp_path):
    wells = planned()
    rows = raw_rows(wells)
    rng = np.random.default_rng(0)
    for row, w in zip(rows, wells, strict=True):
        if w.plate == "P-01" and w.role == "negative":
            row["readout"] = f"{rng.normal(1000, 400):.1f}"
    results = read_results(saved(tmp_path, rows), wells)
    assert [q.verdict for q in results.plates] == ["refused", "flagged"]
    on_first = {w.order for w in wells if w.plate == "P-01" and w.order}
    assert {f.order for f in results.failed} == on_first
    assert all(f.code == "plate-refused" and "Z′" in f.reason for f in results.failed)
    assert {m.order for m in results.measured} == set(TRUTH) - on_first
    assert len(results.reference) == 1


def test_the_reference_compound_refuses_a_plate_that_is_out_of_control(tmp_path):
    wells = planned()
    path = saved(tmp_path, raw_rows(wells))
    history = [6.95, 7.0, 7.05, 6.95, 7.05, 7.0, 6.98, 7.02]
    good = read_results(path, wells, history=history)
    assert {q.verdict for q in good.plates} == {"accepted"}
    assert 1 < good.msr < 2
    shifted = read_results(path, wells, history=[h + 1 for h in history])
    assert {q.reference.rule for q in shifted.plates} == {"1-3s"}
    assert len(shifted.failed) == 12


def test_swapped_controls_are_noticed_where_the_protocol_says_which_is_lower(tmp_path):
    wells = planned()
    path = saved(tmp_path, raw_rows(wells))
    assert len(read_results(path, wells, Protocol(falling=True)).measured) == 12
    assert len(read_results(path, wells, Protocol(falling=False)).failed) == 12


def test_unreadable_wells_are_left_out_and_too_many_fail_the_order(tmp_path):
    wells = planned()
    rows = raw_rows(wells)
    for row, w in zip(rows, wells, strict=True):
        if w.order == "b3:order05" and w.concentration < 5:
            row["readout"] = "n/a"
        if w.order == "b3:order06" and w.concentration == 10:
            row["readout"] = ""
    results = read_results(saved(tmp_path, rows), wells)
    assert [(f.order, f.code) for f in results.failed] == [("b3:order05", "no-curve")]
    assert len(results.measured) == 11


def test_plates_not_in_the_file_go_on_waiting(tmp_path):
    wells = planned()
    rows = [row for row in raw_rows(wells) if row["plate"] == "P-02"]
    results = read_results(saved(tmp_path, rows), wells)
    assert set(results.waiting) == {w.order for w in wells if w.plate == "P-01" and w.order}
    assert {m.order for m in results.measured} == {w.order for w in wells if w.plate == "P-02" and w.order}


def test_single_concentrations_give_effects_in_per_cent(tmp_path):
    layout = Layout((1.0,), "umol/L", replicates=2, reference=REFERENCE)
    wells = planned(layout)
    protocol = Protocol(measures="inhibition", unit="%")
    found = read_results(saved(tmp_path, raw_rows(wells, 5)), wells, protocol).measured
    for m in found:
        assert m.value == pytest.approx(100 / (1 + 10 ** (6 - TRUTH[m.order])), abs=3)
        assert (m.n, m.unit) == (2, "%")
    with pytest.raises(BadInput, match="needs 5 concentrations"):
        read_results(tmp_path / "RESULTS.csv", wells)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order": "b3:unknown"}, "never placed"),
        ({"order": "b3:order11"}, "holds"),
        ({"compound": "aspirin"}, "holds"),
        ({"plate": "P-09"}, "not in the worklist"),
        ({"well": "Z99"}, "no well"),
        ({"readout": "1,5"}, "comma"),
        ({"readout": "2025-09-01"}, "date"),
        ({"readout": ">65000"}, "cannot be >"),
        ({"purity": "120"}, "purity of 120"),
        ({"purity": "good"}, "not a number"),
        ({"concentration": "10 nM"}, "was ordered"),
        ({"concentration": "10"}, "no unit"),
    ],
)
def test_a_row_that_does_not_match_refuses_the_whole_file(tmp_path, change, reason):
    wells = planned()
    at = next(i for i, w in enumerate(wells) if w.order == "b3:order03")
    rows = [
        dict(r, purity="", concentration="" if w.concentration is None else f"{w.concentration} uM")
        for r, w in zip(raw_rows(wells), wells, strict=True)
    ]
    rows[at].update(change)
    problems = row_errors(saved(tmp_path, rows), wells)
    assert problems[0][0] == at + 2
    assert any(reason in text for _, text in problems), problems


def test_double_missing_and_extra_wells_refuse_the_file(tmp_path):
    wells = planned()
    rows = raw_rows(wells)
    problems = row_errors(saved(tmp_path, [*rows, rows[0]]), wells)
    assert problems == [(len(rows) + 2, f"well {rows[0]['well']} of plate P-01 stands already in row 2")]
    with pytest.raises(BadInput, match=f"2 wells .* P-01 {rows[0]['well']}, P-01 {rows[1]['well']}"):
        read_results(saved(tmp_path, rows[2:]), wells)
    empty = Layout((1.0,), "umol/L")
    few = planned(empty)
    taken = {w.well for w in few}
    free = next(f"{r}{c:02d}" for r in "ABCDEFGH" for c in range(1, 13) if f"{r}{c:02d}" not in taken)
    extra = [*raw_rows(few), {"plate": "P-01", "well": free, "readout": "5"}]
    assert "empty in the worklist" in row_errors(saved(tmp_path, extra), few)[0][1]


def test_lot_salt_and_purity_are_kept_and_must_agree(tmp_path):
    wells = planned()
    rows = [dict(row, lot="", salt="", purity="") for row in raw_rows(wells)]
    own = [i for i, w in enumerate(wells) if w.order == "b3:order03"]
    rows[own[0]].update(lot="L-7", salt="HCl", purity="85 %")
    found = {m.order: m for m in read_results(saved(tmp_path, rows), wells).measured}["b3:order03"]
    assert (found.sample.lot, found.sample.salt, found.sample.purity) == ("L-7", "HCl", 85.0)
    assert any("85 % pure" in flag for flag in found.flags)
    rows[own[1]]["lot"] = "L-8"
    assert row_errors(saved(tmp_path, rows), wells) == [
        (own[1] + 2, f"lot L-8 where row {own[0] + 2} says L-7 for the same order")
    ]


def fitted(wells, column="IC50 [nM]", scale=1e9):
    orders = dict.fromkeys(w.order for w in wells if w.order)
    return [{"order": o, column: f"{10 ** -TRUTH[o] * scale:.9g}" if scale else TRUTH[o]} for o in orders]


@pytest.mark.parametrize(
    ("column", "scale"), [("IC50 [nM]", 1e9), ("IC50_uM", 1e6), ("IC50 (µM)", 1e6), ("pIC50", None)]
)
def test_fitted_values_in_any_unit(tmp_path, column, scale):
    wells = planned()
    results = read_results(saved(tmp_path, fitted(wells, column, scale)), wells)
    assert {m.order: m.value for m in results.measured} == pytest.approx(TRUTH)
    assert results.kind == "fitted"
    assert results.plates == ()


def test_fitted_values_censored_missing_replicated_and_with_plate_quality(tmp_path):
    wells = planned()
    rows = [dict(row, replicate="1", zprime="0.8") for row in fitted(wells)]
    order = [row["order"] for row in rows]
    rows[0]["IC50 [nM]"] = ">10000"
    rows[1]["IC50 [nM]"] = "n.d."
    rows[2]["zprime"], rows[3]["zprime"] = "0.3", "0.45"
    rows.append(
        {"order": order[4], "replicate": "2", "IC50 [nM]": float(rows[4]["IC50 [nM]"]) * 10**0.2, "zprime": "0.8"}
    )
    results = read_results(saved(tmp_path, rows[:10] + rows[12:]), wells)
    found = {m.order: m for m in results.measured}
    assert (found[order[0]].qualifier, found[order[0]].value) == ("<", 5.0)
    assert {f.order: f.code for f in results.failed} == {order[1]: "no-value", order[2]: "plate-refused"}
    assert "Z′ 0.45" in found[order[3]].flags[0]
    assert (found[order[4]].n, found[order[4]].value) == (2, pytest.approx(TRUTH[order[4]] - 0.1))
    assert set(results.waiting) == set(order[10:12])


def test_fitted_ki_is_taken_as_it_is_and_ic50_only_by_cheng_prusoff(tmp_path):
    wells = planned()
    ki = read_results(saved(tmp_path, fitted(wells, "Ki [nM]")), wells, KI).measured
    assert {m.order: m.value for m in ki} == pytest.approx(TRUTH)
    path = saved(tmp_path, fitted(wells, "IC50 [nM]"))
    converted = read_results(path, wells, KI).measured
    assert {m.order: m.value - np.log10(3) for m in converted} == pytest.approx(TRUTH)
    with pytest.raises(BadInput, match="without"):
        read_results(path, wells, Protocol(measures="pKi"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"order": ""}, "missing"),
        ({"order": "b3:other"}, "never placed"),
        ({"compound": "aspirin"}, "not 'aspirin'"),
        ({"plate": "P-77"}, "lies on plate"),
        ({"IC50 [nM]": "0"}, "above zero"),
        ({"IC50 [nM]": "5 kg"}, "cannot be converted"),
        ({"IC50 [nM]": "1-Sep"}, "date"),
        ({"n": "0"}, "n is 0"),
    ],
)
def test_fitted_rows_that_do_not_match_refuse_the_file(tmp_path, change, reason):
    wells = planned()
    rows = [dict(row, compound="", plate="", n="2") for row in fitted(wells)]
    rows[4].update(change)
    problems = row_errors(saved(tmp_path, rows), wells)
    assert [row for row, _ in problems] == [6]
    assert reason in problems[0][1]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (["a", "b"], "the columns are"),
        (["order", "b"], "there is none"),
        (["order", "IC50 [nM]", "pIC50"], "there is 'IC50"),
        (["order", "IC50"], "no unit"),
        (["order", "IC50 [bogus]"], "not a unit"),
        (["order", "IC50 [nM]", "sd"], "not that of its logarithm"),
        (["plate", "well", "readout", "IC50 [nM]"], "at once"),
        (["plate", "Plate ID", "well", "readout"], "mean the same"),
    ],
)
def test_columns_that_cannot_be_understood(tmp_path, columns, reason):
    wells = planned()
    order = next(w.order for w in wells if w.order)
    path = saved(tmp_path, [{name: order if name == "order" else "5" for name in columns}])
    with pytest.raises(DureError, match=reason) as caught:
        read_results(path, wells)
    assert caught.value.remedy


def test_duplicate_orders_and_impossible_logarithms(tmp_path):
    wells = planned()
    rows = fitted(wells)
    assert "row 2" in row_errors(saved(tmp_path, [*rows, rows[0]]), wells)[0][1]
    rows = fitted(wells, "pIC50", None)
    rows[0]["pIC50"] = 5000
    assert "is this a concentration" in row_errors(saved(tmp_path, rows), wells)[0][1]


def test_another_property_than_a_potency(tmp_path):
    wells = planned(Layout((1.0,), "umol/L"))
    rows = [{"order": row["order"], "yield [%]": "55", "sd": "2", "n": "3"} for row in fitted(wells)]
    m = read_results(saved(tmp_path, rows), wells, Protocol(measures="yield", unit="%")).measured[0]
    assert (m.property, m.value, m.unit, m.sd, m.n) == ("yield", 55.0, "%", 2.0, 3)


@pytest.mark.parametrize("page", ["lab.md", "lab.ko.md"])
def test_the_guide_names_every_column_and_failure(page):
    text = (Path(__file__).parents[2] / "docs" / "guide" / page).read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}" not in text] == []
    assert [code for code in FAILURES if f"`{code}`" not in text] == []


def test_the_settings_are_part_of_the_method():
    assert Protocol().method("a") != Protocol(limits=QualityLimits(flag_cv=5)).method("a")
    assert Protocol().method("a") == Protocol().method("a")


def test_a_full_384_plate_takes_a_few_seconds(tmp_path):
    layout = Layout(SERIES.concentrations, "umol/L", wells=384, reference=REFERENCE)
    orders = [f"b3:order{i:02d}" for i in range(layout.capacity)]
    wells = planned(layout, orders)
    path = saved(tmp_path, raw_rows(wells, truth=dict.fromkeys(orders, 7.0)))
    start = time.process_time()
    assert len(read_results(path, wells, Protocol(wells=384)).measured) == len(orders) == 31
    assert time.process_time() - start < 3
