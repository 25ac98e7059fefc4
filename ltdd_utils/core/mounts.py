"""Whether the locks of a file system hold: between two processes, and between two machines. Measured, and remembered.

Some file systems of clusters have no locks, and some mounts grant the same lock to everybody, or to one process of each
machine.
"""

import errno
import json
import os
import platform
import secrets
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from ltdd_utils.core.files import write_atomic

__all__ = ["NO_LOCKS", "locks_hold", "without_locks"]

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # a file system that has none
# Options of NFS and Lustre under which a lock counts on the machine that takes it alone.
LOCAL = {"nolock", "localflock", "local_lock=all", "local_lock=flock"}
MEMORY = "locks.json"
SECOND = """
import fcntl, sys
with open(sys.argv[1]) as file:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("granted")
    except OSError:
        print("held")
"""
_known: dict[int, bool] = {}  # by device: a process asks once


def locks_hold(folder: Path, memory: Path | None = None) -> bool:
    """Whether a lock on a file in ``folder`` is held by one process at a time.

    Where they do not hold, that is said in one line when it is found out.

    Args:
        folder: an existing one.
        memory: a folder of the same file system that remembers the answer, so that later processes need not measure.
    """
    device = folder.stat().st_dev
    if device not in _known:
        kind, options = _mount(folder)
        remembered = None if memory is None else _remembered(memory, kind)
        if remembered is not None:
            _known[device] = remembered
        elif why := _local(options) or _measured(folder):
            without_locks(folder, why, memory)
        else:
            _known[device] = True
            _remember(memory, True, kind, "")
    return _known[device]


def without_locks(folder: Path, why: str, memory: Path | None = None) -> None:
    """Take note, and say, that locks do not hold in a folder."""
    _known[folder.stat().st_dev] = False
    _remember(memory, False, _mount(folder)[0], why)
    warnings.warn(
        f"file locks do not hold in {memory or folder} ({why}): files with host, process and time take their place",
        stacklevel=2,
    )


def _remembered(memory: Path, kind: str) -> bool | None:
    """The answer that another process left; that they hold counts for the same file system alone."""
    try:
        kept = json.loads((memory / MEMORY).read_text(encoding="utf-8"))
        return bool(kept["hold"]) if not kept["hold"] or kept["mount"] == kind else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(memory: Path | None, hold: bool, kind: str, why: str) -> None:
    if memory is not None:
        with suppress(OSError):  # who cannot write there will hear of it elsewhere
            write_atomic(memory / MEMORY, json.dumps({"hold": hold, "mount": kind, "why": why}))


def _mount(folder: Path) -> tuple[str, set[str]]:
    """Type and source of the file system that a folder is on, and its options; empty where the system does not say."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", set()
    here, found = str(folder.resolve()), ("", "", set())
    for line in lines:
        source, point, kind, options, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        within = here == point or here.startswith(point.rstrip("/") + "/")
        if within and len(point) >= len(found[0]):  # the later of two on one point covers the other
            found = (point, f"{kind} {source}", set(options.split(",")))
    return found[1], found[2]


def _local(options: set[str]) -> str:
    named = sorted(options & LOCAL)
    return f"mounted with {named[0]}, which keeps a lock within one machine" if named else ""


def _measured(folder: Path) -> str:
    """Why locks do not hold between two processes of this machine; "": they do, or nobody can tell."""
    if os.name != "posix":
        return ""
    try:
        import fcntl
    except ImportError:
        return "this Python has none"
    probe = folder / f".locks-{platform.node() or 'host'}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with probe.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                return os.strerror(error.errno) if error.errno in NO_LOCKS else ""
            return "two processes were given the same one" if _second_has(probe) else ""
    finally:
        probe.unlink(missing_ok=True)


def _second_has(probe: Path) -> bool:
    """Whether another process gets a lock that this one holds."""
    command = [sys.executable or "python3", "-I", "-S", "-c", SECOND, str(probe)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.strip() == "granted"
