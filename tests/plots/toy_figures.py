"""Numbers to draw, and how to read them back from a figure."""

import numpy as np
import pytest
from toy_records import record

from ltdd_utils import analysis, records
from ltdd_utils.records import save_record

COUNTS, NAMES = [3, 200, 30, 7], ["d", "a", "b", "c"]  # in label order; by count: a, b, c, d
BY_COUNT = [1, 2, 3, 0]
SCORES = [[0.1, 0.9, 0.5, 0.3], [0.3, 0.9, 0.7, 0.3]]
X, REPEATS = [1, 2, 4], [[1.0, 2.0, 3.0], [3.0, 2.0, 7.0]]
LAYERS = ["first", "second", "third"]
LEVELS = ("subset", "experts", "distillation", "student")
STEPS = ["start", "up", "nothing", "down", "hollow"]
STEP_SCORES = [[0.2, 0.4], [0.5], [], [0.4, 0.42], [0.45]]
STEP_POINTS = [float("nan"), 20.0, float("nan"), -9.0, 5.0]


def cell_runs(folder, *, repeated=True):
    """Random at IF 10 (two seeds: 30 and 40 %) and 100 (one seed: 20 %); K-Center at IF 100 (25 %)."""
    cells = [("random", 10, 0, (4, 2)), ("random", 100, 0, (3, 1)), ("kcenter", 100, 0, (4, 1))]
    for method, factor, seed, score in [*cells, *([("random", 10, 1, (4, 4))] if repeated else [])]:
        one = record([score] * 2, method=method, imbalance_factor=factor, seed=seed, config_id=f"{factor:012d}")
        save_record(folder, one)
    return analysis.pool(records.load(folder))


def lines_by_colour(axes):
    """Positions, heights and whiskers of each line, by its colour."""
    found = {}
    for container in axes.containers:
        line, _, (whiskers,) = container.lines
        lengths = [np.ptp(ends[:, 1]) / 2 if len(ends) else None for ends in whiskers.get_segments()]
        found[line.get_color()] = (line.get_xdata().tolist(), line.get_ydata().tolist(), lengths)
    return found


def step_bars(axes):
    return [patch for patch in axes.patches if patch.get_height() == pytest.approx(0.5)]
