"""Drawings come from plug-ins and, through them, from people's files: only harmless SVG reaches the page.

A drawing is parsed and written anew with the elements, attributes and style properties listed here. Everything else
is dropped: scripts, event handlers, links, images, fonts, embedded HTML, anything that names another address.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # document types, the way of its known attacks, are refused before it reads

from markupsafe import Markup, escape

from dure.campaign.report.values import plain

LARGEST = 200_000
DEEPEST = 40
ELEMENTS = frozenset(
    {"svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "title", "desc"}
)
SHAPE = frozenset(
    {"viewBox", "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy"}
    | {"d", "points", "transform"}
)
PAINT = frozenset(
    {"fill", "fill-opacity", "fill-rule", "opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap"}
    | {"stroke-linejoin", "stroke-dasharray", "font-size", "font-family", "font-weight", "font-style"}
    | {"text-anchor", "dominant-baseline"}
)
# No colon, slash, backslash, at sign, quote or angle bracket: nothing that could name an address or leave the value.
HARMLESS = re.compile(r"[\w\s.,#%()+-]*", re.ASCII)


def clean(svg: str | None, title: str) -> Markup | None:
    """The drawing as markup with `title` as its text for those who do not see it; None when it cannot be shown."""
    if not svg or len(svg) > LARGEST or "<!DOCTYPE" in svg.upper() or "<!ENTITY" in svg.upper():
        return None
    try:
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", svg))  # noqa: S314
    except (ET.ParseError, ValueError):
        return None
    view = _view(root)
    if _name(root) != "svg" or view is None:
        return None
    inside = "".join(_written(child) for child in root if _name(child) not in {"title", "desc"})
    shell = Markup('<svg class="drawing" role="img" viewBox="{}" aria-label="{}">{}</svg>')
    return shell.format(view, title, Markup(inside))  # noqa: S704  (written below, escaped)


def _view(root: ET.Element) -> str | None:
    """The view box, made from width and height where it is missing."""
    numbers = re.findall(r"-?\d+\.?\d*", root.get("viewBox", ""))
    if len(numbers) == 4:
        return " ".join(numbers)
    sides = [re.match(r"\d+\.?\d*", root.get(side, "")) for side in ("width", "height")]
    return f"0 0 {sides[0].group()} {sides[1].group()}" if sides[0] and sides[1] else None


def _written(element: ET.Element, depth: int = 0) -> str:
    name = _name(element)
    if name not in ELEMENTS or depth > DEEPEST:
        return ""
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in _attributes(element).items())
    inside = str(escape(plain(element.text or ""))) if name in {"text", "tspan", "title", "desc"} else ""
    for child in element:
        inside += _written(child, depth + 1)
        if name in {"text", "tspan"}:
            inside += str(escape(plain(child.tail or "")))
    return f"<{name}{attributes}>{inside}</{name}>" if inside else f"<{name}{attributes}/>"


def _attributes(element: ET.Element) -> dict[str, str]:
    """What may stay of the attributes; style becomes attributes, and wins over them as it does in a browser."""
    kept = {key: value for key, value in element.attrib.items() if key in SHAPE | PAINT}
    style = [part.partition(":") for part in element.get("style", "").split(";")]
    kept |= {key.strip(): value.strip() for key, _, value in style if key.strip() in PAINT}
    return {key: value for key, value in kept.items() if HARMLESS.fullmatch(value) and "url" not in value.lower()}


def _name(element: ET.Element) -> str:
    """The tag without its namespace; a comment or processing instruction has no name."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
