"""A recovery step's pass through an observer: its answers, and the moments that its layers see."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ltdd_utils.methods.alignment.monitor import Moments, Monitor
from ltdd_utils.methods.alignment.settings import RecoverConfig
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.fused import compiling_seconds, eager_seconds, saved_share
from ltdd_utils.training.losses import single

__all__ = ["Pass", "observer_pass"]

Pass = Callable[[Tensor], tuple[Tensor, list[Moments]]]
"""``look(images)`` are the logits ``[B, C]`` and what each layer sees, both at least float32."""


def observer_pass(
    network: nn.Module, monitor: Monitor, cfg: RecoverConfig, images: Tensor, steps: int, *, compiler: Compiler | None
) -> Pass:
    """The pass of batches, compiled for those of the size of ``images`` where that is worth it.

    Args:
        network: the observer, in eval mode, its weights without gradients.
        monitor: of its layers, open as long as the pass is used.
        cfg: precision.
        images: a batch of the usual size.
        steps: passes in all.
        compiler: None: nothing is compiled.
    """

    def look(images: Tensor) -> tuple[Tensor, list[Moments]]:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=cfg.precision == "bf16"):
            logits = network(images)
        return single(logits), monitor.take()

    def last(images: Tensor) -> tuple[Tensor, list[Moments]]:
        return look(images.contiguous(memory_format=torch.channels_last))  # the fastest layout for bf16, if compiled

    def trial(compiled: Pass) -> None:
        logits, moments = compiled(torch.zeros_like(images, requires_grad=True))
        (logits.sum() + sum(one.mean.sum() + one.variance.sum() for one in moments)).backward()

    if compiler is None:
        return look
    share = saved_share(network, cfg.precision)
    # Two of the three passes that a training step has: the weights have no gradient.
    work = eager_seconds(network, tuple(images.shape[1:]), len(images) * steps) * 2 / 3 if share else 0.0
    function, usual = last if cfg.precision == "bf16" else look, len(images)
    options = {"saving": work * share, "cost": compiling_seconds(network), "instead": look}
    quick = compiler.compiled(function, f"recovery for batches of {usual} in {cfg.precision}", trial, **options)
    return lambda images: (quick if len(images) == usual else look)(images)
