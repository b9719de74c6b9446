"""Small plots as SVG text: axes, lines, bands and marks, and nothing that needs a script or a library.

Colours, widths and letter sizes are classes of the page's style sheet, so a plot follows the dark scheme, and its
letters grow on a narrow screen where the drawing itself shrinks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 350
LEFT, RIGHT, TOP, BOTTOM = 66, 14, 36, 56


@dataclass
class Plot:
    """One pair of axes that marks are added to.

    Attributes:
        x, y: the range of each axis; widened where it would be empty.
        title: what is seen, for those who do not see it.
        height: user units; the width is always `WIDTH`.
        margins: left, right, top, bottom, user units.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    title: str
    height: int = HEIGHT
    margins: tuple[int, int, int, int] = (LEFT, RIGHT, TOP, BOTTOM)
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x, self.y = _widened(self.x), _widened(self.y)

    def px(self, x: float) -> float:
        """Position from the left, user units."""
        (low, high), (left, right, _, _) = self.x, self.margins
        return round(left + (x - low) / (high - low) * (WIDTH - left - right), 1)

    def py(self, y: float) -> float:
        """Position from the top, user units."""
        (low, high), (_, _, top, bottom) = self.y, self.margins
        return round(self.height - bottom - (y - low) / (high - low) * (self.height - top - bottom), 1)

    def axes(
        self,
        x_label: str,
        y_label: str,
        *,
        x_ticks: Sequence[tuple[float, str]] | None = None,
        y_ticks: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        """Grid, tick labels and axis names; ticks at round numbers unless given."""
        bottom = self.py(self.y[0])
        for y, label in y_ticks if y_ticks is not None else ticks(*self.y):
            at = self.py(y)
            self._add(f'<path class="grid" d="M{LEFT} {at}H{WIDTH - RIGHT}"/>')
            self.text(LEFT - 6, at, label, "tick end")
        for x, label in x_ticks if x_ticks is not None else ticks(*self.x):
            self._add(f'<path class="axis" d="M{self.px(x)} {bottom}v4"/>')
            self.text(self.px(x), bottom + 18, label, "tick mid")
        self._add(f'<path class="axis" d="M{LEFT} {bottom}H{WIDTH - RIGHT}"/>')
        self.text((LEFT + WIDTH - RIGHT) / 2, self.height - 11, x_label, "label mid")
        # Above the axis and level: it stays readable on a phone, where a turned label would not.
        self.text(8, 12, y_label, "label")

    def frame(self) -> None:
        """A frame without ticks, for axes that have no unit."""
        self._add(f'<path class="grid" d="M1 1H{WIDTH - 1}V{self.height - 1}H1Z"/>')

    def text(self, x: float, y: float, words: str, css: str) -> None:
        """Words at a position in user units; `end` and `mid` in `css` align them, vertically they are centred."""
        self._add(f'<text class="{css}" x="{x}" y="{y}" dy=".35em">{escape(words)}</text>')

    def line(self, x: Sequence[float], y: Sequence[float], css: str, *, step: bool = False) -> None:
        """A line through the points, or a staircase that rises at each point."""
        path = [f"M{self.px(x[0])} {self.py(y[0])}"]
        for at, value in zip(x[1:], y[1:], strict=True):
            path.append(f"H{self.px(at)}V{self.py(value)}" if step else f"L{self.px(at)} {self.py(value)}")
        self._add(f'<path class="line {css}" d="{"".join(path)}"/>')

    def band(self, x: Sequence[float], lower: Sequence[float], upper: Sequence[float], css: str) -> None:
        """The area between two curves."""
        there = [f"{self.px(a)} {self.py(b)}" for a, b in zip(x, upper, strict=True)]
        back = [f"{self.px(a)} {self.py(b)}" for a, b in zip(reversed(x), reversed(lower), strict=True)]
        self._add(f'<path class="band {css}" d="M{"L".join([*there, *back])}Z"/>')

    def upright(self, x: float, css: str, y: tuple[float, float] | None = None) -> None:
        """A vertical line over the whole height, or between two values."""
        low, high = y or self.y
        self._add(f'<path class="line {css}" d="M{self.px(x)} {self.py(low)}V{self.py(high)}"/>')

    def mark(
        self,
        x: float,
        y: float,
        css: str,
        *,
        shape: str = "dot",
        size: float = 3.2,
        tip: str = "",
        colour: str = "",
        **data: str,
    ) -> None:
        """One mark; `tip` is shown on hover and read aloud, `data` become data- attributes (trace, kind, value)."""
        more = f' fill="{escape(colour)}"' if colour else ""
        more += "".join(f' data-{key}="{escape(value)}"' for key, value in data.items())
        inside = f"<title>{escape(tip)}</title>" if tip else ""
        self._add(f'<path class="{css}" d="{_outline(shape, self.px(x), self.py(y), size)}"{more}>{inside}</path>')

    def svg(self) -> Markup:
        """The finished drawing."""
        head = f'<svg class="plot" viewBox="0 0 {WIDTH} {self.height}" role="img" aria-label="{escape(self.title)}">'
        return Markup(head + "".join(self.parts) + "</svg>")  # noqa: S704  (every word in it was escaped above)

    def _add(self, part: str) -> None:
        self.parts.append(part)


def ticks(low: float, high: float, about: int = 5) -> list[tuple[float, str]]:
    """Round numbers inside a range, with their labels.

    >>> ticks(0, 10)
    [(0.0, '0'), (2.0, '2'), (4.0, '4'), (6.0, '6'), (8.0, '8'), (10.0, '10')]
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9) + (1 if step / power == 2.5 else 0))
    first = math.ceil(low / step - 1e-9)
    values = [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{value:,.{decimals}f}".replace("-", "−")) for value in values]


def span(values: Iterable[float], margin: float = 0.05) -> tuple[float, float]:
    """The range of the values, a little wider."""
    known = list(values)
    low, high = min(known), max(known)
    return low - margin * (high - low), high + margin * (high - low)


def shade(share: float) -> str:
    """A colour between low (0) and high (1) that also reads as dark to light (after viridis)."""
    at = min(max(share, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    low = min(int(at), len(_VIRIDIS) - 2)
    mixed = (round(a + (b - a) * (at - low)) for a, b in zip(_VIRIDIS[low], _VIRIDIS[low + 1], strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


_VIRIDIS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def _widened(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _outline(shape: str, x: float, y: float, r: float) -> str:
    if shape == "diamond":
        wide, high = f"{1.2 * r:.1f}", f"{1.4 * r:.1f}"
        return f"M{x} {round(y - 1.4 * r, 1)}l{wide} {high}l-{wide} {high}l-{wide} -{high}z"
    if shape == "square":
        return f"M{round(x - r, 1)} {round(y - r, 1)}h{2 * r}v{2 * r}h{-2 * r}z"
    return f"M{round(x - r, 1)} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"
