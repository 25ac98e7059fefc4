"""The classifier phase in closed form: one linear layer moves, on features that do not."""

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import apply
from ltdd_utils.methods.trajectory.matching import Matched, Problem, Step, Synthetic
from ltdd_utils.methods.trajectory.passes import Pull, eager_pull
from ltdd_utils.networks.flat import Apply

__all__ = ["match_classifier"]


def match_classifier(
    synthetic: Synthetic,
    problem: Problem,
    features: Apply,
    classes: int,
    through_weights: bool = True,
    *,
    pull: Pull | None = None,
) -> Matched:
    r"""Loss and gradient of the phase in which the student trains its classifier alone.

    The features :math:`f` of a step's augmented images depend on no inner step, and the gradient of soft cross-entropy
    at the classifier :math:`W` is known,

    .. math:: G = \tfrac{1}{B} (\mathrm{softmax}(z) - t)^\top [f, 1], \qquad z = [f, 1] W^\top,

    so all N steps unroll on ``[C, F + 1]`` matrices. The set's images then get one ordinary backward pass through the
    backbone per step, whose activations are held for one step at a time. "Distilling Long-tailed Datasets" (arXiv
    2408.14506), second phase: plain soft cross-entropy, as released.

    Args:
        synthetic: what is learned.
        problem: start and target share the backbone; ``part`` is the classifier's slice; ``loss`` is not used.
        features: the backbone as a function of flat weights and images.
        classes: C.
        through_weights: False holds the weights of every step fixed, as TESLA does.
        pull: the derivative of ``features`` in another form; None: on PyTorch's tape.

    Raises:
        ValueError: start and target agree on the classifier.
    """
    part = problem.part
    start, target = (_matrix(weights[part], classes) for weights in (problem.start, problem.target))
    apart = (start - target).square().sum()
    if not apart > 0:
        raise ValueError("start and target snapshot have the same classifier: there is nothing to match")
    backbone = problem.start.detach()
    with torch.no_grad():
        inputs = [features(backbone, _augmented(synthetic.images, step)) for step in problem.steps]
    inputs = [rows.requires_grad_() for rows in inputs]
    logits, lr = synthetic.logits.detach().requires_grad_(), synthetic.lr.detach().requires_grad_()
    weights = start
    for step, rows in zip(problem.steps, inputs, strict=True):
        targets = (logits if step.rows is None else logits[step.rows]).softmax(dim=1)
        gradient = _closed_form(weights if through_weights else weights.detach(), rows, targets)
        weights = weights - lr * gradient
    value = (weights - target).square().sum() / apart
    *by_features, by_logits, by_lr = torch.autograd.grad(value, [*inputs, logits, lr])
    images, pull = torch.zeros_like(synthetic.images), pull or eager_pull(features)
    for step, gradient in zip(problem.steps, by_features, strict=True):
        leaf = synthetic.images.detach().requires_grad_()
        rows = _augmented(leaf, step)
        images += torch.autograd.grad(rows, leaf, pull(backbone, rows.detach(), gradient.contiguous()))[0]
    return Matched(value.detach(), images, by_logits, by_lr)


def _matrix(flat: Tensor, classes: int) -> Tensor:
    """The classifier's weight and bias as one matrix, ``[C, F + 1]``."""
    weight, bias = flat[:-classes], flat[-classes:]
    return torch.cat([weight.view(classes, -1), bias[:, None]], dim=1)


def _closed_form(weights: Tensor, features: Tensor, targets: Tensor) -> Tensor:
    """The gradient of mean soft cross-entropy at the classifier, ``[C, F + 1]``."""
    rows = torch.cat([features, features.new_ones(len(features), 1)], dim=1)
    return ((rows @ weights.T).softmax(dim=1) - targets).T @ rows / len(rows)


def _augmented(images: Tensor, step: Step) -> Tensor:
    return apply(images if step.rows is None else images[step.rows], step.augmentation)
