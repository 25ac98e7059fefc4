"""Accuracy against the imbalance factor and the images per class, ours and published."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from toy_records import record

from ltdd_utils import analysis, plots, records
from ltdd_utils.records import save_record


@pytest.fixture(autouse=True)
def nothing_stays_open():
    yield
    assert plt.get_fignums() == []


def runs(folder, *, repeated=True):
    """Random at IF 10 (two seeds: 30 and 40 %) and 100 (one seed: 20 %); K-Center at IF 100 (25 %)."""
    cells = [("random", 10, 0, (4, 2)), ("random", 100, 0, (3, 1)), ("kcenter", 100, 0, (4, 1))]
    for method, factor, seed, score in [*cells, *([("random", 10, 1, (4, 4))] if repeated else [])]:
        one = record([score] * 2, method=method, imbalance_factor=factor, seed=seed, config_id=f"{factor:012d}")
        save_record(folder, one)
    return analysis.pool(records.load(folder))


def drawn(axes):
    """Positions, heights and whiskers of each line, by its colour."""
    found = {}
    for container in axes.containers:
        line, _, (whiskers,) = container.lines
        lengths = [np.ptp(ends[:, 1]) / 2 if len(ends) else None for ends in whiskers.get_segments()]
        found[line.get_color()] = (line.get_xdata().tolist(), line.get_ydata().tolist(), lengths)
    return found


def test_a_line_per_method_with_whiskers_over_pipelines_alone(tmp_path):
    figure = plots.accuracy_by("imbalance_factor", runs(tmp_path))
    (axes,) = figure.axes
    kcenter, random = drawn(axes).values()
    assert random[0] == [10, 100] and random[1] == pytest.approx([35, 20])
    assert random[2] == [pytest.approx(np.std([30, 40], ddof=1)), None]  # a single pipeline has no spread
    assert kcenter == ([100], [pytest.approx(25)], [None])
    assert axes.get_xscale() == "log" and axes.get_title() == "CIFAR-10-LT, IPC 10\nthis book, scale paper"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["10", "100"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["kcenter", "random"]


def test_published_numbers_stand_in_a_panel_of_their_own_in_the_methods_colours(tmp_path):
    target = {"paper": "p", "dataset": "cifar10", "ipc": 10, "std": 0.5}
    cells = [("random", 10, 32.5), ("datm", 10, 57.2), ("datm", 200, np.nan), ("random", 200, 30.0)]
    rows = [{**target, "method": method, "imbalance_factor": factor, "mean": mean} for method, factor, mean in cells]
    ours, published = (
        drawn(axes) for axes in plots.accuracy_by("imbalance_factor", runs(tmp_path), pd.DataFrame(rows)).axes
    )
    (shared,) = set(ours) & set(published)
    assert ours[shared][0] == [10, 100] and published[shared] == ([10, 200], [32.5, 30.0], pytest.approx([0.5, 0.5]))
    (datm,) = (values for colour, values in published.items() if colour != shared)
    assert datm[1] == pytest.approx([57.2, np.nan], nan_ok=True)


def test_what_does_not_belong_on_one_line_is_refused(tmp_path):
    table = runs(tmp_path, repeated=False)
    with pytest.raises(ValueError, match="random has two numbers at IF 10; give those of one setting"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table[table.method == "random"]]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'ipc'; give those of one"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table.assign(ipc=20)]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'scale'"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table.assign(scale="cpu")]))
    with pytest.raises(ValueError, match="the rows have 0 values of 'dataset'"):
        plots.accuracy_by("imbalance_factor", table.iloc[:0])


def test_the_same_over_images_per_class(tmp_path):
    table = runs(tmp_path, repeated=False).query("method == 'random'").assign(imbalance_factor=50, ipc=[1, 10])
    (axes,) = plots.accuracy_by("ipc", table).axes
    ((places, _, _),) = drawn(axes).values()
    assert places == [1, 10] and axes.get_xlabel() == "images per class"
    assert axes.get_title() == "CIFAR-10-LT, IF 50\nthis book, scale paper"
    with pytest.raises(ValueError, match="random has two numbers at IPC 1; give those of one setting"):
        plots.accuracy_by("ipc", pd.concat([table, table.iloc[:1]]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'imbalance_factor'; give those of one"):
        plots.accuracy_by("ipc", table.assign(imbalance_factor=[10, 100]))
