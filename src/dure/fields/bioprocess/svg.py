"""Small plots that stand alone: one pair of axes with a grid, units, marks, a legend and a note below.

The report's own plots take their colours from its style sheet; pictures of models and checks are also files of their
own, so each colour is written out here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import ArrayLike

INK, GREY, GRID = "#222222", "#6b6b6b", "#dddddd"
BLUE, RED, GREEN, ORANGE = "#0b62a4", "#b3261e", "#2a7d3f", "#b36b00"
FONT = "Noto Sans CJK KR, Noto Sans KR, DejaVu Sans, sans-serif"


class Axes:
    """A plot under construction; `x` and `y` are the ranges, all positions in user units.

    Args:
        title, x_label, y_label: words with units.
        note: below the axes, for what readers must know (`simulated`).
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        title: str,
        x_label: str,
        y_label: str,
        *,
        note: str = "",
        size: tuple[int, int] = (640, 360),
    ) -> None:
        self.x, self.y = _widened(x), _widened(y)
        self.width, self.height = size
        self.left, self.right, self.top, self.bottom = 64, 16, 58, 62 if note else 46
        self._legend_at = float(self.left)
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" '
            f'height="{size[1]}" font-family="{FONT}" font-size="12">',
            f'<rect x="0" y="0" width="{size[0]}" height="{size[1]}" fill="white"/>',
        ]
        self.words(8, 16, title, weight="bold", size=13)
        self.words(8, 48, y_label, colour=GREY)
        for value in _ticks(*self.y):
            at = self.py(value)
            self.parts.append(f'<path d="M{self.left} {at}H{self.width - self.right}" stroke="{GRID}" fill="none"/>')
            self.words(self.left - 6, at + 4, f"{value:g}", anchor="end", colour=GREY)
        base = self.height - self.bottom
        self.parts.append(f'<path d="M{self.left} {base}H{self.width - self.right}" stroke="{GREY}" fill="none"/>')
        for value in _ticks(*self.x):
            self.parts.append(f'<path d="M{self.px(value)} {base}v4" stroke="{GREY}" fill="none"/>')
            self.words(self.px(value), base + 17, f"{value:g}", anchor="middle", colour=GREY)
        self.words((self.left + self.width - self.right) / 2, base + 34, x_label, anchor="middle")
        if note:
            self.words(8, self.height - 8, note, colour=GREY, size=11)

    def px(self, value: float) -> float:
        """Position from the left."""
        low, high = self.x
        return round(self.left + (value - low) / (high - low) * (self.width - self.left - self.right), 1)

    def py(self, value: float) -> float:
        """Position from the top."""
        low, high = self.y
        inside = self.height - self.top - self.bottom
        return round(self.height - self.bottom - (value - low) / (high - low) * inside, 1)

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        anchor: str = "start",
        weight: str = "",
        size: int = 12,
    ) -> None:
        """Text at a position."""
        bold = f' font-weight="{weight}"' if weight else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" fill="{colour}" text-anchor="{anchor}" font-size="{size}"{bold}>'
            f"{escape(text)}</text>"
        )

    def line(
        self, x: ArrayLike, y: ArrayLike, colour: str, *, label: str = "", width: float = 1.6, dash: str = ""
    ) -> None:
        """A line through the finite points, cut to the axes' range."""
        xs, ys = np.asarray(x, dtype=float), np.clip(np.asarray(y, dtype=float), *self.y)
        points = " ".join(f"{self.px(a)},{self.py(b)}" for a, b in zip(xs, ys, strict=True) if math.isfinite(b))
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>')
        self._legend(label, f'<path d="M0 0h18" stroke="{colour}" stroke-width="{width}"{dashes} fill="none"/>')

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, colour: str, *, label: str = "") -> None:
        """The area between two curves."""
        xs = np.asarray(x, dtype=float)
        under, over = (np.clip(np.asarray(edge, dtype=float), *self.y) for edge in (low, high))
        there = [f"{self.px(a)},{self.py(b)}" for a, b in zip(xs, over, strict=True)]
        back = [f"{self.px(a)},{self.py(b)}" for a, b in zip(xs[::-1], under[::-1], strict=True)]
        self.parts.append(f'<polygon points="{" ".join([*there, *back])}" fill="{colour}" fill-opacity="0.18"/>')
        self._legend(label, f'<rect x="0" y="-5" width="18" height="10" fill="{colour}" fill-opacity="0.18"/>')

    def dots(self, x: Sequence[float], y: Sequence[float], colour: str, *, label: str = "", r: float = 3.2) -> None:
        """A dot a point."""
        for a, b in zip(x, y, strict=True):
            self.parts.append(f'<circle cx="{self.px(a)}" cy="{self.py(b)}" r="{r}" fill="{colour}"/>')
        self._legend(label, f'<circle cx="9" cy="0" r="{r}" fill="{colour}"/>')

    def upright(self, x: float, colour: str, *, label: str = "", dash: str = "4 3") -> None:
        """A vertical line over the whole height."""
        top, base = self.top, self.height - self.bottom
        self.parts.append(
            f'<path d="M{self.px(x)} {top}V{base}" stroke="{colour}" stroke-dasharray="{dash}" fill="none"/>'
        )
        self._legend(label, f'<path d="M0 0h18" stroke="{colour}" stroke-dasharray="{dash}" fill="none"/>')

    def svg(self) -> str:
        """The finished drawing."""
        return "".join([*self.parts, "</svg>"])

    def _legend(self, label: str, key: str) -> None:
        if not label:
            return
        self.parts.append(f'<g transform="translate({self._legend_at:g} 31)">{key}</g>')
        self.words(self._legend_at + 24, 35, label)
        self._legend_at += 40 + sum(12.5 if ord(c) > 0x2E7F else 7.0 for c in label)


def _widened(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = float(ends[0]), float(ends[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round numbers within the range."""
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
    return [round(i * step, 12) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
