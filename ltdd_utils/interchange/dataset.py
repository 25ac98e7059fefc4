"""A set as a ``torch.utils.data.Dataset``, for code that trains with a loader."""

from torch import Tensor
from torch.utils.data import Dataset

from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.distilled.contents import DistilledSet
from ltdd_utils.distilled.mosaics import expanded
from ltdd_utils.distilled.spaces import pixels

__all__ = ["SetDataset"]


class SetDataset(Dataset[tuple[Tensor, Tensor]]):
    """The M images that a student sees of a set: ``(float32 [Ch, H, W], int64 [])``, or ``float32 [C]`` if soft."""

    def __init__(self, distilled: DistilledSet, data: LongTailedData, preprocess: Preprocess) -> None:
        """All images in memory, in the space of ``preprocess``.

        Args:
            distilled: a set on ``data``.
            data: where the real images are.
            preprocess: of the set's synthetic images (``distilled.translate`` carries them to another space).

        Raises:
            ValueError: the synthetic images were made under another preprocessing, or the set is not of this data.
        """
        distilled = expanded(distilled)
        self.images = pixels(distilled, data, preprocess)
        self.labels = distilled.labels.long() if distilled.targets is None else distilled.target_probabilities()
        self.classes = list(distilled.info["class_names"])

    def __len__(self) -> int:
        """Number of images, M."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Image and label at a place."""
        return self.images[index], self.labels[index]
