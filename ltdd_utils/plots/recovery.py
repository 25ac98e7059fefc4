"""Paper 2's stages: the choice of crops, the distance of the statistics, the strength of ADSA's correction."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from ltdd_utils.plots.canvas import PHONE, canvas, grid, legend, on_phone, styled
from ltdd_utils.plots.images import show_image
from ltdd_utils.plots.rows import arrow, name_rows
from ltdd_utils.plots.style import HOLLOW, INK, OURS, THIRDS, by_count, looks, third_colours, third_name, words

__all__ = ["crop_rounds", "layer_distances", "tau_search"]


@styled
def crop_rounds(images: Tensor, crops: Tensor, scores: Tensor, chosen: Tensor, title: str = "") -> Figure:
    """The crops of one class, a row per image: the image, then its crops in the order of its offers, best first.

    Over each crop stands the teacher's confidence; a chosen crop has a frame and its place.

    Args:
        images: of the class, ``[n, 1 or 3, H, W]``, floats in [0, 1].
        crops: m of each image, ``[n, m, 1 or 3, H, W]``.
        scores: log-probability of the class, ``[n, m]``.
        chosen: image and crop of each place, ``[ipc, 2]``; of a crop that is taken twice the first place is shown.
        title: of the figure.
    """
    places = {(image, crop): place for place, (image, crop) in reversed(list(enumerate(chosen.tolist(), 1)))}
    order = scores.argsort(dim=1, descending=True, stable=True)
    size = len(images), scores.shape[1] + 1
    wide, between = (PHONE / size[1], "\n") if on_phone() else (1.05, "  ")
    figure, panels = grid(*size, size[0] * (wide + 0.2 * on_phone()) + 0.7, width=size[1] * wide)
    axes = [panels[at : at + size[1]] for at in range(0, len(panels), size[1])]
    for image, line in enumerate(axes):
        _frame(line[0], images[image], "")
        for turn, axis in enumerate(line[1:]):
            crop = int(order[image, turn])
            place = places.get((image, crop))
            text = f"{scores[image, crop].exp().item():.2f}" + (f"{between}(no. {place})" if place else "")
            _frame(axis, crops[image, crop], text, OURS if place else None)
    for column, axis in enumerate(axes[-1]):
        axis.set_xlabel("image" if column == 0 else f"round{between[0]}{column}", fontsize=9)
    figure.suptitle(title)
    return figure


@styled
def layer_distances(panels: Mapping[str, Mapping[str, tuple[float, float]]], x: str) -> Figure:
    """An arrow per row from a distance before recovery to the one after it, on a logarithmic axis.

    Args:
        panels: title of the panel -> name of the row -> distance before and after, above 0. The rows are those of the
            first panel.
        x: what the distance is.
    """
    names = list(next(iter(panels.values())))
    figure, drawn = canvas(0.36 * len(names) + 1.3, len(panels), sharex=True, sharey=True)
    for axes, (title, rows) in zip(drawn, panels.items(), strict=True):
        axes.set(title=title, xlabel=x, xscale="log")
        for row, name in enumerate(names):
            before, after = rows[name]
            axes.scatter(before, row, **HOLLOW, s=26, zorder=3)
            axes.scatter(after, row, color=OURS, s=26, zorder=3)
            arrow(axes, row, before, after)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    for axes in drawn:
        name_rows(axes, names)
    handles = [drawn[0].scatter([], [], **HOLLOW, s=26), drawn[0].scatter([], [], color=OURS, s=26)]
    legend(figure, handles, ["before recovery", "after"], abreast=2)
    return figure


@styled
def tau_search(
    criteria: Mapping[str, tuple[float, Sequence[tuple[float, float]]]],
    confidences: tuple[str, Tensor | Sequence[Sequence[float]]],
    counts: Sequence[int],
) -> Figure:
    """ADSA's search: the spread of the classes' confidences against τ, and the confidences of one of the searches.

    Args:
        criteria: name -> chosen τ, and pairs of τ and spread; a dot marks the chosen one.
        confidences: one of the names, and the confidence of each class at its taus, ``[T, C]``, in label order.
        counts: real training images of each class, in label order.
    """
    figure, (left, right) = canvas(3.3, 2)
    styles = looks(criteria)
    for name, (tau, pairs) in criteria.items():
        colour, (taus, spread) = styles[name][0], zip(*pairs, strict=True)
        left.plot(taus, spread, color=colour, lw=1.5, label=words(name))
        left.scatter(tau, dict(pairs)[tau], color=colour, s=28, zorder=3)
    left.set(xlabel="strength τ", ylabel="std over classes", title="spread of the confidences")
    left.set_ylim(bottom=0)
    search, values = confidences
    tau, pairs = criteria[search]
    table, order = np.asarray(values, dtype=float), by_count(counts)
    for label, colour in zip(order, third_colours(counts, order), strict=True):
        right.plot([at for at, _ in pairs], table[:, label], color=colour, lw=1.3)
    right.axvline(tau, color=INK, lw=1, ls="--")
    right.set(xlabel="strength τ", ylabel="confidence", title=f"classes, {search}", ylim=(0, 1.03))
    handles = [plt.Line2D([], [], color=colour) for colour in THIRDS.values()]
    right.legend(handles, [third_name(name) for name in THIRDS], fontsize=9)
    left.legend(fontsize=9)
    return figure


def _frame(axis: Axes, image: Tensor, text: str, colour: str | None = None) -> None:
    """One image without ticks, a text over it and a frame around it."""
    show_image(axis, image)
    axis.set_title(text, fontsize=9, pad=3)
    axis.grid(visible=False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(visible=colour is not None, color=colour, linewidth=2.5)
