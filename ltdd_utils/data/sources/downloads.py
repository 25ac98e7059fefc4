"""What of the data sets is on this machine; fetching and verifying them. Nothing half-written gets its final name."""

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.tables import resolve
from ltdd_utils.data.facts import DATASETS, DataSet
from ltdd_utils.data.sources.dataset import FETCH, Presence, Source

PIECE = 1 << 20  # bytes read at once
PATIENCE = 60  # seconds without an answer after which a download fails


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
    raise ValueError(f"data set {name!r} cannot be fetched: use {', '.join(able[:-1])} or {able[-1]}")


def fetchable() -> list[str]:
    """The data sets that ``fetch`` can get."""
    return [name for name, entry in DATASETS.items() if entry.source is not None]


def status(root: Path, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One row for each data set: ``name``, ``present``, ``verified`` (None if absent), ``state`` in words, ``path``.

    Raises:
        ValueError: one of ``names`` (none: all data sets) is unknown.
    """
    rows = []
    for name in names or DATASETS:
        path = _folder(name, root)
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
    return _presence(name, root).words


def _presence(name: str, root: Path) -> Presence:
    """What is there of a data set; raises as ``verify`` does."""
    entry = _known(name)
    if entry.source is not None:
        origin = source(name)
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
        found = _md5(folder / file)
        if found != md5:
            raise ValueError(f"{folder / file} has MD5 {found}, not {md5}: it is cut short or altered; run `{remedy}`")


def _folder(name: str, root: Path) -> Path | None:
    """The folder of a data set's files; None: it has none below the data root."""
    entry = _known(name)
    folder = entry.folder if entry.source is None else source(name).folder
    return None if folder is None else root / folder


def _known(name: str) -> DataSet:
    if name not in DATASETS:
        raise ValueError(f"data set {name!r} is unknown: use {', '.join(DATASETS)}")
    return DATASETS[name]


def fetch(name: str, root: Path, watch: Watch | None = None) -> Path:
    """Make a data set present and right; returns its folder. What is there and right is not fetched again.

    An archive that already lies in ``root`` under its own name is used instead of a download. ``watch`` gets
    ``{"stage", "done", "total"}`` in bytes, then in files.

    Raises:
        ValueError: a data set that cannot be fetched, or an archive with a wrong MD5.
        OSError: no connection, no space or no permission.
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
    archive = root / origin.url.rsplit("/", 1)[-1]
    with _workshop(root) as workshop:
        if archive.is_file():
            _check_archive(archive, _md5(archive), origin.md5, f"delete it and run `{FETCH.format(name=name)}`")
        else:
            archive = workshop / archive.name
            found = _download(origin.url, archive, watch)
            _check_archive(archive, found, origin.md5, f"run `{FETCH.format(name=name)}` again")
        _unpack(archive, workshop, origin, watch)
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


def _download(url: str, to: Path, watch: Watch | None) -> str:
    """Write the file at ``url`` to ``to``; returns its MD5."""
    digest, done = hashlib.md5(usedforsecurity=False), 0
    request = urllib.request.Request(url, headers={"User-Agent": "ltdd-utils"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer, to.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or 0) or None
            while piece := answer.read(PIECE):
                file.write(piece)
                digest.update(piece)
                done += len(piece)
                if watch is not None:
                    watch({"stage": f"download {to.name}", "done": done, "total": total})
    except OSError as error:  # URLError is one
        raise OSError(
            f"cannot download {url} ({getattr(error, 'reason', error)}): check connection and space, "
            f"or put {to.name} into {to.parent.parent} by hand and run the command again"
        ) from error
    return digest.hexdigest()


def _check_archive(archive: Path, found: str, wanted: str, remedy: str) -> None:
    if found != wanted:
        raise ValueError(f"{archive.name} has MD5 {found}, not {wanted}: it is cut short or altered; {remedy}")


def _unpack(archive: Path, to: Path, origin: Source, watch: Watch | None) -> None:
    """Write the data set's folder below ``to``: the known files of a tar, or all files of a zip."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if member.filename.startswith(f"{origin.folder}/")]
            for done, member in enumerate(members, start=1):
                packed.extract(member, to)
                if watch is not None and (done % 1000 == 0 or done == len(members)):
                    watch({"stage": "unpack", "done": done, "total": len(members)})
        return
    (to / origin.folder).mkdir()
    with tarfile.open(archive) as packed:
        for done, file in enumerate(origin.files, start=1):
            content = packed.extractfile(f"{origin.folder}/{file}")
            (to / origin.folder / file).write_bytes(content.read() if content is not None else b"")
            if watch is not None:
                watch({"stage": "unpack", "done": done, "total": len(origin.files)})


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
