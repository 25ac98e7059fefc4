"""A matplotlib figure as an ``<svg>`` element of a page: sharp at every size, and in the page's own colours."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from ltdd_utils.plots.style import INK, PAPER

__all__ = ["BEHIND", "picture", "vector"]

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
PIXELS = 100  # of a page, for an inch of a figure: 10 pt in a figure are 14 pixels
SMALLEST = 0.8  # share of that size below which a figure scrolls instead of shrinking further
# What stands behind a figure, in the book, JupyterLab and Colab; a browser's own page elsewhere.
BEHIND = (
    "var(--pst-color-background, var(--jp-layout-color0, var(--colab-primary-surface-color, var(--ltdd-page, Canvas))))"
)
NUMBER = re.compile(r"-?\d+\.\d{3,}")
ROUNDED = ("d", "x", "y", "width", "height", "points", "transform")


def vector(figure: Figure, name: str, alternative: str) -> str:
    """The figure as one ``<svg>`` element.

    Text stays text, in the page's font; what is drawn in ``style.INK`` has the page's text colour, what is drawn in
    ``style.PAPER`` the colour behind it. Coordinates are rounded to a hundredth of a point.

    Args:
        figure: drawn and laid out.
        name: unique on its page; the identifiers in the drawing begin with it.
        alternative: what is seen, for readers who do not see it.
    """
    file = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", facecolor="none", metadata={"Date": None})
    root = ET.fromstring(file.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith("metadata") or child.tag == f"{SVG}style":  # its style would hold for the whole page
                parent.remove(child)
    _short(root, name)
    width, height = figure.get_size_inches()
    style = (
        f"min-width: {SMALLEST * PIXELS * width:.0f}px; max-width: {PIXELS * width:.0f}px; width: 100%; height: auto"
    )
    root.attrib = {
        "viewBox": f"0 0 {72 * width:g} {72 * height:g}",
        "role": "img",
        "aria-label": alternative,
        "style": style,
        "fill": "currentColor",
        "font-family": "system-ui, sans-serif",
        "stroke-linejoin": "round",
    }
    text = ET.tostring(root, encoding="unicode").replace("ns0:", "").replace(":ns0", "")
    return text.replace(INK, "currentColor").replace(PAPER, BEHIND)


def _short(root: ET.Element, name: str) -> None:
    """Drop what a page does not need: identifiers that nothing refers to, font lists, digits."""
    used = set()
    for element in root.iter():
        if LINK in element.attrib:
            element.set("href", element.attrib.pop(LINK))
        used |= {found for value in element.attrib.values() for found in re.findall(r"^#(\w+)$|url\(#(\w+)\)", value)}
    known = {one for pair in used for one in pair if one}
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id" and value not in known:
                del element.attrib[key]
            elif key == "id":
                element.set(key, f"{name}-{value}")
            elif key in ROUNDED:
                element.set(key, NUMBER.sub(lambda number: f"{float(number[0]):.2f}", value))
            elif key == "style":
                element.set(key, re.sub(r"font-family: [^;]*;? ?|; $", "", value))
            if key in ("href", "clip-path") and value.startswith(("#", "url(#")):
                element.set(key, value.replace("#", f"#{name}-"))


def picture(path: Path, alternative: str) -> str:
    """A file of pixels as an ``<img>`` element that brings them along; enlarged pixels stay squares."""
    content = base64.b64encode(Path(path).read_bytes()).decode()
    kind = Path(path).suffix.lstrip(".")
    told = escape(alternative, {'"': "&quot;"})
    style = "max-width: 100%; height: auto; image-rendering: pixelated"
    return f'<img src="data:image/{kind};base64,{content}" alt="{told}" style="{style}"/>'
