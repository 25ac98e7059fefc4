"""The campaign of all cells that the papers print a number for, as far as this book has their recipes."""

import pandas as pd

from ltdd_utils import recipes
from ltdd_utils.analysis.published import usual_student
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.table import PROTOCOLS
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.networks.settings import ARCHITECTURES
from ltdd_utils.records.published import targets

__all__ = ["PUBLISHED", "published_runs"]

PUBLISHED = "published"
SCALE = "paper"
KEYS = ["dataset", "imbalance_factor", "ipc", "method", "network", "protocol"]


def published_runs(students: int = 5) -> list[PlannedRun]:
    """One run (seed 0) for each published number of a method, data set and protocol of this book, at scale paper.

    Numbers of methods or cells that no recipe has are left out.
    """
    found: dict[str, PlannedRun] = {}
    for values in targets()[KEYS].drop_duplicates().itertuples(index=False):
        cell = dict(zip(KEYS, values, strict=True))
        name = f"{cell['method']}_{cell['dataset']}"
        if cell["method"] in METHODS and cell["dataset"] in DATASETS and cell["protocol"] in PROTOCOLS:
            run = _run(name, cell, students)
            if run is not None:
                found.setdefault(run.name, run)
    return list(found.values())


def _run(name: str, cell: dict, students: int) -> PlannedRun | None:
    network = None if cell["network"].startswith("convnet") else cell["network"]
    known = network is None or network == usual_student(cell)
    if not known and not (network in ARCHITECTURES and ARCHITECTURES[network].compared):
        return None
    given = {"scale": SCALE, "network": network}
    given |= {} if pd.isna(cell["imbalance_factor"]) else {"imbalance_factor": float(cell["imbalance_factor"])}
    given |= {} if pd.isna(cell["ipc"]) else {"ipc": int(cell["ipc"])}
    try:
        recipe = recipes.recipe(name, **given, protocol_name=cell["protocol"])
    except ValueError:  # a cell that the data set or the method does not have
        return None
    if recipe.target is None:  # a published list that no recipe has
        return None
    words = recipes.command(name, **given, protocol=cell["protocol"], seed=0, students=students)
    return PlannedRun("published", recipe, 0, students, words)
