"""The command ``ltdd data``."""

import argparse
import sys

from ltdd_utils.cli.common import as_json
from ltdd_utils.cli.progress import Bars
from ltdd_utils.data.sources import downloads
from ltdd_utils.data.sources.dataset import data_root

__all__ = ["data_"]


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def data_(options: argparse.Namespace) -> str:
    """The data sets that are present, after fetching or verifying one if requested."""
    root = data_root(options.data)
    if options.action == "fetch" and not options.names:
        raise ValueError(f"fetch what? name one or more of {', '.join(downloads.fetchable())}")
    if options.action == "fetch":
        for name in options.names:
            downloads.fetch(name, root, Bars(options.quiet)(name), None if options.quiet else _to_stderr)
    rows = downloads.status(root, options.names)
    if options.action == "verify":
        wrong = [row for row in rows if row["complete"] is None and (options.names or row["present"])]
        if wrong:
            raise ValueError(wrong[0]["state"])
    return as_json(rows) if options.json else "\n".join(f"{row['name']:10}{row['state']}" for row in rows)
