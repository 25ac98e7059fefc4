"""The command ``ltdd data``."""

import argparse
import sys
from bisect import bisect_left
from itertools import accumulate
from math import prod
from pathlib import Path

from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.progress import Bars
from ltdd_utils.data.inspection import Inspection, inspect
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.dataset import data_root

__all__ = ["data_"]

FEW = 6  # sizes that are listed one by one
SHOWN = 12  # classes, modes or examples that are printed; --json has all


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def data_(options: argparse.Namespace) -> str:
    """The data sets that are present, after fetching or verifying one if requested; or a look at one."""
    root = data_root(options.data)
    if options.action == "inspect":
        return _inspected(options, root)
    if options.picture is not None:
        raise ValueError(f"--picture is drawn by inspect; {options.action} draws none")
    if options.action == "fetch" and not options.names:
        raise ValueError(f"fetch what? name one or more of {', '.join(downloads.fetchable())}")
    if options.action == "fetch":
        for name in options.names:
            downloads.fetch(name, root, Bars(options.quiet)(name), None if options.quiet else _to_stderr)
    rows = downloads.status(root, options.names)
    if options.action == "verify":
        wrong = [row for row in rows if row["complete"] is None and (options.names or row["present"])]
        if wrong:
            raise ValueError(wrong[0]["state"])
    return as_json(rows) if options.json else "\n".join(f"{row['name']:9} {row['state']}" for row in rows)


def _inspected(options: argparse.Namespace, root: Path) -> str:
    """What is found in one data set, and a picture of its tail if asked."""
    if len(options.names) != 1:
        raise ValueError(f"inspect takes one data set or folder, and {len(options.names)} are named")
    found = inspect(options.names[0], root, Bars(options.quiet)("look at images"))
    if options.picture is not None:
        _draw(found, options.picture)
    if options.json:
        return as_json(found)
    return "\n".join(_lines(found)) + ("" if options.picture is None else f"\npicture: {options.picture}")


def _draw(found: Inspection, file: Path) -> None:
    import matplotlib.pyplot as plt

    from ltdd_utils.plots import class_counts

    order = sorted(range(len(found.train)), key=lambda c: -found.train[c])
    series = {name: [getattr(found, name)[c] for c in order] for name in ("train", "test")}
    figure = class_counts(series, [found.class_names[c] for c in order], unit="images", legend="split")
    try:
        figure.savefig(file, bbox_inches="tight")
    finally:
        plt.close(figure)


def _lines(found: Inspection) -> list[str]:
    """The text of an inspection."""
    order = sorted(range(len(found.train)), key=lambda c: -found.train[c])
    shown = order if len(order) <= SHOWN else [*order[: SHOWN // 2], *order[-SHOWN // 2 :]]
    width = max(len(found.class_names[c]) for c in shown)
    lines = [found.name, found.line, ""]
    for place, c in enumerate(shown):
        if place == SHOWN // 2 and len(order) > SHOWN:
            lines.append(f"  ... {len(order) - SHOWN} more classes")
        lines.append(f"  {found.class_names[c]:{width}}  {found.train[c]:6} train {found.test[c]:6} test")
    lines += ["", f"sizes: {_sizes(found.sizes)}", f"modes: {_counted(found.modes)}"]
    lines += [f"turned by their EXIF orientation: {_images(found.turned)}"] if found.turned else []
    lines += [f"unreadable: {reason}" for reason in found.unreadable[:SHOWN]]
    lines.append(f"in train and test: {_images(len(found.duplicates))}" + _example(found))
    lines += [f"said: {line}" for line in found.said]
    return lines + [f"advice: {line}" for line in found.advice]


def _images(count: int) -> str:
    return f"{count} image{'s' * (count != 1)}"


def _sizes(counts: dict[str, int]) -> str:
    """Each size with its images; of more than a few the span, by the number of pixels, and the most frequent."""
    if len(counts) <= FEW:
        return _counted(counts)
    each = sorted((prod(map(int, size.split("x"))), size, count) for size, count in counts.items())
    below = list(accumulate(count for *_, count in each))
    median = each[bisect_left(below, below[-1] / 2)][1]
    frequent = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[: FEW // 2])
    return f"{len(counts)}, smallest {each[0][1]}, median {median}, largest {each[-1][1]}; most frequent {frequent}"


def _counted(counts: dict[str, int]) -> str:
    parts = [f"{name} {count:,}" for name, count in list(counts.items())[:SHOWN]]
    return ", ".join(parts) + (f", and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")


def _example(found: Inspection) -> str:
    if not found.duplicates:
        return ""
    train, test = found.duplicates[0]
    return f", such as {train} = {test}"
