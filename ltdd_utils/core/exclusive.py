"""A file in the place of a lock, where the file system has none: with host, process and time, and it goes stale.

Beside a name stand files NAME.1, NAME.2, ...: the highest number says who holds the name, or that it is free. Whoever
finds it free, or its holder dead, creates the next number, which the file system lets one process do alone
(``O_EXCL``), and removes the lower ones. The highest number is never removed, so whoever comes late and creates a
number that was removed meanwhile sees a higher one, and withdraws. So two that find the same dead holder cannot both
follow it, and nobody ever removes a file of a holder who may be alive.

A holder of the same machine is dead when its process is gone; one of another machine, when its file, which it touches
every ``BEAT_S`` seconds, was seen unchanged for ``STALE_S`` seconds of one's own clock. A process that was asleep for
so long is taken for dead, and both work: what they write is whole files of the same content.
"""

import json
import os
import platform
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["holder", "in_words", "take"]

BEAT_S, STALE_S = 20.0, 300.0  # caches of network file systems hide a change for up to a minute
_seen: dict[Path, tuple[tuple[int, str], float]] = {}  # how a file looked, and since when it does


def take(path: Path) -> Callable[[], None] | None:
    """Hold ``path``, without waiting: what lets it go again, or None if another holder has it.

    Raises:
        OSError: no file can be made there.
    """
    top = _top(path)
    if top and _is_held(_file(path, top)):
        return None
    mine = _file(path, top + 1)
    try:
        handle = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return None  # another one was faster
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(json.dumps(_oneself()))
    if _top(path) != top + 1:
        mine.unlink(missing_ok=True)  # the number is an old one, which was removed meanwhile
        return None
    for lower in _numbers(path) - {top + 1}:
        _file(path, lower).unlink(missing_ok=True)
    return _beating(mine)


def holder(path: Path) -> dict[str, Any] | None:
    """Host, process and time of whoever holds ``path``, empty where its file does not say; None: nobody does."""
    top = _top(path)
    file = _file(path, top)
    if not top or not _is_held(file):
        return None
    return _read(file)[0] or {}


def in_words(facts: dict[str, Any]) -> str:
    """A holder, as a message names it: " (process 12 on node7, since 2026-01-31 12:00 UTC)"."""
    keys = ("process", "host", "since")
    return " (process {} on {}, since {})".format(*(facts.get(key, "?") for key in keys)) if facts else ""


def _file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _numbers(path: Path) -> set[int]:
    names = (name.removeprefix(f"{path.name}.") for name in os.listdir(path.parent) if name.startswith(path.name))
    return {int(rest) for rest in names if rest.isdecimal()}


def _top(path: Path) -> int:
    try:
        return max(_numbers(path), default=0)
    except FileNotFoundError:
        return 0


def _is_held(file: Path) -> bool:
    """Whether the holder that a file names may be alive; a file that is not there has none."""
    try:
        facts, look = _read(file)
    except FileNotFoundError:
        return False
    if facts is not None and facts.get("free"):
        return False
    if facts is not None and facts.get("machine") == _machine() and facts.get("begun") and _begun(os.getpid()):
        return _lives(facts["process"], facts["begun"])
    known, since = _seen.get(file, (None, 0.0))
    if known != look:
        _seen[file] = look, time.monotonic()
        return True
    return time.monotonic() - since < STALE_S


def _read(file: Path) -> tuple[dict[str, Any] | None, tuple[int, str]]:
    """What a file says (None: nothing yet), and how it looks."""
    with file.open(encoding="utf-8", errors="replace") as opened:
        text = opened.read()
        look = os.fstat(opened.fileno()).st_mtime_ns, text
    try:
        facts = json.loads(text)
    except ValueError:  # it is being written, or its writer died meanwhile
        facts = None
    return facts if isinstance(facts, dict) else None, look


def _oneself() -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    process = os.getpid()
    who = {"host": platform.node(), "process": process, "since": now}
    return {**who, "machine": _machine(), "begun": _begun(process)}


@cache
def _machine() -> str:
    """The running system, and the part of it in which process numbers count: containers have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return platform.node()


def _begun(process: int) -> str:
    """When a process began, in ticks of the system; "" where it is gone, or the system does not tell."""
    try:
        if process == os.getpid() and os.readlink("/proc/self") != str(process):
            return ""  # /proc counts otherwise than this process
        facts = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        state, *rest = facts.rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" or len(rest) < 19 else rest[18]


def _lives(process: int, begun: str) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's; /proc may hide it
    return _begun(process) == begun


def _beating(mine: Path) -> Callable[[], None]:
    """Touch the file from now on; what ends that and says that the name is free."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_S):
            with suppress(OSError):
                os.utime(mine)

    thread = threading.Thread(target=beat, name=f"holds {mine.name}", daemon=True)
    thread.start()

    def release() -> None:
        over.set()
        thread.join()
        with suppress(OSError), mine.open("r+", encoding="utf-8") as file:  # never a new file: it may be another's turn
            file.write(json.dumps({"free": True}))
            file.truncate()

    return release
