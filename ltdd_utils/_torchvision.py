"""A cure for one broken pair of packages: a torchvision built for CUDA beside a CPU-only torch.

PyPI's torchvision is a CUDA build. Beside a CPU-only torch its compiled library does not load, and its import stops:
"operator torchvision::nms does not exist", although nothing this package uses is compiled.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["install"]

# The modules of torchvision that register kernels for its compiled operators, in the order it imports them.
REGISTERING = ("torchvision._autograd_registrations", "torchvision._meta_registrations")


class _Declare(MetaPathFinder):
    """Declares the operators that torchvision registers kernels for, if torchvision itself could not load them."""

    def __init__(self) -> None:
        self.library: object | None = None  # the declarations live as long as this reference

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing, ever; act when torchvision has tried its compiled library and is about to rely on it."""
        if fullname in REGISTERING and self.library is None and not _compiled_library_loaded():
            self.library = _declare()
        return None


def _compiled_library_loaded() -> bool:
    # torchvision has imported this module before the first of REGISTERING: it holds the outcome of the load.
    extension = sys.modules.get("torchvision.extension")
    return extension is None or extension._has_ops()


def _declare() -> object:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def install() -> None:
    """Make a later ``import torchvision`` work; where its compiled library loads, nothing is changed."""
    if not any(isinstance(finder, _Declare) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Declare())
