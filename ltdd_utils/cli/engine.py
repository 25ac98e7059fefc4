"""``ltdd campaign export`` and ``ltdd campaign run --engine snakemake``: a campaign on an existing engine."""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ltdd_utils import campaign
from ltdd_utils.campaign.export import PROFILES, EngineSettings, export
from ltdd_utils.cli.common import done_of
from ltdd_utils.cli.forecasts import expected_of
from ltdd_utils.core.deadline import Stopped
from ltdd_utils.core.failures import Failed
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.core.paths import ROOT

__all__ = ["export_", "run_engine"]

ENVIRONMENT = ".venv-snakemake"  # of `make cluster`


def export_(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> str:
    """Write the folder of a campaign; says what it holds, and the command of the next line."""
    folder = _folder(options)
    with _alone(folder):
        found = _exported(runs, folder, options)
    if not found:
        return "nothing is missing"
    lines = [
        f"{len(found)} stages of {len({one.run.name for one in found})} runs in {folder}; next, in tmux or screen:"
    ]
    commands = [_command(folder, profile, options, "snakemake") for profile in PROFILES]
    return "\n".join([*lines, *(f"  {shlex.join(command)}" for command in commands)])


def run_engine(runs: Sequence[campaign.PlannedRun], options: argparse.Namespace) -> str:
    """Run what is missing, by Snakemake; what it prints goes to standard error.

    Raises:
        ValueError: no such profile.
        FileNotFoundError: Snakemake is not here.
        Failed: stages failed; the message names them.
        Stopped: Snakemake was stopped by a signal.
        Busy: another controller is at work in the folder.
    """
    folder, program = _folder(options), _program()
    with _alone(folder):
        if not _exported(runs, folder, options):
            return ""
        command = _command(folder, options.profile, options, program)
        if options.dag:
            return subprocess.run([*command, "--rulegraph", "mermaid-js"], capture_output=True, text=True).stdout
        if options.dry_run:
            return subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False).stdout
        # A controller that was killed has left its lock; none is at work here, since this one is alone.
        subprocess.run([*command, "--unlock"], capture_output=True, check=False)
        status = _controlled(command, folder)
    find = done_of(options).find
    left = [run for run in runs if find(run).record is None]  # this node may be without the data
    if status < 0 or status > 128:
        raise Stopped("the engine was stopped; the same command goes on")
    if status or left:
        raise Failed(_reasons(folder, options, len(left)))
    return ""


def _exported(runs: Sequence[campaign.PlannedRun], folder: Path, options: argparse.Namespace) -> list[campaign.Listed]:
    """The stages of the runs without a record, as they were written; nothing is written if there are none."""
    done = done_of(options)
    coming = [run for run in runs if not done(run)]
    found = campaign.listed(coming, lambda run: expected_of(run.recipe, run.students, options.results), options.device)
    if found:
        words = [sys.executable, "-m", "ltdd_utils", "stage", "--plan", str(folder / "stages.json"), "--quiet"]
        words += ["--work", str(options.work.absolute()), "--results", str(options.results.absolute())]
        words += ["--device", options.device]
        words += [] if options.data is None else ["--data", str(options.data.absolute())]
        words += [word for path in options.plugin for word in ("--plugin", str(path.absolute()))]
        export(found, folder, options.plan, EngineSettings(tuple(words), threads=options.threads or 1))
    return found


def _folder(options: argparse.Namespace) -> Path:
    usual = options.work / "campaign" / Path(options.plan).stem
    return (options.folder or usual).absolute()


def _command(folder: Path, profile: str, options: argparse.Namespace, program: str) -> list[str]:
    place = folder / "profiles" / profile if profile in PROFILES else Path(profile).absolute()
    if profile not in PROFILES and not (place / "config.yaml").is_file():
        raise ValueError(f"--profile {profile!r}: name one of {', '.join(PROFILES)}, or a folder with a config.yaml")
    command = [program, "-s", str(folder / "Snakefile"), "-d", str(folder), "--workflow-profile", str(place)]
    if options.jobs is not None:
        command += ["--cores" if profile == "local" else "--jobs", str(options.jobs)]
    if profile == "local" and options.device != "cpu" and (gpus := _gpus()):
        command += ["--resources", f"gpu={gpus}"]
    return command


def _gpus() -> int:
    import torch  # late: the status does without

    return torch.cuda.device_count()


def _program() -> str:
    """Snakemake: of ``make cluster``, else of the path."""
    own = ROOT / ENVIRONMENT / "bin" / "snakemake"
    found = str(own) if own.is_file() else shutil.which("snakemake")
    if found is None:
        raise FileNotFoundError(f"no snakemake in {ROOT / ENVIRONMENT} or on the path; `make cluster` installs it")
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, so that no second controller and no export changes it.

    Raises:
        Busy: somebody else does.
    """
    try:
        with locked(folder / "controller.lock", deadline=0.0):
            left = folder / "controller.pid"
            if left.is_file() and _lives(left.read_text(), folder):
                raise Busy(left.read_text())
            yield
    except Busy as busy:
        raise ValueError(f"another controller is at work in {folder}; let it end, or name another folder") from busy


def _lives(pid: str, folder: Path) -> bool:
    """Whether a process of this machine is the Snakemake of a folder, left alone by a command that was killed."""
    words = Path("/proc") / pid.strip() / "cmdline"
    return words.is_file() and str(folder) in words.read_bytes().decode(errors="replace")


def _controlled(command: Sequence[str], folder: Path) -> int:
    """Run Snakemake, which hears the signals that this process gets; its exit code."""
    environment = {**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    child = subprocess.Popen(command, stdout=sys.stderr.fileno(), env=environment, start_new_session=True)
    note = folder / "controller.pid"
    note.write_text(str(child.pid))
    asked = []

    def forward(number: int, frame: object) -> None:
        del frame
        asked.append(number)
        os.killpg(child.pid, number)  # its local jobs too, as Ctrl-C in a terminal does

    usual = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = child.wait()
    finally:
        note.unlink(missing_ok=True)
        for number, handler in usual.items():
            signal.signal(number, handler)
    return -asked[0] if asked else status


def _reasons(folder: Path, options: argparse.Namespace, left: int) -> str:
    """What failed: the notes that stages left, else where to look."""
    from ltdd_utils.campaign.listing import ids_of

    notes = [options.work / "campaign" / f"{name}.failed" for name in ids_of(folder / "stages.json")]
    said = [note.read_text(encoding="utf-8").strip() for note in notes if note.is_file()]
    where = f"{left} runs have no record; logs: {folder / 'logs'}"
    return f"{len(said)} stages failed for good, the first: {said[0]}; {where}" if said else f"stages failed; {where}"
