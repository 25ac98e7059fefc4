"""The list of a campaign: blocks of runs in a TOML file, the most valuable first.

A block is a table of settings that are all combined, seeds outermost::

    scale = "cpu"

    [[block]]
    title = "Uni-level and its ablation"
    methods = ["unilevel", "unilevel_no_recovery"]
    datasets = ["cifar10"]
    imbalance_factor = 100
    ipc = 10                       # or a list of numbers
    seeds = [0, 1, 2]
    students = 3
"""

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ltdd_utils import recipes
from ltdd_utils.campaign.forms import checked, listed_blocks
from ltdd_utils.campaign.planned import PlannedRun
from ltdd_utils.campaign.published import PUBLISHED, published_runs
from ltdd_utils.data.facts import scale_name
from ltdd_utils.records.folders import book_dir, default_records_dir

__all__ = ["Block", "plan_names", "read_plan"]

FOLDER = "campaigns"  # below the folder of the records


@dataclass(frozen=True)
class Block:
    """Runs that belong together: each method on each data set at each size under each protocol, teacher and setting."""

    title: str
    methods: tuple[str, ...]
    datasets: tuple[str, ...] = ("cifar10",)
    imbalance_factor: float | None = None  # None: the data set's usual one
    ipc: tuple[int, ...] = (10,)
    seeds: tuple[int, ...] = (0,)
    students: int = 5
    protocols: tuple[str | None, ...] = (None,)  # None: the method's own
    teachers: tuple[str | None, ...] = (None,)
    networks: tuple[str | None, ...] = (None,)
    set: tuple[tuple[str, ...], ...] = field(default=((),))  # lists of KEY=VALUE; each list is a run of its own

    def runs(self, scale: str) -> list[PlannedRun]:
        """All of them, seed by seed.

        Raises:
            ValueError: a combination that is not a recipe.
        """
        choices = {
            "dataset": self.datasets,
            "ipc": self.ipc,
            "method": self.methods,
            "protocol": self.protocols,
            "teacher": self.teachers,
            "network": self.networks,
            "changes": self.set,
        }
        products = itertools.product(self.seeds, *choices.values())
        return [self._run(scale, seed, dict(zip(choices, chosen, strict=True))) for seed, *chosen in products]

    def _run(self, scale: str, seed: int, chosen: Mapping[str, Any]) -> PlannedRun:
        """The run of one choice of data set, IPC, method, protocol, teacher, network and changed settings."""
        name, changes = f"{chosen['method']}_{chosen['dataset']}", chosen["changes"]
        cell = {"imbalance_factor": self.imbalance_factor, "ipc": chosen["ipc"], "scale": scale}
        cell |= {"network": chosen["network"]}
        labels = {"protocol": chosen["protocol"], "teacher": chosen["teacher"]}
        base = recipes.recipe(name, **cell, protocol_name=labels["protocol"], teacher=labels["teacher"])
        changed = recipes.with_overrides(base, recipes.assignments(changes))
        if changed.data.list_file is not None and changed.data.list_sha256 is None:
            what = f"data.list_file={changed.data.list_file} needs data.list_sha256 beside it in a campaign"
            raise ValueError(
                f"{what}: the hash in config.data of a record of that list, by which a run is known as done"
            )
        words = recipes.command(base.name, changes, **cell, **labels, seed=seed, students=self.students)
        return PlannedRun(self.title, changed, seed, self.students, words)


def plan_names() -> list[str]:
    """The campaigns that came with this book."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})


def _folders() -> tuple[Path, ...]:
    """The folders of campaigns: of the records that are read, then of the book."""
    return default_records_dir() / FOLDER, book_dir() / FOLDER


def read_plan(name: str) -> list[PlannedRun]:
    """The runs of a campaign in their order; what two blocks ask for is named by the first, with the more students.

    Args:
        name: of a campaign of this book ("cpu", "paper"), "published" for every cell that the papers print, or a path
            to a TOML file.

    Raises:
        FileNotFoundError: no such campaign.
        ValueError: a file that is not a campaign; the message names the block.
    """
    if name == PUBLISHED:
        return published_runs()
    places = [Path(name)] if name.endswith(".toml") else [folder / f"{name}.toml" for folder in _folders()]
    path = next((place for place in places if place.is_file()), places[0])
    if not path.is_file():
        known = ", ".join(plan_names()) or "none is here"
        raise FileNotFoundError(f"no campaign {str(path)!r}; name one of this book ({known}), or a .toml file")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        blocks = listed_blocks(content)
    except ValueError as error:  # of TOML, of the text's encoding, or of the keys
        raise ValueError(f"{path}: {error}") from error
    found: dict[str, PlannedRun] = {}
    for number, values in enumerate(blocks, start=1):
        try:
            runs = _block(values).runs(scale_name(content["scale"]))
        except ValueError as error:
            raise ValueError(f"{path}: block {number} ({values.get('title', 'without a title')}): {error}") from error
        for run in runs:
            first = found.setdefault(run.name, run)
            if first.students < run.students:
                found[run.name] = PlannedRun(first.block, run.recipe, run.seed, run.students, run.command)
    return list(found.values())


def _block(values: Mapping[str, Any]) -> Block:
    ready = {key: tuple(value) if isinstance(value, list) else value for key, value in checked(values).items()}
    if isinstance(values.get("ipc"), int):
        ready["ipc"] = (values["ipc"],)
    if "set" in ready:
        ready["set"] = tuple(tuple(changes) for changes in ready["set"])
    return Block(**ready)
