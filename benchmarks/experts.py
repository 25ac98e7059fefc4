"""The cost of experts: images/s of their training, bytes on disk, and what bfloat16 snapshots do to matching.

The first table is the training of one representation expert of paper 1, by plain SGD and by GSAM, and of one debiased
expert of paper 2, against a plain loop over a DataLoader, each in a process of its own. The others are
``snapshots.py``'s: the bytes of paper 1's cell against all snapshots of both stages in float32, as released; and
matching between snapshots rounded to bfloat16: those of ``--work``, where a run of the recipe left them (nothing is
trained or written), else of a Digits-LT expert trained on the spot.

    python benchmarks/experts.py
    python benchmarks/experts.py --work /path/to/store --recipe damed_cifar10 --scale cpu --json
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import debiased
import torch
import torch.nn.functional as F
from snapshots import disk, experts_of, rounding
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from ltdd_utils import recipes
from ltdd_utils.augment import AugmentConfig, dsa
from ltdd_utils.core.context import RunContext, pick_device
from ltdd_utils.core.provenance import machine
from ltdd_utils.core.seeds import generator
from ltdd_utils.core.store import Bundle, Checkpoint, Store
from ltdd_utils.data import DataConfig, LongTailedData, Preprocess, PreprocessConfig, Run
from ltdd_utils.methods.trajectory.experts import representation_expert
from ltdd_utils.methods.trajectory.gsam import gsam_backward
from ltdd_utils.methods.trajectory.settings import ExpertConfig, GSAMConfig
from ltdd_utils.networks import NetworkConfig, build, flat_parameters

CLASSES, SIZE = 10, 32
PARTS = [(loop, kind) for kind in ("sgd", "gsam", "debiased") for loop in ("plain", "ours")]


class Unkept(Store):
    """A store that computes and keeps nothing."""

    def stage(self, kind: str, key: Mapping[str, Any], compute: Callable[[Checkpoint], Bundle]) -> Bundle:
        """The result, computed each time."""
        bundle = compute(Checkpoint(self.root / "checkpoint", every_s=math.inf))
        bundle.meta["seconds"] = math.nan
        return bundle


def settings(optimiser: str, width: int, epochs: int) -> ExpertConfig:
    """A representation expert as released, with or without GSAM."""
    base = ExpertConfig(network=NetworkConfig(width=width), augment=AugmentConfig("dsa"))
    return replace(base, train=replace(base.train, epochs=epochs), gsam=GSAMConfig() if optimiser == "gsam" else None)


def random_data(count: int) -> LongTailedData:
    """Noise in the shape of CIFAR-10, the same number of each class."""
    pixels = torch.randint(256, (count, 3, SIZE, SIZE), generator=generator(0, "images")).to(torch.uint8)
    labels = torch.arange(count) % CLASSES
    names, counts = tuple(map(str, range(CLASSES))), tuple(labels.bincount(minlength=CLASSES).tolist())
    return LongTailedData(
        DataConfig("cifar10"), pixels, labels, torch.arange(count), pixels[:1], labels[:1], names, counts
    )


def ours(data: LongTailedData, cfg: ExpertConfig, device: torch.device) -> Tensor:
    """The last snapshot of ``representation_expert``, ``[P]``."""
    preprocess = Preprocess.fit(data.train_images, PreprocessConfig("none"))
    run = Run(data, preprocess, 0, RunContext(Unkept(Path()), device))
    return representation_expert(cfg, run, 0, [0, cfg.train.epochs]).tensors["snapshots"][-1]


def plain(data: LongTailedData, cfg: ExpertConfig, device: torch.device) -> Tensor:
    """The same training, written as usual."""
    train, rng = cfg.train, generator(0, "batches")
    weights = generator(0, "trajectory", 0, "weights")
    network = build(cfg.network, data.classes, data.image_size, data.channels, weights).to(device)
    optimiser = torch.optim.SGD(network.parameters(), train.lr, train.momentum, weight_decay=train.weight_decay)
    images = data.train_images.float() / 255
    loader = DataLoader(TensorDataset(images, data.train_labels), train.batch_size, shuffle=True, generator=rng)
    sharpness_aware = None if cfg.gsam is None else gsam_backward(cfg.gsam, rng)
    total = 0.0
    for _ in range(train.epochs):
        for batch, truth in loader:
            batch, truth = batch.to(device), truth.to(device)

            def loss(batch: Tensor = batch, truth: Tensor = truth) -> Tensor:
                return F.cross_entropy(network(dsa(batch, cfg.augment.strategy, rng)), truth)

            optimiser.zero_grad()
            if sharpness_aware is None:
                value = loss()
                value.backward()
            else:
                value = sharpness_aware(loss, network)
            optimiser.step()
            total += value.item()
    return flat_parameters(network).cpu()


def measure(loop: str, optimiser: str, count: int, width: int, seconds: float, device: torch.device) -> float:
    """Images per second of one part, after a warm-up."""
    data = random_data(count)

    def run(epochs: int) -> Tensor:
        if optimiser == "debiased":
            cfg = debiased.settings(width, epochs)
            where = (Unkept(Path()), device) if loop == "ours" else (device,)
            return {"ours": debiased.ours, "plain": debiased.plain}[loop](data, cfg, *where)
        return {"ours": ours, "plain": plain}[loop](data, settings(optimiser, width, epochs), device)

    def timed(epochs: int) -> float:
        start = time.perf_counter()
        run(epochs)  # it ends with weights on the CPU: the device is done
        return time.perf_counter() - start

    timed(1)  # the first steps set things up
    epochs = max(2, round(2 * seconds / timed(2)))
    return count * epochs / timed(epochs)


def main() -> int:
    """Measure all parts in processes of their own, or the one that is named; then the bytes and the rounding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=512, help="in the set (default: 512)")
    parser.add_argument("--width", type=int, default=128, help="of the ConvNet-D3 (default: 128)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each part (default: 5)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each part is measured (default: 1)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    parser.add_argument("--device", default="auto", help="of the training: auto, cpu or cuda (default: auto)")
    parser.add_argument("--work", type=Path, help="a store with the experts of the recipe")
    parser.add_argument("--recipe", default="damed_digits", help="whose snapshots are rounded (default: damed_digits)")
    parser.add_argument("--scale", help="of that recipe (default: its smallest)")
    parser.add_argument("--seed", type=int, default=0, help="of its experts (default: 0)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting of it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--part", choices=["-".join(part) for part in PARTS], help="this one alone")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = pick_device(options.device)
    if options.part:
        print(measure(*options.part.split("-"), options.images, options.width, options.seconds, device))
        return 0
    recipe = recipes.recipe(options.recipe, scale=options.scale)
    recipe = recipes.with_overrides(recipe, dict(pair.split("=", 1) for pair in options.set))
    change = rounding(recipe, *experts_of(recipe, options.work, options.seed))  # first: refused at once if absent
    result = {"training": speed(options), "disk": disk(), "bfloat16": {"recipe": recipe.name, "pairs": change}}
    setting = {"images": options.images, "width": options.width, "device": machine(device), "rounds": options.rounds}
    report({**setting, "threads": options.threads, "torch": torch.__version__}, result, options.json)
    return 0


def child(part: str) -> float:
    """Images per second of one part, in a process of its own."""
    call = [sys.executable, __file__, *sys.argv[1:], "--part", part]
    return float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)


def speed(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Median images per second of each part, and its ratio to the plain loop with the same optimiser."""
    rates: dict[tuple[str, str], list[float]] = {part: [] for part in PARTS}
    for _ in range(options.rounds):  # in turn, so that a change of the machine's load meets all of them
        for part in PARTS:
            rates[part].append(child("-".join(part)))
    medians = {part: statistics.median(values) for part, values in rates.items()}
    return [
        {"loop": loop, "optimiser": optimiser, "images/s": rate, "ratio": rate / medians["plain", optimiser]}
        for (loop, optimiser), rate in medians.items()
    ]


def report(setting: dict[str, Any], result: dict[str, Any], as_json: bool) -> None:
    """Print the three tables."""
    if as_json:
        print(json.dumps({**setting, **result}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in setting.items()))
    for title, rows in (
        ("training", result["training"]),
        (f"one expert of {result['disk']['recipe']}, scale paper", result["disk"]["per expert"]),
        (f"snapshots of {result['bfloat16']['recipe']} in bfloat16", result["bfloat16"]["pairs"]),
    ):
        print(f"\n{title}\n" + "".join(f"{name:>16}" for name in rows[0]))
        for row in rows:
            print("".join(f"{_cell(value):>16}" for value in row.values()))


def _cell(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
