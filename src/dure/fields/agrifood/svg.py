"""Panels of the field's pictures: axes in units, lines, bars and dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dure.campaign.report.picture import GREY, RED, Picture


class Panel:
    """One pair of axes on a picture; `frame` is left, top, width and height of the plotted area, user units."""

    def __init__(
        self,
        picture: Picture,
        frame: tuple[float, float, float, float],
        x: tuple[float, float],
        y: tuple[float, float],
        y_label: str,
        x_label: str = "",
        x_ticks: Sequence[tuple[float, str]] | None = None,
        y_ticks: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        self.picture, self.frame, self.x, self.y = picture, frame, _wide(x), _wide(y)
        left, top, width, height = frame
        self._legend_at = left + width
        for value, text in y_ticks if y_ticks is not None else ticks(*self.y):
            picture.rule(left, self.py(value), left + width, self.py(value))
            picture.words(left - 6, self.py(value) + 4, text, colour=GREY, anchor="end", size=11)
        for value, text in x_ticks if x_ticks is not None else ticks(*self.x):
            picture.rule(self.px(value), top + height, self.px(value), top + height + 4, GREY)
            picture.words(self.px(value), top + height + 17, text, colour=GREY, anchor="middle", size=11)
        picture.rule(left, top + height, left + width, top + height, GREY)
        # Level and above the axis: it stays readable where the drawing is small.
        picture.words(left - 46, top - 8, y_label)
        if x_label:
            picture.words(left + width / 2, top + height + 33, x_label, anchor="middle")

    def px(self, value: float) -> float:
        """Position from the left."""
        left, _, width, _ = self.frame
        return left + (value - self.x[0]) / (self.x[1] - self.x[0]) * width

    def py(self, value: float) -> float:
        """Position from the top."""
        _, top, _, height = self.frame
        return top + height - (value - self.y[0]) / (self.y[1] - self.y[0]) * height

    def line(self, x: ArrayLike, y: ArrayLike, colour: str, *, dash: str = "", width: float = 1.6) -> None:
        """A line through the points, cut to the range of the axes."""
        xs, ys = _floats(x), np.clip(_floats(y), *self.y)
        points = " ".join(f"{self.px(a):.1f},{self.py(b):.1f}" for a, b in zip(xs, ys, strict=True) if math.isfinite(b))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.picture.parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
        )

    def level(self, y: float, colour: str = RED) -> None:
        """A dashed line over the whole width: a limit."""
        left, _, width, _ = self.frame
        if self.y[0] <= y <= self.y[1]:
            self.picture.rule(left, self.py(y), left + width, self.py(y), colour, "5 3")

    def dots(self, x: ArrayLike, y: ArrayLike, colour: str, r: float = 2.8) -> None:
        """A dot a point; points outside the axes are left out."""
        for a, b in zip(_floats(x), _floats(y), strict=True):
            if self.x[0] <= a <= self.x[1] and self.y[0] <= b <= self.y[1]:
                at = f'cx="{self.px(a):.1f}" cy="{self.py(b):.1f}" r="{r:g}"'
                self.picture.parts.append(f'<circle {at} fill="{colour}" fill-opacity="0.75"/>')

    def bar(self, x: float, width: float, low: float, high: float, colour: str) -> None:
        """A bar from `low` to `high`, in the units of the axes."""
        top, base = self.py(max(low, high)), self.py(min(low, high))
        self.picture.box(self.px(x), top, self.px(x + width) - self.px(x), base - top, colour)

    def legend(self, *entries: tuple[str, str]) -> None:
        """(colour, words) at the right above the axes, in order."""
        at = self._legend_at - sum(26 + _length(text) for _, text in entries)
        for colour, text in entries:
            self.picture.box(at, self.frame[1] - 17, 12, 9, colour)
            self.picture.words(at + 16, self.frame[1] - 8, text, size=11)
            at += 26 + _length(text)


def ticks(low: float, high: float, about: int = 4) -> list[tuple[float, str]]:
    """Round numbers inside a range, with their labels."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    values = [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
    return [(value, f"{value:.10g}".replace("-", "−")) for value in values]


def span(*values: ArrayLike, margin: float = 0.06) -> tuple[float, float]:
    """The range of the finite values, a little wider."""
    every = np.concatenate([_floats(v).ravel() for v in values])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    return low - margin * (high - low), high + margin * (high - low)


def _length(text: str) -> float:
    """About how wide words of size 11 are, in user units."""
    return sum(11.0 if ord(letter) > 0x2E80 else 6.0 for letter in text)


def _floats(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _wide(limits: tuple[float, float]) -> tuple[float, float]:
    low, high = limits
    return (low, high) if high > low else (low - 0.5, high + 0.5)
