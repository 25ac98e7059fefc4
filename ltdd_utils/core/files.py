"""Files that are whole or absent; texts of whatever program saved them."""

import codecs
import os
import platform
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["text_of", "write_atomic"]

WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # how a text in UTF-16 begins, as spreadsheets save it


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 that begins with its byte-order mark; the mark is not in it.

    Raises:
        ValueError: another encoding, or no text.
        OSError: the file cannot be read.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-16" if data.startswith(WIDE) else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # UTF-16 without its mark is valid UTF-8 where all letters are English
        raise ValueError(f"{path} is no text in UTF-8; save it as UTF-8 (in a spreadsheet: CSV UTF-8)")
    return text


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that it is there whole or not at all, whatever happens meanwhile.

    Raises:
        OSError: the folder cannot be made or written; the message names the path.
    """
    path = Path(path)
    # Host and chance too: two containers on one folder can have the same process number.
    writer = f"{platform.node() or 'host'}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(f".{path.name}.{writer}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name on an empty file
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C too
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise OSError(
            f"cannot write {path}: {error.strerror or error}; free some space or name another folder"
        ) from error
