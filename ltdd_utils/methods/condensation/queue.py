"""IDM's networks: a queue of those that are trained on the long tail, from which every iteration draws one."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ltdd_utils.methods.condensation.settings import IDMConfig
from ltdd_utils.networks.flat import Layout, flat_parameters
from ltdd_utils.networks.network import Network

__all__ = ["Queue"]

Batch = Callable[[], tuple[Tensor, Tensor]]
"""Images ``[B, Ch, H, W]`` and their labels ``[B]``, drawn anew."""


class Queue:
    """At most ``cfg.queue`` networks of one architecture as rows of weights; the newest takes the oldest one's row.

    Zhao et al. (IDM, arXiv 2307.09742), "efficient and enriched model sampling". Everything that changes is a tensor
    (``parts``), so that a checkpoint keeps it.
    """

    def __init__(self, cfg: IDMConfig, template: Network, device: torch.device, shift: Tensor | float = 0.0) -> None:
        """Without networks yet.

        Args:
            cfg: the queue's length and how its networks are trained.
            template: the architecture; its own weights are not read.
            device: of the work.
            shift: added to the logits inside the networks' loss, ``[C]`` (``losses.logit_adjustment``).

        Raises:
            ValueError: a network with batch norm or further heads.
        """
        self.cfg, self.template, self.layout, self.shift = cfg, template, Layout.of(template), shift
        self.weights = torch.zeros(cfg.queue, self.layout.size, device=device)
        self.velocity = torch.zeros_like(self.weights)
        self.accuracy = torch.zeros(cfg.queue, device=device)  # in its last training, on the way; before any: 0
        self.clock = torch.zeros(2, dtype=torch.int64)  # iterations begun, networks that ever came

    def parts(self) -> dict[str, Tensor]:
        """What changes, by name, for a checkpoint."""
        names = ("weights", "velocity", "accuracy", "clock")
        return {f"queue.{name}": getattr(self, name) for name in names}

    def __len__(self) -> int:
        """Networks that are there."""
        return min(int(self.clock[1]), self.cfg.queue)

    def push(self, network: Network) -> None:
        """Take in a network; a full queue loses its oldest."""
        row = int(self.clock[1]) % self.cfg.queue
        self.weights[row] = flat_parameters(network).to(self.weights.device)
        self.velocity[row], self.accuracy[row] = 0, 0
        self.clock[1] += 1

    def begin(self, make: Callable[[], Network]) -> None:
        """Begin an iteration: every ``cfg.push_every`` of them, from the first on, begins with a new network."""
        if int(self.clock[0]) % self.cfg.push_every == 0:
            self.push(make())
        self.clock[0] += 1

    def draw(self, count: int, rng: torch.Generator) -> list[int]:
        """Rows of different networks, each as likely as the other; all where there are fewer than ``count``."""
        return torch.randperm(len(self), generator=rng)[:count].tolist()

    def features(self, row: int, images: Tensor) -> Tensor:
        """Features ``[B, F]`` of images under the network in a row."""
        return self.layout.features(self.template)(self.weights[row], images)

    def logits(self, row: int, features: Tensor) -> Tensor:
        """Logits ``[B, C]`` of features ``[B, F]`` under the network in a row."""
        parameters = self.layout.split(self.weights[row])
        return F.linear(features, parameters["classifier.weight"], parameters["classifier.bias"])

    def regulariser(self, row: int) -> Tensor | float:
        """The weight of the images' cross-entropy under the network in a row."""
        if self.cfg.regulariser_of == "constant":
            return self.cfg.regulariser
        return self.cfg.regulariser * 100 * self.accuracy[row]

    def train(self, row: int, batch: Batch) -> None:
        """``cfg.network_steps`` steps of SGD with momentum and weight decay on fresh batches, and their accuracy."""
        cfg, apply = self.cfg, self.layout.apply(self.template)
        weights, velocity = self.weights[row], self.velocity[row]  # views: changed in place
        shares = []
        for _ in range(cfg.network_steps):
            (images, labels), leaf = batch(), weights.clone().requires_grad_()
            logits = apply(leaf, images)
            (gradient,) = torch.autograd.grad(F.cross_entropy(logits + self.shift, labels), leaf)
            velocity.mul_(cfg.momentum_network).add_(gradient + cfg.decay_network * weights)
            weights.sub_(velocity, alpha=cfg.lr_network)
            shares.append((logits.detach().argmax(dim=1) == labels).to(weights.dtype).mean())
        if shares:
            self.accuracy[row] = torch.stack(shares).mean()
