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
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor

from ltdd_utils.core.progress import Watch
from ltdd_utils.core.store import Bundle, Checkpoint

__all__ = ["LoopState", "LossLog", "Part", "Rows", "require_finite"]

LOOK_EVERY_S = 1.0  # seconds between two looks at the losses: each look waits for the device


class _Stateful(Protocol):  # modules, averages of weights, rows
    def state_dict(self) -> Mapping[str, Tensor]: ...

    def load_state_dict(self, state: Mapping[str, Tensor], /) -> object: ...


Part: TypeAlias = "Tensor | torch.Generator | torch.optim.Optimizer | _Stateful | Mapping[str, Part] | None"
"""The parts that a loop changes; a tensor is changed in place. Parts in a mapping get dotted names; None is no part."""


class Rows(list[Tensor]):
    """Tensors of one shape on one device, one row for every step that is done."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        super().__init__()
        self.device = device

    def stacked(self) -> Tensor:
        """All rows, ``[steps, ...]``; ``[0]`` before the first one."""
        return torch.stack(list(self)) if self else torch.empty(0, device=self.device)

    def state_dict(self) -> dict[str, Tensor]:
        """The stacked rows, if there are any."""
        return {"": self.stacked()} if self else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such rows."""
        self[:] = [row for rows in state.values() for row in rows.to(self.device, copy=True).unbind()]


class LoopState:
    """The state of a loop, in its checkpoint and back.

    A checkpoint that does not hold these parts, each of the same kind, with the same names, shapes and types of
    tensors, is another loop's or an older version's: it is ignored, and the loop starts from the beginning.
    """

    def __init__(self, parts: Mapping[str, Part], counts: dict[str, int], checkpoint: Checkpoint | None) -> None:
        """Put parts and counts back to where the interrupted call was, if there was one.

        Args:
            parts: what the loop changes, by name.
            counts: how far it is; the loop changes them in place.
            checkpoint: where the state is kept; None: nowhere.
        """
        self.parts, self.counts, self.checkpoint = _flat(parts), counts, checkpoint
        saved = None if checkpoint is None else checkpoint.load()
        if saved is not None and not (_fit(self.parts, saved) and counts.keys() <= saved.meta.keys()):
            saved = None
        if saved is not None:
            _restore(self.parts, saved)
            counts.update((name, int(saved.meta[name])) for name in counts)
        self._saved = saved  # for parts that are added

    def add(self, parts: Mapping[str, Part]) -> None:
        """Take in parts that begin within the loop, in the place of those of the same names.

        The first ones to be added are put back to where the interrupted call was; later ones begin as they are.

        Raises:
            ValueError: the interrupted call had other parts here.
        """
        more, saved, self._saved = _flat(parts), self._saved, None
        self.parts |= more
        if saved is not None:
            if not _fit(more, saved):
                raise ValueError(f"the checkpoint does not fit {', '.join(more)}; delete it to begin from the start")
            _restore(more, saved)

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

    def bundle(self) -> Bundle:
        """Every part's tensors under dotted names; in ``meta`` the counts, and what kind each part is."""
        tensors: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            tensors |= {f"{name}.{key}".removesuffix("."): tensor for key, tensor in _tensors(part).items()}
        kinds = {name: type(part).__name__ for name, part in self.parts.items()}
        return Bundle(tensors, {"layout": kinds, **self.counts})


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


def _flat(parts: Mapping[str, Part], prefix: str = "") -> dict[str, Part]:
    flat: dict[str, Part] = {}
    for name, part in parts.items():
        if isinstance(part, Mapping):
            flat |= _flat(part, f"{prefix}{name}.")
        elif part is not None:
            flat[prefix + name] = part
    return flat


def _tensors(part: Part) -> Mapping[str, Tensor]:
    """The state of a part by name; a single tensor has the name ""."""
    match part:
        case Tensor():
            return {"": part}
        case torch.Generator():
            return {"": part.get_state()}
        case torch.optim.Optimizer():
            state = part.state_dict()["state"]
            return {f"{i}.{key}": t for i, entries in state.items() for key, t in entries.items() if t is not None}
        case _:
            return part.state_dict()


def _restore(parts: Mapping[str, Part], saved: Bundle) -> None:
    for name, part in parts.items():
        tensors = _of(saved, name)
        match part:
            case Tensor():
                part.detach().copy_(tensors[""])
            case torch.Generator():
                part.set_state(tensors[""])
            case torch.optim.Optimizer():
                state: dict[int, dict[str, Tensor]] = {}
                for key, tensor in tensors.items():
                    index, entry = key.split(".", 1)
                    state.setdefault(int(index), {})[entry] = tensor.clone()  # changed in place from here on
                part.load_state_dict(part.state_dict() | {"state": state})
            case _:
                part.load_state_dict(tensors)


def _of(saved: Bundle, name: str) -> dict[str, Tensor]:
    """The contents of a bundle for a part."""
    found = {key.removeprefix(f"{name}."): t for key, t in saved.tensors.items() if key.startswith(f"{name}.")}
    return found | ({"": saved.tensors[name]} if name in saved.tensors else {})


def _fit(parts: Mapping[str, Part], saved: Bundle) -> bool:
    """Whether a bundle holds these parts: of the same kind, and those that do not begin empty of the same layout."""
    kinds = saved.meta.get("layout")
    if not isinstance(kinds, dict) or any(kinds.get(name) != type(part).__name__ for name, part in parts.items()):
        return False
    now = {name: _layout(_tensors(part)) for name, part in parts.items()}
    return all(not layout or layout == _layout(_of(saved, name)) for name, layout in now.items())


def _layout(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {key: (tensor.shape, tensor.dtype) for key, tensor in tensors.items()}
