"""The passes of the students of a run, in the form that the settings and the run's compiler ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from ltdd_utils.methods.effort import network_work
from ltdd_utils.methods.trajectory.dam import InnerLoss
from ltdd_utils.methods.trajectory.passes import (
    Passes,
    Pull,
    eager,
    eager_pull,
    functional,
    functional_pull,
    in_precision,
)
from ltdd_utils.methods.trajectory.settings import TrajectoryConfig
from ltdd_utils.networks.flat import Apply, Layout, flat_parameters
from ltdd_utils.networks.network import Network
from ltdd_utils.networks.tracing import traceable
from ltdd_utils.training.compiling import Compiler
from ltdd_utils.training.pauses import paused

__all__ = ["Student", "student"]

# Measured on one core of an AMD EPYC (AVX-512, bf16): ConvNet-D3 of width 128, images of 32x32.
SAVING = 0.007  # seconds that a compiled step in bf16 takes less, forward and adjoint, per image; in fp32 nothing
COST = 120.0  # seconds of compiling


@dataclass(frozen=True)
class Student:
    """What a phase calls: network and features as functions of flat weights and images, and the passes."""

    network: Apply
    gradient: Callable[..., Any]
    adjoint: Callable[..., Any]
    features: Apply
    pull: Pull

    @property
    def passes(self) -> Passes:
        """Of the first phase."""
        return Passes(self.gradient, self.adjoint)


def student(
    cfg: TrajectoryConfig,
    network: Network,
    loss: InnerLoss,
    shape: Sequence[int],
    *,
    compiler: Compiler | None = None,
    pause: Callable[[], None] | None = None,
) -> Student:
    """The passes on PyTorch's tape, or compiled where that is worth it.

    Args:
        cfg: settings of the method; ``precision`` and ``gradient`` are read, and how long the work is.
        network: the architecture, on the device of the work.
        loss: of the first phase.
        shape: of the images of one step, ``[B, Ch, H, W]``.
        compiler: of the run; None: nothing is compiled.
        pause: called before every pass.
    """
    made = _student(cfg, network, loss, compiled=False)
    if compiler is not None and cfg.gradient != "unroll":
        traced = _student(cfg, traceable(network), loss, compiled=True)
        made = _compiled(made, traced, compiler, _trials(cfg, network, shape), _saving(cfg, shape))
    return made if pause is None else Student(*(paused(getattr(made, field.name), pause) for field in fields(made)))


def _student(cfg: TrajectoryConfig, network: Network, loss: InnerLoss, compiled: bool) -> Student:
    layout, device = Layout.of(network), next(network.parameters()).device.type
    forward, features = (
        in_precision(function, cfg.precision, device) for function in (layout.apply(network), layout.features(network))
    )
    passes = (functional if compiled else eager)(forward, loss, cfg.gradient != "tesla")
    pull = (functional_pull if compiled else eager_pull)(features)
    return Student(forward, passes.gradient, passes.adjoint, features, pull)


def _compiled(
    plain: Student, traced: Student, compiler: Compiler, trials: dict[str, Callable[..., Any]], saving: float
) -> Student:
    """The student with its passes compiled, all that have a trial or none."""
    found = {}
    for name, trial in trials.items():
        function, instead = getattr(traced, name), getattr(plain, name)
        found[name] = compiler.compiled(
            function, f"{name} of matching", trial, instead=instead, saving=saving, cost=COST
        )
        if found[name] is instead:
            return plain
    return replace(plain, **found)


def _saving(cfg: TrajectoryConfig, shape: Sequence[int]) -> float:
    """Expected seconds: a matter of the settings alone."""
    size = network_work(cfg.experts.network) / 128**2 * shape[-1] * shape[-2] / 32**2
    return SAVING * cfg.iterations * cfg.first.steps * shape[0] * size if cfg.precision == "bf16" else 0.0


def _trials(cfg: TrajectoryConfig, network: Network, shape: Sequence[int]) -> dict[str, Callable[..., Any]]:
    """A call of each pass that the phases of ``cfg`` make, as they make it."""
    flat, classes = flat_parameters(network), network.classifier.out_features
    images, targets = flat.new_zeros(shape), flat.new_full((shape[0], classes), 1 / classes)
    along = flat.new_zeros(shape[0], network.features_size)
    first = {
        "gradient": lambda pass_: pass_(flat, images, targets),
        "adjoint": lambda pass_: pass_(flat, images, targets, flat.clone()),  # the work never gives one tensor twice
    }
    second = {
        "features": torch.no_grad()(lambda pass_: pass_(flat, images)),
        "pull": lambda pass_: pass_(flat, images, along),
    }
    return first if cfg.second is None else first | second
