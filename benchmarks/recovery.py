"""The cost of recovery: steps/s, images/s of the statistics pass, and memory at several numbers of images per class.

The first table compares our recovery and statistics pass with plain ones, each in a process of its own: a step that
takes each class's activations apart by a mask, and a pass that sums values and squares in float64, class after class.
``difference`` is the largest relative difference of what the two compute (the loss of a step; class variances). The
second is the peak memory of the recovery of one set, above that of the process before it, at 1, 10 and 50 images per
class.

    python benchmarks/recovery.py
    python benchmarks/recovery.py --width 64 --seconds 10 --json
    python benchmarks/recovery.py --save results/benchmarks/recovery.csv
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ltdd_utils.core.provenance import machine, peak_ram_gib, reset_peaks
from ltdd_utils.core.seeds import generator
from ltdd_utils.methods.alignment.alignment import Smoothed, Targets
from ltdd_utils.methods.alignment.monitor import Monitor
from ltdd_utils.methods.alignment.recover import recover
from ltdd_utils.methods.alignment.settings import RecoverConfig, StatisticsConfig
from ltdd_utils.methods.alignment.statistics import Statistics, collect
from ltdd_utils.networks import NetworkConfig, build
from ltdd_utils.training import keep_freed_memory

CLASSES, SIZE = 10, 32
LAYERS = StatisticsConfig()
# No crop and no flip: the two then see the same images. No average: the plain one has none.
RECOVERY = RecoverConfig(batch=100, ema=0.0, crop_scale=(1.0, 1.0), flip=False, class_variance="pooled")
PARTS = [(what, loop) for what in ("recovery", "statistics") for loop in ("plain", "ours")]
MEMORY = (1, 10, 50)


def observer(width: int) -> nn.Module:
    """A ResNet-32 that has seen some noise, so that its running statistics are not those of its birth."""
    network = build(NetworkConfig("resnet32", width=width, norm="batch"), CLASSES, SIZE, 3, generator(0, "weights"))
    with torch.no_grad():
        for index in range(3):
            network.train()(torch.randn(50, 3, SIZE, SIZE, generator=generator(0, "seen", index)))
    return network.eval()


def images(count: int) -> tuple[Tensor, Tensor]:
    """Noise and labels in turn."""
    return torch.randn(count, 3, SIZE, SIZE, generator=generator(0, "images")), torch.arange(count) % CLASSES


class Inputs:
    """The inputs of all BatchNorm layers, by hooks."""

    def __init__(self, network: nn.Module) -> None:
        """Hook into every BatchNorm of ``network``."""
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        self.seen: list[Tensor] = []
        self.handles = [norm.register_forward_pre_hook(lambda _, x: self.seen.append(x[0])) for norm in norms]

    def take(self) -> list[Tensor]:
        """The inputs since the last call."""
        seen, self.seen = self.seen, []
        return seen


def by_class(maps: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each class, by masks, both ``[C, Ch]``."""
    parts = [maps[labels == label] for label in range(CLASSES)]
    means = torch.stack([part.mean(dim=(0, 2, 3)) for part in parts])
    return means, torch.stack([part.var(dim=(0, 2, 3), correction=0) for part in parts])


def plain_step(
    network: nn.Module,
    inputs: Inputs,
    statistics: Statistics,
    goals: list[tuple[Tensor, Tensor]],
    batch: Tensor,
    labels: Tensor,
) -> tuple[Tensor, Tensor]:
    """One recovery loss as it is usually written, and its gradient."""
    loss = F.cross_entropy(network(batch), labels)
    for index, maps in enumerate(inputs.take()):
        layer, weight = statistics.layers[index], RECOVERY.first_layer if index == 0 else 1.0
        mean, variance = goals[index]
        apart = (maps.mean(dim=(0, 2, 3)) - mean).norm()
        apart = apart + (maps.var(dim=(0, 2, 3), correction=0) - variance).norm()
        loss = loss + RECOVERY.alignment * weight * RECOVERY.global_share * apart
        means, variances = by_class(maps, labels)
        apart = (means - layer.mean.float()).norm(dim=1).mean()
        apart = apart + (variances - layer.variance.float()).norm(dim=1).mean()
        loss = loss + RECOVERY.alignment * weight * RECOVERY.class_share * apart
    return loss.detach(), torch.autograd.grad(loss, batch)[0]


def our_step(
    network: nn.Module, monitor: Monitor, targets: Targets, batch: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """The same by the package's monitor and targets."""
    with monitor:
        loss = RECOVERY.cross_entropy * F.cross_entropy(network(batch), labels)
        loss = loss + RECOVERY.alignment * targets.distance(monitor.take(), Smoothed(0.0))
    return loss.detach(), torch.autograd.grad(loss, batch)[0]


def step_of(loop: str, width: int) -> Any:  # noqa: ANN401 (a function)
    """A recovery step without arguments."""
    network, (batch, labels) = observer(width).requires_grad_(False), images(100)
    known = collect(network, *images(500), CLASSES, LAYERS)
    batch = batch.clone().requires_grad_(True)
    if loop == "plain":
        inputs = Inputs(network)
        goals = [tuple(part.float() for part in layer.balanced(LAYERS.variance)) for layer in known.layers]
        return lambda: plain_step(network, inputs, known, goals, batch, labels)
    monitor, targets = Monitor(network, LAYERS), Targets(network, known, LAYERS, RECOVERY, labels)
    return lambda: our_step(network, monitor, targets, batch, labels)


@torch.no_grad()
def plain_statistics(network: nn.Module, batch: Tensor, labels: Tensor) -> list[Tensor]:
    """Class variances ``[C, Ch]`` of every layer, class after class, by sums of values and squares in float64."""
    inputs, result = Inputs(network), []
    for label in range(CLASSES):
        sums: list[list[Tensor]] = []
        for part in batch[labels == label].split(64):
            network(part)
            for index, maps in enumerate(inputs.take()):
                maps = maps.double()
                new = [maps.sum(dim=(0, 2, 3)), maps.square().sum(dim=(0, 2, 3)), maps[:, 0].numel()]
                if index == len(sums):
                    sums.append(new)
                else:
                    sums[index] = [old + more for old, more in zip(sums[index], new, strict=True)]
        result.append([square / count - (total / count).square() for total, square, count in sums])
    for handle in inputs.handles:
        handle.remove()
    return [torch.stack(rows) for rows in zip(*result, strict=True)]


def rate(what: str, loop: str, width: int, seconds: float) -> float:
    """Steps or images per second of one part, after a warm-up."""
    keep_freed_memory()
    if what == "recovery":
        run, units = step_of(loop, width), 1
    else:
        network, (batch, labels) = observer(width), images(500)
        units = len(labels)
        ours = {"ours": lambda: collect(network, batch, labels, CLASSES, LAYERS)}
        run = ours.get(loop, lambda: plain_statistics(network, batch, labels))
    run()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds or done < 2:
        run()
        done += 1
    return units * done / (time.perf_counter() - start)


def difference(what: str, width: int) -> float:
    """The largest relative difference of what the two compute."""
    if what == "recovery":
        (loss, gradient), (other, its) = (step_of(loop, width)() for loop in ("plain", "ours"))
        return max(((loss - other) / loss).abs().item(), ((gradient - its).norm() / gradient.norm()).item())
    network, (batch, labels) = observer(width), images(500)
    ours = collect(network, batch, labels, CLASSES, LAYERS).layers
    pairs = zip(plain_statistics(network, batch, labels), ours, strict=True)
    return max(((layer.variance - theirs).norm() / theirs.norm()).item() for theirs, layer in pairs)


def memory(ipc: int, width: int) -> float:
    """Peak memory of a recovery of ``ipc`` images per class, two iterations, above that before, in GiB."""
    network, (batch, labels) = observer(width), images(CLASSES * ipc)
    known = collect(network, *images(500), CLASSES, LAYERS, batch_size=100)
    bounds = (torch.full((3, 1, 1), -3.0), torch.full((3, 1, 1), 3.0))
    reset_peaks()
    before = peak_ram_gib()
    recover(replace(RECOVERY, iterations=2), LAYERS, batch, labels, [(network, known)], bounds=bounds, seed=0)
    return peak_ram_gib() - before


def child(*arguments: str) -> float:
    """The result of one part, measured in a process of its own."""
    call = [sys.executable, __file__, *sys.argv[1:], *arguments]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Measure all parts in processes of their own, or the one that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=16, help="base width of the ResNet-32 (default: 16)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each part (default: 5)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the memory as CSV")
    parser.add_argument("--part", choices=["-".join(part) for part in PARTS], help="this one alone")
    parser.add_argument("--memory", type=int, metavar="IPC", help="the memory at this IPC alone")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.part:
        print(rate(*options.part.split("-"), options.width, options.seconds))
        return 0
    if options.memory:
        print(memory(options.memory, options.width))
        return 0
    rates = {part: child("--part", "-".join(part)) for part in PARTS}
    rows = [
        {
            "what": what,
            "unit": {"recovery": "steps/s", "statistics": "images/s"}[what],
            "plain": rates[what, "plain"],
            "ours": rates[what, "ours"],
            "ratio": rates[what, "ours"] / rates[what, "plain"],
            "difference": difference(what, options.width),
        }
        for what in ("recovery", "statistics")
    ]
    peaks = [{"ipc": ipc, "peak GiB": child("--memory", str(ipc))} for ipc in MEMORY]
    setting = {"width": options.width, "threads": options.threads, "device": machine(torch.device("cpu"))}
    if options.save is not None:
        saved = pd.DataFrame(peaks).assign(batch=RECOVERY.batch, **setting, torch=torch.__version__)
        saved.to_csv(options.save, index=False, float_format="%.4g")
    if options.json:
        print(json.dumps({**setting, "torch": torch.__version__, "speed": rows, "memory": peaks}, indent=2))
        return 0
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    for table in (rows, peaks):
        print("\n" + "".join(f"{name:>14}" for name in table[0]))
        for row in table:
            print("".join(f"{value:>14.4g}" if isinstance(value, float) else f"{value:>14}" for value in row.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
