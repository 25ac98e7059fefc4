"""Where the records are."""

import os
from pathlib import Path

from ltdd_utils.core.paths import ROOT

__all__ = ["PACKAGED", "default_records_dir", "results_root"]

PACKAGED = ROOT / "ltdd_utils" / "_results"  # a wheel carries results/ there, so that the chapters can read it on Colab


def results_root() -> Path:
    """The folder of the records: ``LTDD_RESULTS``, else ``results/`` of the clone, else of the current folder."""
    named = os.environ.get("LTDD_RESULTS")
    if named:
        return Path(named)
    return (ROOT if (ROOT / "pyproject.toml").is_file() else Path.cwd()) / "results"


def default_records_dir() -> Path:
    """The folder to read records from: the results folder if it is there, else what came with an installed package."""
    return results_root() if results_root().is_dir() else PACKAGED
