"""What a GPU could gain: fast forms of training and matching, each beside the plain loop in the same run.

First every fast form is checked against the plain loop (small, float64 where the form has it); one that differs ends
the script. Then both are timed, taking turns. A row is written as soon as it is known, and what no longer fits into the
time is left out and named. On a CPU the script runs too, without CUDA graphs.

- students of one set: one after the other, batched by ``torch.func.vmap``, and one whose step is a CUDA graph
- experts: one after the other, batched, each with batches of its own
- TESLA's gradient: step by step, and all steps in one batch (its adjoint is the same at every step)
- the exact gradient: on PyTorch's tape, and compiled, in fp32 and bf16

    python benchmarks/gpu.py --save results/benchmarks/gpu.csv
    python benchmarks/gpu.py --device cpu --tiny
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from matching import CLASSES, SIZE, Bench, timed
from torch import Tensor

from ltdd_utils.augment import apply
from ltdd_utils.core.context import pick_device
from ltdd_utils.core.provenance import code, machine
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.trajectory.matching import Matched, match, student_weights
from ltdd_utils.methods.trajectory.passes import Passes, functional, in_precision
from ltdd_utils.networks import Layout, NetworkConfig, build, flat_parameters, traceable
from ltdd_utils.training import soft_cross_entropy

Steps = Callable[[], Any]  # runs the work once


@dataclass(frozen=True)
class Sizes:
    """How much work each part is."""

    width: int = 128
    images: int = 100
    steps: int = 20  # of a student in matching
    networks: int = 5  # trained at a time
    trained: int = 40  # steps of their training
    batch: int = 256  # of an expert
    rounds: int = 5


TINY = Sizes(width=4, images=10, steps=2, networks=2, trained=2, batch=8, rounds=2)


class Training:
    """Networks of one architecture with batches of their own, or with one batch for all: plain SGD, flat weights."""

    def __init__(self, sizes: Sizes, device: torch.device, dtype: torch.dtype, own: bool) -> None:
        made = [
            build(NetworkConfig(width=sizes.width), CLASSES, SIZE, 3, generator(seed, "weights"))
            for seed in range(sizes.networks)
        ]
        network = traceable(made[0]).requires_grad_(False).to(device, dtype)
        self.apply, self.trained, self.lr = Layout.of(network).apply(network), sizes.trained, 0.01
        self.start = torch.stack([flat_parameters(one) for one in made]).to(device, dtype)
        shape = (sizes.networks, sizes.batch) if own else (1, sizes.images)
        draws = torch.randn(*shape, 3, SIZE, SIZE, dtype=torch.float32, generator=generator(0, "images"))
        labels = torch.randint(CLASSES, shape, generator=generator(0, "labels"))
        self.images = draws.to(device, dtype).expand(sizes.networks, -1, -1, -1, -1)
        self.targets = F.one_hot(labels, CLASSES).to(device, dtype).expand(sizes.networks, -1, -1)

    def _loss(self, flat: Tensor, images: Tensor, targets: Tensor) -> Tensor:
        return soft_cross_entropy(self.apply(flat, images), targets)

    def plain(self) -> Tensor:
        """One network after the other on PyTorch's tape; their weights ``[S, P]``."""
        return torch.stack([self._one(index) for index in range(len(self.start))])

    def _one(self, index: int) -> Tensor:
        flat = self.start[index]
        for _ in range(self.trained):
            flat = self._step(flat.detach(), index)
        return flat

    def _step(self, flat: Tensor, index: int) -> Tensor:
        leaf = flat.requires_grad_()
        (gradient,) = torch.autograd.grad(self._loss(leaf, self.images[index], self.targets[index]), leaf)
        return flat.detach() - self.lr * gradient

    def batched(self) -> Tensor:
        """All networks at once."""
        gradient, flat = torch.func.vmap(torch.func.grad(self._loss)), self.start
        for _ in range(self.trained):
            flat = flat - self.lr * gradient(flat, self.images, self.targets)
        return flat

    def graph(self) -> Steps:
        """One network after the other, its step a CUDA graph that is replayed."""
        weights, images, targets = self.start[0].clone(), self.images[0].clone(), self.targets[0].clone()
        step = torch.func.grad(self._loss)
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):  # as PyTorch asks: warm up on a side stream
            for _ in range(3):
                step(weights, images, targets)
        torch.cuda.current_stream().wait_stream(side)
        recorded = torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded):
            weights.sub_(step(weights, images, targets), alpha=self.lr)

        def run() -> Tensor:
            found = []
            for index in range(len(self.start)):
                weights.copy_(self.start[index])
                images.copy_(self.images[index])
                targets.copy_(self.targets[index])
                for _ in range(self.trained):
                    recorded.replay()
                found.append(weights.clone())
            return torch.stack(found)

        return run


class Matching:
    """A matching problem of ``matching.Bench``, its network in a form that PyTorch traces."""

    def __init__(self, sizes: Sizes, device: torch.device, dtype: torch.dtype) -> None:
        self.bench = Bench(sizes.width, sizes.images, sizes.steps, device, dtype)
        network = traceable(self.bench.network)
        self.apply = Layout.of(network).apply(network)

    def plain(self, gradient: str) -> Matched:
        """On PyTorch's tape, step by step."""
        return match(self.bench.set, self.bench.first, gradient)

    def batched_tesla(self) -> Matched:
        """TESLA's gradient with all steps in one batch; memory grows with their number."""
        problem, synthetic = self.bench.first, self.bench.set
        adjoint_step = functional(self.apply, problem.loss, through_weights=False).adjoint
        trail, part = student_weights(synthetic, problem), problem.part
        apart = (problem.start - problem.target)[part].square().sum()
        rest = (trail[-1] - problem.target)[part]
        adjoint = torch.zeros_like(trail[-1])
        adjoint[part] = 2 * rest / apart
        leaves = [tensor.detach().requires_grad_() for tensor in (synthetic.images, synthetic.logits)]
        images = torch.stack([apply(leaves[0], step.augmentation) for step in problem.steps])
        targets = leaves[1].softmax(dim=1).expand(len(problem.steps), -1, -1)
        each = torch.func.vmap(adjoint_step, in_dims=(0, 0, 0, None))
        directional, *along = each(torch.stack(trail[:-1]), images.detach(), targets.detach(), adjoint)
        gradients = torch.autograd.grad((images, targets), leaves, along)
        sums = (-synthetic.lr * gradient for gradient in gradients)
        return Matched(rest.square().sum() / apart, *sums, -directional.sum())

    def compiled(self, precision: str, backend: str) -> Steps:
        """The exact gradient with compiled passes."""
        network = in_precision(self.apply, precision, self.bench.set.images.device.type)
        made = functional(network, self.bench.first.loss, through_weights=True)
        options = {"fullgraph": True, "dynamic": False, "backend": backend}
        passes = Passes(torch.compile(made.gradient, **options), torch.compile(made.adjoint, **options))
        return lambda: match(self.bench.set, self.bench.first, "exact", passes)


def pairs(sizes: Sizes, device: torch.device, dtype: torch.dtype, backend: str) -> Iterator[tuple[str, str, Any, Any]]:
    """Each fast form: what it is, its name, the plain loop, and a function that makes it ready and gives it."""
    for what, own in (("students", False), ("experts", True)):
        training = Training(sizes, device, dtype, own)
        yield what, "vmap", training.plain, lambda t=training: t.batched
        if device.type == "cuda":
            yield what, "CUDA graph", training.plain, training.graph
    matching = Matching(sizes, device, dtype)
    yield "tesla", "vmap over steps", lambda: matching.plain("tesla"), lambda: matching.batched_tesla
    for precision in ("fp32", "bf16"):
        if dtype == torch.float32 or precision == "fp32":
            ready = partial(matching.compiled, precision, backend)
            yield "exact", f"compiled {precision}", lambda: matching.plain("exact"), ready


def values(found: Tensor | Matched) -> list[Tensor]:
    """What must agree."""
    names = ("loss", "images", "logits", "lr")
    return [found] if isinstance(found, Tensor) else [getattr(found, name) for name in names]


def apart(fast: Tensor | Matched, plain: Tensor | Matched) -> float:
    """The largest relative difference."""
    both = zip(values(fast), values(plain), strict=True)
    return max(float((one - other).double().norm() / other.double().norm()) for one, other in both)


def check(device: torch.device, backend: str) -> None:
    """Every fast form against the plain loop in float64.

    Raises:
        SystemExit: one of them is another function.
    """
    for what, name, plain, ready in pairs(TINY, device, torch.float64, backend):
        error = apart(ready()(), plain())
        print(f"check: {what}, {name}: relative difference {error:.1e}", flush=True)
        if not error < 1e-8:
            sys.exit(f"{what}, {name} is not the plain loop")


def measure(sizes: Sizes, device: torch.device, backend: str, until: float) -> Iterator[dict[str, Any]]:
    """A row per fast form, in fp32: medians of both, the ratio, the difference, the memory at most."""
    for what, name, plain, ready in pairs(sizes, device, torch.float32, backend):
        if time.monotonic() > until:
            print(f"left out, no time: {what}, {name}", flush=True)
            continue
        start = time.perf_counter()
        fast = ready()
        error, first = apart(fast(), plain()), time.perf_counter() - start
        peaks, times = {}, {"plain": [], "fast": []}
        for _ in range(sizes.rounds):
            for form, run in (("plain", plain), ("fast", fast)):
                if device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats(device)
                times[form].append(timed(run, device))
                if device.type == "cuda":
                    peaks[f"{form} GiB"] = torch.cuda.max_memory_allocated(device) / 2**30
        middle = {f"{form} s": statistics.median(found) for form, found in times.items()}
        row = {"what": what, "form": name, **middle, "plain / fast": middle["plain s"] / middle["fast s"]}
        yield row | {"difference": error, "making ready s": first} | peaks


def main() -> None:
    """Check, measure, and write what is known after every row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--tiny", action="store_true", help="very small networks: whether the script runs, no figures")
    parser.add_argument("--minutes", type=float, default=6.0, help="no part begins after these (default: 6)")
    parser.add_argument("--backend", help="of torch.compile (default: inductor; with --tiny eager)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="also write the rows as CSV")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    device, sizes = pick_device(options.device), TINY if options.tiny else Sizes()
    backend = options.backend or ("eager" if options.tiny else "inductor")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32 on both sides
    check(device, backend)
    setting = vars(sizes) | {"device": machine(device), "torch": torch.__version__, "commit": code()["commit"]}
    rows: list[dict[str, Any]] = []
    for row in measure(sizes, device, backend, until):
        rows.append(row | setting)
        print(", ".join(f"{name} {value:.4g}" if isinstance(value, float) else value for name, value in row.items()))
        if options.save is not None:
            options.save.parent.mkdir(parents=True, exist_ok=True)
            pd.DataFrame(rows).to_csv(options.save, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
