"""The origin of a number: the code's commit, the versions, the machine."""

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltdd_utils.core.paths import ROOT

if TYPE_CHECKING:
    import torch

__all__ = [
    "code",
    "full_precision",
    "git",
    "machine",
    "peak_gpu_gib",
    "peak_ram_gib",
    "provenance",
    "reset_peaks",
    "version_of",
]

CODE = ("ltdd_utils", "pyproject.toml")  # what decides a number, from the top of the repository
PACKAGES = ("ltdd-utils", "torch", "torchvision", "numpy", "scikit-learn")
TF32 = False  # whether convolutions may round float32 to 10 bits of mantissa on a GPU; PyTorch's own default is True


def git(folder: Path, *arguments: str) -> str | None:
    """The output of a git command in ``folder``, stripped; None where it fails or git is absent."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@functools.cache
def code(root: Path | None = None) -> dict[str, Any]:
    """The version of the code: ``commit``, and ``dirty``, whether a file that affects numbers (``CODE``) differs.

    Asked once in a process: a clone may move on while hours of work run with the code that was loaded at first.

    Args:
        root: top of the git repository; None: the clone that this package stands in. Both are None if no repository
            has its top there.
    """
    root = ROOT if root is None else Path(root)
    top = git(root, "rev-parse", "--show-toplevel")
    # A package in somebody's virtual environment lies inside their repository: that is not this code's commit.
    if top is None or Path(top).resolve() != root.resolve():
        return {"commit": None, "dirty": None}
    commit = git(root, "rev-parse", "--verify", "HEAD")
    # Records, distilled sets and notes that somebody keeps in a clone do not change the code.
    changes = git(root, "status", "--porcelain", "--", *CODE)
    return {"commit": commit, "dirty": None if commit is None or changes is None else bool(changes)}


def version_of(package: str) -> str | None:
    """Version of an installed package; None if it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def provenance(root: Path | None = None) -> dict[str, Any]:
    """The code, the versions and the time of a run; call it when the run starts.

    Args:
        root: top of the git repository; None: the clone that this package stands in.

    Returns:
        ``commit`` and ``dirty`` (see ``code``), ``versions``, ``tf32`` (whether convolutions of "fp32" stages may use
        TF32) and ``started_utc``.
    """
    import torch

    versions = {"python": platform.python_version(), **{package: version_of(package) for package in PACKAGES}}
    versions |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    started = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {**code(root), "versions": versions, "tf32": TF32, "started_utc": started}


@contextmanager
def full_precision() -> Iterator[None]:
    """Within it, convolutions in float32 are float32 on a GPU too: cuDNN does not use TF32 (``TF32``).

    PyTorch lets it by default, in convolutions and not in matrix products. Stages run in here; bf16 stays bf16.
    """
    import torch

    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = TF32
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def machine(device: "torch.device | str" = "cpu") -> str:
    """The device in words: the GPU's name, or the processor's with the number of cores this process may use."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} {'core' if cores == 1 else 'cores'}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def reset_peaks() -> None:
    """Let ``peak_ram_gib`` (on Linux) and ``peak_gpu_gib`` count anew from here."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    import torch

    for device in _gpus():
        torch.cuda.reset_peak_memory_stats(device)


def peak_ram_gib() -> float:
    """The largest resident memory of this process since it started, or since ``reset_peaks``, in GiB.

    0 where neither /proc nor ``resource`` tells it (Windows).
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 2**20
    with suppress(ImportError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**30 if sys.platform == "darwin" else 2**20)  # macOS counts bytes, others KiB
    return 0.0


def peak_gpu_gib() -> float:
    """The largest memory that tensors took on a GPU since ``reset_peaks``, in GiB; 0 where none is in use."""
    import torch

    return max((torch.cuda.max_memory_allocated(device) / 2**30 for device in _gpus()), default=0.0)


def _gpus() -> range:
    """Those that this process may have touched: asking a fresh process would start CUDA."""
    import torch

    return range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)
