"""Plots of the field as SVG text that stands alone: axes with units, a legend, words in one language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 640, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 58, 54
BLUE, ORANGE, GREY, GREEN, RED = "#1f5f99", "#d9731a", "#8a8f98", "#2e7d4f", "#b3261e"
INK, GRID = "#22262b", "#e3e6ea"
SIMULATED = {"en": "simulated", "ko": "모의실험"}


@dataclass
class Plot:
    """One pair of axes; marks are added, then `svg` gives the text.

    Attributes:
        x, y: the range of each axis.
        title: stands above the plot; `note` beside it at the right, for example "simulated".
    """

    x: tuple[float, float]
    y: tuple[float, float]
    title: str
    note: str = ""
    left: int = LEFT
    parts: list[str] = field(default_factory=list)
    legend: list[tuple[str, str, str]] = field(default_factory=list)

    def px(self, x: float) -> float:
        low, high = self.x
        return round(self.left + (x - low) / (high - low) * (WIDTH - self.left - RIGHT), 1)

    def py(self, y: float) -> float:
        low, high = self.y
        return round(HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    def axes(
        self,
        x_label: str,
        y_label: str,
        x_ticks: Sequence[tuple[float, str]] | None = None,
        y_ticks: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        """Grid, ticks at round numbers unless given, and names with units."""
        floor, end = HEIGHT - BOTTOM, WIDTH - RIGHT
        for value, label in y_ticks if y_ticks is not None else ticks(*self.y):
            self.parts.append(f'<path d="M{self.left} {self.py(value)}H{end}" stroke="{GRID}" fill="none"/>')
            self.text(self.left - 7, self.py(value) + 4, label, anchor="end")
        for value, label in x_ticks if x_ticks is not None else ticks(*self.x):
            self.parts.append(f'<path d="M{self.px(value)} {floor}v4" stroke="{INK}" fill="none"/>')
            self.text(self.px(value), floor + 18, label, anchor="middle")
        self.parts.append(f'<path d="M{self.left} {floor}H{end}" stroke="{INK}" fill="none"/>')
        self.text((self.left + end) / 2, HEIGHT - 12, x_label, anchor="middle")
        self.text(8, TOP - 12, y_label)

    def text(self, x: float, y: float, words: str, anchor: str = "start", colour: str = INK, size: int = 12) -> None:
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
            f"{escape(words)}</text>"
        )

    def dots(self, x: Iterable[float], y: Iterable[float], colour: str, name: str = "", size: float = 2.6) -> None:
        """One mark a point; `name` puts it into the legend."""
        self.parts += [
            f'<circle cx="{self.px(a)}" cy="{self.py(b)}" r="{size}" fill="{colour}" fill-opacity="0.65"/>'
            for a, b in zip(x, y, strict=True)
        ]
        if name:
            self.legend.append(("dot", colour, name))

    def line(self, x: Iterable[float], y: Iterable[float], colour: str, name: str = "", dash: str = "") -> None:
        points = " ".join(f"{self.px(a)},{self.py(b)}" for a, b in zip(x, y, strict=True))
        more = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"{more}/>')
        if name:
            self.legend.append(("line", colour, name))

    def bars(
        self, x: Iterable[float], low: Iterable[float], high: Iterable[float], colour: str, name: str = ""
    ) -> None:
        """Thin upright bars between two values, as for intervals."""
        self.parts += [
            f'<path d="M{self.px(a)} {self.py(b)}V{self.py(c)}" stroke="{colour}" stroke-opacity="0.3" fill="none"/>'
            for a, b, c in zip(x, low, high, strict=True)
        ]
        if name:
            self.legend.append(("line", colour, name))

    def svg(self) -> str:
        words = escape(self.title)
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" font-family="sans-serif"><title>{words}</title>'
            f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        )
        top = f'<text x="8" y="20" font-size="14" font-weight="bold" fill="{INK}">{words}</text>'
        if self.note:
            top += f'<text x="{WIDTH - RIGHT}" y="{TOP - 12}" text-anchor="end" font-size="12" fill="{RED}">'
            top += f"{escape(self.note)}</text>"
        return head + top + "".join(self.parts) + self._legend() + "</svg>"

    def _legend(self) -> str:
        drawn, y = [], TOP + 12
        if not self.legend:
            return ""
        wide = 34 + 7.2 * max(_width(name) for _, _, name in self.legend)
        drawn.append(
            f'<rect x="{self.left + 8}" y="{TOP - 2}" width="{wide:g}" height="{18 * len(self.legend) + 6}" '
            'fill="#ffffff" fill-opacity="0.85"/>'
        )
        for shape, colour, name in self.legend:
            x = self.left + 20
            if shape == "dot":
                drawn.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}"/>')
            else:
                drawn.append(f'<path d="M{x - 8} {y - 4}h16" stroke="{colour}" stroke-width="2" fill="none"/>')
            drawn.append(f'<text x="{x + 14}" y="{y}" font-size="12" fill="{INK}">{escape(name)}</text>')
            y += 18
        return "".join(drawn)


def ticks(low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
    """Round numbers within a range, with what is written beside them."""
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step - 1e-9)
    return [(i * step, f"{i * step:g}") for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _width(words: str) -> float:
    """Letters, Hangul counted as wide ones."""
    return sum(1.7 if ord(letter) > 0x1100 else 1.0 for letter in words)
