"""ImageNet-1k in folders, one a class, and the list of its long-tailed train set."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ltdd_utils.data.sources.dataset import Presence, SourceDataset
from ltdd_utils.data.sources.files import CACHE
from ltdd_utils.data.sources.folders import LabelledFiles, common_classes, labelled_files, population
from ltdd_utils.data.sources.listing import class_folders, image_files, kinds_of, lines_of

__all__ = ["listed_dataset", "listed_presence", "presence", "source_dataset"]

SIZE = 64  # pixels, as LTDD uses it
LISTED_SIZE = 224  # pixels, as the uni-level release uses the standard list
LIST = "ImageNet_LT_train.txt"


def source_dataset(root: Path) -> SourceDataset:
    """ImageNet-1k as ``imagenet/train/<wnid>/`` and ``imagenet/val/<wnid>/``, 64x64: resized, then centre-cropped.

    LTDD (arXiv 2408.14506) keeps an exponential subset, n_max 1281, and all images of a class that has fewer than its
    count; the standard ImageNet-LT list (Liu et al. 2019, arXiv 1904.05160; IF 256) is ``profile="list"``.

    Note:
        Differs from the released code, whose expert script skips images that are not RGB: here they are converted.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: train and val hold different classes, or val is not sorted by wnid.
    """
    return _of_size(root, SIZE, "imagenet")


def listed_dataset(root: Path) -> SourceDataset:
    """The same folders at 224x224, for the standard list ``imagenet/ImageNet_LT_train.txt`` beside them.

    The list of Liu et al. (2019, arXiv 1904.05160) names 115,846 images, 1280 to 5 a class. With it come 17 GB of train
    and 7.5 GB of test pixels, in memory and in the cache of decoded images.

    Note:
        Differs from GLMC and the uni-level release, which train on random crops of the whole image and test on the
        middle 224 of 256 pixels: here the shorter side becomes 224 pixels and the middle is kept, for both.

    Raises:
        FileNotFoundError: a folder is absent; the list, when the images of the long tail are chosen.
        ValueError: as ``source_dataset``.
    """
    return _of_size(root, LISTED_SIZE, f"imagenet{LISTED_SIZE}")


def _of_size(root: Path, size: int, name: str) -> SourceDataset:
    """All images at ``size`` pixels; ``name`` is that of their cached files."""
    top = root / "imagenet"
    if not top.is_dir():
        raise FileNotFoundError(f"no imagenet in {root}: get it at image-net.org, as {top}/train/WNID and val/WNID")
    wnids = _wnids(top)
    train, test = (labelled_files(top / split, wnids) for split in ("train", "val"))
    whole = population(name, wnids, (train, test), (size, 3), cache=root / CACHE)
    return replace(whole, listed=partial(_listed, top / LIST, wnids, train), takes_all=True)


def listed_presence(root: Path) -> Presence:
    """How many classes of ImageNet are there, and whether the standard list is.

    Raises:
        FileNotFoundError: ImageNet or the list is absent.
        ValueError: as ``presence``.
    """
    found = presence(root)
    file = root / "imagenet" / LIST
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: put the standard ImageNet-LT list there")
    return Presence(f"{found.words}; {LIST} is there")


def presence(root: Path) -> Presence:
    """How many classes of ImageNet are there.

    Raises:
        FileNotFoundError: it is absent.
        ValueError: a class that is in one of its two splits alone, or a val that is not sorted by wnid.
    """
    top = root / "imagenet"
    if not top.is_dir():
        raise FileNotFoundError(f"absent from {root}: get it at image-net.org, as {top}/train/WNID and val/WNID")
    return Presence(f"present: {len(_wnids(top))} classes in train and val, files not checked")


def _wnids(top: Path) -> list[str]:
    """Class names of both splits; refuses the layouts of val that hold no class or number them.

    A numbered folder is no class: the development kit's numbers are in another order than the wnids.
    """
    train, val = top / "train", top / "val"
    wanted = "want one folder a class, val/WNID/, named as those in train: sort the images by "
    kinds = kinds_of(val) if val.is_dir() else {}
    if kinds and "folder" not in kinds:
        raise ValueError(f"{val} is flat: {len(image_files(val)):,} images beside each other; {wanted}their labels")
    names = class_folders(val)
    if all(name.isdecimal() for name in names) and not set(names) & set(class_folders(train)):
        span = f"{min(names, key=int)} to {max(names, key=int)}"
        kit = "the wnids that its source gives these numbers (the development kit's are not in wnid order)"
        raise ValueError(f"{val} has numbered folders, {span}; {wanted}{kit}")
    return common_classes(train, val)


def _listed(file: Path, wnids: list[str], train: LabelledFiles) -> np.ndarray:
    """Positions that a list file with lines ``train/n01440764/n01440764_190.JPEG 0`` names, int64 ``[N]``."""
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: put the standard ImageNet-LT list there, or use profile='exponential'")
    position = {f"{path.parent.name}/{path.name}": place for place, (_, path) in enumerate(train)}
    kept = []
    for line in lines_of(file):
        name, label = line.rsplit(maxsplit=1)
        place = position.get(name.removeprefix("train/"))
        if place is None:
            raise FileNotFoundError(f"{name}, which {file} names, is absent: complete {file.parent / 'train'}")
        truth = train[place][0]
        if truth != int(label):
            raise ValueError(f"{file} gives {name} label {label}, but {wnids[truth]} is class {truth}")
        kept.append(place)
    return np.array(kept, dtype=np.int64)
