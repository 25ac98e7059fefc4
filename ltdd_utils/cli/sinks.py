"""Where the events of a run go beside the screen: a file of JSON lines, or a tracker that somebody has installed.

A tracker's package is imported when ``--track`` names it, never otherwise.
"""

import importlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

__all__ = ["TRACKERS", "JsonLines", "Sink", "tracker"]


class Sink(Protocol):
    """Takes facts about a run."""

    def tell(self, fact: Mapping[str, Any]) -> None:
        """One fact: ``time``, ``run``, ``stage``, ``event``, and numbers."""


class JsonLines:
    """One JSON object a line, at the end of a file, there as soon as it is told."""

    def __init__(self, path: Path) -> None:
        """Append to ``path``.

        Raises:
            OSError: it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = path.open("a", encoding="utf-8")

    def tell(self, fact: Mapping[str, Any]) -> None:
        """Write a line; what is not finite is null."""
        ready = {key: None if _odd(value) else value for key, value in fact.items()}
        self.file.write(json.dumps(ready, allow_nan=False) + "\n")  # at once: two processes may share the file
        self.file.flush()


class _Tracker:
    """What the trackers share: a place of its own for each run, and the numbers of a fact as scalars."""

    def __init__(self, place: str) -> None:
        self.place, self.run = place, ""

    def tell(self, fact: Mapping[str, Any]) -> None:
        """Open at a run's begin, write numbers, close at its end."""
        if fact["event"] == "begin" and "stage" not in fact:
            self.open(fact["run"])
        elif fact["event"] == "progress":
            known = ("done", "total")
            numbers = {k: v for k, v in fact.items() if isinstance(v, float) and k not in known and not _odd(v)}
            self.write({f"{fact['part']}/{key}": value for key, value in numbers.items()}, fact["done"])
        elif "stage" not in fact:
            self.write({"overall": fact["overall"]} if "overall" in fact else {}, 0)
            self.close()

    def open(self, run: str) -> None:
        """Begin a run."""

    def write(self, numbers: dict[str, float], step: int) -> None:
        """Some numbers of it."""

    def close(self) -> None:
        """End it."""


class _TensorBoard(_Tracker):
    def __init__(self, place: str) -> None:
        super().__init__(place or "runs")
        try:
            self.writer_class = _module("torch.utils.tensorboard", "tensorboard").SummaryWriter
        except ValueError:
            self.writer_class = _module("tensorboardX", "tensorboard").SummaryWriter

    def open(self, run: str) -> None:
        self.writer = self.writer_class(str(Path(self.place) / run))

    def write(self, numbers: dict[str, float], step: int) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        self.writer.close()


class _Wandb(_Tracker):
    def __init__(self, place: str) -> None:
        super().__init__(place or "ltdd")
        self.wandb = _module("wandb", "wandb")

    def open(self, run: str) -> None:
        self.handle = self.wandb.init(project=self.place, name=run)

    def write(self, numbers: dict[str, float], step: int) -> None:
        if numbers:  # its own steps go up only, and each student begins again
            self.handle.log({**numbers, "step": step})

    def close(self) -> None:
        self.handle.finish()


class _MLflow(_Tracker):
    def __init__(self, place: str) -> None:
        super().__init__(place or "ltdd")
        self.mlflow = _module("mlflow", "mlflow")

    def open(self, run: str) -> None:
        self.mlflow.set_experiment(self.place)
        self.mlflow.start_run(run_name=run)

    def write(self, numbers: dict[str, float], step: int) -> None:
        self.mlflow.log_metrics(numbers, step=step)

    def close(self) -> None:
        self.mlflow.end_run()


TRACKERS = {"tensorboard": _TensorBoard, "wandb": _Wandb, "mlflow": _MLflow}


def tracker(text: str) -> Sink:
    """The tracker of ``NAME`` or ``NAME:PLACE`` (TensorBoard: a folder; W&B: a project; MLflow: an experiment).

    Raises:
        ValueError: an unknown name, or a package that is not installed.
    """
    name, _, place = text.partition(":")
    if name not in TRACKERS:
        raise ValueError(f"--track {text}: choose one of {', '.join(TRACKERS)}")
    return TRACKERS[name](place)


def _module(name: str, package: str) -> Any:  # noqa: ANN401 (a module)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"--track {package} needs its package: pip install {package}") from error


def _odd(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
