"""The chart of the first page: some sets under three judges, as one drawing."""

import math
from collections.abc import Mapping

from ltdd_utils.plots.axes import WIDTH, Axis
from ltdd_utils.plots.explorable import Mark, Rows, still_rows

__all__ = ["judges_chart"]

STEP = 10  # of the axis, in percent


def judges_chart(
    accuracies: Mapping[str, Mapping[str, float]],
    looks: Mapping[str, tuple[str, str]],
    whole: float,
    words: str,
    width: float = WIDTH,
) -> str:
    """A row for each set, a dot for each judge, and an upright line for all images.

    Args:
        accuracies: name of the set -> judge -> accuracy in percent.
        looks: judge -> its name on the chart, and its colour.
        whole: accuracy of students on all images, in percent.
        words: what that line is.
        width: of the drawing, in its own units.
    """
    values = [value for row in accuracies.values() for value in row.values()] + [whole]
    low, high = STEP * math.floor(min(values) / STEP), STEP * math.ceil(max(values) / STEP)
    state = {
        name: [Mark(row[judge], f"{name}, {looks[judge][0]}: {row[judge]:.1f} %", looks[judge][1]) for judge in row]
        for name, row in accuracies.items()
    }
    legend = {name: (colour, False) for name, colour in looks.values()}
    axis = Axis(low, high, list(range(low, high + 1, STEP)), f"accuracy, %; dashed: {words}")
    said = (
        f"{name} {', '.join(f'{looks[judge][0]} {value:.1f} %' for judge, value in row.items())}"
        for name, row in accuracies.items()
    )
    seen = f"Accuracy of {len(accuracies)} sets under {len(looks)} judges. {'; '.join(said)}. {words}: {whole:.1f} %."
    return still_rows(Rows(axis, list(accuracies), level=whole, legend=legend, width=width), state, seen)
