"""The small plots: where things are put, and that they stay well-formed."""

import xml.etree.ElementTree as ET

import pytest

from dure.campaign.report import figures
from dure.campaign.report.plots import HEIGHT, LEFT, WIDTH, Plot, shade, span, ticks


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 10, ["0", "2", "4", "6", "8", "10"]),
        (5.1, 10.3, ["6", "8", "10"]),
        (0, 0.013, ["0.000", "0.005", "0.010"]),
        (-1, 1, ["−1.0", "−0.5", "0.0", "0.5", "1.0"]),
        (0, 100_000, ["0", "20,000", "40,000", "60,000", "80,000", "100,000"]),
    ],
)
def test_ticks_are_round_and_inside(low, high, labels):
    assert [label for _, label in ticks(low, high)] == labels
    assert all(low <= value <= high + 1e-9 for value, _ in ticks(low, high))


def test_higher_values_are_drawn_higher():
    plot = Plot((0, 10), (0, 1), "t")
    assert plot.px(0) == LEFT
    assert LEFT < plot.px(5) < plot.px(10) < WIDTH
    assert 0 < plot.py(1) < plot.py(0) < HEIGHT


def test_an_empty_range_is_widened():
    plot = Plot((3, 3), (7, 7), "t")
    assert plot.x == (2.5, 3.5)
    assert LEFT < plot.px(3) < WIDTH


def test_every_word_in_a_plot_is_escaped():
    plot = Plot((0, 1), (0, 1), 'a "<b>"')
    plot.axes("<i>", "&")
    plot.mark(0.5, 0.5, "point", tip="<script>", trace='"><script>')
    parsed = ET.fromstring(plot.svg())
    assert parsed.get("aria-label") == 'a "<b>"'
    assert "<script" not in plot.svg()


def test_lines_bands_and_stairs_are_well_formed():
    plot = Plot((0, 2), (0, 2), "t")
    plot.line([0, 1, 2], [0, 1, 2], "campaign")
    plot.line([0, 1, 2], [0, 1, 2], "campaign", step=True)
    plot.band([0, 1, 2], [0, 0, 1], [1, 2, 2], "random")
    for shape in ("dot", "diamond", "square"):
        plot.mark(1, 1, "point", shape=shape)
    assert len(ET.fromstring(plot.svg())) == 6


def test_colours_go_from_dark_to_light():
    light = [sum(int(shade(i / 10)[j : j + 2], 16) for j in (1, 3, 5)) for i in range(11)]
    assert light == sorted(light)
    assert shade(-1) == shade(0)
    assert shade(2) == shade(1)


def test_span_leaves_room():
    assert span([0.0, 10.0]) == (-0.5, 10.5)


def test_many_marks_are_thinned_evenly():
    assert len(figures.thinned(range(3000))) == 3000
    shown = figures.thinned(range(100_000))
    assert len(shown) <= figures.MOST_MARKS
    assert shown[1] - shown[0] == shown[-1] - shown[-2]
