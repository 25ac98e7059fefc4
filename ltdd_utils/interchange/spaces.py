"""Whether the images of other code are in the space that they are said to be in, and carried to another one."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ltdd_utils.data.long_tailed import LongTailedData
from ltdd_utils.data.preprocess import Preprocess
from ltdd_utils.data.settings import PreprocessConfig

__all__ = [
    "MOMENTS",
    "TRAJECTORY_MOMENTS",
    "Moments",
    "Spaces",
    "kind_of",
    "mismatch",
    "normalised_by",
    "pixel_numbers",
]

Moments = Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]  # mean and deviation of each channel, by data set

PIXELS = "pixels"  # the name of the space of kind none
# Mean and standard deviation of each channel by which released codes normalise, transcribed from their sources:
# VICO-UoE/DatasetCondensation (DC, DSA, DM), utils.py at 306245d, and uitrbn/IDM, dc_utils.py at 9acccfd. The deviation
# of CIFAR-10 is that of single images on average, so it is smaller than that of all pixels, 0.247; the numbers of
# Tiny-ImageNet are those of ImageNet.
MOMENTS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
    "tiny": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
# GeorgeCazenavette/mtt-distillation, utils.py at 0c42493, NUS-HPC-AI-Lab/DATM, utils/utils_baseline.py at b1d4823, and
# DD-Ranking 0.2.0, ddranking/utils/data.py, give CIFAR-100 the numbers of CIFAR-10; so did DC's first code (131a5a5).
TRAJECTORY_MOMENTS = {**MOMENTS, "cifar100": MOMENTS["cifar10"]}
SAMPLE = 1000  # real images that are compared with
STORED = (0.3, 10.0)  # deviation of the images over that of real ones, as stored (that of whitened noise is 4)
SEEN = (0.4, 2.5)  # the same of their pixels: optimised images go beyond those of real ones, but not so far
SHIFT = 2.0  # deviations of real pixels by which the mean pixel may be off
BELOW, FEW = -0.1, 0.05  # share of values below, in images that are said to be pixels, that makes them none
WIDE = 2.0  # floats above it are pixels in 0..255, if anything


@dataclass(frozen=True, eq=False)
class Spaces:
    """The spaces that images of a data set may be in, by the name that ``--space`` gives them."""

    data: LongTailedData
    known: Mapping[str, Preprocess]

    @classmethod
    def of(cls, data: LongTailedData, whitened: Preprocess | None, moments: Moments = MOMENTS) -> "Spaces":
        """Pixels, normalised as released codes do, and whitened where that is at hand.

        Args:
            data: whose images they are.
            whitened: the ZCA of that data.
            moments: by which the codes normalise, ``MOMENTS`` or ``TRAJECTORY_MOMENTS``.
        """
        none = Preprocess.fit(data.train_images, PreprocessConfig("none"))
        spaces = (none, normalised_by(moments, data), whitened)
        return cls(data, {kind_of(space): space for space in spaces if space is not None})

    def read(self, images: Tensor, space: Preprocess, own: Preprocess, where: str) -> Tensor:
        """Images ``[M, Ch, H, W]`` of ``space`` in the space ``own``, float32; nothing is clamped.

        Integers are pixels 0..255 and nothing else; so are floats in 0..255 that are said to be pixels.

        Raises:
            ValueError: another size, or images that cannot be of that space; the message says which would read them.
        """
        name = kind_of(space)
        if images.shape[1:] != self.data.train_images.shape[1:]:
            shape, wanted = list(images.shape[1:]), list(self.data.train_images.shape[1:])
            raise ValueError(
                f"{where}: the set's images are {shape}, those of {self.data.config.name} are {wanted} (channels, "
                "height, width); name the data set that the images were made for"
            )
        if not images.is_floating_point() and name != PIXELS:
            span = f"{int(images.min())} to {int(images.max())}"
            raise ValueError(
                f"{where} holds {images.dtype} images, {span}: pixels, not {_words(name)}; --space pixels reads them"
            )
        numbers = pixel_numbers(images) if name == PIXELS else images.float()
        if not bool(numbers.isfinite().all()):
            return numbers  # the set refuses them
        found = mismatch(numbers, space, self.data)
        if found:
            raise ValueError(f"{where} does not hold {_words(name)}: {found} {self._remedy(images, name)}")
        return numbers if space is own else own(space.inverse(numbers))

    def _remedy(self, images: Tensor, name: str) -> str:
        fit = [
            other
            for other, space in self.known.items()
            if other != name
            and not mismatch(pixel_numbers(images) if other == PIXELS else images.float(), space, self.data)
        ]
        if not fit:
            return "No --space reads them; is it another data set?"
        return f"{' or '.join(f'--space {other}' for other in fit)} would read them"


def normalised_by(moments: Moments, data: LongTailedData) -> Preprocess:
    """Normalisation by the numbers of released codes, in units of [0, 1]; by its own of a data set that they lack."""
    own = Preprocess.fit(data.train_images, PreprocessConfig("normalise"))
    if data.config.name not in moments:
        return own
    mean, scale = (torch.tensor(part, dtype=torch.float32).view(-1, 1, 1) for part in moments[data.config.name])
    return own.by(mean, scale)


def kind_of(space: Preprocess) -> str:
    """The name of a space on the command line."""
    return PIXELS if space.kind == "none" else space.kind


def pixel_numbers(images: Tensor) -> Tensor:
    """Pixels, whole or float in 0..255 or float in [0, 1], as floats in [0, 1]."""
    whole = not images.is_floating_point() or (float(images.max()) > WIDE and float(images.min()) >= 0)
    return images.float() / 255 if whole else images.float()


def mismatch(images: Tensor, space: Preprocess, data: LongTailedData) -> str | None:
    """A sentence with the numbers if images ``[M, Ch, H, W]`` cannot be in ``space``; None if they can.

    Compared with real images of the data, as stored and as pixels: the deviation must be within a factor, the mean
    pixel within ``SHIFT`` deviations; where the space has values of both signs, the images have too, and pixels have
    next to none below 0.
    """
    rows = torch.linspace(0, len(data.train_images) - 1, min(SAMPLE, len(data.train_images))).long()
    seen = data.train_images[rows].float() / 255
    stored, pixels = space(seen), space.inverse(images)
    ratios = [(float(a.std() / b.std()), bounds) for a, b, bounds in ((images, stored, STORED), (pixels, seen, SEEN))]
    shift = float((pixels.mean() - seen.mean()).abs() / seen.std())
    if space.kind == "none":
        signs = float((images < BELOW).double().mean()) <= FEW
    else:
        signs = float(images.min()) < 0 or float(stored.min()) >= 0
    if all(low <= ratio <= high for ratio, (low, high) in ratios) and shift <= SHIFT and signs:
        return None
    name = data.config.name
    return (
        f"they run from {_numbers(images)}, where real images of {name} run from {_numbers(stored)}; carried back to "
        f"pixels they run from {_numbers(pixels)}, real ones from {_numbers(seen)}."
    )


def _numbers(values: Tensor) -> str:
    return f"{float(values.min()):.3g} to {float(values.max()):.3g} (deviation {float(values.std()):.3g})"


def _words(name: str) -> str:
    return {"zca": "whitened images", "normalise": "normalised images"}.get(name, name)
