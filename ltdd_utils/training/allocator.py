"""One setting of the C allocator that makes training on a CPU faster (``benchmarks/student.py`` says by how much)."""

import ctypes
import functools

__all__ = ["keep_freed_memory"]

# Parameter numbers of glibc's mallopt(3).
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


@functools.cache
def keep_freed_memory() -> bool:
    """Let the process keep the memory it frees, instead of giving it back to the system after every tensor.

    A batch's activations are tens of MB each. By default glibc maps each anew and unmaps it when it is freed, so that
    every step pays for the page faults of all of them. No number changes. Without glibc (macOS, Windows) nothing
    happens.

    Returns:
        Whether the setting was made.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 2**30)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
