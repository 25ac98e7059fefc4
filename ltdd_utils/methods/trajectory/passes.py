r"""The passes of a student, as functions of plain values: its gradient, and the step of the adjoint recursion.

With the student's loss :math:`\ell(w, x, t)` on augmented images x and targets t, and a direction a,

.. math:: g = \partial_w \ell, \qquad
          g \cdot a, \quad \partial_x (g \cdot a), \quad \partial_t (g \cdot a), \quad \partial_w (g \cdot a) = H a

``eager`` runs PyTorch's tape. ``functional`` is ``torch.func.grad`` inside ``torch.func.grad``: one function from
values to values, which a compiler can trace as a whole, while it refuses to differentiate twice what it has compiled.
Augmentation and softmax stay outside: whatever is drawn, there is one function for each number of images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ltdd_utils.methods.trajectory.dam import InnerLoss
from ltdd_utils.networks.flat import Apply

__all__ = ["Passes", "Pull", "eager", "eager_pull", "functional", "functional_pull", "in_precision"]

Pull = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``pull(w, x, v)`` is the derivative of ``features(w, x) . v`` for the images x."""


@dataclass(frozen=True)
class Passes:
    """The passes of one network and loss."""

    gradient: Callable[[Tensor, Tensor, Tensor], Tensor]
    """``gradient(w, x, t)`` is g, ``[P]``."""
    adjoint: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    """``adjoint(w, x, t, a)`` is the scalar g . a, and its derivatives for x, for t and, if asked for, for w."""


def eager(network: Apply, loss: InnerLoss, through_weights: bool) -> Passes:
    """The passes on PyTorch's tape; ``through_weights``: whether the adjoint gives the derivative for w too."""

    def gradient(weights: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        leaf = weights.detach().requires_grad_()
        return torch.autograd.grad(loss(network(leaf, images), targets), leaf)[0]

    def adjoint(weights: Tensor, images: Tensor, targets: Tensor, direction: Tensor) -> tuple[Tensor, ...]:
        leaves = [tensor.detach().requires_grad_() for tensor in (images, targets, weights)]
        value = loss(network(leaves[2], leaves[0]), leaves[1])
        (found,) = torch.autograd.grad(value, leaves[2], create_graph=True)
        directional = found @ direction
        wanted = leaves if through_weights else leaves[:2]
        return directional.detach(), *torch.autograd.grad(directional, wanted)

    return Passes(gradient, adjoint)


def functional(network: Apply, loss: InnerLoss, through_weights: bool) -> Passes:
    """The passes as functions of values; ``network`` consists of operations that PyTorch traces (``traceable``)."""

    def gradient(weights: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        return torch.func.grad(lambda flat: loss(network(flat, images), targets))(weights)

    def adjoint(weights: Tensor, images: Tensor, targets: Tensor, direction: Tensor) -> tuple[Tensor, ...]:
        def along(images: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
            return gradient(weights, images, targets) @ direction

        wanted = (0, 1, 2) if through_weights else (0, 1)
        found, directional = torch.func.grad_and_value(along, argnums=wanted)(images, targets, weights)
        return directional, *found

    return Passes(gradient, adjoint)


def eager_pull(features: Apply) -> Pull:
    """The derivative of features on PyTorch's tape."""

    def pull(weights: Tensor, images: Tensor, along: Tensor) -> Tensor:
        leaf = images.detach().requires_grad_()
        return torch.autograd.grad(features(weights, leaf), leaf, along)[0]

    return pull


def functional_pull(features: Apply) -> Pull:
    """The derivative of features as a function of values."""
    return lambda weights, images, along: torch.func.grad(lambda x: (features(weights, x) * along).sum())(images)


def in_precision(network: Apply, precision: Literal["fp32", "bf16"], device: str) -> Apply:
    """The network with its convolutions and matrix products in a precision; weights and what comes out stay as given.

    Args:
        network: as a function of flat weights and images.
        precision: "bf16" runs it under autocast.
        device: its type: cpu or cuda.
    """
    if precision == "fp32":
        return network

    def apply(flat: Tensor, images: Tensor) -> Tensor:
        with torch.autocast(device, torch.bfloat16):
            return network(flat, images).to(flat.dtype)

    return apply
