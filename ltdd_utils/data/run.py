"""A run: data, preprocessing, seed, and where the work is done; all that its stages share."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.ledger import Ledger
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.settings import whole_number
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.settings import PreprocessConfig
from ltdd_utils.networks.factory import build
from ltdd_utils.networks.network import Network
from ltdd_utils.networks.settings import NetworkConfig
from ltdd_utils.training.compiling import Compiler

__all__ = ["Run", "fitted"]

SHARED = ("data", "preprocess", "seed")  # parts of a run that a stage depends on, unless it names fewer


@dataclass(frozen=True, eq=False)
class Run:
    """One run of a method on one long tail, in one space, with one seed."""

    data: LongTailedData
    preprocess: Preprocess
    seed: int
    context: RunContext
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        """Take a whole number of numpy, or written as 3.0, as a seed: keys and random streams see an int."""
        object.__setattr__(self, "seed", whole_number(self.seed, "seed"))

    @classmethod
    def start(cls, data: LongTailedData, cfg: PreprocessConfig, seed: int, context: RunContext) -> "Run":
        """A run whose preprocessing is fitted on the long tail, or read if it was fitted before."""
        ledger = Ledger(context.announce)
        return cls(data, fitted(cfg, data, context, ledger), seed, context, ledger)

    def under(self, cfg: PreprocessConfig) -> "Run":
        """The same run in another space; its stages are entered in the same ledger."""
        if (cfg.kind, cfg.eps) == (self.preprocess.kind, self.preprocess.eps):
            return self
        return replace(self, preprocess=fitted(cfg, self.data, self.context, self.ledger))

    def pinned(self, seed: int | None) -> "Run":
        """The same run with a seed that stands above its own, as settings may name one; None: the run itself."""
        return self if seed is None else replace(self, seed=seed)

    @property
    def device(self) -> torch.device:
        """The device of the work."""
        return self.context.device

    def watch(self, stage: str) -> Watch | None:
        """The progress callback of a stage."""
        return self.context.watching(stage)

    def compiler(self, stage: str, checkpoint: Checkpoint, *, passes: int = 1) -> Compiler:
        """What compiles the functions of a stage that runs; arguments are those of ``Compiler``."""
        context = self.context
        told = {"watch": self.watch(stage), "facts": checkpoint.facts, "passes": passes}
        return Compiler(context.compile, self.device, cache=context.store.root / "compiled", **told)

    def rng(self, *names: str | int) -> torch.Generator:
        """The CPU generator of one named stream of the run."""
        return generator(self.seed, *names)

    def network(self, cfg: NetworkConfig, *names: str | int) -> Network:
        """A fresh network for the data, on the CPU, its weights drawn from the stream ``names``."""
        return build(cfg, self.data.classes, self.data.image_size, self.data.channels, self.rng(*names))

    def template(self, cfg: NetworkConfig) -> Network:
        """A network of which only the architecture counts: its weights are the same in every run."""
        return self.pinned(0).network(cfg, "shape")

    def images(self, rows: Tensor | None = None) -> Tensor:
        """Preprocessed train images on the device, ``[N, Ch, H, W]``: all, or ``rows`` ``[n]`` of them."""
        images = self.data.train_images if rows is None else self.data.train_images[rows]
        return self.preprocess(images.to(self.device), self._deadline)

    def labels(self) -> Tensor:
        """Labels of the train images on the device, ``[N]``."""
        return self.data.train_labels.to(self.device)

    def test_images(self) -> Tensor:
        """Preprocessed test images on the device, ``[M, Ch, H, W]``."""
        return self.preprocess(self.data.test_images.to(self.device), self._deadline)

    def _deadline(self) -> float | None:
        return self.context.store.deadline

    def key(self, *, shared: tuple[str, ...] = SHARED, **settings: Any) -> dict[str, Any]:  # noqa: ANN401
        """Everything that a stage depends on: its own ``settings``, and the ``shared`` parts of the run."""
        parts = {"data": self.data.sha256, "preprocess": self.preprocess.describe(), "seed": self.seed}
        return {**settings, **{name: parts[name] for name in shared}}

    def stage(
        self,
        kind: str,
        compute: Callable[[Checkpoint], Bundle],
        *,
        shared: tuple[str, ...] = SHARED,
        **settings: Any,  # noqa: ANN401
    ) -> Bundle:
        """The result of a stage, read or computed (``Store.stage``); seconds and origin go into the ledger.

        Args:
            kind: what it is, the name of a folder of the store.
            compute: does the work.
            shared: the parts of the run that the result depends on.
            settings: what else it depends on.
        """
        key = self.key(shared=shared, **settings)
        with self.ledger.asking():
            bundle = self.context.store.stage(kind, key, compute)
        self.ledger.add(kind, self.context.store.result(kind, key), bundle.meta)
        return bundle


def fitted(
    cfg: PreprocessConfig, data: LongTailedData, context: RunContext, ledger: Ledger | None = None
) -> Preprocess:
    """The preprocessing fitted on the long-tailed train images, once, then read from the store; on the run's device."""
    key, store, watch = {"config": cfg, "data": data.sha256}, context.store, context.watching("preprocess")

    def compute(checkpoint: Checkpoint) -> Bundle:
        return Preprocess.fit(data.train_images.to(context.device), cfg, watch, checkpoint.deadline).to_bundle()

    ledger = ledger or Ledger()
    with ledger.entry("preprocess"):
        bundle = store.stage("preprocess", key, compute)
        ledger.add("preprocess", store.result("preprocess", key), bundle.meta)
    return Preprocess.from_bundle(bundle).to(context.device)
