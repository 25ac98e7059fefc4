"""A debiased expert trained by our loop, and by the loop that such code usually has. Called by ``experts.py``."""

from dataclasses import replace
from itertools import cycle

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from ltdd_utils.augment import cutmix_box
from ltdd_utils.core.context import RunContext
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Store
from ltdd_utils.data import LongTailedData, Preprocess, PreprocessConfig, Run
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.presets import debiased
from ltdd_utils.teachers import TeacherConfig, train_teacher
from ltdd_utils.training import class_weights, consistency_loss, debias_loss

__all__ = ["ours", "plain", "settings"]


def settings(width: int, epochs: int) -> TeacherConfig:
    """The uni-level teacher: ConvNet-D3 with two heads and a projection."""
    base = TeacherConfig(network=NetworkConfig(width=width))
    return debiased(replace(base, train=replace(base.train, epochs=epochs)))


def ours(data: LongTailedData, cfg: TeacherConfig, store: Store, device: torch.device) -> Tensor:
    """The weights of the head used at inference after ``train_teacher`` with the debiased loss."""
    preprocess = Preprocess.fit(data.train_images, PreprocessConfig("normalise"))
    network = train_teacher(cfg, Run(data, preprocess, 0, RunContext(store, device)))
    return network.second_classifier.weight.detach().cpu()


class TwoCrops(Dataset):
    """Two random crops of each image, made one image at a time."""

    def __init__(self, data: LongTailedData) -> None:
        """Read the training images of ``data``."""
        # Imported here: after the package, which repairs torchvision on machines where it does not fit torch.
        from torchvision.transforms import v2

        self.data = data
        size = data.image_size
        to_float = v2.ToDtype(torch.float32, scale=True)
        self.transform = v2.Compose([v2.RandomCrop(size, padding=4), v2.RandomHorizontalFlip(), to_float])

    def __len__(self) -> int:
        """Number of images."""
        return len(self.data.train_labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Two views and the label."""
        image = self.data.train_images[index]
        return self.transform(image), self.transform(image), self.data.train_labels[index]


def plain(data: LongTailedData, cfg: TeacherConfig, device: torch.device) -> Tensor:
    """The same training, written as usual: two loaders, of which one draws by weight."""
    rng, train = generator(0, "batches"), cfg.train
    network = build(cfg.network, data.classes, data.image_size, 3, generator(0, "weights")).to(device)
    optimiser = torch.optim.SGD(network.parameters(), train.lr, train.momentum, weight_decay=train.weight_decay)
    views, chances = TwoCrops(data), class_weights(data.counts, cfg.debias.partner_power)[data.train_labels]
    loader = DataLoader(views, train.batch_size, shuffle=True, generator=rng)
    sampler = WeightedRandomSampler(chances, len(views), generator=rng)
    partners = cycle(DataLoader(views, train.batch_size, sampler=sampler))
    weights, total = class_weights(data.counts, cfg.debias.sharpness).to(device), 0.0
    for epoch in range(train.epochs):
        alpha = (epoch / train.epochs) ** 2
        for first, second, truth in loader:
            other, another, theirs = (part[: len(truth)] for part in next(partners))
            share = torch.rand((), generator=rng).item()
            rows, columns = cutmix_box(data.image_size, share, rng)
            second[:, :, rows, columns] = another[:, :, rows, columns]
            targets = share * F.one_hot(truth, data.classes) + (1 - share) * F.one_hot(theirs, data.classes)
            targets, loss, heads = targets.to(device), 0.0, []
            for view in (share * first + (1 - share) * other, second):
                features = network.backbone(view.to(device))
                both = network.classifier(features), network.second_classifier(features)
                loss = loss + debias_loss(*both, targets, weights, alpha)
                projected = network.projection(features)
                heads.append((projected, network.prediction(projected)))
            loss = loss + consistency_loss(*zip(*heads, strict=True))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item()
    return network.second_classifier.weight.detach().cpu()
