"""Beside the algorithm of a long loop: a state to go on from, looks at its losses, a stop where they break.

    done = {"iteration": 0}
    state = LoopState({"images": images, "optimiser": optimiser, "generator": rng}, done, checkpoint)
    log = LossLog("iteration {}", "lr", lambda: done | {"iterations": iterations}, watch, done["iteration"])
    while done["iteration"] < iterations:
        log.add(step())
        done["iteration"] += 1
        if log.due():
            log.look()
        state.keep(log.look)
    log.look()

Interrupted anywhere and called again, such a loop ends in the same bits.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, Checkpoint
from ltdd_utils.training.parts import Part, fit, flat, restore, tensors_of

__all__ = ["LoopState", "LossLog", "require_finite"]

LOOK_EVERY_S = 1.0  # seconds between two looks at the losses: each look waits for the device


class LoopState:
    """The state of a loop, in its checkpoint and back.

    A checkpoint that does not hold these parts, each of the same kind, with the same names, shapes and types of
    tensors, is another loop's or an older version's: it is ignored, and the loop starts from the beginning.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        counts: dict[str, int],
        checkpoint: Checkpoint | None,
        newer: Collection[str] = (),
    ) -> None:
        """Put parts and counts back to where the interrupted call was, if there was one.

        Args:
            parts: what the loop changes, by name.
            counts: how far it is; the loop changes them in place.
            checkpoint: where the state is kept; None: nowhere.
            newer: parts and counts that a checkpoint of an earlier version may lack: they begin as they are.
        """
        self.parts, self.counts, self.checkpoint = flat(parts), counts, checkpoint
        self._begun: dict[str, Tensor] = {}  # what a step may change, as it was before the step
        saved = None if checkpoint is None else checkpoint.load()
        if saved is not None:
            known = {name: part for name, part in self.parts.items() if not (name in newer and _lacks(saved, name))}
            numbers = [name for name in counts if name in saved.meta or name not in newer]
            if fit(known, saved) and set(numbers) <= saved.meta.keys():
                restore(known, saved)
                counts.update((name, int(saved.meta[name])) for name in numbers)
            else:
                saved = None
        self._saved = saved  # for parts that are added

    def add(self, parts: Mapping[str, Part]) -> None:
        """Take in parts that begin within the loop, in the place of those of the same names.

        The first ones to be added are put back to where the interrupted call was; later ones begin as they are.

        Raises:
            ValueError: the interrupted call had other parts here.
        """
        more, saved, self._saved = flat(parts), self._saved, None
        self.parts |= more
        if saved is not None:
            if not fit(more, saved):
                raise ValueError(f"the checkpoint does not fit {', '.join(more)}; delete it to begin from the start")
            restore(more, saved)

    def keep(self, look: Callable[[], object] = lambda: None) -> None:
        """Call after every step: writes the state when that is due, after a ``look`` at it: one that broke is not kept.

        Raises:
            Stopped: the checkpoint's deadline passed; the state is on disk.
        """
        if self.checkpoint is None:
            return

        def state() -> Bundle:
            look()
            return self.bundle()

        self.checkpoint.tick(state)

    def begin(self, *names: str) -> None:
        """Call before a step that takes long, with the tensors and generators that it changes: ``pause`` undoes it."""
        parts = {name: self.parts[name] for name in names}
        self._begun = {
            name: part.get_state() if isinstance(part, torch.Generator) else part.detach().clone()
            for name, part in parts.items()
        }

    def pause(self, look: Callable[[], object] = lambda: None) -> None:
        """Call within such a step: where it is time to stop, the step is undone, and its begin is kept as by ``keep``.

        Raises:
            Stopped: the checkpoint's deadline passed; the state is on disk.
        """
        if self.checkpoint is not None and self.checkpoint.over():
            restore({name: self.parts[name] for name in self._begun}, Bundle(self._begun))
            self.keep(look)

    def bundle(self) -> Bundle:
        """Every part's tensors under dotted names; in ``meta`` the counts, and what kind each part is."""
        tensors: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            tensors |= {f"{name}.{key}".removesuffix("."): tensor for key, tensor in tensors_of(part).items()}
        kinds = {name: type(part).__name__ for name, part in self.parts.items()}
        return Bundle(tensors, {"layout": kinds, **self.counts})


def _lacks(saved: Bundle, name: str) -> bool:
    """Whether a checkpoint says what it holds, and has no such part."""
    kinds = saved.meta.get("layout")
    return isinstance(kinds, dict) and name not in kinds


class LossLog:
    """Looks at the losses about once a second instead of at every step, and stops at the first that is not finite."""

    def __init__(
        self,
        at: str,
        setting: str,
        facts: Callable[[], dict[str, Any]],
        watch: Watch | None,
        done: int = 0,
        *,
        summary: Callable[[Tensor], Tensor] = lambda losses: losses[-1],
    ) -> None:
        """Begin after ``done`` steps.

        Args:
            at: what a step is called, with ``{}`` for its number from 1: "iteration {}".
            setting: what to lower if a loss is not finite.
            facts: what else the watch is told, now.
            watch: told the facts and the ``loss`` at every look.
            done: steps before the first one that is added.
            summary: of the losses since the last look, ``[steps]``: the loss that is told; the last one by default.
        """
        self.at, self.setting, self.facts, self.watch, self.done = at, setting, facts, watch, done
        self.summary, self.losses, self.looked = summary, [], time.monotonic()

    def add(self, loss: Tensor) -> None:
        """The loss of the next step, on its device: a number, or the terms of a sum, ``[K]``."""
        self.losses.append(loss)

    def due(self) -> bool:
        """Whether the last look is about a second ago."""
        return time.monotonic() - self.looked >= LOOK_EVERY_S

    def look(self) -> bool:
        """Look at the losses since the last look and tell the watch; False: there were none.

        Raises:
            FloatingPointError: one of them is not finite; the message has the first such step.
        """
        if not self.losses:
            return False
        terms = torch.stack(self.losses)
        terms = terms.to(torch.promote_types(terms.dtype, torch.float32))  # a mean in half precision would be coarse
        losses = terms.reshape(len(terms), -1).sum(dim=1).cpu()
        broken = (~losses.isfinite()).nonzero()
        if len(broken):
            first = int(broken[0])
            where = self.at.format(self.done + first + 1)
            raise FloatingPointError(f"the loss is {losses[first].item()} at {where}; try a smaller {self.setting}")
        self.done, self.losses, self.looked = self.done + len(losses), [], time.monotonic()
        if self.watch is not None:
            self.watch({**self.facts(), "loss": self.summary(losses).item()})
        return True


def require_finite(tensors: Iterable[Tensor], what: str, setting: str) -> None:
    """Stop with ``what`` as the problem where a value is not finite; it waits for the device once for each tensor.

    Raises:
        FloatingPointError: one is not finite; the message says to lower the ``setting``.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in tensors):
        raise FloatingPointError(f"{what}; try a smaller {setting}")
