"""A download that goes on where it was cut, by HTTP ranges."""

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ltdd_utils.core.progress import Watch

__all__ = ["download"]

PIECE = 1 << 20  # bytes read at once
PATIENCE_S = 60  # without an answer, after which a connection counts as cut
WAITS_S = (1, 2, 4, 8, 16)  # before each further try; anew whenever something has come


class _Cut(Exception):
    """The connection ended before the file did."""


def download(url: str, part: Path, watch: Watch | None = None) -> None:
    """Write the file at ``url`` to ``part``; what is there of it already is not asked for again.

    Args:
        url: of HTTP, HTTPS, FTP or a file.
        part: the file, whole when this returns; after an error it holds what has come, for a later call.
        watch: gets ``{"stage", "done", "total"}`` in bytes; total is None where the server does not say.

    Raises:
        OSError: no answer, an answer that is none (HTTP 404), a connection that is cut again and again, no space.
    """
    begin, waits = _size(part), iter(WAITS_S)
    while True:
        before = _size(part)
        try:
            return _go_on(url, part, watch)
        except _Cut as cut:
            came = _size(part) - before
            if came > 0:
                waits = iter(WAITS_S)
            wait = next(waits, None)
            if wait is None or _size(part) == begin == before:  # the first try got nothing: there is no connection
                raise OSError(str(cut)) from cut
            time.sleep(wait)


def _go_on(url: str, part: Path, watch: Watch | None) -> None:
    done = _size(part)
    answer = _answer(url, done)
    if answer is None:  # nothing is left to send
        return
    with answer:
        length = answer.headers.get("Content-Length")
        if answer.status != http.client.PARTIAL_CONTENT:  # the server sends all of it, whatever is asked for
            done = 0
        total = None if length is None else done + int(length)
        with part.open("r+b" if done else "wb") as file:
            file.seek(done)
            while piece := _read(answer):
                file.write(piece)
                done += len(piece)
                if watch is not None:
                    watch({"stage": f"download {part.name.removesuffix('.part')}", "done": done, "total": total})
    if total is not None and done < total:
        raise _Cut(f"the connection was cut after {done:,} of {total:,} bytes")


def _answer(url: str, done: int) -> Any | None:  # noqa: ANN401 (urllib's answers share no class)
    """The server's answer to a request for all but the first bytes; None if there are no more.

    Raises:
        OSError: the address is wrong, or the server refuses.
        _Cut: the server cannot be reached, or not now.
    """
    headers = {"User-Agent": "ltdd-utils"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE_S)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        if error.code < 500:
            raise
        raise _Cut(f"HTTP {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(str(getattr(error, "reason", error))) from error


def _read(answer: Any) -> bytes:  # noqa: ANN401
    try:
        return answer.read(PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise _Cut(str(error) or type(error).__name__) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
