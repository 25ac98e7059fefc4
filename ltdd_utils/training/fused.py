"""A network as its objective sees it, with a compiled backbone where the training is long."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ltdd_utils.networks.network import Network
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.settings import TrainConfig

__all__ = ["Fused", "compiling_seconds", "eager_seconds", "saved_share"]

# Rounded from single timings of a few seconds each, one core of an AMD EPYC with AVX-512 and bf16, PyTorch 2.13. They
# choose, and no more.
RATE = 6e10  # operations a second of forward and backward by PyTorch's own kernels
FIXED_S, CONVOLUTION_S = 10.0, 1.0  # seconds of compiling: a graph, and each convolution in it
# How many times as fast a compiled step is: by precision, and by whether the network has BatchNorm.
SPEEDUP = {("fp32", False): 1.0, ("fp32", True): 1.4, ("bf16", False): 1.5, ("bf16", True): 1.15}


def eager_seconds(backbone: nn.Module, images: tuple[int, ...], count: float) -> float:
    """Seconds of one core that forward and backward of ``count`` images take without compiling.

    Args:
        backbone: of a network.
        images: shape of one, ``(Ch, H, W)``.
        count: how many pass in all.
    """
    shape = copy.deepcopy(backbone).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        shape(torch.empty(2, *images, device="meta"))  # two, since batch norm refuses one value per channel
    return 3 * counter.get_total_flops() / 2 * count / RATE  # backward is twice forward


def saved_share(backbone: nn.Module, precision: str) -> float:
    """The share of those seconds that compiling saves."""
    batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in backbone.modules())
    return 1 - 1 / SPEEDUP[precision, batch_norm]


def compiling_seconds(backbone: nn.Module) -> float:
    """Seconds of one core that compiling takes where nothing is kept of an earlier time."""
    return FIXED_S + CONVOLUTION_S * sum(isinstance(module, nn.Conv2d) for module in backbone.modules())


class Fused:
    """A network in training whose backbone is compiled for batches of one size; all else is the network's own.

    Smaller batches, such as an epoch's last one, take PyTorch's kernels: each size would be compiled apart. The same
    weights are trained either way, under the same names.
    """

    def __init__(self, network: Network, compiler: Compiler, cfg: TrainConfig, count: int) -> None:
        """See ``network`` during ``cfg.epochs`` passes over ``count`` images."""
        self.network, self.compiler, self.precision = network, compiler, cfg.precision
        self.size = min(cfg.batch_size, count)
        self.images = cfg.epochs * (count // self.size) * self.size  # that pass through in batches of that size
        self._pass: Any = None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the network has)
        return getattr(self.network, name)

    def __call__(self, images: Tensor) -> Tensor:
        """Logits ``[B, C]`` of the head that is used at inference."""
        head = self.network.classifier if self.network.second_classifier is None else self.network.second_classifier
        return head(self.backbone(images))

    def backbone(self, images: Tensor) -> Tensor:
        """Features ``[B, F]``."""
        if len(images) != self.size:
            return self.network.backbone(images)
        if self._pass is None:
            self._pass = self._compiled(images)
        return self._pass(self.network.backbone, images)

    def _compiled(self, images: Tensor) -> Any:  # noqa: ANN401 (a function of the backbone and images)
        backbone, function = self.network.backbone, _last if self.precision == "bf16" else _plain
        share = saved_share(backbone, self.precision)
        if not self.compiler.worth(float("inf") if share else 0.0, 0.0):
            return _plain

        def trial(compiled: Any) -> None:  # noqa: ANN401
            twin = copy.deepcopy(backbone)  # its statistics may move
            compiled(twin, torch.zeros_like(images)).float().sum().backward()

        work = eager_seconds(backbone, tuple(images.shape[1:]), self.images * self.compiler.passes)
        saving, cost = work * share, compiling_seconds(backbone)
        what = f"a backbone for batches of {self.size} in {self.precision}"
        return self.compiler.compiled(function, what, trial, saving=saving, cost=cost, instead=_plain)


def _plain(backbone: nn.Module, images: Tensor) -> Tensor:
    return backbone(images)


def _last(backbone: nn.Module, images: Tensor) -> Tensor:
    """Channels last, in which bf16 convolutions are fastest; without compiling, group norm has no fast path there."""
    return backbone(images.contiguous(memory_format=torch.channels_last))
