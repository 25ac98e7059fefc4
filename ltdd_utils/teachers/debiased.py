"""The debiased expert: one training for observer and teacher, on two mixed views of each image."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.augment.batches import augmenter
from ltdd_utils.augment.mixing import cutmix, mixup
from ltdd_utils.teachers.settings import TeacherConfig
from ltdd_utils.training.losses import class_weights, consistency_loss, debias_loss

__all__ = ["DebiasedObjective"]


class DebiasedObjective:
    r"""The loss of a debiased expert, :math:`\gamma_1 L_{robust} + \gamma_2 L_{debias}`, on a batch of indices.

    Every image of the batch gets a partner, drawn with weight :math:`n_c^{-r}`, and both are augmented twice: the first
    pair is blended (Mixup), the second one cut together (CutMix), with one :math:`\lambda` from U(0, 1) for all.
    ``losses.consistency_loss`` ties the two views together; ``losses.debias_loss`` moves the weight from the plain head
    to the re-weighted one while the epochs pass. A network with a single head gets both terms on it.

    The uni-level framework (arXiv 2511.18858), equations 5 to 7, which are GLMC's (Du et al., CVPR 2023).

    Note:
        Differs from the paper, whose :math:`\alpha` moves with every iteration: as in the released code, it moves with
        the epochs, :math:`(e/E)^2`. As there, CutMix's label is :math:`\lambda` even where its square reaches over the
        border. The released square is one pixel larger (rounded up), and its loader drops an epoch's last, smaller
        batch.
    """

    def __init__(
        self, images: Tensor, labels: Tensor, counts: tuple[int, ...], cfg: TeacherConfig, rng: torch.Generator
    ) -> None:
        """Train on preprocessed ``images`` ``[N, Ch, H, W]`` with integer ``labels`` ``[N]``; ``counts`` ``[C]``."""
        self.images, self.cfg, self.rng = images, cfg.debias, rng
        self.augment, self.epochs, self.alpha = augmenter(cfg.augment), cfg.train.epochs, 0.0
        self.weights = class_weights(counts, self.cfg.sharpness, self.cfg.weights).to(images.device)
        self.one_hot = F.one_hot(labels, len(counts)).float()
        self.partners = class_weights(counts, self.cfg.partner_power)[labels.cpu()]  # of each image, on the CPU

    def begin(self, epoch: int) -> None:
        """Set the share of the re-weighted term for the epoch that begins."""
        self.alpha = (epoch / self.epochs) ** 2

    def __call__(self, network: nn.Module, indices: Tensor) -> Tensor:
        """Scalar loss of the images ``indices`` ``[B]``."""
        drawn = torch.multinomial(self.partners, len(indices), replacement=True, generator=self.rng)
        partner = drawn.to(indices.device, non_blocking=True)
        share = float(torch.rand((), dtype=torch.float64, generator=self.rng))
        targets = mixup(self.one_hot[indices], self.one_hot[partner], share)
        total, projections, predictions = 0.0, [], []
        for view in self._views(indices, partner, share):
            features = network.backbone(view)
            plain = network.classifier(features)
            second = plain if network.second_classifier is None else network.second_classifier(features)
            loss = debias_loss(plain.float(), second.float(), targets, self.weights, self.alpha)
            total = total + self.cfg.classification * loss
            if self.cfg.consistency:
                projections.append(network.projection(features))
                predictions.append(network.prediction(projections[-1]))
        if self.cfg.consistency:
            loss = consistency_loss(
                tuple(z.float() for z in projections), tuple(p.float() for p in predictions), self.cfg.stop_gradient
            )
            total = total + self.cfg.consistency * loss
        return total

    def _views(self, indices: Tensor, partner: Tensor, share: float) -> tuple[Tensor, Tensor]:
        """The two mixed views of a batch, each ``[B, Ch, H, W]``."""
        (first, second), (other, another) = (
            [self.augment(self.images[rows], self.rng) for _ in range(2)] for rows in (indices, partner)
        )
        return mixup(first, other, share), cutmix(second, another, share, self.rng)[0]
