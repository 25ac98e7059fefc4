"""A packed data set: whether it is whole, and its files."""

import hashlib
import tarfile
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from ltdd_utils.core.progress import Watch

__all__ = ["check_archive", "md5_of", "unpack"]


def md5_of(path: Path) -> str:
    """MD5 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def check_archive(archive: Path, md5: str, remedy: str) -> None:
    """Refuse an archive that is not the known one.

    Raises:
        ValueError: another MD5; the message ends with the ``remedy``.
    """
    found = md5_of(archive)
    if found != md5:
        raise ValueError(f"{archive.name} has MD5 {found}, not {md5}: it is cut short or altered; {remedy}")


def unpack(archive: Path, to: Path, folder: str, files: Collection[str], watch: Watch | None) -> None:
    """Write a folder of an archive below ``to``: all of it from a zip, the named ``files`` from a tar, all if none is.

    ``watch`` gets ``{"stage", "done", "total"}`` in files.
    """
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if member.filename.startswith(f"{folder}/")]
            for done, member in enumerate(members, start=1):
                packed.extract(member, to)
                if watch is not None and (done % 1000 == 0 or done == len(members)):
                    watch({"stage": "unpack", "done": done, "total": len(members)})
        return
    (to / folder).mkdir()
    with tarfile.open(archive) as packed:
        names = list(files) or _files_below(folder, packed)
        for done, file in enumerate(names, start=1):
            content = packed.extractfile(f"{folder}/{file}")
            (to / folder / file).parent.mkdir(parents=True, exist_ok=True)
            (to / folder / file).write_bytes(content.read() if content is not None else b"")
            if watch is not None:
                watch({"stage": "unpack", "done": done, "total": len(names)})


def _files_below(folder: str, packed: tarfile.TarFile) -> list[str]:
    """The names of a folder's files, none of which leads out of it."""
    names = [member.name for member in packed.getmembers() if member.isfile()]
    inside = [name for name in names if name.startswith(f"{folder}/") and ".." not in PurePosixPath(name).parts]
    return [name.removeprefix(f"{folder}/") for name in inside]
