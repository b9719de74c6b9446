"""Pictures that stand alone as SVG files: a white sheet with words, rules and boxes; every colour is written out.

The report's own plots take their colours from its style sheet; what a check or a training draws is a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

INK, GREY, GRID = "#17212b", "#5f6b76", "#dfe3e7"
BLUE, RED, GREEN, ORANGE, PURPLE = "#0b62a4", "#b3261e", "#2a7d3f", "#b36b00", "#6b3fa0"
Mark = tuple[str, float | None, float | None]
"""Words; where a value lies between its bounds, from 0 to 1, and where the usual one does; None: no such mark."""


class Picture:
    """A white sheet, width by height user units, that panels are drawn on."""

    def __init__(self, width: int, height: int, title: str, note: str = "") -> None:
        self.width, self.height = width, height
        self.parts = [f'<rect x="0" y="0" width="{width}" height="{height}" fill="white"/>']
        self.words(10, 20, title, size=14, weight="bold")
        if note:
            self.words(10, height - 9, note, size=11, colour=GREY)

    def words(
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = INK,
        anchor: str = "start",
        size: int = 12,
        weight: str = "",
    ) -> None:
        """Text whose base line starts (or ends, or is centred) at a position."""
        bold = f' font-weight="{weight}"' if weight else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}"{bold}>'
            f"{escape(text)}</text>"
        )

    def rule(self, x1: float, y1: float, x2: float, y2: float, colour: str = GRID, dash: str = "") -> None:
        """A straight line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>')

    def box(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" fill="{colour}" '
            f'fill-opacity="{opacity:g}"/>'
        )

    def svg(self) -> bytes:
        """The finished picture."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" font-family="Noto Sans KR, Noto Sans CJK KR, DejaVu Sans, sans-serif">'
        )
        return (head + "".join(self.parts) + "</svg>").encode()


def knobs(rows: Sequence[Mark], width: int, height: int) -> str:
    """A design as SVG: a line a parameter, its value a dot between its bounds and the usual one a tick."""
    step = (height - 8) / max(len(rows), 1)
    size = min(11.0, 0.6 * step)
    left, right = 0.62 * width, width - 8.0
    parts = []
    for i, (words, share, usual) in enumerate(rows):
        y = 4 + step * (i + 0.5)
        parts.append(f'<text x="4" y="{y + size / 3:.1f}" font-size="{size:.1f}" fill="{INK}">{escape(words)}</text>')
        if share is None:
            continue
        parts.append(f'<line x1="{left:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}" stroke="#c5ccd3"/>')
        if usual is not None:
            at = left + usual * (right - left)
            parts.append(f'<line x1="{at:.1f}" y1="{y - 4:.1f}" x2="{at:.1f}" y2="{y + 4:.1f}" stroke="{GREY}"/>')
        at = left + min(max(share, 0.0), 1.0) * (right - left)
        parts.append(f'<circle cx="{at:.1f}" cy="{y:.1f}" r="{min(4.0, 0.3 * step):.1f}" fill="{BLUE}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{''.join(parts)}</svg>"
    )
