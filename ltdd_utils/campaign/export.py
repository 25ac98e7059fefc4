"""A folder from which an existing engine runs a campaign: the list of stages, and the engine's files."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ltdd_utils.campaign.listing import Listed, as_file
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.paths import ROOT

__all__ = ["PROFILES", "EngineSettings", "export"]

PROFILES = ("local", "slurm")
PACKAGED = ROOT / "ltdd_utils" / "_workflow"  # a wheel carries workflow/ there


@dataclass(frozen=True)
class EngineSettings:
    """What the engine gives to a stage; ``config.json`` of the folder, where it may be changed."""

    command: tuple[str, ...]  # that makes a stage; its id comes behind it
    threads: int = 1  # of each stage
    retries: int = 2  # further tries of a stage that ended otherwise than well
    times_as_fast: float = 1.0  # the machines, beside that of the records
    minutes: int = 1440  # of a stage of unknown length
    least_minutes: int = 15
    most_minutes: int = 1440  # a stage that is stopped keeps its state, and the next try goes on
    gib: float = 8.0  # of a stage that no record tells the memory of
    least_gib: float = 2.0


def export(found: Sequence[Listed], folder: Path, plan: str, settings: EngineSettings) -> list[Path]:
    """Write the folder; flags and logs of an earlier call stay.

    Args:
        found: the stages.
        folder: made if it is absent.
        plan: the name of the campaign.
        settings: of the engine.

    Raises:
        OSError: the folder cannot be written.
    """
    source = ROOT / "workflow" if (ROOT / "workflow").is_dir() else PACKAGED
    write_atomic(folder / "stages.json", as_file(found, plan))
    write_atomic(folder / "config.json", json.dumps(vars(settings), indent=2) + "\n")
    for path in sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file()):
        if path.parts[0] != "profiles" or not (folder / path).exists():  # which a site changes
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, folder / path)
    return sorted(path for path in folder.iterdir() if path.is_file())
