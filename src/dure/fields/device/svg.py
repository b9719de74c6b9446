"""Axes of the field's pictures: bands, lines and areas."""

from __future__ import annotations

from collections.abc import Sequence

from dure.campaign.report.picture import GREY, GRID, Picture

Points = Sequence[tuple[float, float]]
Ticks = Sequence[tuple[float, str]]


class Axes:
    """A pair of axes on a sheet; `frame` is left, top, width and height of the area between them, user units."""

    def __init__(
        self, sheet: Picture, frame: tuple[float, float, float, float], x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        self.sheet, self.frame, self.x, self.y = sheet, frame, x, y

    def px(self, value: float) -> float:
        """Position from the left, within the frame."""
        left, _, width, _ = self.frame
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return left + min(max(share, 0.0), 1.0) * width

    def py(self, value: float) -> float:
        """Position from the top, within the frame."""
        _, top, _, height = self.frame
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return top + height - min(max(share, 0.0), 1.0) * height

    def draw(self, x_ticks: Ticks, y_ticks: Ticks, x_label: str, y_label: str) -> None:
        """Grid, ticks and the names of both axes with their units."""
        left, top, width, height = self.frame
        for value, words in y_ticks:
            self.sheet.rule(left, self.py(value), left + width, self.py(value), GRID)
            self.sheet.words(left - 6, self.py(value) + 4, words, colour=GREY, anchor="end", size=11)
        for value, words in x_ticks:
            self.sheet.rule(self.px(value), top + height, self.px(value), top + height + 4, GREY)
            self.sheet.words(self.px(value), top + height + 17, words, colour=GREY, anchor="middle", size=11)
        self.sheet.rule(left, top + height, left + width, top + height, GREY)
        self.sheet.words(left + width / 2, top + height + 34, x_label, anchor="middle")
        self.sheet.words(left - 44, top - 8, y_label)

    def line(self, points: Points, colour: str, *, width: float = 1.8, dash: str = "") -> None:
        """A line through the points."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.sheet.parts.append(
            f'<polyline points="{self._path(points)}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
        )

    def area(self, points: Points, colour: str, opacity: float) -> None:
        """A filled polygon."""
        self.sheet.parts.append(
            f'<polygon points="{self._path(points)}" fill="{colour}" fill-opacity="{opacity:g}" stroke="none"/>'
        )

    def band(
        self, x: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str, opacity: float
    ) -> None:
        """The area between two curves."""
        there, back = zip(x, high, strict=True), zip(reversed(x), reversed(low), strict=True)
        self.area([*there, *back], colour, opacity)

    def dot(self, x: float, y: float, colour: str, r: float = 2.0, opacity: float = 1.0) -> None:
        """A dot."""
        at = f'cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{r:g}"'
        self.sheet.parts.append(f'<circle {at} fill="{colour}" fill-opacity="{opacity:g}"/>')

    def level(self, y: float, colour: str) -> None:
        """A dashed line over the whole width."""
        self.line([(self.x[0], y), (self.x[1], y)], colour, width=1.2, dash="5 3")

    def upright(self, x: float, colour: str) -> None:
        """A dashed line over the whole height."""
        self.line([(x, self.y[0]), (x, self.y[1])], colour, width=1.2, dash="3 3")

    def _path(self, points: Points) -> str:
        return " ".join(f"{self.px(a):.1f},{self.py(b):.1f}" for a, b in points)


def legend(sheet: Picture, x: float, y: float, entries: Sequence[tuple[str, float, str]], step: float = 150) -> None:
    """(colour, opacity, words) in a row from a place."""
    for i, (colour, opacity, words) in enumerate(entries):
        at = x + i * step
        sheet.parts.append(
            f'<rect x="{at:.1f}" y="{y - 9:.1f}" width="14" height="10" fill="{colour}" fill-opacity="{opacity:g}"/>'
        )
        sheet.words(at + 19, y, words, size=11)
