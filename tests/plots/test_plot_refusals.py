"""What does not belong on one figure is refused."""

import pandas as pd
import pytest
from toy_figures import cell_runs

from ltdd_utils import plots


def test_what_does_not_belong_on_one_line_is_refused(tmp_path):
    table = cell_runs(tmp_path, repeated=False)
    with pytest.raises(ValueError, match="random has two numbers at IF 10; give those of one setting"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table[table.method == "random"]]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'ipc'; give those of one"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table.assign(ipc=20)]))
    with pytest.raises(ValueError, match="the rows have 2 values of 'scale'"):
        plots.accuracy_by("imbalance_factor", pd.concat([table, table.assign(scale="cpu")]))
    with pytest.raises(ValueError, match="the rows have 0 values of 'dataset'"):
        plots.accuracy_by("imbalance_factor", table.iloc[:0])


def test_a_cost_of_nothing_is_refused():
    with pytest.raises(ValueError, match="free: 0 s has no place on a logarithmic axis"):
        plots.accuracy_by_cost({"x": {"free": (0, 0.5)}})


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="2 names, 1 scores, 2 differences and 2 flags"):
        plots.waterfall(["a", "b"], [[0.1]], [0, 0], [True, True])
    with pytest.raises(ValueError, match="the first row has no score"):
        plots.waterfall(["a", "b"], [[], [0.1]], [0, 0], [True, True])
