"""Sharpness-aware training of experts: a second gradient at perturbed weights, on the same augmented batch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ltdd_utils.methods.trajectory.settings import GSAMConfig
from ltdd_utils.training.loop import Backward

__all__ = ["gsam_backward"]

SMALLEST = 1e-12  # added to norms: a zero gradient perturbs nothing


def gsam_backward(cfg: GSAMConfig, generator: torch.Generator) -> Backward:
    r"""The gradient of surrogate-gap guided sharpness-aware minimisation, adaptive as in ASAM.

    With :math:`g` the gradient at the weights :math:`w`, :math:`g'` that at :math:`w + e`:

    .. math:: e = \rho \frac{w^2 \odot g}{\| |w| \odot g \|}, \qquad
              u = g' - \alpha \left( g - \frac{\langle g, g' \rangle}{\|g'\|^2} g' \right)

    and :math:`u` takes the gradient's place. Without ``cfg.adaptive``, :math:`e = \rho g / \|g\|`. Zhuang et al.
    (arXiv 2203.08065); Kwon et al. (arXiv 2102.11600) for the adaptive form; rho 0.01 and alpha 0.3 are FTD's and
    LTDD's.

    Args:
        cfg: rho, alpha, the adaptive form.
        generator: where the loss draws its augmentations: the second gradient sees the same ones.
    """

    def backward(loss: Callable[[], Tensor], network: nn.Module) -> Tensor:
        weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
        state = generator.get_state()
        value = loss()
        first = torch.autograd.grad(value, weights)
        generator.set_state(state)
        with torch.no_grad():
            kept = [weight.clone() for weight in weights]
            shifts = _ascent(weights, first, cfg)
            torch._foreach_add_(weights, shifts)
        try:
            second = torch.autograd.grad(loss(), weights)
        finally:
            with torch.no_grad():
                torch._foreach_copy_(weights, kept)  # not minus the shift: rounding would move the weights
        for weight, gradient in zip(weights, _update(first, second, cfg.alpha), strict=True):
            weight.grad = gradient
        return value

    return backward


def _ascent(weights: list[Tensor], gradients: tuple[Tensor, ...], cfg: GSAMConfig) -> list[Tensor]:
    """The perturbation e, one tensor per parameter."""
    scales = [weight.abs() if cfg.adaptive else torch.ones_like(weight) for weight in weights]
    scaled = [scale * gradient for scale, gradient in zip(scales, gradients, strict=True)]
    norm = torch.stack([part.square().sum() for part in scaled]).sum().sqrt() + SMALLEST
    return [cfg.rho * scale * part / norm for scale, part in zip(scales, scaled, strict=True)]


def _update(first: tuple[Tensor, ...], second: tuple[Tensor, ...], alpha: float) -> list[Tensor]:
    """The direction u: g' minus alpha times the component of g orthogonal to g'."""
    inner = torch.stack([(a * b).sum() for a, b in zip(first, second, strict=True)]).sum()
    squared = torch.stack([b.square().sum() for b in second]).sum() + SMALLEST
    along = inner / squared
    return [b - alpha * (a - along * b) for a, b in zip(first, second, strict=True)]
