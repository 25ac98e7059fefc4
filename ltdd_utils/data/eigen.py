"""Eigenvalues of a large symmetric matrix, in a process of their own that can be stopped.

LAPACK answers to nothing while it works: neither to a deadline nor to Ctrl-C, which Python sees when the call returns,
after half an hour for the pixels of 64x64 images. So the call is made in a child process, whose end the parent awaits.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

__all__ = ["ALONE", "eigh"]

ALONE = 2048  # rows from which the call takes seconds, and starting a process pays
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
    with tempfile.TemporaryDirectory(prefix="ltdd-", ignore_cleanup_errors=True) as place:
        folder, size = Path(place), len(matrix)
        matrix.contiguous().numpy().tofile(folder / MATRIX)
        _in_child(folder, size, pause)
        values, vectors = (torch.from_numpy(np.fromfile(folder / name)) for name in (VALUES, MATRIX))
    return values, vectors.view(size, size).T  # LAPACK's order of columns, in which torch returns them too


def _in_child(folder: Path, size: int, pause: Callable[[], None] | None) -> None:
    """Let a child put values and vectors into ``folder``; it never outlives this call, nor this process."""
    command = [sys.executable, "-m", "ltdd_utils.data.eigen", str(folder), str(torch.get_num_threads())]
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
                f"the eigenvalues of {size:,} x {size:,} numbers failed (exit status {child.returncode}: {why}); "
                "where memory is short, take a space without ZCA"
            )
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stderr.close()


def _main(folder: Path, threads: int) -> None:
    """The child: read the matrix, write values and vectors over it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    matrix = torch.from_numpy(np.fromfile(folder / MATRIX))
    size = int(len(matrix) ** 0.5)
    values, vectors = torch.linalg.eigh(matrix.view(size, size))
    vectors.T.contiguous().numpy().tofile(folder / MATRIX)
    values.numpy().tofile(folder / VALUES)


def _end_with_parent() -> None:
    os.read(0, 1)  # returns when the other end of the pipe is closed
    os._exit(1)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
