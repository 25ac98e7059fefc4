"""Data sets that lie as image files in folders: Tiny-ImageNet-200, ImageNet, and a folder of the user's own."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.dataset import FETCH, Presence, Source, SourceDataset
from ltdd_utils.data.sources.files import CACHE, class_folders, image_files, read_images

SIZE = 64  # pixels of Tiny-ImageNet, and of ImageNet as LTDD uses it
IMAGENET_LT = "ImageNet_LT_train.txt"
ARCHIVE_BYTES = 248_100_043  # of Tiny-ImageNet-200


def tiny(root: Path) -> SourceDataset:
    """Tiny-ImageNet-200: 500 train images of each class, 64x64; its validation set serves as test set.

    A class's train images are all names in its ``<wnid>_boxes.txt``, in string order, whether the files are there or
    not: so a position means the same image on a machine that holds only some of them. Classes are in wnid order. Test
    images are in class order, then name order, whether ``val`` is flat or sorted into class folders.

    Raises:
        FileNotFoundError: the data set is absent.
    """
    top = root / "tiny-imagenet-200"
    if not top.is_dir():
        raise FileNotFoundError(f"no tiny in {root}: run `{FETCH.format(name='tiny')}`, or set LTDD_DATA to its folder")
    wnids = class_folders(top / "train")
    paths, labels = [], []
    for label, wnid in enumerate(wnids):
        folder = top / "train" / wnid
        names = tiny_names(folder)
        paths += [folder / "images" / name for name in names]
        labels += [label] * len(names)
    test = tiny_test_files(top, wnids)
    words = dict(line.split("\t", 1) for line in _lines(top / "words.txt")) if (top / "words.txt").is_file() else {}
    names = tuple(words.get(wnid, wnid).split(",")[0].strip() for wnid in wnids)
    whole = _population("tiny", names, (paths, labels), test, (SIZE, 3), cache=root / CACHE)

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        _need_files(paths, positions)
        return whole.read_train(positions, watch)

    return replace(whole, read_train=read_train)


def tiny_names(folder: Path) -> list[str]:
    """File names of all train images of a Tiny-ImageNet class, in string order, from its ``<wnid>_boxes.txt``."""
    boxes = folder / f"{folder.name}_boxes.txt"
    if not boxes.is_file():
        raise FileNotFoundError(f"no {boxes}, which names the images of the class: run `{FETCH.format(name='tiny')}`")
    return sorted(line.split("\t")[0] for line in _lines(boxes))


def tiny_test_files(top: Path, wnids: Sequence[str]) -> list[tuple[int, Path]]:
    """Label and path of the validation images, by class and name; flat with annotations, or in class folders."""
    val = top / "val"
    for pattern in ("images/{}", "{}/images", "{}"):
        if all((val / pattern.format(wnid)).is_dir() for wnid in wnids):
            folders = [val / pattern.format(wnid) for wnid in wnids]
            return [(label, folder / name) for label, folder in enumerate(folders) for name in image_files(folder)]
    if not (val / "val_annotations.txt").is_file():
        raise FileNotFoundError(f"{val} has neither class folders nor val_annotations.txt: fetch the data set again")
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    rows = [line.split("\t")[:2] for line in _lines(val / "val_annotations.txt")]
    return sorted((label_of[wnid], val / "images" / name) for name, wnid in rows if wnid in label_of)


def tiny_source() -> Source:
    """Where Tiny-ImageNet-200 comes from: its usual address; the MD5 is the one that public loaders of it agree on."""
    url = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
    return Source(url, "90528d7ca1a48142e341f4ef8d21d0de", "tiny-imagenet-200", {}, ARCHIVE_BYTES)


def tiny_presence(root: Path) -> Presence:
    """How many images of Tiny-ImageNet are there.

    Raises:
        FileNotFoundError: a file that must be there is absent.
        ValueError: an empty file.
    """
    top, remedy = root / "tiny-imagenet-200", FETCH.format(name="tiny")
    wnids = class_folders(top / "train")
    total = sum(len(tiny_names(top / "train" / wnid)) for wnid in wnids)
    images = {wnid: image_files(top / "train" / wnid / "images") for wnid in wnids}
    paths = [top / "train" / wnid / "images" / file for wnid in wnids for file in images[wnid]]
    tests = [path for _, path in tiny_test_files(top, wnids)]
    for path in [*paths, *tests]:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is absent: run `{remedy}`")
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty: run `{remedy}`")
    words = f"present: {len(wnids)} classes, {len(paths):,} of {total:,} train images, {len(tests):,} test images"
    return Presence(words, whole=len(paths) == total)


def imagenet_presence(root: Path) -> Presence:
    """How many classes of ImageNet are there.

    Raises:
        FileNotFoundError: it is absent.
        ValueError: a class that is in one of its two splits alone.
    """
    top = root / "imagenet"
    if not top.is_dir():
        raise FileNotFoundError(f"absent from {root}: get it at image-net.org, as {top}/train/WNID and val/WNID")
    train, val = class_folders(top / "train"), class_folders(top / "val")
    odd = sorted(set(train) ^ set(val))
    if odd:
        raise ValueError(f"class {odd[0]!r} of {top} is not in both train and val: add or remove its folder")
    return Presence(f"present: {len(train)} classes in train and val, files not checked")


def imagenet(root: Path) -> SourceDataset:
    """ImageNet-1k as ``imagenet/train/<wnid>/`` and ``imagenet/val/<wnid>/``, 64x64: resized, then centre-cropped.

    LTDD (arXiv:2408.14506) keeps an exponential subset, n_max 1281, and all images of a class that has fewer than its
    count; the standard ImageNet-LT list (Liu et al. 2019, arXiv:1904.05160; IF 256) is ``profile="list"``.

    Note:
        Differs from the released code, whose expert script skips images that are not RGB: here they are converted.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: train and val hold different classes.
    """
    top = root / "imagenet"
    if not top.is_dir():
        raise FileNotFoundError(f"no imagenet in {root}: get it at image-net.org, as {top}/train/WNID and val/WNID")
    wnids, paths, labels, test = _split_folders(top, "val")
    listed = partial(_listed, top / IMAGENET_LT, wnids, paths, labels)
    whole = _population("imagenet", wnids, (paths, labels), test, (SIZE, 3), cache=root / CACHE)
    return replace(whole, listed=listed, takes_all=True)


def own(spec: str, root: Path) -> SourceDataset:
    """Images of the user's own: ``PATH/train/<class>/*`` and ``PATH/test/<class>/*``, labels in string order.

    ``spec`` is ``PATH`` or ``PATH@SIZE``; a relative path counts from the data root. With a size, images are resized
    and centre-cropped to it; without, they must be squares of one size. One channel if every image is grey, else RGB.
    For an exponential long tail the default of n_max is the size of the smallest class.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: a size of 0, train and test hold different classes, a class without an image, or images of several
            sizes.
    """
    path, _, size = spec.rpartition("@") if re.search(r"@\d+$", spec) else (spec, "", "")
    if size and int(size) < 1:
        raise ValueError(f"folder:{spec} asks for images of {size} pixels; name a side of at least 1, as in @32")
    top = root / Path(path).expanduser()
    names, paths, labels, test = _split_folders(top, "test")
    for split, found in (("train", set(labels)), ("test", {label for label, _ in test})):
        empty = [name for label, name in enumerate(names) if label not in found]
        if empty:
            raise ValueError(f"{top / split / empty[0]} holds no image: add some, or remove the class from both splits")
    form = _common_form([*paths, *(path for _, path in test)], int(size) if size else None)
    whole = _population("folder", names, (paths, labels), test, form, cache=root / CACHE)
    return replace(whole, n_max=int(np.bincount(whole.labels).min()))


def _split_folders(top: Path, test_split: str) -> tuple[list[str], list[Path], list[int], list[tuple[int, Path]]]:
    """Class names, train paths and labels, and (label, path) of the test images of a folder with two splits."""
    names = class_folders(top / "train")
    odd = sorted(set(names) ^ set(class_folders(top / test_split)))
    if odd:
        raise ValueError(f"class {odd[0]!r} of {top} is not in both train and {test_split}: add or remove its folder")
    files: dict[str, list[tuple[int, Path]]] = {
        split: [(c, top / split / k / file) for c, k in enumerate(names) for file in image_files(top / split / k)]
        for split in ("train", test_split)
    }
    labels, paths = [label for label, _ in files["train"]], [path for _, path in files["train"]]
    return names, paths, labels, files[test_split]


def _common_form(paths: Sequence[Path], size: int | None) -> tuple[int, int]:
    """Side and channels that all images get."""
    forms = {}
    for path in paths:
        try:
            with Image.open(path) as image:  # reads the header alone
                forms.setdefault((image.size, image.mode in ("1", "L")), path)
        except OSError as error:
            raise ValueError(f"{path} is damaged or no image ({error}): replace or remove it") from error
    sizes = {form[0]: path for form, path in forms.items()}
    (width, height), first = next(iter(sizes.items()))
    if size is None and (len(sizes) > 1 or width != height):
        other, path = list(sizes.items())[-1]
        raise ValueError(
            f"images differ in size or are not square ({first}: {width}x{height}, {path}: {other[0]}x{other[1]}): "
            "name the size they should get, as in folder:PATH@64"
        )
    return width if size is None else size, 1 if all(grey for _, grey in forms) else 3


def _population(
    name: str,
    class_names: Sequence[str],
    train: tuple[Sequence[Path], Sequence[int]],
    test: Sequence[tuple[int, Path]],
    form: tuple[int, int],
    *,
    cache: Path,
) -> SourceDataset:
    """Images of the files ``train`` (paths, labels) and ``test``, all of ``form`` (side, channels)."""
    paths, labels = train

    def read_train(positions: np.ndarray, watch: Watch | None = None) -> Tensor:
        return read_images([paths[position] for position in positions], *form, cache, f"{name}-train", watch=watch)

    def read_test(watch: Watch | None = None) -> tuple[Tensor, Tensor]:
        images = read_images([path for _, path in test], *form, cache, f"{name}-test", watch=watch)
        return images, torch.tensor([label for label, _ in test], dtype=torch.int64)

    truth = np.array(labels, dtype=np.int64)
    return SourceDataset(truth, tuple(class_names), len(truth) // len(class_names), read_train, read_test)


def _need_files(paths: Sequence[Path], positions: np.ndarray) -> None:
    """Raise unless every train image that a long tail of Tiny-ImageNet needs is there."""
    absent = [paths[position] for position in positions if not paths[position].is_file()]
    if absent:
        raise FileNotFoundError(
            f"{absent[0]} is absent, as are {len(absent)} of the {len(positions)} train images of this long tail: "
            f"run `{FETCH.format(name='tiny')}`, or use an imbalance factor and index list that the images cover"
        )


def _listed(file: Path, wnids: Sequence[str], paths: Sequence[Path], labels: Sequence[int]) -> np.ndarray:
    """Positions that a list file with lines ``train/n01440764/n01440764_190.JPEG 0`` names, int64 ``[N]``."""
    if not file.is_file():
        raise FileNotFoundError(f"no {file}: put the standard ImageNet-LT list there, or use profile='exponential'")
    position = {f"{path.parent.name}/{path.name}": place for place, path in enumerate(paths)}
    kept = []
    for line in _lines(file):
        name, label = line.rsplit(maxsplit=1)
        place = position.get(name.removeprefix("train/"))
        if place is None:
            raise FileNotFoundError(f"{name}, which {file} names, is absent: complete {file.parent / 'train'}")
        if labels[place] != int(label):
            raise ValueError(f"{file} gives {name} label {label}, but {wnids[labels[place]]} is class {labels[place]}")
        kept.append(place)
    return np.array(kept, dtype=np.int64)


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
