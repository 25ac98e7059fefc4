r"""Trajectory matching: how far a student on the distilled set ends from the expert, and what that says to the set.

A student starts at an expert's snapshot :math:`w_0`, takes N steps :math:`w_{i+1} = w_i - \eta g_i` on the distilled
set, and is compared with a later snapshot :math:`w^*` on a part P of the parameters:

.. math:: L = \|P(w_N - w^*)\|^2 / \|P(w_0 - w^*)\|^2

Cazenavette et al. (arXiv 2203.11932), equation 2; "Distilling Long-tailed Datasets" (arXiv 2408.14506) has one such
loss for each of its two kinds of experts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import DSAParameters, apply
from ltdd_utils.methods.trajectory.dam import InnerLoss
from ltdd_utils.methods.trajectory.passes import Passes, eager
from ltdd_utils.networks.flat import Apply

__all__ = [
    "GRADIENTS",
    "Matched",
    "Problem",
    "Step",
    "Synthetic",
    "distance",
    "exact",
    "match",
    "student_weights",
    "tesla",
    "unroll",
]


@dataclass(frozen=True)
class Synthetic:
    """The learned tensors: images, the logits of their labels, and the student's step size."""

    images: Tensor  # preprocessed, [M, Ch, H, W]
    logits: Tensor  # of the labels, [M, C]; the targets are their softmax
    lr: Tensor  # eta, scalar

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three, in this order."""
        return self.images, self.logits, self.lr


@dataclass(frozen=True)
class Step:
    """One inner step: which images, and their augmentation, drawn once and replayed."""

    rows: Tensor | None  # positions in the set, [B]; None: all of them
    augmentation: DSAParameters


@dataclass(frozen=True)
class Problem:
    """One matching problem: network, start, target, and the student's steps."""

    network: Apply
    start: Tensor  # w_0, [P]
    target: Tensor  # w*, [P]
    part: slice  # parameters that are compared
    steps: Sequence[Step]
    loss: InnerLoss


@dataclass(frozen=True)
class Matched:
    """The value of the loss, and its gradient with respect to the learned tensors."""

    loss: Tensor  # scalar; 1: the student is as far as it started, 0: it is the expert
    images: Tensor
    logits: Tensor
    lr: Tensor


def distance(weights: Tensor, problem: Problem) -> Tensor:
    """The matching loss of a student that ended at ``weights`` ``[P]``.

    Raises:
        ValueError: start and target agree on the compared part: nothing to divide by.
    """
    part = problem.part
    return (weights - problem.target)[part].square().sum() / _apart(problem)


def match(synthetic: Synthetic, problem: Problem, gradient: str = "exact", passes: Passes | None = None) -> Matched:
    """Loss and gradient by the method called ``gradient``: "exact", "tesla" or "unroll".

    Args:
        synthetic: what is learned.
        problem: the network, its start and target, the student's steps.
        gradient: the method.
        passes: of the problem's network and loss in another form; None: on PyTorch's tape. "unroll" has no use for it.

    Raises:
        ValueError: an unknown method, or start and target agree on the compared part.
    """
    if gradient not in GRADIENTS:
        raise ValueError(f"gradient is {gradient!r}; choose one of {', '.join(GRADIENTS)}")
    return GRADIENTS[gradient](synthetic, problem, passes)


def exact(synthetic: Synthetic, problem: Problem, passes: Passes | None = None) -> Matched:
    r"""The exact gradient by an adjoint recursion: activations of one step at a time, whatever N.

    Forward, only the weights of every step are kept. Backward, from :math:`a_N = \partial L / \partial w_N`:

    .. math:: \frac{dL}{d\eta} \mathrel{-}= a_{i+1} \cdot g_i, \qquad
              \frac{dL}{dx} \mathrel{-}= \eta\, \partial_x (g_i \cdot a_{i+1}), \qquad
              a_i = a_{i+1} - \eta H_i a_{i+1}

    The value of the scalar :math:`g_i \cdot a_{i+1}` gives the first, and one double backward pass of it the others.
    """
    return _adjoint(synthetic, problem, through_weights=True, passes=passes)


def tesla(synthetic: Synthetic, problem: Problem, passes: Passes | None = None) -> Matched:
    """The gradient of TESLA: as ``exact``, with the adjoint held at its last value.

    The weights of each step count as constants, so that the effect of an early step on later gradients is left out. At
    one step it is exact. Cui et al. (arXiv 2211.10586); the released code of DAM + ED has this form.
    """
    return _adjoint(synthetic, problem, through_weights=False, passes=passes)


def unroll(synthetic: Synthetic, problem: Problem, _: Passes | None = None) -> Matched:
    """The exact gradient by backpropagation through all steps at once: the slow reference, memory grows with N."""
    images, logits, lr = (tensor.detach().requires_grad_() for tensor in synthetic.tensors())
    weights = problem.start.detach().requires_grad_()
    for step in problem.steps:
        augmented, targets = _inputs(images, logits, step)
        loss = problem.loss(problem.network(weights, augmented), targets)
        (gradient,) = torch.autograd.grad(loss, weights, create_graph=True)
        weights = weights - lr * gradient
    value = distance(weights, problem)
    return Matched(value.detach(), *torch.autograd.grad(value, (images, logits, lr)))


def student_weights(synthetic: Synthetic, problem: Problem, passes: Passes | None = None) -> list[Tensor]:
    """The student's weights before every step and after the last, N + 1 vectors ``[P]``."""
    passes = passes or eager(problem.network, problem.loss, through_weights=False)
    lr, weights = synthetic.lr.detach(), [problem.start.detach()]
    for step in problem.steps:
        images, targets = _inputs(synthetic.images.detach(), synthetic.logits.detach(), step)
        weights.append(weights[-1] - lr * passes.gradient(weights[-1], images, targets))
    return weights


def _adjoint(synthetic: Synthetic, problem: Problem, through_weights: bool, passes: Passes | None) -> Matched:
    passes = passes or eager(problem.network, problem.loss, through_weights)
    trail = student_weights(synthetic, problem, passes)
    eta, part = synthetic.lr.detach(), problem.part
    adjoint = torch.zeros_like(trail[-1])
    apart, rest = _apart(problem), (trail[-1] - problem.target)[part]
    adjoint[part] = 2 * rest / apart
    leaves = [tensor.detach().requires_grad_() for tensor in (synthetic.images, synthetic.logits)]
    sums = [torch.zeros_like(tensor) for tensor in (*leaves, eta)]
    for step, weights in zip(reversed(problem.steps), reversed(trail[:-1]), strict=True):
        inputs = _inputs(*leaves, step)
        directional, *found = passes.adjoint(weights, *(tensor.detach() for tensor in inputs), adjoint)
        for total, gradient in zip(sums, torch.autograd.grad(inputs, leaves, found[:2]), strict=False):
            total.sub_(gradient * eta)
        sums[2].sub_(directional)
        if through_weights:
            adjoint = adjoint - eta * found[2]
    return Matched(rest.square().sum() / apart, *sums)


def _inputs(images: Tensor, logits: Tensor, step: Step) -> tuple[Tensor, Tensor]:
    """The augmented images of one step, and their targets."""
    if step.rows is not None:
        images, logits = images[step.rows], logits[step.rows]
    return apply(images, step.augmentation), logits.softmax(dim=1)


def _apart(problem: Problem) -> Tensor:
    """The squared distance of start and target on the compared part."""
    apart = (problem.start - problem.target)[problem.part].square().sum()
    if not apart > 0:
        raise ValueError("start and target snapshot agree on the compared parameters: there is nothing to match")
    return apart


GRADIENTS: dict[str, Callable[[Synthetic, Problem, Passes | None], Matched]] = {
    "exact": exact,
    "tesla": tesla,
    "unroll": unroll,
}
