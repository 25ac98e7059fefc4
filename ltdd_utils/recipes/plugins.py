"""Methods, networks, data sets and protocols from outside the package: entry points, and files that a command names."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from typing import Any

from ltdd_utils.methods.base import Method

__all__ = ["GROUP", "load_entry_points", "load_plugin", "plugin_of"]

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
    known = sys.modules.get(name)
    if known is not None and Path(known.__file__ or "").resolve() == path.resolve():
        return
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever somebody's file raises
        del sys.modules[name]
        raise ValueError(f"--plugin {path}: {type(error).__name__}: {error}") from error


def plugin_of(method: Method) -> dict[str, Any]:
    """Where a method from outside comes from, for a record: its module and the SHA-256 of the file; else {}."""
    name = method.settings.__module__
    if name.partition(".")[0] == "ltdd_utils":
        return {}
    file = getattr(sys.modules.get(name), "__file__", None)
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None
    return {"plugin": {"module": name, "sha256": digest}}
