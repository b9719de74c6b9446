"""Axes on a picture that stands alone: a grid in units, lines, bands, bars and dots, and a legend of what they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dure.campaign.report.picture import GREY, RED, Picture

Frame = tuple[float, float, float, float]
Range = tuple[float, float]
Ticks = Sequence[tuple[float, str]]
LEGEND_ROW = 16.0


class Axes:
    """One pair of axes on a picture.

    Marks that are given a `label` are entered into the legend, which `legend` draws above the axes.

    Args:
        picture: the sheet.
        frame: left, top, width and height of the area between the axes, user units.
        x, y: the range of each axis; widened where it is empty.
        x_label, y_label: names with units.
        x_ticks, y_ticks: (value, words); at round numbers unless given.
    """

    def __init__(
        self,
        picture: Picture,
        frame: Frame,
        x: Range,
        y: Range,
        x_label: str = "",
        y_label: str = "",
        *,
        x_ticks: Ticks | None = None,
        y_ticks: Ticks | None = None,
    ) -> None:
        self.picture, self.frame, self.x, self.y = picture, frame, _widened(x), _widened(y)
        self._keys: list[tuple[str, str, str]] = []
        left, top, width, height = frame
        floor = top + height
        for value, words in ticks(*self.y) if y_ticks is None else y_ticks:
            picture.rule(left, self.py(value), left + width, self.py(value))
            picture.words(left - 6, self.py(value) + 4, words, colour=GREY, anchor="end", size=11)
        for value, words in ticks(*self.x) if x_ticks is None else x_ticks:
            picture.rule(self.px(value), floor, self.px(value), floor + 4, GREY)
            picture.words(self.px(value), floor + 17, words, colour=GREY, anchor="middle", size=11)
        picture.rule(left, floor, left + width, floor, GREY)
        # Level and above the axis: it stays readable where the drawing is small.
        picture.words(left - 46, top - 8, y_label)
        picture.words(left + width / 2, floor + 34, x_label, anchor="middle")

    def px(self, value: float) -> float:
        """Position from the left, user units."""
        left, _, width, _ = self.frame
        return left + (value - self.x[0]) / (self.x[1] - self.x[0]) * width

    def py(self, value: float) -> float:
        """Position from the top, user units."""
        _, top, _, height = self.frame
        return top + height - (value - self.y[0]) / (self.y[1] - self.y[0]) * height

    def line(
        self, x: ArrayLike, y: ArrayLike, colour: str, *, label: str = "", dash: str = "", width: float = 1.6
    ) -> None:
        """A line through the finite points, cut to the range of the axes."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        points = self._points(x, y)
        self.picture.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
        )
        self._enter("dash" if dash else "line", colour, label)

    def band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, *, label: str = "", opacity: float = 0.18
    ) -> None:
        """The area between two curves, cut to the range of the axes."""
        xs = _floats(x)
        there = self._points(xs, high)
        back = self._points(xs[::-1], _floats(low)[::-1])
        self._filled(f"{there} {back}", colour, opacity, label)

    def area(self, x: ArrayLike, y: ArrayLike, colour: str, *, label: str = "", opacity: float = 0.18) -> None:
        """A filled polygon."""
        self._filled(self._points(x, y), colour, opacity, label)

    def dots(
        self, x: ArrayLike, y: ArrayLike, colour: str, *, label: str = "", r: float = 2.8, opacity: float = 0.75
    ) -> None:
        """A dot a point; points outside the axes are left out."""
        for a, b in zip(_floats(x).ravel(), _floats(y).ravel(), strict=True):
            if self.x[0] <= a <= self.x[1] and self.y[0] <= b <= self.y[1]:
                at = f'cx="{self.px(a):.1f}" cy="{self.py(b):.1f}" r="{r:g}"'
                self.picture.parts.append(f'<circle {at} fill="{colour}" fill-opacity="{opacity:g}"/>')
        self._enter("dot", colour, label)

    def sticks(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, *, label: str = "") -> None:
        """A thin upright bar a point between two values, as for intervals, cut to the range of the axes."""
        ends = (np.clip(_floats(values), *self.y) for values in (low, high))
        for a, b, c in zip(_floats(x), *ends, strict=True):
            self.picture.parts.append(
                f'<path d="M{self.px(a):.1f} {self.py(b):.1f}V{self.py(c):.1f}" stroke="{colour}" '
                'stroke-opacity="0.35" fill="none"/>'
            )
        self._enter("line", colour, label)

    def bar(self, x: float, width: float, low: float, high: float, colour: str, *, label: str = "") -> None:
        """A bar from `low` to `high`, in the units of the axes."""
        top, base = self.py(max(low, high)), self.py(min(low, high))
        self.picture.box(self.px(x), top, self.px(x + width) - self.px(x), base - top, colour)
        self._enter("box", colour, label)

    def level(self, y: float, colour: str = RED, *, label: str = "", dash: str = "5 3") -> None:
        """A dashed line over the whole width, such as a limit; none where it lies outside."""
        if self.y[0] <= y <= self.y[1]:
            self.line(self.x, (y, y), colour, label=label, dash=dash, width=1.2)

    def upright(self, x: float, colour: str, *, label: str = "", dash: str = "4 3") -> None:
        """A dashed line over the whole height."""
        self.line((x, x), self.y, colour, label=label, dash=dash, width=1.2)

    def legend(self, x: float | None = None, y: float | None = None, *, beside: bool = False) -> None:
        """Keys and words of all labelled marks, in rows of which the lowest stands at y, 26 units above the axes.

        Args:
            x, y: where else it begins, user units.
            beside: in one row at the right, beside the name of the upright axis.
        """
        left, top, width, _ = self.frame
        if beside:
            wide = sum(_wide(words) for _, _, words in dict.fromkeys(self._keys))
            x, y = left + width - wide + 12, top - 8
        left, lowest = left if x is None else x, top - 26 if y is None else y
        rows: list[list[tuple[float, tuple[str, str, str]]]] = [[]]
        at = left
        for key in dict.fromkeys(self._keys):
            wide = _wide(key[2])
            if rows[-1] and at + wide > max(left + width, self.picture.width - 10):
                rows.append([])
                at = left
            rows[-1].append((at, key))
            at += wide
        for number, row in enumerate(rows):
            line = lowest - LEGEND_ROW * (len(rows) - 1 - number)
            for place, (shape, colour, words) in row:
                self._key(place, line - 4, shape, colour)
                self.picture.words(place + 24, line, words, size=11)

    def svg(self) -> str:
        """The finished picture with its legend."""
        self.legend()
        return self.picture.svg().decode()

    def _key(self, x: float, y: float, shape: str, colour: str) -> None:
        if shape == "dot":
            self.picture.parts.append(f'<circle cx="{x + 9:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>')
        elif shape.startswith("box"):
            self.picture.box(x, y - 5, 18, 10, colour, float(shape[3:] or 1))
        else:
            dashes = ' stroke-dasharray="5 3"' if shape == "dash" else ""
            self.picture.parts.append(
                f'<path d="M{x:.1f} {y:.1f}h18" stroke="{colour}" stroke-width="2"{dashes} fill="none"/>'
            )

    def _enter(self, shape: str, colour: str, label: str) -> None:
        if label:
            self._keys.append((shape, colour, label))

    def _filled(self, points: str, colour: str, opacity: float, label: str) -> None:
        self.picture.parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="{opacity:g}"/>')
        self._enter(f"box{opacity:g}", colour, label)

    def _points(self, x: ArrayLike, y: ArrayLike) -> str:
        xs, ys = np.clip(_floats(x), *self.x), np.clip(_floats(y), *self.y)
        return " ".join(f"{self.px(a):.1f},{self.py(b):.1f}" for a, b in zip(xs, ys, strict=True) if math.isfinite(b))


def plot(
    title: str,
    x: Range,
    y: Range,
    x_label: str,
    y_label: str,
    *,
    note: str = "",
    size: tuple[int, int] = (640, 400),
    keys: int = 1,
    x_ticks: Ticks | None = None,
    y_ticks: Ticks | None = None,
) -> Axes:
    """A picture with one pair of axes.

    Args:
        note: stands below, for example that all is simulated.
        keys: rows that the legend needs.
    """
    width, height = size
    top, below = 54 + LEGEND_ROW * keys, 62 if note else 46
    frame = (66.0, top, width - 88.0, height - top - below)
    return Axes(Picture(width, height, title, note), frame, x, y, x_label, y_label, x_ticks=x_ticks, y_ticks=y_ticks)


def ticks(low: float, high: float, about: int = 5) -> list[tuple[float, str]]:
    """Round numbers inside a range, with their labels."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    values = [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{value:.10g}".replace("-", "−")) for value in values]


def span(*values: ArrayLike, margin: float = 0.06) -> Range:
    """The range of the finite values, a little wider."""
    every = np.concatenate([_floats(v).ravel() for v in values])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    return low - margin * (high - low), high + margin * (high - low)


def _wide(words: str) -> float:
    """About how wide a key with its words is, and the room behind it, in user units."""
    return 40 + sum(11.0 if ord(letter) > 0x2E80 else 6.0 for letter in words)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _widened(ends: Range) -> Range:
    low, high = float(ends[0]), float(ends[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)
