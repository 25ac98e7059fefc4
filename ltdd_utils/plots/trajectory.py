"""The experts' knowledge of each class, and its growth over their epochs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from ltdd_utils.plots.style import MARKERS, SERIES, THIRDS, by_count, name_classes, styled, third_colours

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
    figure, panels = plt.subplots(
        1, len(series), figsize=(7, 3.2), sharey=True, squeeze=False, gridspec_kw={"width_ratios": wide}
    )
    for axes, (name, (epochs, values)) in zip(panels[0], series.items(), strict=True):
        table = np.asarray(values, dtype=float)
        for label, colour in zip(order, third_colours(counts, order), strict=True):
            axes.plot(epochs, table[:, label], color=colour, lw=1.3)
        axes.set(title=name, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0, 0].set_ylabel(quantity)
    handles = [plt.Line2D([], [], color=colour) for colour in THIRDS.values()]
    figure.legend(handles, [f"{name} third" for name in THIRDS], loc="outside upper center", ncols=3)
    return figure


@styled
def class_profiles(
    series: Mapping[str, Tensor | Sequence[Sequence[float]]],
    counts: Sequence[int],
    class_names: Sequence[str],
    quantity: str,
) -> Figure:
    """One line per series over the classes, most frequent first; whiskers are one standard deviation over repeats.

    Args:
        series: name -> values of each class in each repeat, ``[S, C]``, in label order.
        counts: real training images of each class, in label order.
        class_names: in label order.
        quantity: what is drawn, with its unit.
    """
    order = by_count(counts)
    figure, axes = plt.subplots(figsize=(7, 3.2))
    for (name, values), colour, marker in zip(series.items(), SERIES, MARKERS, strict=False):
        table = np.asarray(values, dtype=float)[:, order]
        whiskers = table.std(axis=0, ddof=1) if len(table) > 1 else None
        axes.errorbar(
            range(len(order)), table.mean(axis=0), whiskers, color=colour, marker=marker, capsize=2, label=name
        )
    axes.set_ylabel(quantity)
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    name_classes(axes, [f"{class_names[label]} ({counts[label]})" for label in order])
    figure.legend(loc="outside upper center", ncols=3)
    return figure


@styled
def confidence(panels: Mapping[str, Mapping[str, Tensor]]) -> Figure:
    """The experts' confidence in the true class: a histogram for each third, a dashed line at its mean.

    Args:
        panels: name -> third ("head", "mid" or "tail") -> probability of the true class of each image, ``[N]``.
    """
    figure, drawn = plt.subplots(1, len(panels), figsize=(7, 3), sharey=True, squeeze=False)
    for axes, (name, thirds) in zip(drawn[0], panels.items(), strict=True):
        for third, values in thirds.items():
            share = np.full(len(values), 100 / len(values))
            label = f"{third}: mean {values.mean().item():.2f}"
            axes.hist(values.numpy(), BINS, range=(0, 1), weights=share, color=THIRDS[third], alpha=0.6, label=label)
            axes.axvline(values.mean().item(), color=THIRDS[third], ls="--", lw=1.5)
        axes.set(title=name, xlabel="probability of the true class")
        axes.legend(loc="upper center", frameon=True, edgecolor="none", framealpha=0.8)
    drawn[0, 0].set_ylabel("% of the third's images")
    return figure
