"""The scores of a set beside those of random images and of the whole training set, under the same judge.

DD-Ranking (arXiv 2505.13300) calls the first difference improvement over random. Both come from records at hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltdd_utils.analysis.scores import ACCURACY, BALANCED, Scores, pipelines
from ltdd_utils.core.settings import from_dict, to_dict
from ltdd_utils.data.facts import DATASETS
from ltdd_utils.evaluation.settings import EvaluateConfig
from ltdd_utils.methods.registry import METHODS
from ltdd_utils.presets import Cell
from ltdd_utils.records.clone import all_records
from ltdd_utils.records.files import load_record
from ltdd_utils.records.record import Record

__all__ = ["Beside", "baseline", "beside"]


@dataclass(frozen=True)
class Beside:
    """The accuracy of a set, and what stands beside it; fractions."""

    accuracy: float
    random: Scores  # of sets of random images of the same size
    whole: Scores  # of the whole long-tailed training set
    sources: tuple[str, ...] = ()  # the files of the records
    measure: str = ACCURACY  # or BALANCED, where test classes are of unequal sizes: of all that is here

    @property
    def gain(self) -> float | None:
        """Accuracy above random images; None where none were run."""
        return self.accuracy - self.random.accuracy if self.random else None

    @property
    def share(self) -> float | None:
        """Accuracy over that of the whole training set; None where it was not run."""
        return self.accuracy / self.whole.accuracy if self.whole and self.whole.accuracy else None

    def facts(self) -> dict[str, Any]:
        """For JSON; what is not known is null."""
        return {
            "measure": self.measure,
            "random": self.random.accuracy if self.random else None,
            "random_pipelines": len(self.random),
            "improvement_over_random": self.gain,
            "whole_set": self.whole.accuracy if self.whole else None,
            "whole_set_pipelines": len(self.whole),
            "share_of_whole_set": self.share,
            "records": list(self.sources),
        }


def baseline(dataset: str) -> str:
    """The method of random images, by name: the one whose sets are drawn anew for each student.

    Args:
        dataset: one of ``DATASETS``.
    """
    facts = DATASETS[dataset]
    cell = Cell(dataset, facts.scales[0], facts.imbalance_factor, 1)
    return next(name for name, method in METHODS.items() if _drawn(method, method.settings(cell)))


def beside(evaluation: Mapping[str, Any], folders: Iterable[Path], dataset: str) -> Beside:
    """The records that stand beside an evaluation.

    Random images: the same data, number of images per class and judge. Whole set: the same data, protocol, teacher and
    students' network; its students make fewer epochs (``recipes.whole_set``). Data are told by their hash: a folder of
    the user's own can change while its settings stay.

    Args:
        evaluation: the record of one.
        folders: results folders.
        dataset: of the table, whose recipes count.
    """
    data, cfg = evaluation["provenance"]["data_sha256"], _judge(evaluation["config"])
    names = {f"{name}_{dataset}" for name in METHODS}
    paths = dict.fromkeys(path.resolve() for folder in folders for path in all_records(folder))
    random, whole = [], []
    for path in paths:
        if path.parent.name not in names:
            continue
        record = load_record(path)
        if not record.is_registered or record.provenance.data_sha256 != data:
            continue
        made = record.recipe
        if _drawn(made.entry, made.method) and record.ipc == evaluation["set"]["ipc"] and made.evaluate == cfg:
            random.append(record)
        same = (made.evaluate.label, made.evaluate.network) == (cfg.label, cfg.network)
        if record.whole_set and same and not made.evaluate.logit_adjustment:
            whole.append(record)
    measure = BALANCED if BALANCED in evaluation["metrics"] else ACCURACY  # as ``comparison`` chooses
    accuracy = evaluation["metrics"][BALANCED if measure == BALANCED else "overall"]["mean"]
    files = tuple(str(record.path) for record in (*random, *whole))
    scores = [pipelines(_unlike(records), measure) for records in (random, whole)]
    return Beside(accuracy, *scores, files, measure)


def _drawn(method: Any, settings: Any) -> bool:  # noqa: ANN401 (a Method and its family's settings)
    return method.family.one_draw_per_student(settings)


def _judge(config: Mapping[str, Any]) -> EvaluateConfig:
    return from_dict(EvaluateConfig, to_dict(config["evaluate"]))


def _unlike(records: Iterable[Record]) -> list[Record]:
    """One record of each run on one data set: a folder may hold a copy of one of the book's."""
    return list({(record.config_id, record.seed): record for record in records}.values())
