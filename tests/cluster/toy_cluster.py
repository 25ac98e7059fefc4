"""A folder with a plan, and the commands that run it on a cluster."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = ROOT / ".venv-snakemake" / "bin" / "snakemake"
PATIENCE_S = 600
PROFILE = """
executor: slurm
jobs: 10
keep-going: true
rerun-triggers: [mtime]
latency-wait: 10
slurm-logdir: slurm
slurm-status-command: squeue
slurm-init-seconds-before-status-checks: 2
"""


class Cluster:
    """A folder with a plan, and the commands that run it, each in a process of its own."""

    def __init__(self, folder: Path, plan: str, *options: str) -> None:
        self.folder, self.options = folder, options
        folder.mkdir(exist_ok=True)
        (folder / "plan.toml").write_text(plan)
        (folder / "profile").mkdir()
        (folder / "profile" / "config.yaml").write_text(PROFILE)

    def words(self, *arguments: object, results: str = "results") -> list[str]:
        words = [sys.executable, "-m", "ltdd_utils", *map(str, arguments), "--plan", str(self.folder / "plan.toml")]
        folders = ["--work", str(self.folder / "work"), "--results", str(self.folder / results)]
        return [*words, *folders, "--device", "cpu", *self.options]

    def start(self, *arguments: object, **changes: str) -> subprocess.Popen:
        words = self.words("campaign", *arguments, **changes)
        log = (self.folder / "log").open("a")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log, env=environment)

    def engine(self, engine: str = "engine", *more: str) -> subprocess.Popen:
        words = ["--engine", "snakemake", "--profile", self.folder / "profile", *more]
        return self.start("run", self.folder / engine, *words)

    def stages(self, engine: str = "engine") -> list[dict]:
        return json.loads((self.folder / engine / "stages.json").read_text())["stages"]

    def flags(self, engine: str = "engine") -> set[str]:
        return {path.name for path in (self.folder / engine / "flags").rglob("*") if path.is_file()}

    def outcomes(self, results: str = "results") -> dict[str, object]:
        found = {}
        for path in (self.folder / results).rglob("*.json"):
            record = json.loads(path.read_text())
            found[f"{path.parent.name}/{path.stem}"] = record["metrics"], record["provenance"]["distilled_sha256"]
        return found

    def log(self) -> str:
        return (self.folder / "log").read_text()


def until(condition: Callable[[], object], what: str) -> object:
    """Wait for something; what it gives."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.5)
    pytest.fail(f"{what}: not within {PATIENCE_S} s")
