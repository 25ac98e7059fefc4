"""Images in rows: drawn, and kept as a file of their pixels."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ltdd_utils.plots.canvas import PHONE, Canvas, canvas, on_phone, styled

__all__ = ["image_rows", "read_rows", "save_rows", "show_image"]

TOLD = "ltdd"  # the entry of a picture's metadata
WIDE = 90  # letters that fit above all columns, side by side
NARROW = 6  # images beside each other on a phone
GAP = 0.08  # between two images, as a share of one


@styled
def image_rows(rows: Mapping[str, Tensor], title: str = "", over: Sequence[str] = ()) -> Figure:
    """Rows of images, one row per name, such as the same images before and after a transform.

    Pixels are kept as they are, one for one, and a page enlarges them as squares.

    Args:
        rows: name -> images, each ``[N, 1 or 3, H, W]``, floats in [0, 1] or uint8.
        title: of the figure; "": none.
        over: a short text for the top of each column.
    """
    columns = max(len(images) for images in rows.values())
    if on_phone():
        return _on_phone(rows, columns, title, over)
    figure, (axes,) = canvas(_height(len(rows), columns, bool(title), bool(over)))
    for row, images in enumerate(rows.values()):
        for column, image in enumerate(images):
            left, top = column * (1 + GAP), row * (1 + GAP)
            show_image(axes, image, (left, left + 1, top + 1, top))
    axes.set(xlim=(0, columns * (1 + GAP) - GAP), ylim=(len(rows) * (1 + GAP) - GAP, 0))
    axes.set_yticks([row * (1 + GAP) + 0.5 for row in range(len(rows))], list(rows))
    axes.set_xticks([column * (1 + GAP) + 0.5 for column in range(len(over))], list(over))
    axes.tick_params(length=0, top=True, bottom=False, labeltop=True, labelbottom=False, labelsize=9)
    if columns * max((len(word) for text in over for word in text.split()), default=0) > WIDE:
        axes.tick_params(axis="x", labelsize=8)
    _bare(axes)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _on_phone(rows: Mapping[str, Tensor], columns: int, title: str, over: Sequence[str]) -> Canvas:
    """All rows of the first columns, below them all rows of the next ones; names and texts above the images."""
    blocks = -(-columns // NARROW)
    width = -(-columns // blocks)
    inches = (PHONE - 0.1) / (width * (1 + GAP))  # of an image
    line = 0.19 / inches  # of text, in images
    figure, (axes,) = canvas(1)
    top = 0.0
    for first in range(0, columns, width):
        texts = list(over[first : first + width])
        top += line * max((text.count("\n") + 1 for text in texts), default=0)
        for column, text in enumerate(texts):
            axes.text(column * (1 + GAP) + 0.5, top - 0.2 * line, text, ha="center", va="bottom", fontsize=9)
        for name, images in rows.items():
            top += line * bool(name)
            axes.text(0, top - 0.2 * line, name, ha="left", va="bottom", fontsize=9)
            for column, image in enumerate(images[first : first + width]):
                left = column * (1 + GAP)
                show_image(axes, image, (left, left + 1, top + 1, top))
            top += 1 + GAP
        top += 2 * GAP
    axes.set(xlim=(0, width * (1 + GAP) - GAP), ylim=(top, 0), xticks=[], yticks=[])
    _bare(axes)
    figure.set_size_inches(PHONE, top * inches + 0.1 + 0.3 * bool(title))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def _height(rows: int, columns: int, title: bool, over: bool) -> float:
    """Inches in which images keep their shape beside the names of their rows, on a page of 7."""
    return rows * min(5.7 / columns, 1.0) * 1.02 + 0.15 + 0.3 * title + 0.3 * over


def show_image(axes: Axes, image: Tensor, extent: tuple[float, float, float, float] | None = None) -> None:
    """One image ``[1 or 3, H, W]``, floats in [0, 1] or uint8; values outside are clamped.

    Args:
        axes: where to.
        image: its pixels.
        extent: left, right, bottom and top in the axes; None: all of them.
    """
    pixels = image.detach().cpu()
    pixels = (pixels if pixels.is_floating_point() else pixels.float() / 255).clamp(0, 1)
    array = pixels.permute(1, 2, 0).numpy()
    if array.shape[2] == 1:
        array = np.repeat(array, 3, axis=2)
    axes.imshow(array, interpolation="none", extent=extent)  # "none" keeps each pixel in a drawing of vectors


def save_rows(path: Path, rows: Mapping[str, Tensor], over: Sequence[str] = ()) -> None:
    """Write rows of images as one PNG of their pixels alone, with the texts beside and over them in its metadata.

    Args:
        path: of the file.
        rows: name -> images, uint8, ``[N, 3, H, W]``; all rows have the same number and size.
        over: a text for the top of each column.
    """
    pixels = torch.cat([torch.cat(list(images), dim=2) for images in rows.values()], dim=1)
    told = PngInfo()
    told.add_text(TOLD, json.dumps({"rows": list(rows), "over": list(over)}))
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(path, pnginfo=told, optimize=True)


def read_rows(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """Rows of images and the texts over their columns, from a file of ``save_rows``.

    Raises:
        ValueError: a picture without these texts.
    """
    with Image.open(path) as picture:
        if TOLD not in picture.info:
            raise ValueError(f"{path} does not name its rows; write it with plots.save_rows")
        told, pixels = json.loads(picture.info[TOLD]), torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    side = pixels.shape[1] // len(told["rows"])
    rows = zip(told["rows"], pixels.split(side, dim=1), strict=True)
    return {name: torch.stack(row.split(side, dim=2)) for name, row in rows}, told["over"]
