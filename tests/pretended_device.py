"""A second device without a GPU: tensors that say they are on it, and compute on the CPU.

What PyTorch refuses on a GPU is refused here too: an operation on tensors of both devices (single numbers aside), and
random numbers for the device from a generator of the CPU. What a GPU is waited for is counted (``waits``). The device
is named ``meta``, the only other one whose gradients run in a build without CUDA.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._device import _device_constructors
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")
ATEN = torch.ops.aten
COPIES = {ATEN._to_copy.default, ATEN.copy_.default, ATEN.copy.default}  # from one device to the other
INDEXING = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default}  # takes places from the CPU
READING = {ATEN._local_scalar_dense.default, ATEN.nonzero.default, ATEN.masked_select.default}  # asks for values
WAITS: list[str] = []  # operations that waited for the device
_device_constructors()  # PyTorch keeps this list: it must hold its own functions, and not ours
REAL = {name: getattr(torch, name) for name in ("tensor", "as_tensor", "autocast")}
JOINING = {ATEN.cat.default, ATEN.stack.default}  # take not even single numbers from the CPU


class _Pretended(Tensor):
    """A tensor of the device; ``inner`` holds its values."""

    @staticmethod
    def __new__(cls, inner: Tensor) -> "_Pretended":
        facts = {"strides": inner.stride(), "storage_offset": inner.storage_offset(), "dtype": inner.dtype}
        return Tensor._make_wrapper_subclass(cls, inner.size(), **facts, device=DEVICE)

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        return f"pretended {self.inner!r}"

    def tolist(self) -> list[Any]:
        WAITS.append("tolist")
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(func, args, kwargs or {})


class PretendedDevice(TorchDispatchMode):
    """Within it, ``DEVICE`` is a device that one can compute on."""

    def __enter__(self) -> "PretendedDevice":
        torch.tensor, torch.as_tensor = map(_through_the_cpu, (REAL["tensor"], REAL["as_tensor"]))
        torch.autocast = _autocast
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        for name, function in REAL.items():
            setattr(torch, name, function)
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        return _run(func, args, kwargs or {})


def waits(call: Callable[[], Any]) -> int:
    """How often ``call()`` waits for the device: copies that block, and values that are asked for."""
    before = len(WAITS)
    call()
    return len(WAITS) - before


def _waits(func: Callable, args: tuple, kwargs: dict) -> bool:
    if func in READING:
        return isinstance(args[0], _Pretended)
    if func in INDEXING and isinstance(args[0], _Pretended):  # places from the CPU are copied; a mask is counted
        places = [place for place in args[1] if place is not None]
        masked = func is ATEN.index.Tensor and any(place.dtype == torch.bool for place in places)
        return masked or any(not isinstance(place, _Pretended) for place in places)
    if func is ATEN.copy_.default:
        blocking = not (kwargs.get("non_blocking") or args[2:] == (True,))
        return blocking and isinstance(args[0], _Pretended) != isinstance(args[1], _Pretended)
    if func is ATEN._to_copy.default and kwargs.get("device") is not None and not kwargs.get("non_blocking"):
        return (torch.device(kwargs["device"]) == DEVICE) != isinstance(args[0], _Pretended)
    return False


def _autocast(device: str, *args: Any, **kwargs: Any) -> Any:
    return REAL["autocast"]("cpu" if device == DEVICE.type else device, *args, **kwargs)


def _through_the_cpu(make: Callable) -> Callable:
    """``torch.tensor`` forgets the values of a tensor on ``meta``; also where that is the default device."""

    def made(data: Any, *, device: Any = None, **kwargs: Any) -> Tensor:
        if isinstance(data, _Pretended):
            return make(data, device=device, **kwargs)
        wanted = REAL["tensor"]([]).device if device is None else torch.device(device)
        return make(data, device="cpu", **kwargs).to(wanted)

    return made


def _run(func: Callable, args: tuple, kwargs: dict) -> Any:
    leaves = tree_leaves((args, kwargs))
    if any(isinstance(leaf, Tensor) and leaf.device == DEVICE and not isinstance(leaf, _Pretended) for leaf in leaves):
        raise RuntimeError(f"{func}: a tensor without values")
    there = any(isinstance(leaf, _Pretended) for leaf in leaves)
    if there and func not in COPIES:
        _require_one_device(func, args, leaves)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]) == DEVICE
    elif func is ATEN.copy_.default:
        there = isinstance(args[0], _Pretended)
    if _waits(func, args, kwargs):
        WAITS.append(str(func))
    if there and any(isinstance(leaf, torch.Generator) for leaf in leaves):
        raise RuntimeError(f"{func}: expected a generator of the device, but found one of the CPU")
    result = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if not there:
        return args[0] if func is ATEN.copy_.default else result
    return return_and_correct_aliasing(func, args, kwargs, tree_map(_wrapped, result))


def _require_one_device(func: Callable, args: tuple, leaves: list) -> None:
    if func in INDEXING and isinstance(args[0], _Pretended):
        return
    for leaf in leaves:
        if isinstance(leaf, Tensor) and not isinstance(leaf, _Pretended) and (leaf.dim() or func in JOINING):
            raise RuntimeError(
                f"{func}: expected all tensors on one device, but one of {tuple(leaf.shape)} is on the CPU"
            )
    if func._schema.is_mutable and not isinstance(leaves[0], _Pretended):
        raise RuntimeError(f"{func}: the result is on the CPU, but not what it is made of")


def _inner(leaf: Any) -> Any:
    if isinstance(leaf, torch.device):
        return torch.device("cpu")
    return leaf.inner if isinstance(leaf, _Pretended) else leaf


def _wrapped(leaf: Any) -> Any:
    return _Pretended(leaf) if isinstance(leaf, Tensor) and not isinstance(leaf, _Pretended) else leaf
