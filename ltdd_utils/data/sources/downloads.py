"""What of the data sets is on this machine; fetching and verifying them. Nothing half-written gets its final name."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.core.progress import Watch
from ltdd_utils.data.sources.archives import check_archive, md5_of, unpack
from ltdd_utils.data.sources.cifar import CLASSES, torchvision_class
from ltdd_utils.data.sources.dataset import FETCH
from ltdd_utils.data.sources.files import class_folders, image_files
from ltdd_utils.data.sources.folders import tiny_names, tiny_test_files
from ltdd_utils.data.sources.transfer import download

NAMES = ("digits", "cifar10", "cifar100", "tiny", "imagenet")
ARCHIVE_BYTES = {"cifar10": 170_498_071, "cifar100": 169_001_437, "tiny": 248_100_043}


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and how its files are known."""

    url: str
    md5: str  # of the archive
    folder: str  # below the data root; also the folder in the archive
    files: dict[str, str]  # MD5 of each file in the folder; empty: the archive's MD5 is all there is
    size: int  # of the archive, in bytes

    @property
    def archive(self) -> str:
        """Name of the archive."""
        return self.url.rsplit("/", 1)[-1]


def source(name: str) -> Source:
    """The source of a data set that can be fetched.

    CIFAR: torchvision's own address and MD5 sums. Tiny-ImageNet-200: its usual address; the MD5 is the one that public
    loaders of it agree on.

    Raises:
        ValueError: the data set cannot be fetched.
    """
    if name in CLASSES:
        known = torchvision_class(name)
        files = dict([*known.train_list, *known.test_list, (known.meta["filename"], known.meta["md5"])])
        return Source(known.url, known.tgz_md5, known.base_folder, files, ARCHIVE_BYTES[name])
    if name == "tiny":
        url = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
        return Source(url, "90528d7ca1a48142e341f4ef8d21d0de", "tiny-imagenet-200", {}, ARCHIVE_BYTES[name])
    if name == "imagenet":
        raise ValueError("imagenet cannot be fetched: get it at image-net.org, put it below the data folder")
    raise ValueError(f"data set {name!r} cannot be fetched: use cifar10, cifar100 or tiny")


def status(root: Path, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One row for each data set: ``name``, ``present``, ``verified`` (None if absent), ``state`` in words, ``path``.

    Raises:
        ValueError: one of ``names`` (none: all data sets) is unknown.
    """
    rows = []
    for name in names or NAMES:
        _known(name)
        path = None if name == "digits" else root / ("imagenet" if name == "imagenet" else source(name).folder)
        row = {"name": name, "present": path is None or path.is_dir(), "path": None if path is None else str(path)}
        try:
            rows.append({**row, "verified": True, "state": verify(name, root)})
        except FileNotFoundError as error:
            rows.append({**row, "verified": False if row["present"] else None, "state": str(error)})
        except ValueError as error:
            rows.append({**row, "verified": False, "state": str(error)})
    return rows


def verify(name: str, root: Path) -> str:
    """What is there of a data set, in words, after a check: MD5 of every CIFAR file, else the presence of files.

    Raises:
        FileNotFoundError: the data set, or a part of it, is absent.
        ValueError: an unknown data set, or a file with a wrong MD5 or of no length.
    """
    if name == "digits":
        return "present: part of scikit-learn"
    if name == "imagenet":
        return _verify_imagenet(root / "imagenet")
    _known(name)
    origin = source(name)
    folder, remedy = root / origin.folder, FETCH.format(name=name)
    if not folder.is_dir():
        raise FileNotFoundError(f"absent from {root}: run `{remedy}`")
    for file, md5 in origin.files.items():
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder / file} is absent: run `{remedy}`")
        found = md5_of(folder / file)
        if found != md5:
            raise ValueError(f"{folder / file} has MD5 {found}, not {md5}: it is cut short or altered; run `{remedy}`")
    return "present, checksums right" if origin.files else _verify_tiny(folder, remedy)


def _known(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"data set {name!r} is unknown: use {', '.join(NAMES)}")


def _verify_tiny(top: Path, remedy: str) -> str:
    wnids = class_folders(top / "train")
    named = {wnid: tiny_names(top / "train" / wnid) for wnid in wnids}
    there = {wnid: image_files(top / "train" / wnid / "images") for wnid in wnids}
    paths = [top / "train" / wnid / "images" / file for wnid in wnids for file in there[wnid]]
    tests = [path for _, path in tiny_test_files(top, wnids)]
    for path in [*paths, *tests]:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is absent: run `{remedy}`")
        if path.stat().st_size == 0:
            raise ValueError(f"{path} is empty: run `{remedy}`")
    total = sum(map(len, named.values()))
    return f"present: {len(wnids)} classes, {len(paths):,} of {total:,} train images, {len(tests):,} test images"


def _verify_imagenet(top: Path) -> str:
    if not top.is_dir():
        raise FileNotFoundError(f"absent from {top.parent}: get it at image-net.org, as {top}/train/WNID and val/WNID")
    train, val = class_folders(top / "train"), class_folders(top / "val")
    odd = sorted(set(train) ^ set(val))
    if odd:
        raise ValueError(f"class {odd[0]!r} of {top} is not in both train and val: add or remove its folder")
    return f"present: {len(train)} classes in train and val, files not checked"


def fetch(name: str, root: Path, watch: Watch | None = None, say: Callable[[str], None] | None = None) -> Path:
    """Make a data set present and right; returns its folder. What is there and right is not fetched again.

    An archive that already lies in ``root`` under its own name is used instead of a download. A download that was cut
    or stopped goes on from its ``.part`` file. ``watch`` gets ``{"stage", "done", "total"}`` in bytes, then in files;
    ``say`` is told before a download begins how large it is, and how to do without.

    Raises:
        ValueError: a data set that cannot be fetched, or an archive with a wrong MD5.
        OSError: no connection, no space, no permission, or another process that fetches the same.
    """
    if name == "digits":
        return root
    origin = source(name)
    if _complete(name, root):
        return root / origin.folder
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot make the data folder {root}: {reason}; name another one (--data, LTDD_DATA)") from error
    with _alone(origin, root), _workshop(root) as workshop:
        archive = root / origin.archive
        if archive.is_file():
            check_archive(archive, origin.md5, f"delete it and run `{FETCH.format(name=name)}`")
        else:
            part = _download(origin, root, watch, say)
            archive = Path(shutil.move(part, workshop / origin.archive))
            check_archive(archive, origin.md5, f"run `{FETCH.format(name=name)}` again")
        unpack(archive, workshop, origin.folder, origin.files, watch)
        if (root / origin.folder).exists():  # incomplete or altered: goes when its successor is whole
            os.replace(root / origin.folder, workshop / "replaced")
        os.replace(workshop / origin.folder, root / origin.folder)
    return root / origin.folder


def _complete(name: str, root: Path) -> bool:
    """Whether a data set is there, right, and has all its train images (a Tiny-ImageNet may hold some of them)."""
    try:
        verify(name, root)
    except (FileNotFoundError, ValueError):
        return False
    train = root / source(name).folder / "train"
    return name != "tiny" or all(
        len(tiny_names(train / wnid)) == len(image_files(train / wnid / "images")) for wnid in class_folders(train)
    )


@contextmanager
def _workshop(root: Path) -> Iterator[Path]:
    """A folder beside the target, removed at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=".fetch-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(origin: Source, root: Path) -> Iterator[None]:
    """Two processes would write the same ``.part`` file."""
    try:
        with locked(root / f".{origin.archive}.lock", deadline=0.0, keep=False):
            yield
    except Busy as busy:
        raise OSError(f"another process fetches {origin.archive} into {root}: run the command again after it") from busy


def _download(origin: Source, root: Path, watch: Watch | None, say: Callable[[str], None] | None) -> Path:
    part, by_hand = root / f"{origin.archive}.part", f"put {origin.archive} into {root} by hand"
    here = part.stat().st_size if part.is_file() else 0
    if say is not None:
        left = f"{origin.size / 1e6:.0f} MB" + (f", {here / 1e6:.0f} of them here" if here else "")
        say(f"downloading {origin.url} ({left}); or {by_hand} and run the command again")
    try:
        download(origin.url, part, watch)
    except OSError as error:
        kept = " (it goes on where it was)" if part.is_file() else ""
        raise OSError(
            f"cannot download {origin.url} ({error}): check connection and space and run the command again{kept}, "
            f"or {by_hand}"
        ) from error
    return part
