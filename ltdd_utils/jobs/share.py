"""How many processes, and how many threads each kind of unit gets.

The last bits of a result can depend on the number of threads that a sum is split over. So that number follows from the
command and the machine alone (``--jobs``, ``--threads``, the cores, how many units of a kind the command has), never
from what happens to run at the time, or from how much is there already.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GRANTED", "Share", "cores"]

# Threads that a scheduler gave to this process: SLURM, Grid Engine, PBS, LSF
GRANTED = ("SLURM_CPUS_PER_TASK", "NSLOTS", "NCPUS", "LSB_DJOB_NUMPROC")
GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Share:
    """Processes and threads of a command."""

    jobs: int  # units at a time
    cores: int  # that they share
    threads: int | None = None  # of every unit; None: by its kind

    def __post_init__(self) -> None:
        """Raise ValueError where one of the numbers is below 1."""
        for name in ("jobs", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"--{name} is {value}; at least 1 is needed")

    def of(self, kinds: Iterable[str]) -> dict[str, int]:
        """Threads of a unit of each kind, where ``kinds`` has the kind of each unit of the command.

        The cores are divided among as many units of a kind as there are, and at most as many as run at a time;
        ``$OMP_NUM_THREADS`` is an upper bound.
        """
        bound = os.environ.get("OMP_NUM_THREADS", "")
        most = int(bound) if bound.isdecimal() and int(bound) else self.cores
        counts = Counter(kinds)
        shared = {kind: max(1, min(most, self.cores // min(self.jobs, count))) for kind, count in counts.items()}
        return shared if self.threads is None else dict.fromkeys(shared, self.threads)

    @property
    def capacity(self) -> int:
        """Threads of all units at a time; what is asked for by ``threads`` is not bounded by the cores."""
        return max(self.cores, self.jobs) if self.threads is None else self.jobs * self.threads


def cores() -> int:
    """The cores that this process may use: by its affinity, by the limit of its group, by a scheduler's word."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [int(value) for name in GRANTED if (value := os.environ.get(name, "")).isdecimal()][:1]
    return max(1, min([own, *granted, *_quotas()]))


def _quotas() -> list[int]:
    """Whole cores that the control groups of this process allow (Linux, version 2)."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        own = next(line.partition("::")[2] for line in lines if line.startswith("0::"))
    except (OSError, StopIteration):
        return []
    place, found = GROUPS / own.lstrip("/"), []
    for folder in (place, *place.parents):
        if not folder.is_relative_to(GROUPS):
            break
        try:
            quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
            found += [] if quota == "max" else [max(1, int(quota) // int(period))]
        except (OSError, ValueError):
            continue
    return found
