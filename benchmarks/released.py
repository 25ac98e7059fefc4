"""The matching gradient as the released code of DAM + ED takes it, written from its description, to be measured.

"Distilling Long-tailed Datasets" (arXiv 2408.14506), released code; it goes back to TESLA (arXiv 2211.10586). What an
iteration of the release does beside this (new networks, experts read from disk, logging) is left out.
"""

import torch
from torch import Tensor

from ltdd_utils.augment import apply
from ltdd_utils.methods.trajectory.matching import Matched, Problem, Synthetic, distance

ALL = slice(None)


def released(synthetic: Synthetic, problem: Problem, moves: slice = ALL) -> Matched:
    """The gradient as the released code takes it: two passes over the steps, both with a graph of the gradient.

    The graphs of the first pass are thrown away; it keeps the weights and the augmented images of every step, and sums
    the gradients. The second pass takes each gradient again, and the set's gradient from it: TESLA's number. Only the
    parameters ``moves`` take steps; the gradient of the others is computed and set to zero.
    """
    images, logits = (tensor.detach().requires_grad_() for tensor in (synthetic.images, synthetic.logits))
    part, start, eta = problem.part, problem.start.detach(), synthetic.lr.item()
    weights, total = start, torch.zeros_like(start)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for step in problem.steps:
        batch, labels = (images, logits) if step.rows is None else (images[step.rows], logits[step.rows])
        seen, targets = apply(batch, step.augmentation), labels.softmax(dim=1)
        current = weights.clone().requires_grad_()
        loss = problem.loss(problem.network(current, seen), targets)
        (with_graph,) = torch.autograd.grad(loss, current, create_graph=True)
        gradient = torch.zeros_like(start)
        gradient[moves] = with_graph.detach()[moves]
        del loss, with_graph
        kept.append((current, seen, targets))
        total += gradient
        weights = weights - synthetic.lr.item() * gradient
    apart = (start - problem.target)[part].square().sum()
    direction = torch.zeros_like(start)
    direction[part] = (2 * (eta * (problem.target - start) + eta**2 * total) / apart)[part]
    sums = [torch.zeros_like(images), torch.zeros_like(logits)]
    for current, seen, targets in kept:
        loss = problem.loss(problem.network(current, seen), targets)
        (gradient,) = torch.autograd.grad(loss, current, create_graph=True)
        for found, accumulated in zip(torch.autograd.grad(direction @ gradient, (images, logits)), sums, strict=True):
            accumulated += found
    by_lr = -2 * (total[part] @ (weights - problem.target)[part]) / apart
    return Matched(distance(weights, problem), *sums, by_lr)
