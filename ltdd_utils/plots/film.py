"""A film of images that change: a strip of states with a slider, a button, and a curve with a dot that moves."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ltdd_utils.plots.axes import Axis, Panel, sheet
from ltdd_utils.plots.moving import Control, Moving, address, moving
from ltdd_utils.plots.style import OURS, PUBLISHED
from ltdd_utils.plots.svg import text

__all__ = ["Frames", "film", "recorded", "strip"]

Frames = Sequence[Tensor] | Path
"""The states of some images, each ``[N, 1 or 3, H, W]``, uint8 or floats in [0, 1]; or the file of a ``strip``."""
STILLS = 4  # states in the picture for where no script runs
ZOOM = 3  # of that picture on the page, in which a reader cannot zoom
QUALITY = 88  # of WebP, for photographs; drawings in grey lose nothing


def film(
    frames: Frames | Mapping[str, Frames],
    captions: Sequence[str],
    curve: tuple[str, Sequence[float]] | None = None,
    *,
    over: Sequence[str] = (),
    auto: bool = False,
) -> Moving:
    """The film; it plays without a kernel and asks no other host.

    Args:
        frames: the states; or name -> states, a row each, all moved by one slider.
        captions: what each state is, such as "after 20 iterations".
        curve: what a number is and its value at each state, nan where there is none; a dot marks the one in sight.
        over: a short text over each column, such as the names of the classes.
        auto: play at once, where no less motion was asked for.

    Raises:
        ValueError: rows, captions and curve that have different numbers of states.
    """
    rows = dict(frames) if isinstance(frames, Mapping) else {"": frames}
    strips = {name: states.read_bytes() if isinstance(states, Path) else strip(states) for name, states in rows.items()}
    for name, states in rows.items():
        count = len(captions) if isinstance(states, Path) else len(states)
        if count != len(captions):
            raise ValueError(f"{count} states {name}".rstrip() + f" and {len(captions)} captions; give one for each")
    named = any(rows)
    columns = "".join(f"<span>{escape(word).replace(chr(10), '<br>')}</span>" for word in over)
    parts = [f'<div class="ltdd-row ltdd-over">{"<span></span>" * named}<div>{columns}</div></div>'] if over else []
    for name, content in strips.items():
        width, height = Image.open(io.BytesIO(content)).size
        tall = height / len(captions)
        shape = f"aspect-ratio: {width} / {tall:g}; --images: {max(1, round(width / tall))}"  # images are square
        side = f"<span>{escape(name)}</span>" * named
        image = f'<img src="{address(content, "webp")}" alt="" class="dark-light">'
        parts.append(f'<div class="ltdd-row">{side}<div class="ltdd-screen" style="{shape}">{image}</div></div>')
    if curve is not None:
        parts.append(_curve(*curve, captions))
    seen = [round(step * (len(captions) - 1) / (STILLS - 1)) for step in range(STILLS)]
    shown = "; ".join(dict.fromkeys(captions[at] for at in seen))
    alternative = f"Images on their way{': ' if any(rows) else ''}{', '.join(rows)}. From top to bottom: {shown}."
    picture = _still(list(strips.values()), len(captions), seen)
    control = Control("", captions, beside=False, spoken="state of the images")
    return moving(
        address(_webp(picture, quality=QUALITY), "webp"),
        "".join(parts),
        [control],
        captions,
        alternative=alternative,
        button=True,
        auto=auto,
        enlarged=ZOOM * picture.width,
    )


def recorded(folder: Path, start: str) -> tuple[dict[str, Path], list[str], list[str]]:
    """What ``tools/film_pictures.py`` wrote, as ``film`` takes it: rows, captions, and the words over the columns.

    Args:
        folder: with ``film.json`` and a strip for each recipe.
        start: what the images are before the first iteration, in words.

    Raises:
        ValueError: recipes with states of other iterations.
    """
    about = json.loads((folder / "film.json").read_text(encoding="utf-8"))
    first, *others = [one["iterations"] for one in about["recipes"].values()]
    if any(other != first for other in others):
        raise ValueError(f"the recipes of {folder} have states of other iterations; write them in one call")
    told = [f"after {at} iterations" if at else start for at in first]
    over = [f"{name}\n{count:,}" for name, count in zip(about["classes"], about["counts"], strict=True)]
    return {name: folder / f"{name}.webp" for name in about["recipes"]}, told, over


def strip(states: Sequence[Tensor], quality: int = QUALITY) -> bytes:
    """The states below each other, the images of each side by side, as a WebP file."""
    rows = [torch.cat(list(_uint8(state)), dim=2) for state in states]
    whole = torch.cat(rows, dim=1)
    grey = whole.shape[0] == 1
    image = Image.fromarray(whole[0].numpy() if grey else whole.permute(1, 2, 0).contiguous().numpy())
    return _webp(image, lossless=True) if grey else _webp(image, quality=quality)


def _uint8(images: Tensor) -> Tensor:
    pixels = images.detach().cpu()
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8) if pixels.is_floating_point() else pixels


def _webp(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", method=6, **options)
    return file.getvalue()


def _still(strips: Sequence[bytes], count: int, seen: Sequence[int]) -> Image.Image:
    """Some states of each row below each other."""
    parts = []
    for content in strips:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        tall = image.height // count
        parts += [image.crop((0, at * tall, image.width, (at + 1) * tall)) for at in dict.fromkeys(seen)]
    gap, whole = 2, sum(part.height for part in parts) + 2 * (len(parts) - 1)
    sheet_of = Image.new("RGB", (max(part.width for part in parts), whole), "#808080")
    y = 0
    for part in parts:
        sheet_of.paste(part, (0, y))
        y += part.height + gap
    return sheet_of


def _curve(name: str, values: Sequence[float], captions: Sequence[str]) -> str:
    if len(values) != len(captions):
        raise ValueError(
            f"{len(values)} values of {name} and {len(captions)} captions; give one for each, nan for none"
        )
    known = [v for v in values if math.isfinite(v)]
    low, high = min(known), max(known)
    room = 0.08 * (high - low or 1)
    ends = {low: f"{low:.3g}", high: f"{high:.3g}"}
    last = len(values) - 1
    panel = Panel(Axis(0, last, {0: captions[0], last: captions[-1]}), Axis(low - room, high + room, ends), height=150)
    line = panel.line(range(len(values)), values, OURS)
    places, before = [], known[0]
    for at, value in enumerate(values):
        before = value if math.isfinite(value) else before
        places.append("{:.1f},{:.1f}".format(*panel.at(at, before)))
    dot = f'<circle r="6" fill="{OURS}" stroke="{PUBLISHED}" data-points="{" ".join(places)}"/>'
    falls = known[0] > known[-1]  # its name stands where it leaves room
    label = text(panel.at(last if falls else 0, high)[0], 14, name, 12, anchor="end" if falls else "start")
    return sheet(150, [panel.frame(), label, line, dot])
