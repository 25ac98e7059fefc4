"""Statistics of a batch inside a network: mean and variance of every image at the inputs of chosen layers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType

import torch
from torch import Tensor, nn

from ltdd_utils.methods.alignment.settings import StatisticsConfig
from ltdd_utils.training.losses import single

__all__ = ["Moments", "Monitor"]


@dataclass(frozen=True)
class Moments:
    """Of one layer: each image's mean and biased variance over pixels, both ``[B, D]``; D channels or blocks."""

    mean: Tensor
    variance: Tensor

    def of_batch(self) -> tuple[Tensor, Tensor]:
        """Mean and biased variance over images and pixels together, both ``[D]``."""
        return self.mean.mean(dim=0), self.variance.mean(dim=0) + self.mean.var(dim=0, correction=0)

    def of_groups(self, share: Tensor) -> tuple[Tensor, Tensor]:
        """The same for groups of images, both ``[G, D]``.

        Args:
            share: of each image in its one group, ``[G, B]``; rows sum to 1.
        """
        mean = share @ self.mean
        # Squared deviations, not squares: a difference of two large numbers would lose the small variances.
        deviation = self.mean - (share > 0).to(mean.dtype).T @ mean
        return mean, share @ (self.variance + deviation.square())


class Monitor:
    """Reads the inputs of a network's layers while it is open, and leaves no hook behind.

    Layers come in the order in which the network names them: all BatchNorms, then, with "bn+conv", all convolutions,
    then, with ``patch``, the convolutions' inputs in blocks of pixels.

    Args:
        network: in eval mode.
        cfg: which layers.

    Raises:
        ValueError: a network without BatchNorm.
    """

    def __init__(self, network: nn.Module, cfg: StatisticsConfig) -> None:
        norms = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
        if not norms:
            raise ValueError(
                "the observer has no BatchNorm layer, so there are no statistics to align; "
                "use a network with norm 'batch', for example resnet32"
            )
        convolutions = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
        self.layers: list[tuple[str, nn.Module, Callable[[Tensor], Tensor]]] = [(*norm, _channels) for norm in norms]
        if cfg.layers == "bn+conv":
            self.layers += [(*convolution, _channels) for convolution in convolutions]
        if cfg.patch:
            self.layers += [(f"{name}/blocks", module, partial(_blocks, cfg.patch)) for name, module in convolutions]
        self._seen: dict[int, Moments] = {}
        self._handles: list[torch.utils.hooks.RemovableHandle] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The layers, in order."""
        return tuple(name for name, _, _ in self.layers)

    def __enter__(self) -> "Monitor":
        """Start reading."""
        for index, (_, module, view) in enumerate(self.layers):
            self._handles.append(module.register_forward_pre_hook(partial(self._read, index, view)))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._seen = [], {}

    def take(self) -> list[Moments]:
        """The statistics of the last forward pass; call it once after each."""
        seen, self._seen = self._seen, {}
        return [seen[index] for index in range(len(self.layers))]

    def _read(self, index: int, view: Callable[[Tensor], Tensor], _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = single(view(inputs[0]))  # moments are in float32 where the network computes in bf16
        mean = values.mean(dim=2)
        # In two passes: as exact as torch.var_mean, which is several times slower on a CPU.
        self._seen[index] = Moments(mean, (values - mean[:, :, None]).square().mean(dim=2))


def _channels(maps: Tensor) -> Tensor:
    """Feature maps ``[B, Ch, H, W]`` as ``[B, Ch, pixels]``."""
    return maps.flatten(2)


def _blocks(side: int, maps: Tensor) -> Tensor:
    """The same maps cut into squares of pixels: ``[B, squares, Ch x side x side]``; a rest at the border is lost."""
    side = min(side, *maps.shape[-2:])
    squares = maps.unfold(2, side, side).unfold(3, side, side)  # [B, Ch, rows, columns, side, side]
    return squares.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
