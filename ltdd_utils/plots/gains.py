"""What an initial set gives, and what the iterations after it add."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ltdd_utils.plots.style import OURS, PUBLISHED, styled

__all__ = ["before_after"]


@styled
def before_after(
    names: Sequence[str], before: Sequence[Sequence[float | None]], after: Sequence[Sequence[float]]
) -> Figure:
    """An arrow per row from the mean score of its initial sets to that of its distilled sets; a dot per repeat.

    Args:
        names: of the rows, from top to bottom.
        before: accuracies of each row's initial sets, fractions; None where one was not scored.
        after: accuracies of its distilled sets, fractions.
    """
    figure, axes = plt.subplots(figsize=(7, 0.5 * len(names) + 1.3))
    for row, (firsts, lasts) in enumerate(zip(before, after, strict=True)):
        starts = 100 * np.array([value for value in firsts if value is not None], dtype=float)
        ends = 100 * np.asarray(lasts, dtype=float)
        axes.scatter(ends, np.full(len(ends), row), color=OURS, s=26, zorder=3, label="after" if row == 0 else None)
        if len(starts) == 0:
            continue
        axes.scatter(
            starts,
            np.full(len(starts), row),
            facecolors="white",
            edgecolors=PUBLISHED,
            s=26,
            zorder=3,
            label="before the first iteration" if row == 0 else None,
        )
        style = {"arrowstyle": "->", "color": PUBLISHED, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", (ends.mean(), row), (starts.mean(), row), arrowprops=style)
    axes.set_yticks(range(len(names)), list(names))
    axes.set(xlabel="accuracy on the test set, %", ylim=(len(names) - 0.5, -0.5))
    axes.grid(visible=True, axis="x", alpha=0.3)
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
