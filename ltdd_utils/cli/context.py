"""The context of the commands that do work: their folders, their device, when they stop."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from ltdd_utils.cli.following import Following
from ltdd_utils.cli.progress import Bars
from ltdd_utils.cli.signals import stop_gently
from ltdd_utils.cli.sinks import JsonLines, Sink, tracker
from ltdd_utils.core.context import RunContext, pick_device, require_writable
from ltdd_utils.core.store import Store

__all__ = ["context_of", "followed", "require_file"]


def context_of(options: argparse.Namespace, wait: bool = True, gentle: bool = True) -> RunContext:
    """The context of a command; ``wait`` is its store's, ``gentle``: Ctrl-C lets a stage keep its state."""
    minutes = options.stop_after
    if minutes is not None and not 0 <= minutes < float("inf"):
        raise ValueError(f"--stop-after is {minutes}; give minutes, 0 or more")
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    store = Store(options.work, deadline, wait)
    if gentle:
        stop_gently(store)
    told = {"data": options.data, "watch": Bars(options.quiet), "compile": options.compile}
    return RunContext(store, pick_device(options.device), **told)


def followed(options: argparse.Namespace, context: RunContext) -> tuple[Following, RunContext]:
    """The context of a command whose run is followed: by bars or lines, a log and a tracker; a dry run writes none."""
    sinks: list[Sink] = [] if options.log is None or options.dry_run else [JsonLines(options.log)]
    sinks += [] if options.track is None or options.dry_run else [tracker(options.track)]
    following = Following(Bars(options.quiet), sinks)
    return following, replace(context, watch=following.watch, announce=following.announce)


def require_file(path: Path) -> None:
    """Raise before any work starts if --save-set cannot write there.

    Raises:
        ValueError: it is a folder.
        OSError: its folder cannot be written.
    """
    if path.is_dir():
        raise ValueError(f"--save-set {path} is a folder; name a file, such as set.safetensors, in it")
    require_writable(path.absolute().parent)
