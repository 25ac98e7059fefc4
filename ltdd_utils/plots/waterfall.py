"""From the plainest control to the full method, one step at a time."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltdd_utils.plots.canvas import canvas, legend, styled
from ltdd_utils.plots.rows import name_rows
from ltdd_utils.plots.style import INK, PAPER, PUBLISHED, SERIES

__all__ = ["waterfall"]

RISE, FALL = SERIES[0], SERIES[1]


@styled
def waterfall(
    names: Sequence[str], scores: Sequence[Sequence[float]], differences: Sequence[float], resolved: Sequence[bool]
) -> Figure:
    """A bar per step from the mean before it to the mean after it; whiskers are one standard deviation over pipelines.

    The number beside a bar is the step's tested difference, on the seeds that both rows have: where one row
    has more, the bar is not exactly as long. A step that is not resolved is hollow. A score of a single pipeline has no
    whisker. A line leads from each score down to the step that begins there.

    Args:
        names: of the scores, from top to bottom: where the steps begin, and then each step.
        scores: accuracies of each row's pipelines, fractions; an empty list: not run, and the next step begins at the
            last score that there is.
        differences: of each row to the one that it begins at, in points; that of the first row is not looked at.
        resolved: whether each row differs from the one that it begins at; that of the first row is not looked at.

    Raises:
        ValueError: names, scores, differences and flags differ in number, or the first row is missing.
    """
    counts = [len(names), len(scores), len(differences), len(resolved)]
    if len(set(counts)) > 1:
        raise ValueError("got {} names, {} scores, {} differences and {} flags; give one per row".format(*counts))
    if not scores or not len(scores[0]):
        raise ValueError("the first row has no score; begin with one that was run")
    figure, (axes,) = canvas(0.5 * len(names) + 1.3)
    level, begins = 100 * float(np.mean(scores[0])), 0
    axes.scatter([level], [0], color=PUBLISHED, s=34, zorder=4)
    for row, (values, difference, known) in enumerate(zip(scores, differences, resolved, strict=True)):
        points = 100 * np.asarray(values, dtype=float)
        if not len(points):
            axes.annotate("not run", (level, row), (6, 0), textcoords="offset points", va="center", color=PUBLISHED)
            continue
        after = float(points.mean())
        whisker = float(points.std(ddof=1)) if len(points) > 1 else 0.0
        if row:
            axes.plot([level] * 2, [begins, row], color=PUBLISHED, lw=0.8, zorder=1)
            _step(axes, row, (level, after), known)
            beside = max(level, after + whisker), row
            axes.annotate(f"{difference:+.1f}", beside, (8, 0), textcoords="offset points", va="center")
        if len(points) > 1:
            axes.errorbar(after, row, xerr=whisker, color=INK, capsize=3, lw=1.2, zorder=5)
        level, begins = after, row
    axes.set_xlabel("accuracy on the test set, %")
    axes.use_sticky_edges = False  # a bar that begins at the lowest score does not begin at the frame
    axes.margins(x=0.16)
    name_rows(axes, names)
    drawn = [(RISE, RISE, "rises"), (FALL, FALL, "falls"), (PAPER, PUBLISHED, "not resolved")]
    handles = [plt.Rectangle((0, 0), 1, 1, facecolor=face, edgecolor=edge) for face, edge, _ in drawn]
    legend(figure, handles, [label for *_, label in drawn])
    return figure


def _step(axes: Axes, row: int, ends: tuple[float, float], known: bool) -> None:
    before, after = ends
    colour = RISE if after >= before else FALL
    face = colour if known else PAPER
    axes.barh(row, after - before, left=before, height=0.5, facecolor=face, edgecolor=colour, lw=1.2, zorder=2)
