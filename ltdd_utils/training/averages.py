"""The moving average of a network's weights, without waiting for the device."""

import copy

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """The moving average of a network's weights and buffers: PyTorch's ``AveragedModel``, in its form on disk too.

    That one asks the device at every step how many steps it has seen, and waits for the answer.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.module, self.decay, self.steps = copy.deepcopy(network), decay, 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Move towards ``network``; the first time, to it."""
        pairs = list(zip(_values(self.module), _values(network), strict=True))
        smooth = [pair for pair in pairs if self.steps and pair[0].is_floating_point()]
        if smooth:
            torch._foreach_lerp_(*map(list, zip(*smooth, strict=True)), 1 - self.decay)
        for average, current in pairs:
            if not self.steps:
                average.copy_(current)
            elif not average.is_floating_point():  # how many batches a norm has seen
                average.copy_(average * self.decay + current * (1 - self.decay))
        self.steps += 1

    def state_dict(self) -> dict[str, Tensor]:
        """Names and tensors as ``AveragedModel`` has them."""
        tensors = {f"module.{name}": tensor for name, tensor in self.module.state_dict().items()}
        return {"n_averaged": torch.tensor(self.steps)} | tensors

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        self.steps = int(state["n_averaged"])
        self.module.load_state_dict(
            {name.removeprefix("module."): value for name, value in state.items() if name != "n_averaged"}
        )


def _values(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]
