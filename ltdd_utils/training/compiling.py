"""Compiled functions where the work is long: what ``torch.compile`` saves, what it costs, and a way back.

Compiling is a matter of a run's context and not of its settings: a compiled function is the same one to rounding.
Whether "auto" compiles depends on the amount of work alone, never on a clock: a busy machine gives the same bits as an
idle one. Without a C++ compiler, or where compiling fails, PyTorch's own kernels do the work, and a line says so.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from ltdd_utils.core.context import Compile
from ltdd_utils.core.progress import Watch

__all__ = ["Compiler", "cpp_compiler"]

F = TypeVar("F", bound=Callable[..., Any])

USUAL = 5  # stages that compile the same: students of a set, experts of a run, seeds of a recipe
FORMS = 256  # of one function that may be compiled in a process: other shapes, networks and precisions
CACHE, THREADS = "TORCHINDUCTOR_CACHE_DIR", "TORCHINDUCTOR_COMPILE_THREADS"  # environment variables of PyTorch


def cpp_compiler() -> str | None:
    """The C++ compiler that PyTorch would call: ``$CXX``, else a usual one on the path; None: there is none."""
    names = (os.environ.get("CXX"), "g++", "clang++", "c++", "cl")
    return next((found for found in map(shutil.which, filter(None, names)) if found), None)


class Compiler:
    """Compiles the functions of one stage, or leaves them as they are.

    Args:
        choice: "auto" compiles on a CPU what is expected to save more than it costs; "on" whatever it can; "off"
            nothing.
        device: where the functions run.
        cache: folder in which compiled functions are kept for other processes, unless the environment names one; None:
            PyTorch's own, which a restart of the machine may empty.
        watch: is told ``{"note": line}``.
        facts: where ``compiled`` is noted once something is (``Checkpoint.facts``: they become the stage's origin).
        passes: forward and backward of each image in a step.
    """

    def __init__(
        self,
        choice: Compile,
        device: torch.device | str,
        *,
        cache: Path | None = None,
        watch: Watch | None = None,
        facts: dict[str, Any] | None = None,
        passes: int = 1,
    ) -> None:
        self.choice, self.device, self.cache, self.watch = choice, torch.device(device), cache, watch
        self.facts, self.passes = {} if facts is None else facts, passes

    def worth(self, saving: float, cost: float) -> bool:
        """Whether to compile: ``saving`` of this stage and ``cost`` are expected seconds of one core.

        What is compiled is kept, and serves ``USUAL`` stages as a rule.
        """
        if self.choice == "auto":
            return self.device.type == "cpu" and saving * USUAL > cost
        return self.choice == "on"

    def compiled(
        self,
        function: F,
        what: str,
        trial: Callable[[F], object],
        *,
        saving: float = 0.0,
        cost: float = 0.0,
        instead: F | None = None,
    ) -> F:
        """The function, compiled where that is worth it and works, else as it is.

        Args:
            function: of tensors of fixed shapes; all its operations are traced into one graph.
            what: it is called in notes: "the student's backbone".
            trial: calls it as the work will (shapes, autocast, gradients), and changes nothing that counts: what cannot
                be compiled shows here, before the work begins.
            saving: expected seconds that the work takes less.
            cost: expected seconds of compiling.
            instead: what to call where the function is not compiled; None: the function itself.
        """
        plain = function if instead is None else instead
        if not self.worth(saving, cost):
            return plain
        if self.device.type == "cpu" and cpp_compiler() is None:
            self._note(f"not compiled: {what}; no C++ compiler is found (set $CXX, or install g++ or clang++)")
            return plain
        self._prepare()
        compiled = torch.compile(function, dynamic=False, fullgraph=True)
        try:
            trial(compiled)
        except Exception as error:  # the compiler has several parts, each with errors of its own
            said = next(iter(str(error).splitlines()), "")
            self._note(f"not compiled: {what}; {type(error).__name__}: {said}")
            return plain
        self.facts["compiled"] = True
        expected = f", expected to save {saving:.0f} s for {cost:.0f} s" if self.choice == "auto" else ""
        self._note(f"compiled: {what}{expected}")
        return compiled

    def _prepare(self) -> None:
        """Tell PyTorch where to keep what it compiles, and to use this process alone: others need the other cores."""
        if self.cache is not None:
            os.environ.setdefault(CACHE, str(self.cache.absolute()))
        os.environ.setdefault(THREADS, "1")
        import torch._dynamo.config as config

        config.cache_size_limit = config.accumulated_cache_size_limit = FORMS  # beyond, compiling would be refused

    def _note(self, line: str) -> None:
        if self.watch is not None:
            self.watch({"note": line})
