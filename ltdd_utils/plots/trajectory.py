"""The experts' knowledge of each class, and its growth over their epochs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.canvas import canvas, label_left, legend, styled
from ltdd_utils.plots.rows import MOST_NAMED, class_rows
from ltdd_utils.plots.style import THIRDS, by_count, looks, third_colours, third_name, words

__all__ = ["class_profiles", "classes_over_epochs", "confidence"]

BINS = 20  # of a histogram on [0, 1]


@styled
def classes_over_epochs(
    series: Mapping[str, tuple[Sequence[int], Tensor | Sequence[Sequence[float]]]], counts: Sequence[int], quantity: str
) -> Figure:
    """One line per class over the epochs of each training stage, in the colours of the thirds; a panel per stage.

    Args:
        series: name -> epochs ``[E]`` and the values of each class after them, ``[E, C]``, in label order.
        counts: real training images of each class, in label order.
        quantity: what is drawn, with its unit.
    """
    order = by_count(counts)
    wide = [max(len(epochs), 6) for epochs, _ in series.values()]
    figure, panels = canvas(3.2, len(series), sharey=True, gridspec_kw={"width_ratios": wide})
    for axes, (name, (epochs, values)) in zip(panels, series.items(), strict=True):
        table = np.asarray(values, dtype=float)
        for label, colour in zip(order, third_colours(counts, order), strict=True):
            axes.plot(epochs, table[:, label], color=colour, lw=1.3)
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    label_left(panels, quantity)
    handles = [plt.Line2D([], [], color=colour) for colour in THIRDS.values()]
    legend(figure, handles, [third_name(name) for name in THIRDS])
    return figure


@styled
def class_profiles(
    series: Mapping[str, Tensor | Sequence[Sequence[float]]],
    counts: Sequence[int],
    class_names: Sequence[str],
    quantity: str,
) -> Figure:
    """A row per class, most frequent first, and in it a dot per series; whiskers span its repeats.

    Args:
        series: name -> values of each class in each repeat, ``[S, C]``, in label order.
        counts: real training images of each class, in label order.
        class_names: in label order.
        quantity: what is drawn, with its unit.
    """
    order, styles = by_count(counts), looks(series)
    height = (0.14 + 0.065 * len(series)) * min(len(order), MOST_NAMED)
    figure, (axes,) = canvas(height + 1.3)
    for place, (name, values) in enumerate(series.items()):
        table, (colour, marker) = np.asarray(values, dtype=float)[:, order], styles[name]
        mean = table.mean(axis=0)
        ends = np.stack([mean - table.min(axis=0), table.max(axis=0) - mean]) if len(table) > 1 else None
        rows = np.arange(len(order)) + 0.6 * (place - (len(series) - 1) / 2) / max(len(series), 1)
        style = {"fmt": marker, "color": colour, "markersize": 5, "capsize": 2, "lw": 1.2}
        axes.errorbar(mean, rows, xerr=ends, label=words(name), **style)
    axes.set_xlabel(quantity)
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    class_rows(axes, counts, class_names)
    if len(series) > 1:
        legend(figure, abreast=len(series))
    return figure


@styled
def confidence(panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """The experts' confidence in the true class: a histogram for each third, a dashed line at its mean, named above.

    Args:
        panels: name -> third ("head", "mid" or "tail") -> probability of the true class of each image, ``[N]``.
    """
    figure, drawn = canvas(3.2, len(panels), sharey=True)
    for axes, (name, thirds) in zip(drawn, panels.items(), strict=True):
        for third, values in thirds.items():
            share = np.full(len(values), 100 / len(values))
            axes.hist(values.numpy(), BINS, range=(0, 1), weights=share, color=THIRDS[third], alpha=0.6)
            axes.axvline(values.mean().item(), color=THIRDS[third], ls="--", lw=1.5)
        means = ", ".join(f"{third} {values.mean().item():.2f}" for third, values in thirds.items())
        axes.set_title(f"{name}\nmeans: {means}" if name else f"means: {means}", fontsize=10)
        axes.set_xlabel("probability of the true class")
    label_left(drawn, "% of the third's images")
    shown = dict.fromkeys(third for thirds in panels.values() for third in thirds)
    handles = [plt.Rectangle((0, 0), 1, 1, color=THIRDS[third], alpha=0.6) for third in shown]
    legend(figure, handles, [third_name(third) for third in shown])
    return figure
