"""The two phases of an iteration: a student under DAM, and its classifier on a frozen backbone.

Each draws an expert, takes two of its snapshots and the student's mini-batches, and gives a loss and its gradient. MTT
and DATM have the first phase alone. "Distilling Long-tailed Datasets" (arXiv 2408.14506), section 3.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ltdd_utils.augment.siamese import draw, strategy_of
from ltdd_utils.methods.trajectory.classifier import match_classifier
from ltdd_utils.methods.trajectory.dam import inner_loss
from ltdd_utils.methods.trajectory.matching import Matched, Problem, Step, Synthetic, match
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.methods.trajectory.snapshots import Experts
from ltdd_utils.methods.trajectory.student import student
from ltdd_utils.networks.flat import Layout
from ltdd_utils.networks.network import Network
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.losses import soft_cross_entropy

__all__ = ["LEARNED", "Phases"]

LEARNED = ("images", "logits", "lr")  # the parts of a Synthetic


class Phases:
    """Both phases of every iteration of a run: from a drawn pair of experts to the weighted gradients."""

    def __init__(
        self,
        cfg: TrajectoryConfig,
        counts: Sequence[float],
        experts: Experts,
        network: Network,
        device: torch.device,
        *,
        pause: Callable[[], None] | None = None,
        compiler: Compiler | None = None,
        shape: Sequence[int] = (),
    ) -> None:
        """Work on ``device`` with the settings, class counts ``[C]``, experts and architecture of ``distil``.

        ``pause`` is called before every pass of a student, of which an iteration may have hundreds; ``compiler``
        compiles the passes for images of ``shape`` ``[B, Ch, H, W]`` where that is worth it.
        """
        self.cfg, self.experts, self.device, self.classes = cfg, experts, device, len(counts)
        self.layout, self.loss = Layout.of(network), inner_loss(cfg.dam, counts, device)
        self.student = student(cfg, network, self.loss, shape, compiler=compiler, pause=pause)

    def gradients(
        self, synthetic: Synthetic, epoch: int, rng: torch.Generator
    ) -> tuple[tuple[float, float], dict[str, Tensor]]:
        """One iteration.

        Args:
            synthetic: what is learned.
            epoch: of the representation expert, where the student of the first phase starts.
            rng: draws experts, mini-batches and augmentations.

        Returns:
            The losses of the two phases before their weights (nan where a phase is left out), and the gradient of their
            weighted sum for each of ``LEARNED``.

        Raises:
            FileNotFoundError: a snapshot that is asked for is not stored.
        """
        sums = {name: torch.zeros_like(getattr(synthetic, name)) for name in LEARNED}
        losses = []
        for phase, settings in ((self._first, self.cfg.first), (self._second, self.cfg.second)):
            if settings is None or not settings.weight:
                losses.append(torch.full((), torch.nan, device=self.device))
                continue
            matched = phase(synthetic, epoch, rng)
            losses.append(matched.loss)
            for name, total in sums.items():
                total.add_(getattr(matched, name), alpha=settings.weight)
        first, second = torch.stack(losses).tolist()
        return (first, second), sums

    def _first(self, synthetic: Synthetic, epoch: int, rng: torch.Generator) -> Matched:
        index, cfg = self._expert(rng), self.cfg
        start = self.experts.snapshot(index, epoch).to(self.device)
        target = self.experts.snapshot(index, epoch + cfg.first.epochs).to(self.device)
        steps = self._steps(synthetic, cfg.first.steps, rng)
        problem = Problem(self.student.network, start, target, self.layout.part(cfg.match), steps, self.loss)
        return match(synthetic, problem, cfg.gradient, self.student.passes)

    def _second(self, synthetic: Synthetic, epoch: int, rng: torch.Generator) -> Matched:
        index, cfg = self._expert(rng), self.cfg
        start = self.experts.classifier_snapshot(index, 0).to(self.device)
        target = self.experts.classifier_snapshot(index, cfg.second.epochs).to(self.device)
        steps = self._steps(synthetic, cfg.second.steps, rng)
        problem = Problem(
            self.student.network, start, target, self.layout.part("classifier"), steps, soft_cross_entropy
        )
        through = cfg.gradient != "tesla"
        return match_classifier(
            synthetic, problem, self.student.features, self.classes, through, pull=self.student.pull
        )

    def _expert(self, rng: torch.Generator) -> int:
        return int(torch.randint(len(self.experts), (), generator=rng))

    def _steps(self, synthetic: Synthetic, count: int, rng: torch.Generator) -> list[Step]:
        """Mini-batches in reshuffled passes over the set, or the whole set where it is no larger than a batch."""
        images, steps = len(synthetic.images), []
        strategy, size = strategy_of(self.cfg.experts.augment), synthetic.images.shape[-1]
        batches: list[Tensor] = []
        for _ in range(count):
            rows, used = None, images
            if images > self.cfg.batch:
                batches = batches or list(torch.randperm(images, generator=rng).split(self.cfg.batch))
                rows = batches.pop().to(self.device, non_blocking=True)
                used = len(rows)
            steps.append(Step(rows, draw(strategy, used, size, rng, self.device)))
        return steps
