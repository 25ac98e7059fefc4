"""Students against their teachers."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, legend, styled
from ltdd_utils.plots.style import INK, PAPER, looks, words

__all__ = ["dose_response"]


@styled
def dose_response(
    points: Mapping[str, Sequence[tuple[float, float]]],
    lines: Mapping[str, tuple[float, float]] | None = None,
    hollow: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """A dot per run: what its students score against what their teacher scores; the diagonal, where both are equal.

    Args:
        points: method -> teacher's and student's accuracy in percent.
        lines: method -> slope and intercept, drawn over the teachers that it has.
        hollow: more of ``points``, of teachers of another kind, as hollow dots.
    """
    figure, (axes,) = canvas(4.6)
    styles = looks(points)
    for name, dots in points.items():
        (colour, marker), others = styles[name], (hollow or {}).get(name, ())
        mine = np.array([*dots], dtype=float).reshape(-1, 2)
        axes.scatter(*mine.T, color=colour, marker=marker, s=28, zorder=3, label=words(name))
        axes.scatter(
            *np.array([*others], dtype=float).reshape(-1, 2).T,
            facecolors=PAPER, edgecolors=colour, marker=marker, s=34, lw=1.5, zorder=4,
        )  # fmt: skip
        if name in (lines or {}):
            slope, intercept = lines[name]
            ends = np.array([min(x for x, _ in [*dots, *others]), max(x for x, _ in [*dots, *others])])
            axes.plot(ends, slope * ends + intercept, color=colour, lw=1.2)
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color=INK, lw=0.8, ls=":", label="as good as the teacher", zorder=1)
    axes.set_xlim(low, high)
    axes.set_xlabel("accuracy of the teacher, %")
    axes.set_ylabel("accuracy of the students, %")
    axes.grid(visible=True, axis="both")
    legend(figure)
    return figure
