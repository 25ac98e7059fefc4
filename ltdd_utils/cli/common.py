"""What several commands share: the recipe and the place that their options name, and JSON."""

import argparse
import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from tqdm import tqdm

from ltdd_utils import recipes
from ltdd_utils.cli.progress import Bars
from ltdd_utils.config import to_dict
from ltdd_utils.pipeline import Place, pick_device, require_writable
from ltdd_utils.store import Store

__all__ = ["INTERRUPTED", "SIGNALS", "as_json", "file_to_write", "place_of", "recipe_of"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = threading.Event()  # whether a signal stopped the command


def as_json(value: object) -> str:
    """As text, with null where a value is empty."""
    return json.dumps(to_dict(value), indent=2, allow_nan=False)


def recipe_of(options: argparse.Namespace) -> recipes.Recipe:
    """The recipe of a command line, with its changes."""
    base = recipes.recipe(
        options.recipe,
        imbalance_factor=options.imbalance_factor,
        ipc=options.ipc,
        scale=options.scale,
        protocol_name=options.protocol,
        network=options.network,
        teacher=options.teacher,
    )
    return recipes.with_overrides(base, recipes.assignments(options.set))


def place_of(options: argparse.Namespace, wait: bool = True, gentle: bool = True) -> Place:
    """Where the command works; ``wait`` is its store's, ``gentle``: Ctrl-C lets a stage keep its state."""
    minutes = options.stop_after
    if minutes is not None and not 0 <= minutes < float("inf"):
        raise ValueError(f"--stop-after is {minutes}; give minutes, 0 or more")
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    store = Store(options.work, deadline, wait)
    if gentle:
        _stop_gently(store)
    return Place(store, pick_device(options.device), data=options.data, watch=Bars(options.quiet))


def file_to_write(path: Path, option: str = "--save-set") -> Path:
    """The file that an option names, refused before the work and not after it.

    Raises:
        ValueError: it is a folder.
        OSError: its folder cannot be written.
    """
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder; name a file, such as set.safetensors, in it")
    require_writable(path.absolute().parent)
    return path


def _stop_gently(store: Store) -> None:
    """Let the first Ctrl-C (or SIGTERM) keep the state of the running stage, and the second one end at once.

    ``cli.main`` puts the usual handlers back.
    """
    if threading.current_thread() is not threading.main_thread():  # only there signals can be handled
        return

    # What is ignored stays so: a script's background command, say, that Ctrl-C is not meant for.
    heard = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]

    def asked(number: int, frame: FrameType | None) -> None:
        del number, frame
        INTERRUPTED.set()
        store.stop()
        for one in heard:
            signal.signal(one, signal.default_int_handler)
        tqdm.write("ltdd: stopping at the next checkpoint; again to stop at once", file=sys.stderr)

    for one in heard:
        signal.signal(one, asked)
