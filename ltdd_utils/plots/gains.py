"""The score of an initial set, and the gain of the iterations after it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, legend, styled
from ltdd_utils.plots.rows import arrow, name_rows
from ltdd_utils.plots.style import HOLLOW, OURS, words

__all__ = ["before_after"]


@styled
def before_after(
    names: Sequence[str], before: Sequence[Sequence[float | None]], after: Sequence[Sequence[float]]
) -> Figure:
    """An arrow per row from the mean score of its initial sets to that of its distilled sets, a bar; a dot per repeat.

    Args:
        names: of the rows, from top to bottom; a method's is put into words.
        before: accuracies of each row's initial sets, fractions; None where one was not scored.
        after: accuracies of its distilled sets, fractions.
    """
    figure, (axes,) = canvas(0.5 * len(names) + 1.3)
    for row, (firsts, lasts) in enumerate(zip(before, after, strict=True)):
        starts = 100 * np.array([value for value in firsts if value is not None], dtype=float)
        ends = 100 * np.asarray(lasts, dtype=float)
        axes.scatter(ends, np.full(len(ends), row), color=OURS, s=26, zorder=3)
        if len(starts):
            axes.scatter(starts, np.full(len(starts), row), **HOLLOW, s=26, zorder=3)
            arrow(axes, row, starts.mean(), ends.mean())
        axes.plot([ends.mean()] * 2, [row - 0.25, row + 0.25], color=OURS, lw=2, zorder=3)
    handles = [axes.scatter([], [], **HOLLOW, s=26), axes.scatter([], [], color=OURS, s=26)]
    legend(figure, handles, ["before the first iteration", "after the last"], abreast=2)
    axes.set_xlabel("accuracy on the test set, %")
    name_rows(axes, [words(name) for name in names])
    return figure
