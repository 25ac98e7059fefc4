"""The data sets on this machine: listed, fetched and verified. Nothing half-written gets its final name."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltdd_utils.core.hints import did_you_mean
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.core.progress import Watch
from ltdd_utils.core.tables import resolve
from ltdd_utils.data.facts import DATASETS, DataSet
from ltdd_utils.data.sources.archives import check_archive, md5_of, unpack
from ltdd_utils.data.sources.dataset import FETCH, Presence, Source
from ltdd_utils.data.sources.transfer import download


def source(name: str) -> Source:
    """The source of a data set that can be fetched.

    Raises:
        ValueError: the data set cannot be fetched.
    """
    entry = DATASETS.get(name)
    if entry is not None and entry.source is not None:
        return resolve(entry.source)()
    if entry is not None and entry.by_hand:
        raise ValueError(f"{name} cannot be fetched: {entry.by_hand}")
    able = fetchable()
    hint = did_you_mean(name, able)
    raise ValueError(f"data set {name!r}{hint} cannot be fetched: use {', '.join(able[:-1])} or {able[-1]}")


def fetchable() -> list[str]:
    """The data sets that ``fetch`` can get."""
    return [name for name, entry in DATASETS.items() if entry.source is not None]


def status(root: Path, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One row for each data set: ``name``, ``present``, ``verified``, ``complete``, ``state`` in words, ``path``.

    ``verified`` is True if everything is there and right, and None if the data set is absent. ``complete`` is False if
    what is there is right and only some images are absent, and None if something is wrong.

    Raises:
        ValueError: one of ``names`` (none: all data sets) is unknown.
    """
    rows = []
    for name in names or DATASETS:
        path = _folder(name, root)
        row = {"name": name, "present": path is None or path.is_dir(), "path": None if path is None else str(path)}
        try:
            found = _presence(name, root)
            row |= {"present": True, "verified": found.whole, "complete": found.whole, "state": found.words}
        except FileNotFoundError as error:
            row |= {"verified": False if row["present"] else None, "complete": None, "state": str(error)}
        except ValueError as error:
            row |= {"verified": False, "complete": None, "state": str(error)}
        except Exception as error:  # whatever somebody's reader raises: the other data sets are still told
            what = " ".join(f"its reader failed: {type(error).__name__}: {error}".split())
            row |= {"verified": False, "complete": None, "state": what}
        rows.append(row)
    return rows


def verify(name: str, root: Path) -> str:
    """The state of a data set, in words, after a check: MD5 of every CIFAR file, else the presence of files.

    Raises:
        FileNotFoundError: the data set, or a part of it, is absent.
        ValueError: an unknown data set, or a file with a wrong MD5 or of no length.
    """
    return _presence(name, root).words


def _presence(name: str, root: Path) -> Presence:
    """The state of a data set; raises as ``verify`` does."""
    entry = _known(name)
    if entry.source is not None:
        origin = source(name)
        words = None if origin.elsewhere is None else origin.elsewhere(root)
        if words is not None:
            return Presence(words)
        _check_files(name, origin, root)
        if origin.files:
            return Presence("present, checksums right")
    if entry.presence is not None:
        return resolve(entry.presence)(root)
    full = resolve(entry.reader)(root)
    return Presence(f"present: {len(full.class_names)} classes, {len(full.labels):,} train images, pixels not read")


def _check_files(name: str, origin: Source, root: Path) -> None:
    """Raise unless the folder of a source is there and its files have their MD5 sums."""
    folder, remedy = root / origin.folder, FETCH.format(name=name)
    if not folder.is_dir():
        raise FileNotFoundError(f"absent from {root}: run `{remedy}`")
    for file, md5 in origin.files.items():
        if not (folder / file).is_file():
            raise FileNotFoundError(f"{folder / file} is absent: run `{remedy}`")
        found = md5_of(folder / file)
        if found != md5:
            raise ValueError(f"{folder / file} has MD5 {found}, not {md5}: it is cut short or altered; run `{remedy}`")


def _folder(name: str, root: Path) -> Path | None:
    """The folder of a data set's files; None: it has none below the data root."""
    entry = _known(name)
    folder = entry.folder if entry.source is None else source(name).folder
    return None if folder is None else root / folder


def _known(name: str) -> DataSet:
    if name not in DATASETS:
        raise ValueError(f"data set {name!r} is unknown{did_you_mean(name, DATASETS)}: use {', '.join(DATASETS)}")
    return DATASETS[name]


def fetch(name: str, root: Path, watch: Watch | None = None, say: Callable[[str], None] | None = None) -> Path:
    """Make a data set present and right; returns its folder. What is there and right is not fetched again.

    An archive that already lies in ``root``, under its own name or one that other programs give it, is used instead of
    a download. A download that was cut or stopped goes on from its ``.part`` file. ``watch`` gets ``{"stage", "done",
    "total"}`` in bytes, then in files; ``say`` is told before a download begins how large it is, and how to do without.

    Raises:
        ValueError: a data set that cannot be fetched, or an archive with a wrong MD5.
        OSError: no connection, no space, no permission, or another process that fetches the same.
    """
    if name in DATASETS and DATASETS[name].source is None and DATASETS[name].folder is None:
        return root  # it needs no file
    origin = source(name)
    if _complete(name, root):
        return root / origin.folder
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"cannot make the data folder {root}: {reason}; name another one (--data, LTDD_DATA)") from error
    with _alone(origin, root), _workshop(root) as workshop:
        kept = (root / file for file in (origin.archive, *origin.other_names))
        archive = next((path for path in kept if path.is_file()), root / origin.archive)
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
        return _presence(name, root).whole
    except (FileNotFoundError, ValueError):
        return False


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
