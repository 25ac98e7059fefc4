"""A real SLURM of one node, and the engine of `make cluster`; without one of them the tests skip and say why."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_cluster import ROOT, SNAKEMAKE

CONFIG = Path("/etc/slurm/slurm.conf")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """SLURM as it runs here, else one that is started for the tests and ended after them."""
    if not SNAKEMAKE.is_file():
        pytest.skip("no engine: `make cluster` installs it")
    if shutil.which("slurmctld") is None:
        pytest.skip("no SLURM: as root on Debian, `apt-get install slurmctld slurmd slurm-client munge`")
    if os.geteuid() != 0:
        pytest.skip("SLURM is started as root")
    if CONFIG.exists():  # jobs of Snakemake read it there and nowhere else
        pytest.skip(f"{CONFIG} is of a SLURM of this machine, which the tests leave alone")
    folder = tmp_path_factory.mktemp("slurm")
    cpus = str((os.cpu_count() or 1) + 2)  # some of the jobs only sleep
    subprocess.run([ROOT / "tools" / "slurm_start.sh", folder], check=True, env={**os.environ, "CPUS": cpus})
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    yield
    subprocess.run([ROOT / "tools" / "slurm_stop.sh", folder], check=True)
    del os.environ["SLURM_CONF"]
