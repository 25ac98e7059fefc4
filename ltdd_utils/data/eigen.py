"""Eigenvalues and the inverse of a large matrix, in a process of their own that can be stopped.

LAPACK answers to nothing while it works: neither to a deadline nor to Ctrl-C, which Python sees when the call returns,
after half an hour for the pixels of 64x64 images. So the call is made in a child process, whose end the parent awaits.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["ALONE", "eigh", "inverse"]

ALONE = 2048  # rows from which the call takes seconds, and starting a process pays
ALONE_INVERSE = 6000  # the same for an inverse, which is quicker
LOOK_S = 0.5  # seconds between two looks at the child
MATRIX, VALUES = "matrix.bin", "values.bin"


def eigh(matrix: Tensor, pause: Callable[[], None] | None = None) -> tuple[Tensor, Tensor]:
    """``torch.linalg.eigh``: eigenvalues in ascending order ``[D]``, and eigenvectors as columns ``[D, D]``.

    The numbers are those of a call in this process, to the last bit. On a GPU, and below ``ALONE`` rows, it is one.

    Args:
        matrix: symmetric, float64 ``[D, D]``.
        pause: called every half second; what it raises ends the child.

    Raises:
        OSError: the child ended early, as where memory is short, or the temporary folder is full.
    """
    if matrix.device.type != "cpu" or len(matrix) < ALONE or not sys.executable:
        return torch.linalg.eigh(matrix)
    values, vectors = _in_child("eigh", matrix, (VALUES, MATRIX), pause)
    return values, vectors.view(matrix.shape).T  # LAPACK's order of columns, in which torch returns them too


def inverse(matrix: Tensor, pause: Callable[[], None] | None = None) -> Tensor:
    """``torch.linalg.inv`` of float64 ``[D, D]``; else as ``eigh``."""
    if matrix.device.type != "cpu" or len(matrix) < ALONE_INVERSE or not sys.executable:
        return torch.linalg.inv(matrix)
    (found,) = _in_child("inverse", matrix, (MATRIX,), pause)
    return found.view(matrix.shape)


def _in_child(work: str, matrix: Tensor, names: Sequence[str], pause: Callable[[], None] | None) -> list[Tensor]:
    """What a child makes of a matrix, as flat float64 tensors."""
    with tempfile.TemporaryDirectory(prefix="ltdd-", ignore_cleanup_errors=True) as place:
        matrix.contiguous().numpy().tofile(Path(place) / MATRIX)
        _await_child(work, Path(place), len(matrix), pause)
        return [torch.from_numpy(np.fromfile(Path(place) / name)) for name in names]


def _await_child(work: str, folder: Path, size: int, pause: Callable[[], None] | None) -> None:
    """Let a child work on the matrix in ``folder``; it never outlives this call, nor this process."""
    command = [sys.executable, "-m", "ltdd_utils.data.eigen", work, str(folder), str(torch.get_num_threads())]
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    # The pipe closes when this process ends, however it ends. A session of its own: the first Ctrl-C is for the parent.
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,
    )
    try:
        while True:
            try:
                child.wait(LOOK_S)
                break
            except subprocess.TimeoutExpired:
                if pause is not None:
                    pause()
        if pause is not None:
            pause()  # a signal may have reached the child first
        if child.returncode:
            why = (child.stderr.read().decode(errors="replace").strip().splitlines() or ["no word from it"])[-1]
            raise OSError(
                f"{work} of {size:,} x {size:,} numbers failed (exit status {child.returncode}: {why}); "
                "where memory is short, take a space without ZCA"
            )
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stderr.close()


def _main(work: str, folder: Path, threads: int) -> None:
    """The child: read the matrix, write what is asked for over it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    matrix = torch.from_numpy(np.fromfile(folder / MATRIX))
    matrix = matrix.view(int(len(matrix) ** 0.5), -1)
    if work == "inverse":
        torch.linalg.inv(matrix).contiguous().numpy().tofile(folder / MATRIX)
        return
    values, vectors = torch.linalg.eigh(matrix)
    vectors.T.contiguous().numpy().tofile(folder / MATRIX)
    values.numpy().tofile(folder / VALUES)


def _end_with_parent() -> None:
    os.read(0, 1)  # returns when the other end of the pipe is closed
    os._exit(1)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
