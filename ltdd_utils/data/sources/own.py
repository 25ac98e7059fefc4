"""Images of the user's own: their labels from folders or from a table, their test set, their common form."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ltdd_utils.core.hints import meant
from ltdd_utils.data.sources.dataset import SourceDataset
from ltdd_utils.data.sources.files import CACHE
from ltdd_utils.data.sources.folders import Labelled, LabelledFiles, population
from ltdd_utils.data.sources.listing import sub_folders
from ltdd_utils.data.sources.own_folders import labels_of_folders, named
from ltdd_utils.data.sources.own_forms import common_form
from ltdd_utils.data.sources.own_tables import labels_of_table, table_of

__all__ = ["labelled", "labels_alone", "near", "source_dataset", "split_spec"]

SPLITS = {  # names of folders, and of values of a table's column split, in lower case
    "train": ("train", "training"),
    "test": ("test", "testing", "val", "valid", "validation"),  # the first that is there
}
TEST_SEED = 0  # of a test set that is set aside, one for all runs
TEST_SHARE = 0.2  # of all images, at most, in a test set that is set aside


def source_dataset(spec: str, root: Path) -> SourceDataset:
    """Images of the user's own: ``PATH/train/<class>/*`` and ``PATH/test/<class>/*``, labels in string order.

    ``spec`` is ``PATH`` or ``PATH@SIZE``; a relative path counts from the data root. Where the images lie and how they
    are labelled, ``labelled`` says. With a size, images are resized and centre-cropped to it; without, they must be
    squares of one size. One channel if every image is grey, else RGB. Images are read as a viewer shows them
    (``read_images``). For an exponential long tail the default of n_max is the size of the smallest class. What is not
    read, or not as it lies there, is told once, as a warning.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: a size of 0, train and test hold different classes, a class without an image, or images of several
            sizes.
    """
    path, size = split_spec(spec)
    found = labelled(root / path)
    return _whole(found, common_form([path for _, path in (*found.train, *found.test)], size), root)


def labels_alone(spec: str, root: Path) -> SourceDataset:
    """The same with labels that count and pixels that do not: no file is opened.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: as ``source_dataset``, apart from what the images' headers say.
    """
    return _whole(labelled(root / split_spec(spec)[0]), (1, 1), root)


def _whole(found: Labelled, form: tuple[int, int], root: Path) -> SourceDataset:
    """The data set of labelled files that all get a form: side and channels."""
    splits = (found.train, found.test)
    whole = population("folder", found.names, splits, form, cache=root / CACHE, as_viewed=True)
    return replace(whole, n_max=int(np.bincount(whole.labels).min()), skipped=dict(sorted(found.skipped.items())))


def split_spec(spec: str) -> tuple[Path, int | None]:
    """The folder and the size of ``PATH`` or ``PATH@SIZE``.

    Raises:
        ValueError: a size of 0.
    """
    path, _, size = spec.rpartition("@") if re.search(r"@\d+$", spec) else (spec, "", "")
    if size and int(size) < 1:
        raise ValueError(f"folder:{spec} asks for images of {size} pixels; name a side of at least 1, as in @32")
    return Path(path).expanduser(), int(size) if size else None


def near(spec: str, root: Path) -> str | None:
    """``PATH`` or ``PATH@SIZE`` with the folder that is there, or that is most like it; None without one."""
    path, size = split_spec(spec)
    place = root / path
    if not place.is_dir():
        like = meant(place.name, sub_folders(place.parent))
        if not like:
            return spec if len(path.parts) > 1 else None
        path = path.with_name(like[0])
    return f"{path}" + (f"@{size}" if size else "")


def labelled(top: Path) -> Labelled:
    """The images below a folder: those of its train and test folders, or those that its CSV file names.

    Both may lie one folder deeper, if one folder alone has them. Without a train folder a CSV file gives the labels
    (``labels_of_table``), and without one the folders of ``top`` are the classes; without test images a balanced part
    is set aside.

    Raises:
        FileNotFoundError: a folder is absent.
        ValueError: several data sets, or what ``labels_of_folders`` and ``labels_of_table`` refuse.
    """
    if not top.is_dir() and (like := meant(top.name, sub_folders(top.parent))):
        raise FileNotFoundError(f"no folder {top} (did you mean {top.with_name(like[0])}?)")
    top = _place(top)
    table = None if named(top, SPLITS["train"]) else table_of(top)
    found = labels_of_folders(top, SPLITS) if table is None else labels_of_table(table, SPLITS)
    if not found.test:
        train, test = _set_aside(top, found.names, found.train)
        found = replace(found, train=train, test=test)
    _tell_order(top, found.names)
    return found


def _place(top: Path) -> Path:
    """The folder that holds a data set: the one that was named, else the only one in it that has one."""
    if named(top, SPLITS["train"]) or table_of(top) is not None:
        return top
    deeper = [top / name for name in sub_folders(top)]
    deeper = [inner for inner in deeper if named(inner, SPLITS["train"]) or table_of(inner) is not None]
    if len(deeper) > 1:
        both = f"{deeper[0].name} and {deeper[1].name}"
        raise ValueError(f"{top} holds several data sets, {both}: name the folder of one, such as {deeper[0]}")
    if deeper:
        warnings.warn(f"{top}: read one folder deeper, from {deeper[0]}", stacklevel=2)
        return deeper[0]
    return top


def _set_aside(top: Path, names: Sequence[str], files: LabelledFiles) -> tuple[LabelledFiles, LabelledFiles]:
    """Train and test images of files without a test set: equally many of each class are drawn for testing.

    As many as a fifth of the mean class, and at most half of the smallest, rounded down; at least one.
    """
    labels = np.array([label for label, _ in files])
    sizes = np.bincount(labels, minlength=len(names))
    if sizes.min() < 2:
        raise ValueError(
            f"{top} has no test images, and class {names[sizes.argmin()]!r} has {sizes.min()} image: add images, at "
            "least one to train and one to test on, or a test set"
        )
    count = max(min(int(TEST_SHARE * sizes.mean()), int(sizes.min()) // 2), 1)
    drawn = np.random.RandomState(TEST_SEED)
    picks = [drawn.choice(np.flatnonzero(labels == c), count, replace=False) for c in range(len(names))]
    test = set(np.concatenate(picks).tolist())
    warnings.warn(
        f"{top} has no test images: {count} of each class, {len(test)} of {len(files)}, are set aside by seed "
        f"{TEST_SEED} and not trained on",
        stacklevel=2,
    )
    return [f for k, f in enumerate(files) if k not in test], [f for k, f in enumerate(files) if k in test]


def _tell_order(top: Path, names: Sequence[str]) -> None:
    """Say that numbered classes are in the order of text, where that is not the order of their numbers."""
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        first = ", ".join(names[:3])
        warnings.warn(
            f"{top}: numbered classes are in the order of text ({first}, ...), so label 1 is class {names[1]!r}; "
            "pad the numbers with zeros for their own order",
            stacklevel=2,
        )
