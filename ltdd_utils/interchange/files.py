"""Files of ``torch.save``, of which only tensors and numbers are unpickled, nothing executable."""

import codecs
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["contents", "real_tensor", "step_size", "tensor_in"]

POINTER = b"version https://git-lfs.github.com/spec/"  # how a pointer file of Git LFS begins
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")  # how a web page begins
# NumPy numbers, as codes store accuracies and step sizes: under the names of NumPy 1 and of NumPy 2.
NUMBERS = [
    (np.dtype("f8").type(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    (np.dtype("f8").type(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    np.dtype,
    codecs.encode,
    *(type(np.dtype(name)) for name in ("f2", "f4", "f8", "i4", "i8")),
]
TENSOR_ALONE = "download it again, or have the tensor alone saved with torch.save"
SHAPES = {  # by the number of dimensions, what is saved
    1: "one number",
    2: "labels as [images], or soft ones as [images, classes]",
    4: "images as [images, channels, height, width]",
}


def contents(path: Path) -> Any:  # noqa: ANN401 (what the file holds)
    """Contents of a file of ``torch.save``, on the CPU: tensors, numbers, texts, and lists and dictionaries of them.

    Raises:
        ValueError: a pointer file of Git LFS, a web page, a damaged file, or one with other objects.
    """
    head = path.read_bytes()[:200].lstrip()
    if head.startswith(POINTER):
        raise ValueError(f"{path} is a Git LFS pointer, not the file: download the file itself (`git lfs pull`)")
    if head.lower().startswith(PAGES):
        raise ValueError(f"{path} is a web page, not the file: download the file itself")
    try:
        with torch.serialization.safe_globals(NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds here: pickle, zip and runtime errors
        raise ValueError(f"{path} holds no plain tensor, or is damaged: {_reason(error)}; {TENSOR_ALONE}") from error


def _reason(error: Exception) -> str:
    """Why a file was refused, in a line, without torch's advice on how to load it all the same."""
    text = str(error).strip() or type(error).__name__
    if not text.startswith("Weights only load failed"):
        return text.splitlines()[0]
    found = re.search(r"GLOBAL ([\w.]+)", text)
    if found:
        return f"it holds {found[1]}, and only tensors and numbers are read"
    return "it is no file of torch.save, or holds more than tensors and numbers"


def tensor_in(path: Path, dimensions: tuple[int, ...]) -> Tensor:
    """The tensor of real numbers in a file; it has one of these numbers of dimensions.

    Raises:
        ValueError: something else.
    """
    return real_tensor(contents(path), dimensions, str(path))


def real_tensor(value: Any, dimensions: tuple[int, ...], where: str) -> Tensor:  # noqa: ANN401 (checked here)
    """``value`` if it is a tensor of real numbers in one of these numbers of dimensions; ``where`` it is from.

    Raises:
        ValueError: something else.
    """
    if not isinstance(value, Tensor):
        raise ValueError(f"{where} holds a {type(value).__name__}; expected a tensor")
    plain = value.layout == torch.strided and not value.is_complex() and value.dtype != torch.bool
    if not plain or value.ndim not in dimensions or value.numel() == 0:
        wanted = " or ".join(map(str, dimensions))
        asked = f"real numbers in {wanted} dimensions, at least one number: save {SHAPES[dimensions[-1]]}"
        raise ValueError(f"{where} holds {value.dtype} {list(value.shape)}; expected {asked}")
    return value.detach()


def step_size(path: Path) -> float:
    """The one number in a file: a float, a NumPy number, or a tensor with one element.

    Raises:
        ValueError: something else.
    """
    value = contents(path)
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        with suppress(TypeError):  # a complex number
            return float(value)
    value = real_tensor(value, (0, 1), str(path))
    if value.numel() != 1:
        raise ValueError(f"{path} holds {value.numel()} numbers; expected one step size")
    return float(value)
