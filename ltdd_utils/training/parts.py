"""The parts of a loop's state: what they are, and their way into a checkpoint and back."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from ltdd_utils.core.store import Bundle

__all__ = ["Grown", "Part", "Rows", "fit", "flat", "restore", "tensors_of"]


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


class Grown(dict[str, Tensor]):
    """Tensors by name that come into being within the loop, and may go again; they come back on the CPU."""

    def state_dict(self) -> dict[str, Tensor]:
        """Those that there are now."""
        return dict(self)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from such tensors."""
        self.clear()
        self.update((name, tensor.clone()) for name, tensor in state.items())


def flat(parts: Mapping[str, Part], prefix: str = "") -> dict[str, Part]:
    """Every part under its dotted name."""
    found: dict[str, Part] = {}
    for name, part in parts.items():
        if isinstance(part, Mapping) and not isinstance(part, Grown):
            found |= flat(part, f"{prefix}{name}.")
        elif part is not None:
            found[prefix + name] = part
    return found


def tensors_of(part: Part) -> Mapping[str, Tensor]:
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


def restore(parts: Mapping[str, Part], saved: Bundle) -> None:
    """Put parts back to what a bundle holds of them."""
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


def fit(parts: Mapping[str, Part], saved: Bundle) -> bool:
    """Whether a bundle holds these parts: of the same kind, and those that do not begin empty of the same layout."""
    kinds = saved.meta.get("layout")
    if not isinstance(kinds, dict) or any(kinds.get(name) != type(part).__name__ for name, part in parts.items()):
        return False
    now = {name: _layout(tensors_of(part)) for name, part in parts.items()}
    return all(not layout or layout == _layout(_of(saved, name)) for name, layout in now.items())


def _layout(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {key: (tensor.shape, tensor.dtype) for key, tensor in tensors.items()}
