"""The explorables of the book: what each one shows, from numbers that a cell has computed with the package."""

import math
from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd
from torch import Tensor

from ltdd_utils.data.longtail import class_prior, shot_groups
from ltdd_utils.plots.axes import Axis, Panel
from ltdd_utils.plots.explorable import Mark, Rows, explorable, rows
from ltdd_utils.plots.moving import Control, Moving
from ltdd_utils.plots.style import OURS, PUBLISHED, SERIES, THIRDS, looks

__all__ = ["batch_sizes", "boundary", "imbalance", "rivals", "step_sizes", "taus"]

CURVE = 161  # points of a density
GROUPS = {"many": THIRDS["head"], "medium": THIRDS["mid"], "few": THIRDS["tail"]}


def imbalance(counts: Mapping[float, Sequence[int]], class_names: Sequence[str], at: int) -> Moving:
    """A slider over imbalance factors: images and share of each class, and the group that it falls into.

    Args:
        counts: of each factor, images per class, most frequent first.
        class_names: in the same order.
        at: position of the slider at the begin.
    """
    states, words = [], []
    for factor, numbers in counts.items():
        group = {label: name for name, labels in shot_groups(numbers).items() for label in labels}
        prior = 100 * class_prior(numbers)
        states.append(
            {
                name: [Mark(n, f"{n:,} ({share:.2g} %)", GROUPS[group[label]])]
                for label, (name, n, share) in enumerate(zip(class_names, numbers, prior, strict=True))
            }
        )
        sizes = ", ".join(f"{name}-shot {list(group.values()).count(name)}" for name in GROUPS)
        words.append(f"Imbalance factor {factor:g}: {sum(numbers):,} images; classes by group: {sizes}.")
    high = max(map(max, counts.values()))
    ticks = [10**power for power in range(int(math.log10(high)) + 1)]
    legend = {f"{name}-shot": (colour, False) for name, colour in GROUPS.items()}
    axis = Axis(1, high, ticks, "images of the class (its share of all)", log=True)
    panel = Rows(axis, class_names, bars=True, legend=legend)
    slider = Control("imbalance factor", [f"{factor:g}" for factor in counts], at)
    return rows(panel, states, words, [slider], "A bar of images for each class, from the most frequent to the rarest.")


def step_sizes(losses: Mapping[str, Tensor], etas: Sequence[float], at: int) -> Moving:
    """A slider over step sizes: how close a student gets under each form of its loss.

    Args:
        losses: name -> matching loss of each seed at each step size, ``[S, E]``.
        etas: the step sizes.
        at: position of the slider at the begin.
    """
    style, states, words = looks(losses), [], []
    best = {name: values.mean(dim=0).argmin().item() for name, values in losses.items()}
    for place, eta in enumerate(etas):
        state, means = {}, {}
        for name, values in losses.items():
            here, means[name] = values[:, place], values[:, place].mean().item()
            lowest = values[:, best[name]].mean().item()
            ring = Mark(lowest, f"best, at step size {etas[best[name]]:g}: {lowest:.2f}", PUBLISHED, hollow=True)
            ends = (here.min().item(), here.max().item())
            state[name] = [ring, Mark(means[name], f"{means[name]:.2f}", style[name][0], ends)]
        states.append(state)
        order = ", ".join(f"{name} {means[name]:.2f}" for name in sorted(means, key=means.__getitem__))
        words.append(f"Step size {eta:g}, from the closest: {order}.")
    every = [value for values in losses.values() for value in values.flatten().tolist()]
    low, high = 0.9 * min(every), 1.1 * max(every)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]
    legend = {"at this step size, with all seeds": (OURS, False), "at its own best": (PUBLISHED, True)}
    axis = Axis(low, high, ticks, "matching loss (1: no closer than at the start)", log=True)
    panel = Rows(axis, list(losses), level=1.0, legend=legend)
    slider = Control("step size", [f"{eta:g}" for eta in etas], at)
    return rows(panel, states, words, [slider], "A dot of matching loss for each form of the student's loss.")


def batch_sizes(kept: Mapping[int, Sequence[float]], rows_named: Sequence[str], at: int) -> Moving:
    """A slider over batch sizes: how much of each class's variance between images the recursion keeps.

    Args:
        kept: batch size -> share that each class keeps, most frequent first.
        rows_named: a name for each class.
        at: position of the slider at the begin.
    """
    states = [
        {name: [Mark(share, f"{100 * share:.0f} %")] for name, share in zip(rows_named, shares, strict=True)}
        for shares in kept.values()
    ]
    words = [
        f"Batches of {size:,}: {rows_named[0]} keeps {100 * shares[0]:.0f} % of its variance between images, "
        f"{rows_named[-1]} {100 * shares[-1]:.0f} %."
        for size, shares in kept.items()
    ]
    axis = Axis(
        0, 1, {0: "0", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1: "100 %"}, "variance between images that is kept"
    )
    slider = Control("images in a batch", [f"{size:,}" for size in kept], at)
    return rows(Rows(axis, rows_named, bars=True), states, words, [slider], "A bar for each class.")


def taus(
    values: Mapping[float, tuple[Sequence[float], Sequence[float]]], class_names: Sequence[str], at: int
) -> Moving:
    """A slider over tau: accuracy and confidence of each class under the calibrated teacher.

    Args:
        values: tau -> accuracy and mean confidence of each class, fractions, in the order of the names.
        class_names: most frequent first.
        at: position of the slider at the begin.
    """
    states, words = [], []
    for tau, (right, sure) in values.items():
        pairs = zip(class_names, right, sure, strict=True)
        states.append(
            {
                name: [
                    Mark(confidence, f"confidence {100 * confidence:.0f} %", PUBLISHED, hollow=True),
                    Mark(accuracy, f"accuracy {100 * accuracy:.0f} %"),
                ]
                for name, accuracy, confidence in pairs
            }
        )
        mean, spread = 100 * sum(right) / len(right), 100 * Tensor(sure).std(correction=0).item()
        words.append(
            f"τ = {tau:g}: accuracy {mean:.1f} % over all classes; the confidences spread by {spread:.1f} points."
        )
    axis = Axis(0, 1, {0: "0", 0.25: "25 %", 0.5: "50 %", 0.75: "75 %", 1: "100 %"}, "of the class")
    legend = {"accuracy on test images": (OURS, False), "confidence on distilled images": (PUBLISHED, True)}
    slider = Control("τ", [f"{tau:g}" for tau in values], at)
    panel = Rows(axis, class_names, legend=legend)
    return rows(panel, states, words, [slider], "Two dots for each class, from the most frequent to the rarest.")


def rivals(tables: Mapping[tuple[str, str], pd.DataFrame], at: tuple[int, int]) -> Moving:
    """A choice of judge and baseline: by how much every set is above it, with the interval of the difference.

    Args:
        tables: judge and baseline in words -> the table of ``analysis.contrasts``, by the name of the set.
        at: positions of the two lists at the begin.
    """
    judges, bases = (list(dict.fromkeys(key[part] for key in tables)) for part in (0, 1))
    known = [name for table in tables.values() for name in table.index[table.points.notna()]]
    names = [name for name in next(iter(tables.values())).index if name in known]
    states, words, reach = [], [], 1.0
    for judge, base in product(judges, bases):
        state, above = {base: []}, []
        for name, row in tables[judge, base].iterrows():
            if math.isnan(row.points) or name == base:
                continue
            interval = None if math.isnan(row.needed) else (row.points - row.needed, row.points + row.needed)
            told = f"{name}: {row.points:+.1f} points, {row.verdict}"
            state[name] = [Mark(row.points, told, OURS, interval, hollow=row.verdict != "resolved")]
            above += [name] if row.verdict == "resolved" and row.points > 0 else []
            reach = max(reach, abs(row.points), *map(abs, interval or (0,)))
        states.append(state)
        count = f"{len(above)} of {len(state) - 1} other sets are above it, resolved"
        words.append(f"{judge}, against {base}: {count}{': ' if above else ''}{', '.join(above)}.")
    reach = 5 * math.ceil(reach / 5)
    step = 10 if reach > 20 else 5
    ticks = list(range(-reach + reach % step, reach + 1, step))
    legend = {"resolved": (OURS, False), "not resolved": (OURS, True)}
    panel = Rows(
        Axis(-reach, reach, ticks, "points above the baseline"), names, level=0.0, absent="not run", legend=legend
    )
    lists = [Control("judge", judges, at[0], choose=True), Control("baseline", bases, at[1], choose=True)]
    return rows(panel, states, words, lists, "A dot with its interval for each distilled set.")


def boundary(
    factors: Sequence[float],
    shares: Sequence[float],
    boundaries: Mapping[tuple[float, float], float],
    at: tuple[int, int],
) -> Moving:
    """Two classes with normal features of deviation 1, at -1 and +1: where the decision changes, and who pays for it.

    Args:
        factors: imbalance factors, of the class at -1 against the one at +1.
        shares: values of lambda.
        boundaries: of each factor and lambda, where the decision changes.
        at: positions of the two sliders at the begin.
    """
    panel = Panel(Axis(-4.5, 6.5, [-4, -2, 0, 2, 4, 6], "feature"), Axis(0, 0.44, {}), height=230, names=16)
    grid = [-4.5 + 11 * step / (CURVE - 1) for step in range(CURVE)]
    classes = {"frequent class": (-1.0, SERIES[0]), "rare class": (1.0, SERIES[1])}
    ground = [panel.frame()]
    for name, (mean, colour) in classes.items():
        ground.append(panel.line(grid, [_density(x - mean) for x in grid], colour))
        shift = -0.25 if mean < 0 else 0.25
        ground.append(panel.words(mean + shift, 0.415, name, colour, "end" if mean < 0 else "start"))
    drawn, words = [], []
    for factor, share in product(factors, shares):
        edge = boundaries[factor, share]
        wrong = [_area(panel, grid, mean, edge, colour) for mean, colour in classes.values()]
        (x, low), (_, high) = panel.at(edge, 0), panel.at(edge, 0.4)
        drawn.append(
            f'{"".join(wrong)}<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="currentColor" stroke-width="2"/>'
        )
        right = [100 * _below(edge + 1), 100 * _below(1 - edge)]
        words.append(
            f"Imbalance factor {factor:g}, λ = {share:g}: the decision changes at {edge:.2f}; {right[0]:.1f} % of the "
            f"frequent class and {right[1]:.1f} % of the rare one are right, {sum(right) / 2:.1f} % on balanced data."
        )
    sliders = [
        Control("imbalance factor", [f"{factor:g}" for factor in factors], at[0]),
        Control("λ", [f"{share:g}" for share in shares], at[1]),
    ]
    seen = (
        "The densities of a frequent and a rare class over one feature, and an upright line where the decision changes."
    )
    return explorable(230, "".join(ground), drawn, words, sliders, seen=seen)


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _below(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _area(panel: Panel, grid: Sequence[float], mean: float, edge: float, colour: str) -> str:
    """The part of a class's density that lies on the wrong side of the boundary."""
    inside = [x for x in grid if (x > edge if mean < 0 else x < edge)][::2]
    if not inside:
        return ""
    points = [panel.at(x, _density(x - mean)) for x in inside]
    (first, floor), (last, _) = panel.at(inside[0], 0), panel.at(inside[-1], 0)
    path = "".join(f"L{u:.1f} {v:.1f}" for u, v in points)
    return f'<path d="M{first:.1f} {floor:.1f}{path}L{last:.1f} {floor:.1f}z" fill="{colour}" fill-opacity="0.4"/>'
