"""The location of the package."""

from pathlib import Path

__all__ = ["ROOT"]

ROOT = Path(__file__).resolve().parents[2]  # of the repository, when the package is installed from a clone
