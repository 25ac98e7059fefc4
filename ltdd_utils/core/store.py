"""Files that are whole or absent, and a cache of finished stages under the hash of their settings.

A *bundle* is a dictionary of tensors and a dictionary of facts in one safetensors file (nothing executable is ever
unpickled). A *stage* is a bundle that is computed once: its key names everything that its content depends on. A stage
that is stopped leaves a checkpoint and goes on from it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ltdd_utils.core.deadline import Deadline, Stopped, is_over
from ltdd_utils.core.files import write_atomic
from ltdd_utils.core.locks import Busy, locked
from ltdd_utils.core.provenance import code, full_precision, peak_gpu_gib, peak_ram_gib, reset_peaks
from ltdd_utils.core.settings import canonical_json, config_id, to_dict

__all__ = ["Bundle", "Checkpoint", "Store", "load_bundle", "save_bundle"]


@dataclass
class Bundle:
    """Tensors by name, and facts about them that fit into JSON."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)


def save_bundle(path: Path, bundle: Bundle) -> None:
    """Write a bundle as one safetensors file, whole or not at all."""
    tensors, seen = {}, set()
    for name, tensor in bundle.tensors.items():
        whole = tensor.detach().cpu().contiguous()
        memory = whole.untyped_storage().data_ptr()
        tensors[name] = whole.clone() if memory in seen else whole  # the format refuses two views of one memory
        seen.add(memory)
    write_atomic(path, save(tensors, metadata={"ltdd": json.dumps(to_dict(bundle.meta))}))


def load_bundle(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is cut short, damaged, or was not written by this package.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with safe_open(path, framework="pt") as file:
            meta = (file.metadata() or {}).get("ltdd")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping: safe_open has keys() alone)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short ({error}); delete it and make it again") from error
    if meta is None:
        raise ValueError(f"{path} holds no description of itself: it was not written by ltdd")
    try:
        facts = json.loads(meta)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and make it again") from error
    if not isinstance(facts, dict):
        raise ValueError(f"{path} describes itself by {facts!r:.40}, not by named facts; make it again")
    return Bundle(tensors, facts)


class Checkpoint:
    """The saved state of a stage that runs, so that a killed or stopped run goes on where it was."""

    def __init__(self, path: Path, deadline: Deadline = None, every_s: float = 60.0) -> None:
        """Keep the state in ``path``, ``every_s`` seconds between two writes, until the deadline."""
        self.path, self.deadline, self.every_s = path, deadline, every_s
        self._written = self._counted = time.monotonic()
        saved = load_bundle(path) if path.is_file() else None
        self.seconds: float = saved.meta.pop("seconds") if saved else 0.0  # of work so far, earlier calls counted in
        # About this work, for the stage's origin; an earlier call's are kept.
        self.facts: dict[str, Any] = saved.meta.pop("facts", {}) if saved else {}
        self._saved = saved
        self._state: Callable[[], Bundle] | None = None  # of the last tick

    def load(self) -> Bundle | None:
        """The state of the interrupted call before this one, or None."""
        return self._saved

    def tick(self, state: Callable[[], Bundle]) -> None:
        """Call often, at points from which the work can go on: writes ``state()`` when it is due.

        Raises:
            Stopped: the deadline has passed; the state is on disk.
        """
        self._state = state
        if self.over():
            self.pause()
        elif time.monotonic() - self._written >= self.every_s:
            self._write(state())

    def over(self) -> bool:
        """Whether it is time to stop."""
        return is_over(self.deadline)

    def pause(self) -> None:
        """Call within work that begins anew when it is interrupted, as a pass over images does: stops it in time.

        Raises:
            Stopped: the deadline has passed; the state of the last ``tick``, which nothing may have changed since, is
                on disk.
        """
        if not self.over():
            return
        if self._state is not None:
            self._write(self._state())
        where = f"; the state is in {self.path}" if self.path.is_file() else ""
        raise Stopped(f"stopped as asked{where}: run the same command again to go on")

    def _write(self, bundle: Bundle) -> None:
        kept = {"seconds": self.elapsed()} | ({"facts": self.facts} if self.facts else {})
        save_bundle(self.path, Bundle(bundle.tensors, {**bundle.meta, **kept}))
        self._written = time.monotonic()

    def elapsed(self) -> float:
        """Seconds of work on this stage, those of earlier, interrupted calls counted in."""
        now = time.monotonic()
        self.seconds, self._counted = self.seconds + now - self._counted, now
        return self.seconds

    def clear(self) -> None:
        """Remove the state: the stage is done."""
        self.path.unlink(missing_ok=True)


class Store:
    """A folder of finished stages: ``ROOT/KIND/HASH/result.safetensors``."""

    def __init__(self, root: Path, deadline: float | None = None, wait: bool = True, make: bool = True) -> None:
        """Keep stages under ``root``; stop at ``deadline`` (``time.monotonic()``), None: never.

        ``wait`` for another process that computes a stage which is asked for; False: raise ``locks.Busy`` at once.
        ``make`` stages that are asked for and not there; False: only read.
        """
        self.root, self.deadline, self.wait, self.make = Path(root), deadline, wait, make
        self._renewed: set[Path] = set()

    def stop(self) -> None:
        """Let the deadline pass now: the stage that is being computed keeps its state and stops when it can."""
        self.deadline = time.monotonic()

    def pause(self) -> None:
        """Call within long work beside the stages.

        Raises:
            Stopped: the deadline has passed.
        """
        if is_over(self.deadline):
            raise Stopped("stopped as asked; run the same command again to go on")

    def _current_deadline(self) -> float | None:
        return self.deadline

    def result(self, kind: str, key: Mapping[str, Any]) -> Path:
        """The file of a stage's result, whether it is there or not."""
        return self.root / kind / config_id(key) / "result.safetensors"

    def renew(self, kind: str, key: Mapping[str, Any]) -> None:
        """Compute a stage anew when it is asked for next; an old result stays until the new one is whole."""
        self._renewed.add(self.result(kind, key))

    def forget(self, kind: str, key: Mapping[str, Any]) -> None:
        """Remove a stage's result and checkpoint, if they are there."""
        result = self.result(kind, key)
        for path in (result, result.with_name("checkpoint.safetensors")):
            path.unlink(missing_ok=True)

    def stage(self, kind: str, key: Mapping[str, Any], compute: Callable[[Checkpoint], Bundle]) -> Bundle:
        """The result of a stage: read if it was computed before, else computed and kept.

        Args:
            kind: what it is ("expert", "student"), the name of a sub-folder.
            key: everything that the result depends on: settings, seeds, hashes of inputs.
            compute: does the work; it may keep its state in the checkpoint it is given.

        Returns:
            The bundle; ``meta["seconds"]`` are the seconds of work it took, whenever that was, and ``meta["origin"]``
            says which commit computed it, whether files differed from it, the largest memory of the process and of its
            GPU, and what ``Checkpoint.facts`` has. Also the first time it is read from the file, so that both times
            give the same.

        Raises:
            Stopped: the deadline passed.
            Busy: another process computes the stage, and the store does not wait.
            FileNotFoundError: the stage is not there, and the store makes none.
            OSError: the folder cannot be written.
        """
        result = self.result(kind, key)
        if not self._is_ready(result):
            if not self.make:
                raise FileNotFoundError(f"{self.root} has no such stage {kind!r}; run its recipe there first")
            if is_over(self.deadline):
                raise Stopped(f"stopped as asked before the stage {kind!r}; run the same command again to go on")
            write_atomic(result.with_name("key.json"), canonical_json(key))
            with self._locked(result.with_name("lock"), kind):
                if not self._is_ready(result):  # else another process has just made it
                    self._computed(result, compute)
        return load_bundle(result)

    def _is_ready(self, result: Path) -> bool:
        return result.is_file() and result not in self._renewed

    @contextmanager
    def _locked(self, lock: Path, kind: str) -> Iterator[None]:
        try:
            with locked(lock, self._current_deadline if self.wait else 0.0, keep=False, memory=self.root):
                yield
        except Busy as busy:
            if not self.wait:
                raise
            raise Stopped(f"stopped as asked while another process makes the stage {kind!r}: {busy}") from busy

    def _computed(self, result: Path, compute: Callable[[Checkpoint], Bundle]) -> None:
        checkpoint = Checkpoint(result.with_name("checkpoint.safetensors"), self._current_deadline)
        origin = code()  # before the work: the files may change meanwhile
        reset_peaks()
        with full_precision():
            bundle = compute(checkpoint)
        if not isinstance(bundle, Bundle):
            stage, given = result.parent.parent.name, type(bundle).__name__
            raise ValueError(
                f"the stage {stage!r} computed a {given}; the store keeps bundles, as to_bundle(set) gives"
            )
        bundle.meta["seconds"] = checkpoint.elapsed()
        peaks = {"peak_ram_gib": peak_ram_gib(), "peak_gpu_gib": peak_gpu_gib()}
        bundle.meta["origin"] = {**origin, **peaks, **checkpoint.facts}
        save_bundle(result, bundle)
        self._renewed.discard(result)
        checkpoint.clear()
