"""Stops within a pass over many images: a network that is asked looks first whether it is time to stop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

__all__ = ["paused", "pausing"]

Pause = Callable[[], None]
"""Raises ``Stopped`` where it is time to stop, as ``Checkpoint.pause``, ``LoopState.pause`` and ``Store.pause`` do."""


@contextmanager
def pausing(network: nn.Module, pause: Pause) -> Iterator[None]:
    """Inside, ``pause()`` is called before each of the network's passes forward."""
    handle = network.register_forward_pre_hook(lambda *_: pause())
    try:
        yield
    finally:
        handle.remove()


def paused(function: Callable[..., Tensor], pause: Pause) -> Callable[..., Tensor]:
    """The function, with ``pause()`` before each call."""

    def call(*arguments: Tensor) -> Tensor:
        pause()
        return function(*arguments)

    return call
