"""The relative error of one step's gradient against float64: a student's, an observer's, a teacher's.

Each network is as first drawn, sees one augmented batch of real long-tailed images (the same draws in every precision),
and gives the gradient of its loss for all its weights. The error is the length of the difference over the length of the
gradient in float64.

    python benchmarks/precision.py
    python benchmarks/precision.py --save results/benchmarks/precision.csv --dataset cifar10
"""

import argparse
import copy
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.core.context import RunContext
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.store import Store
from ltdd_utils.data import Run
from ltdd_utils.evaluation import stored_objective
from ltdd_utils.presets import observer, teacher
from ltdd_utils.recipes import recipe
from ltdd_utils.runs import start
from ltdd_utils.training import Compiler, label_objective
from ltdd_utils.training.fused import Fused

Objective = Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]
FORMS = (("fp32", False), ("fp32", True), ("bf16", False), ("bf16", True))  # precision, and whether it is compiled


def networks(
    run: Run, dataset: str, scale: str
) -> dict[str, tuple[nn.Module, Callable[[torch.dtype], Objective], int]]:
    """What is measured: a network, its loss in a floating-point type, and the images of a step."""
    judge = recipe(f"damed_{dataset}", scale=scale).evaluate
    images, labels = run.images(), run.labels()

    def student(dtype: torch.dtype) -> Objective:
        targets = F.one_hot(labels, run.data.classes).to(dtype)
        return stored_objective(images.to(dtype), targets, judge, run.rng("draws"))

    found = {}
    for width in (32, 128):
        network = run.network(replace(judge.network, width=width), "student", 0, "weights")
        found[f"student, width {width}"] = network, student, 100
    for role, cfg in (("observer", observer(dataset, scale)), ("teacher", teacher(dataset, scale))):

        def labelled(dtype: torch.dtype, cfg: object = cfg) -> Objective:
            return label_objective(images.to(dtype), labels, cfg.augment, run.rng("draws"))

        name = f"{role}, {cfg.network.name} {cfg.network.width}"
        found[name] = run.network(cfg.network, "expert", "weights"), labelled, cfg.train.batch_size
    return found


def gradient(network: nn.Module, objective: Objective, indices: Tensor, precision: str, compiled: bool) -> Tensor:
    """The gradient of one step, flat."""
    seen = network
    if compiled:
        settings = replace(recipe("random_digits").evaluate.train, precision=precision, batch_size=len(indices))
        seen = Fused(network, Compiler("on", "cpu", watch=print), settings, len(indices))
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = objective(seen, indices)
    return torch.cat([g.flatten().double() for g in torch.autograd.grad(loss, list(network.parameters()))])


def rows(run: Run, dataset: str, scale: str) -> list[dict]:
    """A row per network and form."""
    found = []
    for name, (network, objective, batch) in networks(run, dataset, scale).items():
        indices = torch.randperm(len(run.data.train_labels), generator=run.rng("batch"))[:batch]
        exact = gradient(copy.deepcopy(network).double(), objective(torch.float64), indices, "fp64", False)
        for precision, compiled in FORMS:
            mine = gradient(copy.deepcopy(network), objective(torch.float32), indices, precision, compiled)
            error = float((mine - exact).norm() / exact.norm())
            found.append(
                {"network": name, "batch": batch, "precision": precision, "compiled": compiled, "error": error}
            )
            print(f"{name}, {precision}{', compiled' if compiled else ''}: {error:.1e}", flush=True)
    return found


def main() -> None:
    """Print the errors, and write them to a file if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="cifar10")
    parser.add_argument("--scale", default="cpu")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the table as CSV")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(os.environ.get("LTDD_WORK") or folder))
        run = start(
            recipe(f"unilevel_{options.dataset}", scale=options.scale), 0, RunContext(store, torch.device("cpu"))
        )
        table = pd.DataFrame(rows(run, options.dataset, options.scale))
    table["error"] = table["error"].map(lambda value: float(f"{value:.2g}"))
    table = table.assign(device=machine(), threads=torch.get_num_threads(), torch=torch.__version__)
    if options.save is not None:
        table.to_csv(options.save, index=False)
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
