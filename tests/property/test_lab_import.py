"""Results against an in-memory reference: noise-free plates give the truth; altered files are not taken in part."""

import contextlib
import csv
import io

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dure.base.errors import DureError
from dure.lab.outcome import Protocol
from dure.lab.plate import Item, Layout, dilution, plan_plates
from dure.lab.potency import combine, flip
from dure.lab.results import read_results

QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REFERENCE = Item("", "b3:ref", "reference")


def worklist(n, wells, replicates, seed):
    layout = Layout(dilution(10, 4, 8), "umol/L", wells=wells, replicates=replicates, reference=REFERENCE)
    items = [Item(f"b3:{i:03d}", f"b3:c{i:03d}", f"cpd {i}") for i in range(n)]
    return plan_plates(items, layout, np.random.default_rng(seed))


def rows(plan, truth, low, high):
    """Readouts without noise."""
    lines = []
    for w in plan:
        if w.role in ("positive", "negative"):
            share = float(w.role == "positive")
        else:
            share = 1 / (1 + 10 ** (-truth.get(w.order, 7.0)) / (w.concentration * 1e-6))
        lines.append([w.plate, w.well, w.order, f"{high - (high - low) * share:.9g}"])
    return lines


def saved(path, lines):
    out = io.StringIO()
    csv.writer(out).writerows([["plate", "well", "order", "readout"], *lines])
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


@QUIET
@given(
    p=st.lists(st.floats(5.7, 8.2), min_size=1, max_size=20),
    wells=st.sampled_from([96, 384]),
    replicates=st.integers(1, 2),
    ends=st.sampled_from([(0, 100), (100, 5000), (900, 20), (0.05, 1.2)]),
    seed=st.integers(0, 5),
)
def test_noise_free_plates_give_back_the_truth(tmp_path, p, wells, replicates, ends, seed):
    truth = {f"b3:{i:03d}": value for i, value in enumerate(p)}
    plan = worklist(len(p), wells, replicates, seed)
    results = read_results(saved(tmp_path / "r.csv", rows(plan, truth, *ends)), plan, Protocol(wells=wells))
    found = {m.order: m.value for m in results.measured}
    assert found.keys() == truth.keys()
    assert max(abs(found[order] - truth[order]) for order in truth) < 1e-4
    assert {m.n for m in results.measured} == {replicates}


@QUIET
@given(data=st.data(), seed=st.integers(0, 5))
def test_an_altered_file_is_refused_or_every_order_is_accounted_for(tmp_path, data, seed):
    plan = worklist(9, 96, 1, seed)
    truth = {f"b3:{i:03d}": 6 + 0.2 * i for i in range(9)}
    lines = rows(plan, truth, 0, 100)
    for _ in range(data.draw(st.integers(1, 3))):
        i, column = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, 3))
        what = data.draw(st.sampled_from(["blank", "swap", "drop", "double", "nonsense"]))
        if what == "drop" and len(lines) > 1:
            lines.pop(i)
        elif what == "double":
            lines.append(list(lines[i]))
        elif what == "swap":
            lines[i], lines[0] = lines[0], lines[i]
        else:
            lines[i] = [*lines[i][:column], "" if what == "blank" else "x\u0000y"[:1], *lines[i][column + 1 :]]
    with contextlib.suppress(DureError):
        results = read_results(saved(tmp_path / "r.csv", lines), plan)
        told = [*[m.order for m in results.measured], *[f.order for f in results.failed], *results.waiting]
        assert sorted(told) == sorted(truth)
        for m in results.measured:
            assert abs(m.value - truth[m.order]) < 0.3


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(4, 9), st.sampled_from("=<>")), min_size=1, max_size=6))
def test_combining_is_symmetric_and_keeps_within_what_was_said(replicates):
    p, signs = np.array([value for value, _ in replicates]), np.array([sign for _, sign in replicates])
    found, backwards, mirrored = combine(p, signs), combine(p[::-1], signs[::-1]), combine(-p, flip(signs))
    assert abs(found.value - backwards.value) < 1e-6
    assert abs(found.value + mirrored.value) < 1e-6
    assert bool(found.discordant) == bool(mirrored.discordant)
    if not found.discordant:
        exact = p[signs == "="]
        if len(exact) == len(p):
            assert p.min() - 1e-9 <= found.value <= p.max() + 1e-9
        if len(exact) and np.all(signs != ">"):
            assert found.value <= exact.mean() + 1e-9
    assert found.n == len(p)
