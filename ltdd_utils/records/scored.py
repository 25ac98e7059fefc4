"""The evaluation of a set as an object: it reads as the record of a run, where it has what a run has."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltdd_utils.recipes.recipe import Recipe
from ltdd_utils.records.evaluations import FOLDER, evaluation_name, judge_id, load_evaluation, set_names
from ltdd_utils.records.files import load_record
from ltdd_utils.records.record import Record
from ltdd_utils.records.schema import EVALUATION, validate_evaluation

__all__ = ["ScoredSet", "evaluations_in", "load_any"]


@dataclass(frozen=True, eq=False)
class ScoredSet(Record):
    """The scores of a set under one judge: named by the set, and without a recipe.

    Raises:
        ValueError: the content is no valid evaluation.
    """

    def __post_init__(self) -> None:
        """Refuse what is no evaluation."""
        validate_evaluation(self.content)

    @property
    def name(self) -> str:
        """The name under which the set was scored last, else the begin of its hash."""
        return next(iter(set_names(self.content)), self.content["distilled_sha256"][:12])

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the set, the last one first: files of the same pixels are one set."""
        return set_names(self.content) or (self.name,)

    @property
    def scale(self) -> str:
        """An evaluation has none: its judge is in ``config``."""
        return ""

    @property
    def config_id(self) -> str:
        """Of the judge and the data, and the set."""
        return f"{judge_id(self.content)}-{self.content['distilled_sha256'][:12]}"

    @property
    def file_name(self) -> str:
        """Where it stands in a results folder."""
        return evaluation_name(self.content)

    @property
    def target(self) -> Mapping[str, Any] | None:
        """None: no paper prints it."""
        return None

    @property
    def ipc(self) -> int | None:
        """Images per class; None: the set has classes of several sizes, or is the whole training set."""
        return self.content["set"]["ipc"]

    @property
    def whole_set(self) -> bool:
        """No evaluation draws the whole set anew for each student."""
        return False

    @property
    def _made_by(self) -> str:
        return " = ".join(self.names)

    @property
    def _recipe(self) -> Recipe | ValueError:
        return ValueError("it is the evaluation of a set, and no run of a recipe")

    @property
    def is_registered(self) -> bool:
        """There is no recipe to be had."""
        return False


def evaluations_in(folders: Iterable[Path]) -> list[ScoredSet]:
    """The evaluations of results folders, which no table, board or report counts.

    Raises:
        ValueError: a damaged record.
    """
    paths = (path for folder in folders for path in sorted((Path(folder) / FOLDER).glob("*/[!.]*.json")))
    return [ScoredSet(load_evaluation(path), path) for path in paths]


def load_any(path: Path) -> Record:
    """The record of a run, or the evaluation of a set, whichever a file is.

    Raises:
        FileNotFoundError: no such file.
        ValueError: neither of them.
    """
    with suppress(OSError, ValueError, AttributeError):  # ``load_record`` says what is wrong
        if json.loads(Path(path).read_bytes()).get("schema") == EVALUATION:
            return ScoredSet(load_evaluation(path), Path(path))
    return load_record(path)
