"""Methods, networks, data sets and protocols from outside the package: entry points, and files that a command names."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

__all__ = ["GROUP", "load_entry_points", "load_plugin"]

GROUP = "ltdd.methods"  # of the entry points of installed packages


@functools.cache
def load_entry_points() -> None:
    """Import what installed packages offer under the group ``ltdd.methods``: each module registers what it has.

    Raises:
        ImportError: one of them cannot be imported; the message names the package.
    """
    for entry in importlib.metadata.entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:  # whatever somebody's module raises
            package = entry.dist.name if entry.dist else "an installed package"
            raise ImportError(
                f"the plugin {entry.name} ({entry.value}) of {package} cannot be loaded: {error}; mend or remove it"
            ) from error


def load_plugin(path: Path) -> None:
    """Run a Python file that registers methods, networks, data sets or protocols; not one that was run before.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a Python file, or it fails.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"--plugin {path}: no such file")
    if path.suffix != ".py":
        raise ValueError(f"--plugin {path}: it must be a Python file, FILE.py")
    name = f"ltdd_plugin_{path.stem}"
    if name in sys.modules and not _is_from(name, path):  # two folders, one name: they must not be taken for one file
        name += f"_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    if name in sys.modules and _is_from(name, path):
        return
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's file raises
        del sys.modules[name]
        raise ValueError(f"--plugin {path}: {type(error).__name__}: {error}") from error


def _is_from(module: str, path: Path) -> bool:
    return Path(sys.modules[module].__file__ or "").resolve() == path.resolve()
