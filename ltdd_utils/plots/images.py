"""Images in rows."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.style import styled

__all__ = ["image_rows", "show_image"]


@styled
def image_rows(rows: Mapping[str, Tensor], title: str = "", over: Sequence[str] = ()) -> Figure:
    """Rows of images, one row per name, such as the same images before and after a transform.

    Args:
        rows: name -> images, each ``[N, 1 or 3, H, W]``, floats in [0, 1] or uint8.
        title: of the figure.
        over: a short text for the top of each column.
    """
    columns = max(len(images) for images in rows.values())
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(columns * 0.75 + 1.1, len(rows) * 0.8 + 0.3), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.set_xticks([])
            axis.set_yticks([])
            for spine in axis.spines.values():
                spine.set_visible(False)
        for axis, image in zip(line, images, strict=False):
            show_image(axis, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for axis, text in zip(axes[0], over, strict=False):
        axis.set_title(text, fontsize=8, pad=3)
    figure.suptitle(title)
    return figure


def show_image(axis: Axes, image: Tensor) -> None:
    """One image ``[1 or 3, H, W]``, floats in [0, 1] or uint8; values outside are clamped."""
    pixels = image.detach().cpu()
    pixels = (pixels if pixels.is_floating_point() else pixels.float() / 255).clamp(0, 1)
    array = pixels.permute(1, 2, 0).numpy()
    axis.imshow(array[..., 0] if array.shape[2] == 1 else array, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
